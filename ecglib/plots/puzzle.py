"""Figures of the ECGWavePuzzle chapter; without runs they raise a LookupError."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from ecglib.metrics import macro_f1
from ecglib.models.ecgnet import ECGNetConfig
from ecglib.plots.style import (
    NEUTRAL,
    ORIGIN_COLORS,
    PIECE_COLORS,
    SHARES,
    WIDTH,
    intervals,
    name_rows,
)
from ecglib.puzzle import NAMES, PERMUTATIONS, index_table, permute, view_mask

OURS = ORIGIN_COLORS["ours"]

LINES, MARKERS = ("-", "--", ":", "-."), "os^D"
"""Of curves that share a panel."""

VIEW_NAMES = {
    "whole": "whole beat",
    "junctions": "only the cuts",
    "masked": "all but the cuts",
}
"""View of the study "puzzle" -> what a network sees."""

SOURCE_NAMES = {
    "random": "random weights",
    "puzzle": "the puzzle",
    "supervised": "labels",
}
"""Source of the study "probe" -> what trained the features."""


def six_permutations(signal, fs, cuts):
    """One beat in the six orders of its pieces, pieces coloured by where they come from.

    Parameters
    ----------
    signal : ndarray, shape (length,)
        A beat in mV.
    fs : float
        Sampling frequency, Hz.
    cuts : tuple of int
        First sample of the second and third piece.
    """
    seconds = np.arange(len(signal)) / fs
    origin = np.searchsorted(cuts, index_table(cuts, len(signal)), side="right")
    figure, axes = plt.subplots(2, 3, figsize=(WIDTH, 4), sharex=True, sharey=True)
    for label, axis in enumerate(axes.flat):
        beat = permute(signal, label, cuts)
        axis.plot(seconds, beat, color=NEUTRAL, lw=0.6)
        for piece, color in enumerate(PIECE_COLORS):
            rows = np.where(origin[label] == piece, beat, np.nan)
            axis.plot(seconds, rows, color=color, lw=2)
        axis.set_title(f"{label}: {NAMES[label]}")
    figure.supxlabel("time in the window, s")
    figure.supylabel("mV")
    return figure


def learning_curves(panels, guess=None):
    """Curves by epoch, one panel under the other, one line a seed.

    Parameters
    ----------
    panels : dict of str to dict of str to list of list of float
        What is measured -> name of a curve -> its values by epoch, one list a seed.
    guess : float, optional
        What guessing costs, a dotted line in the first panel.
    """
    if not any(panels.values()):
        raise LookupError("no run has a curve")
    size = (WIDTH, 0.3 + 2.9 * len(panels))
    figure, axes = plt.subplots(len(panels), 1, figsize=size, squeeze=False)
    for axis, (measure, curves) in zip(axes[:, 0], panels.items(), strict=True):
        for (name, seeds), line, marker in zip(curves.items(), LINES, MARKERS, strict=False):
            for number, values in enumerate(seeds):
                label = None if number else name
                epochs = range(1, len(values) + 1)
                axis.plot(epochs, values, line, marker=marker, ms=5, color=OURS, label=label)
        axis.set(xlabel="epoch", ylabel=measure)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=10)
    if guess is not None:
        axes[0, 0].axhline(guess, color=NEUTRAL, ls=":")
        axes[0, 0].set_yscale("log")
    return figure


def views(named, cuts):
    """What a network may see of a puzzle, and how many puzzles it solves.

    Parameters
    ----------
    named : dict of str to Arm
        View -> arm of the study "puzzle".
    cuts : tuple of int
        First sample of the second and third piece.
    """
    if not named:
        raise LookupError("no run of the puzzle")
    length = ECGNetConfig().n_times
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 2.6), sharey=True)
    for row, (view, arm) in enumerate(named.items()):
        seen = view_mask(view, cuts, length)
        left.imshow(
            seen[None],
            cmap=SHARES,
            vmin=0,
            vmax=1.4,
            aspect="auto",
            extent=(0, length, row + 0.3, row - 0.3),
        )
        solved = [100 * result.metrics["accuracy"] for result in arm.results]
        right.plot(solved, [row] * len(solved), "o", ms=9, color=OURS)
    left.set(xlim=(0, length), xlabel="samples that are seen (dark)")
    right.set(xlim=(0, 100), xlabel="orders that are right, %")
    right.axvline(100 / len(PERMUTATIONS), color=NEUTRAL, ls=":")
    left.set_ylim(len(named) - 0.5, -0.5)
    left.set_yticks(range(len(named)), [VIEW_NAMES[view] for view in named])
    left.grid(visible=False)
    return figure


def differences(named):
    """Differences with their intervals, one row each; zero means no effect.

    Parameters
    ----------
    named : dict of str to Interval
        What is compared, with line breaks -> difference of macro-F1.
    """
    if not named:
        raise LookupError("no run to compare")
    return intervals(named, "difference of macro-F1", (WIDTH, 0.8 + 0.62 * len(named)))


def probes(named, trivial):
    """Macro-F1 of linear classifiers on frozen features, a dot a seed.

    Parameters
    ----------
    named : dict of str to Arm
        What trained the features -> arm of the study "probe".
    trivial : float
        Macro-F1 of always answering N.
    """
    if not named:
        raise LookupError("no run of the probe")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.5 * len(named)))
    for row, arm in enumerate(named.values()):
        values = arm.values(macro_f1)
        axis.plot(values, [row] * len(values), "o", ms=9, alpha=0.8, color=OURS)
    axis.axvline(trivial, color=NEUTRAL, ls=":")
    name_rows(axis, [SOURCE_NAMES[name] for name in named])
    axis.set_ylim(len(named) - 0.5, -0.5)
    axis.set_xlabel("macro-F1 on DS2; dotted: always N")
    return figure
