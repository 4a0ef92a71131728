"""The micro network on two databases: each on its own, and what was wanted of it.

`named` maps the name of a row to an `ecglib.tables.arms.Arm` whose records are of both.
"""

import numpy as np

from ecglib import stats
from ecglib.data import sets
from ecglib.metrics import accuracy, from_confusion, macro_f1
from ecglib.tables import arms, budget, frames, names, scores

DATABASES = ("mitdb", "svdb")
MIT, OTHERS, SVDB = "MIT-BIH", "without 232", "SVDB"
COLUMNS = (MIT, OTHERS, SVDB)
"""Columns: the first database, the same without its heavy record, the second one."""

GOALS = {
    "no label": {MIT: 0.82, OTHERS: 0.82, SVDB: 0.85},
    "five labels": {MIT: 0.90, OTHERS: 0.86, SVDB: 0.87},
    "twenty labels": {MIT: 0.92, OTHERS: 0.88, SVDB: 0.89},
    "in doubt": {MIT: 0.95, OTHERS: 0.92, SVDB: 0.91},
}
"""Macro-F1 after 5:00 that was wanted before the runs, every patient left out once."""

CROSS_GOALS = {"svdb_mit": 0.82, "mit_svdb": 0.79}
"""Macro-F1 after 5:00 without labels that was wanted of training on the other database."""


def left_out(runs, **learned):
    """Arms of study "budget" with every patient of both databases left out once, in integers.

    `learned` are arguments of `ecglib.tables.budget.by_budget`: which update, and how.

    Returns
    -------
    tuple of (dict, dict)
        By labels of the first five minutes, and by labels an hour where it asks in doubt.
    """
    kind = {"dataset": "both", "split": "lopo2", "scope": "all_int8"} | learned
    start = budget.by_budget(runs, **kind)
    doubt = budget.by_budget(runs, query="least_confidence", asking="stream", **kind)
    return start, {k: arm for k, arm in doubt.items() if k}


def parts(arm):
    """The arm on what each column scores: column -> matrices after 5:00, one dict a seed.

    Without record 232 there is no column of the others.
    """
    mit, svdb = (arms.on(arm, name).matrices(after_5min=True) for name in DATABASES)
    if scores.HEAVY_RECORD not in mit[0]:
        return {MIT: mit, SVDB: svdb}
    return {MIT: mit, OTHERS: stats.without(mit, scores.HEAVY_RECORD), SVDB: svdb}


def pooled_f1(matrices):
    """Macro-F1 of all beats of some records together, mean over seeds."""
    return float(np.mean([macro_f1(stats.pool(one_seed)) for one_seed in matrices]))


def labels_table(named):
    """Labels, what they bring on each database after 5:00, and the largest loss.

    Parameters
    ----------
    named : dict of str to Arm
        The first has no labels and is the control of the others.

    Returns
    -------
    DataFrame
        `labels` asked for, mean of both databases' patients; macro-F1 in the columns `MIT-BIH`,
        `without 232` and `SVDB`; their changes against the control, `Δ MIT-BIH` and so on, with
        bounds over patients; `worst record, points`, the largest loss of accuracy of one
        record with the network of one seed, and `its record`.
    """
    if not named:
        raise LookupError("no arm has runs")
    control = next(iter(named.values()))
    before, rows = parts(control), {}
    for name, arm in named.items():
        after = parts(arm)
        row = {"labels": budget.mean_over(arm, budget.labels_a_record)}
        row |= {column: pooled_f1(matrices) for column, matrices in after.items()}
        if arm is not control:
            arms.paired(arm, control)  # the same seeds
            for column, matrices in after.items():
                change = stats.paired_difference(matrices, before[column], macro_f1)
                row |= frames.with_bounds(f"Δ {column}", change)
            record, change = budget.worst_change(arm, control)
            row |= {budget.WORST: 100 * change, "its record": record}
        rows[name] = row
    return frames.of_rows(rows)


def asking_table(results):
    """What was tried on development patients: how to ask, and how to learn from the answers.

    From runs of study "budget": `labels_table` with a row for each arm of split `dev_cv` in
    integers.
    """
    found = arms.group(results, dataset="both", split="dev_cv", scope="all_int8")
    named = {_asked(arm.settings): arm for arm in found}
    return labels_table({k: named[k] for k in sorted(named, key=lambda k: k != NOBODY)})


NOBODY = "no label"


def _asked(settings):
    """How an arm asks and learns, in words."""
    if settings["budget"] == 0:
        return NOBODY
    words = [f"{settings['budget']} labels", f"{names.word(settings['query'])} query"]
    if settings["asking"] == "stream":
        words = [
            f"in doubt, {settings['budget']} an hour",
            f"unsure below {settings['unsure']}",
        ]
    words += [names.word(settings["update"])] * (settings["update"] != "head")
    words += [f"hold {settings['hold']}"] * (settings["hold"] > 0)
    words += [f"unsupported {settings['unsupported']}"] * (settings["unsupported"] < 1)
    return ", ".join(words)


def splits_table(named):
    """One network without labels on several splits, after 5:00, a row a split and database.

    Returns
    -------
    DataFrame
        Index: split and database; of DS2 also without record 202, whose patient is in DS1 as
        201, if 201 is not tested; `patients`; `accuracy`, `macro-F1` with deviation over seeds
        and `95 %` over patients; `S Se`, `S +P`, `V Se`, `V +P`.
    """
    rows = {}
    for name, arm in named.items():
        for database in DATABASES:
            try:
                own = arms.on(arm, database)
            except LookupError:  # the split does not test it
                continue
            title, matrices = sets.get(database).title, own.matrices(after_5min=True)
            rows[name, title] = _split_row(matrices)
            if "202" in matrices[0] and "201" not in matrices[0]:
                rows[name, f"{title} without 202"] = _split_row(stats.without(matrices, "202"))
    return frames.of_rows(rows)


def _split_row(matrices):
    """A row of `splits_table` from confusion matrices by record, a dict a seed."""
    pooled = [stats.pool(one_seed) for one_seed in matrices]
    row = {"patients": len({sets.patient_of(record) for record in matrices[0]})}
    row["accuracy"] = float(np.mean([accuracy(matrix) for matrix in pooled]))
    row |= frames.spread("macro-F1", [float(macro_f1(matrix)) for matrix in pooled])
    row |= frames.bounds("95 %", stats.patient_bootstrap(matrices, macro_f1))
    by_class = [from_confusion(matrix).per_class for matrix in pooled]
    for c in "SV":
        for column, score in (("Se", "sensitivity"), ("+P", "ppv")):
            row[f"{c} {column}"] = float(np.mean([found[c][score] for found in by_class]))
    return row


def goals_table(named, crossed):
    """What was wanted before the runs and what was reached, macro-F1 after 5:00.

    Parameters
    ----------
    named : dict of str to Arm
        Keys of `GOALS`.
    crossed : dict of str to Arm
        Keys of `CROSS_GOALS`, one database trained and the other tested.

    Returns
    -------
    DataFrame
        See `ecglib.tables.frames.goals`.
    """
    found = {
        f"{name}, {column}": (wanted, pooled_f1(parts(named[name])[column]))
        for name, goals in GOALS.items()
        for column, wanted in goals.items()
    }
    found |= {
        f"no label, {names.word(name)}": (wanted, crossed[name].mean(macro_f1, after_5min=True))
        for name, wanted in CROSS_GOALS.items()
    }
    return frames.goals(found)
