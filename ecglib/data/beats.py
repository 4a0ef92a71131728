"""The table of heart beats with which studies start, and how it is cut from records."""

from dataclasses import dataclass, replace

import numpy as np

from ecglib.aami import AAMI_CLASSES, CLASSES, SYMBOL_TO_AAMI
from ecglib.data.signal.rr import RR_NAMES, rr_features
from ecglib.data.signal.windows import cut
from ecglib.system.errors import UserError

_SYMBOLS = np.array(sorted(SYMBOL_TO_AAMI))
_COLUMNS = ("signal", "label", "symbol", "record", "sample", "rr")
_LABELS = np.array([AAMI_CLASSES.index(SYMBOL_TO_AAMI[s]) for s in _SYMBOLS], dtype=np.int8)


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
        """The beats that `mask` selects; a bool array (n_beats,) or an array of indices."""
        return replace(self, **{name: getattr(self, name)[mask] for name in _COLUMNS})

    def of_records(self, records):
        """The beats of the records with the given numbers, in unchanged order."""
        return self.select(np.isin(self.record, list(records)))

    def before(self, seconds):
        """Mask (n_beats,) of beats whose R-peak lies in a record's first `seconds`."""
        return self.sample < seconds * self.fs


def cut_beats(records, window, fusion):
    """Cut the beats of records into one table; the records have one sampling frequency.

    `window` has `before`, `after` and `length` as `ecglib.data.signal.windows.cut` takes them.
    `fusion` says whether beats of the classes F and Q are left out ("drop") or not ("keep").
    """
    parts = [_cut_record(record, window, fusion) for record in records]
    if len({part.fs for part in parts}) > 1:
        raise UserError("records have different sampling frequencies; load them one by one")
    return joined(parts)


def joined(parts):
    """Several tables of beats at one sampling frequency as one."""
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS}
    return replace(parts[0], **columns, n_padded=sum(part.n_padded for part in parts))


def _cut_record(record, window, fusion):
    if record.signal.min() == record.signal.max():
        raise UserError(
            f"record {record.number} is one flat line in this lead: leave it out of records"
        )
    sample, symbol = record.sample[record.is_beat], record.symbol[record.is_beat]
    label = _LABELS[np.searchsorted(_SYMBOLS, symbol)]
    rr = rr_features(sample)
    if fusion == "drop":
        kept = label < len(CLASSES)
        sample, symbol, label, rr = sample[kept], symbol[kept], label[kept], rr[kept]
    signal, n_padded = cut(record.signal, sample, **window)
    invalid = ~np.isfinite(signal).all(axis=1)  # or too large for a float
    if invalid.any():
        seconds = sample[invalid][0] / record.fs
        raise UserError(
            f"record {record.number} has samples marked invalid in {invalid.sum():,} beat "
            f"windows, the first at {seconds:.1f} s: leave it out of records"
        )
    return Beats(
        signal=signal,
        label=label,
        symbol=symbol,
        record=np.full(len(sample), record.number),
        sample=sample,
        rr=rr,
        rr_names=RR_NAMES,
        fs=record.fs,
        n_padded=n_padded,
    )
