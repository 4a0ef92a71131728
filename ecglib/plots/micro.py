"""Figures of the micro network: what it sees, what labels bring, what noise takes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import BEFORE, FS
from ecglib.metrics import macro_f1
from ecglib.plots.style import CLASS_COLORS, NEUTRAL
from ecglib.tables import budget, scores

SCOPE_COLORS = {"fp32": "#0072B2", "INT8": "#D55E00"}
ARM_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


def what_it_sees(inputs, skipped):
    """A record's beats by class, as both channels of the network hold them.

    Parameters
    ----------
    inputs : Inputs
        All beats of one record, with template.
    skipped : int
        First beats that are not shown: the template has hardly formed.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
    time = (np.arange(inputs.x.shape[2]) - BEFORE) / FS * 1000
    label, x = inputs.y.numpy()[skipped:], inputs.x.numpy()[skipped:]
    titles = ("the beat's derivative", "less the patient's template")
    for channel, axis in enumerate(axes):
        for index, name in enumerate(CLASSES):
            rows, color = x[label == index, channel], CLASS_COLORS[name]
            if len(rows):
                low, middle, high = np.quantile(rows, [0.1, 0.5, 0.9], axis=0)
                axis.plot(time, middle, color=color, label=f"{name} ({len(rows):,})")
                axis.fill_between(time, low, high, color=color, alpha=0.2, lw=0)
        axis.set(title=titles[channel], xlabel="time from R, ms")
    axes[0].set_ylabel("running amplitudes")
    axes[0].legend()
    return figure


def budget_curves(named):
    """Macro-F1 after 5:00 against the labels really asked for, with 95 % bands over patients.

    Parameters
    ----------
    named : dict of str to (dict of int or str to Arm)
        Name of a curve -> arms by budget, see `ecglib.tables.budget.by_budget`.
    """
    figure, axis = plt.subplots(figsize=(8, 4.2))
    for (name, curve), color in zip(named.items(), ARM_COLORS, strict=False):
        place = [budget.mean_over(arm, budget.labels_a_record) for arm in curve.values()]
        matrices = [arm.matrices(after_5min=True) for arm in curve.values()]
        found = pd.DataFrame([stats.patient_bootstrap(m, macro_f1) for m in matrices])
        axis.plot(place, found["value"], "o-", color=color, label=name)
        axis.fill_between(place, found["low"], found["high"], color=color, alpha=0.08, lw=0)
    axis.set_xscale("symlog", linthresh=1)
    ticks = [0, 1, 2, 5, 10, 20, 50, 400]
    axis.set_xticks(ticks, ticks)
    axis.set_xlabel("labels that were asked for, mean of the records")
    axis.set_ylabel("macro-F1 after 5:00")
    axis.legend(loc="lower right")
    return figure


def patients(arm, control, names):
    """Accuracy of every record with and without labels; `names` are of control and arm."""
    before, after = (scores.accuracy_by_record(a).mean() for a in (control, arm))
    old = before.sort_values()
    new, place = after[old.index], np.arange(len(old))
    figure, axis = plt.subplots(figsize=(9, 3.8))
    axis.vlines(place, old, new, color=np.where(new < old, "#CC3311", "#009E73"), lw=2)
    axis.plot(place, old, "o", color=NEUTRAL, ms=5, label=names[0])
    axis.plot(place, new, "o", color="#0072B2", ms=5, label=names[1])
    axis.set_xticks(place, old.index, rotation=90, fontsize=8)
    axis.grid(visible=False, axis="x")
    axis.set(xlabel="record", ylabel="accuracy after 5:00")
    axis.legend(loc="lower right")
    return figure


def confidence(named):
    """Reliability, and accuracy and macro-F1 against the share of beats that are answered.

    `named` holds the results of one arm by its name.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    axes[0].plot([0.3, 1], [0.3, 1], color=NEUTRAL, ls=":")
    for (name, results), color in zip(named.items(), ARM_COLORS, strict=False):
        confusion, total = budget.calibration(results)
        error = budget.calibration_error(confusion, total)
        count, right, sure = budget.calibration_bins(confusion, total)
        kept = count > 50  # fewer beats say nothing
        right, sure = right[kept] / count[kept], sure[kept] / count[kept]
        axes[0].plot(sure, right, "o-", color=color, label=f"{name}, ECE {error:.3f}")
        curve = budget.coverage_scores(confusion)
        axes[1].plot(curve["coverage"], curve["accuracy"], color=color)
        axes[2].plot(curve["coverage"], curve["macro_f1"], color=color)
    axes[0].set(xlabel="confidence", ylabel="accuracy", title="reliability")
    axes[0].legend(fontsize=8)
    for axis, score in zip(axes[1:], ("accuracy", "macro-F1"), strict=True):
        axis.set(xlabel="share of beats answered", ylabel=score, title="reject the unsure")
    return figure


LEVELS = {
    "jitter": "R-peak jitter, ± ms",
    "wander": "baseline wander, dB",
    "muscle": "muscle noise, dB",
    "electrode": "electrode motion, dB",
    "resampled": "sampling rate, Hz",
}


def robustness(table):
    """F1 of V and S against the severity of each perturbation, fp32 and INT8.

    `table` is that of `ecglib.tables.budget.robustness_table`.
    """
    shown = [kind for kind in LEVELS if kind in table.index.get_level_values(0)]
    figure, axes = plt.subplots(1, max(1, len(shown)), figsize=(11, 3.4), sharey=True)
    axes = np.atleast_1d(axes)
    for kind, axis in zip(shown, axes, strict=False):
        rows = table.loc[kind]
        for word, color in SCOPE_COLORS.items():
            for label, style in (("V", "o-"), ("S", "o--")):
                if (column := f"{label} F1, {word}") in rows:
                    name = f"{label}, {word}"
                    axis.plot(rows.index, rows[column], style, color=color, ms=4, label=name)
        if kind in ("wander", "muscle", "electrode"):
            axis.invert_xaxis()  # worse to the right
        axis.set_xlabel(LEVELS[kind])
    axes[0].set_ylabel("F1")
    axes[0].legend(fontsize=8)
    return figure
