"""The numbers of the book's first table are those of the committed runs."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecglib import results
from ecglib.system.paths import RESULTS
from ecglib.tables import overview
from tests.tables.made import MACRO, confusions, late, pairs_of, result


def of_study(name):
    return results.load_study(RESULTS, name)


def f1_after_5min(found):
    """Macro-F1 of a result by scikit-learn."""
    return f1_score(*pairs_of(*found.per_record_after_5min.values()), **MACRO)


def test_the_best_strategy_is_the_one_with_the_highest_mean():
    chosen = {"split": "ds1_ds2", "finetune": "all", "online_seconds": 300, "norm": "batch"}
    by_strategy = {}
    for run in of_study("h200/personalization"):
        if chosen.items() <= run.config.items():
            by_strategy.setdefault(run.config["strategy"], []).append(f1_after_5min(run))
    means = {name: np.mean(values) for name, values in by_strategy.items()}
    control = means.pop("none")
    found = overview.personalization(of_study)
    assert found["best"] == max(means, key=means.get)
    assert found["gain"].value == pytest.approx(max(means.values()) - control)
    assert found["n_strategies"] == len(means) == 5
    assert found["n_seeds"] == len(by_strategy["none"])
    assert found["n_patients"] == 22


def test_strategies_are_compared_after_five_minutes():
    """The best before 5:00 is not the best after."""
    made = [
        result("personalization", confusions(seed), strategy=strategy, finetune="all")
        for strategy, seed in (("none", 0), ("full", 1), ("adabn", 2))
    ]
    first, second = made[1:]
    before, after = late(first.per_record), late(second.per_record)
    first.per_record_after_5min.update(after)
    second.per_record_after_5min.update(before)
    best = max(made[1:], key=f1_after_5min).config["strategy"]
    found = overview.gains(overview.strategies(made, "all"))
    assert max(found, key=lambda name: found[name].value) == best
    other = max(made[1:], key=lambda r: f1_score(*pairs_of(*r.per_record.values()), **MACRO))
    assert other.config["strategy"] != best


def test_labels_are_counted_in_patients_and_judged_after_five_minutes():
    found = overview.labels(of_study)
    kind = {"split": "lopo", "scope": "all_int8", "budget": 0}
    runs = [run for run in of_study("budget") if kind.items() <= run.config.items()]
    records = {int(record) for record in runs[0].per_record}
    assert len(records) == 44
    assert found["n_patients"] == len(records - {202}) == 43  # 201 and 202 are one man
    none = np.mean([f1_after_5min(run) for run in runs])
    assert found["none"] == pytest.approx(none)
    assert found["five"] - found["five_gain"].value == pytest.approx(none)
    assert found["five_gain"].low > 0
    assert found["five_without_heavy"].low > 0


def test_compression_is_set_against_a_network_trained_as_long():
    kind = {"dataset": "cinc2017", "model": "resnet1d", "fold": "all"}
    runs = {
        (run.config["method"], run.config["share"]): run.metrics
        for run in of_study("compression")
        if kind.items() <= run.config.items()
    }
    found = overview.compression(of_study)
    joint, control, laq = runs["joint", 0.9], runs["trained", 0.0], runs["laq", 0.0]
    assert found["as_long"].value == pytest.approx(joint["accuracy"] - control["accuracy"])
    assert found["file_ratio"] == joint["file_ratio"]
    assert found["laq_ratio"] == laq["ideal_ratio"]
    assert found["laq"].low == pytest.approx(laq["difference_low"])
    assert (found["n_recordings"], found["n_folds"]) == (int(np.sum(laq["confusion"])), 5)


def test_the_edge_is_that_of_the_c_code():
    runs = [run.metrics for run in of_study("c99")]
    found = overview.edge(of_study)
    assert found["flash_kb"] == max(m["flash_bytes"] for m in runs) / 1000
    assert found["exact"] == min(m["exact"] for m in runs)
    assert found["n_seeds"] == len(runs)


def test_what_has_no_runs_says_so():
    for facts in (
        overview.personalization,
        overview.formats,
        overview.integers,
        overview.compression,
        overview.edge,
        overview.labels,
        overview.inputs,
        overview.curve,
        overview.files,
        overview.in_formats,
    ):
        with pytest.raises(LookupError):
            facts(lambda study: [])
