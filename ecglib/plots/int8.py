"""Figures of the INT8 chapter; without runs they raise a LookupError."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.models.layers import weight_layers
from ecglib.plots.style import (
    FORMAT_COLORS,
    NEUTRAL,
    ORIGIN_COLORS,
    WIDTH,
    bar,
    name_rows,
    reach,
)
from ecglib.quant.oracle import quantize_array
from ecglib.quant.scopes import SCOPES, layers_in_scope
from ecglib.tables.latency import file_table

_WHICH = {
    "none": "fp32",
    "head_int8": "head",
    "shallow_int8": "head + shallow blocks",
    "all_int8": "all layers",
}
_SCOPE_MARKERS = dict(zip(SCOPES, "sv^o", strict=True))


def quantizer():
    """How numbers go to the integers of a grid: signed weights, and unsigned activations."""
    weights = np.array([-0.9, -0.62, -0.2, -0.05, 0.13, 0.4, 0.71])
    inputs = np.array([-0.18, 0.05, 0.3, 0.47, 0.9, 1.35])
    _, step = quantize_array(weights, 3)
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 4.2))
    _to_grid(axes[0], weights, float(step), np.arange(-3, 4), zero_point=0)
    axes[0].set_title("weights: a grid around zero")
    _to_grid(axes[1], inputs, 0.25, np.arange(8), zero_point=1)
    axes[1].set_title("activations: a grid from lowest to highest")
    axes[1].text(0, -0.85, "zero point", ha="center", color=NEUTRAL)
    return figure


def _to_grid(axis, values, step, integers, zero_point):
    """Arrows from numbers to the nearest place of a grid, whose places have integers."""
    places = step * (integers - zero_point)
    axis.hlines(0, places[0], places[-1], color=NEUTRAL, lw=1)
    axis.plot(places, 0 * places, "s", color=FORMAT_COLORS["INT8"], ms=11)
    axis.plot(values, 0 * values + 1, "o", color=FORMAT_COLORS["fp32"], ms=7)
    for value in values:
        end, start = (step * np.rint(value / step), 0.12), (value, 0.92)
        axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": NEUTRAL})
    for integer, place in zip(integers, places, strict=True):
        axis.text(place, -0.45, f"{integer}".replace("-", "−"), ha="center")
    axis.set(xticks=[], ylim=(-0.9, 1.2))
    axis.set_yticks([0, 1], ["integer", "number"])
    axis.grid(visible=False)
    sns.despine(ax=axis, left=True, bottom=True)


def scopes(model, macs):
    """Which layers each scope quantizes, above each layer's share of bytes and of work.

    Parameters
    ----------
    model : ECGNet
        Any size.
    macs : dict of str to int
        Layer -> multiplications for one beat.
    """
    layers = weight_layers(model)
    names = [name.removesuffix(".conv") for name in layers]
    flags = {_WHICH[s]: [n in layers_in_scope(model, s) for n in layers] for s in SCOPES[1:]}
    shares = {
        "bytes of weights": [layer.weight.numel() for layer in layers.values()],
        "multiplications": [macs[name] for name in layers],
    }
    shares = pd.DataFrame(shares, index=names)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDTH, 4.6), sharex=True)
    frame = pd.DataFrame(flags, index=names).T.astype(int)
    colors = ["#f2f2f2", FORMAT_COLORS["INT8"]]
    sns.heatmap(frame, cmap=colors, cbar=False, linewidths=2, ax=top)
    top.tick_params(axis="y", rotation=0)
    looks = ({"color": NEUTRAL}, {"color": "white", "ec": NEUTRAL, "hatch": "///"})
    for offset, look, (label, share) in zip((-0.2, 0.2), looks, shares.items(), strict=True):
        x = np.arange(len(names)) + 0.5 + offset
        bottom.bar(x, 100 * share / share.sum(), 0.38, label=label, **look)
    bottom.set_ylabel("% of the network")
    bottom.set_xticks(np.arange(len(names)) + 0.5, names, rotation=35)
    bottom.legend()
    return figure


def costs(pipelines):
    """Macro-F1 of rounded networks minus that of their fp32 control, with intervals.

    Parameters
    ----------
    pipelines : dict of str to dict of (str, str) to Interval
        What was run -> (scope, method) -> difference, see `ecglib.tables.int8.costs`.
    """
    pipelines = {title: found for title, found in pipelines.items() if found}
    if not pipelines:
        raise LookupError("no scope has runs")
    named = {t: [s for s in SCOPES if any(s == k[0] for k in f)] for t, f in pipelines.items()}
    sizes = [len(rows) for rows in named.values()]
    figure, axes = plt.subplots(
        len(sizes),
        1,
        figsize=(WIDTH, 1.1 + 0.5 * sum(sizes) + 0.35 * len(sizes)),
        height_ratios=[size + 0.3 for size in sizes],
        sharex=True,
        squeeze=False,
    )
    looks = {
        "ptq": ("o", -0.16, "calibrated (PTQ)"),
        "qat": ("D", 0.16, "trained further (QAT)"),
    }
    for axis, (title, found) in zip(axes[:, 0], pipelines.items(), strict=True):
        for (scope, method), interval in found.items():
            marker, place, label = looks[method]
            y, label = named[title].index(scope), label if axis is axes[0, 0] else None
            label = label if y == 0 else None
            bar(axis, interval, y + place, ORIGIN_COLORS["ours"], fmt=marker, label=label)
        axis.axvline(0, color=NEUTRAL, lw=1)
        axis.set_ylim(-0.5, len(named[title]) - 0.5)
        name_rows(axis, [_WHICH[scope] for scope in named[title]])
        axis.set_title(title)
    axes[-1, 0].set_xlabel("macro-F1, INT8 minus fp32")
    axes[-1, 0].xaxis.set_major_locator(MaxNLocator(5))
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def scores_against_bytes(networks):
    """Macro-F1 with its interval over patients against bytes, a line a network.

    Parameters
    ----------
    networks : dict of str to dict of str to Arm
        Network -> scope -> arm of study int8.
    """
    networks = {title: named for title, named in networks.items() if named}
    if not networks:
        raise LookupError("no scope has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 4))
    for (title, named), line in zip(networks.items(), ("--", ":", "-."), strict=False):
        points = []
        for scope, arm in named.items():
            interval = stats.patient_bootstrap(arm.matrices(), macro_f1)
            points.append((arm.results[0].metrics["weight_bytes"] / 1000, interval.value))
            axis.errorbar(
                *points[-1],
                yerr=reach(interval),
                fmt=_SCOPE_MARKERS[scope],
                color=FORMAT_COLORS["fp32" if scope == "none" else "INT8"],
                mec=FORMAT_COLORS["fp32"],
                ms=9,
                capsize=3,
                label=_WHICH[scope],
            )
        axis.plot(*zip(*points, strict=True), line, color=NEUTRAL, zorder=0, label=title)
    axis.set(xscale="log", xlabel="kB of weights, biases and scales", ylabel="macro-F1")
    axis.set_xticks([1000, 3000, 10_000], minor=False)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.minorticks_off()
    handles = dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    order = [name for name in (*_WHICH.values(), *networks) if name in handles]
    figure.legend([handles[n] for n in order], order, loc="outside upper center", ncols=2)
    return figure


def noise(weights, outputs):
    """Signal-to-quantization-noise ratio of weights and of outputs, by layer: name -> dB."""
    names = [name.removesuffix(".conv") for name in weights]
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    color = ORIGIN_COLORS["ours"]
    axis.plot(names, list(weights.values()), "o-", color=color, label="weights")
    label = "outputs, with all noise before"
    axis.plot(names, list(outputs.values()), "s--", color=color, label=label)
    axis.set_ylabel("signal over noise, dB")
    axis.tick_params(axis="x", rotation=35)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def files(results, names):
    """Bytes on disk and time of a call of one beat on one thread, fp32 and INT8 files.

    Parameters
    ----------
    results : list of RunResult
        Of study latency.
    names : dict of str to str
        As for `ecglib.tables.latency.file_table`.
    """
    table = file_table(results, names)
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 1 + 0.45 * len(table)), sharey=True)
    columns = {"file, MB": ("MB on disk", ".1f"), "one beat, ms": ("ms for a beat", ".2f")}
    for axis, (column, (title, form)) in zip(axes, columns.items(), strict=True):
        for y, ((_, number_format), value) in enumerate(table[column].items()):
            axis.barh(y, value, 0.7, color=FORMAT_COLORS[number_format])
            axis.text(value, y, f" {value:{form}}", va="center")
        axis.set(title=title, xticks=[])
        axis.margins(x=0.2)
        axis.grid(visible=False)
    name_rows(axes[0], [", ".join(row) for row in table.index])
    return figure
