"""Classification of recordings by the compiled C code, beat by beat or sample by sample."""

import ctypes
import time
from dataclasses import dataclass

import numpy as np

from ecglib.data.signal.micro_input import bridged
from ecglib.data.signal.peaks import held
from ecglib.deploy.c99.front import reach
from ecglib.system.errors import UserError

STATE_BYTES = 4096
"""Bytes that are reserved for `ecg_state`; its exact size is known to the compiler only."""

STREAM_BYTES = 8192
"""Bytes that are reserved for `ecg_stream`; its exact size is known to the compiler only."""


def raw_samples(record):
    """The lead in units of its recorder; invalid samples are replaced by straight lines.

    Parameters
    ----------
    record : ecglib.data.records.Record
        `UserError` if a sample does not fit 16 bits.

    Returns
    -------
    ndarray of int16, shape (n_samples,)
    """
    units = np.round(np.asarray(bridged(record), float) * record.gain + record.baseline)
    if np.abs(units).max() >= 2**15:
        raise UserError(f"record {record.number} has samples of more than 16 bits")
    return units.astype(np.int16)


def classes_in_c(code, record, label=None, per_hour=0):
    """Classes of all beats of a record from the C code, which classifies one beat late.

    Parameters
    ----------
    code : ctypes.CDLL
        Library from `ecglib.deploy.c99.harness.library`, with features.
    record : Record
        Record whose annotated R-peaks are given to the code.
    label : ndarray of int, shape (n_beats,), optional
        Answers to the code's questions, for code that learns; other numbers than those of N, S
        and V teach nothing.
    per_hour : int
        Labels an hour that it may ask for.

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
    answers, start = [], time.perf_counter()
    for number, t in enumerate(sample.tolist()):
        answers.append(code.ecg_beat(state, ctypes.c_void_p(first + padded.itemsize * t), t))
        if label is not None and number and code.ecg_ask(state, per_hour):
            code.ecg_label(state, int(sample[number - 1]), int(label[number - 1]))
    answers.append(code.ecg_finish(state))
    spent = time.perf_counter() - start
    return np.array(answers[1:], dtype=np.int8), spent


@dataclass(frozen=True)
class Streamed:
    """Beats that the C code found in a stream of samples.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_beats,)
        Detected R-peaks.
    label : ndarray of int8, shape (n_beats,)
        Index into CLASSES.
    known : ndarray of int64, shape (n_beats,)
        Sample at which each class was known.
    seconds : float
        Time of all calls.
    """

    sample: np.ndarray
    label: np.ndarray
    known: np.ndarray
    seconds: float


def stream(code, samples, fs, gain):
    """Give a recording to the C code, one sample in each call.

    Parameters
    ----------
    code : ctypes.CDLL
        Library from `ecglib.deploy.c99.harness.library`, with features.
    samples : ndarray of int16, shape (n_samples,)
        Samples in units of the recorder.
    fs, gain : int
        Sampling frequency, 100 to 500 Hz, and units in a millivolt.

    Returns
    -------
    Streamed

    Raises
    ------
    UserError
        If the C code refuses the sampling frequency or finds no beat.
    """
    state, place = ctypes.create_string_buffer(STREAM_BYTES), ctypes.c_int32()
    if code.ecg_open(state, fs, gain):
        raise UserError(f"fs is {fs}; a stream has 100 to 500 samples a second")
    found, at, start = [], ctypes.byref(place), time.perf_counter()
    for n, value in enumerate(held(samples, fs).tolist()):
        answer = code.ecg_sample(state, value, at)
        if answer >= 0:
            found.append((place.value, answer, n))
    while (answer := code.ecg_close(state, at)) >= 0:
        found.append((place.value, answer, n))
    seconds = time.perf_counter() - start
    if not found:
        raise UserError("the detector found no beat; look whether the lead is flat")
    sample, label, known = (np.array(column) for column in zip(*found, strict=True))
    sample = np.minimum(sample, len(samples) - 1)
    return Streamed(sample, label.astype(np.int8), known, seconds)
