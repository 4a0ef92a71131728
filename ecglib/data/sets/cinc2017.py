"""PhysioNet/CinC Challenge 2017: single-lead recordings of 9 to 61 s at 300 Hz.

Clifford et al. 2017 (doi 10.22489/CinC.2017.065-469). The AliveCor recorder was held with two
hands, which gives lead I. The first 30 s are read at 150 Hz, as in paper 2.
"""

import csv
import warnings

import numpy as np

from ecglib.data.find.archive import find_files as find
from ecglib.data.recordings import padded, resample
from ecglib.data.sets.challenge import read_recording
from ecglib.data.sets.dataset import Publisher, RecordingSet
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

CLASSES = ("N", "A", "O", "~")
"""Normal rhythm, atrial fibrillation, other rhythm, too noisy to classify."""

FS = 150
"""Hz, after resampling."""

SECONDS = 30
"""Seconds of a recording that are read, from its start; the rest is left out."""

N_INVENTED = 40
"""Number of invented recordings of each class, which is enough for five folds."""

_OWN_FS = 300
_REFERENCES = ("REFERENCE-v3.csv", "REFERENCE.csv")


def find_files(root):
    """Recordings and labels in `root`: `training2017.zip`, or a folder with it or its files."""
    files = find(root, r"A\d{5}", ("mat", "hea"), _REFERENCES, ["training2017.zip"])
    if files.recordings and _REFERENCES[1] == _reference_in(files):
        warnings.warn(
            f"labels are those of {files.where(_REFERENCES[1])}, since {_REFERENCES[0]}, the "
            "last revision, is not beside the recordings",
            stacklevel=2,
        )
    return files


def _reference_in(files):
    """Name of the file with the labels that are used; None if there is none."""
    return next((name for name in _REFERENCES if name in files.members), None)


def read(files, lead, length):
    """All recordings, their first 30 s at 150 Hz.

    Labels are those of `REFERENCE-v3.csv`, the challenge's last revision; without it those of
    `REFERENCE.csv`, and `find_files` warns.
    """
    names = files.recordings
    reference = _reference_in(files)
    if reference is None:
        raise UserError(
            f"the recordings of CinC 2017 have no labels: put {_REFERENCES[0]} beside "
            f"{files.where(f'{names[0]}.mat')}, or run `python -m ecglib fetch cinc2017`"
        )
    with files.opened() as at:
        label = _labels(at(reference), files.where(reference), names)
        signal, n_samples = padded((_signal(files, at, n) for n in names), names, length)
    return signal, n_samples, label


def _labels(path, where, names):
    """Index into CLASSES of each name, (n,) int8."""
    with (
        refused(f"{where} is no table of recordings and labels; fetch it again"),
        path.open(encoding="utf-8-sig", newline="") as file,  # spreadsheets put a mark first
    ):
        lines = (line.replace(";", ",") for line in file)  # some have it between columns
        cells = ([cell.strip() for cell in row] for row in csv.reader(lines))
        rows = [row for row in cells if any(row)]
    wrong = next((row for row in rows if len(row) != 2 or row[1] not in CLASSES), None)
    if wrong is not None:
        raise UserError(
            f"{where} has the row {','.join(wrong)!r}; a row is a recording and one of "
            f"{' '.join(CLASSES)}: fetch the file again"
        )
    labels = {name: CLASSES.index(symbol) for name, symbol in rows}
    lacking = [name for name in names if name not in labels]
    if lacking:
        raise UserError(
            f"{where} has no label for {len(lacking):,} of {len(names):,} recordings "
            f"({lacking[0]} first); fetch the file again"
        )
    return np.array([labels[name] for name in names], dtype=np.int8)


def _signal(files, at, name):
    """First 30 s in mV at 150 Hz."""
    signal, _ = read_recording(files, at, name, fs=_OWN_FS)
    return resample(signal[: SECONDS * _OWN_FS], _OWN_FS, FS)


def _invent(folder, _):
    from ecglib.data.synthetic_recordings import VERSION, write_cinc2017

    own = folder / f"synthetic-cinc2017-{VERSION}"
    write_cinc2017(own, N_INVENTED, seed=0)
    return own


DATASET = RecordingSet(
    name="cinc2017",
    title="CinC 2017",
    classes=CLASSES,
    n_published=8528,
    fs=FS,
    find_files=find_files,
    read=read,
    packed_length=SECONDS * FS,
    publisher=Publisher(
        "https://physionet.org/files/challenge-2017/1.0.0/",
        {
            "training2017.zip": (
                "7d1af830d7f309e0fdd16edfcba754739960ea30512dfaca6e79c526d4d12a97"
            ),
            "REFERENCE-v3.csv": (
                "ae517e474b0bc89a7517ad876b5b4dadc6c94f680d0665c04746db9432df855b"
            ),
        },
        max_bytes=150_000_000,  # the zip has 100 MB
    ),
    invent=_invent,
)
