"""Teaching the network with a few labels: which beats to ask for, and learning from answers.

Queries and update are those of study budget. A beat is what the device makes of it: the bytes
that the network in integers reads.
"""

import codecs
import csv
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ecglib.aami import CLASSES, SYMBOL_TO_AAMI
from ecglib.data.inputs import Inputs
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.replay import FROM_HEAD, head_inputs
from ecglib.holter.classify import UNREADABLE, classify, inputs_of
from ecglib.personalize import queries
from ecglib.personalize.budget import View, updated
from ecglib.system.errors import UserError
from ecglib.system.untrusted import read_bytes, refused

CANNOT_SAY = "?"
"""Label of a beat that is none of N, S and V, or that nobody can tell."""

MANY_CHANGED = 0.1
"""Share of changed beats above which a note asks for a second look. In study budget, with every
patient left out once, about one in eight updates of patients in DS1 changed more."""

FEW_LABELS = 5
"""With fewer labels, single patients lost much accuracy in study budget (chapter 8)."""

MAX_TABLE_BYTES = 10_000_000
_KEY = ("record", "lead", "sample", "label")


def head_of(lead, sample, model):
    """What the head of a network reads of each beat, `Inputs` for `FROM_HEAD`.

    Parameters
    ----------
    lead : Lead
    sample : ndarray of int, shape (n_beats,)
        R-peaks of all beats, ascending.
    model : MicroNet
        Network in integers.
    """
    program = lower(model)
    named = zip(("beat", "rr"), inputs_of(lead, sample, program), strict=True)
    x, rr = (
        torch.from_numpy(q.astype(np.float32) - program.reader(name).zero_in)
        * program.scales[name]
        for name, q in named
    )
    return head_inputs(model, Inputs(x, rr, torch.zeros(len(x), dtype=torch.int64)))


def to_ask(classified, model, config, *, anytime=False):
    """Choose beats and make the table to fill in.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
        All beats of a lead.
    model : MicroNet
        Network in integers.
    config : AskingSettings
        `budget`, `query`, `online_seconds` and `seed` are read.
    anytime : bool
        Whether beats after the first `online_seconds` may be asked for, too.

    Returns
    -------
    DataFrame
        A row for each beat, the most telling first: `record`, `lead`, `sample` (at `lead.fs`),
        `seconds`, `time` (h:mm:ss), the network's `class` and its `probability`, and an empty
        `label`.

    Raises
    ------
    UserError
        If no beat can be read in this time.
    """
    lead, beats = classified.lead, classified.beats
    sample = beats["sample"].to_numpy()
    asked_until = np.inf if anytime else config.online_seconds
    open_to_ask = np.flatnonzero(
        (beats["class"] != UNREADABLE) & (sample / lead.fs < asked_until)
    )
    if len(open_to_ask) == 0:
        where = "anywhere" if anytime else f"in the first {config.online_seconds} s"
        raise UserError(
            f"{lead.recording}: no beat can be read {where} in lead {lead.name}; name another "
            "lead by --lead" + ("" if anytime else ", or ask --anytime")
        )
    read = head_of(lead, sample, model).select(torch.from_numpy(open_to_ask))
    view = View.of(model, FROM_HEAD, read)
    probability = torch.softmax(view.logits, dim=1).numpy()
    rng = np.random.default_rng(config.seed)
    chosen = queries.ask(config.query, config.budget, probability, view.embedding.numpy(), rng)
    found = beats.iloc[open_to_ask[chosen]]
    return pd.DataFrame(
        {
            "record": lead.recording,
            "lead": lead.name,
            "sample": found["sample"],
            "seconds": found["seconds"],
            "time": found["seconds"].map(clock),
            "class": found["class"],
            "probability": found[list(CLASSES)].max(axis=1),
            "label": "",
        }
    )


def clock(seconds):
    """Hours, minutes and seconds.

    Examples
    --------
    >>> clock(3725.9)
    '1:02:05'
    """
    minutes, second = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


@dataclass(frozen=True)
class Answers:
    """Labels from a table.

    Attributes
    ----------
    beat : ndarray of int, shape (n_labels,)
        Indices of the labelled beats, in order of the table.
    label : ndarray of int, shape (n_labels,)
        Their classes, indices into `ecglib.aami.CLASSES`.
    n_left_out : int
        Beats without a label, or with "?".
    """

    beat: np.ndarray
    label: np.ndarray
    n_left_out: int

    def counts(self):
        """How many labels there are of each class, in words."""
        found = np.bincount(self.label, minlength=len(CLASSES))
        return ", ".join(f"{n} {name}" for n, name in zip(found, CLASSES, strict=True) if n)


def read_answers(path, lead, sample):
    """Read a table of `to_ask` that somebody filled in, also with a spreadsheet program.

    Columns are separated by commas, semicolons or tabs; others than `record`, `lead`, `sample`
    and `label` are ignored. A label is N, S or V in either case. Beats with "?" or nothing are
    left out.

    Parameters
    ----------
    path : Path
        The table.
    lead : Lead
        Lead that the labels must belong to.
    sample : ndarray of int, shape (n_beats,)
        R-peaks of all its beats, ascending.

    Returns
    -------
    Answers

    Raises
    ------
    UserError
        If the table cannot be read, belongs to another record or lead, has an unknown label, a
        label of a beat that does not exist, or two labels for a beat, or has no label at all.
    """
    found = {}
    for number, row in _rows(path):
        place, label = _place_and_label(path, number, row, lead, sample)
        if found.setdefault(place, label) != label:
            raise UserError(
                f"{path}, row {number}: the beat at sample {sample[place]} has two labels, "
                f"{found[place] or 'none'} and {label or 'none'}; keep one row for it"
            )
    beats = [place for place, label in found.items() if label in CLASSES]
    if not beats:
        raise UserError(
            f"{path} has no label to learn from; write N, S or V into its column label"
        )
    label = np.array([CLASSES.index(found[place]) for place in beats])
    return Answers(np.array(beats), label, len(found) - len(beats))


def _rows(path):
    """Numbers of a table's rows as a spreadsheet shows them, and their cells by column."""
    with refused(f"{path} is missing, too large or no table of text; save it as CSV"):
        content = read_bytes(path, MAX_TABLE_BYTES)
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        lines = content.decode("utf-16" if wide else "utf-8-sig").splitlines() or [""]
        lines = list(csv.reader(lines, delimiter=max(",;\t", key=lines[0].count)))
    names = [cell.strip().lower() for cell in lines[0]]
    if missing := [name for name in _KEY if name not in names]:
        raise UserError(
            f"{path} has no column {missing[0]}; fill in the table that "
            "python -m ecglib ask wrote"
        )
    for number, cells in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in cells]
        if any(cells):
            cells += [""] * (len(names) - len(cells))
            yield number, dict(zip(names, cells, strict=False))


def _place_and_label(path, number, row, lead, sample):
    """Index of a row's beat among all beats, and its label in capitals."""
    where = f"{path}, row {number}"
    for name, own in (("record", lead.recording), ("lead", lead.name)):
        if row[name].lstrip("0") != own.lstrip("0"):  # spreadsheets cut zeros
            raise UserError(f"{where} is about {name} {row[name]}, not {own}")
    label = row["label"].upper()
    if label not in ("", CANNOT_SAY, *CLASSES):
        raise UserError(
            f"{where} has label {row['label']!r}; write {', '.join(CLASSES)}, or "
            f"{CANNOT_SAY} for any other beat"
        )
    with refused(f"{where}: sample is {row['sample']!r}, no number"):
        place = np.flatnonzero(sample == float(row["sample"]))
    if len(place) == 0:
        raise UserError(
            f"{where}: no beat is at sample {row['sample']}; take the R-peaks from the same "
            "place as `ask` did, with the same --annotations or without"
        )
    return int(place[0]), label


@dataclass(frozen=True)
class Taught:
    """A network after an update, and what it changed.

    Attributes
    ----------
    model : MicroNet
        The new network, in integers.
    before, after : ndarray of str, shape (n_beats,)
        Class of every beat by the old network and by the new one.
    """

    model: torch.nn.Module
    before: np.ndarray
    after: np.ndarray

    @property
    def share_changed(self):
        """Share of the beats that changed class."""
        return float(np.mean(self.before != self.after))

    def changes(self):
        """One line: how many beats changed class, and from which class to which."""
        changed = self.before != self.after
        pairs = pd.Series(self.before[changed]) + " to " + pd.Series(self.after[changed])
        found = ", ".join(f"{n:,} from {pair}" for pair, n in pairs.value_counts().items())
        return f"{changed.sum():,} of {len(changed):,} beats change class" + (
            f": {found}" if found else ""
        )

    def notes(self, answers):
        """What speaks for looking twice, sentences."""
        if len(answers.beat) < FEW_LABELS:
            yield (
                f"fewer than {FEW_LABELS} labels: so few did harm to single patients in our "
                "study (chapter 8); label more beats if you can"
            )
        if self.share_changed > MANY_CHANGED:
            yield (
                f"{self.share_changed:.0%} of all beats change class: look at some of them "
                "before you use the new network, since a wrong label can do this too"
            )


def teach(lead, sample, network, replay, config, answers):
    """Update a network by labelled beats; the network itself is not changed.

    Parameters
    ----------
    lead : Lead
    sample : ndarray of int, shape (n_beats,)
        R-peaks of all beats, ascending.
    network : ecglib.deploy.shipped.Shipped
    replay : ecglib.deploy.replay.Replay
        Beats of others that it replays.
    config : BudgetConfig
        Settings of the update, see `ecglib.personalize.budget.updated`.
    answers : Answers

    Returns
    -------
    Taught
    """
    own = head_of(lead, sample, network.model).select(torch.from_numpy(answers.beat))
    labelled = Inputs(own.x, torch.zeros(len(own), 0), torch.from_numpy(answers.label))
    settings = replay.schedule(config)
    new = updated(network.model, FROM_HEAD, settings, replay.beats, labelled)
    before, after = (
        classify(lead, sample, lower(model)).beats["class"].to_numpy(dtype=str)
        for model in (network.model, new)
    )
    return Taught(new, before, after)


def held_back(taught, answers, symbol):
    """Agreement with annotated classes of beats that were not labelled.

    Parameters
    ----------
    taught : Taught
    answers : Answers
    symbol : ndarray of str, shape (n_beats,)
        WFDB symbols of all beats.

    Returns
    -------
    tuple of (int, float, float)
        Number of other beats annotated N, S or V and readable; shares of them that have their
        annotated class before and after the update. NaN without any.
    """
    truth = np.array([SYMBOL_TO_AAMI[s] for s in symbol])
    kept = np.isin(truth, CLASSES) & (taught.before != UNREADABLE)
    kept[answers.beat] = False
    if not kept.any():
        return 0, np.nan, np.nan
    before, after = (np.mean(c[kept] == truth[kept]) for c in (taught.before, taught.after))
    return int(kept.sum()), float(before), float(after)
