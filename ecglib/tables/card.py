"""Numbers of the model card: a network's settings, on everybody who was left out once."""

from ecglib import stats
from ecglib.metrics import macro_f1
from ecglib.studies.registry import settings_of
from ecglib.tables import budget, evidence, frames, learning, scores


def left_out(settings):
    """Settings in the file of a network -> those of the runs with everybody left out once."""
    kept = {name: value for name, value in settings.items() if name not in ("seed", "records")}
    return kept | {"split": "lopo2" if kept.get("dataset") == "both" else "lopo"}


def labels_table(runs, settings, update=learning.ON_PC):
    """What labels bring after 5:00, from runs of study budget with a network's settings.

    `update` says how they are learned.

    Returns
    -------
    DataFrame
        Macro-F1 in the columns of `ecglib.tables.evidence`, with intervals over patients;
        `S Se`, `S +P`, `V Se`, `V +P` of all; `labels` of a record; `worst record, points`, see
        `worst_change`. A row without labels, with one, five and twenty, and for each arm that
        asks in doubt.

    Raises
    ------
    LookupError
        If one of the first four was not run.
    """
    shared = settings_of("budget")  # those of the network that study budget has, too
    wanted = {name: value for name, value in left_out(settings).items() if name in shared}
    wanted |= {"update": update.update, "how": update.how}
    start = budget.by_budget(runs, **wanted)
    doubt = budget.by_budget(runs, query="least_confidence", asking="stream", **wanted)
    named = {
        "no label": start[0],
        "one label": start[1],
        "five labels": start[5],
        "twenty labels": start[20],
    }
    named |= {f"in doubt, at most {k} an hour": arm for k, arm in doubt.items() if k}
    rows = {}
    for name, arm in named.items():
        row = rows[name] = {}
        for column, late in evidence.parts(arm).items():
            row |= frames.with_bounds(column, stats.patient_bootstrap(late, macro_f1))
        row["labels"] = budget.mean_over(arm, budget.labels_a_record)
        row[budget.WORST] = 100 * budget.worst_change(arm, start[0])[1]
    classes = scores.class_table(named, after_5min=True).drop(columns=["N Se", "N +P"])
    return frames.of_rows(rows).join(classes)
