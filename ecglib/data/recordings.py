"""Whole recordings with one label each, and their division into folds."""

import warnings
from dataclasses import dataclass, replace

import numpy as np

from ecglib.system.errors import UserError


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings of one data set, cut or padded to one length.

    Attributes
    ----------
    signal : ndarray, shape (n, length), float32
        Samples in mV; zeros follow the end of a shorter recording.
    label : ndarray, shape (n,), int8
        Index into `classes`.
    recording : ndarray, shape (n,), str
        Names.
    n_samples : ndarray, shape (n,), int32
        Samples before the padding.
    fs : float
        Hz.
    classes : tuple of str
        Names of the labels.
    source : str
        Data set.
    """

    signal: np.ndarray
    label: np.ndarray
    recording: np.ndarray
    n_samples: np.ndarray
    fs: float
    classes: tuple[str, ...]
    source: str

    def __len__(self):
        return len(self.label)

    def select(self, rows):
        """The recordings that `rows` (bool or int array) selects."""
        names = ("signal", "label", "recording", "n_samples")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def resampled(self, fs, length):
        """The recordings resampled to `fs` (int, Hz), cut or padded to `length` samples."""
        parts = (own[:n] for own, n in zip(self.signal, self.n_samples, strict=True))
        parts = (resample(part, int(self.fs), int(fs)) for part in parts)
        signal, n_samples = padded(parts, self.recording, length)
        return replace(self, signal=signal, n_samples=n_samples, fs=float(fs))


def resample(signal, fs, to_fs):
    """A signal (n_samples,) resampled from `fs` to `to_fs` by a polyphase low-pass filter.

    Before its start the signal is continued with its first sample, after its end with its last.
    """
    if fs == to_fs:
        return signal
    from scipy.signal import resample_poly  # a packed file is read without SciPy

    return resample_poly(signal, to_fs, fs, padtype="edge")


def padded(signals, names, length):
    """Signals (n_samples,) in mV, cut or padded with zeros at the end to `length` samples.

    `names` are for messages. Returns signals (n, length) float32, and samples before the
    padding (n,) int32. `UserError` if a signal is empty or has samples that are no number.
    """
    if length < 1:
        raise UserError(f"length is {length}: it must be at least 1 sample")
    signal = np.zeros((len(names), length), dtype=np.float32)
    n_samples = np.zeros(len(names), dtype=np.int32)
    for row, (name, whole) in enumerate(zip(names, signals, strict=True)):
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            part = np.asarray(whole[:length], dtype=np.float32)
        if len(part) == 0:
            raise UserError(f"recording {name} is empty; fetch it again or leave it out")
        if not np.isfinite(part).all():
            n_bad = np.count_nonzero(~np.isfinite(part))
            raise UserError(
                f"recording {name} has {n_bad:,} samples that are NaN or marked invalid; "
                "fetch it again or leave it out"
            )
        signal[row, : len(part)], n_samples[row] = part, len(part)
    return signal, n_samples


def warn_of_rare(label, classes, n_folds):
    """Warn of each class with fewer recordings than folds; `label` as in `Recordings`."""
    counts = np.bincount(label, minlength=len(classes))
    rare = [f"{c} {n}" for c, n in zip(classes, counts, strict=True) if n < n_folds]
    if rare:
        warnings.warn(
            f"some of {n_folds} folds lack a class (recordings: {', '.join(rare)}); where a "
            "class has no recording its F1 counts as 0 in macro-F1",
            stacklevel=3,
        )


def stratified_folds(label, n_folds=5, *, seed):
    """Fold of each recording; every class is spread evenly over the folds.

    Parameters
    ----------
    label : array_like of int, shape (n,)
        Class of each recording.
    n_folds, seed : int
        Number of folds, and seed of the draw.

    Returns
    -------
    ndarray, shape (n,), int64
        Numbers from 0 to n_folds − 1. The folds differ in size by one at most, and so do their
        numbers of recordings of each class.

    Raises
    ------
    UserError
        If there are fewer recordings than folds, or fewer than two folds.

    Examples
    --------
    >>> folds = stratified_folds([0, 0, 1, 1, 1, 1], 2, seed=7)
    >>> sorted(folds[:2].tolist()), sorted(folds[2:].tolist())
    ([0, 1], [0, 0, 1, 1])
    """
    label = np.asarray(label)
    if not 2 <= n_folds <= len(label):
        raise UserError(
            f"n_folds is {n_folds}; it must be 2 to {len(label)}, the recordings: give more"
        )
    rng = np.random.default_rng(seed)
    rows = (np.flatnonzero(label == value) for value in np.unique(label))
    order = np.concatenate([rng.permutation(own) for own in rows])
    folds = np.empty(len(label), dtype=np.int64)
    folds[order] = np.arange(len(label)) % n_folds
    return folds
