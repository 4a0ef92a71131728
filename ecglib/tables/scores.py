"""Tables of scores: arms with spread and interval, and their differences.

`named` maps the name of a row to an `ecglib.tables.arms.Arm`; with `after_5min` only beats
after a record's first five minutes count. A LookupError says that runs are missing.
"""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.data.sets import patient_of
from ecglib.metrics import Detection, accuracy, from_confusion, macro_f1
from ecglib.tables import arms, frames

HEAVY_RECORD = "232"
"""Holds 1,382 of DS2's 1,837 S beats; every headline is also given without it."""

ALWAYS_N = "always N"
"""Name of the row of the trivial answer."""


def always_n(per_record):
    """`Metrics` of answering N to every beat that some confusion matrices by record count."""
    pooled = stats.pool(per_record)
    trivial = np.zeros_like(pooled)
    trivial[:, 0] = pooled.sum(axis=1)
    return from_confusion(trivial)


def always_n_table(sides):
    """What answering N to every beat is worth on some test sides.

    Parameters
    ----------
    sides : dict of str to dict
        Name of a row -> confusion matrices by record, of which only the beats count.

    Returns
    -------
    DataFrame
        `patients`; `accuracy` and `macro-F1` with their 95 % intervals over patients.
    """
    rows = {}
    for name, matrices in sides.items():
        trivial = {r: m.sum(axis=1, keepdims=True) * [1, 0, 0] for r, m in matrices.items()}
        rows[name] = {
            "patients": len({patient_of(record) for record in matrices}),
            **frames.with_bounds("accuracy", stats.patient_bootstrap(trivial, accuracy)),
            **frames.with_bounds("macro-F1", stats.patient_bootstrap(trivial, macro_f1)),
        }
    return frames.of_rows(rows)


def score_table(named, *, after_5min=False):
    """Arms under each other, the trivial answer first.

    Returns
    -------
    DataFrame
        `accuracy` and `macro-F1`, means over seeds with deviation; `95 %`, the bounds of
        macro-F1 over patients; `without 232`, macro-F1 of the others, if it is tested;
        `patient mean`, accuracy averaged over patients; `seeds`.
    """
    if not named:
        raise LookupError("no runs")
    trivial = always_n(next(iter(named.values())).matrices(after_5min=after_5min)[0])
    rows = {ALWAYS_N: {"accuracy": trivial.accuracy, "macro-F1": trivial.macro_f1}}
    rows |= {name: _scores(arm, after_5min) for name, arm in named.items()}
    return frames.of_rows(rows)


def _scores(arm, after_5min):
    matrices = arm.matrices(after_5min=after_5min)
    row = frames.spread("accuracy", arm.values(accuracy, after_5min=after_5min))
    row |= frames.spread("macro-F1", arm.values(macro_f1, after_5min=after_5min))
    if len(matrices[0]) > 1:  # one patient has no interval
        row |= frames.bounds("95 %", stats.patient_bootstrap(matrices, macro_f1))
    if HEAVY_RECORD in matrices[0]:
        others = arm.values(macro_f1, without=HEAVY_RECORD, after_5min=after_5min)
        row |= frames.spread("without 232", others)
    row["patient mean"] = stats.mean_over_patients(matrices, accuracy)
    return row | {"seeds": arm.seeds}


def difference(name, pair, statistic):
    """Difference with its percentile interval; the BCa one too where they disagree about zero.

    Parameters
    ----------
    name : str
        Of the column.
    pair, statistic
        From `ecglib.tables.arms.paired`; see `ecglib.stats`.

    Returns
    -------
    dict of str to float
        Columns `name`, `name low`, `name high`, and `name BCa low`, `name BCa high`, which
        are NaN where the two intervals agree about zero.
    """
    plain, bca = (stats.paired_difference(*pair, statistic, bca=how) for how in (False, True))
    if plain.excludes_zero == bca.excludes_zero:
        bca = stats.Interval(np.nan, np.nan, np.nan)
    return frames.with_bounds(name, plain) | frames.bounds(f"{name} BCa", bca)


def gain(arm, control, statistic=macro_f1, *, after_5min=True, without=None):
    """A score of an arm minus that of its control, an `Interval` over patients.

    Parameters are those of `ecglib.tables.arms.paired`; `statistic` as in `ecglib.stats`.
    """
    pair = arms.paired(arm, control, after_5min=after_5min, without=without)
    return stats.paired_difference(*pair, statistic)


def difference_table(named, control, *, after_5min=True):
    """Macro-F1 and accuracy of arms minus those of a control, paired by patient and seed.

    Returns
    -------
    DataFrame
        `Δ macro-F1` and `Δ accuracy` with patient-bootstrap 95 % intervals, see `difference`.
    """
    rows = {}
    for name, arm in named.items():
        pair = arms.paired(arm, control, after_5min=after_5min)
        rows[name] = difference("Δ macro-F1", pair, macro_f1)
        rows[name] |= difference("Δ accuracy", pair, accuracy)
    return frames.of_rows(rows)


def pairs_table(pairs, *, after_5min=False):
    """Differences of pairs of arms that have no common control.

    Parameters
    ----------
    pairs : dict of str to tuple of (Arm, Arm)
        Name of a row -> an arm, and what it is compared with; both with the same seeds.

    Returns
    -------
    DataFrame
        Columns of `difference_table`, and `seeds`.
    """
    rows = {}
    for name, (arm, other) in pairs.items():
        row = difference_table({name: arm}, other, after_5min=after_5min).iloc[0]
        rows[name] = row.to_dict() | {"seeds": arm.seeds}
    return frames.of_rows(rows)


def against_control(named, control="none", *, after_5min=True):
    """Scores of arms, and how far each is from the one that is named as their control.

    Arms with other seeds than the control have no difference.

    Returns
    -------
    DataFrame
        Columns of `score_table` and of `difference_table`.
    """
    seeds = named[control].seeds
    others = {n: arm for n, arm in named.items() if n != control and arm.seeds == seeds}
    differences = difference_table(others, named[control], after_5min=after_5min)
    return score_table(named, after_5min=after_5min).join(differences)


def accuracy_by_record(arm):
    """Accuracy after 5:00, a row a seed, a column a record that has beats then."""
    return pd.DataFrame(
        [
            {record: float(accuracy(m)) for record, m in matrices.items() if m.sum()}
            for matrices in arm.matrices(after_5min=True)
        ]
    )


def patient_change(arm, control):
    """Accuracy after 5:00 minus that of a control with the same seeds and records.

    Shape and index are those of `accuracy_by_record`.
    """
    return accuracy_by_record(arm) - accuracy_by_record(control)


def class_table(named, *, after_5min=False):
    """Sensitivity and positive predictive value per class, mean over seeds.

    Returns
    -------
    DataFrame
        `N Se`, `N +P`, `S Se`, …
    """
    rows = {}
    for name, arm in named.items():
        row = rows.setdefault(name, {})
        for c, found in class_scores(arm, after_5min=after_5min).items():
            row |= {f"{c} Se": found["sensitivity"], f"{c} +P": found["ppv"]}
    return frames.of_rows(rows)


def class_scores(arm, *, after_5min=False):
    """Class -> "sensitivity", "ppv", "f1" … -> mean over seeds."""
    matrices = arm.matrices(after_5min=after_5min)
    found = [from_confusion(stats.pool(m)).per_class for m in matrices]
    return {c: pd.DataFrame([scores[c] for scores in found]).mean().to_dict() for c in CLASSES}


def detected_f1(results, counted=lambda result: result.metrics["detection"].values()):
    """F1 of N, S and V where missed beats and false detections count, as EC57 has it.

    Parameters
    ----------
    results : list of RunResult
        Of one arm.
    counted : callable
        Result -> counts of each record: TP, FN and FP of each class, (3, 3).

    Returns
    -------
    ndarray, shape (n_results, 3)
    """
    total = np.array([np.sum(list(counted(result)), axis=0) for result in results])
    tp, wrong = total[:, :, 0], total[:, :, 1:].sum(axis=2)
    return 2 * tp / np.maximum(2 * tp + wrong, 1)


def ec57_table(named):
    """Detection of supraventricular and ventricular beats as EC57 counts, mean over seeds.

    Returns
    -------
    DataFrame
        Sensitivity (`SVEB Se`), positive predictivity (`SVEB +P`) and false positive rate
        (`SVEB FPR`) of SVEB, and of VEB.
    """
    rows = {}
    for name, arm in named.items():
        row = rows.setdefault(name, {})
        for kind in ("sveb", "veb"):
            counts = [Detection(**result.metrics["ec57"][kind]) for result in arm.results]
            for label, ratio in (("Se", "se"), ("+P", "ppv"), ("FPR", "fpr")):
                row[f"{kind.upper()} {label}"] = np.mean([getattr(c, ratio) for c in counts])
    return frames.of_rows(rows)
