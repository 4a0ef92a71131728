"""Figures of the personalization chapter."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import FancyBboxPatch

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.models.ecgnet import BLOCKS, HEAD
from ecglib.personalize.strategies import STRATEGIES
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, PIECE_COLORS, bar, name_rows
from ecglib.tables.names import word
from ecglib.tables.scores import patient_change


def pipeline():
    """The stages of paper 1, from pretraining to the prediction of one patient."""
    boxes = (
        ("offline", "puzzle on\nN beats of DS1"),
        ("online, per patient", "puzzle on the patient's\nunlabelled beats"),
        ("online, per patient", "new output layer,\nfine-tuning on DS1"),
        ("online, per patient", "N, S, V for the\npatient's beats"),
    )
    figure, axis = plt.subplots(figsize=(9.5, 1.9))
    axis.set(xlim=(0, 4), ylim=(0, 1))
    axis.axis("off")
    for column, (title, text) in enumerate(boxes):
        color = PIECE_COLORS[0] if column == 0 else PIECE_COLORS[2]
        corner, shape = (column + 0.06, 0.18), "round,pad=0.02"
        box = FancyBboxPatch(corner, 0.8, 0.5, shape, fc=color, ec="none", alpha=0.25)
        axis.add_patch(box)
        axis.text(column + 0.46, 0.43, text, ha="center", va="center", fontsize=10)
        axis.text(column + 0.46, 0.82, title, ha="center", color=NEUTRAL, fontsize=9)
        if column:
            arrow = {"arrowstyle": "->", "color": NEUTRAL}
            axis.annotate("", (column + 0.03, 0.43), (column - 0.11, 0.43), arrowprops=arrow)
    return figure


def freedom():
    """Which parts of ECGNet each strategy lets the patient's puzzle change."""
    columns = (*BLOCKS, *HEAD, "adapters", "BN statistics")
    rows = {}
    for name, strategy in STRATEGIES.items():
        adapters = any(part.startswith("adapter") for part in strategy.parts)
        flags = [part in strategy.parts for part in (*BLOCKS, *HEAD)]
        rows[word(name)] = [*flags, adapters, strategy.needs_batchnorm]
    frame = pd.DataFrame(rows, index=columns).T.astype(int)
    figure, axis = plt.subplots(figsize=(8, 2.6))
    sns.heatmap(frame, cmap=["#f2f2f2", PIECE_COLORS[2]], cbar=False, linewidths=2, ax=axis)
    axis.tick_params(axis="x", rotation=35)
    return figure


def strategy_scores(groups, printed):
    """Macro-F1 of every strategy: printed by the paper, reference, this run.

    Parameters
    ----------
    groups : dict of str to dict of str to Arm
        Origin ("reference", "this run") -> strategy -> arm.
    printed : dict of str to Row
        Strategy -> row of the paper's table.
    """
    names = list(next(iter(groups.values())))
    figure, axis = plt.subplots(figsize=(8.5, 4))
    rows, color = pd.DataFrame(printed.values()), ORIGIN_COLORS["paper"]
    x, y = rows["macro_f1"], [names.index(name) + 0.25 for name in printed]
    label, error = "paper (± std of 3 seeds)", rows["macro_f1_std"]
    axis.errorbar(x, y, xerr=error, fmt="s", color=color, label=label)
    for offset, (origin, arms) in zip((0, -0.25), groups.items(), strict=False):
        for number, name in enumerate(names):
            interval = stats.patient_bootstrap(arms[name].matrices(), macro_f1)
            label = None if number else f"{origin} (95 % over patients)"
            bar(axis, interval, number + offset, ORIGIN_COLORS[origin], label=label)
    name_rows(axis, [word(name) for name in names])
    axis.set_xlabel("macro-F1 (N, S, V)")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=3)
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
    figure, axis = plt.subplots(figsize=(10, 0.9 + 0.45 * len(arms)))
    sns.heatmap(
        frame.T,
        annot=frame.T.round().astype(int),
        fmt="d",
        annot_kws={"fontsize": 8},
        cmap="RdBu",
        center=0,
        vmin=-limit,
        vmax=limit,
        cbar_kws={"label": "points of accuracy"},
        ax=axis,
    )
    axis.set_xlabel("record")
    return figure


def difference_intervals(differences):
    """Differences to the control with their intervals, one row a strategy.

    Parameters
    ----------
    differences : dict of str to Interval
        Strategy -> paired difference of macro-F1.
    """
    figure, axis = plt.subplots(figsize=(7.5, 0.8 + 0.4 * len(differences)))
    for number, interval in enumerate(differences.values()):
        bar(axis, interval, number, ORIGIN_COLORS["reference"])
    axis.axvline(0, color=NEUTRAL, lw=1)
    name_rows(axis, [word(name) for name in differences])
    axis.set_xlabel("macro-F1 minus that of the control, after 5:00")
    return figure
