"""Beats of a lead, classified in integers as the C code does.

The C code reads a stream of 100 to 500 Hz; here any rate of `ecglib.data.signal.peaks` is read.
"""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import FS, LENGTH
from ecglib.data.signal.peaks import UNITS_PER_MV, find
from ecglib.deploy.c99.front import network_inputs
from ecglib.holter.lead import Lead
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import refused

UNREADABLE = "?"
"""Class of a beat where the lead cannot be read."""

MOST_INVALID = 0.25
"""Share of a beat's window from which on invalid samples leave it without a class."""

_NO_ANNOTATIONS = (
    *("hea", "dat", "mat", "edf", "bdf", "wav", "flac", "xws"),  # headers and signals of WFDB
    *("txt", "tsv", "xls", "xlsx", "json", "html", "pdf", "png", "jpg", "svg", "npz", "zip"),
)
"""Extensions with a meaning of their own, which no file of WFDB annotations may have."""


@dataclass(frozen=True)
class Classified:
    """Beats of a lead with their classes.

    Attributes
    ----------
    lead : Lead
        What was read.
    beats : DataFrame
        A row a beat in order of time: `sample` (int, at `lead.fs`), `seconds`, `class` ("N",
        "S", "V", or "?" where the lead is unreadable), and the probabilities `N`, `S`, `V`.
    """

    lead: Lead
    beats: pd.DataFrame

    def summary(self):
        """One line with the numbers of beats that were found."""
        counts = self.beats["class"].value_counts()
        shown = (*CLASSES, UNREADABLE) if UNREADABLE in counts else CLASSES
        found = ", ".join(f"{counts.get(name, 0):,} {name}" for name in shown)
        return (
            f"{self.lead.recording}, lead {self.lead.name}: {len(self.beats):,} beats in "
            f"{self.lead.seconds:,.0f} s ({found})"
        )


def detected(lead):
    """R-peaks of a lead from the detector, (n_beats,) int64, in its samples.

    Raises
    ------
    UserError
        If the lead is flat or invalid throughout.
    """
    with refused(
        f"{lead.recording} is too short or too odd to find beats in: {len(lead.signal):,} "
        "samples; name another lead by --lead"
    ):
        return find(lead.units, round(lead.fs), UNITS_PER_MV)


def inputs_of(lead, sample, program):
    """Bytes that the network reads for each beat; arguments are those of `classify`.

    They are a tuple of arrays of int8, (n_beats, 2, 64) and (n_beats, n_rr).
    """
    return network_inputs(program, lead.units, sample, round(lead.fs), UNITS_PER_MV)


def classify(lead, sample, program):
    """Classify beats of a lead, as `Classified`; a `UserError` if there are none.

    Parameters
    ----------
    lead : Lead
    sample : ndarray of int, shape (n_beats,)
        R-peaks of all beats, ascending.
    program : ecglib.deploy.c99.program.Program
        The network.
    """
    if len(sample) == 0:
        raise UserError(
            f"{lead.recording}: no beat was found in lead {lead.name}; name another one by "
            "--lead"
        )
    logits = program.run(*inputs_of(lead, sample, program))
    probability = _softmax(logits * program.logit_step).round(4)
    beats = pd.DataFrame({"sample": sample, "seconds": (sample / lead.fs).round(3)})
    beats["class"] = np.array(CLASSES)[logits.argmax(axis=1)]
    beats.loc[unreadable(lead, sample), "class"] = UNREADABLE
    beats[list(CLASSES)] = probability
    return Classified(lead, beats)


def unreadable(lead, sample):
    """Which beats lie in seconds that cannot be read, or have a window that a gap cuts.

    Arguments are those of `classify`; a mask (n_beats,).
    """
    second = np.minimum(sample // round(lead.fs), len(lead.unreadable) - 1)
    invalid, half = np.flatnonzero(np.isnan(lead.signal)), round(LENGTH / FS * lead.fs / 2)
    bounds = (np.searchsorted(invalid, sample + step) for step in (half, -half))
    return lead.unreadable[second] | (np.subtract(*bounds) > 2 * half * MOST_INVALID)


def _softmax(logits):
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def check_form(out):
    """The extension of a file to write, "csv" if it is a table.

    Raises a `UserError` if there is none, or one that says neither a table nor annotations.
    """
    extension = Path(out).suffix.removeprefix(".")
    if not (extension.isascii() and extension.isalpha()):
        raise UserError(f"{out} must end in .csv, or in letters such as .atr for annotations")
    if extension.lower() in _NO_ANNOTATIONS:
        raise UserError(
            f"{out} would hold WFDB annotations, which are never called .{extension}; end it "
            "in .csv for a table, or .atr for annotations"
        )
    return "csv" if extension.lower() == "csv" else extension


def write(classified, out):
    """Write the classes of a record as a table or as WFDB annotations.

    Parameters
    ----------
    classified : Classified
        From `classify`.
    out : Path
        `*.csv` is a table with a row for each beat. Other extensions that `check_form` allows
        are an annotation file whose symbols are N, S and V.

    Raises
    ------
    UserError
        If the extension is refused or the file cannot be written.
    """
    extension = check_form(out)
    with written(out) as temporary:
        if extension == "csv":
            classified.beats.to_csv(temporary, index=False)
        else:
            _write_annotations(classified, temporary, extension)


def _write_annotations(classified, path, extension):
    """Write annotations to `path`, by way of another file, whose name WFDB chooses."""
    import wfdb

    sample, symbol = (classified.beats[name].to_numpy() for name in ("sample", "class"))
    fs = classified.lead.fs
    with tempfile.TemporaryDirectory() as folder:
        wfdb.wrann("record", extension, sample, list(symbol), fs=fs, write_dir=folder)
        shutil.copyfile(Path(folder) / f"record.{extension}", path)
