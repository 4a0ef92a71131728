"""Figures of times: printed by others, measured, estimated, and at the least possible.

A `table` is that of the function of `ecglib.tables.roofline` that is named.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglib.plots.style import FORMAT_COLORS, NEUTRAL, ORIGIN_COLORS, WIDTH, name_rows
from ecglib.tables.names import word

_LINES = ("-", "--", ":")
_KNOWN = {
    "printed": ("paper", "o", "printed by paper 1"),
    "measured": ("ours", "s", "measured by us, fewer epochs"),
    "estimated": ("ours", "D", "estimated from measured steps"),
    "at least": ("ours", ">", "bound: at least this, estimated"),
}
_FORMATS = {
    "fp32": ("fp32", "o", 0.2),
    "fp16": ("16 bit", "s", 0),
    "int8": ("INT8", "D", -0.2),
}


def pipeline_seconds(table):
    """Seconds of paper 1's pipeline by machine and way to know them (`pipeline_table`)."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    for column, (origin, marker, label) in _KNOWN.items():
        found = table[column].dropna()
        rows = [list(table.index).index(name) for name in found.index]
        color = ORIGIN_COLORS[origin]
        filled = "none" if column in ("estimated", "at least") else color
        axis.plot(found, rows, marker, ms=9, color=color, mfc=filled, label=label)
        for row, seconds in zip(rows, found, strict=True):
            text, side = f"{seconds:,.0f} s", -20 if column in ("measured", "estimated") else 10
            place = (seconds, row)
            axis.annotate(
                text, place, (0, side), textcoords="offset points", ha="center", fontsize=12
            )
    name_rows(axis, list(table.index))
    axis.set(xscale="log", xlabel="seconds, one seed", xlim=(1, 3e5))
    axis.set_ylim(len(table) - 0.5, -0.6)
    axis.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=1)
    return figure


def roofs(machines, precision, networks, points):
    """Attainable operations a second by operations a byte, and what was attained.

    Parameters
    ----------
    machines : list of Machine
        Each is a roof in its peak of `precision`.
    precision : {"fp32", "fp16", "int8"}
        Format.
    networks : dict of str to float
        What is computed -> its operations a byte.
    points : dict of str to (float, float)
        Name of a printed run -> operations a byte, operations a second.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 4.8))
    x = np.logspace(0, 3.6, 300)
    for machine, line in zip(machines, _LINES, strict=True):
        roof = np.minimum(machine.peak[precision], machine.bandwidth * x)
        axis.loglog(x, roof, line, color=NEUTRAL, label=f"{machine.name}, at most")
    for name, at in networks.items():
        axis.axvline(at, color=NEUTRAL, lw=0.8, alpha=0.6)
        axis.text(at, 7e14, name, rotation=90, fontsize=11, va="top", ha="left")
    for name, (at, reached) in points.items():
        axis.plot(at, reached, "o", color=ORIGIN_COLORS["paper"], ms=9)
        axis.annotate(name, (at, reached), (9, -4), textcoords="offset points", fontsize=11)
    axis.set(xlabel="operations for each byte moved", ylabel="operations a second")
    axis.set(xlim=(1, 4e3), ylim=(1.5e10, 2e15))
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def stages(paper, ours):
    """Multiplications of two ways to personalize by stage, from `ecglib.deploy.roofline`."""
    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    rows = pd.concat([paper, ours])
    colors = [ORIGIN_COLORS["paper"]] * len(paper) + [ORIGIN_COLORS["ours"]] * len(ours)
    bars = axis.barh(range(len(rows)), rows, color=colors)
    axis.bar_label(bars, [_power(n) for n in rows], padding=3, fontsize=10)
    name_rows(axis, list(rows.index))
    for bar, label in ((bars[0], "paper 1's pipeline"), (bars[len(paper)], "five labels")):
        bar.set_label(label)
    axis.set(xscale="log", xlabel="multiplications, all test patients")
    axis.set_xlim(1e6, axis.get_xlim()[1] * 300)
    axis.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _power(number):
    """A large number as digits times a power of ten."""
    exponent = int(np.floor(np.log10(number)))
    return rf"${number / 10**exponent:.1f}\times10^{{{exponent}}}$"


def least_ms(table):
    """Least milliseconds of one input by network, machine and format (`bound_table`)."""
    networks = list(table.index.unique("network"))
    rows = [(network, machine) for network in networks for machine in table.columns]
    figure, axis = plt.subplots(figsize=(WIDTH, 1.2 + 0.45 * len(rows)))
    for name, (color, marker, place) in _FORMATS.items():
        x = [table.loc[(network, name), machine] for network, machine in rows]
        y = np.arange(len(rows)) - place
        axis.plot(x, y, marker, ms=8, color=FORMAT_COLORS[color], mec=NEUTRAL, label=word(name))
    name_rows(axis, [f"{network}, {machine}" for network, machine in rows])
    axis.set(xscale="log", xlabel="least milliseconds of one input, estimated")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def bound_and_measured(table):
    """Estimated and measured milliseconds of a call by network, batch (`validation_table`)."""
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.45 * len(table)))
    color, rows = ORIGIN_COLORS["ours"], range(len(table))
    low, high = table["estimated, ms"], table["measured, ms"]
    axis.hlines(rows, low, high, color=NEUTRAL, lw=1)
    axis.plot(low, rows, ">", ms=9, color=color, mfc="white", label="bound, estimated")
    axis.plot(high, rows, "s", ms=8, color=color, label="measured")
    name_rows(axis, [f"{word(network)}, batch {batch}" for network, batch in table.index])
    axis.set(xscale="log", xlabel="milliseconds of a call, one core, fp32")
    axis.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=2)
    return figure
