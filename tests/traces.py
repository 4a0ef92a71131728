"""Invented ECGs of any rate, whose R-peaks are known to the sample."""

import numpy as np

WAVES = ((-0.17, 0.02, 0.12), (-0.025, 0.008, -0.1), (0, 0.011, 1.0), (0.028, 0.009, -0.2))
"""Place in s, width in s and height in mV of P, Q, R and S."""


def trace(bpm, fs, seconds, *, noise=0.01, seed=0):
    """A lead (n_samples,) in mV, and its R-peaks (n_beats,) in samples.

    `bpm` is a number, or a function of time in s that gives one.
    """
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * fs)) / fs
    lead, at, peaks = rng.normal(0, noise, len(time)), 0.4, []
    while at < seconds - 0.4:
        rr = 60 / (bpm(at) if callable(bpm) else bpm)
        slower = min(1, (rr / 0.8) ** 0.5)
        for shift, width, height in (*WAVES, (0.28 * slower, 0.05 * slower, 0.25)):
            shift = shift * slower if shift < -0.1 else shift
            near = slice(max(0, int((at + shift - 0.3) * fs)), int((at + shift + 0.3) * fs))
            lead[near] += height * np.exp(-(((time[near] - at - shift) / width) ** 2) / 2)
        peaks.append(round(at * fs))
        at += rr
    return lead, np.array(peaks)
