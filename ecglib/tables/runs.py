"""Tables about the runs themselves: time, trials, one folder of results beside another.

`named` maps the name of a row to an arm; `results` are runs of one study, and a LookupError
says that there are none.
"""

import textwrap

import numpy as np
import pandas as pd

from ecglib.metrics import accuracy, macro_f1
from ecglib.tables import frames, names
from ecglib.tables.arms import by_name, data_name


def runtime_table(named):
    """Seconds per stage, mean over seeds; NaN where an arm has no such stage."""
    stages = {n: pd.DataFrame([r.runtime_s for r in arm.results]) for n, arm in named.items()}
    return frames.of_rows({name: table.fillna(0).mean() for name, table in stages.items()})


def selection_table(results):
    """Study "selection", inside DS1: what each epoch was worth, on all validation beats.

    Folds of a cross-validation are pooled epoch by epoch before macro-F1 is taken.

    Returns
    -------
    DataFrame
        `best epoch`, `macro-F1` and `accuracy` there, and `macro-F1 by epoch #1`, …. Index:
        arm, records that it was validated on, seed.
    """
    pools = {}
    for result in (r for r in results if r.metrics["validation_confusion"]):
        config = result.config
        where = "4 folds" if "fold" in config["split"] else names.word(config["split"])
        pools.setdefault((_trial(config), where, config["seed"]), []).append(result)
    rows = {}
    for key, found in pools.items():
        confusions = _sum_by_epoch([r.metrics["validation_confusion"] for r in found])
        curve = macro_f1(confusions)
        best = int(curve.argmax())
        rows[key] = {
            "best epoch": best + 1,
            "macro-F1": curve[best],
            "accuracy": accuracy(confusions)[best],
            **frames.series("macro-F1 by epoch", curve),
        }
    return frames.of_rows(rows, ["arm", "validated on", "seed"], missing="no trial")


USUAL = {
    "imbalance": "none",
    "learning_rate": 3e-4,
    "normalization": "zscore",
    "lead": "usual",
    "before": 150,
    "after": 150,
}
"""Settings from which the trials of study "selection" depart one at a time."""


def _trial(config):
    """What was tried, in words: what is trained on which input, with which class weights."""
    if config["pipeline"] == "ssl":
        parts = ["puzzle", names.setting("finetune", config["finetune"])]
    else:
        parts = ["baseline", names.setting("features", config["features"])]
    parts += ["BatchNorm"] * (config["norm"] == "batch")
    parts += [
        names.setting(key, config[key])
        for key in ("normalization", "learning_rate", "lead")
        if config[key] != USUAL[key]
    ]
    if (window := (config["before"], config["after"])) != (150, 150):
        parts.append("window of {} + {} samples".format(*window))
    return ", ".join([*parts, names.setting("imbalance", config["imbalance"])])


def _sum_by_epoch(folds):
    """Confusion matrices (n_epochs, 3, 3), summed over folds as far as all of them go."""
    n_epochs = min(map(len, folds))
    return sum(np.array(fold[:n_epochs]) for fold in folds)


def side_by_side(mine, reference):
    """Two lists of results of one study: arms of which both sides have runs.

    Runs of the same settings, seed and data are compared; `unlike` has the others.

    Returns
    -------
    DataFrame
        `seeds` on both sides, `accuracy mine`, `macro-F1 mine`, `accuracy reference`,
        `macro-F1 reference`, means over these seeds with deviations; `Δ macro-F1` of the means.
    """
    theirs = {_identity(result): result for result in reference}
    alike = [result for result in mine if _identity(result) in theirs]
    rows = {}
    for name, arm in by_name(alike).items():
        row = rows[name] = {"seeds": ", ".join(str(r.config.get("seed")) for r in arm.results)}
        found = [theirs[_identity(result)] for result in arm.results]
        for label, side in (("mine", arm.results), ("reference", found)):
            for metric, column in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
                values = [result.metrics.get(metric, np.nan) for result in side]
                row |= frames.spread(f"{column} {label}", values)
        row["Δ macro-F1"] = row["macro-F1 mine"] - row["macro-F1 reference"]
    return frames.of_rows(rows)


def unlike(mine, reference):
    """Arms of `mine` without such a run in `reference`: in what the most similar one differs.

    Returns
    -------
    DataFrame
        `mine` and `reference`, the two values in words. Index: arm, setting.
    """
    theirs = {_identity(result): _facts(result) for result in reference}
    rows = {}
    for name, arm in by_name([r for r in mine if _identity(r) not in theirs]).items():
        for own in map(_facts, arm.results):
            apart = [_differences(own, other) for other in theirs.values()]
            for setting, values in min(apart, key=len).items():
                rows.setdefault((name, setting), {"mine": values[0], "reference": values[1]})
    return frames.of_rows(rows, ["arm", "setting"]) if rows else pd.DataFrame()


def _facts(result):
    """All settings of a run, its data among them."""
    sha256 = result.data["sha256"][:12]
    return result.config | {"data": data_name(result), "data sha256": sha256}


def _identity(result):
    return str(sorted(_facts(result).items()))


def _differences(own, other):
    """Setting -> both values in words, where two runs differ."""
    found = {}
    for name in [*own, *(name for name in other if name not in own)]:
        values = own.get(name, "none"), other.get(name, "none")
        if values[0] != values[1]:
            said = [str(names.setting(name, value)) for value in values]
            found[name] = (
                said if said[0] != said[1] else list(map(_short, values, values[::-1]))
            )
    return found


def _short(value, other):
    """A value, or what a long list has and another one has not."""
    if isinstance(value, list) and len(value) > 8:
        value = [item for item in value if item not in other] or value
    return textwrap.shorten(str(value), 60)


def study_times(studies):
    """Computing time of studies, from the stages that their results list.

    Parameters
    ----------
    studies : dict of str to list of RunResult
        Name -> results.

    Returns
    -------
    DataFrame
        `runs` and `minutes`, the longest study first; a stage that runs share, such as
        pretraining, counts once for each. Results that pool folds took no time of their own.
        Studies without results are left out.
    """
    rows = {}
    for name, results in studies.items():
        found = [r for r in results if r.config.get("fold") != "all"]
        seconds = sum(sum(r.runtime_s.values()) for r in found)
        if found:
            rows[name] = {"runs": len(found), "minutes": seconds / 60}
    rows = dict(sorted(rows.items(), key=lambda row: -row[1]["minutes"]))
    return frames.of_rows(rows)


def coverage(plan, studies):
    """How many of the runs that a params file lists have a result.

    Parameters
    ----------
    plan : Plan
        Of the params file.
    studies : dict of str to list of RunResult
        Name -> results.

    Returns
    -------
    DataFrame
        `listed` and `have a result`, a row a study with at least one listed run.
    """
    rows = {}
    for name in plan.params:
        listed = [] if name == "common" else [c.to_dict() for c in plan.configs(name)]
        done = [result.config for result in studies.get(name, [])]
        if listed:
            found = sum(config in done for config in listed)
            rows[name] = {"listed": len(listed), "have a result": found}
    return frames.of_rows(rows)
