"""Figures of how runs are made, how long they take, and how fast the library is.

Those that show runs raise a LookupError if there are none.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots.architecture import steps
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
        ("result", "a small JSON file with\nscores, data, machine"),
        ("page", "tables and figures\nof the results"),
    )
    return steps(boxes, (1.85, 0.9))


def study_minutes(machines):
    """Minutes of every study by machine (two at most), from `tables.runs.study_times`."""
    figure, axis = _by_machine(machines, "minutes")
    axis.set_xlabel("minutes")
    return figure


def ratios(machines):
    """How many times as fast as the usual way ours is, a row a piece of work.

    Parameters
    ----------
    machines : dict of str to DataFrame
        Machine -> table of `ecglib.tables.speed.largest`; two at most.
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
