"""Tables about the runs themselves against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ecglib.aami import DS1, DS2
from ecglib.studies.plan import Plan
from ecglib.tables import runs
from tests.tables.made import confusions, result

GOOD, BAD = np.diag([8, 4, 4]), np.array([[8, 0, 0], [4, 0, 0], [4, 0, 0]])


def trial(split, epochs):
    found = result("selection", {"118": GOOD.tolist()}, seed=7, split=split)
    found.metrics["validation_confusion"] = [matrix.tolist() for matrix in epochs]
    return found


def test_folds_are_summed_as_far_as_all_go():
    total = runs._sum_by_epoch([[GOOD, BAD, GOOD], [BAD, BAD]])
    np.testing.assert_array_equal(total, [GOOD + BAD, BAD + BAD])


def test_the_best_epoch_is_that_of_all_folds_together():
    folds = [trial("ds1_fold0", [GOOD, BAD]), trial("ds1_fold1", [BAD, GOOD + GOOD])]
    row = runs.selection_table(folds).iloc[0]
    assert row["best epoch"] == 2
    assert row["accuracy"] == pytest.approx((8 + 32) / 48)
    assert row["macro-F1 by epoch #2"] == row["macro-F1"] > row["macro-F1 by epoch #1"]
    assert "macro-F1 by epoch #3" not in row


def test_folds_and_validation_records_are_rows_of_their_own():
    trials = [trial("ds1_fold0", [GOOD]), trial("ds1_fold1", [BAD]), trial("ds1_val", [GOOD])]
    on_test_patients = trial("ds1_ds2", [])
    table = runs.selection_table([*trials, on_test_patients])
    where = table.index.get_level_values("validated on")
    assert list(where) == ["4 folds", "118, 124, 207, 223"]
    assert table["macro-F1"].tolist()[1] == 1
    (arm,) = set(table.index.get_level_values("arm"))
    assert arm == "baseline, isolated beats, BatchNorm, no class weights"


def test_times_of_a_study_add_up():
    results = [result("baseline", confusions(1), seed=seed) for seed in (7, 21)]
    for found in results:
        found.runtime_s.clear()
        found.runtime_s.update(train=100.0, predict=20.0)
    times = runs.study_times({"baseline": results})
    assert times.loc["baseline"].to_dict() == {"runs": 2, "minutes": 4}


def test_without_trials_there_is_nothing_to_choose():
    with pytest.raises(LookupError):
        runs.selection_table([])


def test_the_longest_study_comes_first_and_empty_ones_are_left_out():
    results = [result("baseline", confusions(1), seed=seed) for seed in (7, 21)]
    times = runs.study_times({"probe": results[:1], "baseline": results, "micro": []})
    assert times["runs"].to_dict() == {"baseline": 2, "probe": 1}


def test_runs_of_a_params_file_are_found_by_their_settings():
    plan = Plan("made", {"common": {"seeds": [7, 21]}, "baseline": [{"epochs": [1, 2]}]})
    kept = [result("baseline", confusions(1), seed=7, epochs=epochs) for epochs in (2, 3)]
    table = runs.coverage(plan, {"baseline": kept})
    assert table.loc["baseline"].to_dict() == {"listed": 4, "have a result": 1}


def test_a_row_compares_runs_of_the_same_settings_and_seeds():
    mine = [result("baseline", confusions(s), seed=s) for s in (7, 21, 42)]
    reference = [result("baseline", confusions(s + 3), seed=s) for s in (7, 21, 84)]
    reference.append(result("baseline", confusions(3), features="beat+rr"))
    table = runs.side_by_side(mine, reference)
    (row,) = table.to_dict("records")
    assert table.index[0].startswith("isolated beats, ")
    assert row["seeds"] == "7, 21"
    sides = {"mine": mine[:2], "reference": reference[:2]}
    f1 = {label: [r.metrics["macro_f1"] for r in side] for label, side in sides.items()}
    for label, values in f1.items():
        assert row[f"macro-F1 {label}"] == pytest.approx(np.mean(values))
        assert row[f"macro-F1 {label} std"] == pytest.approx(np.std(values, ddof=1))
    change = np.mean(f1["mine"]) - np.mean(f1["reference"])
    assert row["Δ macro-F1"] == pytest.approx(change)
    left_out = runs.unlike(mine, reference)
    ((arm, setting),) = left_out.index
    assert (arm, setting) == (table.index[0], "seed")
    assert left_out.iloc[0]["mine"].endswith("42")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"records": (100, 101, 106)}, ("44 records", "3 records")),
        ({"records": (*DS1, *DS2[:-1], 102)}, (f"[{DS2[-1]}]", "[102]")),
        ({"epochs": 3}, ("8", "3")),
        ({"channels": (4, 4, 4, 4, 4)}, ("64…512", "4…4")),
        ({"learning_rate": 1e-3, "epochs": 3}, ("0.0003", "0.001")),
    ],
)
def test_runs_of_other_settings_are_not_compared_but_the_settings_are_named(other, said):
    mine = result("baseline", confusions(1))
    reference = [result("baseline", confusions(2), **other)]
    reference.append(result("baseline", confusions(3), seed=1, norm="batch", **other))
    assert runs.side_by_side([mine], reference).empty
    table = runs.unlike([mine], reference).droplevel("arm")
    assert sorted(table.index) == sorted(other)
    name = next(iter(other))
    for label, value in zip(("mine", "reference"), said, strict=True):
        assert value in table.loc[name, label]
        assert len(table.loc[name, label]) > 0
    assert (table["mine"] != table["reference"]).all()


@pytest.mark.parametrize("other", [{"synthetic": True}, {"sha256": "cd" * 32}])
def test_runs_on_other_data_are_not_compared(other):
    mine = result("baseline", confusions(1))
    reference = replace(mine, data=mine.data | other)
    assert runs.side_by_side([mine], [reference]).empty
    assert all("data" in setting for _, setting in runs.unlike([mine], [reference]).index)


def test_arms_of_one_name_are_not_taken_for_seeds():
    """Ten and forty epochs of adaptation are two arms, though one name fits both."""
    kind = {"study": "personalization", "strategy": "full"}
    results = [result(per_record=confusions(e), online_epochs=e, **kind) for e in (10, 40)]
    table = runs.side_by_side(results, results)
    named = [name.split("(")[1] for name in table.index]
    assert named == ["online epochs 10)", "online epochs 40)"]
