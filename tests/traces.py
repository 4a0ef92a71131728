"""Invented ECGs of any rate, whose R-peaks are known to the sample."""

import numpy as np

PREMATURE = {
    "A": (0.55, ((0, 0.011, 1.0), (0.028, 0.009, -0.2), (0.26, 0.05, 0.25))),
    "V": (0.6, ((0, 0.045, 1.3), (0.3, 0.06, -0.4))),
}
"""Early beats: their RR interval, as a share of the usual one, and their waves."""

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


def with_early_beats(fs, seconds, *, noise=0.01, seed=0):
    """Like `trace` at 75 beats a minute; every sixth beat is early, in turns A and V.

    The beats lie at the same seconds whatever the rate. Also returns their letters (n_beats,).
    """
    rng, time = np.random.default_rng(seed), np.arange(round(seconds * fs)) / fs
    lead, at, peaks, kinds = rng.normal(0, noise, len(time)), 0.4, [], []
    while at < seconds - 0.6:
        kind = {5: "A", 11: "V"}.get(len(kinds) % 12, "N")
        early, waves = PREMATURE.get(kind, (1, (*WAVES, (0.28, 0.05, 0.25))))
        at -= 0.8 * (1 - early)
        for shift, width, height in waves:
            lead += height * np.exp(-(((time - at - shift) / width) ** 2) / 2)
        peaks.append(round(at * fs))
        kinds.append(kind)
        at += 0.8 * (2 - early)  # the pause after an early beat makes up for it
    return lead, np.array(peaks), np.array(kinds)
