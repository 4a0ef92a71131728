"""Figures of the micro network: what it sees, what labels bring, what noise takes."""

import matplotlib.pyplot as plt
import numpy as np

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import BEFORE, FS
from ecglib.metrics import accuracy, macro_f1
from ecglib.plots.style import CLASS_COLORS, NEUTRAL
from ecglib.tables import budget

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

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True)
    time = (np.arange(inputs.x.shape[2]) - BEFORE) / FS * 1000
    label, x = inputs.y.numpy()[skipped:], inputs.x.numpy()[skipped:]
    for channel, (axis, title) in enumerate(
        zip(axes, ("the beat's derivative", "less the patient's template"), strict=True)
    ):
        for index, name in enumerate(CLASSES):
            rows = x[label == index, channel]
            if len(rows):
                low, middle, high = np.quantile(rows, [0.1, 0.5, 0.9], axis=0)
                axis.plot(
                    time, middle, color=CLASS_COLORS[name], label=f"{name} ({len(rows):,})"
                )
                axis.fill_between(time, low, high, color=CLASS_COLORS[name], alpha=0.2, lw=0)
        axis.set(title=title, xlabel="time from R, ms")
    axes[0].set_ylabel("running amplitudes")
    axes[0].legend()
    return figure


def budget_curves(named):
    """Macro-F1 after 5:00 against the labels really asked for, with 95 % bands over patients.

    Parameters
    ----------
    named : dict of str to (dict of int or str to Arm)
        Name of a curve -> arms by budget, see `ecglib.tables.budget.by_budget`.

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(8, 4.2))
    for (name, curve), color in zip(named.items(), ARM_COLORS, strict=False):
        place = [
            np.mean([budget.labels_a_record(result) for result in arm.results])
            for arm in curve.values()
        ]
        found = [
            stats.patient_bootstrap(arm.matrices(after_5min=True), macro_f1)
            for arm in curve.values()
        ]
        axis.plot(place, [i.value for i in found], "o-", color=color, label=name)
        low, high = [i.low for i in found], [i.high for i in found]
        axis.fill_between(place, low, high, color=color, alpha=0.08, lw=0)
    axis.set_xscale("symlog", linthresh=1)
    ticks = [0, 1, 2, 5, 10, 20, 50, 400]
    axis.set_xticks(ticks, ticks)
    axis.set(
        xlabel="labels that were asked for, mean of the records", ylabel="macro-F1 after 5:00"
    )
    axis.legend(loc="lower right")
    return figure


def patients(arm, control, names):
    """Accuracy of every record without and with labels.

    Parameters
    ----------
    arm, control : Arm
        With and without labels, same records.
    names : tuple of (str, str)
        Of the control and of the arm.

    Returns
    -------
    Figure
    """
    before, after = (_by_record(a) for a in (control, arm))
    order = sorted(before, key=before.get)
    figure, axis = plt.subplots(figsize=(9, 3.8))
    place = np.arange(len(order))
    old, new = (np.array([values[r] for r in order]) for values in (before, after))
    axis.vlines(place, old, new, color=np.where(new < old, "#CC3311", "#009E73"), lw=2)
    axis.plot(place, old, "o", color=NEUTRAL, ms=5, label=names[0])
    axis.plot(place, new, "o", color="#0072B2", ms=5, label=names[1])
    axis.set_xticks(place, order, rotation=90, fontsize=8)
    axis.grid(visible=False, axis="x")
    axis.set(xlabel="record", ylabel="accuracy after 5:00")
    axis.legend(loc="lower right")
    return figure


def _by_record(arm):
    """Accuracy after 5:00 of every record, mean over seeds."""
    matrices = arm.matrices(after_5min=True)
    kept = [r for r in matrices[0] if matrices[0][r].sum()]
    return {r: float(np.mean([accuracy(m[r]) for m in matrices])) for r in kept}


def confidence(named):
    """Reliability, and accuracy and macro-F1 against the share of beats that are answered.

    Parameters
    ----------
    named : dict of str to list of RunResult
        Name -> results of one arm.

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6))
    axes[0].plot([0.3, 1], [0.3, 1], color=NEUTRAL, ls=":")
    for (name, results), color in zip(named.items(), ARM_COLORS, strict=False):
        confusion, total = budget.calibration(results)
        error = budget.calibration_error(confusion, total)
        merged = confusion.reshape(10, 10, 3, 3).sum(axis=1)
        count = merged.sum(axis=(1, 2))
        kept = count > 50  # fewer beats say nothing
        right = np.trace(merged, axis1=1, axis2=2)[kept] / count[kept]
        sure = total.reshape(10, 10).sum(axis=1)[kept] / count[kept]
        axes[0].plot(sure, right, "o-", color=color, label=f"{name}, ECE {error:.3f}")
        curve = budget.coverage_scores(confusion)
        axes[1].plot(curve["coverage"], curve["accuracy"], color=color)
        axes[2].plot(curve["coverage"], curve["macro_f1"], color=color)
    axes[0].set(xlabel="confidence", ylabel="accuracy", title="reliability")
    axes[0].legend(fontsize=8)
    axes[1].set(xlabel="share of beats answered", ylabel="accuracy", title="reject the unsure")
    axes[2].set(xlabel="share of beats answered", ylabel="macro-F1", title="reject the unsure")
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

    Parameters
    ----------
    table : DataFrame
        From `ecglib.tables.budget.robustness_table`.

    Returns
    -------
    Figure
    """
    shown = [kind for kind in LEVELS if kind in table.index.get_level_values(0)]
    figure, axes = plt.subplots(
        1, max(1, len(shown)), figsize=(11, 3.4), sharey=True, squeeze=False
    )
    for kind, axis in zip(shown, axes[0], strict=False):
        rows = table.loc[kind]
        for word, color in SCOPE_COLORS.items():
            for label, style in (("V", "-"), ("S", "--")):
                values = rows.get(f"{label} F1, {word}")
                if values is not None:
                    look = {"color": color, "ms": 4, "label": f"{label}, {word}"}
                    axis.plot(rows.index, values, "o" + style, **look)
        if kind in ("wander", "muscle", "electrode"):
            axis.invert_xaxis()  # worse to the right
        axis.set_xlabel(LEVELS[kind])
    axes[0][0].set_ylabel("F1")
    axes[0][0].legend(fontsize=8)
    return figure
