"""Recorded noise added to an ECG as WFDB's `nst` does it: the noise stress test.

`nst` (Moody, Muldrow & Mark 1984, "A noise stress test for arrhythmia detectors") made the ECG
records of the MIT-BIH Noise Stress Test Database. Noise is on for two minutes and off for two,
from minute five on. The signal-to-noise ratio is 10 log10(S / N): S = A² / 8, with the
peak-to-peak amplitude A of normal QRS complexes within ±50 ms; N is the square of the noise's
RMS amplitude in windows of one second, each less its own mean. Both amplitudes are means over
the first 300 measurements without the smallest and the largest 5 % (WFDB's `sigamp`).
"""

from dataclasses import replace

import numpy as np

from ecglib.data.signal.noise import qrs_amplitudes, trimmed_mean
from ecglib.system.errors import UserError

QUIET_S, ON_S, OFF_S = 300, 120, 120
"""Seconds without noise at the start, with it, and without it again."""

NORMAL = tuple("NLRBAaJSejn/")
"""Codes of the beats whose amplitude counts, those that WFDB groups as normal (`map1`)."""

N_MEASURED = 300
"""Beats, and seconds of noise, that are measured."""


def with_recorded_noise(record, noise, snr_db):
    """A `Record` with recorded noise.

    The noise runs beside the ECG from its start, and begins anew at its end. As in `nst`, the
    signal makes no step where noise is turned on or off, or begins anew.

    Parameters
    ----------
    record : ecglib.data.records.Record
        Its normal beats say how strong the signal is.
    noise : ndarray, shape (n,)
        At the record's sampling frequency; its unit does not matter.
    snr_db : float
        Signal-to-noise ratio while noise is on, dB.

    Raises
    ------
    UserError
        If the record has no normal beat, or the noise is flat or shorter than a second.
    """
    gain = _gain(record, noise, snr_db)
    n_samples = len(record.signal)
    position = np.arange(n_samples)
    step = np.concatenate([[0.0], np.diff(np.asarray(noise, dtype=np.float64))])
    added = np.cumsum(step[position % len(noise)] * (gain * is_noisy(position, record.fs)))
    return replace(record, signal=(record.signal + added).astype(np.float32))


def is_noisy(sample, fs):
    """Mask of samples at which noise is on."""
    into = np.asarray(sample) - QUIET_S * fs
    return (into >= 0) & (into % ((ON_S + OFF_S) * fs) < ON_S * fs)


def _gain(record, noise, snr_db):
    """Factor of the noise."""
    normal = record.sample[np.isin(record.symbol, NORMAL)][:N_MEASURED]
    try:
        amplitude = trimmed_mean(qrs_amplitudes(record.signal, record.fs, normal))
    except UserError as error:
        raise UserError(f"record {record.number} gets no noise: {error}") from error
    width = round(record.fs)
    seconds = np.asarray(noise, dtype=np.float64)[: N_MEASURED * width]
    seconds = seconds[: len(seconds) // width * width].reshape(-1, width)
    if len(seconds) == 0 or not np.ptp(seconds):
        raise UserError("the noise is flat or shorter than a second; take another one")
    rms = trimmed_mean(seconds.std(axis=1))
    return amplitude / np.sqrt(8) / rms / 10 ** (snr_db / 20)
