"""Recordings in the form of the PhysioNet challenges: a WFDB header and a MATLAB v4 matrix."""

import io
import re
from dataclasses import dataclass

import numpy as np

from ecglib.data.recordings import padded
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

_INVALID = -(2**15)  # WFDB's mark of an invalid sample in 16 bits
_GAIN = re.compile(r"(?P<gain>[\d.eE+-]+)(\((?P<baseline>-?\d+)\))?/(?P<unit>\S+)")


@dataclass(frozen=True)
class Header:
    """What a `.hea` says.

    Attributes
    ----------
    recording : str
        Name.
    fs : float
        Hz.
    n_samples : int
        Of each lead.
    leads : tuple of str
        Names.
    gain, baseline : tuple of float
        Of each lead: mV = (ADC units − baseline) / gain.
    comments : dict
        "Dx" -> "426177001,164934002" and so on.
    """

    recording: str
    fs: float
    n_samples: int
    leads: tuple[str, ...]
    gain: tuple[float, ...]
    baseline: tuple[float, ...]
    comments: dict

    @property
    def codes(self):
        """SNOMED CT codes of the diagnoses, in the header's order."""
        return [code.strip() for code in self.comments.get("Dx", "").split(",") if code.strip()]


def read_header(data, where):
    """Header from the bytes of a `.hea` file.

    Parameters
    ----------
    data : bytes
        Content.
    where : str
        Name of the file for messages.

    Returns
    -------
    Header

    Raises
    ------
    UserError
        If the header is damaged, or a lead is not in mV.
    """
    lines = [line.strip() for line in data.decode("latin-1").splitlines() if line.strip()]
    comments = dict(
        map(str.strip, line[1:].split(":", 1)) for line in lines if re.match("#.*:", line)
    )
    rows = [line.split() for line in lines if not line.startswith("#")]
    with refused(f"{where} is damaged and cannot be read; fetch it again"):
        recording, n_leads, fs, n_samples = rows[0][:4]
        rows = rows[1 : int(n_leads) + 1]
        scale = [_GAIN.fullmatch(row[2]) for row in rows]
        units = {match["unit"] for match in scale}
        header = Header(
            recording=recording,
            fs=float(fs),
            n_samples=int(n_samples),
            leads=tuple(row[8] for row in rows),
            gain=tuple(float(match["gain"]) for match in scale),
            baseline=tuple(
                float(match["baseline"] or row[4])
                for match, row in zip(scale, rows, strict=True)
            ),
            comments=comments,
        )
    if units != {"mV"} or not all(header.gain) or len(rows) != int(n_leads):
        raise UserError(f"{where} gives no gain in units per mV for each lead; fetch it again")
    return header


def read_lead(header, data, where, lead=None):
    """One lead in mV from the bytes of a `.mat` file.

    Parameters
    ----------
    header : Header
        Its header.
    data : bytes
        Content: matrix `val`, shape (n_leads, n_samples), int16.
    where : str
        Name of the file for messages.
    lead : str, optional
        Lead by name; the only one if not given.

    Returns
    -------
    ndarray, shape (n_samples,), float32
        NaN where the recorder marked a sample as invalid.

    Raises
    ------
    UserError
        If the file is damaged, does not fit its header, or lacks the lead.
    """
    channel = 0 if lead is None else lead_index(header.recording, lead, header.leads)
    shape = (len(header.leads), header.n_samples)
    adc = _matrix(data, where)
    if adc.shape != shape:
        raise UserError(
            f"{where} holds {adc.shape} samples but its header says {shape}; fetch it again"
        )
    signal = (adc[channel] - header.baseline[channel]) / header.gain[channel]
    signal[adc[channel] == _INVALID] = np.nan
    return signal.astype(np.float32)


def read_recording(files, content, name, *, fs, lead=None):
    """One lead of a recording with its header.

    Parameters
    ----------
    files : Files
        Where `<name>.hea` and `<name>.mat` are.
    content : callable
        From `files.opened()`.
    name : str
        Recording.
    fs : float
        Hz that the recording must have.
    lead : str, optional
        Lead by name; the only one if not given.

    Returns
    -------
    header : Header
    signal : ndarray, shape (n_samples,), float32
        mV.

    Raises
    ------
    UserError
        As `read_header` and `read_lead`, and if there is no header or the rate is another.
    """
    matrix, header_name = f"{name}.mat", f"{name}.hea"
    if header_name not in files.members:
        raise UserError(f"{files.where(matrix)} has no {header_name} beside it; fetch it too")
    header = read_header(content(header_name), files.where(header_name))
    if header.fs != fs:
        raise UserError(
            f"recording {name} has {header.fs:g} Hz and not {fs:g} as all of its data set; "
            "fetch it again or leave it out"
        )
    return header, read_lead(header, content(matrix), files.where(matrix), lead)


def read_labelled(files, content, names, label_of, *, fs, lead, length):
    """One lead of recordings, cut or padded, and the labels that their headers give.

    Parameters
    ----------
    files, content, fs, lead
        As in `read_recording`.
    names : sequence of str
        Recordings.
    label_of : callable
        Name and `Header` -> index of a class.
    length : int
        Samples.

    Returns
    -------
    signal : ndarray, shape (n, length), float32
    n_samples : ndarray, shape (n,), int32
    label : ndarray, shape (n,), int8

    Raises
    ------
    UserError
        As `read_recording`, `padded` and `label_of`.
    """
    label = []

    def signals():
        for name in names:
            header, signal = read_recording(files, content, name, fs=fs, lead=lead)
            label.append(label_of(name, header))
            yield signal

    signal, n_samples = padded(signals(), names, length)
    return signal, n_samples, np.array(label, dtype=np.int8)


def lead_index(recording, lead, present):
    """Place of a lead in `present`; `UserError` if it is not there."""
    if lead not in present:
        raise UserError(
            f"recording {recording} has no lead {lead!r}; it has {', '.join(present)}: "
            "name one that every recording has"
        )
    return list(present).index(lead)


def _matrix(data, where):
    """The matrix of a file of version 4, which holds nothing compressed."""
    from scipy.io import loadmat
    from scipy.io.matlab import matfile_version

    with refused(f"{where} is damaged and cannot be read; fetch it again"):
        if matfile_version(io.BytesIO(data))[0] != 0:
            raise ValueError("not of version 4")
        return np.asarray(loadmat(io.BytesIO(data), variable_names=["val"])["val"], np.float64)
