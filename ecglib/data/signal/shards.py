"""Windows that HuBERT-ECG reads, and features of their shards, which it learns to predict.

Preprocessing and shards follow HuBERT-ECG (Coppola et al. 2024): band-pass, 100 Hz, values
between −1 and 1, one token for 64 samples.
"""

from fractions import Fraction
from itertools import pairwise

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

from ecglib.system.errors import UserError

FS = 100
"""Samples a second of a window."""

WINDOW = 1024
"""Samples of a window, 10.24 s."""

SHARD = 64
"""Samples from one token to the next."""

N_TOKENS = 15
"""Shards of a window. A token sees 82 samples, so the last 64 of 1,024 make no shard."""

PASS_BAND = (0.05, 47.0)
"""Cut-off frequencies in Hz."""

BAND_EDGES = (1, 2, 3, 4, 6, 9, 13, 20, 31)
"""Bins of a shard's spectrum, 1.5625 Hz apart, at which the eight bands begin and end."""

FEATURES = (
    "mean", "deviation", "minimum", "maximum", "skewness", "kurtosis",
    "mean absolute difference", "crossings of the mean",
    *(f"log energy, bins {a} to {b - 1}" for a, b in pairwise(BAND_EDGES)),
)  # fmt: skip
"""Names of the sixteen features of a shard."""

_FLOOR = 1e-4
"""Energy that is added before the logarithm, so that a padded shard is no outlier."""

_FLAT = 1e-6
"""A window whose range, or a shard whose deviation, is below this value counts as flat."""


def hubert_windows(signal, n_samples, fs, n_windows):
    """Recordings as the windows that HuBERT-ECG reads.

    Each recording is filtered (Butterworth of order 3, forwards and backwards, 0.05–47 Hz,
    a second mirrored at both ends) and resampled to 100 Hz, all over its own samples only; then
    windows of 1,024 samples are spread evenly over it and scaled to [−1, 1] one by one.

    Parameters
    ----------
    signal : ndarray, shape (n, length), float32
        Recordings, padded at the end.
    n_samples : ndarray, shape (n,), int
        Samples of each before the padding.
    fs : float
        Sampling frequency in Hz.
    n_windows : int
        Windows of each recording; if it is short they overlap or are even the same.

    Returns
    -------
    ndarray, shape (n, n_windows, 1024), float32
        Windows; zeros after the end of a recording that is shorter, and where it is flat.

    Raises
    ------
    UserError
        If `fs` is too low for the pass band, or a recording has no samples.
    """
    if fs <= 2 * PASS_BAND[1]:
        raise UserError(f"fs is {fs} Hz; HuBERT-ECG needs more than {2 * PASS_BAND[1]:.0f} Hz")
    if n_windows < 1:
        raise UserError(f"n_windows is {n_windows}; it must be at least 1")
    if np.min(n_samples, initial=1) < 1:
        raise UserError(f"recording {np.argmin(n_samples)} has no samples; leave it out")
    sos = butter(3, PASS_BAND, "bandpass", fs=fs, output="sos")
    ratio = Fraction(FS / fs).limit_denominator(10_000)
    windows = np.zeros((len(signal), n_windows, WINDOW), dtype=np.float32)
    for row, recording, n in zip(windows, signal, n_samples, strict=True):
        reach = min(round(fs), n - 1)
        part = sosfiltfilt(sos, recording[:n].astype(np.float64), padlen=reach)
        _cut(resample_poly(part, ratio.numerator, ratio.denominator, padtype="line"), row)
    return windows


def _cut(part, row):
    """Scaled windows of a recording, evenly spread, into `row` (n_windows, 1024)."""
    starts = np.linspace(0, max(0, len(part) - WINDOW), len(row)).round().astype(int)
    for window, start in zip(row, starts, strict=True):
        piece = part[start : start + WINDOW]
        low, high = piece.min(), piece.max()
        if high - low > _FLAT:
            window[: len(piece)] = 2 * (piece - low) / (high - low) - 1


def shard_features(windows):
    """Sixteen features of each shard: eight of its shape in time, eight of its spectrum.

    In time: mean, deviation, minimum, maximum, skewness, kurtosis, mean absolute difference of
    neighbouring samples, crossings of the mean. In frequency: logarithm of the energy in eight
    bands between 1.6 and 47 Hz, of the shard under a Hann window. `FEATURES` names them.

    Parameters
    ----------
    windows : ndarray, shape (n, 1024), float32
        From `hubert_windows`.

    Returns
    -------
    ndarray, shape (n, 15, 16), float32
        Mean 0 and deviation 1 over all shards; a feature that never differs is 0.
    """
    shards = np.asarray(windows, dtype=np.float64)[:, : N_TOKENS * SHARD]
    shards = shards.reshape(-1, N_TOKENS, SHARD)
    features = np.concatenate([_in_time(shards), _in_frequency(shards)], axis=-1)
    mean, std = features.mean(axis=(0, 1)), features.std(axis=(0, 1))
    return ((features - mean) / np.where(std > _FLAT, std, 1)).astype(np.float32)


def _in_time(shards):
    """Eight statistics (n, 15, 8) of the samples."""
    mean, std = shards.mean(axis=-1), shards.std(axis=-1)
    centred = shards - mean[..., np.newaxis]
    # SciPy's skew and kurtosis warn of flat shards, which padding makes common.
    scaled = centred / np.maximum(std, _FLAT)[..., np.newaxis]
    return np.stack(
        [
            mean,
            std,
            shards.min(axis=-1),
            shards.max(axis=-1),
            (scaled**3).mean(axis=-1),
            (scaled**4).mean(axis=-1),
            np.abs(np.diff(shards)).mean(axis=-1),
            np.diff(centred >= 0).sum(axis=-1),
        ],
        axis=-1,
    )


def _in_frequency(shards):
    """Logarithmic energies (n, 15, 8) of the bands."""
    spectrum = np.fft.rfft((shards - shards.mean(axis=-1, keepdims=True)) * np.hanning(SHARD))
    energy = np.cumsum(np.abs(spectrum) ** 2 / SHARD, axis=-1)
    return np.log(np.diff(energy[..., np.array(BAND_EDGES) - 1]) + _FLOOR)
