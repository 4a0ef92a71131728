"""A data set as one compressed file, for machines that have no WFDB reader.

MIT-BIH takes about 28 MB, CinC 2017 about 45 MB. Only NumPy is needed to read them.
"""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ecglib.data.recordings import padded
from ecglib.data.records import Record, check_lead, check_record, to_millivolts
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, refused

MAX_BYTES = 150_000_000
"""Largest size in bytes of all arrays in a packed file; those of CinC 2017 have 77 MB."""

UNITS_PER_MV = 1000
"""Steps per mV in which whole recordings are stored: 1 µV, as in CinC 2017."""

_INVALID = np.iinfo(np.int16).min  # WFDB's own mark of an invalid sample in 16 bits
_LIMIT = np.iinfo(np.int16).max


class PackInfo(NamedTuple):
    """Description that a packed file contains; its recordings have names or numbers."""

    records: tuple
    sha256: str
    synthetic: bool


def read_info(path, name):
    """Description (`PackInfo`) in the packed file `path` of data set `name`."""
    with _opened(path, name) as stored:
        names = stored["records" if "records" in stored else "recording"]
        return PackInfo(
            records=tuple(names.tolist()),
            sha256=str(stored["sha256"]),
            synthetic=bool(stored["synthetic"]),
        )


def write_records(path, name, info, records, lead):
    """Write one lead of annotated records of data set `name` to a file, whole or not at all.

    `info` is a `PackInfo`, `records` an iterable of `Record`. The file holds ADC units (int16)
    with gain and baseline, so that beats from it are the same to the last bit as from the WFDB
    files.
    """
    arrays = {}
    for record in records:
        arrays |= _arrays_of(record)
    _write(path, name, info, arrays, lead=lead, records=info.records)


def read_records(path, name, records, lead):
    """Read the records with these numbers from a file of `write_records`, one at a time.

    Raises a `UserError` if the file is truncated, is not of data set `name`, or lacks a record
    or the lead. A file holds one lead only.
    """
    with _opened(path, name) as stored:
        present, packed = set(stored["records"].tolist()), str(stored["lead"])
        for number in records:
            if number not in present:
                raise UserError(
                    f"{path} has no record {number}: one that has no lead {packed} is never "
                    "packed; for another, pack a complete folder"
                )
            check_lead(number, lead, [packed])
            record = _record_from(stored, number)
            check_record(record, path)
            yield record


def write_recordings(path, info, found):
    """Write `Recordings` without padding, in steps of 1 µV (int16), and their labels."""
    whole = np.concatenate([s[:n] for s, n in zip(found.signal, found.n_samples, strict=True)])
    arrays = {
        "fs": found.fs,
        "units_per_mv": UNITS_PER_MV,
        "recording": found.recording,
        "label": found.label,
        "n_samples": found.n_samples,
        "units": np.rint(whole * UNITS_PER_MV).clip(-_LIMIT, _LIMIT).astype(np.int16),
    }
    _write(path, found.source, info, arrays)


def read_recordings(path, dataset, length):
    """Read the file of `write_recordings` of a `RecordingSet`.

    Recordings are cut or padded to `length` samples, which differ from those of the source by
    0.5 µV at most. Raises a `UserError` if the file is damaged or another kind of file.
    """
    with _opened(path, dataset.name) as stored:
        units, names, label = stored["units"], stored["recording"], stored["label"]
        n_samples = stored["n_samples"]
        _check(units, names, label, n_samples)
        if len(names) > dataset.n_published or label.max() >= len(dataset.classes):
            raise ValueError("more recordings or classes than there are")
        if (stored["fs"], stored["units_per_mv"]) != (dataset.fs, UNITS_PER_MV):
            raise ValueError("another rate or unit")
        signal = np.split(units / np.float32(UNITS_PER_MV), np.cumsum(n_samples)[:-1])
        signal, n_samples = padded(signal, names, length)
        return dataset.table(signal, label, names, n_samples)


def _write(path, name, info, arrays, **more):
    """Write arrays together with the name of their data set and its description."""
    with written(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(
            file,
            format=_format(name),
            sha256=info.sha256,
            synthetic=info.synthetic,
            **more,
            **arrays,
        )


def _format(name):
    return f"ecglib-{name}-1"


def _check(units, names, label, n_samples):
    """Raise `ValueError` if arrays have a wrong type or do not fit each other."""
    kinds = [array.dtype.kind for array in (units, names, label, n_samples)]
    if kinds != ["i", "U", "i", "i"] or not len(names) == len(label) == len(n_samples):
        raise ValueError("arrays of another kind")
    if n_samples.min() < 1 or n_samples.sum() != len(units) or label.min() < 0:
        raise ValueError("arrays do not fit each other")


def _arrays_of(record):
    """Arrays of a record by their names in the file."""
    adc = np.rint(record.signal.astype(np.float64) * record.gain + record.baseline)
    return {
        f"{record.number}/adc": np.where(np.isnan(adc), _INVALID, adc).astype(np.int16),
        f"{record.number}/scale": np.array([record.fs, record.gain, record.baseline]),
        f"{record.number}/sample": record.sample,
        f"{record.number}/symbol": record.symbol,
        f"{record.number}/n_outside": record.n_outside,
    }


def _record_from(stored, number):
    """Inverse of `_arrays_of`."""
    adc = stored[f"{number}/adc"]
    fs, gain, baseline = stored[f"{number}/scale"].tolist()
    signal = to_millivolts(adc, gain, baseline)
    signal[adc == _INVALID] = np.nan
    sample, symbol = stored[f"{number}/sample"], stored[f"{number}/symbol"]
    kinds = [array.dtype.kind for array in (adc, sample, symbol)]
    if kinds != ["i", "i", "U"] or not adc.ndim == sample.ndim == symbol.ndim == 1:
        raise ValueError("arrays of another kind")
    outside = f"{number}/n_outside"  # which files of an older version lack
    n_outside = int(stored[outside]) if outside in stored else 0
    return Record(number, signal, fs, gain, baseline, sample, symbol, n_outside)


@contextmanager
def _opened(path, name):
    """The arrays of a packed data set; every fault of the file becomes a `UserError`."""
    with (
        refused(
            f"{path} is damaged or was not written by `python -m ecglib pack {name}`; "
            "pack or copy it again"
        ),
        opened_npz(path, MAX_BYTES) as stored,
    ):
        if str(stored["format"]) != _format(name):
            raise ValueError("another format")
        yield stored
