"""One annotated lead of one record, read from WFDB files."""

from dataclasses import dataclass

import numpy as np

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.files import record_files
from ecglib.errors import UserError

_BITS_PER_SAMPLE = {"212": 12, "16": 16}


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
        From the header: mV = (ADC units - baseline) / gain.
    sample : ndarray, shape (n_annotations,), int64
        Place of each annotation, in samples, ascending.
    symbol : ndarray, shape (n_annotations,), str
        WFDB symbol of each annotation, whether it marks a beat or not.
    """

    number: int
    signal: np.ndarray
    fs: float
    gain: float
    baseline: float
    sample: np.ndarray
    symbol: np.ndarray

    @property
    def is_beat(self):
        """Mask (n_annotations,) of annotations that mark a beat."""
        return np.isin(self.symbol, list(SYMBOL_TO_AAMI))


def to_millivolts(adc, gain, baseline):
    """ADC units (integers) in mV, float32; the arithmetic is float64, as in wfdb."""
    return ((adc - np.float64(baseline)) / gain).astype(np.float32)


def read_wfdb(folder, record, lead):
    """Read one lead, chosen by name, and the annotations of a WFDB record.

    Parameters
    ----------
    folder : path
        Where `<record>.hea`, `.dat` and `.atr` lie.
    record : int
        Record number.
    lead : str
        Name of the lead in the header.

    Returns
    -------
    Record

    Raises
    ------
    UserError
        If a file is missing, unreadable or truncated, or the record lacks the lead.
    """
    import wfdb  # slow to import, and a machine with a packed file does not need it

    header_path, _, annotation_path = record_files(folder, record)
    name = str(header_path.with_suffix(""))
    header = _readable(header_path, wfdb.rdheader, name)
    if None in (header.sig_name or [None]):  # cut short before the names of its leads
        raise _damaged(header_path)
    check_lead(record, lead, header.sig_name)
    channel = header.sig_name.index(lead)
    _check_size(header_path.parent, header, channel)
    data = _readable(header_path, wfdb.rdrecord, name, channels=[channel])
    annotation = _readable(annotation_path, wfdb.rdann, name, "atr")
    return Record(
        number=record,
        signal=data.p_signal[:, 0].astype(np.float32),
        fs=float(header.fs),
        gain=float(header.adc_gain[channel]),
        baseline=float(header.baseline[channel]),
        sample=np.asarray(annotation.sample, dtype=np.int64),
        symbol=np.asarray(annotation.symbol, dtype="U1"),
    )


def check_lead(record, lead, present):
    """Raise `UserError` if `lead` is not among the leads `present` in the record."""
    if lead not in present:
        raise UserError(
            f"record {record} has no lead {lead!r}; it has {', '.join(present)}: "
            "leave the record out or name another lead"
        )


def _damaged(path):
    return UserError(f"{path} is damaged and cannot be read; fetch it again")


def _readable(path, read, *args, **options):
    try:
        return read(*args, **options)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def _check_size(folder, header, channel):
    """Raise `UserError` if the channel's signal file is shorter than the header says."""
    path = folder / header.file_name[channel]
    if not path.is_file():
        raise UserError(f"{path} is missing, though the record's header names it")
    bits = _BITS_PER_SAMPLE.get(header.fmt[channel])
    if bits is None or header.sig_len is None:
        return  # wfdb knows other formats, and counts the samples if the header does not
    per_frame = sum(
        samples
        for samples, name in zip(header.samps_per_frame, header.file_name, strict=True)
        if name == path.name
    )
    needed = -(-header.sig_len * per_frame * bits // 8)
    size = path.stat().st_size
    if size < needed:
        raise UserError(
            f"{path} is truncated: its header asks for {needed:,} bytes, it has {size:,}; "
            "fetch it again"
        )
