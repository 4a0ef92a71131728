"""WFDB records of invented patients, so that everything runs without a download.

A beat is a sum of Gaussians, one for each of the waves P, Q, R, S and T, as in the model of
McSharry et al. 2003 (doi 10.1109/TBME.2003.808805). Rhythm, waves and noise are drawn for each
patient. Results on these records have no medical meaning.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

MARK = "synthetic record"
LEADS = ("MLII", "V1")
VERSION = 1
"""Version of the code; it is increased when the same seed gives other patients."""

_GAIN, _BASELINE = 200, 1024  # ADC units per mV and at 0 mV, as in MIT-BIH
_SYMBOLS = np.array(["N", "A", "V", "F"])  # kinds of beat, as WFDB annotations
_NORMAL, _ATRIAL, _VENTRICULAR, _FUSION = range(4)

# Ectopic beats come one in each block of five beats at most; this cycle of blocks (one
# ectopic kind or none) gives 5 % S, 8 % V and 2 % F.
_BLOCK = 5
_CYCLE = np.array(
    [
        [_ATRIAL, _VENTRICULAR, _VENTRICULAR, _NORMAL],
        [_ATRIAL, _VENTRICULAR, _VENTRICULAR, _NORMAL],
        [_ATRIAL, _VENTRICULAR, _FUSION, _NORMAL],
    ]
)

# Waves P, Q, R, S, T: centre and width in s relative to the R-peak, height in mV per lead.
_CENTRE = np.array([-0.17, -0.026, 0.0, 0.028, 0.27])
_WIDTH = np.array([0.022, 0.009, 0.011, 0.010, 0.045])
_HEIGHT = np.array([[0.13, -0.10, 1.15, -0.25, 0.30], [0.07, 0.02, 0.25, -0.85, 0.12]])
_WIDTH_V = np.array([0.022, 0.020, 0.036, 0.034, 0.065])
_HEIGHT_V = np.array([[0.0, -0.15, 1.50, -0.55, -0.45], [0.0, 0.10, 0.80, -1.10, 0.35]])


def write_records(folder, records, *, seed=0, minutes=8, fs=360):
    """Write one invented patient per record number: `.hea`, `.dat`, `.atr`.

    The leads are MLII and V1; record 114 has them in the other order, as in MIT-BIH. The
    annotations include rhythm annotations (`+`) and fusion beats. A record is written whole or
    not at all.

    Parameters
    ----------
    folder : path
        Folder of the records; it is made if it does not exist.
    records : iterable of int
        Record numbers. A record depends on its number and `seed` alone.
    seed : int
        Seed of the patients.
    minutes : float
        Length of each record.
    fs : int
        Sampling frequency, Hz.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        _write_record(folder, record, seed, round(minutes * 60 * fs), fs)


def is_synthetic(header):
    """Whether a `.hea` file says that this library invented its recording."""
    return MARK in Path(header).read_text(encoding="latin-1")


def _write_record(folder, record, seed, n_samples, fs):
    import wfdb

    rng = np.random.default_rng([seed, record])
    sample, kind = _rhythm(rng, n_samples, fs)
    signal = _signal(rng, sample, kind, n_samples, fs)
    adc = np.clip(np.rint(signal * _GAIN + _BASELINE), 0, 2047).astype(np.int64)
    order = [1, 0] if record == 114 else [0, 1]
    name = str(record)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wfdb.wrsamp(
            name,
            fs=fs,
            units=["mV"] * 2,
            sig_name=[LEADS[i] for i in order],
            d_signal=adc[:, order],
            fmt=["212"] * 2,
            adc_gain=[_GAIN] * 2,
            baseline=[_BASELINE] * 2,
            comments=[f"{MARK} of an invented patient (seed {seed}), not a recording"],
            write_dir=temporary,
        )
        wfdb.wrann(
            name,
            "atr",
            sample=np.concatenate([[sample[0] // 2], sample]),
            symbol=["+", *_SYMBOLS[kind]],
            aux_note=["(N", *[""] * len(sample)],
            write_dir=temporary,
        )
        for extension in ("dat", "atr", "hea"):  # if the header is there, so are the others
            os.replace(Path(temporary) / f"{name}.{extension}", folder / f"{name}.{extension}")


def _rhythm(rng, n_samples, fs):
    """R-peaks (n_beats,) in samples and the kinds of the beats (n_beats,)."""
    n_blocks = n_samples // (fs * _BLOCK // 4)  # enough even at 240 beats a minute
    kind = _kinds(rng, n_blocks)
    n_beats = len(kind)
    period = rng.uniform(0.68, 0.95)  # s
    breathing = 2 * np.pi * rng.uniform(0.2, 0.3) * period * np.arange(n_beats)
    rr = period * (
        1
        + rng.uniform(0.02, 0.05) * np.sin(breathing)  # respiratory sinus arrhythmia
        + 0.01 * rng.standard_normal(n_beats).clip(-3, 3)
    )
    early = rng.uniform(0.58, 0.78, n_beats)  # share of the usual interval
    is_s, is_v = kind == _ATRIAL, kind == _VENTRICULAR
    after_s, after_v = np.roll(is_s, 1), np.roll(is_v, 1)
    rr[is_s | is_v] *= early[is_s | is_v]
    rr[after_s] *= rng.uniform(1.02, 1.15, n_beats)[after_s]  # the sinus node is reset
    rr[after_v] *= (2 - np.roll(early, 1))[after_v]  # full compensatory pause
    rr[0] = rng.uniform(0.2, 0.4)  # so that the first beat's window starts before the record
    sample = np.rint(np.cumsum(rr) * fs).astype(np.int64)
    inside = sample < n_samples - fs // 10
    return sample[inside], kind[inside]


def _kinds(rng, n_blocks):
    """Kinds of `n_blocks * 5` beats; two ectopic beats are never neighbours."""
    n_cycles = -(-n_blocks // _CYCLE.size)
    ectopic = rng.permuted(np.tile(_CYCLE, (n_cycles, 1)), axis=1).ravel()[:n_blocks]
    kind = np.full((n_blocks, _BLOCK), _NORMAL)
    kind[np.arange(n_blocks), rng.integers(1, _BLOCK - 1, n_blocks)] = ectopic
    return kind.ravel()


def _signal(rng, sample, kind, n_samples, fs):
    """Both leads in mV, (n_samples, 2): beats, baseline wander and noise."""
    half = round(0.6 * fs)
    seconds = np.arange(-half, half + 1) / fs
    strength = 1 + 0.04 * rng.standard_normal(len(sample))
    signal = np.empty((len(LEADS), n_samples))
    beats = shapes(rng, seconds)
    for lead in range(len(LEADS)):
        signal[lead] = wander(rng, n_samples, fs) + noise(rng, n_samples)
        add_beats(signal[lead], sample, kind, beats[:, lead], strength)
    return signal.T


def add_beats(signal, sample, kind, beats, strength):
    """Add beats (kind, time) at R-peaks to a lead in mV, each times its strength, in place."""
    from scipy.signal import fftconvolve

    for one, beat in enumerate(beats):
        train = np.zeros(len(signal))
        train[sample[kind == one]] = strength[kind == one]
        signal += fftconvolve(train, beat, mode="same")


def shapes(rng, seconds, p_wave=1.0):
    """One patient's beats, (kind, lead, time), in mV; P is `p_wave` times as high as usual."""
    height = _HEIGHT * rng.lognormal(0, 0.3, _HEIGHT.shape) * [p_wave, 1, 1, 1, 1]
    width = _WIDTH * rng.lognormal(0, 0.2, 5)
    centre = _CENTRE * rng.uniform(0.9, 1.1, 5)
    normal = _waves(seconds, centre, width, height)

    # S: the atrium is excited elsewhere, so P is earlier or later, flat or inverted
    ectopic_p = height * np.array([rng.uniform(-1.0, 0.4), 1, 1, 1, 1])
    ectopic_centre = centre + np.array([rng.uniform(-0.04, 0.06), 0, 0, 0, 0])
    atrial = _waves(seconds, ectopic_centre, width, ectopic_p)

    # V: no P, a broad QRS that may point the other way, T against it
    height_v = _HEIGHT_V * rng.lognormal(0, 0.3, _HEIGHT_V.shape) * rng.choice([-1, 1])
    width_v = _WIDTH_V * rng.uniform(0.85, 1.35)
    centre_v = centre * [1, 1.8, 1, 2.2, 1.15]
    ventricular = _waves(seconds, centre_v, width_v, height_v)
    return np.stack([normal, atrial, ventricular, (normal + ventricular) / 2])


def _waves(seconds, centre, width, height):
    """Sum of Gaussians: centre and width (wave,), height (lead, wave) -> (lead, time)."""
    return height @ np.exp(-0.5 * ((seconds - centre[:, None]) / width[:, None]) ** 2)


def wander(rng, n_samples, fs):
    """Baseline wander from breathing and electrodes, in mV."""
    seconds = np.arange(n_samples) / fs
    frequency = np.array([rng.uniform(0.02, 0.08), rng.uniform(0.2, 0.33)])
    phase = rng.uniform(0, 2 * np.pi, 2)
    amplitude = rng.uniform(0.03, 0.12, 2)
    return amplitude @ np.sin(2 * np.pi * frequency[:, None] * seconds + phase[:, None])


def noise(rng, n_samples):
    """Muscle noise, in mV."""
    return rng.uniform(0.008, 0.025) * rng.standard_normal(n_samples)
