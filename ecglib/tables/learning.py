"""Tables of learning on the device: which update, what it costs, what it is worth.

`results` are runs of study "budget" with the networks of both databases.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ecglib.metrics import macro_f1
from ecglib.personalize.budget import CHOSEN
from ecglib.tables import arms, budget, evidence, frames, scores
from ecglib.training.tasks import ReplayTask

DATABASES = dict(zip(evidence.DATABASES, (evidence.MIT, evidence.SVDB), strict=True))
"""Key of a database in result files -> what a page calls it."""

UNITS = 16
"""Units of the last hidden layer of the micro network, one byte each."""

FEATURES = 80
"""Bytes that the head of the micro network reads of a beat."""


@dataclass(frozen=True)
class Update:
    """A way to learn from labels.

    Attributes
    ----------
    name : str
        What a page calls it.
    update : str
        Its name in study "budget".
    how : dict
        Settings that tell it from other arms of this name.
    flash, ram : int
        Bytes that it needs besides network, code and replayed beats: what was known before the
        first label, and what twenty labels change.
    trained : int
        Multiplications a beat of the layers that are trained, 0 without training.
    read : int
        Bytes of a replayed beat, which are what the trained layers read, and its class.
    """

    name: str
    update: str
    flash: int
    ram: int
    how: dict = field(default_factory=dict)
    trained: int = 0
    read: int = 0


_HOLD = {key: CHOSEN[key] for key in ("hold", "unsupported")}
_FREE = {"hold": 0.0, "unsupported": 1.0}
_WIDTH = UNITS + 1  # with the bias

UPDATES = (
    Update(
        "update of a PC: two layers, replay",
        "head",
        flash=0,
        ram=12 * (FEATURES * UNITS + UNITS * 3),
        how={**_HOLD, "replay_cap": 40},
        trained=FEATURES * UNITS + UNITS * 3,
        read=FEATURES + 1,
    ),
    Update(
        "last layer, little replay",
        "output",
        flash=0,
        ram=12 * UNITS * 3,
        how={**_FREE, "replay_cap": 5},
        trained=UNITS * 3,
        read=UNITS + 1,
    ),
    Update(
        "Kalman filter of the last layer",
        "kalman",
        flash=4 * _WIDTH**2,
        ram=4 * _WIDTH * (_WIDTH + 3),
        how=_FREE,
    ),
    Update("prototypes", "prototypes", flash=0, ram=20 * (UNITS + 12), how=_FREE),
    Update(
        "kernel",
        "kernel",
        flash=2 * UNITS + 2 * _WIDTH**2,
        ram=8 * 3 * _WIDTH + 24 * (UNITS + 7),
        how=_FREE,
    ),
)
"""What was compared for the device. Each weight that is trained takes twelve bytes: itself and
two running means of the optimiser."""

ON_PC, ON_DEVICE = UPDATES[0], UPDATES[-1]

ASKED = {
    "5 labels": {"budget": 5, "query": "typical", "asking": "start"},
    "20 labels": {"budget": 20, "query": "typical", "asking": "start"},
    "in doubt": {"budget": 20, "query": "least_confidence", "asking": "stream"},
}
"""How many labels are asked for, in words -> settings."""


def arm_of(results, update, asked, **wanted):
    """The one arm of an `Update` that asks as `ASKED` says; None if it was not run."""
    settings = {"dataset": "both", "wrong": 0.0, "unsure": 0.9} | update.how
    settings |= ASKED.get(asked, {}) | wanted
    found = arms.group(results, update=update.update, **settings)
    return found[0] if len(found) == 1 else None


def _score(arm, database):
    """Macro-F1 after 5:00 of the patients of one database, NaN without an arm."""
    return arms.on(arm, database).mean(macro_f1, after_5min=True) if arm else np.nan


def updates_table(results, split):
    """Macro-F1 after 5:00 by update, database and labels; a LookupError if none was run.

    Returns
    -------
    DataFrame
        A row an update: `MIT-BIH, 5 labels` and so on for both databases and all of `ASKED`;
        NaN where it was not run.
    """
    rows = {}
    for update in UPDATES:
        found = {asked: arm_of(results, update, asked, split=split) for asked in ASKED}
        if any(found.values()):
            rows[update.name] = {
                f"{name}, {asked}": _score(arm, key)
                for key, name in DATABASES.items()
                for asked, arm in found.items()
            }
    return frames.of_rows(rows, "update", missing=f"no update was run on split {split}")


def costs_table(results, split):
    """What each update that was run in doubt takes and is worth; a LookupError if none was.

    Returns
    -------
    DataFrame
        A row an update: `flash, bytes` (with replayed beats), `RAM, bytes`, `multiplications a
        label` (in doubt, mean over the labels of all patients, see
        `ecglib.studies.budget.online_macs`) and `macro-F1` (mean of its row in
        `updates_table`).
    """
    mean, rows = updates_table(results, split).mean(axis=1, skipna=False), {}
    for update in UPDATES:
        arm = arm_of(results, update, "in doubt", split=split)
        if arm:
            rows[update.name] = {
                "flash, bytes": update.flash + _replayed_bytes(update, arm),
                "RAM, bytes": update.ram,
                "multiplications a label": _macs_of_a_label(arm),
                "macro-F1": mean[update.name],
            }
    missing = f"no update was run in doubt on split {split}"
    return frames.of_rows(rows, "update", missing=missing)


def _macs_of_a_label(arm):
    """Multiplications of all labels of an arm that asked in doubt, over their number."""
    metrics = [result.metrics for result in arm.results]
    labels = sum(sum(asked) for each in metrics for asked in each["asked"].values())
    return sum(macs for each in metrics for macs in each["online_macs"].values()) / labels


def _replayed_bytes(update, arm):
    """Bytes of the beats that an update replays, mean over patients who were asked.

    Their number follows from the multiplications that an arm asked in doubt counted, see
    `ecglib.studies.budget.online_macs`.
    """
    if not update.trained:
        return 0
    epochs, batch = (arm.settings[name] for name in ("update_epochs", "batch_size"))
    metrics, numbers = arm.results[0].metrics, []
    for record, macs in metrics["online_macs"].items():
        n = sum(metrics["asked"][record])
        labels = sum(min(k, ReplayTask.MOST_LABELLED) for k in range(1, n + 1))
        if n:  # macs = 3 · epochs · trained · (n · beats + labels · beats / batch)
            passes = macs / (3 * epochs * update.trained)
            numbers.append(passes / (n + labels / batch))
    return round(np.mean(numbers)) * update.read


def by_labels(results, split):
    """Macro-F1 after 5:00 by update and number of labels, of each database.

    Returns
    -------
    DataFrame
        `database`, `update`, `labels` (0 without), `macro-F1`.
    """
    nobody, rows = _unlabelled(results, split), []
    for key, name in DATABASES.items():
        for update in UPDATES:
            named = {0: nobody}
            for n in (1, 2, 5, 10, 20):
                named[n] = arm_of(results, update, "5 labels", split=split, budget=n)
            rows += [
                {
                    "database": name,
                    "update": update.name,
                    "labels": n,
                    "macro-F1": _score(arm, key),
                }
                for n, arm in named.items()
                if arm
            ]
    return pd.DataFrame(rows)


def by_wrong_answers(results, split):
    """Macro-F1 after 5:00 by update and share of wrong answers, mean of both databases.

    Returns
    -------
    DataFrame
        `labels` (a key of `ASKED`), `update`, `wrong`, `macro-F1`.
    """
    rows = []
    for asked in ASKED:
        for update in UPDATES:
            for wrong in (0.0, 0.1, 0.2):
                arm = arm_of(results, update, asked, split=split, wrong=wrong)
                if arm:
                    score = np.mean([_score(arm, key) for key in DATABASES])
                    row = {"labels": asked, "update": update.name, "wrong": wrong}
                    rows.append(row | {"macro-F1": score})
    return pd.DataFrame(rows)


def against_retraining(results, split):
    """The kernel's macro-F1 after 5:00 against that of the update of a PC, on common seeds.

    Returns
    -------
    DataFrame
        A row a database and way of asking: `update of a PC`, `kernel`, `Δ macro-F1` and, where
        it is one of the records, `Δ without 232`, with bounds over patients; `worst, PC` and
        `worst, kernel`, what the unluckiest patient loses of accuracy against no label, in
        points (NaN if that was not run); `seeds`.

    Raises
    ------
    LookupError
        If no such pair was run.
    """
    rows, nobody = {}, _unlabelled(results, split)
    for key, name in DATABASES.items():
        for asked in ASKED:
            found = [arm_of(results, each, asked, split=split) for each in (ON_PC, ON_DEVICE)]
            if all(found):
                old, new = (arms.on(arm, key) for arm in _of_common_seeds(*found))
                pair = arms.paired(new, old, after_5min=True)
                rows[f"{name}, {asked}"] = {
                    "update of a PC": old.mean(macro_f1, after_5min=True),
                    "kernel": new.mean(macro_f1, after_5min=True),
                    **scores.difference("Δ macro-F1", pair, macro_f1),
                    **_without_heavy(new, old),
                    "worst, PC": _worst(old, nobody, key),
                    "worst, kernel": _worst(new, nobody, key),
                    "seeds": new.seeds,
                }
    missing = f"the kernel was not run on split {split}"
    return frames.of_rows(rows, "patients, labels", missing=missing)


def _unlabelled(results, split):
    """The one arm without labels; None if it was not run."""
    found = arms.group(results, dataset="both", split=split, update="none", scope="all_int8")
    return found[0] if len(found) == 1 else None


def _worst(arm, nobody, database):
    """Largest loss of one patient with one network, in points; NaN without a control."""
    if nobody is None:
        return np.nan
    control, _ = _of_common_seeds(arms.on(nobody, database), arm)
    return 100 * budget.worst_change(arm, control)[1]


def _without_heavy(new, old):
    """The difference without the patient who has most S beats; empty where it is not tested."""
    if scores.HEAVY_RECORD not in new.matrices()[0]:
        return {}
    pair = arms.paired(new, old, after_5min=True, without=scores.HEAVY_RECORD)
    return scores.difference("Δ without 232", pair, macro_f1)


def _of_common_seeds(*both):
    """The same arms without the runs of seeds that the other one lacks."""
    seeds = set.intersection(*({r.config["seed"] for r in arm.results} for arm in both))
    for arm in both:
        kept = [r for r in arm.results if r.config["seed"] in seeds]
        yield replace(arm, results=kept)
