"""Generated noise of three kinds, added to an ECG at a given signal-to-noise ratio.

The kinds are those of the MIT-BIH Noise Stress Test Database (Moody, Muldrow & Mark 1984,
"A noise stress test for arrhythmia detectors"): baseline wander, muscle artefact, electrode
motion. The noises come from the simple models below and not from the recordings of that
database. Bands and rates are round numbers that were not fitted to it.

Each generator takes `n_samples` (int), `fs` (float, Hz) and `rng` (numpy.random.Generator),
returns float32 (n_samples,) of mean 0 or nearly so and mean square 1, and raises `UserError`
below 20 s (the slowest components would be missing) or 100 Hz.
"""

import numpy as np

from ecglib.system.errors import UserError

MIN_SECONDS = 20
"""Shortest noise in seconds; a band of 0.1 Hz then has a frequency of the discrete
transform."""

MIN_FS = 100
"""Lowest sampling frequency, Hz, at which muscle noise has a band of 20 to 45 Hz."""

_QRS_HALF_S = 0.050  # around an R-peak, as in WFDB's sigamp
_TRIM = 20  # one beat in so many is left out at each end of the amplitudes
_SHIFT_EVERY_S = 5.0


def baseline_wander(n_samples, fs, rng):
    """Baseline wander: breathing and slow drift, both below 0.5 Hz, each half of the power.

    Breathing is Gaussian noise in a band 0.1 Hz wide around a rate drawn from 0.2 to 0.33 Hz.
    It is nearly a sinusoid whose amplitude changes within about ten seconds. Drift is Gaussian
    noise from 0.02 to 0.15 Hz.
    """
    _check(n_samples, fs)
    rate = rng.uniform(0.2, 0.33)
    breathing = _band(n_samples, fs, rate - 0.05, rate + 0.05, rng)
    drift = _band(n_samples, fs, 0.02, 0.15, rng)
    return _unit_power(breathing + drift).astype(np.float32)


def muscle(n_samples, fs, rng):
    """Muscle artefact: Gaussian noise from 20 Hz to min(150 Hz, 0.45 `fs`), in bursts.

    The envelope is log-normal and changes within some seconds; it widens the band by few Hz.
    """
    _check(n_samples, fs)
    carrier = _band(n_samples, fs, 20.0, min(150.0, 0.45 * fs), rng)
    return _unit_power(_bursts(n_samples, fs, rng) * carrier).astype(np.float32)


def electrode_motion(n_samples, fs, rng):
    """Electrode motion: sudden shifts that decay, and bursts of noise from 1 to 10 Hz.

    Shifts come at random times, one in 5 s on average; heights are Gaussian, and each decays
    exponentially with its own time constant from 0.2 to 1.5 s. Shifts and bursts have half
    of the power each. This is the noise whose spectrum overlaps with the ECG's own: no
    filter takes it out without taking QRS complexes and T waves, too.
    """
    _check(n_samples, fs)
    bursts = _unit_power(_bursts(n_samples, fs, rng) * _band(n_samples, fs, 1.0, 10.0, rng))
    return _unit_power(_shifts(n_samples, fs, rng) + bursts).astype(np.float32)


NOISES = {"wander": baseline_wander, "muscle": muscle, "electrode": electrode_motion}
"""Kind of noise -> its generator."""


def add_noise(signal, fs, sample, kind, snr_db, rng):
    """An ECG with generated noise at a signal-to-noise ratio (SNR), (n_samples,) float32.

    SNR = 10 log10(S / (N a²)) with the gain a of the noise and S = A² / 8, the power of a
    sinusoid as high as the QRS complexes. A is measured as WFDB's program `nst` does it (see
    `ecglib.data.signal.stress`), but all beats of `sample` count, and noise is everywhere. N is
    the mean square of the noise, not that of windows of one second less their mean. So at the
    same SNR `nst` would add about 11 dB more wander, 5 dB more electrode motion and 3 dB more
    muscle noise.

    Parameters
    ----------
    signal : ndarray, shape (n_samples,)
        One lead in mV. Invalid samples are NaN and stay NaN; beats near them do not count for
        A.
    fs : float
        Sampling frequency, Hz.
    sample : ndarray, shape (n_beats,), int
        R-peaks, in samples.
    kind : {"wander", "muscle", "electrode"}
        Key of `NOISES`.
    snr_db : float
        SNR, dB.
    rng : numpy.random.Generator
        Source of the noise; the same state gives the same noise at every SNR, except for a.

    Raises
    ------
    UserError
        If no beat can be measured, the signal is flat there, too short or too coarse, the SNR
        is not finite, or the kind is unknown.
    """
    if kind not in NOISES:
        raise UserError(f"kind is {kind!r}: it must be one of {', '.join(NOISES)}")
    if not np.isfinite(snr_db):
        raise UserError(f"snr_db is {snr_db}: it must be a finite number of dB")
    signal = np.asarray(signal, dtype=np.float64)
    power = trimmed_mean(qrs_amplitudes(signal, fs, sample)) ** 2 / 8
    noise = NOISES[kind](len(signal), fs, rng)
    return (signal + np.sqrt(power / 10 ** (snr_db / 10)) * noise).astype(np.float32)


def qrs_amplitudes(signal, fs, sample):
    """Peak-to-peak amplitudes within ±50 ms of R-peaks, in the signal's unit.

    Invalid ones are left out; `UserError` if none is left, or all are zero.
    """
    half = round(_QRS_HALF_S * fs)
    places = np.asarray(sample, dtype=np.int64)[:, None] + np.arange(-half, half + 1)
    height = np.ptp(np.asarray(signal)[places.clip(0, len(signal) - 1)], axis=1)
    height = height[np.isfinite(height)]
    if len(height) == 0:
        raise UserError(
            "sample names no beat with valid samples around it: noise is scaled by the "
            "height of QRS complexes, so give the R-peaks of this signal"
        )
    if not height.any():
        raise UserError("signal is flat at its R-peaks: leave this lead out")
    return height


def trimmed_mean(values):
    """Mean without the smallest and the largest twentieth."""
    trimmed = len(values) // _TRIM
    return np.sort(values)[trimmed : len(values) - trimmed].mean()


def _check(n_samples, fs):
    if not fs >= MIN_FS:
        raise UserError(f"fs is {fs} Hz: noise needs at least {MIN_FS} Hz")
    if n_samples < MIN_SECONDS * fs:
        raise UserError(
            f"n_samples is {n_samples:,}, {n_samples / fs:.1f} s: noise needs a signal of at "
            f"least {MIN_SECONDS} s"
        )


def _band(n_samples, fs, low, high, rng):
    """Gaussian noise (n_samples,), float64, of unit power between two frequencies in Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    frequency = np.fft.rfftfreq(n_samples, 1 / fs)
    spectrum[(frequency < low) | (frequency > high)] = 0
    return _unit_power(np.fft.irfft(spectrum, n_samples))


def _bursts(n_samples, fs, rng):
    """Positive envelope (n_samples,) that changes within seconds."""
    return np.exp(0.8 * _band(n_samples, fs, 0.05, 0.5, rng))


def _shifts(n_samples, fs, rng):
    """Sudden shifts (n_samples,) that decay exponentially, of mean 0 and unit power."""
    n_shifts = 1 + rng.poisson(n_samples / fs / _SHIFT_EVERY_S)
    baseline = np.zeros(n_samples)
    for start in rng.integers(0, n_samples, n_shifts):
        decay = rng.uniform(0.2, 1.5) * fs
        since = np.arange(min(n_samples - start, round(10 * decay)))
        baseline[start : start + len(since)] += rng.standard_normal() * np.exp(-since / decay)
    return _unit_power(baseline - baseline.mean())


def _unit_power(noise):
    return noise / np.sqrt(np.mean(noise**2))
