"""Recordings of invented patients in the form of CinC 2017, for a machine without it.

Recordings of class N have a regular rhythm. Those of A have an irregular rhythm without P waves
and with fibrillatory waves, those of O have ectopic beats, and those of ~ have noise over a
weak rhythm. Beats, wander and noise are those of `ecglib.data.synthetic`. Results on these
recordings have no medical meaning.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from ecglib.data.sets.cinc2017 import CLASSES
from ecglib.data.synthetic import MARK, add_beats, noise, shapes, wander

VERSION = 1
"""Version of the code; it is increased when the same seed gives other recordings."""

_FS = 300
_GAIN = 1000  # ADC units per mV
_NORMAL, _ATRIAL, _VENTRICULAR = range(3)


def write_cinc2017(folder, n_per_class, seed):
    """Write `A00001.mat`, `A00001.hea` and so on, and `REFERENCE-v3.csv`.

    Each class has `n_per_class` recordings. Most have 30 s, some are shorter or longer (9 to
    60 s), as in CinC 2017. The table of labels is written last, so a folder that has it is
    complete and is left as it is.
    """
    folder = Path(folder)
    if (folder / "REFERENCE-v3.csv").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.random.default_rng(seed).permutation(np.repeat(CLASSES, n_per_class))
    rows = [f"A{number:05},{label}" for number, label in enumerate(labels, start=1)]
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for number, row in enumerate(rows, start=1):
            name, label = row.split(",")
            rng = np.random.default_rng([seed, number])
            _write(Path(temporary), name, seed, _recording(rng, label))
        (Path(temporary) / "REFERENCE-v3.csv").write_text("\n".join(rows) + "\n")
        for path in sorted(Path(temporary).iterdir()):  # the table of labels comes last
            os.replace(path, folder / path.name)


def _write(folder, name, seed, signal):
    from scipy.io import savemat

    units = np.rint(signal * _GAIN).clip(-(2**15) + 1, 2**15 - 1).astype(np.int16)
    savemat(folder / f"{name}.mat", {"val": units[None]}, format="4")
    (folder / f"{name}.hea").write_text(
        f"{name} 1 {_FS} {len(units)} 05:05:15 1/05/2000\n"
        f"{name}.mat 16+24 {_GAIN}/mV 16 0 {units[0]} 0 0 ECG\n"
        f"# {MARK} of an invented patient (seed {seed}), not a recording\n"
    )


def _recording(rng, label):
    """Signal (n_samples,) in mV of one recording."""
    seconds = 30 if rng.random() < 0.7 else rng.uniform(9, 60)
    n_samples = round(seconds * _FS)
    if label == "~":
        weak = 0.3 * _heart(rng, n_samples, "N")
        return weak + _artefacts(rng, n_samples)
    return _heart(rng, n_samples, label)


def _heart(rng, n_samples, label):
    """Beats in a class's rhythm over wander and muscle noise, (n_samples,) in mV."""
    sample, kind = _beats(rng, n_samples, label)
    time = np.arange(-round(0.6 * _FS), round(0.6 * _FS) + 1) / _FS
    beats = shapes(rng, time, p_wave=0.0 if label == "A" else 1.0)[:, 0]
    signal = wander(rng, n_samples, _FS) + noise(rng, n_samples)
    if label == "A":  # fibrillatory waves, 4 to 9 Hz
        phase = 2 * np.pi * np.cumsum(rng.uniform(4, 9) + rng.normal(0, 3, n_samples)) / _FS
        signal += rng.uniform(0.03, 0.08) * np.sin(phase)
    add_beats(signal, sample, kind, beats[:3], np.ones(len(sample)))
    return signal


def _beats(rng, n_samples, label):
    """R-peaks (n_beats,) in samples and kinds of the beats (n_beats,)."""
    n_beats = n_samples // (_FS // 4)  # enough even at 240 beats a minute
    kind = np.full(n_beats, _NORMAL)
    if label == "A":
        rr = rng.uniform(0.55, 0.85) * rng.uniform(0.6, 1.5, n_beats)
    else:
        rr = rng.uniform(0.68, 1.0) * (1 + 0.02 * rng.standard_normal(n_beats).clip(-3, 3))
    if label == "O":
        ectopic = np.arange(rng.integers(2, 4), n_beats - 1, rng.integers(3, 6))
        kind[ectopic] = rng.choice([_ATRIAL, _VENTRICULAR], p=[0.4, 0.6])
        early = rng.uniform(0.55, 0.75)
        rr[ectopic] *= early
        rr[ectopic + 1] *= 2 - early  # compensatory pause
    sample = np.rint(np.cumsum(rr) * _FS).astype(np.int64)
    inside = sample < n_samples
    return sample[inside], kind[inside]


def _artefacts(rng, n_samples):
    """Broad-band noise, a drifting baseline and jumps of the electrodes, in mV."""
    drift = np.cumsum(rng.normal(0, rng.uniform(0.01, 0.03), n_samples))
    drift -= np.linspace(drift[0], drift[-1], n_samples)
    jumps = np.zeros(n_samples)
    jumps[rng.integers(0, n_samples, 8)] = rng.normal(0, 1.5, 8)
    decay = np.exp(-np.arange(_FS) / (0.2 * _FS))
    spikes = np.convolve(jumps, decay)[:n_samples]
    return drift + spikes + rng.uniform(0.1, 0.4) * rng.standard_normal(n_samples)
