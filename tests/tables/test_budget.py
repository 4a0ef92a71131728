"""Tables of the micro network, against counts by hand."""

import numpy as np
import pytest

from ecglib.metrics import accuracy, macro_f1
from ecglib.stats import paired_difference, patient_bootstrap
from ecglib.tables import budget, scores
from ecglib.tables.arms import Arm
from tests.tables.made import late, result

GOOD = {"100": [[90, 5, 5], [2, 8, 0], [1, 0, 9]], "232": [[20, 0, 0], [5, 25, 0], [0, 0, 4]]}
BAD = {"100": [[60, 20, 20], [5, 5, 0], [4, 0, 6]], "232": [[20, 0, 0], [25, 5, 0], [0, 0, 4]]}


def asked(per_record, *, budget=0, seed=7, labels=(0, 0, 0, 0, 0), **more):
    """A result of study "budget" with so many labels a record."""
    settings = {"seed": seed, "budget": budget, "scope": "all_int8", "split": "lopo"}
    settings |= {"query": "mixed", "update": "head"} if budget else {"query": "none"}
    found = result("budget", per_record, **(settings | more))
    found.metrics["asked"] = {record: list(labels) for record in per_record}
    found.metrics["online_macs"] = dict.fromkeys(per_record, 2_000_000)
    found.runtime_s.update({"ask": 1.0, "update": 3.0})
    return found


def shares(per_record):
    """Accuracy of each record after 5:00."""
    return {r: float(accuracy(np.array(m))) for r, m in late(per_record).items()}


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
    return budget.by_budget(results, split="lopo", scope="all_int8"), results


def test_budgets_are_in_order_and_of_the_chosen_settings(curve):
    named, results = curve
    assert list(named) == [0, 5, "all"]
    streamed = budget.by_budget(results, query="margin", asking="stream", split="lopo")
    assert list(streamed) == [0, 10]


def test_what_labels_bring_by_hand(curve):
    table = budget.budget_table(curve[0])
    assert table.loc[5, "labels"] == 5
    assert table.loc["all", "labels"] == 310
    assert table.loc[0, ["Δ macro-F1", budget.WORST, "its record", "cost"]].isna().all()
    change = {r: shares(GOOD)[r] - shares(BAD)[r] for r in GOOD}
    row = table.loc[5]
    assert row["its record"] == min(change, key=change.get)
    assert row[budget.WORST] == pytest.approx(100 * min(change.values()))  # points
    assert row["cost"] == 2  # four seconds, two records
    assert row["million multiplications"] == 2
    pooled = np.sum(list(late(GOOD).values()), axis=0)
    assert row["accuracy (patients)"] == pytest.approx(accuracy(pooled))
    assert row["accuracy of patients"] == pytest.approx(np.mean(list(shares(GOOD).values())))
    assert row["without 232"] == pytest.approx(macro_f1(np.array(late(GOOD)["100"])))


def test_every_number_of_a_budget_is_of_beats_after_five_minutes(curve):
    """Interval and difference included; the beats before would give others."""
    row = budget.budget_table(curve[0]).loc[5]
    for matrices, same in ((late, True), (dict, False)):
        reached = patient_bootstrap([matrices(GOOD)], macro_f1)
        found = row[["macro-F1", "95 % low", "95 % high"]].tolist()
        assert (found == pytest.approx([reached.value, reached.low, reached.high])) == same
        change = paired_difference([matrices(GOOD)], [matrices(BAD)], macro_f1)
        found = row[["Δ macro-F1", "Δ macro-F1 low", "Δ macro-F1 high"]].tolist()
        assert (found == pytest.approx([change.value, change.low, change.high])) == same


def test_the_worst_network_is_one_of_a_seed_not_their_mean():
    before = Arm({}, [asked(GOOD), asked(BAD, seed=21)])
    after = Arm({}, [asked(BAD, budget=5), asked(GOOD, budget=5, seed=21)])
    found = scores.patient_change(after, before)
    lost = shares(BAD)["100"] - shares(GOOD)["100"]
    assert found["100"].tolist() == pytest.approx([lost, -lost])  # the mean would be 0
    record, worst = budget.worst_change(after, before)
    assert record == found.min().idxmin()
    assert worst == pytest.approx(found.min().min())
    assert worst < lost / 2 < 0


def test_a_gain_stands_beside_that_of_the_others():
    good, bad = (made | {"101": made["100"]} for made in (GOOD, BAD))
    named = {0: Arm({}, [asked(bad)]), 5: Arm({}, [asked(good, budget=5)])}
    row = budget.budget_table(named).loc[5]
    others = [[{r: m for r, m in late(made).items() if r != "232"}] for made in (good, bad)]
    expected = paired_difference(*others, macro_f1)
    found = row[["Δ without 232", "Δ without 232 low", "Δ without 232 high"]].tolist()
    assert found == pytest.approx([expected.value, expected.low, expected.high])


def test_without_arms_there_is_no_table():
    with pytest.raises(LookupError):
        budget.budget_table({})


def test_answers_are_counted_by_hand():
    arm = Arm({}, [asked(GOOD, labels=(4, 3, 1, 1, 1)), asked(GOOD, labels=(9, 1, 0, 0, 0))])
    assert budget.taught_nothing(arm) == pytest.approx(4 / 40)  # two records each


def test_confusions_of_all_records_and_seeds_are_added():
    found = budget.confusion(Arm({}, [asked(GOOD), asked(BAD, seed=21)]))
    by_hand = sum(np.array(m) for made in (GOOD, BAD) for m in late(made).values())
    np.testing.assert_array_equal(found, by_hand)


def test_targets_are_set_beside_what_was_reached():
    chosen = Arm({}, [result("micro", GOOD)])
    labelled = {k: Arm({}, [asked(GOOD if k else BAD, budget=k)]) for k in (0, 5, 20)}
    table = budget.targets_table(chosen, labelled)
    assert len(table) == len(budget.TARGETS)
    late_bad = float(macro_f1(np.sum(list(late(BAD).values()), axis=0)))
    assert table.loc["left out, no label: macro-F1", "reached"] == pytest.approx(late_bad)
    s = table.loc["DS1 → DS2, no label: S sensitivity"]
    assert s["reached"] == pytest.approx((8 + 25) / (10 + 30))  # all beats
    assert not s["missed"]
    assert (table["missed"] == (table["reached"] < table["wanted"])).all()


def test_variants_are_named_by_what_they_change():
    arm = Arm(result("micro", GOOD, width=2.0, leads="MLII").config, [])
    assert budget.variant(arm) == "one lead, 2 times the width"
    causal = Arm(
        result("micro", GOOD, features="raw+template+causal", scope="all_int8", bits=3).config,
        [],
    )
    assert budget.variant(causal) == (
        "samples + template + two causal RR ratios, weights of 3 bits"
    )
    plain = Arm(result("micro", GOOD, augmentation=0.0).config, [])
    assert budget.variant(plain) == "beats not varied at random"
    chosen = Arm(result("micro", GOOD, split="lopo", scope="all_int8").config, [])
    assert budget.variant(chosen) == "chosen"


def test_choices_stand_beside_each_other():
    results = [
        asked(BAD, split="ds1_cv"),
        asked(GOOD, split="ds1_cv", budget=5),
        asked(GOOD, split="ds1_cv", budget=20),
        asked(GOOD, split="ds1_cv", budget=5, query="random"),
    ]
    table = budget.choice_table(results)
    good, bad = (float(macro_f1(np.sum(list(late(m).values()), axis=0))) for m in (GOOD, BAD))
    assert table.loc["no label", "K = 0"] == pytest.approx(bad)
    mixed = table.loc["mixed query, head", ["K = 5", "K = 20"]].tolist()
    assert mixed == pytest.approx([good, good])
    assert np.isnan(table.loc["random query, head", "K = 20"])


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
    assert budget.calibration_error(confusion, total) == pytest.approx(by_hand)


def test_the_surest_beats_come_last():
    curve = budget.coverage_scores(confidence({95: (80, 20), 52: (10, 10)})[0])
    assert curve["coverage"].iloc[0] == 1
    assert curve["accuracy"].iloc[0] == pytest.approx(90 / 120)
    assert curve["coverage"].iloc[-1] == pytest.approx(100 / 120)
    assert curve["accuracy"].iloc[-1] == pytest.approx(0.8)
    confusion = confidence({95: (80, 20), 52: (10, 10)})[0]
    assert budget.surest(confusion, 0.85) == pytest.approx(0.8)
    assert budget.surest(confusion, 0.99) == pytest.approx(0.75)
