"""One annotated lead of one record, read from WFDB files."""

import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.find.identity import record_files
from ecglib.system.errors import UserError
from ecglib.system.untrusted import read_bytes, refused

_BITS_PER_SAMPLE = {
    "8": 8, "16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16,
    "212": 12, "310": 32 / 3, "311": 32 / 3, "508": 1 / 8, "516": 1 / 8, "524": 1 / 8,
}  # fmt: skip
"""Format -> least number of bits of a sample in the file. The last three formats are FLAC;
their numbers are smaller than any ECG needs."""

MAX_BYTES = 4_000_000
"""Largest size in bytes of a header or a file of annotations, which has some 0.3 MB for a day.
To read it, wfdb takes two hundred times as much memory."""

MAX_FS = 20_000
"""Highest sampling frequency in Hz; no ECG is recorded at a higher one."""


@dataclass(frozen=True)
class Record:
    """One lead with all annotations of a record.

    Attributes
    ----------
    number : int
        Record number.
    signal : ndarray, shape (n_samples,), float32
        The lead in mV; NaN where the recorder marked a sample as invalid.
    fs : float
        Sampling frequency, Hz.
    gain, baseline : float
        Values of the header: mV = (ADC units - baseline) / gain.
    sample : ndarray, shape (n_annotations,), int64
        Place of each annotation, in samples, ascending.
    symbol : ndarray, shape (n_annotations,), str
        WFDB symbol of each annotation, whether it marks a beat or not.
    n_outside : int
        Annotations past the end of the signal, which were left out.
    """

    number: int
    signal: np.ndarray
    fs: float
    gain: float
    baseline: float
    sample: np.ndarray
    symbol: np.ndarray
    n_outside: int = 0

    @property
    def is_beat(self):
        """Mask (n_annotations,) of annotations that mark a beat."""
        return np.isin(self.symbol, list(SYMBOL_TO_AAMI))


def to_millivolts(adc, gain, baseline):
    """ADC units (integers) in mV, float32; the arithmetic is float64, as in wfdb."""
    return ((adc - np.float64(baseline)) / gain).astype(np.float32)


def read_wfdb(folder, record, lead):
    """One lead, chosen by name, and the annotations of a WFDB record, as `Record`.

    `folder` holds `<record>.hea`, `.dat` and `.atr`. `UserError` if a file is missing,
    unreadable or truncated, or the record lacks the lead.
    """
    header_path = record_files(folder, record)[0]
    name = header_path.with_suffix("")
    header = read_header(name)
    check_lead(record, lead, header.sig_name)
    channel = header.sig_name.index(lead)
    sample, symbol = read_annotations(name, "atr")
    signal = read_signal(name, header, channel)
    inside = sample < len(signal)
    read = Record(
        number=record,
        signal=signal,
        fs=float(header.fs),
        gain=float(header.adc_gain[channel]),
        baseline=float(header.baseline[channel]),
        sample=sample[inside],
        symbol=symbol[inside],
        n_outside=np.count_nonzero(~inside),
    )
    check_record(read, f"{name}.hea or .atr")
    return read


def read_header(name):
    """Header of a WFDB record of one segment.

    Parameters
    ----------
    name : path
        The record, without extension.

    Returns
    -------
    wfdb.Record
        With at least one lead; one without a name is called "signal 0" and so on.

    Raises
    ------
    UserError
        If it is missing or damaged, or the record comes in segments or without leads.
    """
    import wfdb  # slow to import, and a machine with a packed file does not need it

    with refused(f"{name}.hea is damaged, missing or no header of WFDB; fetch it again"):
        read_bytes(f"{name}.hea", MAX_BYTES)
        header = wfdb.rdheader(str(name))
        if isinstance(header, wfdb.MultiRecord):
            raise UserError(
                f"{name} comes in segments, which are not read: name the record of one segment"
            )
        leads = header.sig_name or []
        if header.n_sig != len(leads):
            raise ValueError(f"{header.n_sig} leads, of which {len(leads)} are described")
    if not leads:
        raise UserError(f"{name}.hea lists no lead")
    header.sig_name = [lead or f"signal {i}" for i, lead in enumerate(leads)]
    return header


def read_signal(name, header, channel):
    """Samples of one lead of a WFDB record, in the header's unit.

    Parameters
    ----------
    name : path
        The record, without extension.
    header : wfdb.Record
        From `read_header`.
    channel : int
        Place of the lead in the header.

    Returns
    -------
    ndarray, shape (n_samples,), float32
        NaN where a sample is invalid.

    Raises
    ------
    UserError
        If the file of signals is missing, damaged or shorter than the header says.
    """
    import wfdb

    with refused(f"the signals of {name} are missing or damaged; fetch the record again"):
        _check_size(Path(name).parent, header, channel)
        with np.errstate(over="ignore"):  # what is too large for mV becomes infinite
            read = wfdb.rdrecord(str(name), channels=[channel])
            return read.p_signal[:, 0].astype(np.float32)


def read_annotations(name, extension):
    """Places and symbols of a file of WFDB annotations.

    Parameters
    ----------
    name, extension : path and str
        The record, without extension, and the extension of the file.

    Returns
    -------
    ndarray of int64 and ndarray of str, shape (n,)

    Raises
    ------
    UserError
        If the file is missing, damaged or not in order of time.
    """
    with _annotations(name, extension) as read:
        sample = np.asarray(read.sample, dtype=np.int64)
        symbol = np.asarray(read.symbol, dtype="U1")
        if np.any(np.diff(sample) < 0):
            raise ValueError("annotations must be in order of time")
    return sample, symbol


def read_rhythms(folder, record):
    """Where each rhythm begins, and what it is.

    Parameters
    ----------
    folder : path
        Where the record's files lie.
    record : int
        Record number.

    Returns
    -------
    tuple of (ndarray of int64, ndarray of str), each of shape (n_changes,)
        Samples, ascending, and the names of the database without their bracket: "N" sinus
        rhythm, "AFIB" atrial fibrillation.

    Raises
    ------
    UserError
        If a file is missing, or damaged.
    """
    name = record_files(folder, record)[0].with_suffix("")
    with _annotations(name, "atr") as read:
        marks = zip(read.sample, read.symbol, read.aux_note, strict=True)
        found = [(at, note.strip("(\0")) for at, symbol, note in marks if symbol == "+"]
        sample = np.array([at for at, _ in found], dtype=np.int64)
        return sample, np.array([name for _, name in found], dtype=str)


@contextmanager
def _annotations(name, extension):
    """Annotations as wfdb reads them; every exception in the block becomes a `UserError`."""
    import wfdb

    path = f"{name}.{extension}"
    with refused(f"{path} is damaged, missing or no annotation file; fetch it again"):
        read_bytes(path, MAX_BYTES)
        yield wfdb.rdann(str(name), extension)


def check_record(record, where):
    """Raise `UserError` if a record from the files `where` is impossible.

    It is impossible if it is empty, if its rate or gain makes no sense, or if an annotation
    lies outside the signal or before the annotation that precedes it in the file. Annotations
    past the end must have been left out before.
    """
    ordered = np.all(np.diff(record.sample) >= 0) and len(record.sample) == len(record.symbol)
    inside = np.all((record.sample >= 0) & (record.sample < len(record.signal)))
    scaled = 0 < record.fs <= MAX_FS and record.gain != 0 and np.isfinite(record.gain)
    if not (len(record.signal) and ordered and inside and scaled):
        raise UserError(
            f"record {record.number} is damaged in {where}: it is empty, has an impossible "
            "rate or gain, or annotations outside of it or out of order; fetch it again"
        )


def check_lead(record, lead, present):
    """Raise `UserError` if `lead` is not among the leads `present` in the record."""
    if lead not in present:
        raise UserError(
            f"record {record} has no lead {lead!r}; it has {', '.join(present)}: "
            "leave the record out or name another lead"
        )


def _check_size(folder, header, channel):
    """Raise `UserError` if the channel's signal file is shorter than the header says."""
    path = folder / header.file_name[channel]
    if path.parent != folder or not path.is_file():
        raise UserError(f"{path} is missing, though the record's header names it")
    own = [i for i, name in enumerate(header.file_name) if name == path.name]
    per_frame = sum(header.samps_per_frame[i] or 1 for i in own)
    # wfdb reserves memory for the samples by which the header says that a lead is shifted
    n_frames = (header.sig_len or 0) + max(header.skew[i] or 0 for i in own)
    bits = _BITS_PER_SAMPLE[header.fmt[channel]]
    needed = math.ceil(n_frames * per_frame * bits / 8) + (header.byte_offset[channel] or 0)
    size = path.stat().st_size
    if size < needed or (bits < 1 and not header.sig_len):
        raise UserError(
            f"{path} is truncated: its header asks for {needed:,} bytes, it has {size:,}; "
            "fetch it again"
        )
