"""Figures of somebody's recording: strips with the classes of beats, trend, mean beats."""

import re
from io import StringIO

import matplotlib.pyplot as plt
import numpy as np

from ecglib.holter.report import AFTER, BEFORE, ECTOPIC
from ecglib.plots import ecg
from ecglib.plots.style import CLASS_COLORS, NEUTRAL

SVG = {"svg.fonttype": "none", "svg.hashsalt": "ecglib", "path.simplify_threshold": 0.25}
"""Settings under which figures for a page are drawn: letters stay letters, names within the
image are the same each time, and a trace has no more points than can be seen."""

HIGHEST, LOWEST = 3.0, -2.5
"""mV from the middle of a strip beyond which the trace is cut off: paper has an end."""

POINTS_A_SECOND = 500
"""Most samples that a strip shows; 25 mm cannot show more."""

SIZE = (4.2, 2.5)
"""Inches of a figure that a phone shows whole."""


def strip(classified, start, seconds, *, marked=None, title=""):
    """Some seconds of a lead with the classes of its beats.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
    start, seconds : float
        Where it begins and how long it is; what is outside of the recording is left out.
    marked : int, optional
        Row of a beat that is shaded.
    title : str

    Returns
    -------
    ecglib.plots.ecg.Strip
    """
    lead, beats = classified.lead, classified.beats
    first = int(np.clip(round(start * lead.fs), 0, len(lead.signal) - 1))
    length = min(round(seconds * lead.fs), len(lead.signal) - first)
    sample = beats["sample"].to_numpy()
    rows = np.flatnonzero((sample >= first) & (sample < first + length))
    kinds = beats["class"].to_numpy()
    shown = [
        ecg.Beat(float(sample[row] - first) / lead.fs, kinds[row], marked=bool(row == marked))
        for row in rows
    ]
    step = max(1, int(lead.fs // POINTS_A_SECOND))
    signal = lead.signal[first : first + length : step].astype(float)
    whole = ecg.Strip(signal, lead.fs / step, title, shown)
    signal = signal.clip(whole.rest + LOWEST, whole.rest + HIGHEST)
    return ecg.Strip(signal, whole.fs, title, shown)


def trend(facts):
    """Heart rate, and the number of S and V beats, over the time of a recording.

    Parameters
    ----------
    facts : ecglib.holter.report.Facts

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(2, figsize=SIZE, sharex=True, layout="constrained")
    _trend(axes, facts)
    return figure


def mean_beats(facts):
    """Mean beat of each class that the recording has.

    Parameters
    ----------
    facts : ecglib.holter.report.Facts

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(1, 3, figsize=SIZE, sharey=True, layout="constrained")
    _mean_beats(axes, facts)
    return figure


def overview(facts, shown):
    """A strip, the trend and the mean beats on one image.

    Parameters
    ----------
    facts : ecglib.holter.report.Facts
    shown : ecglib.plots.ecg.Strip
        From `strip`, with a title.

    Returns
    -------
    Figure
    """
    below = 5.4
    figure = ecg.page([shown], below=below)
    size = figure.get_size_inches()[1]
    place = {"left": 0.12, "right": 0.98, "bottom": 0.5 / size, "top": (below - 0.2) / size}
    grid = figure.add_gridspec(3, 3, height_ratios=(1, 1, 1.25), hspace=0.5, **place)
    rate = figure.add_subplot(grid[0, :])
    _trend([rate, figure.add_subplot(grid[1, :], sharex=rate)], facts)
    first = figure.add_subplot(grid[2, 0])
    others = [figure.add_subplot(grid[2, column], sharey=first) for column in (1, 2)]
    _mean_beats([first, *others], facts)
    return figure


def _trend(axes, facts):
    """Rates on the first axis, ectopic beats on the second, both over time."""
    table, (rate, ectopic) = facts.trend, axes
    length, width = facts.classified.lead.seconds, int(table.attrs["width"])
    unit, name = (3600, "hours") if length > 7200 else (60, "minutes")
    time = (table["seconds"] + width / 2) / unit
    look = {"color": NEUTRAL, "alpha": 0.3, "lw": 0, "label": "slowest to fastest"}
    rate.fill_between(time, table["slowest"], table["fastest"], **look)
    rate.plot(time, table["rate"], color="black", lw=1, marker=".", ms=3, label="mean")
    rate.set_ylabel("beats a\nminute", fontsize=9)
    rate.tick_params(labelbottom=False)
    bar = 0.45 * width / unit
    for kind, at in zip(ECTOPIC, (time - bar, time), strict=True):
        look = {"color": CLASS_COLORS[kind], "lw": 0, "label": kind}
        ectopic.bar(at, table[kind], bar, align="edge", **look)
    ectopic.set_ylim(0, max(4, table[list(ECTOPIC)].to_numpy().max()))
    ectopic.set_ylabel(f"beats in\n{_span(width)}", fontsize=9)
    ectopic.set_xlabel(f"time, {name}", fontsize=9)
    ectopic.set_xlim(0, length / unit)
    for axis in axes:
        low, high = axis.get_ylim()
        axis.set_ylim(low, high + 0.3 * (high - low))  # room for the legend
        axis.legend(fontsize=9, loc="upper right", ncols=2, borderpad=0.1)
        axis.tick_params(labelsize=9)


def _span(seconds):
    """A width of time in words."""
    units = ((86400, "d"), (3600, "h"), (60, "min"))
    return next((f"{seconds / n:g} {u}" for n, u in units if seconds >= n), f"{seconds:g} s")


def _mean_beats(axes, facts):
    """Mean and middle 80 % of each class, one an axis."""
    for axis, kind in zip(axes, facts.typical, strict=True):
        if kind in facts.shapes:
            mean, low, high = facts.shapes[kind]
            time = np.linspace(-BEFORE, AFTER, len(mean))
            color = CLASS_COLORS[kind]
            axis.fill_between(time, low, high, color=color, alpha=0.2, lw=0)
            axis.plot(time, mean, color=color, lw=1.6)
        axis.set_title(f"{kind}: {facts.counts[kind]:,}", fontsize=10)
        axis.set(xticks=[0, 0.2, 0.4], xlim=(-BEFORE, AFTER))
        axis.set_xlabel("s from R", fontsize=9)
        axis.tick_params(labelsize=9)
        axis.label_outer()
    axes[0].set_ylabel("mV", fontsize=9)


def svg(figure):
    """A figure as an SVG element for a page, without names that a page has once; closes it."""
    drawn = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(drawn, format="svg", metadata=nothing)
    plt.close(figure)
    element = drawn.getvalue().partition("<svg")[2]
    element = re.sub(r'<g id="[^"]*"', "<g", element)  # the same in each figure
    return "<svg" + re.sub(r"(\d\.\d\d)\d+", r"\1", element)  # 1/100 of a point is enough
