"""Figures of the overview: the landscape of accuracy and size, and four small pictures."""

from dataclasses import astuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patheffects import withStroke

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.models.ecgnet import HEAD, SHALLOW, ECGNet, ECGNetConfig, n_bytes
from ecglib.plots.style import (
    FORMAT_COLORS,
    NEUTRAL,
    ORIGIN_COLORS,
    WIDTH,
    bar,
    intervals,
    name_rows,
)
from ecglib.tables import arms, budget, names, papers
from ecglib.tables.overview import on_device, strategies
from ecglib.tables.scores import always_n

LOOKS = {
    "printed in paper 1": ("s", "paper"),
    "printed by others": ("D", "peers"),
    "ours, DS1 → DS2": ("o", "ours"),
    "ours, every patient left out once": ("^", "ours"),
}
"""Group of points -> marker, and whose number it is."""

COLUMNS = ("name", "group", "macro_f1", "low", "high", "bytes")
FAR_RIGHT = 25
"""Times smaller from which on a method's name reaches to the left."""

LARGE = 3e5
"""Bytes from which on a point's name stands to its left."""

LARGEST = 1e7
"""Bytes from which on it stands to the right again, wrapped at the edge of the figure."""

SMALL = (3.2, 1.9)
"""Inches of the small pictures."""


def points(load):
    """Methods as points of the landscape: macro-F1 on N, S, V, and bytes of the weights.

    Parameters
    ----------
    load : callable
        Name of a study -> its reference runs.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: `group` is a key of `LOOKS`, `low` and `high` bounds over patients,
        NaN of printed numbers. Bytes of paper 1 are estimated for 512 filters in blocks 3 to 5.
    """
    printed, split, left_out = *list(LOOKS)[:1], *list(LOOKS)[2:]
    nan, network = float("nan"), ECGNet(ECGNetConfig())
    best, adapted = papers.PAPER1_BEST, papers.PAPER1_TABLE_3["adabn"]
    size = n_bytes(network, (*HEAD, *SHALLOW))
    whole, personalized = n_bytes(network), "paper 1, personalized (AdaBN)"
    rows = [
        ("paper 1, DS1 only, INT8", printed, best.macro_f1, nan, nan, size),
        (personalized, printed, adapted.macro_f1, nan, nan, whole),
    ]
    rows += [
        (row.source, "printed by others", row.macro_f1, nan, nan, row.n_bytes)
        for row in papers.PEERS
        if row.n_bytes
    ]
    for name, arm in _ecgnets(load).items():
        rows.append((name, split, *astuple(_score(arm)), _bytes(arm)))
    labelled = _labelled(load("budget"))
    features = labelled["MicroNet, no label"].settings["features"]
    kind = {"dataset": "mitdb", "split": "ds1_ds2", "scope": "all_int8"}
    micro = arms.pick(load("micro"), features=features, **kind)
    size = micro.results[0].metrics["weight_bytes"]
    rows.append(("MicroNet, no label, DS2", split, *astuple(_score(micro)), size))
    for name, arm in labelled.items():
        rows.append((name, left_out, *astuple(_score(arm, after_5min=True)), size))
    return pd.DataFrame(rows, columns=COLUMNS)


def _score(arm, *, after_5min=False):
    return stats.patient_bootstrap(arm.matrices(after_5min=after_5min), macro_f1)


def _ecgnets(load):
    """Arms of ECGNet on DS1→DS2 that the landscape shows."""
    kind = {"norm": "none", "split": "ds1_ds2", "normalization": "zscore"}
    alone = arms.by(load("baseline"), "features", **kind)
    wide = strategies(load("h200/personalization"), "all")
    return {
        "narrow ECGNet": alone["beat"],
        "narrow ECGNet with timing": alone["beat+rr"],
        "ECGNet, personalized (AdaBN)": wide["adabn"],
    }


def _bytes(arm):
    n_rr = 5 if arm.settings.get("features") == "beat+rr" else 0
    size = ECGNetConfig(tuple(arm.settings["channels"]), norm=arm.settings["norm"], n_rr=n_rr)
    return n_bytes(ECGNet(size))


def _labelled(runs):
    """Arms of the micro network with labels on MIT-BIH, every patient left out once."""
    start, stream = on_device(runs)
    named = {
        "MicroNet, no label": start[0],
        "MicroNet, five labels": start[5],
        "MicroNet, asked in doubt": stream[budget.AN_HOUR],
    }
    return {name: arms.on(arm, "mitdb") for name, arm in named.items()}


def trivial(load):
    """Macro-F1 of always answering N on DS2."""
    return always_n(_ecgnets(load)["narrow ECGNet"].matrices()[0]).macro_f1


def landscape(points, trivial):
    """Macro-F1 against bytes of the weights, by method.

    Parameters
    ----------
    points : DataFrame
        From the function of that name.
    trivial : float
        Macro-F1 of answering N always.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 5.6))
    for group, rows in points.groupby("group", sort=False):
        marker, origin = LOOKS[group]
        score, low, high, size = rows[["macro_f1", "low", "high", "bytes"]].to_numpy(float).T
        error = [score - low, high - score]
        color = ORIGIN_COLORS[origin]
        axis.errorbar(
            size, score, error, fmt=marker, ms=7, color=color, lw=1, capsize=2, label=group
        )
    for row, height in _apart(points):
        right = not LARGE <= row.bytes < LARGEST
        origin = LOOKS[row.group][1]
        name = axis.annotate(
            row.name,
            (row.bytes, row.macro_f1),
            (row.bytes * 1.35 ** (1 if right else -1), height),
            ha="left" if right else "right",
            va="center",
            fontsize=10,
            color=NEUTRAL if origin == "paper" else ORIGIN_COLORS[origin],
            wrap=row.bytes >= LARGEST,
            in_layout=False,
            arrowprops={"arrowstyle": "-", "color": NEUTRAL, "relpos": (not right, 0.5)},
        )
        name.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axis.axhline(trivial, color=NEUTRAL, ls=":")
    axis.text(1.2e3, trivial + 0.01, "always N", color=NEUTRAL, fontsize=10)
    axis.set(xscale="log", xlim=(1e3, 4e8), xlabel="bytes of the weights", ylabel="macro-F1")
    figure.legend(loc="outside upper center", ncols=2, fontsize=10)
    return figure


def _apart(points):
    """Rows of points with the height of their label: at least 0.035 below the one above."""
    for _, side in points.groupby(points["bytes"].between(LARGE, LARGEST)):
        last = np.inf
        for row in side.sort_values("macro_f1", ascending=False).itertuples():
            last = min(row.macro_f1, last - 0.035)
            yield row, last


def small_intervals(gains):
    """Small picture: changes by strategies, with their intervals around zero."""
    named = {names.word(name): interval for name, interval in gains.items()}
    return intervals(named, "change of macro-F1", SMALL)


def small_bytes(scores):
    """Small picture: macro-F1 of one network in fp32 and in INT8, with intervals.

    Parameters
    ----------
    scores : dict of str to Interval
        Format -> macro-F1.
    """
    figure, axis = plt.subplots(figsize=SMALL)
    for row, (name, interval) in enumerate(scores.items()):
        bar(axis, interval, row, FORMAT_COLORS[name])
    name_rows(axis, list(scores))
    axis.set(xlabel="macro-F1", xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5))
    return figure


def small_ratios(points):
    """Small picture: accuracy against how many times smaller a file is than in fp32.

    Parameters
    ----------
    points : dict of str to tuple of float
        Method -> times smaller, accuracy.
    """
    figure, axis = plt.subplots(figsize=SMALL)
    above, below = {"xytext": (-4, 8)}, {"va": "top", "xytext": (-4, -8)}
    looks = zip("so^D", (above, below) * 2, strict=True)  # neighbours' names do not meet
    for (name, (ratio, share)), (marker, look) in zip(points.items(), looks, strict=False):
        axis.plot(ratio, 100 * share, marker, ms=8, color=ORIGIN_COLORS["ours"])
        if ratio > FAR_RIGHT:
            look = look | {"ha": "right", "xytext": (10, look["xytext"][1])}
        place = {"textcoords": "offset points", "fontsize": 10} | look
        axis.annotate(name, (ratio, 100 * share), **place)
    axis.set(xlabel="times smaller", ylabel="accuracy, %", xlim=(0, 36), ylim=(86, 94))
    return figure


def small_labels(curve):
    """Small picture: macro-F1 against labelled beats a patient.

    Parameters
    ----------
    curve : dict of float to Interval
        Labels -> macro-F1 with its interval.
    """
    figure, axis = plt.subplots(figsize=SMALL)
    score, low, high = np.array([astuple(interval) for interval in curve.values()]).T
    color = ORIGIN_COLORS["ours"]
    axis.fill_between(list(curve), low, high, color=color, alpha=0.15, lw=0)
    axis.plot(list(curve), score, "o-", color=color)
    axis.set(xlabel="labelled beats a patient", ylabel="macro-F1", ylim=(0.6, 1))
    return figure
