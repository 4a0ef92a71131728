"""Diagrams: boxes and arrows for whoever explains a network, and ECGNet itself."""

from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from ecglib.models.ecgnet import BLOCKS, HEAD, ECGNet, ECGNetConfig
from ecglib.plots.style import NEUTRAL, WIDTH

ROW = 0.56
"""Inches from one layer of a network to the next."""


def blank(height, width=WIDTH):
    """An empty figure whose coordinates are inches from its lower left corner, or nearly so.

    Parameters
    ----------
    height, width : float
        Inches.

    Returns
    -------
    tuple of (Figure, Axes)
    """
    figure, axis = plt.subplots(figsize=(width, height))
    axis.set(xlim=(0, width), ylim=(0, height))
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


def arrow(axis, start, end, *, style="->"):
    """An arrow from one point to another, (x, y) in inches."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": style, "color": NEUTRAL})


def ecgnet(channels):
    """ECGNet from the beat to the three classes: what each layer does, and its size.

    Parameters
    ----------
    channels : tuple of int
        Filters of the five blocks.
    """
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
