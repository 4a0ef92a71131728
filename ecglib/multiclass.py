"""Scores of recordings in any number of classes, one label a recording.

A confusion matrix has the reference class in rows, the predicted class in columns. As in
`ecglib.metrics`, a ratio without a denominator is 0, and averages run over all classes.
"""

import numpy as np


def scores(confusion, classes):
    """Accuracy and macro-averages, as paper 2 names its columns.

    Parameters
    ----------
    confusion : array_like of int, shape (n_classes, n_classes)
        Rows: reference; columns: predicted.
    classes : sequence of str
        Names of the classes, in order.

    Returns
    -------
    dict
        `accuracy`, `macro_precision`, `sensitivity` (macro recall), `macro_f1`, and
        `per_class`: name -> `precision`, `sensitivity`, `f1`, `support`.

    Raises
    ------
    ValueError
        If the matrix holds no recordings.

    Examples
    --------
    >>> always_sb = scores([[4, 0], [2, 0]], ("SB", "SR"))
    >>> round(always_sb["accuracy"], 3), always_sb["macro_precision"], always_sb["sensitivity"]
    (0.667, 0.3333333333333333, 0.5)
    """
    confusion = np.asarray(confusion)
    if not confusion.sum():
        raise ValueError("There are no recordings to score; give at least one.")
    right, support, given = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    columns = {
        "precision": right / np.maximum(given, 1),
        "sensitivity": right / np.maximum(support, 1),
        "f1": 2 * right / np.maximum(support + given, 1),
        "support": support,
    }
    return {
        "accuracy": float(right.sum() / confusion.sum()),
        "macro_precision": float(columns["precision"].mean()),
        "sensitivity": float(columns["sensitivity"].mean()),
        "macro_f1": float(columns["f1"].mean()),
        "per_class": {
            name: {key: column[index].item() for key, column in columns.items()}
            for index, name in enumerate(classes)
        },
    }


def challenge_f1(per_class):
    """F1 of the CinC Challenge 2017: mean of N, A and O; noise is left out.

    Parameters
    ----------
    per_class : dict
        From `scores`, with classes N, A and O.

    Returns
    -------
    float
        The four winners had 0.83 on the hidden test set (Clifford et al. 2017).
    """
    return float(np.mean([per_class[name]["f1"] for name in ("N", "A", "O")]))
