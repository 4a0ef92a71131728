"""ECGNet trained on one database and tested on another, beside the usual split of one.

Narrow networks of one seed, from the studies "baseline" and "personalization"; all numbers are
of beats after a record's first five minutes. `load` reads the runs of a study by its name. A
LookupError says that runs are missing.
"""

import numpy as np

from ecglib.aami import CLASSES
from ecglib.metrics import accuracy, macro_f1
from ecglib.stats import patient_bootstrap
from ecglib.tables import arms, frames, names, scores

SEED = 7

STANDARD = {"online_seconds": 300, "norm": "batch", "cuts": "qrs", "train_share": 1.0}
"""Settings of study "personalization" that all strategies of a headline share."""

SHARES = {"head": 1.0, "all": 0.05}
"""What is fine-tuned -> with which share of the labelled beats."""


def labelled(load, split):
    """Features -> arm that was trained on labels, without a puzzle."""
    kind = {"norm": "none", "normalization": "zscore", "imbalance": "none"}
    return arms.by(_of_seed(load, "baseline"), "features", **kind, split=split)


def adapted(load, split, finetune):
    """Strategy -> arm, "none" and "adabn" alone."""
    kind = STANDARD | {"finetune": finetune, "train_share": SHARES[finetune], "split": split}
    runs = _of_seed(load, "personalization")
    return {s: arms.pick(runs, strategy=s, **kind) for s in ("none", "adabn")}


def _of_seed(load, study):
    return [result for result in load(study) if result.config["seed"] == SEED]


def table(load, split):
    """Scores of these arms on one split, under the answer N to every beat.

    Returns
    -------
    DataFrame
        `accuracy`, `macro-F1`; `S Se`, `S +P`, `V Se`, `V +P`, sensitivity and precision; each
        with its 95 % interval over patients. `Δ macro-F1`, AdaBN minus none, as
        `ecglib.tables.scores.difference` has it.
    """
    rows = {}
    for arm in labelled(load, split).values():
        rows[names.baseline(arm.settings)] = _scores(arm)
    for finetune in SHARES:
        none, adabn = adapted(load, split, finetune).values()
        for arm in (none, adabn):
            name = ", ".join(
                names.setting(k, arm.settings[k]) for k in ("strategy", "finetune")
            )
            row = rows[name] = _scores(arm)
        pair = arms.paired(adabn, none, after_5min=True)
        row |= scores.difference("Δ macro-F1", pair, macro_f1)
    trivial = scores.always_n_table({scores.ALWAYS_N: none.matrices(after_5min=True)[0]})
    rows = {scores.ALWAYS_N: trivial.drop(columns="patients").iloc[0].to_dict()} | rows
    return frames.of_rows(rows)


def _scores(arm):
    statistics = {"accuracy": accuracy, "macro-F1": macro_f1}
    for name in "SV":
        statistics |= {f"{name} Se": _share(name, -1), f"{name} +P": _share(name, -2)}
    matrices, row = arm.matrices(after_5min=True), {}
    for name, statistic in statistics.items():
        row |= frames.with_bounds(name, patient_bootstrap(matrices, statistic))
    return row


def _share(name, axis):
    """Statistic: right answers of a class among all beats along an axis; 0 of none."""
    at = CLASSES.index(name)

    def share(confusion):
        among = confusion.sum(axis=axis)[..., at]
        return confusion[..., at, at] / np.maximum(among, 1)

    return share
