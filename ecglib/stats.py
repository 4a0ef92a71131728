"""How sure a number is: intervals over patients, spread over seeds, McNemar's test.

Beats of one patient resemble each other, so patients are resampled and not beats (Efron &
Tibshirani 1993, "An Introduction to the Bootstrap", ch. 13: percentile interval, ch. 14: BCa).
In all functions `per_record` is {record number as str: confusion matrix}, as in result files,
or a list of such dicts, one for each seed. A `statistic` maps a stack of confusion matrices
(..., 3, 3) to numbers (...), for example `ecglib.metrics.accuracy` or `macro_f1`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm, rankdata, t

from ecglib.data.sets import patient_of


@dataclass(frozen=True)
class Interval:
    """A value and the bounds of its confidence interval.

    Examples
    --------
    >>> interval = Interval(0.63, 0.512, 0.701)
    >>> print(interval)
    0.630 [0.512, 0.701]
    >>> f"{interval:.1%}"
    '63.0% [51.2%, 70.1%]'
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self):
        """Whether zero lies outside the interval."""
        return self.low > 0 or self.high < 0

    def __format__(self, spec):
        value, low, high = (format(x, spec or ".3f") for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}]"

    def __str__(self):
        return format(self)


def patient_bootstrap(per_record, statistic, *, n_resamples=2000, level=0.95, seed=0):
    """Value of a statistic on all beats, with its interval over patients.

    Patients are drawn with replacement, all records of a patient together, and their
    confusion matrices are added before the statistic is computed. With several seeds the
    statistic is averaged over them. All seeds use the same drawn patients, so the interval is
    about patients and not about seeds (see `seed_spread`). If a draw has no beats of a class,
    the statistic's own convention for this case applies.

    Parameters
    ----------
    per_record, statistic
        See the head of this module.
    n_resamples, seed : int
        Number of draws, and their seed.
    level : float
        Desired coverage, 0 … 1.

    Returns
    -------
    Interval
        Value of the data as they are, with the percentile interval of the draws.

    Raises
    ------
    ValueError
        If there are fewer than two patients or the seeds cover different records.
    """
    return _interval(_drawn(per_record, statistic, n_resamples, seed), level)


def paired_difference(
    per_record_a, per_record_b, statistic, *, bca=False, n_resamples=2000, level=0.95, seed=0
):
    """Difference a − b of a statistic, as `Interval` over patients.

    The same patients are drawn on both sides, so a patient who is hard for both does not widen
    the interval. Parameters are those of `patient_bootstrap`. With `bca` the interval is the
    bias-corrected and accelerated one of the same draws. Its acceleration is computed by
    leaving out each patient once.

    Raises
    ------
    ValueError
        If a and b differ in their records or their number of seeds, or there are fewer than
        two patients.
    """
    a, b = _seeds(per_record_a), _seeds(per_record_b)
    if len(a) != len(b):
        raise ValueError(f"a has {len(a)} seeds and b has {len(b)}; give both the same.")
    _require_same_records([*a, *b])
    drawn = _drawn(a, statistic, n_resamples, seed) - _drawn(b, statistic, n_resamples, seed)
    if not bca:
        return _interval(drawn, level)
    left_out = _left_out(a, statistic) - _left_out(b, statistic)
    return _bca_interval(drawn, left_out, level)


def draws(per_record, statistic, *, n_resamples=2000, seed=0):
    """Statistic of each draw of patients, (n_resamples,); parameters of `patient_bootstrap`.

    Equal seeds draw the same patients, so draws of two networks can be subtracted.
    """
    return _drawn(per_record, statistic, n_resamples, seed)[1:]


def mean_over_patients(per_record, statistic):
    """Mean over patients (and seeds) of a statistic that is computed for each of them.

    Every patient has the same weight, however many beats they have. Use it for accuracy only:
    in `macro_f1` and `macro_sensitivity`, a class that a patient does not have would score 0.
    Parameters are those of `patient_bootstrap`.
    """
    return float(np.mean(statistic(_by_patient(per_record))))


def without(per_record, record):
    """The confusion matrices `per_record` of all records but one.

    `record` is the number of this record as str or int, for instance 232, which has three
    quarters of DS2's S beats. Raises a ValueError if `per_record` lacks it.
    """
    if isinstance(per_record, list):
        return [without(one_seed, record) for one_seed in per_record]
    if str(record) not in per_record:
        raise ValueError(f"Record {record} is not among {', '.join(per_record)}.")
    return {key: matrix for key, matrix in per_record.items() if key != str(record)}


def pool(per_record):
    """Sum of the confusion matrices of all records of one seed, (3, 3) int64."""
    return np.sum([np.asarray(matrix) for matrix in per_record.values()], axis=0)


def mcnemar(correct_a, correct_b):
    """Exact two-sided McNemar test of two classifiers on the same units.

    Use it only for units that are independent of each other, such as recordings of different
    people. Beats of a patient are not independent, so on beats the test calls nearly every
    difference significant; use `paired_difference` there.

    Parameters
    ----------
    correct_a, correct_b : array_like of bool, shape (n_units,)
        Whether a, b classified the unit correctly.

    Returns
    -------
    float
        The p-value. Of the units that only one classifier got right, it asks how they are
        divided between the two. It is the chance of a division at least as uneven if both are
        equally good; 1 if there is no such unit.

    Examples
    --------
    >>> round(mcnemar([True] * 10 + [False], [False] * 10 + [True]), 4)
    0.0117
    """
    correct_a, correct_b = np.asarray(correct_a, dtype=bool), np.asarray(correct_b, dtype=bool)
    only_a = int(np.sum(correct_a & ~correct_b))
    only_b = int(np.sum(correct_b & ~correct_a))
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def paired_accuracy(correct_a, correct_b, *, n_resamples=10000, level=0.95, seed=0):
    """Difference a − b of the accuracies on the same recordings, as `Interval`.

    Recordings are drawn with replacement. Each adds −1, 0 or +1 to the difference, so a draw is
    made by drawing the counts of these three values.

    Parameters
    ----------
    correct_a, correct_b : array_like of bool, shape (n_recordings,)
        Whether a, b classified the recording correctly.

    Examples
    --------
    >>> print(paired_accuracy([True] * 99 + [False], [True] * 100))
    -0.010 [-0.030, 0.000]
    """
    gain = np.asarray(correct_a, dtype=int) - np.asarray(correct_b, dtype=int)
    n = len(gain)
    share = np.array([np.mean(gain == value) for value in (-1, 0, 1)])
    drawn = np.random.default_rng(seed).multinomial(n, share, n_resamples) @ [-1, 0, 1] / n
    return _interval(np.concatenate([[gain.mean()], drawn]), level)


def rank_correlation(x, y, *, n_resamples=2000):
    """Spearman's rank correlation, mean over networks, as `Interval` of 95 % over layers.

    Networks that were trained on overlapping data repeat the same layers. So layers are drawn
    with replacement, and all networks use the same drawn layers. `x` and `y` have two numbers
    of each layer, (n_networks, n_layers). If those of a network are all equal, it has
    correlation 0.
    """
    n_layers = np.shape(x)[1]
    drawn = np.random.default_rng(0).integers(n_layers, size=(n_resamples, n_layers))
    rows = np.vstack([np.arange(n_layers), drawn])
    a, b = (rankdata(np.asarray(values)[:, rows], axis=2) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=2, keepdims=True) for ranks in (a, b))
    norms = np.sqrt((a**2).sum(axis=2) * (b**2).sum(axis=2))
    found = (a * b).sum(axis=2) / np.where(norms > 0, norms, 1)
    return _interval(found.mean(axis=0), 0.95)


def share_interval(n_right, n, level=0.95):
    """Share of right answers to independent recordings, with its Wilson interval.

    Examples
    --------
    >>> print(share_interval(90, 100))
    0.900 [0.826, 0.945]
    """
    bounds = binomtest(int(n_right), int(n)).proportion_ci(level, method="wilson")
    return Interval(int(n_right) / int(n), float(bounds.low), float(bounds.high))


def seed_spread(values):
    """Mean and sample standard deviation (ddof = 1) over seeds; NaN for a single seed.

    Examples
    --------
    >>> seed_spread([0.5, 0.75, 1.0])
    (0.75, 0.25)
    >>> seed_spread([0.5])
    (0.5, nan)
    """
    std = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return float(np.mean(values)), float(std)


def seed_interval(values, level=0.95):
    """Mean over seeds with the interval of Student's t, which is wide if seeds are few.

    The interval says what other seeds could have given on the same patients.

    Examples
    --------
    >>> print(seed_interval([0.5, 0.75, 1.0]))
    0.750 [0.129, 1.371]
    """
    mean, std = seed_spread(values)
    n = len(values)
    reach = t.ppf((1 + level) / 2, n - 1) * std / np.sqrt(n) if n > 1 else np.nan
    return Interval(mean, float(mean - reach), float(mean + reach))


def _drawn(per_record, statistic, n_resamples, seed):
    """Statistic of the data as they are, then of every draw; shape (1 + n_resamples,)."""
    matrices = _by_patient(per_record)
    n_patients = matrices.shape[1]
    if n_patients < 2:
        raise ValueError("An interval over patients needs at least two patients.")
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_patients, np.full(n_patients, 1 / n_patients), n_resamples)
    return _weighted(matrices, np.vstack([np.ones_like(draws[:1]), draws]), statistic)


def _left_out(per_record, statistic):
    """Statistic of all patients but one, for each patient; shape (n_patients,)."""
    matrices = _by_patient(per_record)
    return _weighted(matrices, 1 - np.eye(matrices.shape[1], dtype=np.int64), statistic)


def _weighted(matrices, times, statistic):
    """Statistic, mean over seeds; row i of `times` says how often each patient is taken.

    `times` has shape (n, n_patients), the result shape (n,).
    """
    return statistic(np.einsum("dp,spij->sdij", times, matrices)).mean(axis=0)


def _interval(drawn, level):
    """Percentile interval; `drawn[0]` is the value, `drawn[1:]` are those of the draws."""
    low, high = np.quantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(drawn[0]), float(low), float(high))


def _bca_interval(drawn, left_out, level):
    """BCa interval; `drawn` as in `_interval`, `left_out` without each patient."""
    value, draws = drawn[0], drawn[1:]
    below = (np.mean(draws < value) + np.mean(draws <= value)) / 2
    bias = norm.ppf(np.clip(below, 0.5 / len(draws), 1 - 0.5 / len(draws)))
    pull = left_out.mean() - left_out
    acceleration = np.sum(pull**3) / (6 * np.sum(pull**2) ** 1.5) if pull.any() else 0.0
    reach = bias + norm.ppf([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(draws, norm.cdf(bias + reach / (1 - acceleration * reach)))
    return Interval(float(value), float(low), float(high))


def _seeds(per_record):
    """A list with one dict {record: confusion matrix} for each seed."""
    return per_record if isinstance(per_record, list) else [per_record]


def _by_patient(per_record):
    """Confusion matrices (n_seeds, n_patients, …, …), added over a patient's records."""
    seeds = _seeds(per_record)
    _require_same_records(seeds)
    patients = sorted({patient_of(record) for record in seeds[0]})
    shape = np.shape(next(iter(seeds[0].values())))
    matrices = np.zeros((len(seeds), len(patients), *shape), dtype=np.int64)
    for i, per_record in enumerate(seeds):
        for record, matrix in per_record.items():
            matrices[i, patients.index(patient_of(record))] += np.asarray(matrix)
    return matrices


def _require_same_records(seeds):
    odd = set().union(*seeds) - set.intersection(*map(set, seeds))
    if odd:
        raise ValueError(
            f"Only some results hold {', '.join(sorted(odd))}; compare the same records."
        )
