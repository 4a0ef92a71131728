"""The papers, row by row, as a page and as text: captions, formats, and what can be said.

`ecglib.tables.row_by_row` has the numbers. `folder` holds the reference runs by study.
Sentences whose runs are missing are left out.
"""

from contextlib import suppress
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from ecglib import results
from ecglib.book import formats, show
from ecglib.book.claims import said
from ecglib.book.say import NO_RUN, Shown, filled
from ecglib.deploy.bundle import measured
from ecglib.tables import arms, overview
from ecglib.tables import row_by_row as rows

FORMATS = dict.fromkeys(("accuracy", "macro-F1", "sensitivity", "F1"), formats.SHARE_4)
FORMATS |= {"seeds": formats.WHOLE, "seconds": formats.COUNT}
"""As many digits as the papers print."""


def short(share):
    """Three digits; a half goes up, as one rounds a printed number by hand."""
    exact = Decimal(str(round(share, 6)))
    return str(exact.quantize(Decimal("0.001"), ROUND_HALF_UP))


_SHORT = FORMATS | dict.fromkeys(("accuracy", "macro-F1", "sensitivity"), short)
"""Of paper 1 on a page, which has no room for more beside the deviations."""

_GAPS = {
    rows.NOT_RUN: "Not run yet at this size: {gone} of {all} printed rows.",
    rows.NOT_MEASURED: "Not measured, it needs the device: {gone} of {all} printed rows.",
}
_ON_DEVICE = "Estimated from single steps timed on {name}, both stages take {seconds:count} s."

_BEATS = "All beats of DS2; ± is over seeds, three in the paper."
_SECONDS = (
    f"{_BEATS} Our seconds are of all stages of one seed, pretraining included. They come from "
    "sessions with different numbers of threads, so rows cannot be compared by them. The paper "
    "does not say what its seconds cover."
)
_CHAPMAN = (
    "Printed: one test set of Chapman. Ours: a tenth of Chapman (1,074 recordings of three "
    "days, lead II, four groups of rhythms), five folds pooled, one seed, with 95 % intervals "
    "over recordings. CR: compression ratio as the paper counts it, file: ratio of bytes on "
    "disk, entropy-coded; both are means of the folds."
)
_HUBERT = "Ours reads 1,024 samples, and was pretrained on CinC 2017."
_WITHIN = (
    "We compare our means with {rows} printed ones. By more than one printed standard "
    "deviation, our accuracy is higher in {accuracy_above} and lower in {accuracy_below} of "
    "them, and our macro-F1 is higher in {f1_above} and lower in {f1_below}."
)
_FORMATS = (
    "FP16 minus BF16 is {printed_gain:change} macro-F1 in print. In ours it is "
    "{difference:change}, with the interval over {n_seeds} seeds."
)
_ROUNDED = (
    ": in ours, INT8 in the head and the shallow blocks changes macro-F1 by {change:change} "
    "against fp32 trained as long (seeds: {seeds}). Ours minus print: {f1:change} macro-F1 and "
    "{accuracy:points} of accuracy."
)
_ADABN = (
    "AdaBN has the highest printed macro-F1 of the strategies. It has the highest mean of ours "
    "in {first} of {settings} settings, two at this size and one narrow, and lies above the "
    "control, none, in {above}. At this size it changes macro-F1 against none by {head:change} "
    "with the head fine-tuned, and by {everything:change} with everything fine-tuned."
)
_KEPT = (
    "Does a compressed row lose more than one point of accuracy against fp32? Print and ours "
    "agree in {same} of {rows} rows; they differ in: {others}. In {shown} of ours, the "
    "interval over recordings shows that the loss is below one point. "
    "LAQ changes accuracy by {laq:points}; its CR is {cr:digits}, the mean of five folds with "
    "different bits, and {printed:digits} in print."
)
_EQUATION_3 = (
    "On one fold, equation (3) as printed gives {same} of {layers} layers the same bits as the "
    "text of the paper; it changes accuracy by {change:points}, and its CR is {cr:digits}."
)
_INSIDE = (
    "Rows of the paper's own networks that we ran: {rows}; the printed accuracy lies inside "
    "our interval in {inside}. Shares of the classes differ, so the two cannot be compared."
)


class Part(NamedTuple):
    """A table: title, rows by `load`, caption, and sentences as `claims.said` takes them."""

    title: str
    pairs: object
    caption: str
    sentences: list
    formats: dict = FORMATS


def _of_beats(title, pairs, caption, *sentences):
    """A table of paper 1."""
    within = (lambda load: rows.against_printed(pairs(load)), _WITHIN)
    return Part(f"Paper 1, {title}", pairs, caption, [within, *sentences], _SHORT)


def _compressed(title, model, caption):
    """A network in table 1 of paper 2."""
    sentences = [
        (partial(rows.kept, model=model), _KEPT),
        (partial(rows.equation_3, model=model), _EQUATION_3),
    ]
    pairs = partial(rows.compressed, model=model)
    return Part(f"Paper 2, table 1: {title}", pairs, caption, sentences)


PARTS = {
    "formats": _of_beats(
        "table 1: number formats", rows.formats, _SECONDS, (overview.formats, _FORMATS)
    ),
    "integers": _of_beats(
        "table 2: layers in INT8",
        rows.integers,
        f"{_BEATS} After rounding all train for one more epoch (QAT), and so does fp32.",
        (partial(rows.rounded, pipeline="ssl"), f"SSL + personalization{_ROUNDED}"),
        (partial(rows.rounded, pipeline="baseline"), f"DS1 only{_ROUNDED}"),
    ),
    "strategies": _of_beats(
        "table 3: strategies of personalization",
        rows.strategies,
        f"{_SECONDS} Each printed row of the H200 appears twice, beside ours with the head "
        "fine-tuned and with everything fine-tuned.",
        (rows.adabn, _ADABN),
    ),
    "resnet1d": _compressed("ResNet1D", "resnet1d", _CHAPMAN),
    "hubert": _compressed("HuBERT-ECG", "hubert", f"{_CHAPMAN} {_HUBERT}"),
    "published": Part(
        "Paper 2, table 2: published networks",
        rows.published,
        "Classes / leads. Rows of other authors are printed only. Ours: a tenth of Chapman, "
        "four groups; 150 of the 6,877 recordings of CPSC 2018, nine classes, of which about a "
        "hundred train at a time, far too few; five folds pooled, one seed, with 95 % "
        "intervals over recordings. CR: compression ratio as the "
        "paper counts it.",
        [(rows.inside, _INSIDE)],
    ),
}
"""Table by table, in the papers' order."""


def table(part, folder, *, name, without=()):
    """A table of `PARTS` as a numbered one of a chapter, `without` some rows."""
    chosen = PARTS[part]
    pairs = chosen.pairs(reader(folder))
    frame = rows.numbers(pairs).drop(index=list(without))
    caption = f"{chosen.title}. {_caption(chosen, pairs)}"
    return show.table(frame, caption, chosen.formats, name=name)


BEYOND = (
    "Methods that are not paper 2's, at its size. A tenth of Chapman (three days), five folds "
    "pooled, one seed; 95 % intervals over recordings. A control, where there is one, is fp32 "
    "trained as long as the networks that train further. CR: compression ratio as the paper "
    "counts it; file: ratio of bytes on disk, entropy-coded, the control too."
)


def beyond(folder, *, name):
    """What we and others do at the size of paper 2, as a numbered table of a chapter."""
    return show.table(lambda: rows.beyond(reader(folder)), BEYOND, name=name)


def as_text(folder):
    """The page as text: of every table its title and caption, the table, what can be said."""
    texts, load = [], reader(folder)
    for part in PARTS.values():
        pairs = part.pairs(load)
        texts.append(f"{part.title}\n{_caption(part, pairs)}")
        texts += [
            formats.in_terminal(rows.numbers(pairs), FORMATS),
            _said(part, load, folder),
        ]
    with suppress(LookupError):
        for network, frame in rows.beyond(load).items():
            texts += [f"{network}. {BEYOND}", formats.in_terminal(frame)]
    return texts


@cache  # the tables of a page have one reader
def reader(folder):
    """Function that reads the runs of a study in a folder, each study once in a process."""
    return cache(partial(results.load_study, folder))


def _caption(part, pairs):
    ran = rows.runs_of(pairs)
    made = f"Our runs: {arms.where_made(ran)}." if ran else "Of ours none has been run yet."
    return f"{part.caption} {made}"


def line(part, folder):
    """What can be said of a table of `PARTS`, as `Shown`."""
    return Shown(_said(PARTS[part], reader(folder), folder))


def _said(part, load, folder):
    """The sentences of a table; those whose runs are missing are left out."""
    found = []
    for facts, text in part.sentences:
        with suppress(ValueError):  # results of one patient give no interval
            found.append(said(text, facts, load))
    found = [sentence for sentence in found if NO_RUN not in sentence]
    pairs = part.pairs(load)
    gaps = rows.gaps(pairs)
    n_rows = len(rows.printed_rows(pairs))
    found += [filled(_GAPS[word], gone=gone, all=n_rows) for word, gone in gaps.items()]
    if rows.NOT_MEASURED in gaps:
        devices = measured.load_devices(Path(folder) / "latency" / "devices")
        learned = measured.learning_table(devices)
        found += [
            filled(_ON_DEVICE, name=name, seconds=row[measured.ESTIMATED])
            for name, row in learned.iterrows()
            if "Jetson" in name
        ]
    return " ".join(found)
