"""Figures of the chapter on layer-wise compression.

`named` maps a method to its RunResult, as `ecglib.tables.compression.by_method` does. Without
runs a figure raises a LookupError.
"""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.lines import Line2D

from ecglib.models.hubert import HubertECG
from ecglib.models.resnet1d import ResNet1D
from ecglib.plots.architecture import arrow, blank, box
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, SHARES, WIDTH, name_rows, reach
from ecglib.studies.compression import NO_LOSS
from ecglib.tables.compression import (
    OURS,
    PAPER_METHODS,
    VARIANTS,
    change,
    is_gain,
    pareto,
)
from ecglib.tables.names import word
from ecglib.tables.papers import PAPER2_N_TEST

ORIGINS = {
    **dict.fromkeys((*PAPER_METHODS, *VARIANTS), "paper"),
    **dict.fromkeys(("mse", "allocated", "trained", "longer"), "peers"),
    **dict.fromkeys(OURS, "ours"),
}
"""Method -> whose it is; all numbers are of our runs."""

MARKERS = {
    "fixed_quant": "o",
    "fixed_prune": "v",
    "laq": "D",
    "laq_printed": "X",
    "lap": "^",
    "matrix_quant": "o",
    "matrix_prune": "v",
    "matrix_laq": "D",
    "matrix_lap": "^",
    "mse": "s",
    "allocated": "p",
    "trained": "h",
    "joint": "P",
    "laq_shared": "D",
    "longer": "*",
}
"""Method -> marker; variants of the paper's methods are not filled."""

_KINDS = {
    "fixed_quant": "paper: one width for all layers",
    "fixed_prune": "paper: one pruned share",
    "laq": "paper: LAQ",
    "lap": "paper: LAP",
    "mse": "others: clipped, by channel",
    "trained": "others: 8 bits, trained",
    "longer": "fp32, trained as long",
    "joint": "ours: pruned and rounded in training",
    "laq_shared": "ours: LAQ, tolerance shared out",
}
"""Method -> its line in the legend of the front."""

LOWEST = -6
"""Points of accuracy at which the front ends; what loses more is drawn there."""


def front(panels):
    """Accuracy lost against the bytes of the file, every method, a panel a network.

    Parameters
    ----------
    panels : dict of str to (dict of str to RunResult, float)
        Network and data -> `named`, and bytes of its fp32 weights.
    """
    if not panels or not all(named for named, _ in panels.values()):
        raise LookupError("no method has runs")
    figure, axes = plt.subplots(len(panels), 1, sharex=True, figsize=(WIDTH, 7.6))
    used = set()
    for axis, (title, (named, n_bytes)) in zip(
        np.atleast_1d(axes), panels.items(), strict=True
    ):
        _front(axis, named, n_bytes)
        axis.set_title(title)
        used |= {result.config["method"] for result in named.values()}
    np.atleast_1d(axes)[-1].set_xlabel("kilobytes of the file")
    kinds = {method: text for method, text in _KINDS.items() if method in used}
    if used & set(VARIANTS):
        kinds["matrix_quant"] = "not filled: gains left alone"
    handles = [Line2D([], [], label=text, **_look(method)) for method, text in kinds.items()]
    handles.append(Line2D([], [], color=NEUTRAL, ls=":", label="best of its size"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=10)
    return figure


def _front(axis, named, n_bytes):
    axis.axhspan(100 * NO_LOSS, 0, color="#eeeeee", zorder=0)
    axis.axhline(0, color=NEUTRAL, lw=0.8)
    for result in named.values():
        method, lost = result.config["method"], change(result)
        x, y = result.metrics["file_bytes"] / 1000, 100 * lost.value
        error = None if y < LOWEST else 100 * np.array(reach(lost))
        axis.errorbar(x, max(y, LOWEST), error, capsize=2, **_look(method))
        if method == "joint":  # those of the answer; others would lie on each other
            times = f"{result.metrics['file_ratio']:.0f}×"
            axis.annotate(times, (x, y), (-7, 5), textcoords="offset points", ha="right")
    best = [named[name] for name in pareto(named)]
    x = [result.metrics["file_bytes"] / 1000 for result in best]
    axis.step(
        x, [100 * change(r).value for r in best], where="post", color=NEUTRAL, lw=1, ls=":"
    )
    axis.axvline(n_bytes / 1000, color=NEUTRAL, lw=1, ls="--")
    axis.text(n_bytes / 1000, LOWEST + 0.4, "fp32 ", ha="right", color=NEUTRAL)
    axis.set_xscale("log")
    axis.set(xlim=(18, 5000), ylim=(LOWEST - 0.5, 2), ylabel="Δ accuracy, points")
    sizes = [25, 50, 100, 200, 500, 1000, 2000]
    axis.set_xticks(sizes, sizes)
    axis.minorticks_off()
    ticks = (LOWEST, -4, -2, -1, 0, 1, 2)
    axis.set_yticks(ticks, [f"≤ {LOWEST}", *(f"{t:+d}" if t else "0" for t in ticks[1:])])


def _look(method):
    """Colour, marker and filling of a method, without a line."""
    color = ORIGIN_COLORS[ORIGINS[method]]
    fill = "white" if method in VARIANTS else color
    return {"marker": MARKERS[method], "ls": "", "color": color, "mfc": fill, "ms": 7}


def against_paper(printed, ours, constant):
    """Accuracy by bits and by pruned share: the paper's printed rows, and ours.

    Parameters
    ----------
    printed : dict of str to papers.Paper2
        The paper's rows for a network.
    ours : dict of str to dict of str to RunResult
        Name of a line, at most three -> `named` with the names of the paper's rows.
    constant : float
        Accuracy of always answering the commonest class, for a dashed line.
    """
    kinds = {
        "bits of every weight": [f"{b} bits" for b in range(8, 1, -1)] + ["1 bit"],
        "% of the weights pruned": [f"{share} % pruned" for share in (10, 30, 50, 70, 90)],
    }
    looks = (
        {"marker": "o"},
        {"marker": "o", "ls": ":"},
        {"marker": "o", "ls": ":", "mfc": "w"},
    )
    scores = {name: row.accuracy for name, row in printed.items()}
    lines = {"paper, printed": (scores, ORIGIN_COLORS["paper"], {"marker": "s"})}
    for (text, named), look in zip(ours.items(), looks, strict=False):
        scores = {name: result.metrics["accuracy"] for name, result in named.items()}
        lines[text] = (scores, ORIGIN_COLORS["ours"], look)
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(WIDTH, 4.2))
    for axis, (label, names) in zip(axes, kinds.items(), strict=True):
        x = [name.split()[0] for name in names]
        for text, (scores, color, look) in lines.items():
            y = [100 * scores.get(name, np.nan) for name in names]
            axis.plot(x, y, color=color, label=text, **look)
        axis.axhline(100 * constant, color=NEUTRAL, lw=1, ls="--")
        axis.set_xlabel(label)
    axes[0].set(ylabel="accuracy, %", ylim=(0, 100))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def constant_answers(table):
    """The paper's collapsed rows (`papers.constants_table`), and the classes of their sizes."""
    rows = {}
    for (model, method), count in table["recordings"].items():
        rows.setdefault(count, []).append(f"{word(model)}, {method}")
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    left, shades = 0, sns.color_palette("Greys", len(rows) + 2)
    for row, ((count, names), shade) in enumerate(
        zip(sorted(rows.items()), shades, strict=False)
    ):
        axis.barh(row, count, left=left, color=shade, ec=NEUTRAL)
        dark = "white" if row == len(rows) - 1 else "black"
        axis.text(left + count / 2, row, f"{count}", ha="center", va="center", color=dark)
        late = left > PAPER2_N_TEST / 2
        text, x = "\n".join(names), left - 25 if late else left + count + 25
        axis.text(x, row, text, ha="right" if late else "left", va="center", fontsize=10)
        left += count
    axis.axvline(PAPER2_N_TEST, color=NEUTRAL, lw=1, ls="--")
    axis.text(PAPER2_N_TEST, -0.75, "all test recordings ", ha="right", color=NEUTRAL)
    axis.set(yticks=[], xlabel="recordings, one after another", ylim=(len(rows) - 0.4, -1.1))
    axis.grid(visible=False)
    return figure


def three_sizes(named):
    """How many times smaller a method says a network is, by three counts."""
    if not named:
        raise LookupError("no method has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 1.3 + 0.42 * len(named)))
    counts = {
        "ideal_ratio": ("CR, the paper's count", "o", "white"),
        "overhead_ratio": ("all bits", "|", None),
        "file_ratio": ("file on disk", "s", None),
    }
    for row, result in enumerate(named.values()):
        ratios = [result.metrics[key] for key in counts]
        axis.plot([min(ratios), max(ratios)], [row, row], color=NEUTRAL, lw=1, zorder=0)
        for ratio, (text, marker, fill) in zip(ratios, counts.values(), strict=True):
            look = {"color": ORIGIN_COLORS["ours"], "mfc": fill, "ms": 10, "mew": 2}
            axis.plot(ratio, row, marker, label=None if row else text, **look)
    axis.set_xscale("log")
    times = 2 ** np.arange(8)
    axis.set_xticks(times, [f"{n}×" for n in times])
    axis.minorticks_off()
    name_rows(axis, list(named))
    axis.set_xlabel("times smaller than fp32")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def networks(resnet, hubert):
    """Both networks of paper 2 as boxes, by their configurations: ResNet1D, then HuBERT-ECG."""
    columns = {
        f"ResNet1D\n{_millions(ResNet1D(resnet))}": _resnet_rows(resnet),
        f"HuBERT-ECG\n{_millions(HubertECG(hubert))}": _hubert_rows(hubert),
    }
    height = 0.64
    n_rows = max(map(len, columns.values()))
    figure, axis = blank(height * n_rows + 0.6)
    for column, (title, rows) in enumerate(columns.items()):
        x = WIDTH * (0.25 + 0.5 * column)
        axis.text(x, height * n_rows + 0.28, title, ha="center", va="center")
        for row, text in enumerate(rows):
            y = height * (n_rows - row - 0.5)
            box(axis, (x, y), (2.9, 0.46), text)
            if row:
                arrow(axis, (x, y + height - 0.23), (x, y + 0.23))
    return figure


def _millions(model):
    count = sum(p.numel() for p in model.parameters()) / 1e6
    return f"{count:.2g} million parameters"


def _resnet_rows(config):
    first, *strides = config.strides
    length = config.n_times // first
    rows = [f"recording, {config.n_times:,} samples"]
    rows.append(f"convolution, {config.stem} filters\nBatchNorm")
    for number, (filters, stride) in enumerate(zip(config.channels, strides, strict=True), 1):
        length //= stride
        rows.append(f"block {number}: two convolutions\nand shortcut, {filters} × {length}")
    return [*rows, f"output layer, {config.n_outputs} classes"]


def _hubert_rows(config):
    return [
        f"window, {config.n_times:,} samples",
        f"5 convolutions\n{config.filters} filters",
        f"{config.n_tokens} tokens of\n{config.hidden} numbers",
        f"{config.layers} transformer layers\n{config.heads} heads each",
        "mean over tokens",
        f"output layer, {config.n_outputs} classes",
    ]


def layer_bits(bits):
    """Bits that methods give each layer, 32 where it stays in fp32.

    Parameters
    ----------
    bits : DataFrame
        Layers by method, from `ecglib.tables.compression.layer_frames`; NaN where a method has
        no such layer. Drawn from the first layer to the last, gains of normalizations below.
    """
    places = ("stem", "block", "output")
    order = sorted(
        bits.index,
        key=lambda name: (is_gain(name), [name.startswith(p) for p in places][::-1], name),
    )
    frame = bits.loc[order]
    text = frame.map(lambda width: "" if pd.isna(width) else f"{width:.0f}")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.27 * len(frame)))
    cells = {"annot": text, "fmt": "", "annot_kws": {"size": 11}, "cbar": False, "lw": 1}
    sns.heatmap(frame, cmap=SHARES, vmin=0, vmax=12, ax=axis, **cells)
    axis.grid(visible=False)
    axis.xaxis.tick_top()
    axis.set_xticklabels([textwrap.fill(name, 16) for name in frame])
    axis.tick_params(axis="both", rotation=0, labelsize=10, length=0)
    return figure


def activation_variance(ratios):
    """Variance of each layer's output with rounded weights, over that before.

    `ratios` are numbers by bits and layer.
    """
    if not ratios:
        raise LookupError("no width has runs")
    frame = pd.DataFrame(ratios).rename_axis("layer").reset_index()
    frame = frame.melt("layer", var_name="bits", value_name="ratio")
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    order, color = sorted(ratios, reverse=True), ORIGIN_COLORS["ours"]
    sns.stripplot(frame, x="bits", y="ratio", order=order, color=color, ax=axis)
    axis.axhline(1, color=NEUTRAL, lw=1)
    axis.set_yscale("log")
    axis.set(xlabel="bits of the weights", ylabel="variance of outputs, over fp32")
    return figure
