"""Figures of somebody's recording: strips with the classes of beats, trend, mean beats."""

import re
from io import StringIO

import matplotlib.pyplot as plt
import numpy as np

from ecglib.aami import CLASSES
from ecglib.holter.report import AFTER, BEFORE, ECTOPIC
from ecglib.plots import ecg
from ecglib.plots.style import CLASS_COLORS, NEUTRAL
from ecglib.system.errors import UserError

SVG = {"svg.fonttype": "none", "svg.hashsalt": "ecglib", "path.simplify_threshold": 0.25}
"""Settings under which figures for a page are drawn: letters stay letters, names within the
image are the same each time, and a trace has no more points than can be seen."""

HIGHEST, LOWEST = 2.5, -2.0
"""mV from the middle of a strip beyond which the trace is cut off: paper has an end."""

POINTS_A_SECOND = 500
"""Most samples that a strip shows; 25 mm cannot show more."""

SIZE = (4.2, 2.5)
"""Inches of a figure that a phone shows whole."""


def strip(classified, start, seconds, *, marked=None, title=""):
    """Some seconds of a lead with the classes of its beats, as `ecglib.plots.ecg.Strip`.

    Parameters
    ----------
    classified : ecglib.holter.classify.Classified
    start, seconds : float
        Where it begins and how long it is; what is outside of the recording is left out.
    marked : int, optional
        Row of a beat that is shaded.
    title : str

    Raises
    ------
    UserError
        If no sample of it is valid.
    """
    lead, sample = classified.lead, classified.beats["sample"].to_numpy()
    first = int(np.clip(round(start * lead.fs), 0, len(lead.signal) - 1))
    step = max(1, int(lead.fs // POINTS_A_SECOND))
    signal = lead.signal[first : first + round(seconds * lead.fs) : step].astype(float)
    if not np.isfinite(signal).any():
        raise UserError(f"{lead.recording}: no sample is valid there; show another part")
    inside = (sample >= first) & (sample < first + step * len(signal))
    beats = [
        ecg.Beat((sample[row] - first) / lead.fs, kind, marked=row == marked)
        for row, kind in classified.beats["class"][inside].items()
    ]
    rest = np.nanmedian(signal)
    return ecg.Strip(signal.clip(rest + LOWEST, rest + HIGHEST), lead.fs / step, title, beats)


def trend(facts, axes=None):
    """Heart rate, and below the number of S and V beats, over the time of a recording.

    Parameters
    ----------
    facts : ecglib.holter.report.Facts
    axes : sequence of two Axes, optional
        Where it is drawn; a new figure if not given.
    """
    if axes is None:
        _, axes = plt.subplots(2, figsize=SIZE, layout="constrained")
    table, (rate, ectopic) = facts.trend, axes
    length, width = facts.classified.lead.seconds, table.attrs["width"]
    unit, name = (3600, "hours") if length > 7200 else (60, "minutes")
    time, bar = (table["seconds"] + width / 2) / unit, 0.45 * width / unit
    look = {"color": NEUTRAL, "alpha": 0.3, "lw": 0, "label": "slowest to fastest"}
    rate.fill_between(time, table["slowest"], table["fastest"], **look)
    rate.plot(time, table["rate"], color="black", lw=1, marker=".", ms=3, label="mean")
    rate.set_ylabel("beats a\nminute", fontsize=9)
    rate.tick_params(labelbottom=False)
    for kind, at in zip(ECTOPIC, (time - bar, time), strict=True):
        look = {"color": CLASS_COLORS[kind], "lw": 0, "label": kind}
        ectopic.bar(at, table[kind], bar, align="edge", **look)
    ectopic.set_ylim(0, max(4, table[list(ECTOPIC)].to_numpy().max()))
    span = f"{width} s" if width < 60 else f"{width // 60} min"
    ectopic.set_ylabel(f"beats in\n{span}", fontsize=9)
    ectopic.set_xlabel(f"time, {name}", fontsize=9)
    for axis in axes:
        low, high = axis.get_ylim()
        axis.set(xlim=(0, length / unit), ylim=(low, high + 0.3 * (high - low)))
        axis.legend(fontsize=9, loc="upper right", ncols=2, borderpad=0.1)
        axis.tick_params(labelsize=9)
    return rate.figure


def mean_beats(facts, axes=None):
    """Mean and middle 80 % of the beats of each class, side by side; as `trend`."""
    if axes is None:
        _, axes = plt.subplots(1, len(CLASSES), figsize=SIZE, sharey=True, layout="constrained")
    for axis, kind in zip(axes, CLASSES, strict=True):
        if kind in facts.looks:
            mean, low, high = facts.looks[kind][1]
            time, color = np.linspace(-BEFORE, AFTER, len(mean)), CLASS_COLORS[kind]
            axis.fill_between(time, low, high, color=color, alpha=0.2, lw=0)
            axis.plot(time, mean, color=color, lw=1.6)
        axis.set(xticks=[0, 0.2, 0.4], xlim=(-BEFORE, AFTER))
        axis.set_title(f"{kind}: {facts.counts[kind]:,}", fontsize=10)
        axis.set_xlabel("s from R", fontsize=9)
        axis.tick_params(labelsize=9)
        axis.label_outer()
    axes[0].set_ylabel("mV", fontsize=9)
    return axes[0].figure


def overview(facts, shown):
    """A strip with a title, the trend and the mean beats on one image: a Figure."""
    figure = ecg.page([shown], below=5.4)
    size = figure.get_size_inches()[1]
    place = {"left": 0.12, "right": 0.98, "bottom": 0.5 / size, "top": 5.2 / size}
    grid = figure.add_gridspec(4, 3, height_ratios=(1, 1, 0.3, 1.25), hspace=0.2, **place)
    trend(facts, [figure.add_subplot(grid[row, :]) for row in (0, 1)])
    first = figure.add_subplot(grid[3, 0])
    others = [figure.add_subplot(grid[3, column], sharey=first) for column in (1, 2)]
    return mean_beats(facts, [first, *others])


def svg(figure):
    """A figure as an SVG element for a page, without names that a page has once; closes it."""
    drawn = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(drawn, format="svg", metadata=nothing)
    plt.close(figure)
    element = drawn.getvalue().partition("<svg")[2]
    element = re.sub(r'<g id="[^"]*"', "<g", element)  # the same in each figure
    return "<svg" + re.sub(r"(\d\.\d\d)\d+", r"\1", element)  # 1/100 of a point is enough
