"""Records as a worse recorder or a real detector would give them.

Every function takes a record and returns a new one. Random numbers depend on the seed and the
number of the record only. So records differ under one seed, and two strengths of a perturbation
use the same random numbers.
"""

from dataclasses import replace

import numpy as np

from ecglib.data.signal.detector import detect, match
from ecglib.data.signal.noise import add_noise
from ecglib.system.errors import UserError

MIN_FS = 100
"""Lowest sampling frequency to which `resampled` converts, Hz."""

MAX_FS = 1000
"""Highest sampling frequency to which `resampled` converts, Hz."""

FALSE_BEAT = "Q"
"""Symbol of a detection that is not a beat, "unclassifiable"; no score of N, S, V counts it."""


def with_noise(record, kind, snr_db, seed):
    """A `Record` with generated noise over its whole length.

    Parameters
    ----------
    record : Record
        Record whose beats define the strength of the signal.
    kind, snr_db
        See `ecglib.data.signal.noise.add_noise`, whose errors are raised.
    seed : int
        Not negative.
    """
    sample, rng = record.sample[record.is_beat], _rng(seed, record)
    signal = add_noise(record.signal, record.fs, sample, kind, snr_db, rng)
    return replace(record, signal=signal)


def with_jitter(record, ms, seed):
    """A record whose R-peaks are moved at random, as an imprecise detector places them.

    Every beat moves by whole samples, drawn uniformly from all within ±`ms`. Where two beats
    would meet or change places, the later one moves to the sample after the earlier one,
    which is still within ±`ms` of its place. Annotations other than beats stay.

    Parameters
    ----------
    record : Record
        No two of its beats at one sample.
    ms : float
        Largest move, ms; `UserError` if negative or not finite.
    seed : int
        Not negative.

    Returns
    -------
    Record
        Annotations sorted by time, beats strictly ascending and inside the signal.
    """
    if not 0 <= ms < np.inf:
        raise UserError(f"ms is {ms}: it must be a finite number of at least 0 ms")
    is_beat = record.is_beat
    n_beats = np.count_nonzero(is_beat)
    reach = int(ms * record.fs / 1000)
    move = _rng(seed, record).integers(-reach, reach, n_beats, endpoint=True)
    # After subtraction of its rank, each beat's place must only be "not descending" instead
    # of "strictly ascending", and all places inside the signal lie in 0 ... n - n_beats.
    rank = np.arange(n_beats)
    room = (record.sample[is_beat] - rank + move).clip(0, len(record.signal) - n_beats)
    sample = record.sample.copy()
    sample[is_beat] = np.maximum.accumulate(room) + rank
    order = np.argsort(sample, kind="stable")
    return replace(record, sample=sample[order], symbol=record.symbol[order])


def resampled(record, fs):
    """A record as if sampled at another frequency.

    The signal goes through SciPy's polyphase filter, which has no delay and takes out what
    the new frequency cannot hold; beyond its ends the nearest sample is repeated. Invalid
    samples (NaN) make their neighbours invalid within the filter's reach.

    Parameters
    ----------
    record : Record
        Its sampling frequency a whole number.
    fs : int
        New sampling frequency, 100 to 1000 Hz, else `UserError`.

    Returns
    -------
    Record
        Annotations at their times, rounded to the nearest sample; `gain` and `baseline`
        stay those of the header.
    """
    from scipy.signal import resample_poly

    if not (MIN_FS <= fs <= MAX_FS and fs == int(fs)):
        raise UserError(f"fs is {fs}: it must be a whole number from {MIN_FS} to {MAX_FS} Hz")
    if record.fs != int(record.fs):
        raise UserError(
            f"record {record.number} has {record.fs} Hz: only a record with a whole number of "
            "samples a second can be resampled"
        )
    up, down = int(fs), int(record.fs)
    signal = resample_poly(record.signal, up, down, padtype="edge").astype(np.float32)
    sample = np.rint(record.sample * up / down).astype(np.int64).clip(0, len(signal) - 1)
    return replace(record, signal=signal, fs=float(fs), sample=sample)


def with_detected_peaks(record):
    """A record whose R-peaks are found by the detector instead of the annotators.

    As in ANSI/AAMI EC57, a detection within 150 ms of an annotated beat is that beat and
    carries its symbol, each beat matched once. The matching counts the rest:

    - A missed beat (`fn`) has no annotation in the new record, so no classifier sees it. EC57
      counts it as not recognized: its class's sensitivity has to add it to the denominator.
    - A false beat (`fp`) has the symbol `FALSE_BEAT`, so no score of N, S and V counts it. EC57
      counts it against the class that it is given. The RR intervals of its neighbours end at
      it, as on a device.

    Parameters
    ----------
    record : Record
        Without invalid samples, over which the detector cannot filter, else `UserError`.

    Returns
    -------
    Record
        A record with one annotation for each detection; all other annotations are left out.
    ecglib.data.signal.detector.Matching
        Reference: the beats of `record`, in order; detections: annotations of the new record.
    """
    if np.isnan(record.signal).any():
        raise UserError(
            f"record {record.number} has samples marked invalid, which the detector cannot "
            "pass: leave the record out"
        )
    is_beat = record.is_beat
    sample = detect(record.signal, record.fs)
    matching = match(record.sample[is_beat], sample, record.fs)
    beat, detection = matching.pairs.T
    symbol = np.full(len(sample), FALSE_BEAT)
    symbol[detection] = record.symbol[is_beat][beat]
    return replace(record, sample=sample, symbol=symbol), matching


def _rng(seed, record):
    return np.random.default_rng([seed, record.number])
