"""Classified beats for tests, made of their classes and the intervals between them."""

import numpy as np
import pandas as pd

from ecglib.holter.classify import Classified
from ecglib.holter.lead import Lead

FS = 100


def classified(kinds, intervals, *, fs=FS, tail=1.0, unreadable=(), sure=None, name="made"):
    """Beats of these classes; the first after a second, the others after these intervals.

    The signal has a spike of 1 mV at each beat, of 2 mV at a V, and is 0 elsewhere.
    """
    seconds = 1 + np.cumsum([0, *intervals])
    sample = np.round(seconds * fs).astype(int)
    signal = np.zeros(round((seconds[-1] + tail) * fs), dtype=np.float32)
    signal[sample] = [2 if kind == "V" else 1 for kind in kinds]
    unread = np.zeros(-(-len(signal) // round(fs)), dtype=bool)
    unread[list(unreadable)] = True
    beats = pd.DataFrame({"sample": sample, "seconds": sample / fs, "class": list(kinds)})
    sure = np.full(len(beats), 0.9) if sure is None else np.array(sure)
    for kind in "NSV":
        beats[kind] = np.where(beats["class"] == kind, sure, (1 - sure) / 2)
    return Classified(Lead(name, "II", float(fs), signal, unread), beats)
