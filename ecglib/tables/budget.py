"""Tables of the micro network: its choice, and what a handful of labels is worth."""

from dataclasses import fields

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.metrics import accuracy, macro_f1
from ecglib.personalize.budget import AskingSettings
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.micro import MicroConfig
from ecglib.tables import arms, frames, names, scores

_DEFAULTS = {field.name: field.default for field in fields(MicroConfig)} | {
    field.name: field.default for field in fields(BudgetConfig)
}
_UNNAMED = ("records", "seed", "split", "scope", "budget", "query", "update", "asking")
"""Settings that a table's caption or other columns name."""

_SCOPES = {"none": "fp32", "all_int8": "INT8"}

WORST = "worst record, single network"
"""Column: what the unluckiest patient loses, who gets the network of one seed."""

_AS_IN_LITERATURE = {
    "features": "derivative+rr",
    "leads": "MLII",
    "imbalance": "none",
    "augmentation": 0.0,
    "class_cap": 2500,
    "epochs": 14,
}
"""Input and training that published networks share: one lead, nearly all beats, no weights."""


def variant(arm):
    """What distinguishes an arm from the chosen settings, in words.

    Examples
    --------
    >>> variant(arms.Arm({"width": 2.0, "bits": 8}, []))
    'width 2.0'
    """
    changed = {
        name: value
        for name, value in arm.settings.items()
        if name not in _UNNAMED and value != _DEFAULTS[name]
    }
    if changed == _AS_IN_LITERATURE:
        return "input and training as in the literature"
    words = [
        value if name == "features" else names.setting(name, value)
        for name, value in changed.items()
    ]
    return ", ".join(words) or "chosen"


def by_variant(results, **wanted):
    """Arms with some settings in common, by what distinguishes them; the chosen one first."""
    named = {variant(arm): arm for arm in arms.group(results, **wanted)}
    return {name: named[name] for name in sorted(named, key=lambda n: n != "chosen")}


def by_split(results):
    """The chosen network on every split, in fp32 and in integers.

    Returns
    -------
    dict of str to Arm
    """
    return {
        f"{names.word(split)}, {word}": found["chosen"]
        for split in ("ds1_ds2", "ds2_ds1", "lopo")
        for scope, word in _SCOPES.items()
        if "chosen" in (found := by_variant(results, split=split, scope=scope))
    }


def variant_table(named):
    """Arms with scores by class and bytes, mean over seeds.

    Returns
    -------
    DataFrame
        `macro-F1` and `accuracy` with deviation, `F1 N`, `F1 S`, `F1 V`, `without 232` (left
        out where he is not tested), `bytes` of the weights, `seeds`.
    """
    rows = {}
    for name, arm in named.items():
        row = frames.spread("macro-F1", arm.values(macro_f1))
        row |= frames.spread("accuracy", arm.values(accuracy))
        row |= {f"F1 {c}": found["f1"] for c, found in scores.class_scores(arm).items()}
        row["without 232"] = _without_heavy(arm)
        row["bytes"] = arm.results[0].metrics["weight_bytes"]
        rows[name] = row | {"seeds": arm.seeds}
    return frames.of_rows(rows).dropna(axis="columns", how="all")


def _without_heavy(arm, **kind):
    """Macro-F1 of all patients but one, NaN where that one is not tested."""
    if scores.HEAVY_RECORD not in arm.matrices()[0]:
        return np.nan
    return float(np.mean(arm.values(macro_f1, without=scores.HEAVY_RECORD, **kind)))


def by_budget(results, *, query="mixed", update="head", asking="start", **wanted):
    """Arms by their number of labels, none first, "all" last; what they share is `wanted`."""
    found = arms.group(results, update="none", **wanted)
    found += arms.group(results, query=query, update=update, asking=asking, **wanted)
    named = {arm.settings["budget"]: arm for arm in found if _asked_as_chosen(arm)}
    return {k: named[k] for k in sorted(named, key=lambda k: np.inf if k == "all" else k)}


def _asked_as_chosen(arm):
    """Whether the questions of an arm, and its learning from answers, are the chosen ones."""
    asking = {field.name for field in fields(AskingSettings)} - set(_UNNAMED)
    return all(arm.settings[name] == _DEFAULTS[name] for name in asking)


def budget_table(named):
    """Labels, what they bring after 5:00 against none, and what they cost.

    Parameters
    ----------
    named : dict of int or str to Arm
        From `by_budget`; the first is the control.

    Returns
    -------
    DataFrame
        `macro-F1` with deviation over seeds and bounds (`95 %`) over patients; `Δ macro-F1` to
        the control; `accuracy (patients)` of all beats, and `accuracy of patients`, averaged
        over them; `without 232`; `worst record, single network`: the largest loss of accuracy
        of one record with one seed's network, no mean over seeds, and `its record`; `labels`
        asked for; `cost`, seconds of asking and learning a record, and `million
        multiplications`.
    """
    control = next(iter(named.values()))
    return frames.of_rows({name: _budget_row(arm, control) for name, arm in named.items()})


def _budget_row(arm, control):
    pair = arms.paired(arm, control, after_5min=True)
    row = frames.spread("macro-F1", arm.values(macro_f1, after_5min=True))
    row |= frames.bounds("95 %", stats.patient_bootstrap(pair[0], macro_f1))
    row |= {
        "accuracy (patients)": np.mean(arm.values(accuracy, after_5min=True)),
        "accuracy of patients": stats.mean_over_patients(pair[0], accuracy),
        "without 232": _without_heavy(arm, after_5min=True),
        "labels": mean_over(arm, labels_a_record),
    }
    if arm is control:
        return row
    change = scores.patient_change(arm, control).min()  # over seeds: a patient gets one network
    macs = mean_over(arm, lambda r: np.mean(list(r.metrics["online_macs"].values())))
    row |= scores.difference("Δ macro-F1", pair, macro_f1)
    return row | {
        WORST: change.min(),
        "its record": change.idxmin(),
        "cost": mean_over(arm, seconds_a_patient),
        "million multiplications": macs / 1e6,
    }


def mean_over(arm, number):
    """Mean over the results of an arm of a number that a function takes from each."""
    return float(np.mean([number(result) for result in arm.results]))


def labels_a_record(result):
    """Labels that were asked for, mean over the records of a result."""
    return float(np.mean([sum(counts) for counts in result.metrics["asked"].values()]))


def seconds_a_patient(result):
    """Seconds of asking and learning, mean over the records of a result."""
    spent = result.runtime_s.get("ask", 0) + result.runtime_s.get("update", 0)
    return spent / len(result.per_record)


def choice_table(results):
    """Queries and updates that were tried inside DS1: macro-F1 after 5:00 by labels.

    Returns
    -------
    DataFrame
        `K = 0`, `K = 5`, `K = 20`, with deviation over seeds.
    """
    rows = {}
    for arm in arms.group(results, split="ds1_cv", scope="all_int8"):
        values, column = arm.values(macro_f1, after_5min=True), f"K = {arm.settings['budget']}"
        rows.setdefault(_asked(arm), {}).update(frames.spread(column, values))
    columns = [f"K = {k}{part}" for k in (0, 5, 20) for part in ("", " std")]
    return frames.of_rows(rows).reindex(columns=columns)


def _asked(arm):
    """How an arm asks and learns, in words."""
    settings = arm.settings
    if settings["budget"] == 0:
        return "no label"
    words = [f"{names.word(settings['query'])} query", names.word(settings["update"])]
    words += ["stream"] * (settings["asking"] == "stream")
    return ", ".join(words + [variant(arm)] * (variant(arm) != "chosen"))


def calibration(results):
    """Counts of confidence of several seeds, added.

    Returns
    -------
    tuple of (ndarray (n_steps, 3, 3), ndarray (n_steps,))
        Confusions and sums of the largest probability, by step of that probability.
    """
    found = [r.metrics["confidence"] for r in results]
    confusion, total = (sum(np.array(f[key]) for f in found) for key in ("confusion", "total"))
    return confusion.reshape(-1, len(CLASSES), len(CLASSES)), total


def calibration_bins(confusion, total):
    """Beats, right answers and summed confidence of `calibration` in ten steps, each (10,)."""
    merged = confusion.reshape(10, -1, *confusion.shape[1:]).sum(axis=1)
    right = np.trace(merged, axis1=1, axis2=2)
    return merged.sum(axis=(1, 2)), right, total.reshape(10, -1).sum(axis=1)


def calibration_error(confusion, total):
    """Mean distance of confidence and accuracy over ten steps (Guo et al. 2017)."""
    count, right, sure = calibration_bins(confusion, total)
    return float(np.abs(sure - right).sum() / count.sum())


def coverage_scores(confusion):
    """Scores of the surest beats, for every share of beats that is answered.

    Returns
    -------
    DataFrame
        Columns `coverage`, `accuracy`, `macro_f1`, from all beats to the surest step.
    """
    kept = confusion[::-1].cumsum(axis=0)[::-1]
    kept = kept[kept.sum(axis=(1, 2)) > 0]
    return pd.DataFrame(
        {
            "coverage": kept.sum(axis=(1, 2)) / confusion.sum(),
            "accuracy": accuracy(kept),
            "macro_f1": macro_f1(kept),
        }
    )


def robustness_table(results):
    """Perturbations by severity, fp32 and INT8: macro-F1 and accuracy over all beats.

    Returns
    -------
    DataFrame
        `macro-F1, fp32`, `V F1, fp32`, `S F1, fp32` and those in INT8, means over seeds; F1
        counts missed beats and false detections. Index: perturbation and level.
    """
    rows = {}
    for arm in arms.group(results, split="ds1_ds2"):
        settings = arm.settings
        row = rows.setdefault((settings["perturbation"], settings["level"]), {})
        word = _SCOPES[settings["scope"]]
        row[f"macro-F1, {word}"] = float(np.mean(arm.values(macro_f1)))
        _, s_f1, v_f1 = scores.detected_f1(arm.results).mean(axis=0)
        row |= {f"V F1, {word}": v_f1, f"S F1, {word}": s_f1}
    return frames.of_rows(rows).sort_index()
