"""Confusion matrices beside each other; without any, a LookupError."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ecglib.aami import CLASSES
from ecglib.plots.style import SHARES, WIDTH


def confusions(named, labels=CLASSES, *, what="class", given="annotated"):
    """Confusion matrices as shares of their rows: which class is taken for which.

    Parameters
    ----------
    named : dict of str to ndarray, shape (n_classes, n_classes)
        Title -> counts of beats; rows are annotated classes, columns predicted ones. Several
        seeds are added up before.
    labels : sequence of str
        Names of the classes.
    what : str
        What is predicted, in the singular.
    given : str
        What the rows are: annotated, or true.
    """
    if not named:
        raise LookupError("no run has a confusion matrix")
    n_columns = min(2, len(named))  # on a phone three are small
    n_rows = -(-len(named) // n_columns)
    height = n_rows * (1.1 + 0.42 * len(labels)) + 0.3
    figure, axes = plt.subplots(n_rows, n_columns, figsize=(WIDTH, height), squeeze=False)
    for axis in axes.flat[len(named) :]:
        axis.axis("off")
    for axis, (title, counts) in zip(axes.flat, named.items(), strict=False):
        counts = np.asarray(counts)
        share = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        cells = {"annot": True, "fmt": ".1f", "annot_kws": {"fontsize": 11}, "linewidths": 1}
        cells |= {"xticklabels": labels, "yticklabels": labels, "cbar": False}
        sns.heatmap(share, cmap=SHARES, vmin=0, vmax=100, ax=axis, **cells)
        axis.set_title(title)
        axis.tick_params(axis="x", rotation=35 if max(map(len, labels)) > 3 else 0)
        axis.tick_params(axis="y", rotation=0)
    for axis in axes[:, 0]:
        axis.set_ylabel(f"{given} {what}")
    figure.supxlabel(f"predicted {what}, % of its row", fontsize=12)
    return figure
