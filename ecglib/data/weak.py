"""Training beats with weak labels: every beat of a recording of one rhythm is called N."""

import numpy as np

from ecglib.data.records import Record
from ecglib.data.signal.detector import detect
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.system.errors import UserError

FEWEST = 8
"""Fewest beats of a recording that is used; where fewer are found, it cannot be read."""


def weak_beats(recordings, rhythm, features):
    """Inputs of the micro network for the beats that the detector finds in recordings.

    Parameters
    ----------
    recordings : ecglib.data.recordings.Recordings
        At 100 Hz or more.
    rhythm : str
        One of their classes; recordings of other classes are left out. All beats are called N,
        though a few of them are not.
    features : str
        See `ecglib.data.signal.micro_input.parts_of`.

    Returns
    -------
    list of Inputs
        One for each recording with `FEWEST` beats or more.

    Raises
    ------
    UserError
        If there is no such recording.
    """
    found = []
    wanted = recordings.select(recordings.label == recordings.classes.index(rhythm))
    for signal, n_samples in zip(wanted.signal, wanted.n_samples, strict=True):
        signal = signal[:n_samples]
        peaks = detect(signal, recordings.fs)
        if len(peaks) >= FEWEST:
            symbol = np.full(len(peaks), "N")
            record = Record(len(found), signal, recordings.fs, 1000.0, 0.0, peaks, symbol)
            found.append(micro_inputs(record, features))
    if not found:
        raise UserError(
            f"{recordings.source} has no recording of class {rhythm} in which beats are found, "
            "so there is none to learn from: give more of it, or set training_data to all"
        )
    return found
