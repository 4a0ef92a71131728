"""Tables of results: arms with spread and interval, differences, live beside reference."""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES
from ecglib.metrics import Detection, accuracy, from_confusion, macro_f1
from ecglib.tables import published

HEAVY_RECORD = "232"
"""Holds 1,382 of DS2's 1,837 S beats; every headline is also given without it."""


def spread(values, digits=3):
    """Mean and standard deviation over seeds as text; the deviation only if there is one.

    Examples
    --------
    >>> spread([0.5, 0.6]), spread([0.5])
    ('0.550 ± 0.071', '0.500')
    """
    mean, std = stats.seed_spread(values)
    return f"{mean:.{digits}f}" + ("" if np.isnan(std) else f" ± {std:.{digits}f}")


def always_n(per_record):
    """Macro-F1 and accuracy of answering N to every beat.

    Parameters
    ----------
    per_record : dict of str to ndarray (3, 3)
        Any confusion matrices of the beats in question.

    Returns
    -------
    dict
        `accuracy`, `macro_f1` and macro `sensitivity`.
    """
    pooled = stats.pool(per_record)
    trivial = np.zeros_like(pooled)
    trivial[:, 0] = pooled.sum(axis=1)
    metrics = from_confusion(trivial)
    names = ("accuracy", "macro_f1", "sensitivity")
    return {name: getattr(metrics, name) for name in names}


def score_row(arm, *, after_5min=False):
    """One arm as a row: accuracy and macro-F1 with spread, interval and without record 232.

    "95 %" is the interval of macro-F1 over patients, "without 232" macro-F1 of the others,
    "patient mean" the accuracy averaged over patients.

    Returns
    -------
    dict of str to str
    """
    kind = {"after_5min": after_5min}
    matrices = arm.matrices(**kind)
    row = {
        "accuracy": spread(arm.values(accuracy, **kind)),
        "macro-F1": spread(arm.values(macro_f1, **kind)),
        "95 %": _bracket(stats.patient_bootstrap(matrices, macro_f1)),
    }
    if HEAVY_RECORD in matrices[0]:
        row["without 232"] = spread(arm.values(macro_f1, without=HEAVY_RECORD, **kind))
    row["patient mean"] = f"{stats.mean_over_patients(matrices, accuracy):.3f}"
    row["seeds"] = arm.seeds
    return row


def _bracket(interval):
    return f"[{interval.low:.3f}, {interval.high:.3f}]"


def trivial_row(arm, *, after_5min=False):
    """The row of answering N always, on the beats that an arm was scored on."""
    trivial = always_n(arm.matrices(after_5min=after_5min)[0])
    return {
        "accuracy": f"{trivial['accuracy']:.3f}",
        "macro-F1": f"{trivial['macro_f1']:.3f}",
    }


def score_table(named, *, after_5min=False):
    """Arms under each other, the trivial answer first.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm.
    after_5min : bool
        Only beats after a record's first five minutes.

    Returns
    -------
    DataFrame
    """
    first = next(iter(named.values()))
    rows = {"always N": trivial_row(first, after_5min=after_5min)}
    rows |= {name: score_row(arm, after_5min=after_5min) for name, arm in named.items()}
    return pd.DataFrame(rows).T.fillna("")


def difference(pair, statistic):
    """Difference with its percentile interval; the BCa one too where they disagree about zero.

    Parameters
    ----------
    pair : tuple of (list of dict, list of dict)
        Confusion matrices of an arm and of its control.
    statistic : callable
        See `ecglib.stats`.

    Returns
    -------
    str
    """
    plain, bca = (stats.paired_difference(*pair, statistic, bca=how) for how in (False, True))
    agree = plain.excludes_zero == bca.excludes_zero
    return f"{plain:+.3f}" + ("" if agree else f", BCa [{bca.low:+.3f}, {bca.high:+.3f}]")


def difference_table(named, control, *, after_5min=True):
    """Macro-F1 and accuracy of arms minus those of a control, paired by patient and seed.

    Returns
    -------
    DataFrame
        Differences with patient-bootstrap 95 % intervals, see `difference`.

    Raises
    ------
    ValueError
        If an arm has other seeds than the control.
    """
    rows = {}
    for name, arm in named.items():
        if arm.seeds != control.seeds:
            raise ValueError(f"{name} has seeds {arm.seeds}, its control {control.seeds}")
        pair = [a.matrices(after_5min=after_5min) for a in (arm, control)]
        rows[name] = {
            f"Δ {label}": difference(pair, statistic)
            for label, statistic in (("macro-F1", macro_f1), ("accuracy", accuracy))
        }
    return pd.DataFrame(rows).T


def class_table(named, *, after_5min=False):
    """Sensitivity and positive predictive value per class, mean over seeds.

    Returns
    -------
    DataFrame
    """
    rows = {}
    for name, arm in named.items():
        scores = [
            from_confusion(stats.pool(m)).per_class for m in arm.matrices(after_5min=after_5min)
        ]
        rows[name] = {
            f"{c} {short}": f"{np.mean([s[c][key] for s in scores]):.3f}"
            for c in CLASSES
            for short, key in (("Se", "sensitivity"), ("+P", "ppv"))
        }
    return pd.DataFrame(rows).T


def printed_rows(rows):
    """Rows of a published table in the form of `score_table`.

    Parameters
    ----------
    rows : dict of str to published.Row
        Name of a row -> what was printed.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame(
        {
            name: {
                "accuracy": f"{row.accuracy:.3f} ± {row.accuracy_std:.3f}",
                "macro-F1": f"{row.macro_f1:.3f} ± {row.macro_f1_std:.3f}",
            }
            for name, row in rows.items()
        }
    ).T


def stack(frames):
    """Tables under each other, each under its own heading.

    Parameters
    ----------
    frames : dict of str to DataFrame
        Heading -> table.

    Returns
    -------
    DataFrame
    """
    return pd.concat(frames).fillna("")


def ec57_table(named):
    """Detection of supraventricular and ventricular beats as EC57 counts, mean over seeds.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm.

    Returns
    -------
    DataFrame
        Sensitivity and positive predictivity of SVEB and VEB, and false positive rates.
    """
    rows = {}
    for name, arm in named.items():
        row = {}
        for kind in ("sveb", "veb"):
            counts = [Detection(**result.metrics["ec57"][kind]) for result in arm.results]
            for label, ratio in (("Se", "se"), ("+P", "ppv"), ("FPR", "fpr")):
                mean = np.mean([getattr(count, ratio) for count in counts])
                row[f"{kind.upper()} {label}"] = f"{mean:.3f}"
        rows[name] = row
    return pd.DataFrame(rows).T


def best_of_paper1():
    """The best row that paper 1 prints, in the form of `score_table`."""
    best = max(published.TABLE_2, key=lambda row: row.macro_f1)
    return printed_rows({best.arm: best})
