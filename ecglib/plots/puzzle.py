"""Figures of the ECGWavePuzzle chapter."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, PIECE_COLORS, SHARES
from ecglib.puzzle import NAMES, PERMUTATIONS, index_table, permute
from ecglib.tables.names import word


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
    figure, axes = plt.subplots(2, 3, figsize=(9, 4.2), sharex=True, sharey=True)
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


def learning_curves(losses):
    """Training loss by epoch: name of a curve -> one list a seed."""
    figure, axis = plt.subplots(figsize=(7, 3.6))
    palette = sns.color_palette("colorblind", len(losses))
    for color, (name, seeds) in zip(palette, losses.items(), strict=True):
        for number, loss in enumerate(seeds):
            label = None if number else name
            axis.plot(range(1, len(loss) + 1), loss, ".-", color=color, label=label)
    axis.axhline(np.log(len(PERMUTATIONS)), color=NEUTRAL, ls=":", label="guessing: ln 6")
    axis.set(xlabel="epoch", ylabel="cross-entropy, nats", ylim=(0, None))
    axis.legend()
    return figure


def permutation_confusion(confusion):
    """Which permutations (rows of a (6, 6) ndarray) are taken for which, as shares of a row."""
    share = confusion / confusion.sum(axis=1, keepdims=True)
    figure, axis = plt.subplots(figsize=(6.4, 4.8))
    sns.heatmap(
        100 * pd.DataFrame(share, NAMES, NAMES),
        annot=True,
        fmt=".1f",
        cmap=SHARES,
        vmin=0,
        vmax=100,
        cbar_kws={"label": "% of the row"},
        ax=axis,
    )
    axis.set(xlabel="predicted order", ylabel="true order")
    axis.tick_params(axis="x", rotation=35)
    axis.tick_params(axis="y", rotation=0)
    return figure


def origin_dots(frame, value, group, guess=None):
    """Values of named groups as dots, one colour an origin (paper, reference, this run).

    Parameters
    ----------
    frame : DataFrame
        Columns `group`, "origin" and `value`; a row is one seed.
    value, group : str
        Columns to draw.
    guess : float, optional
        A trivial answer to compare with, drawn as a dotted line.
    """
    figure, axis = plt.subplots(figsize=(7.5, 0.7 + 0.55 * frame[group].nunique()))
    sns.stripplot(
        frame,
        x=value,
        y=group,
        hue="origin",
        palette=ORIGIN_COLORS,
        dodge=True,
        jitter=False,
        size=8,
        alpha=0.85,
        ax=axis,
    )
    if guess is not None:
        axis.axvline(guess, color=NEUTRAL, ls=":", label="trivial answer")
    axis.set(xlabel=word(value), ylabel="")
    axis.legend(title="", loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
