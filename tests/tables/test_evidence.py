"""Tables of both databases, against scikit-learn on beats that are counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from ecglib.tables import budget, evidence
from ecglib.tables.arms import Arm
from tests.tables.made import MACRO, confusions, late, pairs_of
from tests.tables.test_budget import asked

MIT, SVDB = ("100", "103", "232"), ("svdb/803", "svdb/805")
PARTS = {"MIT-BIH": MIT, "without 232": MIT[:2], "SVDB": SVDB}


def arm_of(shift, **more):
    found = [asked(confusions(s + shift, MIT + SVDB), seed=s, **more) for s in (7, 21)]
    return Arm(found[0].config, found)


def beats(shift, records):
    """Reference and answers after 5:00 of some records, a pair for each seed."""
    for seed in (7, 21):
        counted = late(confusions(seed + shift, MIT + SVDB))
        yield pairs_of(*(np.array(counted[record]) for record in records))


def macro(shift, records):
    return np.mean([f1_score(*pair, **MACRO) for pair in beats(shift, records)])


@pytest.fixture(scope="module")
def named():
    return {"no label": arm_of(0), "five labels": arm_of(9, budget=5, labels=(3, 1, 1, 0, 0))}


def test_labels_are_scored_on_each_database(named):
    table = evidence.labels_table(named)
    for column, records in PARTS.items():
        before, after = macro(0, records), macro(9, records)
        assert table.loc["no label", column] == pytest.approx(before)
        assert table.loc["five labels", column] == pytest.approx(after)
        change = table.loc["five labels", f"Δ {column}"]
        assert change == pytest.approx(after - before)
        assert table.loc["five labels", f"Δ {column} low"] <= change
        assert change <= table.loc["five labels", f"Δ {column} high"]
    assert table["labels"].tolist() == [0, 5]
    record, lost = budget.worst_change(named["five labels"], named["no label"])
    assert table.loc["five labels", budget.WORST] == pytest.approx(100 * lost)
    assert table.loc["five labels", "its record"] == record


def test_other_seeds_are_not_compared(named):
    one_seed = Arm({}, named["five labels"].results[:1])
    with pytest.raises(LookupError, match="seeds"):
        evidence.labels_table({"no label": named["no label"], "five labels": one_seed})
    with pytest.raises(LookupError, match="no arm"):
        evidence.labels_table({})


def test_what_was_tried_is_named_by_how_it_asks():
    how = {"dataset": "both", "records": (), "split": "dev_cv"}
    doubt = {"query": "least_confidence", "asking": "stream", "unsure": 0.8, "hold": 0.3}
    tried = [
        asked(confusions(s, MIT + SVDB), seed=s, budget=k, **how, **more)
        for s in (7, 21)
        for k, more in ((20, doubt), (5, {"unsupported": 0.01}), (0, {}))
    ]
    other = [
        asked(confusions(s, MIT + SVDB), seed=s, **how | {"split": "lopo2"}) for s in (7, 21)
    ]
    assert evidence.asking_table(tried + other).index.tolist() == [
        "no label",
        "in doubt, 20 an hour, unsure below 0.8, hold 0.3",
        "5 labels, mixed query, unsupported 0.01",
    ]


def test_a_split_has_a_row_for_each_database_that_it_tests(named):
    crossed = Arm({}, [asked(confusions(s, SVDB), seed=s) for s in (7, 21)])
    table = evidence.splits_table({"left out": named["no label"], "crossed": crossed})
    assert table.index.tolist() == [
        ("left out", "MIT-BIH"),
        ("left out", "SVDB"),
        ("crossed", "SVDB"),
    ]
    for title, records in (("MIT-BIH", MIT), ("SVDB", SVDB)):
        row = table.loc[("left out", title)]
        assert row["macro-F1"] == pytest.approx(macro(0, records))
        assert row["patients"] == len(records)
        pairs = list(beats(0, records))
        for index, name in ((1, "S"), (2, "V")):
            how = {"labels": [index], "average": "macro"}
            for column, score in (("Se", recall_score), ("+P", precision_score)):
                expected = np.mean([score(*pair, **how) for pair in pairs])
                assert row[f"{name} {column}"] == pytest.approx(expected)


def test_a_man_on_both_sides_is_also_left_out():
    records = ("100", "202", "213")
    arm = Arm({}, [asked(confusions(s, records), seed=s) for s in (7, 21)])
    table = evidence.splits_table({"halves": arm})
    assert table.index.tolist() == [("halves", "MIT-BIH"), ("halves", "MIT-BIH without 202")]
    expected = []
    for seed in (7, 21):
        counted = late(confusions(seed, records))
        pair = pairs_of(*(np.array(counted[record]) for record in ("100", "213")))
        expected.append(f1_score(*pair, **MACRO))
    row = table.loc[("halves", "MIT-BIH without 202")]
    assert row["macro-F1"] == pytest.approx(np.mean(expected))
    assert row["patients"] == 2


def test_goals_are_missed_where_less_was_reached(named):
    arms = dict.fromkeys(evidence.GOALS, named["five labels"])
    table = evidence.goals_table(arms, dict.fromkeys(evidence.CROSS_GOALS, named["no label"]))
    assert len(table) == 3 * len(evidence.GOALS) + len(evidence.CROSS_GOALS)
    for column, records in PARTS.items():
        row = table.loc[f"twenty labels, {column}"]
        assert row["reached"] == pytest.approx(macro(9, records))
        assert row["missed"] == (row["reached"] < row["wanted"])
