"""R-peak detection and its score against the reference annotations."""

from dataclasses import dataclass

import numpy as np

from ecglib.data import sets
from ecglib.data.signal.micro_input import bridged
from ecglib.data.signal.peaks import UNITS_PER_MV, find, in_units
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

TOLERANCE_S = 0.150
"""How far a detection may lie from its reference beat (ANSI/AAMI EC57)."""


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
    """R-peaks of a lead, as a device finds them too; see `ecglib.data.signal.peaks`.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        One lead in mV; what is more than 32 mV away from the median of every 16th
        sample is clipped.
    fs : float
        Sampling frequency, Hz, 100 to 20,000.

    Returns
    -------
    ndarray, shape (n_detected,), int64
        Samples of the R-peaks, ascending.

    Raises
    ------
    UserError
        If a sample is invalid, or the frequency is another one.
    """
    signal = np.asarray(signal)
    if not np.isfinite(signal).all():
        raise UserError("the signal has invalid samples, in which no R-peak can be found")
    return find(in_units(signal), round(fs), UNITS_PER_MV)


def without_flutter(record, sample):
    """Mask (n,) of samples outside of a record's ventricular flutter, not scored by EC57.

    Parameters
    ----------
    record : ecglib.data.records.Record
        "[" and "]" among its annotations mark where flutter begins and ends.
    sample : ndarray of int, shape (n,)
        Samples, in any order.
    """
    begins, ends = (np.sort(record.sample[record.symbol == mark]) for mark in "[]")
    began = np.searchsorted(begins, sample, side="right")
    return began == np.searchsorted(ends, sample, side="left")


def match(reference, detected, fs):
    """Match detections with reference beats, one to one, as many as possible: a `Matching`.

    In order of time, every beat takes the earliest detection that is within `TOLERANCE_S`, that
    included, and still free: no other choice gives more pairs.

    Parameters
    ----------
    reference, detected : array_like of int, ascending
        R-peaks, in samples.
    fs : float
        Sampling frequency, Hz.

    Examples
    --------
    >>> found = match([100, 460, 820], [104, 300, 815], fs=360)
    >>> found.tp, found.fn, found.fp
    (2, 1, 1)
    >>> found.pairs.tolist()
    [[0, 0], [2, 2]]
    """
    reach, pairs, candidate = TOLERANCE_S * fs, [], 0
    for beat, sample in enumerate(reference):
        while candidate < len(detected) and detected[candidate] < sample - reach:
            candidate += 1
        if candidate < len(detected) and detected[candidate] <= sample + reach:
            pairs.append((beat, candidate))
            candidate += 1
    tp, table = len(pairs), np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Matching(tp, len(reference) - tp, len(detected) - tp, table)


def score_record(root, record, dataset="mitdb"):
    """Sensitivity and positive predictivity of `detect` on one record.

    All annotated beats of the whole record count, whatever their class. Ventricular flutter
    (record 207) is annotated without beats, so detections there count as false.

    Parameters
    ----------
    root : path
        Folder with the records, or a packed file.
    record : int
        Record number.
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
    data = sets.get(dataset).read_record(root, record)
    reference = data.sample[data.is_beat]
    with refused(f"record {record} is too short or too odd to find beats in"):
        detected = detect(bridged(data), data.fs)
    matching = match(reference, detected, data.fs)
    return {
        "record": record,
        "n_beats": len(reference),
        **{name: getattr(matching, name) for name in ("tp", "fn", "fp", "se", "ppv")},
    }


def _share(hits, misses):
    return hits / (hits + misses) if hits + misses else float("nan")
