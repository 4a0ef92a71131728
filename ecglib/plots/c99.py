"""Figures of the network in C: what it takes, its way from samples to classes, a stream."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ecglib.aami import CLASSES
from ecglib.plots.architecture import arrow, blank, box
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, ORIGIN_COLORS, WIDTH, name_rows


def memory(parts, device):
    """Bytes of flash and RAM by part, inside of what a small microcontroller has.

    Parameters
    ----------
    parts : dict of str to dict of str to float
        From `ecglib.tables.c99.memory_parts`.
    device : dict of str to int
        Memory -> bytes.
    """
    figure, axes = plt.subplots(len(parts), 1, figsize=(WIDTH, 4.4))
    for axis, (kind, named) in zip(axes, parts.items(), strict=True):
        has, left = device[kind], 0
        axis.barh(0, has, height=0.6, color="none", ec=NEUTRAL, ls="--")
        shades = sns.light_palette(ORIGIN_COLORS["ours"], len(named) + 1, reverse=True)
        for (name, size), shade in zip(named.items(), shades, strict=False):
            axis.barh(0, size, 0.6, left, color=shade, ec="white", label=f"{name} {size:,.0f}")
            left += size
        axis.text((left + has) / 2, 0, "free", ha="center", va="center", color=NEUTRAL)
        axis.set(yticks=[], xlim=(0, 1.01 * has), ylim=(-0.4, 0.4))
        axis.set_title(f"{kind}: {left:,.0f} of {has:,} bytes", loc="left")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=2, fontsize=11)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(axis="y", visible=False)
    return figure


def way(program, rate):
    """The way from samples to a class: what each step does and hands on.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network in integers.
    rate : int
        Samples a second.
    """
    beat, rr = (np.prod(program.shapes[name]) for name in ("beat", "rr"))
    figure, axis = blank(4.1)
    left, middle, right = 1.65, WIDTH / 2, WIDTH - 1.65
    axis.text(middle, 3.9, f"samples of 16 bits, {rate} a second", ha="center", fontsize=12)
    arrow(axis, (middle, 3.82), (middle, 3.5))
    box(axis, (middle, 3.2), (3.2, 0.6), "detector: steep slopes", fontsize=12)
    shape = "half a second around the\nR-peak, minus the usual beat"
    box(axis, (left, 1.95), (3, 0.7), shape, fontsize=12)
    box(axis, (right, 1.95), (3, 0.7), "RR intervals:\nratios and logarithms", fontsize=12)
    text = f"network: {len(program.layers)} layers of\nbytes × bytes, 32-bit sums"
    box(axis, (middle, 0.75), (3.2, 0.7), text, fontsize=12)
    for x, above, below in ((left, "R-peak", beat), (right, "its time", rr)):
        arrow(axis, ((x + middle) / 2, 2.9), (x, 2.3))
        arrow(axis, (x, 1.6), ((x + middle) / 2, 1.1))
        side = "right" if x < middle else "left"
        inward = x + (0.28 if x < middle else -0.28)
        axis.text(inward, 2.55, above, ha=side, fontsize=12)
        axis.text(inward, 1.28, f"{below} bytes", ha=side, fontsize=12)
    arrow(axis, (middle, 0.4), (middle, 0.22))
    axis.text(middle, 0.05, "N, S or V, one beat late", ha="center", fontsize=12)
    return figure


def layers(work):
    """Multiplications and bytes of weights by layer (`ecglib.deploy.roofline.layer_work`)."""
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 2.9), sharey=True)
    for axis, (column, title) in zip(
        axes, (("macs", "multiplications"), ("weights", "weights")), strict=True
    ):
        bars = axis.barh(range(len(work)), work[column], color=ORIGIN_COLORS["ours"])
        axis.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=10)
        axis.set_title(title, loc="left")
        axis.set(xticks=[], xlim=(0, 1.35 * work[column].max()))
        axis.grid(visible=False)
    name_rows(axes[0], list(work.index))
    return figure


def class_f1(rows):
    """F1 of each class and their mean, a row a way to find the R-peaks.

    Parameters
    ----------
    rows : dict of str to dict of str to float
        Way -> "N", "S", "V" and "macro-F1" -> score.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 1.1 + 0.5 * len(rows)))
    for row, found in enumerate(rows.values()):
        for kind, place in zip(CLASSES, (-0.12, 0, 0.12), strict=True):
            label = None if row else kind
            axis.plot(
                found[kind], row + place, "o", ms=9, color=CLASS_COLORS[kind], label=label
            )
        label = None if row else "macro-F1"
        axis.plot(found["macro-F1"], row, "|", ms=18, mew=2.5, color=NEUTRAL, label=label)
    name_rows(axis, list(rows))
    axis.set(xlim=(0, 1.02), ylim=(len(rows) - 0.5, -0.5), xlabel="F1, all beats of DS2")
    figure.legend(loc="outside upper center", ncols=4)
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
    figure, axis = plt.subplots(figsize=(WIDTH, 3))
    first, last = round(start_s * fs), round((start_s + seconds) * fs)
    piece = (samples[first:last] - np.median(samples[first:last])) / gain
    axis.plot(np.arange(first, last) / fs - start_s, piece, color="black", linewidth=1)
    top, reach = piece.max(), np.ptp(piece)
    beats = zip(found.sample, found.label, found.known, strict=True)
    for number, (place, label, known) in enumerate(beats):
        if first <= place < last:
            name, at = CLASSES[label], place / fs - start_s
            color = CLASS_COLORS[name]
            axis.text(at, top + 0.1 * reach, name, color=color, ha="center", weight="bold")
            height = top + (0.3 + 0.08 * (number % 2)) * reach  # bars reach past the next beat
            axis.plot([at, min(known, last) / fs - start_s], [height] * 2, color=color, lw=3)
    axis.set(xlabel="seconds", ylabel="mV", xlim=(0, seconds))
    return figure
