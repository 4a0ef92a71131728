"""One look for every figure: colour-blind-safe colours, each with one meaning in the book.

Take colours from here alone. What has no entry (folds, layers, splits) is told apart by
marker, line or place, not by colour. Shares and differences on a scale use the maps below.

Draw at most `WIDTH` wide, with letters of 10 points or more: a phone shows the whole figure.
"""

import sys

import matplotlib.pyplot as plt
import seaborn as sns

CLASS_COLORS = {"N": "#0072B2", "S": "#E69F00", "V": "#CC3311", "F": "#AA4499", "Q": "#666666"}
"""Classes of heart beats (Okabe & Ito, Tol)."""

FORMAT_COLORS = {"fp32": "#00441B", "16 bit": "#2CA25F", "INT8": "#99D8C9"}
"""Number formats: the fewer bits, the lighter the green."""

ORIGIN_COLORS = {"paper": "#999999", "peers": "#444444", "ours": "#332288"}
"""Whose number it is: printed by the two papers, by others, or run by us."""

PIECE_COLORS = ("#DDCC77", "#882255", "#88CCEE")
"""The puzzle's pieces P, QRS and T, wherever they stand."""

SHARES, DIFFERENCES = "Greys", "BrBG"
"""Colour maps: of shares from 0 to 1, and of differences, whose middle is zero."""

WIDTH = 6.4
"""Inches."""

NEUTRAL = "#666666"
"""Axes, arrows, lines of reference."""


def reach(interval):
    """How far an interval reaches to either side of its value, as `errorbar` takes it."""
    return [[interval.value - interval.low], [interval.high - interval.value]]


def bar(axis, interval, y, color, *, fmt="o", label=None):
    """Draw a value with its interval in the row `y`."""
    x, error = interval.value, reach(interval)
    axis.errorbar(x, y, xerr=error, fmt=fmt, capsize=3, color=color, label=label)


def name_rows(axis, names):
    """Name the rows 0, 1, … of a figure, the first at the top."""
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()


def intervals(named, label, size):
    """A figure (`size` in inches) of intervals around zero: name of a row -> `Interval`."""
    figure, axis = plt.subplots(figsize=size)
    for row, interval in enumerate(named.values()):
        bar(axis, interval, row, ORIGIN_COLORS["ours"])
    axis.axvline(0, color=NEUTRAL, lw=1)
    name_rows(axis, list(named))
    axis.set_xlabel(label)
    return figure


def use():
    """Set fonts, grid and resolution for all figures of a chapter.

    Figures are shown by the cell that returns them; the inline backend would show each one a
    second time when the cell ends.
    """
    plt.switch_backend("agg")
    if "ipykernel" in sys.modules:  # elsewhere it would start IPython, which writes to HOME
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png")
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.figsize": (WIDTH, 4),
            "figure.constrained_layout.use": True,
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
        }
    )
