"""R-peak detection and its score against the reference annotations."""

from dataclasses import dataclass

import numpy as np

from ecglib.data import sets
from ecglib.system.untrusted import refused

TOLERANCE_S = 0.150
"""How far a detection may lie from its reference beat (ANSI/AAMI EC57)."""

FINEST_HZ = 500
"""Highest sampling frequency for the detector XQRS, whose thresholds fit no finer signals; a
signal with a higher one is averaged."""

COARSE_HZ = 250
"""Lowest sampling frequency that an averaged signal may have."""


@dataclass(frozen=True)
class Matching:
    """Detections matched one to one with reference beats.

    Attributes
    ----------
    tp, fn, fp : int
        Matched beats, beats without a detection, detections without a beat.
    pairs : ndarray, shape (tp, 2), int
        Index into the reference and into the detections, ascending.
    """

    tp: int
    fn: int
    fp: int
    pairs: np.ndarray

    @property
    def se(self):
        """Sensitivity, the share of beats that were detected; NaN without beats."""
        return _share(self.tp, self.fn)

    @property
    def ppv(self):
        """Positive predictivity, the share of detections that are beats; NaN without any."""
        return _share(self.tp, self.fp)


def detect(signal, fs):
    """R-peaks found by wfdb's XQRS detector, at 250 to 500 Hz if the signal has more.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        One lead in mV.
    fs : float
        Sampling frequency, Hz.

    Returns
    -------
    ndarray, shape (n_detected,), int64
        Samples of the R-peaks, ascending.
    """
    from wfdb.processing import xqrs_detect

    together = int(fs // COARSE_HZ) if fs > FINEST_HZ else 1
    if together > 1:
        whole = len(signal) - len(signal) % together
        signal = signal[:whole].reshape(-1, together).mean(axis=1)
    found = xqrs_detect(signal, fs / together, verbose=False)
    return together * np.asarray(found, dtype=np.int64) + together // 2


def match(reference, detected, fs, tolerance=TOLERANCE_S):
    """Match detections with reference beats, one to one, as many as possible.

    In order of time, every beat takes the earliest detection that is within `tolerance`
    and still free: no other choice gives more pairs.

    Parameters
    ----------
    reference, detected : array_like of int, ascending
        R-peaks, in samples.
    fs : float
        Sampling frequency, Hz.
    tolerance : float
        Largest distance of a pair, s, itself included.

    Returns
    -------
    Matching

    Examples
    --------
    >>> found = match([100, 460, 820], [104, 300, 815], fs=360)
    >>> found.tp, found.fn, found.fp
    (2, 1, 1)
    >>> found.pairs.tolist()
    [[0, 0], [2, 2]]
    """
    reach = tolerance * fs
    pairs = []
    candidate = 0
    for beat, sample in enumerate(reference):
        while candidate < len(detected) and detected[candidate] < sample - reach:
            candidate += 1
        if candidate < len(detected) and detected[candidate] <= sample + reach:
            pairs.append((beat, candidate))
            candidate += 1
    tp, table = len(pairs), np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Matching(tp, len(reference) - tp, len(detected) - tp, table)


def score_record(root, record, lead=None, *, dataset="mitdb"):
    """Sensitivity and positive predictivity of `detect` on one record.

    All annotated beats of the whole record count, whatever their class. Ventricular flutter
    (record 207) is annotated without beats, so detections there count as false.

    Parameters
    ----------
    root : path
        Folder with the records, or a packed file.
    record : int
        Record number.
    lead : str, optional
        Lead by name.
    dataset : str
        Whose record it is, one of `ecglib.data.sets.BEATS`.

    Returns
    -------
    dict
        `record`, `n_beats`, `tp`, `fn`, `fp` (int), `se`, `ppv` (float): a table's row.

    Raises
    ------
    UserError
        If the record is damaged, or the detector fails on it.
    """
    data = sets.get(dataset).read_record(root, record, lead)
    reference = data.sample[data.is_beat]
    with refused(f"record {record} is too short or too odd to find beats in"):
        detected = detect(data.signal, data.fs)
    matching = match(reference, detected, data.fs)
    return {
        "record": record,
        "n_beats": len(reference),
        **{name: getattr(matching, name) for name in ("tp", "fn", "fp", "se", "ppv")},
    }


def _share(hits, misses):
    return hits / (hits + misses) if hits + misses else float("nan")
