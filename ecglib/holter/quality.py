"""Which seconds of a lead can be read.

A second is *missing* if a quarter of its samples are invalid. It is *flat* if five seconds or
more span less than 0.02 mV each, which is below what the detector looks for, and longer than
most pauses. It is *saturated* if a tenth of its samples have its largest or its smallest value,
1 mV or more from the lead's median.

It is *too noisy* if the energy that the detector sees (`peaks.energy_of`) does not rest between
complexes, and does not repeat like a fast rhythm either:

- The energy's median in a second, smoothed over 7 s, exceeds 0.13 times the third largest of
  the maxima of the 11 seconds around. So amplitude does not matter.
- The autocorrelation of the energy over 5 s does not rise by 0.7 or more from its lowest value
  at shorter lags to its highest at 0.2 to 0.6 s.

The rule is ours; that an ECG is peaked, and noise is not, is the idea of Li, Mark & Clifford
2008 (Physiol Meas 29:15-32), who take the kurtosis. Thresholds and windows were chosen on DS1
and SVDB_DEV, with the first halves of NSTDB. There it calls 0.2 % of the seconds of DS1 too
noisy, with 1 of their 3,788 ventricular beats, and 0.1 % of SVDB_DEV, with 16 of 2,969. On
records that chose nothing it is more: 0.7 % of DS2 (222: 9 %) and 0.5 % of SVDB_TEST, with 45
of 4,487. In DS1 with noise at -6 dB it finds 82 % of the seconds with electrode motion and 64 %
with muscle noise; at 6 dB 62 % and 45 %.

Limits: fibrillation of the ventricles has no complexes, and is called noise where it does not
repeat from wave to wave. Noise that lasts two seconds is not found, nor is noise below the size
of complexes.
"""

import numpy as np

from ecglib.data.signal import peaks

MISSING, FLAT_MV, FLAT_S, EQUAL, FAR_MV = 0.25, 0.02, 5, 0.1, 1.0
RESTLESS, PERIODIC = 0.13, 0.7

KINDS = ("missing", "flat", "saturated", "too noisy")
"""Why a second cannot be read; the first that fits."""

_CHUNK_S = 600  # seconds that are looked at together
_STEP = 4  # energy samples that are averaged before the autocorrelation
_FIRST_LAG, _LAST_LAG = 10, 30  # 0.2 and 0.6 s


def kinds(signal, fs):
    """Why each second of a lead cannot be read.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,), float32
        mV; NaN where a sample is invalid.
    fs : int
        Samples a second.

    Returns
    -------
    ndarray, shape (n_seconds,), int8
        0 where a second can be read, else the place in `KINDS`, from 1; a second that the
        recording ends in counts.
    """
    some = signal[::16]
    level = float(np.median(some[np.isfinite(some)])) if np.isfinite(some).any() else 0.0
    parts = []
    for start in range(0, len(signal), _CHUNK_S * fs):
        parts.append(_measured(signal[start : start + (_CHUNK_S + 1) * fs], fs, level))
    missing, span, saturated, rest, top, energy = map(np.concatenate, zip(*parts, strict=True))
    found = np.zeros(len(missing), dtype=np.int8)
    flat = _runs(span < FLAT_MV, FLAT_S)
    noisy = np.median(_around(rest, 3), axis=1) > RESTLESS * np.sort(_around(top, 5))[:, -3]
    noisy[noisy] = ~_repeats(energy, np.flatnonzero(noisy))
    for kind, mask in ((4, noisy), (3, saturated), (2, flat), (1, missing)):
        found[mask] = kind
    return found


def _measured(signal, fs, level):
    """Of each second of a chunk: missing, span, saturated, median and maximum of the energy,
    and the energy itself; a chunk has a second of the next one at its end."""
    n_seconds = min(_CHUNK_S, -(-len(signal) // fs))
    valid = np.isfinite(signal)
    filled = np.where(valid, signal, level) - level
    filled = np.pad(filled, (0, max(0, (n_seconds + 1) * fs - len(filled))), mode="edge")
    seconds = filled[: n_seconds * fs].reshape(n_seconds, fs)
    missing = np.pad(~valid, (0, n_seconds * fs))[: n_seconds * fs].reshape(n_seconds, fs)
    saturated = np.zeros(n_seconds, dtype=bool)
    for extreme in (seconds.max(axis=1), seconds.min(axis=1)):
        equal = np.mean(seconds == extreme[:, None], axis=1)
        saturated |= (equal >= EQUAL) & (np.abs(extreme) >= FAR_MV)
    units = np.rint(filled * 1000).clip(-(2**15), 2**15 - 1).astype(np.int16)
    energy = peaks.energy_of(peaks.averaged(units, fs))[peaks.DELAY :]
    energy = energy[: n_seconds * peaks.HZ].reshape(n_seconds, peaks.HZ).astype(np.float32)
    return (
        missing.mean(axis=1) >= MISSING,
        np.ptp(seconds, axis=1),
        saturated,
        np.median(energy, axis=1),
        energy.max(axis=1),
        energy.reshape(n_seconds, -1, _STEP).mean(axis=2),
    )


def _around(values, reach):
    """Each value with its neighbours, (n, 2 * reach + 1)."""
    padded = np.pad(values, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)


def _runs(mask, least):
    """The mask without runs that are shorter than `least`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask, [0]])))
    kept = np.zeros(len(mask), dtype=bool)
    for start, end in edges.reshape(-1, 2):
        kept[start:end] = end - start >= least
    return kept


def _repeats(energy, seconds):
    """Whether the energy around each of some seconds repeats as that of a fast rhythm does."""
    found = np.zeros(len(seconds), dtype=bool)
    padded = np.pad(energy, ((2, 2), (0, 0)), mode="edge")
    for start in range(0, len(seconds), _CHUNK_S):
        rows = seconds[start : start + _CHUNK_S]
        window = np.concatenate([padded[rows + i] for i in range(5)], axis=1)
        window = np.minimum(window, np.quantile(window, 0.9, axis=1, keepdims=True))
        window -= window.mean(axis=1, keepdims=True)
        size = window.shape[1]
        power = np.abs(np.fft.rfft(window, 2 * size)) ** 2
        shape = np.fft.irfft(power)[:, : _LAST_LAG + 1] / (size - np.arange(_LAST_LAG + 1))
        shape /= np.maximum(shape[:, :1], 1e-9)
        rise = shape - np.minimum.accumulate(shape, axis=1)
        found[start : start + _CHUNK_S] = rise[:, _FIRST_LAG:].max(axis=1) >= PERIODIC
    return found
