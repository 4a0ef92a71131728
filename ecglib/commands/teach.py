"""The commands that teach the network: asking for labels, and learning from them."""

import io

import matplotlib.pyplot as plt
import numpy as np
from jinja2 import Template

from ecglib.commands.predict import read
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99.lower import lower
from ecglib.holter import teach as teaching
from ecglib.holter.classify import UNREADABLE, classify
from ecglib.plots import ecg, style
from ecglib.studies.budget import BudgetConfig
from ecglib.system.errors import UserError
from ecglib.system.files import written

AROUND_S = 3.5
"""Seconds of a strip on either side of the beat that is asked for."""

TALLEST_MV = 4
"""A trace farther from its middle is cut off, so that an artefact does not fill the page."""

MOST_STRIPS = 100
"""Rows of a table that its page shows at most."""

PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Beats to label: {{ record }}</title>
<style>
body { font-family: sans-serif; max-width: 60em; margin: 1em auto; padding: 0 1em }
svg { width: 100%; height: auto }
figure { margin: 0 0 1.5em; break-inside: avoid }
</style>
</head>
<body>
<p><strong>Research, not a medical device.</strong></p>
<h1>Beats to label: {{ record }}, lead {{ lead }}</h1>
<p>The shaded beat is asked for. In <code>{{ table }}</code>, write into its row, under
<code>label</code>: N (normal or bundle branch block), S (supraventricular ectopic),
V (ventricular ectopic), or ? (any other beat, or not clear). The letters above a trace are what
the network says; they may be wrong. The rows come in order of importance.
{% if n_rows > strips | length %}The first {{ strips | length }} are shown.{% endif %}</p>
{% for title, strip in strips %}<figure>
<figcaption>{{ title }}</figcaption>
{{ strip | safe }}
</figure>
{% endfor %}</body>
</html>
""",
    autoescape=True,
)


def settings(n_labels):
    """The chosen arm of study budget with this number of labels."""
    return BudgetConfig(budget=n_labels, query="mixed", update="head", scope="all_int8")


def ask(args):
    """Choose beats to label, and write a table to fill in and a page with their strips.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `annotations`, `weights`, `labels`, `anytime`, `out`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the number of labels or the name of the table is impossible, the recording cannot be
        read, or a file cannot be written.
    """
    if args.labels < 1:
        raise UserError(f"--labels is {args.labels}; ask for one beat or more")
    if args.out.suffix.lower() != ".csv":
        raise UserError(f"--out is {args.out}; the table's name must end in .csv")
    _, lead, sample, _ = read(args)
    network = shipped.load(args.weights or shipped.WEIGHTS)
    classified = classify(lead, sample, lower(network.model))
    config = settings(args.labels)
    table = teaching.to_ask(classified, network.model, config, anytime=args.anytime)
    page, name = args.out.with_suffix(".html"), args.out.name
    with written(args.out) as rows, written(page) as shown:
        table.to_csv(rows, index=False)
        shown.write_text(page_of(classified, table, name), encoding="utf-8")
    fewer = "" if len(table) == args.labels else ", all that can be read in this time"
    named = {name: getattr(args, name) for name in ("lead", "annotations", "weights")}
    same = "".join(f" --{name} {value}" for name, value in named.items() if value)
    return _lines(
        lead,
        f"{lead.recording}, lead {lead.name}: {len(table):,} beats to label{fewer}",
        f"look at them in {page} and write N, S, V or {teaching.CANNOT_SAY} into {args.out}; "
        f"then: python -m ecglib teach {args.record} {args.out} --out mine.npz{same}",
    )


def page_of(classified, table, name):
    """The page with a strip for each row of a table that is called `name`."""
    style.use()
    strips = [
        (_title(row), _drawn(classified, row))
        for row in table.head(MOST_STRIPS).to_dict("records")
    ]
    about = classified.lead
    return PAGE.render(
        record=about.recording, lead=about.name, table=name, strips=strips, n_rows=len(table)
    )


def _title(row):
    return "{time}, sample {sample}: the network says {class} ({probability:.0%})".format(**row)


def _drawn(classified, row):
    """A strip around a beat as SVG."""
    at = row["sample"]
    lead, beats = classified.lead, classified.beats
    first = max(at - round(AROUND_S * lead.fs), 0)
    signal = lead.signal[first : at + round(AROUND_S * lead.fs)]
    middle = np.nanmedian(signal)
    near = beats[(beats["sample"] >= first) & (beats["sample"] < first + len(signal))]
    letters = [
        ecg.Beat((beat - first) / lead.fs, kind, marked=beat == at)
        for beat, kind in zip(near["sample"], near["class"], strict=True)
        if kind != UNREADABLE
    ]
    within = signal.clip(middle - TALLEST_MV, middle + TALLEST_MV)
    figure = ecg.page([ecg.Strip(within, lead.fs, "", letters)])
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    plt.close(figure)
    return file.getvalue()[file.getvalue().index("<svg") :]


def teach(args):
    """Update the network by a table that was filled in, and say what changed.

    Parameters
    ----------
    args : argparse.Namespace
        `record`, `lead`, `annotations`, `weights`, `answers`, `out`.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If the recording, the table or the network cannot be read, the labels cannot be used, or
        the file cannot be written.
    """
    if args.out.suffix != ".npz":
        raise UserError(f"--out is {args.out}; the network's name must end in .npz")
    _, lead, sample, symbol = read(args)
    weights = args.weights or shipped.WEIGHTS
    network = shipped.load(weights)
    answers = teaching.read_answers(args.answers, lead, sample)
    replayed, config = replay.load(network, weights), settings(len(answers.beat))
    taught = teaching.teach(lead, sample, network, replayed, config, answers)
    said = [
        f"{lead.recording}, lead {lead.name}: learned from {len(answers.beat)} labels "
        f"({answers.counts()}); {answers.n_left_out} rows left out",
        taught.changes(),
        *(f"note: {note}" for note in taught.notes(answers)),
    ]
    if symbol is not None:
        said += _agreement(args.annotations, *teaching.held_back(taught, answers, symbol))
    about = {"record": lead.recording, "lead": lead.name, "labels": answers.counts()}
    shipped.save(args.out, taught.model, network.meta | {"taught": about})
    return _lines(lead, *said, f"written to {args.out}; research, not a medical device")


def _agreement(name, n_beats, before, after):
    """What held-back labels say about the update, lines."""
    if n_beats == 0:
        return []
    said = [
        f"of {n_beats:,} other beats, {before:.1%} had the class that {name} says before, and "
        f"{after:.1%} have it now"
    ]
    if after < before:
        said.append("note: the new network is worse on these beats; better keep the old one")
    return said


def _lines(lead, *said):
    return "\n".join([*(f"note: {note}" for note in lead.notes), *said])
