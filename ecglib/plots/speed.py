"""Figures of how runs are made, how long they take, and how fast the library is."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, NullFormatter

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, WIDTH, name_rows

WAYS = {"usual": (NEUTRAL, "s"), "ours": (ORIGIN_COLORS["ours"], "o")}
"""Way of doing a piece of work -> its colour and marker."""

_PLAIN = FuncFormatter(lambda x, _: f"{x:g}")
"""Numbers on a logarithmic axis without powers of ten."""


def from_params_to_page():
    """The way from a params file to a page: five boxes."""
    boxes = (
        ("params/*.yaml", "which runs: studies,\narms, seeds"),
        ("configuration", "all settings of one run,\nchecked"),
        ("run", "computed if it has\nno result yet"),
        ("page", "tables and figures\nof the results"),
        ("result", "a small JSON file with\nscores, data, machine"),
    )
    places = ((0, 1), (1, 1), (2, 1), (1, 0), (2, 0))
    figure, axis = plt.subplots(figsize=(WIDTH, 2.9))
    axis.set(xlim=(0, 3), ylim=(0, 2))
    axis.axis("off")
    for (x, y), (title, text) in zip(places, boxes, strict=True):
        shape = "round,pad=0.02"
        box = FancyBboxPatch((x + 0.06, y + 0.18), 0.86, 0.62, shape, fc="none", ec=NEUTRAL)
        axis.add_patch(box)
        axis.text(x + 0.49, y + 0.63, title, ha="center", va="center", weight="bold", size=10)
        axis.text(x + 0.49, y + 0.38, text, ha="center", va="center", size=10)
    arrows = ((0.95, 1.49, 1.03, 1.49), (1.95, 1.49, 2.03, 1.49))
    arrows += ((2.49, 1.15, 2.49, 0.84), (2.03, 0.49, 1.95, 0.49))
    for x, y, to_x, to_y in arrows:
        arrow = {"arrowstyle": "->", "color": NEUTRAL}
        axis.annotate("", (to_x, to_y), (x, y), arrowprops=arrow)
    return figure


def study_minutes(machines):
    """Minutes of every study, on one or more machines.

    Parameters
    ----------
    machines : dict of str to DataFrame
        Machine -> table of `ecglib.tables.runs.study_times`; two at most.

    Raises
    ------
    LookupError
        If no machine has runs.
    """
    figure, axis = _by_machine(machines, "minutes")
    axis.set_xlabel("minutes")
    return figure


def ratios(machines):
    """How many times as fast as the usual way ours is, a row a piece of work.

    Parameters
    ----------
    machines : dict of str to DataFrame
        Machine -> table of `ecglib.tables.speed.largest`; two at most.

    Raises
    ------
    LookupError
        If no machine has runs.
    """
    figure, axis = _by_machine(machines, "ratio")
    axis.axvline(1, color=NEUTRAL, lw=1)
    axis.set_xlabel("times as fast as the usual way")
    return figure


def _by_machine(machines, column):
    """A column of each machine's table on a logarithmic axis, a row a name of their indices."""
    names = list(dict.fromkeys(name for table in machines.values() for name in table.index))
    if not names:
        raise LookupError("no machine has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 1 + 0.25 * len(names)))
    for (machine, table), marker in zip(machines.items(), "o^", strict=True):
        rows = [names.index(name) for name in table.index]
        values = [] if table.empty else table[column]
        axis.plot(values, rows, marker, color=ORIGIN_COLORS["ours"], label=machine)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(_PLAIN)
    name_rows(axis, names)
    figure.legend(loc="outside upper center", ncols=2)
    return figure, axis


def _place(result):
    """Patients, beats and parameters of a run of study "speed", by the names of the axes."""
    config = ECGNetConfig(tuple(result.config["channels"]), norm=result.config["norm"])
    return {
        "patients": result.config["patients"],
        "training beats": result.metrics["n_beats"],
        "parameters": sum(p.numel() for p in ECGNet(config).parameters()),
    }


def growth(results):
    """Seconds of an online stage against patients, beats and parameters, one varied at a time.

    Parameters
    ----------
    results : list of RunResult
        Of study "speed", one strategy, one format and one number of threads.

    Returns
    -------
    Figure
        A panel each; a line joins the runs that agree in the other two.

    Raises
    ------
    LookupError
        If there are no results.
    """
    if not results:
        raise LookupError("the online stage has no timed runs")
    figure, panels = plt.subplots(1, 3, figsize=(WIDTH, 3), sharey=True)
    placed = [(_place(result), result.runtime_s) for result in results]
    for panel, axis in zip(panels, placed[0][0], strict=True):
        lines = {}
        for place, seconds in placed:
            others = tuple(value for name, value in place.items() if name != axis)
            lines.setdefault(others, []).append((place[axis], seconds))
        longest = sorted(max(lines.values(), key=len), key=lambda point: point[0])
        for way, (color, marker) in WAYS.items():
            x, y = [p[0] for p in longest], [p[1][way] for p in longest]
            label = way if panel is panels[0] else None
            panel.loglog(x, y, color=color, marker=marker, label=label)
        panel.set_xlabel(axis)
        panel.xaxis.set_minor_formatter(NullFormatter())  # labels would run into each other
        panel.grid(True, which="both", linewidth=0.4)
    low = min(min(seconds[way] for way in WAYS) for _, seconds in placed)
    panels[0].set_ylim(bottom=10 ** np.floor(np.log10(low)))
    panels[0].set_ylabel("seconds")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
