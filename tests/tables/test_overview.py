"""The numbers of the book's first table are those of the committed runs."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecglib import results
from ecglib.data.sets import patient_of
from ecglib.personalize.budget import CHOSEN
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
    kind = {"dataset": "both", "split": "lopo2", "scope": "all_int8", "asking": "start"}
    kind |= {"wrong": 0.0}
    scored = {}
    for run in of_study("budget"):
        wanted = {0: ("none", "none"), 5: (CHOSEN["query"], "kernel")}
        how = run.config["query"], run.config["update"]
        chosen = how == wanted.get(run.config["budget"])
        if kind.items() <= run.config.items() and chosen:
            everybody = run.per_record
            for database in ("mitdb", "svdb"):
                own = [
                    matrix
                    for record, matrix in run.per_record_after_5min.items()
                    if patient_of(record)[0] == database
                ]
                value = f1_score(*pairs_of(*own), **MACRO)
                scored.setdefault((database, run.config["budget"]), []).append(value)
    assert {len(values) for values in scored.values()} == {3}
    for database, name in (("mitdb", "five_mit"), ("svdb", "five_svdb")):
        change = np.mean(scored[database, 5]) - np.mean(scored[database, 0])
        assert found[name].value == pytest.approx(change)
    records = {*everybody}
    assert len(records) == 44 + 58
    assert found["n_patients"] == len(records - {"202"}) == 43 + 58  # 201 and 202 are one man


def test_compression_is_set_against_a_network_trained_as_long():
    kind = {"dataset": "cinc2017", "model": "resnet1d", "fold": "all"}
    runs = {
        (run.config["method"], run.config["share"]): run.metrics
        for run in of_study("compression")
        if kind.items() <= run.config.items()
    }
    found = overview.compression(of_study)
    joint, control, laq = runs["joint", 0.9], runs["longer", 0.0], runs["laq", 0.0]
    assert found["as_long"].value == pytest.approx(joint["accuracy"] - control["accuracy"])
    assert found["file_ratio"] == joint["file_ratio"]
    assert found["laq_ratio"] == laq["ideal_ratio"]
    assert found["laq"].low == pytest.approx(laq["difference_low"])
    kind |= {"dataset": "chapman", "size": "paper"}
    every = {
        r.config["method"]: r.metrics
        for r in of_study("compression")
        if kind.items() <= r.config.items()
    }
    of_hubert = kind | {"model": "hubert", "size": "small", "method": "laq"}
    (hubert,) = (
        r.metrics for r in of_study("compression") if of_hubert.items() <= r.config.items()
    )
    assert found["hubert_ratio"] == hubert["ideal_ratio"]
    assert found["hubert"].value == pytest.approx(hubert["difference"])
    sized, trained, longer = (every[name] for name in ("laq", "joint", "longer"))
    assert (found["sized_ratio"], found["sized"].value) == (
        sized["ideal_ratio"],
        sized["difference"],
    )
    assert found["sized_smaller"] == trained["file_ratio"]
    gained = trained["accuracy"] - longer["accuracy"]
    assert found["sized_as_long"].value == pytest.approx(gained)
    assert (found["n_recordings"], found["n_folds"]) == (int(np.sum(laq["confusion"])), 5)


def test_the_edge_is_that_of_the_c_code():
    runs = [run.metrics for run in of_study("c99")]
    found = overview.edge(of_study)
    assert found["flash_kb"] == max(m["device_flash_bytes"] for m in runs) / 1000
    assert found["ram_kb"] == max(m["device_ram_bytes"] for m in runs) / 1000
    assert found["exact"] == min(m["learned_exact"] for m in runs)
    assert found["n_seeds"] == len(runs)


def test_what_has_no_runs_says_so():
    for facts in (
        overview.personalization,
        overview.formats,
        overview.integers,
        overview.compression,
        overview.edge,
        overview.labels,
        overview.tested_alone,
        overview.inputs,
        overview.curve,
        overview.files,
        overview.in_formats,
    ):
        with pytest.raises(LookupError):
            facts(lambda study: [])
