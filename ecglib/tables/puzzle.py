"""What networks that solve the wave puzzle confuse."""

import numpy as np

from ecglib.puzzle import NAMES, PERMUTATIONS

QRS = 1
"""Number of the middle piece of a beat."""

PLACE = np.array([order.index(QRS) for order in PERMUTATIONS])
"""Where the QRS complex stands in each order: first, middle or last."""


def confusion(arm):
    """Annotated (rows) and predicted orders of an arm, (6, 6) int64, all seeds together."""
    return np.sum([result.metrics["confusion"] for result in arm.results], axis=0)


def errors(counts):
    """Which mistakes a puzzle's confusion matrix has.

    Parameters
    ----------
    counts : ndarray, shape (6, 6)
        From `confusion`.

    Returns
    -------
    dict
        `accuracy`; `place`, the share of beats whose QRS complex is put in the right place;
        `same place`, the share of the mistakes that put it there and exchange P and T;
        `hardest`, the name of the order that is right least often.

    Examples
    --------
    >>> found = errors(np.eye(6, dtype=int) + np.fliplr(np.eye(6, dtype=int)))
    >>> float(found["accuracy"]), float(found["same place"])
    (0.5, 1.0)
    """
    total, right = counts.sum(), np.trace(counts)
    placed = counts[PLACE[:, None] == PLACE].sum()
    by_order = counts.diagonal() / counts.sum(axis=1)
    return {
        "accuracy": right / total,
        "place": placed / total,
        "same place": (placed - right) / (total - right),
        "hardest": NAMES[by_order.argmin()],
    }
