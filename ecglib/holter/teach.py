"""Teaching the network with a few labels: which beats to ask for, and learning from answers.

Queries and updates are those of study budget. A beat is what the device makes of it: the bytes
that the network in integers reads.
"""

import csv
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from ecglib.aami import CLASSES, SYMBOL_TO_AAMI
from ecglib.data.inputs import Inputs
from ecglib.deploy import replay
from ecglib.deploy.c99.taught import Labels
from ecglib.deploy.replay import FROM_HEAD, head_inputs
from ecglib.deploy.shipped import Shipped
from ecglib.holter.classify import UNREADABLE, classify, inputs_of
from ecglib.holter.report import clock
from ecglib.holter.table_form import encoding_of
from ecglib.personalize import queries
from ecglib.personalize.budget import View, updated
from ecglib.system.errors import UserError
from ecglib.system.untrusted import read_bytes, refused

CANNOT_SAY = "?"
"""Label of a beat that is none of N, S and V, or that nobody can tell."""

MANY_CHANGED = 0.1
"""Share of changed beats above which a note asks for a second look. In study budget, with every
patient left out once, about one in seven updates of patients in DS1 changed more; they were
updates of the `head`."""

FEW_LABELS = 5
"""With one label or two, single patients lost much accuracy in study budget (chapter 8), after
updates of the `head`; three and four were not run."""

MAX_TABLE_BYTES = 10_000_000


def head_of(lead, sample, network):
    """What the head of a `Shipped` reads of all beats (R-peaks `sample`), for `FROM_HEAD`."""
    program = network.program()
    named = zip(("beat", "rr"), inputs_of(lead, sample, program), strict=True)
    x, rr = (
        torch.from_numpy(q.astype(np.float32) - program.reader(n).zero_in) * program.scales[n]
        for n, q in named
    )
    return head_inputs(network.model, Inputs(x, rr, torch.zeros(len(x), dtype=torch.int64)))


def to_ask(classified, network, config, *, anytime=False):
    """Choose beats among those that are `Classified`, and make the table to fill in.

    `network` is the `Shipped` that classified them; `config` holds `AskingSettings`; `anytime`
    says whether beats after its `online_seconds` may be asked for, too.

    Returns
    -------
    DataFrame
        A row for each beat, the most telling first: `record`, `lead`, `sample` (at `lead.fs`),
        `seconds`, `time` (h:mm:ss), the network's `class` and its `probability`, and an empty
        `label`.
    """
    lead, beats = classified.lead, classified.beats
    sample = beats["sample"].to_numpy()
    in_time = anytime | (sample / lead.fs < config.online_seconds)
    allowed = np.flatnonzero(in_time & (beats["class"] != UNREADABLE))
    if len(allowed) == 0:
        where = "" if anytime else f" in the first {config.online_seconds} s"
        hint = "" if anytime else ", or ask --anytime"
        raise UserError(
            f"{lead.recording}: no beat of lead {lead.name} can be read{where}; name another "
            f"lead by --lead{hint}"
        )
    read = head_of(lead, sample, network).select(torch.from_numpy(allowed))
    view, rng = View.of(network.model, FROM_HEAD, read), np.random.default_rng(config.seed)
    seen = beats.iloc[allowed][list(CLASSES)].to_numpy(), view.embedding.numpy()
    found = beats.iloc[allowed[queries.ask(config.query, config.budget, *seen, rng)]]
    return found[["sample", "seconds", "class"]].assign(
        record=lead.recording,
        lead=lead.name,
        time=found["seconds"].map(clock),
        probability=found[list(CLASSES)].max(axis=1),
        label="",
    )[["record", "lead", "sample", "seconds", "time", "class", "probability", "label"]]


@dataclass(frozen=True)
class Answers:
    """Labels from a table: indices of beats, and classes as indices into `CLASSES`; both (n,).

    `n_left_out` beats of the table have no label, or "?".
    """

    beat: np.ndarray
    label: np.ndarray
    n_left_out: int

    def counts(self):
        """How many labels there are of each class, in words."""
        found = np.bincount(self.label, minlength=len(CLASSES))
        return ", ".join(f"{n:,} {name}" for n, name in zip(found, CLASSES, strict=True) if n)


def read_answers(path, lead, sample):
    """Read a table of `to_ask` that somebody filled in, also with a spreadsheet program.

    Columns are separated by commas, semicolons or tabs; others than `record`, `lead`, `sample`
    and `label` are ignored. A label is N, S or V in either case. Beats with "?" or nothing are
    left out. All R-peaks of the lead are `sample` (n_beats,).

    Raises
    ------
    UserError
        If the table cannot be read, belongs to another record or lead, has an unknown label, a
        label of a beat that does not exist, or two labels for a beat, or has no label at all.
    """
    found = {}
    for number, row in _rows(path):
        where = f"{path}, row {number}"
        place, label = _place_and_label(where, row, lead, sample)
        if found.setdefault(place, label) != label:
            raise UserError(
                f"{where}: the beat at sample {sample[place]} has two labels, "
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
    if not path.is_file():
        what = f"{path} is a folder" if path.is_dir() else f"there is no table {path}"
        raise UserError(f"{what}; name the table of `ask` that you filled in")
    large = f"of at most {MAX_TABLE_BYTES:,} bytes"
    with refused(f"{path} is no table of text {large}; save it as CSV"):
        content = read_bytes(path, MAX_TABLE_BYTES)
        lines = content.decode(encoding_of(content + b"\n")).splitlines()
        # a spreadsheet program may write "sep=;" or an empty line above
        skipped = next((i for i, line in enumerate(lines) if "label" in line.lower()), 0)
        lines = lines[skipped:] or [""]
        cells = list(csv.reader(lines, delimiter=max(",;\t", key=lines[0].count)))
    names, *rows = [[cell.strip() for cell in row] for row in cells]
    names = [name.lower() for name in names]
    for name in ("record", "lead", "sample", "label"):
        if names.count(name) != 1:
            found = f"more than one column {name}" if name in names else f"no column {name}"
            raise UserError(f"{path} has {found}; fill in what python -m ecglib ask wrote")
    for number, row in enumerate(rows, start=skipped + 2):
        if any(row):
            row += [""] * (len(names) - len(row))
            yield number, dict(zip(names, row, strict=False))


def _place_and_label(where, row, lead, sample):
    """Index of a row's beat among all beats, and its label in capitals."""
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
        place = np.flatnonzero(sample == float(row["sample"].replace(",", ".")))
    if len(place) == 0:
        raise UserError(
            f"{where}: no beat is at sample {row['sample']}; take the R-peaks from the same "
            "place as `ask` did, with the same --annotations or without"
        )
    return int(place[0]), label


@dataclass(frozen=True)
class Taught:
    """A network after an update, and classes (n_beats,) by the old and by it.

    `doubted` are those of the last `ecglib.personalize.learner.LABELS` labelled beats whose
    label has no effect, since the network and the other labels make it nearly impossible.
    """

    network: Shipped
    before: np.ndarray
    after: np.ndarray
    doubted: np.ndarray

    def changes(self, answers, symbol=None):
        """What the update changed, and what speaks for looking twice; lines.

        `symbol` (n_beats,) are WFDB symbols; those of beats without an answer are held-back
        labels.
        """
        changed = self.before != self.after
        pairs = pd.Series(self.before[changed]) + " to " + pd.Series(self.after[changed])
        found = ", ".join(f"{n:,} from {pair}" for pair, n in pairs.value_counts().items())
        yield f"{changed.sum():,} of {len(changed):,} beats change class{found and ': '}{found}"
        if changed.mean() > MANY_CHANGED:
            yield (
                f"note: {changed.mean():.0%} of all beats change class: look at some of them "
                "before you use the new network, since a wrong label can do this too"
            )
        if len(answers.beat) < FEW_LABELS:
            yield (
                f"note: fewer than {FEW_LABELS} labels: so few did harm to single patients in "
                "our study (chapters 8, 9); label more beats if you can"
            )
        if symbol is not None:
            yield from self._held_back(answers, symbol)

    def _held_back(self, answers, symbol):
        truth = np.array([SYMBOL_TO_AAMI[s] for s in symbol])
        kept = np.isin(truth, CLASSES) & (self.before != UNREADABLE)
        kept[answers.beat] = False
        if kept.any():
            before, after = (np.mean(c[kept] == truth[kept]) for c in (self.before, self.after))
            shares = f"{before:.1%} had that class before, {after:.1%} have it now"
            yield f"{kept.sum():,} other beats are annotated: {shares}"
            if after < before:
                yield "note: the new network is worse on these beats; better keep the old one"


def _by_kernel(lead, sample, network, weights, answers, config):
    """The update that runs on the device; labels add to those that the network knows."""
    program, label = network.program(), answers.label.astype(np.uint8)
    unit = program.units(*(read[answers.beat] for read in inputs_of(lead, sample, program)))
    known = network.labels or Labels(replay.prior_of(network, weights), unit[:0], label[:0])
    new = replace(network, labels=known.followed_by(unit, label))
    doubted = new.program().learner.doubted()[-len(answers.beat) :]
    return new, answers.beat[-len(doubted) :][doubted]


def _by_head(lead, sample, network, weights, answers, config):
    """Training of the last two layers, which replays beats of other patients."""
    if network.labels:
        raise UserError(
            f"{weights} was taught by kernel; use --update kernel, or the shipped network"
        )
    every = head_of(lead, sample, network)
    labelled = every.select(torch.from_numpy(answers.beat))
    labelled = replace(labelled, y=torch.from_numpy(answers.label))
    until = max(config.online_seconds * lead.fs, sample[answers.beat].max())
    seen = every.select(torch.from_numpy(np.flatnonzero(sample <= until)))
    replayed = replay.load(network, weights)
    schedule = replayed.schedule(config)
    new = updated(network.model, FROM_HEAD, schedule, replayed.beats, labelled, seen)
    return replace(network, model=new), np.zeros(0, dtype=np.int64)


UPDATES = {"kernel": _by_kernel, "head": _by_head}
"""Name -> function from arguments of `teach` to the new network and `Taught.doubted`."""


def teach(lead, sample, network, weights, answers, update, config):
    """`Taught` by `Answers`, with an `update` of `UPDATES`.

    The beats of a lead are at `sample` (n_beats,). The old `network`, a `Shipped` from the file
    `weights`, is not changed. Settings of the update "head", of study budget, are in `config`.
    """
    new, doubted = UPDATES[update](lead, sample, network, weights, answers, config)
    programs = network.program(), new.program()
    found = (classify(lead, sample, program).beats["class"] for program in programs)
    return Taught(new, *(classes.to_numpy(dtype=str) for classes in found), doubted)
