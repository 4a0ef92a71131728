"""Numbers of the model card: a network's settings, on everybody who was left out once."""

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.tables import budget, frames, scores

PARTS = {
    "MIT-BIH": lambda record: "/" not in record,
    "without 232": lambda record: "/" not in record and record != scores.HEAVY_RECORD,
    "SVDB": lambda record: record.startswith("svdb/"),
}
"""Column of macro-F1 -> whether a record, by its key in files of results, counts there."""


def left_out(settings):
    """Settings in the file of a network -> those of the runs with everybody left out once."""
    kept = {name: value for name, value in settings.items() if name not in ("seed", "records")}
    return kept | {"split": "lopo2" if kept.get("dataset") == "both" else "lopo"}


def labels_table(runs, settings):
    """What labels bring after 5:00, from runs of study budget with a network's settings.

    Returns
    -------
    DataFrame
        Macro-F1 for each of `PARTS` with its interval over patients; `S Se`, `S +P`, `V Se`,
        `V +P` of all; `labels` of a record; `worst record, points`, see `worst_change`. A row
        without labels, with five, with twenty, and for each arm that asks in doubt.

    Raises
    ------
    LookupError
        If one of the first three was not run.
    """
    wanted = left_out(settings)
    start = budget.by_budget(runs, **wanted)
    doubt = budget.by_budget(runs, query="least_confidence", asking="stream", **wanted)
    named = {"no label": start[0], "five labels": start[5], "twenty labels": start[20]}
    named |= {f"in doubt, at most {k} an hour": arm for k, arm in doubt.items() if k}
    rows = {}
    for name, arm in named.items():
        row = rows[name] = {}
        for column, counts in PARTS.items():
            late = [
                {record: matrix for record, matrix in matrices.items() if counts(record)}
                for matrices in arm.matrices(after_5min=True)
            ]
            if late[0]:
                interval = stats.patient_bootstrap(late, macro_f1)
                row |= frames.with_bounds(column, interval)
        row["labels"] = budget.mean_over(arm, budget.labels_a_record)
        row[budget.WORST] = 100 * budget.worst_change(arm, start[0])[1]
    classes = scores.class_table(named, after_5min=True).drop(columns=["N Se", "N +P"])
    return frames.of_rows(rows).join(classes)
