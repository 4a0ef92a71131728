"""How the cost of an online stage grows."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS

WAYS = {"usual": (NEUTRAL, "s"), "ours": (ORIGIN_COLORS["ours"], "o")}


def _place(result):
    """Patients, beats and parameters of a run of study "speed", by the names of the axes."""
    config = ECGNetConfig(tuple(result.config["channels"]), norm=result.config["norm"])
    return {
        "patients": result.config["patients"],
        "beats of the training side": result.metrics["n_beats"],
        "parameters of the network": sum(p.numel() for p in ECGNet(config).parameters()),
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
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
    placed = [(_place(result), result.runtime_s) for result in results]
    for panel, axis in zip(panels, placed[0][0], strict=True):
        lines = {}
        for place, seconds in placed:
            others = tuple(value for name, value in place.items() if name != axis)
            lines.setdefault(others, []).append((place[axis], seconds))
        longest = sorted(max(lines.values(), key=len), key=lambda point: point[0])
        for way, (color, marker) in WAYS.items():
            x, y = [p[0] for p in longest], [p[1][way] for p in longest]
            panel.loglog(x, y, color=color, marker=marker, label=way)
        panel.set_xlabel(axis)
        panel.xaxis.set_minor_formatter(NullFormatter())  # labels would run into each other
        panel.grid(True, which="both", linewidth=0.4)
    low = min(min(seconds[way] for way in WAYS) for _, seconds in placed)
    panels[0].set_ylim(bottom=10 ** np.floor(np.log10(low)))
    panels[0].set_ylabel("seconds")
    panels[0].legend()
    return figure
