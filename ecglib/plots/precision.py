"""Figures of the mixed-precision chapter; without runs they raise a LookupError.

`results` are runs of study "numerics".
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import Patch

from ecglib import stats
from ecglib.plots.style import FORMAT_COLORS, NEUTRAL, ORIGIN_COLORS, WIDTH, bar, name_rows
from ecglib.tables.names import word
from ecglib.tables.precision import FP16_LARGEST, FP16_NORMAL, FP16_SMALLEST, out_of_range
from ecglib.training.numerics import QUANTILES

_COLORS = {name: FORMAT_COLORS["16 bit"] for name in ("fp16", "bf16")}
_COLORS |= {"fp32": FORMAT_COLORS["fp32"]}
_LINES = {"fp16": "-", "bf16": "--"}
_MARKERS = {"fp16": "o", "bf16": "s"}

_BITS = {"fp32": (8, 23), "fp16": (5, 10), "bf16": (8, 7)}
_PARTS = {"sign": 0.25, "exponent": 1.0, "fraction": 0.5}  # how dark a part is


def formats():
    """Bits of the three formats, above the range of numbers that each can hold."""
    figure, (bits, line) = plt.subplots(2, 1, figsize=(WIDTH, 3.8))
    for row, (name, (exponent, fraction)) in enumerate(_BITS.items()):
        left = 0
        for width, shade in zip((1, exponent, fraction), _PARTS.values(), strict=True):
            places = left + np.arange(width)
            bits.barh(row, 0.92, 0.7, places, color=_COLORS[name], alpha=shade, align="center")
            left += width
        largest = 2 ** (exponent - 1) - 1
        normal, smallest = 1 - largest, 1 - largest - fraction
        line.barh(row, largest - normal, 0.6, normal, color=_COLORS[name])
        line.barh(row, normal - smallest, 0.6, smallest, color=_COLORS[name], alpha=0.4)
        line.text(135, row, f"$2^{{-{fraction}}}$", va="center")
    line.text(135, -0.8, "step at 1", va="center")
    for axis in (bits, line):
        name_rows(axis, [word(name) for name in _BITS])
        axis.grid(visible=False)
    bits.set(xticks=[], title="bits", xlim=(-0.6, 32))
    sns.despine(ax=bits, left=True, bottom=True)
    ticks = (-126, -60, -24, 0, 15, 60, 127)
    line.set_xticks(ticks, [f"$2^{{{tick}}}$" for tick in ticks])
    line.set(xlim=(-152, 175), title="range (pale: with fewer digits)")
    figure.legend(
        [Patch(color=NEUTRAL, alpha=shade) for shade in _PARTS.values()],
        list(_PARTS),
        loc="outside upper center",
        ncols=3,
    )
    return figure


def differences(settings):
    """Differences of macro-F1 between formats, with intervals over patients and over seeds.

    Parameters
    ----------
    settings : dict of str to DataFrame
        What was run -> differences, see `ecglib.tables.precision.pairs_table`.
    """
    if not settings:
        raise LookupError("no two formats have runs")
    height = 0.9 + 0.5 * sum(len(pairs) for pairs in settings.values()) + 0.4 * len(settings)
    figure, axes = plt.subplots(
        len(settings), 1, figsize=(WIDTH, height), sharex=True, squeeze=False
    )
    for axis, (title, pairs) in zip(axes[:, 0], settings.items(), strict=True):
        for row, (_, pair) in enumerate(pairs.iterrows()):
            for kind, place, marker in (("patients", -0.15, "o"), ("seeds", 0.15, "s")):
                values = (pair[f"over {kind}{end}"] for end in ("", " low", " high"))
                label = f"95 % over {kind}" if axis is axes[0, 0] and not row else None
                interval, color = stats.Interval(*values), ORIGIN_COLORS["ours"]
                bar(axis, interval, row + place, color, fmt=marker, label=label)
        axis.axvline(0, color=NEUTRAL, lw=1)
        name_rows(axis, list(pairs.index))
        axis.set_title(title)
    axes[-1, 0].set_xlabel("difference of macro-F1")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def layer_errors(results):
    """Relative errors of activations and of weight gradients by layer, a line a format."""
    rows = [
        {"layer": layer["name"].removesuffix(".conv"), "format": r.config["precision"]} | layer
        for r in results
        for layer in r.metrics["layers"]
    ]
    if not rows:
        raise LookupError("no runs of study numerics")
    by_layer = pd.DataFrame(rows).groupby(["format", "layer"], sort=False)
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 4.8), sharex=True, sharey=True)
    titles = {"activation": "activations", "scaled_gradient": "weight gradients, loss scaled"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        for name in _LINES:
            if name in (r.config["precision"] for r in results):
                mean = by_layer[key].mean()[name]
                style = {"color": _COLORS[name], "ls": _LINES[name], "marker": _MARKERS[name]}
                axis.plot(
                    mean.index, mean, label=word(name) if axis is axes[0] else None, **style
                )
        axis.set(yscale="log", title=title, ylabel="relative error")
    axes[-1].tick_params(axis="x", rotation=35)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def exponents(result):
    """Powers of two that occur in activations and gradients, and what FP16 makes of them."""
    found = result.metrics["exponents"]
    figure, axes = plt.subplots(len(found), 1, figsize=(WIDTH, 5.4), sharex=True)
    for axis, (name, histogram) in zip(axes, found.items(), strict=True):
        counts = np.array(histogram["counts"], dtype=float)
        x = histogram["first"] + np.arange(len(counts))
        axis.bar(x, 100 * counts / counts.sum(), width=0.9, color=_COLORS["fp32"], lw=0)
        for first, last, shade in (
            (x[0] - 1, FP16_SMALLEST - 1.5, 0.4),
            (FP16_SMALLEST - 1.5, FP16_NORMAL - 0.5, 0.15),
            (FP16_LARGEST + 0.5, x[-1] + 1, 0.4),
        ):
            axis.axvspan(first, last, color=NEUTRAL, alpha=shade, lw=0, zorder=0)
        lost = 100 * out_of_range(histogram)
        axis.set(title=f"{name}: {lost:.1f} % outside", ylabel="%", xlim=(-45, 20))
    axes[-1].set_xlabel("exponent (power of two)")
    shades = [Patch(color=NEUTRAL, alpha=shade) for shade in (0.4, 0.15)]
    labels = ["outside FP16's range", "fewer digits in FP16"]
    figure.legend(shades, labels, loc="outside upper center", ncols=2)
    return figure


def margins(results):
    """How far decisions are from the border, against how far 16 bits move a logit."""
    if not results:
        raise LookupError("no runs of study numerics")
    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    lines = {}
    for name, style in _LINES.items():
        for result in (r for r in results if r.config["precision"] == name):
            error = result.metrics["error"]
            (line,) = axis.plot(error, 100 * QUANTILES, style, color=_COLORS[name])
            lines[f"change of a logit in {word(name)}"] = line
    for result in results:
        margin = result.metrics["margin"]
        (line,) = axis.plot(margin, 100 * QUANTILES, ":", color=_COLORS["fp32"], lw=2)
    lines["margin of a decision in fp32"] = line
    axis.set(xscale="log", xlabel="logits", ylabel="% of beats below")
    figure.legend(lines.values(), lines, loc="outside upper center", ncols=1)
    return figure
