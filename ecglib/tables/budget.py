"""Tables of the micro network: its choice, and what a handful of labels is worth.

A LookupError says that runs are missing.
"""

from dataclasses import fields

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import parts_of
from ecglib.metrics import accuracy, macro_f1
from ecglib.personalize.budget import CHOSEN, AskingSettings
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.micro import MicroConfig
from ecglib.tables import arms, frames, names, scores

_DEFAULTS = {field.name: field.default for field in fields(MicroConfig)} | {
    field.name: field.default for field in fields(BudgetConfig)
}
_UNNAMED = ("records", "seed", "split", "scope", "budget", "query", "update", "asking")
"""Settings that a table's caption or other columns name."""

AN_HOUR = 20
"""Most labels an hour of the networks of both databases that ask in doubt."""

SCOPES = {"none": "fp32", "all_int8": "INT8"}

WORST = "worst record, points"
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
    '2 times the width'
    """
    changed = {
        name: value
        for name, value in arm.settings.items()
        if name not in _UNNAMED and value != _DEFAULTS[name]
    }
    if changed == _AS_IN_LITERATURE:
        return "input and training as in the literature"
    words = [_changed(name, value) for name, value in changed.items()]
    return ", ".join(words) or "chosen"


_INPUTS = {
    "raw": "samples",
    "causal": "two causal RR ratios",
    "rr": "RR ratios",
    "rhythm": "rhythm",
}
"""Part of the input -> what a page calls it, where that is another word."""


def _changed(name, value):
    """A setting that differs from the chosen one, in words."""
    if name == "features":
        return " + ".join(_INPUTS.get(part, part) for part in parts_of(value))
    if name == "width":
        return f"{value:g} times the width"
    if name == "bits":
        return f"weights of {value} bits"
    if name == "allocation":
        return "bits placed by an integer program"
    if name == "augmentation" and value == 0:
        return "beats not varied at random"
    return {"leads": "one lead"}.get(name, names.setting(name, value))


def by_variant(results, **wanted):
    """Arms with some settings in common, by what distinguishes them; the chosen one first."""
    named = {variant(arm): arm for arm in arms.group(results, **wanted)}
    return {name: named[name] for name in sorted(named, key=lambda n: n != "chosen")}


def by_split(results):
    """Name -> `Arm` of the chosen network on every split, in fp32 and in integers."""
    return {
        f"{names.word(split)}, {word}": found["chosen"]
        for split in ("ds1_ds2", "ds2_ds1", "lopo")
        for scope, word in SCOPES.items()
        if "chosen" in (found := by_variant(results, split=split, scope=scope))
    }


def variant_table(named):
    """Arms with scores by class and bytes, mean over seeds.

    Returns
    -------
    DataFrame
        `macro-F1` and `accuracy` with deviation, `F1 N`, `F1 S`, `F1 V`, `without 232` (left
        out where it is not tested), `bytes` of the weights, `seeds`.
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


def by_budget(results, *, query=None, update="head", asking="start", how=None, **wanted):
    """Arms by their number of labels, none first, "all" last; what they share is `wanted`.

    `query` is by default the chosen one. `how` are settings of asking that differ from the
    chosen ones, which are `ecglib.personalize.budget.CHOSEN` on both databases, and on MIT-BIH
    alone the earlier ones, the defaults.
    """
    if query is None:
        query = CHOSEN["query"] if wanted.get("dataset") == "both" else "mixed"
    found = arms.group(results, update="none", **wanted)
    found += arms.group(results, query=query, update=update, asking=asking, **wanted)
    named = {arm.settings["budget"]: arm for arm in found if _asked_as_chosen(arm, how or {})}
    return {k: named[k] for k in sorted(named, key=lambda k: np.inf if k == "all" else k)}


def _asked_as_chosen(arm, how):
    """Whether the questions of an arm, and its learning from answers, are the chosen ones.

    Without labels nothing is asked, so such an arm is always one of them.
    """
    if arm.settings["budget"] == 0:
        return True
    asking = {field.name for field in fields(AskingSettings)} - set(_UNNAMED)
    chosen = _DEFAULTS | (CHOSEN if arm.settings["dataset"] == "both" else {}) | how
    return all(arm.settings[name] == chosen[name] for name in asking)


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
        over them; `without 232`, and `Δ without 232`; `worst record, points`, see
        `worst_change`, and `its record`; `labels` asked for; `cost`, seconds of asking and
        learning a record, and `million multiplications`.
    """
    if not named:
        raise LookupError("no arm has runs")
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
    record, change = worst_change(arm, control)
    macs = mean_over(arm, lambda r: np.mean(list(r.metrics["online_macs"].values())))
    row |= scores.difference("Δ macro-F1", pair, macro_f1)
    if scores.HEAVY_RECORD in pair[0][0] and len(pair[0][0]) > 2:  # some have an interval left
        others = arms.paired(arm, control, after_5min=True, without=scores.HEAVY_RECORD)
        row |= scores.difference("Δ without 232", others, macro_f1)
    return row | {
        WORST: 100 * change,
        "its record": record,
        "cost": mean_over(arm, seconds_a_patient),
        "million multiplications": macs / 1e6,
    }


def worst_change(arm, control):
    """What the unluckiest patient loses: a patient gets the network of one seed, not a mean.

    Record (str), and its change of accuracy after 5:00 with the worst single network.
    """
    change = scores.patient_change(arm, control).min()
    return change.idxmin(), float(change.min())


def taught_nothing(arm):
    """Share of the answers that are F or Q, classes that the network does not have."""
    counts = np.sum([list(r.metrics["asked"].values()) for r in arm.results], axis=(0, 1))
    return float(counts[len(CLASSES) :].sum() / counts.sum())


def confusion(arm):
    """Confusion matrix (3, 3) after 5:00, all records and seeds added up."""
    return np.sum([stats.pool(matrices) for matrices in arm.matrices(after_5min=True)], axis=0)


TARGETS = (
    ("DS1 → DS2, no label: macro-F1", "standard", 0.92),
    ("DS1 → DS2, no label: S sensitivity", "S sensitivity", 0.80),
    ("DS1 → DS2, no label: S precision", "S ppv", 0.80),
    ("DS1 → DS2, no label: V sensitivity", "V sensitivity", 0.95),
    ("DS1 → DS2, no label: V precision", "V ppv", 0.95),
    ("left out, no label: macro-F1", 0, 0.80),
    ("left out, five labels: macro-F1", 5, 0.90),
    ("left out, twenty labels: macro-F1", 20, 0.92),
)
"""What we wanted before any run: name, key of the score, value."""


def targets_table(chosen, labelled):
    """What was wanted before the runs, and what was reached.

    Parameters
    ----------
    chosen : Arm
        DS1 → DS2 without labels, scored on all beats.
    labelled : dict of int or str to Arm
        Every patient left out once, labels of the first five minutes, scored after 5:00.

    Returns
    -------
    DataFrame
        See `ecglib.tables.frames.goals`.
    """
    by_class = scores.class_scores(chosen)
    reached = {f"{c} {name}": value for c, s in by_class.items() for name, value in s.items()}
    reached |= {k: arm.mean(macro_f1, after_5min=True) for k, arm in labelled.items()}
    reached["standard"] = chosen.mean(macro_f1)
    return frames.goals({name: (wanted, reached[key]) for name, key, wanted in TARGETS})


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


def surest(confusion, share):
    """Accuracy of the surest beats, when about a share of all is answered."""
    curve = coverage_scores(confusion)
    return float(curve["accuracy"].iloc[(curve["coverage"] - share).abs().argmin()])


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
