"""Recordings through the compiled C code and through its NumPy reference, beat by beat."""

import ctypes
import time

import numpy as np

from ecglib.data.signal.micro_input import bridged
from ecglib.deploy.c99.front import Front, reach
from ecglib.system.errors import UserError

STATE_BYTES = 4096
"""Room for `ecg_state`, whose size only the compiler knows."""


def raw_samples(record):
    """The lead in units of its recorder, int16; invalid samples bridged by straight lines.

    Parameters
    ----------
    record : ecglib.data.records.Record
        The lead.

    Returns
    -------
    ndarray of int16, shape (n_samples,)

    Raises
    ------
    UserError
        If a sample does not fit 16 bits.
    """
    units = np.round(np.asarray(bridged(record), float) * record.gain + record.baseline)
    if np.abs(units).max() >= 2**15:
        raise UserError(f"record {record.number} has samples of more than 16 bits")
    return units.astype(np.int16)


def classes_in_c(code, record):
    """Classes of all beats of a record, as a device finds them one beat late.

    Parameters
    ----------
    code : ctypes.CDLL
        From `ecglib.deploy.c99.harness.library`, with features.
    record : Record
        R-peaks of its beats are given to the code.

    Returns
    -------
    tuple of (ndarray of int8, shape (n_beats,), float)
        Classes, and the seconds that the calls took.
    """
    fs, sample = round(record.fs), record.sample[record.is_beat]
    padded = np.pad(raw_samples(record), reach(fs), mode="edge")
    state = ctypes.create_string_buffer(STATE_BYTES)
    code.ecg_start(state, fs, round(record.gain))
    first = padded.ctypes.data + padded.itemsize * reach(fs)
    start = time.perf_counter()
    answers = [
        code.ecg_beat(state, ctypes.c_void_p(first + padded.itemsize * t), t)
        for t in sample.tolist()
    ]
    answers.append(code.ecg_finish(state))
    spent = time.perf_counter() - start
    return np.array(answers[1:], dtype=np.int8), spent


def bytes_of(program, record):
    """What the network reads of all beats of a record, by the NumPy reference.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The micro network's.
    record : Record
        Its beats.

    Returns
    -------
    tuple of ndarray of int8, shapes (n_beats, 2, 64) and (n_beats, 8)
    """
    fs, sample = round(record.fs), record.sample[record.is_beat]
    front, around = Front(program, fs, round(record.gain)), 2 * reach(fs) + 1
    padded = np.pad(raw_samples(record), reach(fs), mode="edge")
    found = [front.beat(padded[t : t + around], t) for t in sample.tolist()]
    beat, rr = zip(*found[1:], front.waiting(), strict=True)
    return np.stack(beat), np.stack(rr)
