"""Diagrams: boxes and arrows for whoever explains a network, and ECGNet itself."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from ecglib.models.ecgnet import BLOCKS, HEAD, ECGNet, ECGNetConfig
from ecglib.plots.style import NEUTRAL, WIDTH

ROW = 0.56
"""Inches from one layer of a network to the next."""


def blank(height):
    """An empty figure of this height, and its axes, whose coordinates are inches, or nearly so.

    They are measured from the lower left corner.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, height))
    axis.set(xlim=(0, WIDTH), ylim=(0, height))
    axis.axis("off")
    return figure, axis


def box(axis, centre, size, text, *, fill="none", edge=NEUTRAL, fontsize=11):
    """A rounded box with text in its middle.

    Parameters
    ----------
    axis : Axes
        Of `blank`.
    centre, size : tuple of float
        (x, y) and (width, height), inches.
    text : str
    fill, edge : color
    fontsize : float
        Points.
    """
    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    shape = "round,pad=0,rounding_size=0.06"
    axis.add_patch(FancyBboxPatch(corner, width, height, shape, fc=fill, ec=edge, lw=1.2))
    axis.text(x, y, text, ha="center", va="center", fontsize=fontsize, linespacing=1.3)


def arrow(axis, start, end):
    """An arrow from one point to another, (x, y) in inches."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": NEUTRAL})


def steps(texts, size, n_columns=3):
    """Boxes with a title above a text, some in a row and the others back; arrows lead on.

    Parameters
    ----------
    texts : sequence of (str, str)
        Title and text of each step, in the order in which they follow each other.
    size : tuple of float
        Width and height of a box, inches.
    n_columns : int
        Boxes in the upper row.
    """
    height, gap = size[1], 0.35
    columns = WIDTH * (np.arange(n_columns) + 0.5) / n_columns
    figure, axis = blank(2 * height + gap + 0.2)
    rows = [0.1 + 1.5 * height + gap, 0.1 + 0.5 * height]
    places = [(x, rows[0]) for x in columns] + [(x, rows[1]) for x in columns[::-1]]
    places = places[: len(texts)]
    for (x, y), (title, text) in zip(places, texts, strict=True):
        box(axis, (x, y), size, f"\n{text}", fontsize=10)
        look = {"ha": "center", "va": "center", "fontsize": 11, "weight": "bold"}
        axis.text(x, y + 0.3 * height, title, **look)
    for start, end in pairwise(places):
        way = np.sign(np.subtract(end, start).round(3)) * size / 2  # from a middle to an edge
        arrow(axis, start + way, end - way)
    return figure


def ecgnet(channels):
    """ECGNet with these filters in its blocks: what each layer does, and its size."""
    network = ECGNet(ECGNetConfig(channels=tuple(channels)))
    rows = _layers(network)
    figure, axis = blank(ROW * (len(rows) + 1))
    places = [ROW * (len(rows) - row) for row in range(len(rows))]
    for x, head in (
        (0.72, "part"),
        (2.75, "what it does"),
        (4.75, "output"),
        (5.75, "weights"),
    ):
        axis.text(x, places[0] + 0.42, head, ha="center", color=NEUTRAL, fontsize=11)
    for y, (part, text, output) in zip(places, rows, strict=True):
        box(axis, (2.75, y), (2.9, 0.38), text)
        axis.text(0.72, y, part, ha="center", va="center", fontsize=11, family="monospace")
        axis.text(4.75, y, output, ha="center", va="center", fontsize=11)
        if hasattr(network, part):
            count = sum(p.numel() for p in getattr(network, part).parameters())
            axis.text(5.75, y, f"{count:,}", ha="center", va="center", fontsize=11)
    for upper, lower in pairwise(places):
        arrow(axis, (2.75, upper - 0.19), (2.75, lower + 0.19))
    for name, first, last in (("backbone", 1, 5), ("head", 6, len(rows) - 1)):
        top, bottom = places[first] + 0.2, places[last] - 0.2
        axis.plot((0.3, 0.22, 0.22, 0.3), (top, top, bottom, bottom), color=NEUTRAL, lw=1.2)
        middle = (top + bottom) / 2
        axis.text(0.1, middle, name, rotation=90, ha="center", va="center", fontsize=11)
    return figure


def _layers(network):
    """Part, what it does, and the shape that it gives on, from the beat to the classes."""
    config, n_times = network.config, network.config.n_times
    rows = [("beat", "z-scored by itself", f"1 × {n_times}")]
    for part, n_filters in zip(BLOCKS, config.channels, strict=True):
        n_times //= 2
        text = f"{n_filters} filters of 3, ReLU, pool 2"
        rows.append((part, text, f"{n_filters} × {n_times}"))
    for part in HEAD:
        layer = getattr(network, part)
        more = "" if part == "out" else ", ReLU"
        more += ", dropout" * (part == "fc1")
        rows.append((part, f"fully connected{more}", f"{layer.out_features}"))
    return rows
