"""Recordings in the form of the PhysioNet challenges: a WFDB header, and samples in a `.mat`.

The `.mat` is a MATLAB v4 matrix of 16-bit integers, which WFDB reads as samples behind a header
of 24 bytes.
"""

import numpy as np

from ecglib.data.recordings import padded
from ecglib.data.records import check_lead, read_header, read_signal
from ecglib.system.errors import UserError

_MATRIX_HEADER = 24  # bytes


def read_recording(files, at, name, *, fs, lead=None):
    """One lead of a recording, and what its header says about it.

    `at` is from `files.opened()`, `fs` the rate in Hz that the recording must have; without
    `lead` the first one is read. Returns the signal (n_samples,) float32 in mV, NaN where a
    sample is invalid, and a list of what stands behind `#Dx:`, SNOMED CT codes. `UserError` if
    a file is missing, damaged or does not fit the other, the lead is missing or not in mV, or
    the rate is another.
    """
    matrix, header_name = f"{name}.mat", f"{name}.hea"
    if header_name not in files.members:
        raise UserError(f"{files.where(matrix)} has no {header_name} beside it; fetch it too")
    path = at(header_name).with_suffix("")
    header = read_header(path)
    if header.fs != fs:
        raise UserError(
            f"recording {name} has {header.fs:g} Hz and not {fs:g} as all of its data set; "
            "fetch it again or leave it out"
        )
    if lead is not None:
        check_lead(name, lead, header.sig_name)
    channel = 0 if lead is None else header.sig_name.index(lead)
    if header.units[channel] != "mV":
        raise UserError(f"{path}.hea has a lead that is not in mV; fetch it again")
    expected = _MATRIX_HEADER + 2 * header.n_sig * (header.sig_len or 0)
    n_bytes = at(matrix).stat().st_size
    if n_bytes != expected:
        raise UserError(
            f"{path}.mat has {n_bytes:,} bytes, but by its header {expected:,}; fetch it again"
        )
    if not header.sig_len:
        return np.zeros(0, np.float32), []
    texts = [text.strip().partition("Dx:") for text in header.comments]
    codes = [codes for before, _, codes in texts if not before]
    return read_signal(path, header, channel), [c.strip() for c in ",".join(codes).split(",")]


def read_labelled(files, at, label_of, *, fs, lead, length):
    """What `RecordingSet.read` returns, of one lead of all recordings.

    `label_of` makes the index of a class from a name and the codes in its header; the other
    arguments are those of `read_recording`, and the length in samples.
    """
    label = []

    def signals():
        for name in files.recordings:
            signal, codes = read_recording(files, at, name, fs=fs, lead=lead)
            label.append(label_of(name, codes))
            yield signal

    signal, n_samples = padded(signals(), files.recordings, length)
    return signal, n_samples, np.array(label, dtype=np.int8)


def index_of(name, word, groups, classes, where, what):
    """Index into `classes` of a recording's group, by the word that stands `where`."""
    if word not in groups:
        raise UserError(
            f"recording {name} has no known {what} in {where} (known: {', '.join(groups)}); "
            "correct the label or leave the recording out"
        )
    return classes.index(groups[word])


def first_known(codes, table):
    """What `table` says of the first code that it has; None if it has none of them."""
    return next((table[code] for code in codes if code in table), None)
