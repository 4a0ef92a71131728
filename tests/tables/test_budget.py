"""Tables of the micro network, against counts by hand."""

import numpy as np
import pandas as pd
import pytest

from ecglib.metrics import accuracy
from ecglib.tables import budget as handful
from ecglib.tables.arms import Arm
from tests.test_results import made_result

GOOD = {"100": [[90, 5, 5], [2, 8, 0], [1, 0, 9]], "232": [[20, 0, 0], [5, 25, 0], [0, 0, 4]]}
BAD = {"100": [[60, 20, 20], [5, 5, 0], [4, 0, 6]], "232": [[20, 0, 0], [25, 5, 0], [0, 0, 4]]}


def asked(per_record, *, budget=0, seed=7, labels=(0, 0, 0, 0, 0), **more):
    how = {"query": "mixed", "update": "head"} if budget else {}
    result = made_result(
        *("budget", per_record),
        **{"seed": seed, "budget": budget, "scope": "all_int8", "split": "lopo", **how, **more},
    )
    result.metrics["asked"] = {record: list(labels) for record in per_record}
    result.metrics["online_macs"] = dict.fromkeys(per_record, 2_000_000)
    result.runtime_s.update({"ask": 1.0, "update": 3.0})
    return result


@pytest.fixture
def curve():
    results = [
        asked(BAD),
        asked(GOOD, budget="all", labels=(300, 9, 1, 0, 0)),
        asked(GOOD, budget=5, labels=(2, 2, 1, 0, 0)),
        asked(BAD, budget=5, query="random"),
        asked(GOOD, budget=10, query="margin", asking="stream"),
        asked(GOOD, budget=5, label_weight=9.5),
    ]
    return handful.by_budget(results, split="lopo", scope="all_int8"), results


def test_budgets_are_in_order_and_of_the_chosen_settings(curve):
    named, results = curve
    assert list(named) == [0, 5, "all"]
    streamed = handful.by_budget(results, query="margin", asking="stream", split="lopo")
    assert list(streamed) == [0, 10]


def test_what_labels_bring_by_hand(curve):
    table = handful.budget_table(curve[0])
    assert table.loc[5, "labels"] == "5"
    assert table.loc["all", "labels"] == "310"
    assert table.loc[0, "Δ macro-F1"] == table.loc[0, handful.WORST] == ""
    change = (107 - 71) / 120, (49 - 29) / 54
    assert table.loc[5, handful.WORST] == f"{min(change):+.3f} (100)"
    assert table.loc[5, "cost"] == "2.00 s, 2 M"  # four seconds, two records
    each = (107 / 120 + 49 / 54) / 2
    assert table.loc[5, "accuracy (patients)"] == f"{(107 + 49) / 174:.3f} ({each:.3f})"


def test_the_worst_network_is_one_of_a_seed_not_their_mean():
    before = Arm({}, [asked(GOOD), asked(BAD, seed=21)])
    after = Arm({}, [asked(BAD, budget=5), asked(GOOD, budget=5, seed=21)])
    found = handful.patient_change(after, before)
    lost = accuracy(np.array(BAD["100"])) - accuracy(np.array(GOOD["100"]))
    assert found["100"].tolist() == pytest.approx([lost, -lost])  # the mean would be 0
    worst = handful.budget_table({0: before, 5: after}).loc[5, handful.WORST]
    assert float(worst.split()[0]) < -0.2


def test_variants_are_named_by_what_they_change():
    arm = Arm(made_result("micro", GOOD, width=2.0, leads="MLII").config, [])
    assert handful.variant(arm) == "leads MLII, width 2.0"
    chosen = Arm(made_result("micro", GOOD, split="lopo", scope="all_int8").config, [])
    assert handful.variant(chosen) == "chosen"


def test_choices_stand_beside_each_other():
    results = [
        asked(BAD, split="ds1_cv"),
        asked(GOOD, split="ds1_cv", budget=5),
        asked(GOOD, split="ds1_cv", budget=20),
        asked(GOOD, split="ds1_cv", budget=5, query="random"),
    ]
    table = handful.choice_table(results)
    assert table.loc["no label", "K = 0"] != ""
    assert (table.loc["mixed, head", ["K = 5", "K = 20"]] != "").all()
    assert table.loc["random, head", "K = 20"] == ""


def confidence(steps):
    """Counts with, at each step, (n_right, n_wrong) beats of class N at its middle."""
    confusion, total = np.zeros((100, 3, 3), int), np.zeros(100)
    for step, (right, wrong) in steps.items():
        confusion[step, 0, 0], confusion[step, 0, 1] = right, wrong
        total[step] = (right + wrong) * (step + 0.5) / 100
    return confusion, total


def test_calibration_error_by_hand():
    confusion, total = confidence({95: (80, 20), 52: (10, 10)})
    by_hand = (100 * abs(0.955 - 0.8) + 20 * abs(0.525 - 0.5)) / 120
    assert handful.calibration_error(confusion, total) == pytest.approx(by_hand)


def test_the_surest_beats_come_last():
    curve = handful.coverage_scores(confidence({95: (80, 20), 52: (10, 10)})[0])
    assert curve["coverage"].iloc[0] == 1
    assert curve["accuracy"].iloc[0] == pytest.approx(90 / 120)
    assert curve["coverage"].iloc[-1] == pytest.approx(100 / 120)
    assert curve["accuracy"].iloc[-1] == pytest.approx(0.8)


def test_missed_and_false_beats_lower_f1():
    result = made_result("robustness", GOOD, perturbation="detected")
    result.metrics["detection"] = {
        "100": [[9, 1, 0], [4, 4, 2], [3, 1, 1]],
        "232": [[0, 0, 0]] * 3,
    }
    table = handful.robustness_table([result])
    assert isinstance(table.index, pd.MultiIndex)
    assert table.loc[("detected", 0.0), "S F1, fp32"] == pytest.approx(8 / (8 + 4 + 2))
    assert table.loc[("detected", 0.0), "V F1, fp32"] == pytest.approx(6 / (6 + 1 + 1))
