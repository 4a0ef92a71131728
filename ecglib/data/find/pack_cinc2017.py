"""CinC 2017 as one file of some 45 MB, which NumPy reads alone."""

import numpy as np

from ecglib.data.find.identity import identity
from ecglib.data.find.pack import PackInfo, opened
from ecglib.data.recordings import Recordings, padded
from ecglib.data.sets import cinc2017
from ecglib.data.synthetic_recordings import is_synthetic
from ecglib.system.errors import UserError
from ecglib.system.files import atomic

FORMAT = "ecglib-cinc2017-1"

UNITS_PER_MV = 1000
"""Steps of 1 µV, as in the recordings, so that rounding errs by half of one."""


def pack_cinc2017(root, out):
    """Write the first 30 s of all recordings at 150 Hz, and their labels, to one `.npz` file.

    Samples are rounded to 1 µV (int16); the file carries the identity of its source.

    Parameters
    ----------
    root : path
        As in `ecglib.data.sets.cinc2017.find_files`.
    out : path
        File to write; it appears whole or not at all.

    Returns
    -------
    PackInfo
        `records`: names of the recordings.

    Raises
    ------
    UserError
        If there are no recordings, or one is without label or damaged.
    """
    files = cinc2017.find_files(root)
    if not cinc2017.recordings_in(files):
        raise UserError(f"{root} holds no recordings of CinC 2017; name where they are")
    found = cinc2017.read(files, None, cinc2017.SECONDS * cinc2017.FS)
    info = PackInfo(
        tuple(found.recording.tolist()), identity(files.checksums()), is_synthetic(files)
    )
    whole = np.concatenate([s[:n] for s, n in zip(found.signal, found.n_samples, strict=True)])
    limit = np.iinfo(np.int16).max
    arrays = {
        "format": FORMAT, "sha256": info.sha256, "synthetic": info.synthetic,
        "fs": found.fs, "units_per_mv": UNITS_PER_MV,
        "recording": found.recording, "label": found.label, "n_samples": found.n_samples,
        "units": np.rint(whole * UNITS_PER_MV).clip(-limit, limit).astype(np.int16),
    }  # fmt: skip
    with atomic(out) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    return info


def read_info(path):
    """What the packed file `path` says about itself, as `PackInfo`."""
    with opened(path, FORMAT, "cinc2017") as stored:
        return PackInfo(
            records=tuple(stored["recording"].tolist()),
            sha256=str(stored["sha256"]),
            synthetic=bool(stored["synthetic"]),
        )


def read_packed(path, length):
    """Recordings from a file that `pack_cinc2017` wrote.

    Parameters
    ----------
    path : path
        The file.
    length : int
        Samples, to which recordings are cut or padded.

    Returns
    -------
    Recordings
        Samples differ from those of the source by 0.5 µV at most.

    Raises
    ------
    UserError
        If the file is damaged or something else.
    """
    with opened(path, FORMAT, "cinc2017") as stored:
        units, names, label = stored["units"], stored["recording"], stored["label"]
        n_samples = stored["n_samples"]
        _check(units, names, label, n_samples)
        if (stored["fs"], stored["units_per_mv"]) != (cinc2017.FS, UNITS_PER_MV):
            raise ValueError("another rate or unit")
        signal = np.split(units / np.float32(UNITS_PER_MV), np.cumsum(n_samples)[:-1])
        signal, n_samples = padded(signal, names, length)
        return Recordings(
            *(signal, label, names, n_samples, float(cinc2017.FS)),
            *(cinc2017.CLASSES, "cinc2017"),
        )


def _check(units, names, label, n_samples):
    """Raise `ValueError` if arrays are of another kind or do not fit each other."""
    kinds = [array.dtype.kind for array in (units, names, label, n_samples)]
    if kinds != ["i", "U", "i", "i"] or not len(names) == len(label) == len(n_samples):
        raise ValueError("arrays of another kind")
    if len(names) > cinc2017.N_PUBLISHED or n_samples.min() < 1:
        raise ValueError("more or shorter recordings than there are")
    if n_samples.sum() != len(units) or not 0 <= label.min() <= label.max() < 4:
        raise ValueError("arrays do not fit each other")
