"""What `predict` shows of a recording: a page to read or print, and an image of one strip."""

import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ecglib.aami import CLASSES
from ecglib.deploy.shipped import SCORES
from ecglib.holter.classify import UNREADABLE
from ecglib.holter.report import (
    ECTOPIC,
    PAUSE,
    RATE_BEATS,
    RUN,
    clock,
    facts,
    seconds_of,
)
from ecglib.plots import ecg, holter, style
from ecglib.system.errors import UserError
from ecglib.system.files import written

LONG, SHORT = 6.5, 2.1
"""Seconds of a strip that fills a page of A4 from left to right, and of one of three."""

RUNS_SHOWN, RUNS_PRINTED, RUNS_NAMED = 6, 2, 8
"""Runs of a class that a screen shows as strips, and paper; further ones that are named."""

SHORTEST_BURDEN = 600
"""Seconds of a lead below which beats an hour are not stated."""

IMAGES = (".png", ".svg", ".pdf")
"""Endings of an image's name, which say its form."""

LONGEST_STRIP = 60
"""Seconds that one image shows at most."""

DPI = 150
"""Dots an inch of a PNG file."""


def check(args):
    """Refuse what cannot be shown, before anything is read.

    Parameters
    ----------
    args : argparse.Namespace
        `report`, `plot`, `at` and `seconds` of the command line.

    Returns
    -------
    tuple of float
        Where the strip of `plot` begins and how long it is, in seconds.

    Raises
    ------
    UserError
        If a file has another ending, or a time is none.
    """
    if args.report and args.report.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{args.report} is no name of a page; end it in .html")
    if args.plot and args.plot.suffix.lower() not in IMAGES:
        raise UserError(f"{args.plot} is no name of an image; end it in {', '.join(IMAGES)}")
    start, seconds = seconds_of(args.at or "0"), seconds_of(args.seconds or "10")
    if not 1 <= seconds <= LONGEST_STRIP:
        raise UserError(f"--seconds {args.seconds} is not between 1 and {LONGEST_STRIP}")
    return start, seconds


def write_plot(classified, path, start, seconds):
    """Write an image of one strip on ECG paper; the size of its paper is that of real paper.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
    path : Path
        Ends in one of `IMAGES`.
    start, seconds : float
        Where the strip begins and how long it is.

    Raises
    ------
    UserError
        If the strip begins outside of the recording, or the file cannot be written.
    """
    lead = classified.lead
    if start >= lead.seconds:
        raise UserError(
            f"--at {clock(min(start, 1e9))} is behind the end of {lead.recording}, which takes "
            f"{clock(lead.seconds)}"
        )
    style.use()
    title = f"{lead.recording}, lead {lead.name}, from {clock(start)}; 25 mm/s, 10 mm/mV"
    shown = holter.strip(classified, start, seconds, title=title)
    with warnings.catch_warnings(), written(path) as temporary:
        warnings.simplefilter("ignore")  # a letter of the name that the font lacks
        figure = ecg.at_true_size(shown)
        form = path.suffix.lower().removeprefix(".")
        figure.savefig(temporary, format=form, dpi=DPI)
        plt.close(figure)


def write_report(classified, path, *, start="", own_weights=False):
    """Write a page that loads nothing from elsewhere.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
    path : Path
    start : str
        When the recording began, if it is known.
    own_weights : bool
        Whether the network is another one than that of the library.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    style.use()
    found, folder = facts(classified), PackageLoader("ecglib.commands", ".")
    pages = Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"clock": clock, "whole": _whole, "percent": _percent}
    with plt.rc_context(holter.SVG):
        figures = {
            "trend": _element(holter.trend(found)) if len(found.trend) > 2 else None,
            "mean_beats": _element(holter.mean_beats(found)) if found.shapes else None,
            "strips": list(_strips(found)),
            "typical": {kind: list(_beats(found, r)) for kind, r in found.typical.items()},
            "unsure": list(_beats(found, found.unsure)),
        }
    text = pages.get_template("report.html").render(
        found=found,
        lead=classified.lead,
        start=start,
        own_weights=own_weights,
        scores=json.loads(SCORES.read_text(encoding="utf-8")),
        classes=CLASSES,
        ectopic=ECTOPIC,
        n_known=sum(found.counts[kind] for kind in CLASSES),
        n_unread=found.counts[UNREADABLE],
        read_hours=found.readable / 3600 if found.readable >= SHORTEST_BURDEN else None,
        further=list(_further(found)),
        pause=PAUSE,
        rate_beats=RATE_BEATS,
        run=RUN,
        **figures,
    )
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def _whole(number):
    """A number without decimals; a dash if it is unknown."""
    return "–" if np.isnan(number) else f"{number:,.0f}"


def _percent(share):
    """A share in percent, and "< 0.1 %" where it would seem to be none."""
    return "< 0.1\u00a0%" if 0 < share < 0.001 else f"{100 * share:.1f}\u00a0%"


def _element(figure):
    return Markup(holter.svg(figure))


def _paper(found, start, seconds, marked=None):
    """A strip as an element of the page."""
    shown = holter.strip(found.classified, start, seconds, marked=marked)
    return _element(ecg.at_true_size(shown, pulse=seconds > SHORT))


def _beats(found, rows):
    """Short strips around some beats: what is written above each, and the element."""
    for row in rows:
        beat = found.classified.beats.loc[row]
        text = f"{clock(beat['seconds'])}, {beat['class']} with {beat[beat['class']]:.0%}"
        yield text, _paper(found, beat["seconds"] - SHORT / 2, SHORT, row)


def _strips(found):
    """Long strips that matter: what is written above, the element, whether paper shows it."""
    at = found.classified.beats["seconds"].to_numpy()
    if (row := found.pause) is not None:
        text = f"Longest interval between beats: {found.intervals[row]:.2f} s"
        yield f"{text}, at {clock(at[row])}", _paper(found, at[row] - 1, LONG), True
    if (row := found.fastest_end) is not None:
        begin = at[row - RATE_BEATS]
        text = f"Fastest {RATE_BEATS} intervals: {found.fastest:.0f}/min, at {clock(begin)}"
        yield text, _paper(found, begin - 0.5, LONG), found.runs.empty
    for kind in reversed(ECTOPIC):
        for n, run in enumerate(found.runs_of(kind)[:RUNS_SHOWN].itertuples()):
            begin, end = at[run.first], at[run.first + run.length - 1]
            first = "" if n else f"Fastest run of {kind}: "
            more = "; it goes on beyond the strip" if end > begin + LONG - 1 else ""
            text = f"{first}{_in_words(run, begin)}{more}"
            yield text, _paper(found, begin - 1, LONG), n < RUNS_PRINTED


def _in_words(run, begin):
    return f"{run.length:,} {run.kind} in a row, {run.rate:.0f}/min, at {clock(begin)}"


def _further(found):
    """Runs without a printed strip: class, some in words, and how many there are beyond."""
    at = found.classified.beats["seconds"].to_numpy()
    for kind in reversed(ECTOPIC):
        runs = found.runs_of(kind)[RUNS_PRINTED:]
        named = [_in_words(run, at[run.first]) for run in runs[:RUNS_NAMED].itertuples()]
        if named:
            yield kind, named, len(runs) - len(named)
