"""Figures of the mixed-precision chapter; `results` are runs of study "numerics"."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, bar, name_rows
from ecglib.training.numerics import QUANTILES

_COLORS = {"fp32": "#666666", "fp16": "#0072B2", "bf16": "#E69F00"}

_BITS = {"fp32": (8, 23), "fp16": (5, 10), "bf16": (8, 7)}
_MARGIN = "margin of a decision in fp32"
_FP16_SMALLEST, _FP16_NORMAL, _FP16_LARGEST = -24, -14, 15


def formats():
    """Bits of the three formats: sign, exponent, fraction."""
    figure, axis = plt.subplots(figsize=(9, 1.9))
    for row, (name, (exponent, fraction)) in enumerate(_BITS.items()):
        left = 0
        for width, shade in ((1, 0.25), (exponent, 0.55), (fraction, 0.9)):
            places = left + np.arange(width)
            axis.barh(row, 0.95, 0.7, places, color=_COLORS[name], alpha=shade)
            left += width
        steps = f"step 2$^{{-{fraction}}}$ at 1, largest about 2$^{{{2 ** (exponent - 1)}}}$"
        axis.text(left + 0.5, row, steps, va="center", fontsize=9)
    name_rows(axis, list(_BITS))
    axis.set(xlim=(-0.5, 46), xticks=[])
    axis.grid(visible=False)
    sns.despine(ax=axis, left=True, bottom=True)
    return figure


def format_scores(groups, printed):
    """Macro-F1 by format: a dot a seed, and the mean with its interval over patients.

    Parameters
    ----------
    groups : dict of str to dict of str to Arm
        Origin ("reference", "this run") -> format -> arm.
    printed : tuple of papers.Row
        Rows of the paper's table, drawn below.
    """
    figure, axis = plt.subplots(figsize=(8.5, 3.6))
    labels = []
    for origin, named in groups.items():
        for name, arm in named.items():
            y, color, values = len(labels), ORIGIN_COLORS[origin], arm.values(macro_f1)
            bar(axis, stats.patient_bootstrap(arm.matrices(), macro_f1), y, color, fmt="D")
            axis.plot(values, [y + 0.25] * len(values), ".", color=color, alpha=0.7)
            labels.append(f"{origin}, {name}")
    for row in printed:
        y, color, std = len(labels), ORIGIN_COLORS["paper"], row.macro_f1_std
        axis.errorbar(row.macro_f1, y, xerr=std, fmt="s", color=color)
        labels.append(f"paper, {row.arm}")
    name_rows(axis, labels)
    axis.set_xlabel("macro-F1 (N, S, V)")
    return figure


def layer_errors(results):
    """Relative errors of activations and of weight gradients by layer, a line a format."""
    rows = [
        {"layer": layer["name"].removesuffix(".conv"), "format": r.config["precision"]} | layer
        for r in results
        for layer in r.metrics["layers"]
    ]
    frame = pd.DataFrame(rows)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    titles = {"activation": "activations", "scaled_gradient": "weight gradients, loss scaled"}
    for axis, (key, title) in zip(axes, titles.items(), strict=True):
        sns.lineplot(
            frame,
            x="layer",
            y=key,
            hue="format",
            palette=_COLORS,
            marker="o",
            errorbar=("sd", 1),
            legend=axis is axes[0],
            ax=axis,
        )
        axis.set(yscale="log", title=title, xlabel="", ylabel="relative error")
        axis.tick_params(axis="x", rotation=35)
    return figure


def exponents(result):
    """Powers of two that occur in activations and gradients, and what fp16 makes of them."""
    found = result.metrics["exponents"]
    figure, axes = plt.subplots(len(found), 1, figsize=(8.5, 5.4), sharex=True)
    for axis, (name, histogram) in zip(axes, found.items(), strict=True):
        counts = np.array(histogram["counts"], dtype=float)
        x = histogram["first"] + np.arange(len(counts))
        share = 100 * counts / counts.sum()
        axis.bar(x, share, width=0.9, color=_COLORS["fp16"])
        for first, last, color, alpha in (
            (x[0] - 1, _FP16_SMALLEST - 1.5, "#CC3311", 0.12),
            (_FP16_SMALLEST - 1.5, _FP16_NORMAL - 0.5, "#E69F00", 0.15),
            (_FP16_LARGEST + 0.5, x[-1] + 1, "#CC3311", 0.12),
        ):
            axis.axvspan(first, last, color=color, alpha=alpha, lw=0)
        lost = share[x < _FP16_SMALLEST - 1].sum()
        over = share[x > _FP16_LARGEST].sum()
        title = f"{name}: {lost:.1f} % under fp16's smallest, {over:.1f} % over its largest"
        axis.set(title=title, ylabel="%", xlim=(-45, 20))
    axes[-1].set_xlabel("exponent (power of two)")
    return figure


def margins(results):
    """How far decisions are from the border, against how far 16 bits move a logit."""
    figure, axis = plt.subplots(figsize=(8, 3.6))
    lines = {}
    for key, text in (("error", "change of a logit in {}"), ("margin", _MARGIN)):
        for result in results:
            name = result.config["precision"]
            color = NEUTRAL if key == "margin" else _COLORS[name]
            (line,) = axis.plot(result.metrics[key], 100 * QUANTILES, color=color)
            lines.setdefault(text.format(name), line)
    axis.set(xscale="log", xlabel="logits", ylabel="% of beats below")
    axis.legend(lines.values(), lines)
    return figure
