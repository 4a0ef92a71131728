"""A recording sample by sample through the C code: detector, beats, classes, one beat late."""

import ctypes
import time
from dataclasses import dataclass

import numpy as np

from ecglib.system.errors import UserError

STREAM_BYTES = 8192
"""Room for `ecg_stream`, whose size only the compiler knows."""


@dataclass(frozen=True)
class Streamed:
    """What a device says of a recording while it comes.

    Attributes
    ----------
    sample : ndarray of int64, shape (n_beats,)
        R-peaks that were detected.
    label : ndarray of int8, shape (n_beats,)
        Index into CLASSES.
    known : ndarray of int64, shape (n_beats,)
        Sample at which each class was known.
    seconds : float
        What all calls took.
    """

    sample: np.ndarray
    label: np.ndarray
    known: np.ndarray
    seconds: float


def stream(code, samples, fs, gain):
    """Feed a recording to the C code, one sample a call.

    Parameters
    ----------
    code : ctypes.CDLL
        From `ecglib.deploy.c99.harness.library`, of a network written with its features.
    samples : ndarray of int16, shape (n_samples,)
        Units of the recorder.
    fs, gain : int
        Samples a second, 100 to 500, and units a millivolt.

    Returns
    -------
    Streamed

    Raises
    ------
    UserError
        If the C code refuses the sampling frequency, or found no beat.
    """
    state, place = ctypes.create_string_buffer(STREAM_BYTES), ctypes.c_int32()
    if code.ecg_open(state, fs, gain):
        raise UserError(f"fs is {fs}; the detector takes 100 to 500 samples a second")
    rest = np.full(fs // 2, samples[-1])  # so that the last beat has a window
    found, at, start = [], ctypes.byref(place), time.perf_counter()
    for n, value in enumerate(np.concatenate([samples, rest]).tolist()):
        answer = code.ecg_sample(state, value, at)
        if answer >= 0:
            found.append((place.value, answer, n))
    last = code.ecg_close(state, at)
    seconds = time.perf_counter() - start
    if last < 0:
        raise UserError("the detector found no beat; look whether the lead is flat")
    found.append((place.value, last, n))
    sample, label, known = (np.array(column) for column in zip(*found, strict=True))
    return Streamed(sample, label.astype(np.int8), known, seconds)
