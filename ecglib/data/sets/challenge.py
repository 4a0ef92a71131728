"""Recordings in the form of the PhysioNet challenges: a WFDB header, and samples in a `.mat`.

The `.mat` file is a MATLAB v4 matrix of 16-bit integers. WFDB reads it as samples after a
header of 24 bytes.
"""

import re

import numpy as np

from ecglib.data.recordings import padded
from ecglib.data.records import check_lead, read_header, read_signal
from ecglib.system.errors import UserError

_MATRIX_HEADER = 24  # bytes


def read_recording(files, at, name, *, fs, lead=None):
    """One lead of a recording, and what its header says about it.

    `at` comes from `files.opened()`. `fs` is the rate in Hz that the recording must have.
    Without `lead` the first lead is read. Returns the signal (n_samples,) float32 in mV, NaN
    where a sample is invalid, and the list of codes or names, in capitals, after `#Dx:` in the
    header.
    Raises a `UserError` if a file is missing or damaged, the files do not fit together, the
    lead is missing or not in mV, or the rate is wrong.
    """
    matrix, header_name = f"{name}.mat", f"{name}.hea"
    for own, other in ((matrix, header_name), (header_name, matrix)):
        if other not in files.members:
            raise UserError(f"{files.where(own)} has no {other} beside it; fetch it too")
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
    marked = (re.match(r"\s*dx\s*:(.*)", text, re.IGNORECASE) for text in header.comments)
    codes = ",".join(found[1] for found in marked if found).upper().split(",")
    return read_signal(path, header, channel), [c.strip() for c in codes if c.strip()]


def read_labelled(files, at, label_of, *, fs, lead, length):
    """Read one lead of all recordings; the result is that of `RecordingSet.read`.

    `label_of` is a function from a recording's name and the codes in its header to the index of
    its class. `length` is in samples; the other arguments are those of `read_recording`.
    """
    label = []

    def signals():
        for name in files.recordings:
            signal, codes = read_recording(files, at, name, fs=fs, lead=lead)
            label.append(label_of(name, codes))
            yield signal

    signal, n_samples = padded(signals(), files.recordings, length)
    return signal, n_samples, np.array(label, dtype=np.int8)


def index_of(name, word, groups, classes, where, what, found=()):
    """Index into `classes` of the group to which the `word` in the file `where` belongs.

    `found` is all that stands there, for the error.
    """
    if word not in groups:
        raise UserError(
            f"recording {name} has no known {what} in {where} (known: {', '.join(groups)}; "
            f"found: {', '.join(found) or 'none'}); correct the label or leave it out"
        )
    return classes.index(groups[word])


def first_known(codes, table):
    """Value in `table` of the first code that is one of its keys; None if none is."""
    return next((table[code] for code in codes if code in table), None)
