"""Tables about the runs themselves: time, trials, one folder of results beside another."""

import numpy as np
import pandas as pd

from ecglib.metrics import accuracy, macro_f1
from ecglib.tables.arms import arm_name, by_name
from ecglib.tables.scores import spread


def runtime_table(named):
    """Seconds per stage, mean over seeds.

    Returns
    -------
    DataFrame
    """
    rows = {}
    for name, arm in named.items():
        stages = list(dict.fromkeys(s for r in arm.results for s in r.runtime_s))
        rows[name] = {
            stage: f"{np.mean([r.runtime_s.get(stage, 0) for r in arm.results]):.1f}"
            for stage in stages
        }
    return pd.DataFrame(rows).T.fillna("–")


def selection_table(results):
    """Trials inside DS1: what each epoch was worth, on all validation beats of an arm.

    Folds of a cross-validation are pooled epoch by epoch before macro-F1 is taken.

    Parameters
    ----------
    results : list of RunResult
        Of study "selection".

    Returns
    -------
    DataFrame
        Best epoch, macro-F1 and accuracy there, and the whole curve.
    """
    pools = {}
    for result in results:
        where = "4 folds" if "fold" in result.config["split"] else "118, 124, 207, 223"
        name = arm_name(result).rsplit("-", 1)[0]
        pools.setdefault((name, where, result.config["seed"]), []).append(result)
    rows = {}
    for (name, where, seed), found in pools.items():
        confusions = sum_by_epoch([r.metrics["validation_confusion"] for r in found])
        curve = macro_f1(confusions)
        best = int(curve.argmax())
        rows[name, where, seed] = {
            "best epoch": f"{best + 1}",
            "macro-F1": f"{curve[best]:.3f}",
            "accuracy": f"{accuracy(confusions)[best]:.3f}",
            "macro-F1 by epoch": " ".join(f"{value:.2f}" for value in curve),
        }
    frame = pd.DataFrame(rows).T
    return frame.rename_axis(["arm", "validated on", "seed"])


def sum_by_epoch(folds):
    """Confusion matrices by epoch, summed over folds as far as all of them go.

    Parameters
    ----------
    folds : list of list of (3, 3)
        One list a fold, one matrix an epoch.

    Returns
    -------
    ndarray, shape (n_epochs, 3, 3)
    """
    n_epochs = min(map(len, folds))
    return sum(np.array(fold[:n_epochs]) for fold in folds)


def side_by_side(mine, reference):
    """Two sets of results, arm by arm.

    Parameters
    ----------
    mine, reference : list of RunResult
        Of one study.

    Returns
    -------
    DataFrame
        Accuracy and macro-F1 (mean ± std over seeds) on either side, "–" where one side
        has no such arm, and the difference of the means of macro-F1.
    """
    sides = [by_name(mine), by_name(reference)]
    rows = {}
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        row = {}
        for label, side in zip(("mine", "reference"), sides, strict=True):
            for metric in ("accuracy", "macro_f1"):
                values = [r.metrics[metric] for r in side.get(name, []) if metric in r.metrics]
                row[f"{metric} {label}"] = spread(values) if values else "–"
        if all("–" not in row[f"macro_f1 {label}"] for label in ("mine", "reference")):
            means = [np.mean([r.metrics["macro_f1"] for r in side[name]]) for side in sides]
            row["Δ macro_f1"] = f"{means[0] - means[1]:+.3f}"
        rows[name] = row
    return pd.DataFrame(rows).T.fillna("")


def long(origins, key, metric):
    """One row a run, for figures: its origin, a setting, a metric.

    Parameters
    ----------
    origins : dict of str to list of RunResult
        "reference", "this run" -> results.
    key : str
        Setting to tell groups apart.
    metric : str
        Name in `RunResult.metrics`.

    Returns
    -------
    DataFrame
        Columns "origin", `key`, `metric`.
    """
    rows = [
        {"origin": origin, key: result.config[key], metric: result.metrics[metric]}
        for origin, found in origins.items()
        for result in found
    ]
    return pd.DataFrame(rows)


def study_times(studies):
    """Computing time of studies, from the stages that their results list.

    Parameters
    ----------
    studies : dict of str to list of RunResult
        Name of a study -> its results.

    Returns
    -------
    DataFrame
        Runs and minutes; a stage that runs share, such as pretraining, counts once for each.
        Results that pool folds took no time of their own.
    """
    studies = {
        name: [r for r in found if r.config.get("fold") != "all"]
        for name, found in studies.items()
    }
    rows = {
        name: {
            "runs": str(len(found)),
            "minutes": f"{sum(sum(r.runtime_s.values()) for r in found) / 60:.0f}",
        }
        for name, found in studies.items()
    }
    return pd.DataFrame(rows).T
