"""What `predict` shows of a recording: a page to read or print, and an image of one strip."""

import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from ecglib.aami import CLASSES
from ecglib.deploy.integers import SCORES
from ecglib.holter.report import ECTOPIC, PAUSE, RATE_BEATS, RUN, Facts, clock, seconds_of
from ecglib.plots import ecg, holter, style
from ecglib.system.errors import UserError
from ecglib.system.files import written

LONG, SHORT = 6.5, 2.1
"""Seconds of a strip that fills a page of A4 from left to right, and of one of three."""

RUNS_SHOWN, RUNS_PRINTED = 6, 2
"""Runs of a class that a screen shows as strips, and paper."""

ENDINGS = {"report": (".html", ".htm"), "plot": (".png", ".svg", ".pdf")}
"""Option -> endings of its file; that of an image says its form."""

LONGEST_STRIP, SHORTEST_BURDEN = 60, 600
"""Seconds that one image shows at most; of a lead, below which no beats an hour are stated."""


def check(args):
    """Refuse options that ask for what cannot be shown, before anything is read.

    `args` has `report`, `plot`, `at` and `seconds` of the command line. Returned is where the
    strip of `plot` begins and how long it is, in seconds.
    """
    for option, endings in ENDINGS.items():
        path = getattr(args, option)
        if path and path.suffix.lower() not in endings:
            raise UserError(f"--{option} {path} must end in {' or '.join(endings)}")
    start, seconds = seconds_of(args.at or "0"), seconds_of(args.seconds or "10", "--seconds")
    if not 1 <= seconds <= LONGEST_STRIP:
        raise UserError(f"--seconds {args.seconds} must be from 1 to {LONGEST_STRIP}")
    return start, seconds


def write_plot(classified, path, start, seconds):
    """Write an image of one strip on ECG paper, at its true size.

    Raises
    ------
    UserError
        If the strip begins outside of the recording, or the file cannot be written.
    """
    lead = classified.lead
    if start >= lead.seconds:
        end = clock(lead.seconds)
        raise UserError(f"{lead.recording} ends at {end}; give --at a time before its end")
    style.use()
    title = f"{lead.recording}, lead {lead.name}, from {clock(start)}; 25 mm/s, 10 mm/mV"
    title = " ".join(title.encode(errors="replace").decode().split())  # of odd file names
    shown = holter.strip(classified, start, seconds, title=title)
    with warnings.catch_warnings(), written(path) as temporary:
        warnings.simplefilter("ignore")  # letters of a name that the font lacks
        figure = ecg.at_true_size(shown)
        figure.savefig(temporary, format=path.suffix.lower().removeprefix("."))
    plt.close(figure)


def write_report(classified, path, *, start="", network="", peaks=""):
    """Write a page that loads nothing from elsewhere.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
    path : Path
    start : str
        When the recording began, if it is known.
    network : str
        What the network is, if it is another one than that of the library.
    peaks : str
        Where R-peaks come from, if they were not detected.
    """
    style.use()
    facts = Facts(classified)
    with plt.rc_context(holter.SVG):
        figures = {
            "trend": _element(holter.trend(facts)) if len(facts.trend) > 2 else None,
            "mean_beats": _element(holter.mean_beats(facts)) if facts.looks else None,
            "strips": list(_strips(facts)),
            "typical": {k: list(_beats(facts, rows)) for k, (rows, _) in facts.looks.items()},
            "unsure": list(_beats(facts, facts.unsure)),
        }
    text = rendered(
        "report.html",
        facts=facts,
        lead=classified.lead,
        start=start,
        network=network,
        peaks=peaks,
        cut={"low": -holter.LOWEST, "high": holter.HIGHEST},
        scores=json.loads(SCORES.read_text(encoding="utf-8")),
        classes=CLASSES,
        ectopic=ECTOPIC,
        n_known=sum(facts.counts[kind] for kind in CLASSES),
        read_hours=facts.readable / 3600 if facts.readable >= SHORTEST_BURDEN else None,
        rules={"pause": PAUSE, "rate_beats": RATE_BEATS, "run": RUN},
        shown={"screen": RUNS_SHOWN, "paper": RUNS_PRINTED},
        **figures,
    )
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def rendered(template, **values):
    """The page (HTML) that a template of this folder makes of some values."""
    folder = PackageLoader("ecglib.commands", ".")
    pages = Environment(loader=folder, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"clock": clock, "whole": _whole}
    return pages.get_template(template).render(**values)


def strips_of(classified, rows):
    """Long strips around some rows of beats that are `Classified`, as elements of a page."""
    style.use()
    at = classified.beats["seconds"]
    with plt.rc_context(holter.SVG):
        return [_paper(classified, at[row] - LONG / 2, LONG, row) for row in rows]


def _whole(number):
    """A number without decimals; a dash if it is unknown."""
    return "–" if np.isnan(number) else f"{number:,.0f}"


def _element(figure):
    return Markup(holter.svg(figure))


def _paper(classified, start, seconds, marked=None):
    """A strip as an element of the page."""
    shown = holter.strip(classified, start, seconds, marked=marked)
    return _element(ecg.at_true_size(shown, pulse=seconds > SHORT))


def _beats(facts, rows):
    """Short strips around some beats: what is written above each, and the element."""
    for row, beat in facts.classified.beats.loc[rows].iterrows():
        text = f"{clock(beat['seconds'])}, {beat['class']} with {beat[beat['class']]:.0%}"
        yield text, _paper(facts.classified, beat["seconds"] - SHORT / 2, SHORT, row)


def _strips(facts):
    """Long strips that matter: what is written above, the element, whether paper shows it."""
    at = facts.classified.beats["seconds"].to_numpy()
    if np.isfinite(facts.intervals).any():
        row = np.nanargmax(facts.intervals)
        text = f"Longest interval between beats: {facts.intervals[row]:.2f} s"
        yield f"{text}, at {clock(at[row])}", _paper(facts.classified, at[row] - 1, LONG), True
    runs = {kind: facts.runs(kind)[:RUNS_SHOWN] for kind in reversed(ECTOPIC)}
    if np.isfinite(facts.rates).any():
        row = np.nanargmax(facts.rates)
        begin = at[row + 1 - RATE_BEATS]
        text = f"Fastest {RATE_BEATS} intervals: {facts.rates[row]:.0f}/min, at {clock(begin)}"
        yield (
            text,
            _paper(facts.classified, begin - 0.5, LONG),
            not any(map(len, runs.values())),
        )
    for kind, shown in runs.items():
        for n, run in enumerate(shown.itertuples()):
            begin, end = at[run.first], at[run.first + run.length - 1]
            text = f"{run.length:,} {kind} in a row, {run.rate:.0f}/min, at {clock(begin)}"
            first = "" if n else f"Fastest run of {kind}: "
            more = "; it goes on beyond the strip" if end > begin + LONG - 1 else ""
            yield (
                f"{first}{text}{more}",
                _paper(facts.classified, begin - 1, LONG),
                n < RUNS_PRINTED,
            )
