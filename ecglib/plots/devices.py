"""Figures of the chapter on devices."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, ORIGIN_COLORS, name_rows

_LINES = ("-", "--", ":")


def roofline(machines, precision, points):
    """Attainable operations a second by operations a byte, and what was attained.

    Parameters
    ----------
    machines : list of Machine
        Each is a roof in its peak of `precision`.
    precision : {"fp32", "fp16", "int8"}
        Format.
    points : dict of str to (str, float, float)
        Name -> origin ("paper", "reference"), operations a byte, operations a second.
    """
    figure, axes = plt.subplots(figsize=(8, 4.6))
    x = np.logspace(-1, 4, 300)
    for machine, line in zip(machines, _LINES, strict=False):
        roof = np.minimum(machine.peak[precision], machine.bandwidth * x)
        label = f"{machine.name}, at most ({precision})"
        axes.loglog(x, roof, line, color=NEUTRAL, label=label)
    for name, (origin, at, reached) in points.items():
        axes.loglog(at, reached, "o", color=ORIGIN_COLORS[origin], markersize=8)
        axes.annotate(name, (at, reached), (8, -4), textcoords="offset points", fontsize=9)
    axes.set(xlabel="operations a byte of memory traffic", ylabel="operations a second")
    axes.legend(loc="upper left")
    return figure


def stages(paper, ours):
    """Multiplications of both online stages, by stage.

    Parameters
    ----------
    paper, ours : Series
        From `ecglib.deploy.roofline`.
    """
    figure, axes = plt.subplots(figsize=(8, 3.4))
    rows = pd.concat([paper.add_prefix("paper 1: "), ours.add_prefix("ours: ")])
    colors = ["paper"] * len(paper) + ["reference"] * len(ours)
    bars = axes.barh(range(len(rows)), rows, color=[ORIGIN_COLORS[c] for c in colors])
    axes.bar_label(bars, fmt=" {:.1e}", fontsize=9)
    name_rows(axes, list(rows.index))
    axes.set(xscale="log", xlabel="multiplications, all 22 patients")
    axes.set_xlim(right=axes.get_xlim()[1] * 30)
    axes.grid(axis="y", visible=False)
    return figure


def strip(samples, fs, gain, found, start_s, seconds=10):
    """A piece of a stream: samples, detected beats, their classes, and when these were known.

    Parameters
    ----------
    samples : ndarray, shape (n_samples,)
        Units of the recorder.
    fs, gain : float
        Samples a second, units a millivolt.
    found : ecglib.deploy.c99.streaming.Streamed
        Beats.
    start_s, seconds : float
        Where the piece begins, and its length.
    """
    figure, axes = plt.subplots(figsize=(9, 3))
    first, last = round(start_s * fs), round((start_s + seconds) * fs)
    piece = (samples[first:last] - np.median(samples[first:last])) / gain
    axes.plot(np.arange(first, last) / fs, piece, color=NEUTRAL, linewidth=0.9)
    top = piece.max() * 1.15
    beats = zip(found.sample, found.label, found.known, strict=True)
    for number, (place, label, known) in enumerate(beats):
        if first <= place < last:
            name, color = CLASSES[label], CLASS_COLORS[CLASSES[label]]
            axes.text(place / fs, top, name, color=color, ha="center", weight="bold")
            height = top * (1.25 + 0.12 * (number % 2))  # bars reach past the next beat
            axes.plot([place / fs, min(known, last) / fs], [height] * 2, color=color)
    axes.set(xlabel="s", ylabel="mV", xlim=(start_s, start_s + seconds))
    return figure
