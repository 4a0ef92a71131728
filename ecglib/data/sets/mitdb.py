"""MIT-BIH Arrhythmia Database: from annotated records to one table of beats."""

from pathlib import Path

import numpy as np

from ecglib.aami import AAMI_CLASSES, CLASSES, SYMBOL_TO_AAMI
from ecglib.data.beats import Beats
from ecglib.data.find import cache
from ecglib.data.find.identity import record_files, sha256_of
from ecglib.data.find.pack import read_packed
from ecglib.data.records import read_wfdb
from ecglib.data.signal.rr import RR_NAMES, rr_features
from ecglib.data.signal.windows import cut
from ecglib.system.errors import UserError

_SYMBOLS = np.array(sorted(SYMBOL_TO_AAMI))
_LABELS = np.array([AAMI_CLASSES.index(SYMBOL_TO_AAMI[s]) for s in _SYMBOLS], dtype=np.int8)


def load_beats(root, records, *, lead="MLII", before=150, after=150, length=300, fusion="drop"):
    """Beats of the given records, in order of record and time.

    A WFDB folder is read once and then served from a cache on disk (`ecglib.data.find.cache`);
    a packed file is quick enough without one.

    Parameters
    ----------
    root : path
        Folder with `100.hea` etc., or a file written by `ecglib.data.find.pack.pack_mitdb`.
    records : sequence of int
        Record numbers.
    lead : str
        Lead by name: record 114 has MLII as its second one.
    before, after : int
        Window `[R - before, R + after)`, in samples. Over a record's edge the nearest
        sample is repeated, and the window counted in `n_padded`.
    length : int
        Samples of a beat; other widths are resampled (`ecglib.data.signal.windows`).
    fusion : {"drop", "keep"}
        Whether fusion (F) and unknown (Q) beats are dropped, as the literature does, or
        kept with labels 3 and 4.

    Returns
    -------
    Beats
        `signal` in mV, float32, not normalised: a beat may be flat, and whatever
        normalises must cope. `rr` is computed on all beats before any is dropped. `fs` is
        that of the record, in which `sample` counts, whatever `length` is.

    Raises
    ------
    UserError
        If a file is missing, damaged or truncated, a record lacks the lead or is one flat
        line, a window holds samples that the recorder marked invalid, or an argument makes
        no sense.
    """
    window = {"before": before, "after": after, "length": length}
    _check_arguments(records, window, fusion)
    if Path(root).is_file():
        return _cut_all(read_packed(root, records, lead), window, fusion)

    checksums = [sha256_of(path) for r in records for path in record_files(root, r)]
    arguments = {"records": list(map(int, records)), "lead": lead, "fusion": fusion, **window}
    stored = cache.path_for(checksums, arguments)
    beats = cache.load(stored)
    if beats is None:
        beats = _cut_all((read_wfdb(root, r, lead) for r in records), window, fusion)
        cache.store(stored, beats)
    return beats


def read_record(root, record, lead="MLII"):
    """One lead of one record with all its annotations, for whoever needs the whole signal.

    Parameters
    ----------
    root : path
        As in `load_beats`.
    record : int
        Record number.
    lead : str
        Lead by name.

    Returns
    -------
    ecglib.data.records.Record
    """
    if Path(root).is_file():
        return next(read_packed(root, [record], lead))
    return read_wfdb(root, record, lead)


def _check_arguments(records, window, fusion):
    if len(records) == 0:
        raise UserError("records is empty: name at least one record")
    for name, value in window.items():
        if value < 1:
            raise UserError(f"{name} is {value}: it must be at least 1 sample")
    if fusion not in ("drop", "keep"):
        raise UserError(f"fusion is {fusion!r}: it must be 'drop' or 'keep'")


def _cut_all(records, window, fusion):
    """Beats of all records (an iterable of `Record`) as one table."""
    parts = [_cut_record(record, window, fusion) for record in records]
    return Beats(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("signal", "label", "symbol", "record", "sample", "rr")
        },
        rr_names=RR_NAMES,
        fs=parts[0].fs,
        n_padded=sum(part.n_padded for part in parts),
    )


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
    _check_valid(record, sample, signal)
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


def _check_valid(record, sample, signal):
    """Raise `UserError` if a window holds an invalid sample, or one too large for a float."""
    invalid = ~np.isfinite(signal).all(axis=1)
    if invalid.any():
        seconds = sample[invalid][0] / record.fs
        raise UserError(
            f"record {record.number} has samples marked invalid in {invalid.sum():,} beat "
            f"windows, the first at {seconds:.1f} s: leave it out of records"
        )
