"""Beats of any WFDB record, classified by the shipped network."""

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ecglib.aami import CLASSES, SYMBOL_TO_AAMI
from ecglib.data.records import MAX_FS, Record, read_annotations, read_header, read_signal
from ecglib.data.signal.detector import detect
from ecglib.data.signal.micro_input import bridged, micro_inputs
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import refused
from ecglib.training.loop import in_batches

LEADS = ("MLII", "II")
"""Preferred leads, in this order; the network was trained on MLII and a chest lead."""

MIN_FS = 100
"""Lowest sampling frequency in Hz; below it a QRS complex has too few samples."""

MILLIVOLTS = {"nV": 1e-6, "uV": 1e-3, "µV": 1e-3, "mV": 1, "V": 1e3}
"""Unit of a lead -> its size in mV; other units are read as mV. Only the detector's thresholds
depend on the unit."""


@dataclass(frozen=True)
class Classified:
    """Beats of a record with their classes.

    Attributes
    ----------
    record : str
        Name of the record.
    lead : str
        Lead that was read.
    beats : DataFrame
        `sample`, `seconds`, `class` and the probabilities `N`, `S`, `V`, a row a beat.
    fs : float
        Sampling frequency, Hz.
    duration, spent : float
        Seconds of the recording, and seconds that reading and classifying took.
    """

    record: str
    lead: str
    beats: pd.DataFrame
    fs: float
    duration: float
    spent: float

    def summary(self):
        """One line with the numbers of beats that were found."""
        counts = self.beats["class"].value_counts()
        found = ", ".join(f"{counts.get(name, 0):,} {name}" for name in CLASSES)
        speed = self.duration / self.spent
        return (
            f"{self.record}, lead {self.lead}: {len(self.beats):,} beats in "
            f"{self.duration:,.0f} s ({found}), {speed:,.0f} times as fast as they came"
        )


def predict_record(name, shipped, *, lead=None, annotations=None):
    """Classify the beats of a WFDB record.

    Parameters
    ----------
    name : path
        The record, without extension.
    shipped : ecglib.deploy.shipped.Shipped
        The network.
    lead : str, optional
        Lead by name; by default MLII, else II, else the first.
    annotations : str, optional
        Extension of an annotation file whose beats are classified; by default R-peaks come
        from the detector.

    Returns
    -------
    Classified

    Raises
    ------
    UserError
        If a file is missing or damaged, the lead is unknown, flat or invalid throughout, the
        sampling frequency is below 100 Hz, or there is no beat.
    """
    start = time.perf_counter()
    record, lead = _read_lead(name, lead)
    filled = replace(record, signal=np.asarray(bridged(record), dtype=np.float32))
    sample = _annotated(name, annotations) if annotations else _detected(filled)
    sample = sample[(sample >= 0) & (sample < len(record.signal))]
    if len(sample) == 0:
        raise UserError(f"{name}: no beat was found in lead {lead}; name another one by --lead")
    filled = replace(filled, sample=sample, symbol=np.full(len(sample), "N"))
    inputs = micro_inputs(filled, shipped.features)
    logits = in_batches(shipped.model, inputs.x, inputs.rr)
    probability = torch.softmax(logits, dim=1).numpy().round(4)
    beats = pd.DataFrame({"sample": sample, "seconds": (sample / record.fs).round(3)})
    beats["class"] = np.array(CLASSES)[logits.argmax(dim=1).numpy()]
    beats[list(CLASSES)] = probability
    spent = time.perf_counter() - start
    duration = len(record.signal) / record.fs
    return Classified(Path(name).name, lead, beats, record.fs, duration, spent)


def _read_lead(name, lead):
    """One lead of a WFDB record, and its name; see `predict_record`."""
    header = read_header(name)
    names = header.sig_name
    if lead is not None and lead not in names:
        raise UserError(f"{name} has no lead {lead}; it has {', '.join(names)}")
    chosen = lead or next((n for n in LEADS if n in names), names[0])
    if not MIN_FS <= header.fs <= MAX_FS:
        raise UserError(f"{name} has {header.fs:g} Hz; {MIN_FS} to {MAX_FS:,} Hz are read")
    channel = names.index(chosen)
    to_mv = MILLIVOLTS.get(header.units[channel], 1)
    record = Record(
        number=Path(name).name,
        signal=read_signal(name, header, channel) * np.float32(to_mv),
        fs=float(header.fs),
        gain=1.0,
        baseline=0.0,
        sample=np.array([], dtype=np.int64),
        symbol=np.array([], dtype=str),
    )
    return record, chosen


def _annotated(name, extension):
    """R-peaks (n_beats,) from an annotation file, whatever their class."""
    sample, symbol = read_annotations(name, extension)
    return sample[np.isin(symbol, list(SYMBOL_TO_AAMI))]


def _detected(record):
    """R-peaks (n_beats,) from the detector."""
    with refused(
        f"{record.number} is too short or too odd to find beats in: {len(record.signal):,} "
        "samples; name another lead by --lead"
    ):
        return detect(record.signal, record.fs)


def write(classified, out):
    """Write the classes of a record as a table or as WFDB annotations.

    Parameters
    ----------
    classified : Classified
        From `predict_record`.
    out : Path
        `*.csv` is a table with a row for each beat. Any other extension of letters is an
        annotation file whose symbols are N, S and V.

    Raises
    ------
    UserError
        If the file has no extension or cannot be written.
    """
    extension = out.suffix.removeprefix(".")
    if not extension.isalpha():
        raise UserError(f"{out} has no extension; end it in .csv, or .atr for WFDB annotations")
    with written(out) as temporary:
        if extension == "csv":
            classified.beats.to_csv(temporary, index=False)
        else:
            _write_annotations(classified, temporary, extension)


def _write_annotations(classified, path, extension):
    """Write annotations to `path`, by way of another file, whose name WFDB chooses."""
    import wfdb

    sample, symbol = (classified.beats[name].to_numpy() for name in ("sample", "class"))
    with tempfile.TemporaryDirectory() as folder:
        wfdb.wrann(
            "record", extension, sample, list(symbol), fs=classified.fs, write_dir=folder
        )
        shutil.copyfile(Path(folder) / f"record.{extension}", path)
