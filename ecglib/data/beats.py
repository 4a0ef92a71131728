"""The table of heart beats that every study on MIT-BIH starts from."""

from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True)
class Beats:
    """Beats cut from annotated records, in order of record and time.

    Attributes
    ----------
    signal : ndarray, shape (n_beats, length), float32
        Samples around each R-peak in mV, not normalised.
    label : ndarray, shape (n_beats,), int8
        Index into `ecglib.aami.AAMI_CLASSES`; below 3 it is an index into `CLASSES` too.
    symbol : ndarray, shape (n_beats,), str
        Annotation symbol of the beat.
    record : ndarray, shape (n_beats,), int
        Record number.
    sample : ndarray, shape (n_beats,), int64
        R-peak, in samples from the record's start.
    rr : ndarray, shape (n_beats, 5), float32
        Ratios of RR intervals, without unit; see `ecglib.data.signal.rr`.
    rr_names : tuple of str
        Names of the columns of `rr`.
    fs : float
        Sampling frequency, Hz.
    n_padded : int
        How many windows reached over a record's edge and were padded there.
    """

    signal: np.ndarray
    label: np.ndarray
    symbol: np.ndarray
    record: np.ndarray
    sample: np.ndarray
    rr: np.ndarray
    rr_names: tuple[str, ...]
    fs: float
    n_padded: int

    def __len__(self):
        return len(self.label)

    def select(self, mask):
        """Beats where `mask` (bool or integer index, shape (n_beats,)) points."""
        rows = {
            field.name: getattr(self, field.name)[mask]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **rows)

    def of_records(self, records):
        """Beats of the given record numbers, order kept."""
        return self.select(np.isin(self.record, list(records)))

    def before(self, seconds):
        """Mask (n_beats,) of beats whose R-peak lies in a record's first `seconds`."""
        return self.sample < seconds * self.fs
