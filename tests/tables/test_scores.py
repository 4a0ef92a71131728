"""Tables of scores, and arms, against scikit-learn and numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from ecglib import stats
from ecglib.metrics import accuracy, macro_f1
from ecglib.tables import arms, frames, runs, scores
from tests.tables.made import MACRO, arm_of, confusions, late, matrices, pairs_of, result
from tests.test_results import ENVIRONMENT

DS2_LIKE = {"100": [[44259, 0, 0], [1837, 0, 0], [3000, 0, 221]]}

both = pytest.mark.parametrize("after_5min", [False, True])


def f1(y_true, y_pred):
    return f1_score(y_true, y_pred, **MACRO)


def test_always_n_by_hand():
    trivial = scores.always_n(DS2_LIKE)
    assert round(trivial.accuracy, 4) == 0.8974
    assert round(trivial.macro_f1, 4) == 0.3153


def test_always_n_does_not_depend_on_the_predictions():
    other = {"100": [[0, 44000, 259], [837, 1000, 0], [221, 3000, 0]]}
    assert scores.always_n(other).to_dict() == scores.always_n(DS2_LIKE).to_dict()


@both
def test_a_score_table_agrees_with_scikit_learn(after_5min):
    row = scores.score_table({"ours": arm_of()}, after_5min=after_5min).loc["ours"]
    by_seed = matrices((7, 21), 0, after_5min)

    def expected(score, records):
        values = [score(*pairs_of(*(m[r] for r in records))) for m in by_seed]
        return pytest.approx([np.mean(values), np.std(values, ddof=1)])

    everyone = ("100", "103", "232")
    assert row[["accuracy", "accuracy std"]].tolist() == expected(accuracy_score, everyone)
    assert row[["macro-F1", "macro-F1 std"]].tolist() == expected(f1, everyone)
    assert row[["without 232", "without 232 std"]].tolist() == expected(f1, ("100", "103"))
    by_patient = [accuracy_score(*pairs_of(m[r])) for m in by_seed for r in everyone]
    assert row["patient mean"] == pytest.approx(np.mean(by_patient))
    assert row["seeds"] == "7, 21"


@both
def test_the_interval_is_of_the_same_beats_as_the_value(after_5min):
    row = scores.score_table({"ours": arm_of()}, after_5min=after_5min).loc["ours"]
    interval = stats.patient_bootstrap(matrices((7, 21), 0, after_5min), macro_f1)
    assert interval.value == pytest.approx(row["macro-F1"])
    assert (row["95 % low"], row["95 % high"]) == (interval.low, interval.high)
    assert interval.low < row["macro-F1"] < interval.high


@both
def test_the_trivial_row_stands_first(after_5min):
    arm = arm_of()
    table = scores.score_table({"ours": arm, "again": arm}, after_5min=after_5min)
    assert list(table.index) == ["always N", "ours", "again"]
    y_true, _ = pairs_of(*matrices((7,), 0, after_5min)[0].values())
    always, row = np.zeros_like(y_true), table.loc["always N"]
    assert row["accuracy"] == pytest.approx(accuracy_score(y_true, always))
    assert row["macro-F1"] == pytest.approx(f1(y_true, always))
    assert pd.isna(row["seeds"])


def test_a_table_without_232_has_no_such_column():
    others = result("baseline", confusions(1, records=("100", "103")))
    assert "without 232" not in scores.score_table({"ours": arms.pick([others])})


def test_all_but_names_are_numbers():
    table = scores.against_control({"none": arm_of(), "new": arm_of(shift=3)})
    assert set(table.select_dtypes(exclude="number")) == {"seeds"}


@both
def test_differences_are_arm_minus_control(after_5min):
    arm, control = arm_of(shift=3), arm_of(shift=5)
    named = {"arm": arm, "itself": control}
    table = scores.difference_table(named, control, after_5min=after_5min)
    assert (table.loc["itself"].dropna() == 0).all()
    columns = [("Δ accuracy", accuracy_score, accuracy), ("Δ macro-F1", f1, macro_f1)]
    for label, score, statistic in columns:
        sides = [matrices((7, 21), shift, after_5min) for shift in (3, 5)]
        means = [np.mean([score(*pairs_of(*m.values())) for m in side]) for side in sides]
        row = table.loc["arm"]
        assert row[label] == pytest.approx(means[0] - means[1])
        interval = stats.paired_difference(*sides, statistic)
        assert (row[f"{label} low"], row[f"{label} high"]) == (interval.low, interval.high)


def test_a_second_interval_stands_only_where_the_two_disagree_about_zero():
    seen = set()
    for shift in range(1, 60):
        pair = [matrices((7,), shift, False), matrices((7,), 0, False)]
        row = scores.difference("Δ", pair, macro_f1)
        plain, bca = (stats.paired_difference(*pair, macro_f1, bca=b) for b in (False, True))
        disagree = plain.excludes_zero != bca.excludes_zero
        assert disagree == pd.notna(row["Δ BCa low"])
        if disagree:
            assert (row["Δ BCa low"], row["Δ BCa high"]) == (bca.low, bca.high)
        seen.add(disagree)
    assert seen == {True, False}


def test_differences_of_other_seeds_are_not_paired():
    """Seeds 7, 21 against 7, 42: as many, but not the same."""
    other, control = arm_of(seeds=(7, 42)), arm_of(seeds=(7, 21))
    with pytest.raises((ValueError, LookupError), match="seeds"):
        scores.difference_table({"arm": other}, control)
    table = scores.against_control({"none": control, "arm": other})
    assert list(table.index) == ["always N", "none", "arm"]
    assert "Δ macro-F1" not in table


def test_arms_stand_beside_their_control_after_five_minutes():
    named = {"none": arm_of(), "new": arm_of(shift=3)}
    table = scores.against_control(named)
    expected = scores.score_table(named, after_5min=True)
    pd.testing.assert_frame_equal(table[expected.columns], expected)
    change = table.loc["new", "macro-F1"] - table.loc["none", "macro-F1"]
    assert table.loc["new", "Δ macro-F1"] == pytest.approx(change)
    assert table.loc[["always N", "none"], "Δ macro-F1"].isna().all()


@both
def test_a_class_table_agrees_with_scikit_learn(after_5min):
    row = scores.class_table({"ours": arm_of()}, after_5min=after_5min).loc["ours"]
    pairs = [pairs_of(*m.values()) for m in matrices((7, 21), 0, after_5min)]
    for short, score in (("Se", recall_score), ("+P", precision_score)):
        values = np.mean([score(*p, labels=[0, 1, 2], average=None) for p in pairs], axis=0)
        assert row[[f"{c} {short}" for c in "NSV"]].tolist() == pytest.approx(values)


def test_an_ec57_table_averages_ratios_over_seeds():
    arm = arm_of()
    for found, tp in zip(arm.results, (8, 6), strict=True):
        counts = {"tp": tp, "fn": 10 - tp, "fp": 2, "tn": 98}
        found.metrics["ec57"] = {"sveb": counts, "veb": counts | {"fp": 0}}
    row = scores.ec57_table({"ours": arm}).loc["ours"]
    assert row["SVEB Se"] == row["VEB Se"] == pytest.approx(0.7)
    assert row["SVEB +P"] == pytest.approx((8 / 10 + 6 / 8) / 2)
    assert row[["VEB +P", "SVEB FPR", "VEB FPR"]].tolist() == [1, 0.02, 0]


def test_rows_keep_their_order_and_miss_what_they_lack():
    table = frames.of_rows({("b", 2): {"x": 1}, ("a", 1): {"y": 2.5}}, ["name", "n"])
    assert list(table.index) == [("b", 2), ("a", 1)]
    assert list(table.index.names) == ["name", "n"]
    assert table.isna().to_numpy().tolist() == [[False, True], [True, False]]


def test_arms_are_results_that_differ_in_the_seed_alone():
    made = [(42, "beat"), (7, "beat"), (7, "beat+rr"), (21, "beat")]
    results = [
        result("baseline", confusions(i), seed=seed, features=features)
        for i, (seed, features) in enumerate(made)
    ]
    found = arms.group(results)
    seeds = [(arm.settings["features"], arm.seeds) for arm in found]
    assert seeds == [("beat", "7, 21, 42"), ("beat+rr", "7")]
    assert "seed" not in found[0].settings
    (only,) = arms.group(results, features="beat+rr")
    assert only.results == [results[2]]


def test_an_arm_pools_its_records_seed_by_seed():
    arm = arm_of()
    total = sum(np.array(matrix) for matrix in confusions(21).values())
    assert arm.values(accuracy)[1] == pytest.approx(np.trace(total) / total.sum())
    expected = [late(confusions(seed)) for seed in (7, 21)]
    for got, after in zip(arm.matrices(after_5min=True), expected, strict=True):
        assert {record: m.tolist() for record, m in got.items()} == after
    without = accuracy_score(*pairs_of(confusions(7)["100"], confusions(7)["103"]))
    assert arm.values(accuracy, without="232")[0] == pytest.approx(without)
    assert len(arm.values(macro_f1)) == 2


def test_settings_must_point_at_one_arm():
    results = [result("baseline", confusions(1), features=f) for f in ("beat", "beat+rr")]
    assert arms.pick(results, features="beat").results == results[:1]
    for wanted in ({}, {"features": "rr"}):
        with pytest.raises(LookupError, match="settings must point at one"):
            arms.pick(results, **wanted)


def test_arms_by_the_setting_in_which_they_differ():
    results = [
        result("personalization", confusions(1), strategy=s, online_epochs=e)
        for s, e in (("none", 10), ("full", 10), ("full", 40))
    ]
    named = arms.by(results, "strategy", online_epochs=10)
    found = {name: arm.results for name, arm in named.items()}
    assert found == {"none": results[:1], "full": results[1:2]}
    with pytest.raises(LookupError, match="differ in more than strategy"):
        arms.by(results, "strategy")


def test_where_results_were_made_is_one_sentence():
    text = arms.where_made([result("baseline", confusions(1))])
    for part in ("MIT-BIH", ENVIRONMENT["cpu"], "threads: 1", ENVIRONMENT["torch"]):
        assert part in text


def test_runtimes_are_means_over_seeds():
    none, full = arm_of("personalization", strategy="none"), arm_of()
    for arm in (none, full):
        for found in arm.results:
            found.runtime_s.clear()
    for found, seconds in zip(none.results, (10.0, 20.0), strict=True):
        found.runtime_s["finetune"] = seconds
    full.results[0].runtime_s.update(finetune=1.0, adapt=3.0)
    full.results[1].runtime_s.update(finetune=2.0, adapt=4.0)
    table = runs.runtime_table({"none": none, "full": full})
    assert table.loc["none", "finetune"] == 15
    assert pd.isna(table.loc["none", "adapt"])
    assert table.loc["full"].to_dict() == {"finetune": 1.5, "adapt": 3.5}


def test_always_answering_n_depends_on_who_is_tested_alone():
    per_record = {r: np.array(m) for r, m in confusions(7).items()}
    table = scores.always_n_table({"all": per_record, "two": stats.without(per_record, 232)})
    total = stats.pool(per_record).sum(axis=1)
    assert table.loc["all", "accuracy"] == pytest.approx(total[0] / total.sum())
    assert table["patients"].tolist() == [3, 2]
    assert table.loc["all", "accuracy low"] <= table.loc["all", "accuracy"]


def test_pairs_are_compared_as_with_a_common_control():
    one, two = arm_of(), arm_of(shift=1)
    table = scores.pairs_table({"two − one": (two, one)})
    common = scores.difference_table({"two": two}, one, after_5min=False)
    assert table.loc["two − one", "Δ macro-F1"] == common.loc["two", "Δ macro-F1"]
    assert table.loc["two − one", "seeds"] == one.seeds


def test_without_arms_there_is_nothing_to_score():
    with pytest.raises(LookupError):
        scores.score_table({})


def test_an_arm_on_one_data_set_has_its_records_only():
    matrices = confusions(1, ("100", "232", "svdb/803"))
    found = result("budget", matrices, seed=7)
    found.metrics["asked"] = {key: [1, 0, 0, 0, 0] for key in matrices}
    whole = arms.Arm({}, [found])
    mit, svdb = (arms.on(whole, name) for name in ("mitdb", "svdb"))
    assert set(mit.matrices()[0]) == {"100", "232"}
    assert set(svdb.matrices(after_5min=True)[0]) == {"svdb/803"}
    assert set(svdb.results[0].metrics["asked"]) == {"svdb/803"}
    assert set(whole.matrices()[0]) == set(matrices)  # nothing was taken from it
    with pytest.raises(LookupError, match="no record of nstdb"):
        arms.on(whole, "nstdb")
