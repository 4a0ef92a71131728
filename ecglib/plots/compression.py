"""Figures of the chapter on layer-wise compression."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, SHARES, reach
from ecglib.studies.compression import NO_LOSS
from ecglib.tables.compression import FAMILIES, PAPER_METHODS, difference
from ecglib.tables.names import word

LOOKS = {
    "fixed_quant": ("#999999", "o"),
    "fixed_prune": ("#999999", "v"),
    "laq": ("#E69F00", "o"),
    "laq_printed": ("#E69F00", "X"),
    "lap": ("#E69F00", "v"),
    "matrix_quant": ("#666666", "o"),
    "matrix_prune": ("#666666", "v"),
    "matrix_laq": ("#D55E00", "o"),
    "matrix_lap": ("#D55E00", "v"),
    "mse": ("#56B4E9", "o"),
    "allocated": ("#0072B2", "s"),
    "trained": ("#009E73", "D"),
    "joint": ("#CC3311", "P"),
}
"""Method -> colour and marker."""


def recordings(signals, fs):
    """One recording of each class: name -> samples in mV, at `fs` Hz."""
    figure, axes = plt.subplots(len(signals), 1, sharex=True, figsize=(8.5, 1.2 * len(signals)))
    for axis, (name, signal) in zip(np.atleast_1d(axes), signals.items(), strict=True):
        axis.plot(np.arange(len(signal)) / fs, signal, lw=0.7, color=ORIGIN_COLORS["ours"])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.set_yticks([])
    np.atleast_1d(axes)[-1].set_xlabel("s")
    return figure


def importance_map(indices, bits):
    """The indices of importance of every layer, and the bits that methods give it.

    Parameters
    ----------
    indices : DataFrame
        Layers by index (PDI, PVI, KI, combined), 0 to 1.
    bits : DataFrame
        Layers by method.
    """
    height = 1 + 0.24 * len(indices)
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=(9, height))
    cells = {"annot": True, "annot_kws": {"size": 8}, "cbar": False}
    sns.heatmap(indices, fmt=".2f", cmap=SHARES, vmin=0, vmax=1, ax=left, **cells)
    sns.heatmap(bits, fmt=".0f", cmap="YlOrBr", vmin=1, vmax=10, ax=right, **cells)
    left.set_title("importance")
    right.set_title("bits")
    for axis in (left, right):
        axis.tick_params(axis="y", rotation=0, labelsize=8)
        axis.tick_params(axis="x", rotation=20, labelsize=8)
    return figure


def sensitivity(cost):
    """What rounding one layer alone adds to the validation loss: layer -> bits -> rise."""
    frame = pd.DataFrame(cost)
    frame.index = frame.index.astype(int)
    worst = frame.loc[frame.index.min()].sort_values(ascending=False).index
    figure, axis = plt.subplots(figsize=(8.5, 4))
    colors = sns.color_palette("viridis", len(worst))
    for color, name in zip(colors, worst, strict=True):
        label = name.removesuffix(".weight") if name in worst[:6] else None
        axis.plot(frame.index, frame[name].clip(lower=1e-6), "o-", color=color, label=label)
    axis.set(xlabel="bits of this layer alone", ylabel="rise of the validation loss")
    axis.set_yscale("symlog", linthresh=1e-3)
    axis.legend(title="most sensitive at the fewest bits")
    return figure


def front(named, title):
    """Accuracy lost against the bytes of the file, every method.

    Parameters
    ----------
    named : dict of str to RunResult
        From `ecglib.tables.compression.by_method`.
    title : str
        Network and data.
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.6))
    axis.axhspan(100 * NO_LOSS, 0, color="#009E73", alpha=0.08)
    axis.axhline(0, color=NEUTRAL, lw=0.8)
    points = {}
    for result in named.values():
        method, lost = result.config["method"], difference(result.metrics)
        color, marker = LOOKS[method]
        x, y, error = result.metrics["file_ratio"], lost.value, reach(lost)
        point = axis.errorbar(x, y, error, fmt=marker, ms=8, color=color, capsize=2)
        label = FAMILIES[method] if method in PAPER_METHODS else f"ours: {FAMILIES[method]}"
        points.setdefault(label, point)
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=2)
    axis.set_xticks([1, 2, 4, 8, 16, 32, 64], ["1×", "2×", "4×", "8×", "16×", "32×", "64×"])
    ticks = (-80, -40, -20, -10, -5, -2, -1, 0, 1)
    axis.set_yticks(ticks, [f"{tick:+d}".replace("+0", "0") for tick in ticks])
    axis.minorticks_off()
    axis.set(xlabel="bytes of the fp32 weights over bytes of the file", title=title)
    axis.set_ylabel("Δ accuracy, points")
    legend = axis.legend(points.values(), points, fontsize=9, loc="upper left")
    legend.set_bbox_to_anchor((1.01, 1))
    return figure


def against_paper(named, fp32, printed):
    """Accuracy lost by fixed bits and fixed pruning, the paper's and ours.

    Parameters
    ----------
    named : dict of str to dict of str to RunResult
        Network -> method -> result.
    fp32 : dict of str to RunResult
        Network -> its fp32 result.
    printed : dict of str to dict of str to papers.Paper2
        Network -> method -> row.
    """
    kinds = {
        "bits": [f"{bits} bits" for bits in range(8, 1, -1)] + ["1 bit"],
        "% of the weights pruned": [f"{share} % pruned" for share in (10, 30, 50, 70, 90)],
    }
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(8.5, 3.8))
    dashes = dict(zip(printed, ("-", "--"), strict=False))
    for axis, (label, names) in zip(axes, kinds.items(), strict=True):
        x = [name.split()[0] for name in names]
        for network, rows in printed.items():
            paper = [100 * (rows[n].accuracy - rows["fp32"].accuracy) for n in names]
            line, color = dashes[network], ORIGIN_COLORS["paper"]
            axis.plot(x, paper, line, color=color, label=f"paper, {word(network)}")
        for network, found in named.items():
            scores = pd.Series({name: found[name].metrics["accuracy"] for name in found})
            ours = 100 * (scores.reindex(names) - fp32[network].metrics["accuracy"])
            line, color = "o" + dashes[network], ORIGIN_COLORS["ours"]
            axis.plot(x, ours, line, color=color, label=f"ours, {word(network)}")
        axis.set_xlabel(label)
    axes[0].set_ylabel("accuracy minus fp32, points")
    axes[0].legend(fontsize=9)
    return figure


def activation_variance(ratios):
    """Variance of each layer's output with rounded weights, over that before.

    `ratios` are numbers by bits and layer.
    """
    frame = pd.DataFrame(ratios).rename_axis("layer").reset_index()
    frame = frame.melt("layer", var_name="bits", value_name="ratio")
    figure, axis = plt.subplots(figsize=(8.5, 3.6))
    order, color = sorted(ratios, reverse=True), ORIGIN_COLORS["ours"]
    sns.stripplot(frame, x="bits", y="ratio", order=order, color=color, ax=axis)
    axis.axhline(1, color=NEUTRAL, lw=1)
    axis.set_yscale("log")
    axis.set(xlabel="bits of the weights", ylabel="variance of outputs, over fp32")
    return figure
