"""The search for a better micro network on both databases: what was tried, and what it brought.

It is made on development patients only (split `dev_cv`). The criterion was written down before:
macro-F1 after 5:00, averaged over draws of patients with replacement and over both databases,
so that no single patient and no database decides. A LookupError says that the start was not
run.
"""

import numpy as np

from ecglib import stats
from ecglib.data import sets
from ecglib.metrics import macro_f1
from ecglib.tables import arms, frames, names
from ecglib.tables.evidence import DATABASES

SPLIT = "dev_cv"
"""Folds in which candidates are compared."""

SEEDS = (7,)
"""Of all candidates; the best were made again with others."""

START = {
    "features": "derivative+template+rr+rhythm",
    "class_cap": 1000,
    "imbalance": "none",
    "augmentation": 0.2,
    "width": 1.0,
    "leads": "both",
    "epochs": 8,
    "batch_size": 256,
    "learning_rate": 0.005,
    "training_data": "all",
    "prior": 0.0,
    "smoothing": 0.0,
}
"""Settings from which each candidate differs in one."""


def criterion(arm):
    """Draws of the criterion: mean over databases of macro-F1 after 5:00, (n_draws,)."""
    parts = [arms.on(arm, name).matrices(after_5min=True) for name in DATABASES]
    return np.mean([stats.draws(matrices, macro_f1) for matrices in parts], axis=0)


def candidates(results, seeds=SEEDS):
    """Arms of study micro in the search that have all `seeds`, by what differs from the start.

    Results with other seeds are left out.
    """
    named, some = {}, [result for result in results if result.config["seed"] in seeds]
    for arm in arms.group(some, dataset="both", split=SPLIT, scope="none"):
        if len(arm.results) < len(seeds):
            continue
        apart = [k for k, value in START.items() if arm.settings[k] != value]
        words = [_changed(k, arm.settings[k]) for k in apart]
        named[", ".join(words) or "start"] = arm
    return named


PARTS = {
    "recent": "last three beats",
    "recent8": "last eight beats",
    "spread": "spread",
    "unrest": "unrest",
    "novelty": "novelty",
    "later": "beat after the next",
    "before": "energy before QRS",
    "fixed": "template of first beats",
}
"""Part of the input -> what a page calls it."""


def _changed(name, value):
    """A setting that differs from the start, in words; of the input, what is new or lacking."""
    if name != "features":
        return names.setting(name, value)
    own, start = (text.split("+") for text in (value, START["features"]))
    more = [f"+ {PARTS[part]}" for part in own if part not in start]
    return " ".join(more + [f"without {part}" for part in start if part not in own])


def search_table(results, seeds=SEEDS):
    """The `candidates` with what they bring, means over seeds.

    Returns
    -------
    DataFrame
        `criterion`, the mean of its draws; `Δ to start` with its interval over patients; and
        macro-F1 after 5:00 of each database. The start comes first, then the best.
    """
    named = candidates(results, seeds)
    if "start" not in named:
        raise LookupError("no run of the search's start")
    drawn = {name: criterion(arm) for name, arm in named.items()}
    rows = {}
    for name in sorted(named, key=lambda n: (n != "start", -drawn[n].mean())):
        change = drawn[name] - drawn["start"]
        row = {"criterion": drawn[name].mean(), "Δ to start": change.mean()}
        row["Δ to start low"], row["Δ to start high"] = np.quantile(change, [0.025, 0.975])
        for database in DATABASES:
            own = arms.on(named[name], database)
            row[sets.get(database).title] = own.mean(macro_f1, after_5min=True)
        rows[name] = row if name != "start" else {k: v for k, v in row.items() if k[0] != "Δ"}
    return frames.of_rows(rows)
