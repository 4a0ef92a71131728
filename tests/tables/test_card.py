"""Numbers of the model card from runs made by hand, database by database."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ecglib.personalize.budget import CHOSEN
from ecglib.tables import learning
from ecglib.tables.budget import WORST
from ecglib.tables.card import labels_table
from tests.tables.made import MACRO, confusions, late, pairs_of
from tests.tables.test_budget import asked, shares

RECORDS = ("100", "103", "232", "svdb/803", "svdb/805")
SETTINGS = {"dataset": "both", "seed": 7, "records": [100], "split": "dev_test", "epochs": 8}
DOUBT = {"query": "least_confidence", "asking": "stream"}


def made(shift, *, budget=0, **more):
    """Results of two seeds with a network's settings, everybody left out once."""
    how = {"dataset": "both", "split": "lopo2", "records": [], "epochs": 8}
    how |= (CHOSEN if budget else {}) | more
    return [
        asked(
            confusions(s + shift, RECORDS), budget=budget, seed=s, labels=(budget,) * 5, **how
        )
        for s in (7, 21)
    ]


@pytest.fixture
def runs():
    found = made(0) + made(1, budget=5) + made(2, budget=20) + made(3, budget=40, **DOUBT)
    found += made(6, budget=1)
    return found + made(4, epochs=9) + made(5, budget=5, epochs=9)  # of another network


def by_hand(shift, belongs):
    """Macro-F1 after 5:00 of some records, mean over seeds."""
    scores = []
    for seed in (7, 21):
        counted = late(confusions(seed + shift, RECORDS))
        pairs = pairs_of(*(np.array(m) for r, m in counted.items() if belongs(r)))
        scores.append(f1_score(*pairs, **MACRO))
    return np.mean(scores)


def test_every_database_is_scored_alone(runs):
    table = labels_table(runs, SETTINGS)
    rows = ["no label", "five labels", "twenty labels", "in doubt, at most 40 an hour"]
    assert list(table.index) == [rows[0], "one label", *rows[1:]]
    parts = {
        "MIT-BIH": lambda r: r in ("100", "103", "232"),
        "without 232": lambda r: r in ("100", "103"),
        "SVDB": lambda r: r in ("svdb/803", "svdb/805"),
    }
    for shift, row in enumerate(rows):
        for part, belongs in parts.items():
            assert table.loc[row, part] == pytest.approx(by_hand(shift, belongs))
            assert table.loc[row, f"{part} low"] <= table.loc[row, part]
            assert table.loc[row, part] <= table.loc[row, f"{part} high"]
    assert table["labels"].tolist() == [0, 5, 25, 100, 200]


def test_the_worst_record_is_one_of_a_single_network(runs):
    table = labels_table(runs, SETTINGS)
    for shift, row in ((1, "five labels"), (2, "twenty labels")):
        lost = [
            shares(confusions(seed + shift, RECORDS))[r] - shares(confusions(seed, RECORDS))[r]
            for seed in (7, 21)
            for r in RECORDS
        ]
        assert table.loc[row, WORST] == pytest.approx(100 * min(lost))


def test_each_way_to_learn_has_its_own_rows(runs):
    update = learning.ON_DEVICE
    theirs = {"update": update.update, **update.how}
    for shift, n in ((5, 1), (6, 5), (7, 20)):
        runs += made(shift, budget=n, **theirs)
    table = labels_table(runs, SETTINGS, update)
    assert list(table.index) == ["no label", "one label", "five labels", "twenty labels"]
    assert table.loc["five labels", "SVDB"] == pytest.approx(by_hand(6, lambda r: "svdb" in r))


def test_missing_runs_are_a_lookup_error(runs):
    few = [r for r in runs if r.config["budget"] != 20]
    for found in (few, []):
        with pytest.raises(LookupError):
            labels_table(found, SETTINGS)
