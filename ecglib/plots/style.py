"""One look for every figure: colour-blind-safe colours with one meaning each."""

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib_inline.backend_inline import set_matplotlib_formats

CLASS_COLORS = {"N": "#0072B2", "S": "#E69F00", "V": "#CC3311"}
"""Colours of the heart-beat classes (Okabe & Ito, Tol)."""

ORIGIN_COLORS = {"paper": "#999999", "reference": "#0072B2", "this run": "#009E73"}
"""Colours of printed numbers, our committed reference runs, and the run of this page."""

PIECE_COLORS = ("#56B4E9", "#CC3311", "#009E73")
"""Colours of the puzzle's pieces P, QRS and T, wherever they stand."""

NEUTRAL = "#666666"


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


def use():
    """Set fonts, grid and resolution for all figures of a chapter.

    Figures are shown by the cell that returns them; the inline backend would show each one a
    second time when the cell ends.
    """
    plt.switch_backend("agg")
    set_matplotlib_formats("png")
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.figsize": (8, 4),
            "figure.constrained_layout.use": True,
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
        }
    )
