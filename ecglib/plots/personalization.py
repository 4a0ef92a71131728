"""Figures of the personalization chapter."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ecglib import stats
from ecglib.metrics import accuracy, macro_f1
from ecglib.models.ecgnet import BLOCKS, HEAD
from ecglib.personalize.strategies import STRATEGIES
from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, PIECE_COLORS, reach


def pipeline():
    """The stages of paper 1, from pretraining to the prediction of one patient.

    Returns
    -------
    Figure
    """
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
        look = {"boxstyle": "round,pad=0.02", "fc": color, "ec": "none", "alpha": 0.25}
        axis.add_patch(FancyBboxPatch((column + 0.06, 0.18), 0.8, 0.5, **look))
        axis.text(column + 0.46, 0.43, text, ha="center", va="center", fontsize=10)
        axis.text(column + 0.46, 0.82, title, ha="center", color=NEUTRAL, fontsize=9)
        if column < len(boxes) - 1:
            look = {"arrowstyle": "->", "mutation_scale": 12, "color": NEUTRAL}
            axis.add_patch(
                FancyArrowPatch((column + 0.89, 0.43), (column + 1.03, 0.43), **look)
            )
    return figure


def freedom():
    """Which parts of ECGNet each strategy lets the patient's puzzle change.

    Returns
    -------
    Figure
    """
    columns = (*BLOCKS, *HEAD, "adapters", "BN statistics")
    rows = {}
    for name, strategy in STRATEGIES.items():
        adapters = any(part.startswith("adapter") for part in strategy.parts)
        flags = [part in strategy.parts for part in (*BLOCKS, *HEAD)]
        rows[name] = [*flags, adapters, strategy.needs_batchnorm]
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

    Returns
    -------
    Figure
    """
    names = list(next(iter(groups.values())))
    figure, axis = plt.subplots(figsize=(8.5, 4))
    scores = [row.macro_f1 for row in printed.values()]
    deviations = [row.macro_f1_std for row in printed.values()]
    places = [names.index(name) + 0.25 for name in printed]
    look = {"fmt": "s", "color": ORIGIN_COLORS["paper"], "label": "paper (± std of 3 seeds)"}
    axis.errorbar(scores, places, xerr=deviations, **look)
    for offset, (origin, arms) in zip((0, -0.25), groups.items(), strict=False):
        for number, name in enumerate(names):
            interval = stats.patient_bootstrap(arms[name].matrices(), macro_f1)
            label = f"{origin} (95 % over patients)" if number == 0 else None
            look = {"fmt": "o", "capsize": 3, "color": ORIGIN_COLORS[origin], "label": label}
            axis.errorbar(interval.value, number + offset, xerr=reach(interval), **look)
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
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

    Returns
    -------
    Figure
    """
    base = _accuracy_by_patient(control)
    frame = 100 * pd.DataFrame({n: _accuracy_by_patient(arm) - base for n, arm in arms.items()})
    limit = max(1, np.nanmax(np.abs(frame.to_numpy())))
    figure, axis = plt.subplots(figsize=(10, 0.9 + 0.45 * len(arms)))
    text = {"annot": frame.T.round().astype(int), "fmt": "d", "annot_kws": {"fontsize": 8}}
    color = {"cmap": "RdBu", "center": 0, "vmin": -limit, "vmax": limit}
    bar = {"label": "points of accuracy"}
    sns.heatmap(frame.T, **text, **color, cbar_kws=bar, ax=axis)
    axis.set_xlabel("record")
    return figure


def _accuracy_by_patient(arm):
    """Series record -> accuracy after 5:00, mean over seeds."""
    seeds = [
        {record: float(accuracy(matrix)) for record, matrix in matrices.items()}
        for matrices in arm.matrices(after_5min=True)
    ]
    return pd.DataFrame(seeds).mean()


def difference_intervals(frame):
    """Differences to the control with their intervals, one row a strategy.

    Parameters
    ----------
    frame : dict of str to Interval
        Strategy -> paired difference of macro-F1.

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(7.5, 0.8 + 0.4 * len(frame)))
    for number, interval in enumerate(frame.values()):
        look = {"fmt": "o", "capsize": 3, "color": ORIGIN_COLORS["reference"]}
        axis.errorbar(interval.value, number, xerr=reach(interval), **look)
    axis.axvline(0, color=NEUTRAL, lw=1)
    axis.set_yticks(range(len(frame)), list(frame))
    axis.invert_yaxis()
    axis.set_xlabel("macro-F1 minus that of `none`, after 5:00")
    return figure
