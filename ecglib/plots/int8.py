"""Figures of the INT8 chapter."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.models.layers import weight_layers
from ecglib.plots.style import NEUTRAL, PIECE_COLORS, name_rows, reach
from ecglib.quant.scopes import SCOPES, layers_in_scope
from ecglib.tables.latency import RUNTIMES
from ecglib.tables.names import rounded, word

_COLORS = dict(zip(SCOPES, ("#666666", "#56B4E9", "#0072B2", "#CC3311"), strict=True))
_MARKERS = {"ptq": "o", "qat": "D", "qat, learned step": "s"}


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
    flags = {word(s): [n in layers_in_scope(model, s) for n in layers] for s in SCOPES[1:]}
    shares = {
        "bytes of weights": [layer.weight.numel() for layer in layers.values()],
        "multiplications": [macs[name] for name in layers],
    }
    shares = pd.DataFrame(shares, index=names)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8.5, 4.2), sharex=True)
    frame = pd.DataFrame(flags, index=names).T.astype(int)
    sns.heatmap(frame, cmap=["#f2f2f2", PIECE_COLORS[0]], cbar=False, linewidths=2, ax=top)
    top.tick_params(axis="y", rotation=0)
    colors = [_COLORS["shallow_int8"], PIECE_COLORS[2]]
    for offset, color, (label, share) in zip((-0.2, 0.2), colors, shares.items(), strict=True):
        x = np.arange(len(names)) + 0.5 + offset
        bottom.bar(x, 100 * share / share.sum(), 0.38, color=color, label=label)
    bottom.set_ylabel("% of the network")
    bottom.set_xticks(np.arange(len(names)) + 0.5, names, rotation=35)
    bottom.legend()
    return figure


def grids(integers, activation, step, zero_point):
    """Integers of a layer's weights, and activations of one layer on their grid.

    Parameters
    ----------
    integers : ndarray of int8
        Weights, every output channel in its own steps.
    activation : ndarray
        Values of a layer's input.
    step : float
        Its step.
    zero_point : int
        The integer that stands for zero.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
    left.bar(*np.unique(integers, return_counts=True), 1, color=_COLORS["shallow_int8"], lw=0)
    left.set(title="weights of one layer", xlabel="integer, in steps of the channel")
    left.set_ylabel("how often")
    on_grid = np.clip(np.rint(activation / step) + zero_point, 0, 255)
    counted = np.unique(on_grid, return_counts=True)
    right.bar(*counted, 1, color=PIECE_COLORS[2], log=True, lw=0)
    right.set(title="activations of one layer", xlabel=f"integer, in steps of {step:.3g}")
    return figure


def noise(weights, outputs):
    """Signal-to-quantization-noise ratio of weights and of outputs, by layer: name -> dB."""
    names = [name.removesuffix(".conv") for name in weights]
    figure, axis = plt.subplots(figsize=(8, 3.2))
    axis.plot(names, list(weights.values()), "o-", label="weights")
    axis.plot(names, list(outputs.values()), "s-", label="outputs, with all noise before")
    axis.set_ylabel("SQNR, dB")
    axis.legend()
    return figure


def accuracy_against_bytes(pipelines):
    """Macro-F1 against bytes of the weights, for every scope, method and pipeline.

    `pipelines` are those of `ecglib.tables.int8.by_scope`.
    """
    figure, axes = plt.subplots(1, len(pipelines), figsize=(11, 3.8), sharey=True)
    for axis, (title, named) in zip(np.atleast_1d(axes), pipelines.items(), strict=True):
        for (scope, method), arm in named.items():
            interval = stats.patient_bootstrap(arm.matrices(), macro_f1)
            size = arm.results[0].metrics["weight_bytes"] / 1000
            axis.errorbar(
                size * (0.98 if method == "ptq" else 1.02),
                interval.value,
                yerr=reach(interval),
                fmt=_MARKERS[method],
                color=_COLORS[scope],
                capsize=3,
                label=rounded(scope, method),
            )
        axis.set_title(title.replace(", ", ",\n"))
    figure.supxlabel("kB of weights, biases and scales", fontsize="medium")
    first = np.atleast_1d(axes)[0]
    first.set_ylabel("macro-F1 (N, S, V)")
    figure.legend(*first.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def latencies(results):
    """Median and 99th percentile of a call, by runtime and batch, one thread.

    `results` are runs of study "latency".
    """
    panels = {}
    for r in results:
        if r.config["threads"] == 1:
            panel = panels.setdefault((tuple(r.config["channels"]), r.config["batch"]), {})
            panel[r.config["runtime"]] = r.metrics
    figure, axes = plt.subplots(1, len(panels), figsize=(2.6 * len(panels) + 2, 3.2))
    for axis, (channels, batch) in zip(np.atleast_1d(axes), sorted(panels), strict=True):
        found = panels[channels, batch]
        runtimes = [name for name in RUNTIMES if name in found]
        for y, name in enumerate(runtimes):
            axis.barh(y, found[name]["p50_ms"], color=PIECE_COLORS[0])
            axis.plot(found[name]["p99_ms"], y, "|", ms=14, color=NEUTRAL)
        name_rows(axis, [RUNTIMES[name] for name in runtimes])
        unit = "beat" if batch == 1 else "beats"
        axis.set(title=f"… {channels[-1]} filters, {batch} {unit}", xlabel="ms a call")
        if axis is not np.atleast_1d(axes)[0]:
            axis.set_yticklabels([])
    return figure
