"""Results made by hand for tables; beats after 5:00 always differ from all beats."""

import numpy as np

from ecglib.tables import arms
from tests.test_results import made_result

MACRO = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}


def confusions(seed, records=("100", "103", "232")):
    """Confusion matrices of some records, others for every seed."""
    rng = np.random.default_rng(seed)
    diagonal = np.diag([60, 20, 20])
    return {r: (diagonal + rng.integers(0, 9, (3, 3))).tolist() for r in records}


def late(per_record):
    """What is left of confusion matrices after 5:00: fewer beats, other shares of errors."""
    kept = np.array([[0.5, 1.0, 0.5], [1.0, 0.4, 0.5], [1.0, 0.5, 0.6]])
    return {r: (np.array(m) * kept).astype(int).tolist() for r, m in per_record.items()}


def result(study, per_record, **settings):
    """A result as a run would leave it."""
    return made_result(study, per_record, after_5min=late(per_record), **settings)


def seeds_of(study, *, seeds=(7, 21), shift=0, **settings):
    """Results of one arm, whose matrices follow from seed and shift."""
    return [result(study, confusions(s + shift), seed=s, **settings) for s in seeds]


def arm_of(study="baseline", **settings):
    """One arm, see `seeds_of`."""
    return arms.pick(seeds_of(study, **settings))


def matrices(seeds, shift, after_5min):
    """What the results of `seeds_of` hold, one dict a seed."""
    found = [confusions(seed + shift) for seed in seeds]
    return [late(m) for m in found] if after_5min else found


def pairs_of(*confusion_matrices):
    """Reference and predicted labels that confusion matrices count together."""
    true, predicted = np.indices((3, 3))
    times = np.sum(confusion_matrices, axis=0).ravel()
    return np.repeat(true.ravel(), times), np.repeat(predicted.ravel(), times)


def with_metrics(results, **columns):
    """The results, each with its own value of every metric."""
    for i, found in enumerate(results):
        found.metrics.update({name: values[i] for name, values in columns.items()})
    return results
