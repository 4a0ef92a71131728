"""Ratios of RR intervals: the timing of a beat relative to its own record."""

import numpy as np

RR_NAMES = ("rr/loc80", "rr/glo400", "post/loc80", "post/glo400", "rr/post")
"""Columns of `rr_features`: `rr` is the interval to the previous beat, `post` to the next,
`loc80` and `glo400` the mean of the last 80 and 400 intervals."""

RR_DELAY_BEATS = (0, 0, 1, 1, 1)
"""How many beats after its own a column is known: 0 is causal; the columns with `post`
must wait for the next beat, which a device that answers at once cannot do."""

LOCAL_INTERVALS = 80
GLOBAL_INTERVALS = 400

BASELINE_GAIN = 0.02
"""Share of an interval's difference by which it moves the slow baseline of log RR."""

BASELINE_REACH = 0.1
"""Largest difference from the baseline that counts."""

RHYTHM_BEATS = 24
"""Number of beats over which the irregularity is averaged."""

LARGEST_CHANGE = 0.5
"""Largest change of log RR that counts for the irregularity."""

RECENT_BEATS, MORE_RECENT_BEATS = 3, 8
"""Number of earlier beats whose deviation from the baseline is shown, in two variants."""

SPREAD_BEATS, LEAST_SPREAD = 24, 0.03
"""Intervals from which mean and spread of log RR are taken; what is added to the spread."""

UNREST_BEATS = 128
"""Beats over which the slow irregularity is averaged, approximately."""


def rr_features(sample):
    """Five ratios of RR intervals for every beat of one record, (n_beats, 5) float32.

    The means are over the last 80 and 400 intervals including the current `rr`; at the start of
    a record they are over all intervals so far. A ratio that does not exist is set to 1, the
    usual value. This is so for `rr` at the first beat, for `post` at the last beat, and if the
    denominator is zero (two annotations at one sample). Columns are `RR_NAMES`; the first four
    are those of Farag 2023 (PMC9919183).

    Parameters
    ----------
    sample : array_like of int, shape (n_beats,)
        R-peaks of **all** annotated beats of the record, in samples (the unit cancels);
        `ValueError` if they are not ascending.

    Examples
    --------
    A beat 200 samples after its predecessor, then a pause of 400:

    >>> rr_features([0, 300, 600, 800, 1200]).round(2)[3]
    array([0.75, 0.75, 1.5 , 1.5 , 0.5 ], dtype=float32)
    """
    sample = np.asarray(sample, dtype=np.int64)
    if np.any(np.diff(sample) < 0):
        raise ValueError("sample: R-peaks must be in ascending order")
    features = np.ones((len(sample), len(RR_NAMES)))
    if len(sample) < 2:
        return features.astype(np.float32)

    rr = np.diff(sample)  # rr[i] ends at beat i + 1
    local = _trailing_mean(sample, LOCAL_INTERVALS)
    overall = _trailing_mean(sample, GLOBAL_INTERVALS)
    features[1:, 0] = _ratio(rr, local)
    features[1:, 1] = _ratio(rr, overall)
    features[1:-1, 2] = _ratio(rr[1:], local[:-1])
    features[1:-1, 3] = _ratio(rr[1:], overall[:-1])
    features[1:-1, 4] = _ratio(rr[:-1], rr[1:])
    return features.astype(np.float32)


def _trailing_mean(sample, width):
    """Mean of the last `width` intervals ending at each beat but the first, (n_beats - 1,).

    A sum of consecutive intervals is the distance of its end points, so it stays exact.
    """
    beat = np.arange(1, len(sample))
    first = np.maximum(beat - width, 0)
    return (sample[beat] - sample[first]) / (beat - first)


def _ratio(numerator, denominator):
    """`numerator / denominator`, 1 where the denominator is zero."""
    return np.divide(
        numerator, denominator, out=np.ones(len(numerator)), where=denominator != 0
    )


def scaled_ratios(rr):
    """RR ratios centred on 1, scaled by 4 and clipped to ±8, float32."""
    return np.clip((rr - 1) * 4, -8, 8).astype(np.float32)


def rhythm_features(sample):
    """Three more columns for every beat of one record: two ratios to a baseline, irregularity.

    `sample` (n_beats,) are the R-peaks, ascending. The result (n_beats, 3), float32, holds
    4 log(rr / baseline), 4 log(post / baseline) (known one beat later), and 8 times the mean
    absolute change of log RR over the last 24 beats, where a change counts as at most 0.5.
    It is 0 where an interval does not exist.
    """
    features = np.zeros((len(sample), 3))
    if len(sample) < 3:
        return features.astype(np.float32)
    log_rr = np.log(np.maximum(np.diff(sample), 1))
    baseline = _baseline(log_rr)
    features[1:, 0] = 4 * (log_rr - baseline)
    features[1:-1, 1] = 4 * (log_rr[1:] - baseline[:-1])
    change = np.minimum(np.abs(np.diff(log_rr)), LARGEST_CHANGE)
    total = np.concatenate([[0], np.cumsum(change)])
    beat = np.arange(1, len(total))
    first = np.maximum(beat - RHYTHM_BEATS, 0)
    features[2:, 2] = 8 * (total[beat] - total[first]) / (beat - first)
    return np.clip(features, -8, 8).astype(np.float32)


def recent_features(sample, n_before=RECENT_BEATS):
    """How early the last beats before each beat were, (n_beats, n_before) float32.

    Column k, from 1, is 4 log(rr / baseline) of the beat k beats before, as the first of
    `rhythm_features`; 0 where that beat or its interval does not exist.
    """
    features = np.zeros((len(sample), n_before))
    early = rhythm_features(sample)[:, 0]
    for k in range(1, min(n_before, len(sample) - 1) + 1):
        features[k:, k - 1] = early[:-k]
    return features.astype(np.float32)


def later_feature(sample):
    """How early the beat after the next one is, (n_beats, 1) float32; known two beats later.

    4 log(rr / baseline) of that beat, as the first column of `rhythm_features`; 0 where it does
    not exist.
    """
    early = rhythm_features(sample)[2:, :1]
    return np.concatenate([early, np.zeros((len(sample) - len(early), 1), np.float32)])


def spread_feature(sample):
    """How unusual an interval is among the last 24, (n_beats, 1) float32.

    The difference of log RR to the mean of the up to 24 intervals before, over their mean
    absolute difference to it plus 0.03. In atrial fibrillation an early beat is nothing
    unusual. It is 0 for the first three beats.
    """
    features = np.zeros((len(sample), 1))
    log_rr = np.log(np.maximum(np.diff(sample), 1))
    for i in range(2, len(log_rr)):
        before = log_rr[max(0, i - SPREAD_BEATS) : i]
        mean = before.mean()
        spread = np.abs(before - mean).mean() + LEAST_SPREAD
        features[i + 1] = (log_rr[i] - mean) / spread
    return np.clip(features, -8, 8).astype(np.float32)


def unrest_feature(sample):
    """Irregularity over some 128 beats, (n_beats, 1) float32.

    8 times a running mean of the absolute change of log RR, where a change counts as at most
    0.5. Its gain falls from 1 to 1/128.
    """
    features, mean = np.zeros((len(sample), 1)), 0.0
    log_rr = np.log(np.maximum(np.diff(sample), 1))
    for i, change in enumerate(np.minimum(np.abs(np.diff(log_rr)), LARGEST_CHANGE)):
        mean += (change - mean) / min(i + 1, UNREST_BEATS)
        features[i + 2] = 8 * mean
    return features.astype(np.float32)


def _baseline(log_rr):
    """Running mean of log RR before each interval, (n_intervals,).

    An interval moves it as if it were at most 10 % off, so a run of premature beats hardly
    lowers it. Its gain falls from 1/2 to 0.02.
    """
    baseline, current = np.empty(len(log_rr)), log_rr[0]
    for i, value in enumerate(log_rr):
        baseline[i] = current
        gain = max(BASELINE_GAIN, 1 / (i + 2))
        current += gain * np.clip(value - current, -BASELINE_REACH, BASELINE_REACH)
    return baseline
