"""One annotated lead of one record, read from WFDB files."""

import math
import re
import tempfile
from contextlib import contextmanager, suppress
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

FETCH = "fetch it again"
"""What mends a file of a data set."""

_BLOCK = 1 << 20
"""Samples that are read from a file at once."""

_GAIN = re.compile(r"(?P<gain>[^(/]*)(\((?P<baseline>[^)]*)\))?(/(?P<unit>.*))?")
"""Third field of a signal's line in a header: gain(baseline)/unit."""


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
    with annotations(name, "atr") as read:
        sample = np.asarray(read.sample, dtype=np.int64) * header.samps_per_frame[channel]
        symbol = np.asarray(read.symbol, dtype="U1")
    signal = read_signal(name, header, channel)
    inside = sample < len(signal)
    read = Record(
        number=record,
        signal=signal,
        fs=float(header.fs * header.samps_per_frame[channel]),
        gain=float(header.adc_gain[channel]),
        baseline=float(header.baseline[channel]),
        sample=sample[inside],
        symbol=symbol[inside],
        n_outside=np.count_nonzero(~inside),
    )
    check_record(read, f"{name}.hea or .atr")
    return read


def read_header(name, advice=FETCH, *, segments=False):
    """Header of a WFDB record.

    Parameters
    ----------
    name : path
        The record, without extension.
    advice : str
        What mends a damaged file.
    segments : bool
        Whether the record may come in segments.

    Returns
    -------
    wfdb.Record or wfdb.MultiRecord
        A record of one segment has at least one lead; one without a name is called "signal 0"
        and so on. Units and names keep all their letters. `has_gain` says of each lead whether
        the header gives its gain; else WFDB's rule is 200 steps in a mV. `has_fs` says whether
        it gives the sampling frequency; else WFDB's rule is 250 Hz.

    Raises
    ------
    UserError
        If it is missing or damaged, comes in segments where it may not, or has no leads.
    """
    import wfdb  # slow to import, and a machine with a packed file does not need it

    with refused(f"{name}.hea is damaged, missing or no header of WFDB; {advice}"):
        content = read_bytes(f"{name}.hea", MAX_BYTES)
        header = wfdb.rdheader(str(name))
        first, *lines = _lines(content)
        _take_rate_and_length(header, first.split())
        if isinstance(header, wfdb.MultiRecord) and segments:
            return header
        if isinstance(header, wfdb.MultiRecord):
            raise UserError(
                f"{name} comes in segments, which are not read: name the record of one segment"
            )
        leads = header.sig_name or []
        if header.n_sig != len(leads):
            raise ValueError(f"{header.n_sig} leads, of which {len(leads)} are described")
        if leads:
            _complete(header, lines)
    if not leads:
        raise UserError(f"{name}.hea lists no lead")
    return header


def _lines(content):
    """Lines of a header that are no comments."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    return [line for line in lines if line and line[0] != "#"]


def _take_rate_and_length(header, fields):
    """Take both from the record's line, of which wfdb passes over what it does not know."""
    header.has_fs = len(fields) > 2
    if header.has_fs:
        header.fs = float(re.split("[/(]", fields[2])[0])
    if len(fields) > 3:
        header.sig_len = int(fields[3])


def _complete(header, lines):
    """Take from the signals' lines what wfdb drops or misreads: letters, and gains like 1E3."""
    lines = [(line.split(maxsplit=8) + [""] * 9)[:9] for line in lines]
    gains = [_number(_GAIN.match(fields[2])["gain"]) for fields in lines]
    header.has_gain = [gain != 0 for gain in gains]
    header.adc_gain = [gain or 200.0 for gain in gains]
    for i, (file, _, scale, _, zero, first, *_, name) in enumerate(lines):
        match = _GAIN.match(scale)
        header.baseline[i] = _number(match["baseline"] or zero)
        header.init_value[i] = int(_number(first))
        header.units[i] = match["unit"] or "mV"
        header.file_name[i] = file
        header.sig_name[i] = name.strip() or header.sig_name[i] or f"signal {i}"
    header.samps_per_frame = [n or 1 for n in header.samps_per_frame]
    header.byte_offset = [n or 0 for n in header.byte_offset]


def _number(text):
    """A number, or 0 for a field that is left out."""
    with suppress(ValueError):
        return float(text)
    return 0.0


def n_frames(name, header, advice=FETCH):
    """Length of a record of one segment; a header that says 0 or nothing leaves it to the file.

    Parameters
    ----------
    name, header, advice
        As in `read_signal`.

    Returns
    -------
    int
        Samples of a lead with one sample a frame.

    Raises
    ------
    UserError
        If the file of the first lead is missing or damaged.
    """
    if header.sig_len:
        return header.sig_len
    with refused(f"the signals of {name} are missing or damaged; {advice}"):
        path, per_frame, bits = _file_of(Path(name).parent, header, 0)
        if bits < 1:
            import soundfile

            return soundfile.info(path).frames // header.samps_per_frame[0]
        return int((path.stat().st_size - header.byte_offset[0]) * 8 / bits / per_frame)


def read_signal(name, header, channel, *, frames=None, advice=FETCH):
    """Samples of one lead of a WFDB record, in the header's unit.

    Parameters
    ----------
    name : path
        The record, without extension.
    header : wfdb.Record
        From `read_header`.
    channel : int
        Place of the lead in the header.
    frames : int, optional
        Length that is read; by default, all (`n_frames`).
    advice : str
        What mends a damaged file.

    Returns
    -------
    ndarray, shape (n_samples,), float32
        All samples of a lead with several in a frame; NaN where a sample is invalid, or past
        the end of the file because the header shifts the lead.

    Raises
    ------
    UserError
        If the file of signals is missing, damaged or shorter than the header says.
    """
    frames = n_frames(name, header, advice) if frames is None else frames
    with refused(f"the signals of {name} are missing or damaged; {advice}"):
        folder, many = Path(name).parent, header.samps_per_frame[channel]
        _check_size(folder, header, channel, frames, advice)
        signal = np.empty(frames * many, dtype=np.float32)
        for start, adc, valid in _blocks(folder, header, channel, frames):
            with np.errstate(over="ignore"):  # what is too large for mV becomes infinite
                block = to_millivolts(adc, header.adc_gain[channel], header.baseline[channel])
            signal[start * many : start * many + len(block)] = np.where(valid, block, np.nan)
        if shift := min((header.skew[channel] or 0) * many, len(signal)):
            signal = np.append(signal[shift:], np.full(shift, np.nan, dtype=np.float32))
    return signal


def _blocks(folder, header, channel, frames):
    """First frame, ADC units and mask of valid samples of one block after another.

    `wfdb.rdrecord` cannot be told the length of a record, starts format 8 anew in every block,
    averages frames or cuts their invalid samples short where leads are shifted; the function
    that it calls can do all that.
    """
    from wfdb.io import _signal

    _, per_frame, _ = _file_of(folder, header, channel)
    step = max(1, _BLOCK // per_frame)
    fmt, before = header.fmt[channel], list(header.init_value)
    for start in range(0, frames, step):
        (adc,) = _signal._rd_segment(
            header.file_name, str(folder), None, header.fmt, header.n_sig, frames,
            header.byte_offset, header.samps_per_frame, header.skew, before,
            start, min(start + step, frames), [channel], ignore_skew=True,
        )  # fmt: skip
        before[channel] = adc[-1] if fmt == "8" else 0
        yield start, adc, adc != _signal.INVALID_SAMPLE_VALUE[fmt]


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
    with annotations(name, "atr") as read:
        marks = zip(read.sample, read.symbol, read.aux_note, strict=True)
        found = [(at, note.strip("(\0")) for at, symbol, note in marks if symbol == "+"]
        sample = np.array([at for at, _ in found], dtype=np.int64)
        return sample, np.array([name for _, name in found], dtype=str)


@contextmanager
def annotations(name, extension, advice=FETCH):
    """A file of annotations as wfdb reads it (`wfdb.Annotation`), in order of time.

    Every exception of the block becomes a `UserError`; `advice` says what mends the file.
    """
    import wfdb

    path = f"{name}.{extension}"
    with refused(f"{path} is damaged, missing or no annotation file; {advice}"):
        content = read_bytes(path, MAX_BYTES)
        if not content.endswith(b"\0\0"):
            raise ValueError("the mark at the end is missing, so more may be")
        if (known := _known_notes(content)) == content:
            read = wfdb.rdann(str(name), extension)
        else:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / f"known.{extension}").write_bytes(known)
                read = wfdb.rdann(str(Path(folder) / "known"), extension)
        if np.any(np.diff(read.sample) < 0):
            raise ValueError("annotations must be in order of time")
        yield read


def _known_notes(content):
    """Content of a file of annotations in which no note "## ..." is one that wfdb 4.3.1 does
    not know, or twice there: on such a note at sample 0 it never ends."""
    seen = set()

    def kept(match):
        kind = match[1] or b""
        new = kind and kind not in seen and (kind != b"end" or b"annotation" in seen)
        seen.add(kind)
        return match[0] if new else b"#-" + match[0][2:]

    known = rb"(time(?= resolution: \d)|annotation(?= type def)|end(?= of def))?"
    return re.sub(rb"## " + known, kept, content)


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


def _file_of(folder, header, channel):
    """Path of the channel's file, samples that a frame has there, and their least bits."""
    path = folder / header.file_name[channel]
    if path.parent != folder or not path.is_file():
        raise UserError(f"{path} is missing, though the record's header names it")
    own = [n for n, f in zip(header.samps_per_frame, header.file_name, strict=True)
           if f == path.name]  # fmt: skip
    return path, sum(own), _BITS_PER_SAMPLE[header.fmt[channel]]


def _check_size(folder, header, channel, frames, advice):
    """Raise `UserError` if the channel's signal file is shorter than the header says."""
    path, per_frame, bits = _file_of(folder, header, channel)
    needed = math.ceil(frames * per_frame * bits / 8) + header.byte_offset[channel]
    size = path.stat().st_size
    if size < needed or frames == 0:
        raise UserError(
            f"{path} is truncated: its header asks for {max(needed, 1):,} bytes, it has "
            f"{size:,}; {advice}"
        )
