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


def rr_features(sample):
    """Five ratios of RR intervals for every beat of one record.

    The means run over the last 80 and 400 intervals up to and including the current `rr`;
    at the start of a record they run over as many as there are. A ratio that does not
    exist is 1, "as usual": those with `rr` at the first beat, those with `post` at the last,
    and any whose denominator is zero (two annotations on one sample).

    Parameters
    ----------
    sample : array_like of int, shape (n_beats,)
        R-peaks of **all** annotated beats of the record, ascending, in samples (the unit
        cancels).

    Returns
    -------
    ndarray, shape (n_beats, 5), float32
        Columns as in `RR_NAMES`; when each is known, in `RR_DELAY_BEATS`.

    Raises
    ------
    ValueError
        If `sample` is not ascending.

    References
    ----------
    Farag 2023, PMC9919183 (the first four, with local and global means).

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
