"""Figures of the personalization chapter; without runs they raise a LookupError."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from ecglib.aami import CLASSES
from ecglib.models.ecgnet import BLOCKS, HEAD
from ecglib.personalize.strategies import STRATEGIES
from ecglib.plots.architecture import steps
from ecglib.plots.style import (
    CLASS_COLORS,
    DIFFERENCES,
    NEUTRAL,
    ORIGIN_COLORS,
    WIDTH,
    bar,
    name_rows,
)
from ecglib.tables.names import word
from ecglib.tables.scores import class_scores, patient_change


def pipeline():
    """The stages of paper 1, from pretraining to the prediction of one patient."""
    boxes = (
        ("offline", "puzzle on\nN beats of DS1"),
        ("online, per patient", "puzzle on the patient's\nunlabelled beats"),
        ("online, per patient", "new output layer,\nfine-tuning on DS1"),
        ("online, per patient", "N, S, V for the\npatient's beats"),
    )
    return steps(boxes, (2.5, 0.9), n_columns=2)


def freedom():
    """Which parts of ECGNet each strategy lets the patient's puzzle change."""
    columns = (*BLOCKS, *HEAD, "adapters", "BN statistics")
    rows = {}
    for name, strategy in STRATEGIES.items():
        adapters = any(part.startswith("adapter") for part in strategy.parts)
        flags = [part in strategy.parts for part in (*BLOCKS, *HEAD)]
        rows[word(name)] = [*flags, adapters, strategy.needs_batchnorm]
    frame = pd.DataFrame(rows, index=columns).T.astype(int)
    figure, axis = plt.subplots(figsize=(WIDTH, 2.6))
    sns.heatmap(frame, cmap=["#f2f2f2", NEUTRAL], cbar=False, linewidths=2, ax=axis)
    axis.tick_params(axis="x", rotation=35)
    return figure


def patient_differences(arms, control):
    """Accuracy of every patient minus that of the control, after 5:00, mean over seeds.

    Parameters
    ----------
    arms : dict of str to Arm
        Strategies.
    control : Arm
        The unpersonalised network.
    """
    frame = pd.DataFrame(
        {word(n): 100 * patient_change(arm, control).mean() for n, arm in arms.items()}
    )
    limit = max(1, np.nanmax(np.abs(frame.to_numpy())))
    figure, axis = plt.subplots(figsize=(WIDTH, 1 + 0.24 * len(frame)))
    cells = {"annot": frame.round().astype(int), "fmt": "d", "annot_kws": {"fontsize": 10}}
    cells |= {"vmin": -limit, "vmax": limit, "cbar_kws": {"label": "points of accuracy"}}
    sns.heatmap(frame, cmap=DIFFERENCES, ax=axis, **cells)
    axis.set_ylabel("record")
    axis.tick_params(axis="y", rotation=0)
    return figure


def difference_intervals(settings):
    """Differences to the control with their intervals, one row a strategy.

    Parameters
    ----------
    settings : dict of str to dict of str to Interval
        What was run -> strategy -> paired difference of macro-F1.
    """
    names = list(dict.fromkeys(n for found in settings.values() for n in found))
    if not names:
        raise LookupError("no strategy has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.6 * len(names)))
    for (setting, found), marker, place in zip(
        settings.items(), "so^", (-0.2, 0, 0.2), strict=False
    ):
        for number, (name, interval) in enumerate(found.items()):
            label = None if number else setting
            y, color = names.index(name) + place, ORIGIN_COLORS["ours"]
            bar(axis, interval, y, color, fmt=marker, label=label)
    axis.axvline(0, color=NEUTRAL, lw=1)
    name_rows(axis, [word(name) for name in names])
    axis.set_xlabel("macro-F1 minus that of the control, after 5:00")
    figure.legend(loc="outside upper center", ncols=1)
    return figure


def sensitivities(named):
    """Share of the beats of each class that every strategy (an `Arm`) finds after 5:00."""
    if not named:
        raise LookupError("no strategy has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.4 * len(named)))
    for row, arm in enumerate(named.values()):
        found = class_scores(arm, after_5min=True)
        for kind, color in ((k, CLASS_COLORS[k]) for k in CLASSES):
            label = None if row else kind
            axis.plot(found[kind]["sensitivity"], row, "o", color=color, ms=9, label=label)
    name_rows(axis, [word(name) for name in named])
    axis.set(xlim=(0, 1.02), xlabel="sensitivity after 5:00")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def stage_seconds(table):
    """Seconds of each stage (`ecglib.tables.runs.runtime_table`), one bar a strategy."""
    if table.empty:
        raise LookupError("no strategy has runs")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.9 + 0.4 * len(table)))
    table = table.fillna(0)
    left = 0 * table.iloc[:, 0]
    shades = sns.color_palette("Greys", table.shape[1] + 1)[1:]
    for stage, shade in zip(table, shades, strict=True):
        seconds = table[stage]
        label = word(stage)
        axis.barh(range(len(table)), seconds, left=left, color=shade, ec="white", label=label)
        left = left + seconds
    name_rows(axis, [word(name) for name in table.index])
    axis.set_xlabel("seconds, all test patients")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
