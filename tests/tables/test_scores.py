"""Tables, ledgers and arms against scikit-learn and numbers worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from ecglib.metrics import accuracy, macro_f1
from ecglib.tables import arms, runs, scores
from tests.test_results import DATA, ENVIRONMENT, made_result

DS2_LIKE = {"100": [[44259, 0, 0], [1837, 0, 0], [3000, 0, 221]]}
MACRO = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}


def confusions(seed, records=("100", "103", "232")):
    rng = np.random.default_rng(seed)
    diagonal = np.diag([60, 20, 20])
    return {r: (diagonal + rng.integers(0, 9, (3, 3))).tolist() for r in records}


def pairs_of(*matrices):
    """Reference and predicted labels that confusion matrices count together."""
    true, predicted = np.indices((3, 3))
    times = np.sum(matrices, axis=0).ravel()
    return np.repeat(true.ravel(), times), np.repeat(predicted.ravel(), times)


def arm_of(study="baseline", *, seeds=(7, 21), shift=0, **settings):
    results = [
        made_result(
            *(study, confusions(seed + shift)),
            after_5min=confusions(seed + shift + 1000),
            seed=seed,
            **settings,
        )
        for seed in seeds
    ]
    return arms.pick(results)


def test_spread_has_the_sample_deviation():
    assert scores.spread([0.9, 0.8, 1.0]) == "0.900 ± 0.100"
    assert scores.spread([0.12345], digits=4) == "0.1235"


def test_always_n_by_hand():
    trivial = scores.always_n(DS2_LIKE)
    assert round(trivial["accuracy"], 4) == 0.8974
    assert round(trivial["macro_f1"], 4) == 0.3153


def test_always_n_does_not_depend_on_the_predictions():
    other = {"100": [[0, 44000, 259], [837, 1000, 0], [221, 3000, 0]]}
    assert scores.always_n(other) == scores.always_n(DS2_LIKE)


@pytest.mark.parametrize("after_5min", [False, True])
def test_a_score_table_agrees_with_scikit_learn(after_5min):
    arm, offset = arm_of(), 1000 if after_5min else 0
    table = scores.score_table({"ours": arm}, after_5min=after_5min)
    by_seed = [confusions(seed + offset) for seed in (7, 21)]

    def expected(score, records):
        values = [score(*pairs_of(*(m[r] for r in records))) for m in by_seed]
        return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"

    def f1(y_true, y_pred):
        return f1_score(y_true, y_pred, **MACRO)

    everyone = ("100", "103", "232")
    assert table.loc["ours", "accuracy"] == expected(accuracy_score, everyone)
    assert table.loc["ours", "macro-F1"] == expected(f1, everyone)
    assert table.loc["ours", "without 232"] == expected(f1, ("100", "103"))
    by_patient = [accuracy_score(*pairs_of(m[r])) for m in by_seed for r in everyone]
    assert table.loc["ours", "patient mean"] == f"{np.mean(by_patient):.3f}"
    assert table.loc["ours", "seeds"] == "7, 21"


def test_the_trivial_row_stands_first():
    arm = arm_of()
    table = scores.score_table({"ours": arm, "again": arm})
    assert list(table.index) == ["always N", "ours", "again"]
    y_true, _ = pairs_of(*confusions(7).values())
    always = np.zeros_like(y_true)
    assert table.loc["always N", "accuracy"] == f"{accuracy_score(y_true, always):.3f}"
    assert table.loc["always N", "macro-F1"] == f"{f1_score(y_true, always, **MACRO):.3f}"
    assert table.loc["always N", "seeds"] == ""


def test_the_interval_contains_the_value():
    table = scores.score_table({"ours": arm_of()})
    low, high = table.loc["ours", "95 %"].strip("[]").split(", ")
    assert float(low) < float(table.loc["ours", "macro-F1"].split()[0]) < float(high)


def test_a_table_without_232_has_no_such_column():
    result = made_result("baseline", confusions(1, records=("100", "103")))
    table = scores.score_table({"ours": arms.pick([result])})
    assert "without 232" not in table.columns


def test_differences_are_arm_minus_control():
    arm, control = arm_of(shift=3), arm_of(shift=5)
    table = scores.difference_table({"arm": arm, "itself": control}, control)
    assert table.loc["itself", "Δ macro-F1"] == "+0.000 [+0.000, +0.000]"
    for label, score in (
        ("Δ accuracy", accuracy_score),
        ("Δ macro-F1", lambda *y: f1_score(*y, **MACRO)),
    ):
        sides = [
            np.mean([score(*pairs_of(*confusions(s + k + 1000).values())) for s in (7, 21)])
            for k in (3, 5)
        ]
        assert table.loc["arm", label].split()[0] == f"{sides[0] - sides[1]:+.3f}"


def test_differences_of_other_seeds_are_not_paired():
    """Seeds 7, 21 against 7, 42: as many, but not the same."""
    with pytest.raises((ValueError, LookupError), match="seeds"):
        scores.difference_table({"arm": arm_of(seeds=(7, 42))}, arm_of(seeds=(7, 21)))


def test_a_class_table_agrees_with_scikit_learn():
    table = scores.class_table({"ours": arm_of()})
    pairs = [pairs_of(*confusions(seed).values()) for seed in (7, 21)]
    for short, score in (("Se", recall_score), ("+P", precision_score)):
        values = np.mean([score(*p, labels=[0, 1, 2], average=None) for p in pairs], axis=0)
        assert [table.loc["ours", f"{c} {short}"] for c in "NSV"] == [
            f"{v:.3f}" for v in values
        ]


def test_an_ec57_table_averages_ratios_over_seeds():
    arm = arm_of()
    for result, tp in zip(arm.results, (8, 6), strict=True):
        counts = {"tp": tp, "fn": 10 - tp, "fp": 2, "tn": 98}
        result.metrics["ec57"] = {"sveb": counts, "veb": counts | {"fp": 0}}
    row = scores.ec57_table({"ours": arm}).loc["ours"]
    assert row["SVEB Se"] == row["VEB Se"] == "0.700"
    assert row["SVEB +P"] == f"{(8 / 10 + 6 / 8) / 2:.3f}"
    assert (row["VEB +P"], row["SVEB FPR"], row["VEB FPR"]) == ("1.000", "0.020", "0.000")


def test_the_papers_best_row_is_as_printed():
    table = scores.best_of_paper1()
    assert table.iloc[0][["accuracy", "macro-F1"]].tolist() == [
        "0.919 ± 0.004",
        "0.630 ± 0.017",
    ]


def test_a_stack_keeps_headings_and_leaves_gaps_empty():
    printed, ours = scores.best_of_paper1(), scores.score_table({"ours": arm_of()})
    stacked = scores.stack({"paper": printed, "this run": ours})
    assert stacked.loc[("this run", "ours"), "seeds"] == "7, 21"
    assert (stacked.loc["paper", "seeds"] == "").all()


def test_arms_are_results_that_differ_in_the_seed_alone():
    results = [
        made_result("baseline", confusions(i), seed=seed, features=features)
        for i, (seed, features) in enumerate(
            [(42, "beat"), (7, "beat"), (7, "beat+rr"), (21, "beat")]
        )
    ]
    found = arms.group(results)
    assert [(arm.settings["features"], arm.seeds) for arm in found] == [
        *(("beat", "7, 21, 42"), ("beat+rr", "7")),
    ]
    assert "seed" not in found[0].settings
    (only,) = arms.group(results, features="beat+rr")
    assert only.results == [results[2]]


def test_an_arm_pools_its_records_seed_by_seed():
    arm = arm_of()
    total = sum(np.array(matrix) for matrix in confusions(21).values())
    assert arm.values(accuracy)[1] == pytest.approx(np.trace(total) / total.sum())
    late = [confusions(seed + 1000) for seed in (7, 21)]
    for got, matrices in zip(arm.matrices(after_5min=True), late, strict=True):
        assert {record: m.tolist() for record, m in got.items()} == matrices
    without = accuracy_score(*pairs_of(confusions(7)["100"], confusions(7)["103"]))
    assert arm.values(accuracy, without="232")[0] == pytest.approx(without)
    assert len(arm.values(macro_f1)) == 2


def test_settings_must_point_at_one_arm():
    results = [made_result("baseline", confusions(1), features=f) for f in ("beat", "beat+rr")]
    assert arms.pick(results, features="beat").results == results[:1]
    for wanted in ({}, {"features": "rr"}):
        with pytest.raises(LookupError, match="settings must point at one"):
            arms.pick(results, **wanted)


def test_arms_by_the_setting_in_which_they_differ():
    results = [
        made_result("personalization", confusions(1), strategy=s, online_epochs=e)
        for s, e in (("none", 10), ("full", 10), ("full", 40))
    ]
    named = arms.by(results, "strategy", online_epochs=10)
    assert {name: arm.results for name, arm in named.items()} == {
        **{"none": results[:1], "full": results[1:2]},
    }
    with pytest.raises(LookupError, match="differ in more than strategy"):
        arms.by(results, "strategy")


def test_where_results_were_made_is_one_sentence():
    text = arms.where_made([made_result("baseline", confusions(1))])
    for part in (DATA["name"], DATA["profile"], ENVIRONMENT["cpu"], ENVIRONMENT["torch"]):
        assert part in text
    assert "1 thread" in text


def test_runtimes_are_means_over_seeds():
    none, full = arm_of("personalization", strategy="none"), arm_of()
    for arm in (none, full):
        for result in arm.results:
            result.runtime_s.clear()
    for result, seconds in zip(none.results, (10.0, 20.0), strict=True):
        result.runtime_s["finetune"] = seconds
    full.results[0].runtime_s.update(finetune=1.0, adapt=3.0)
    full.results[1].runtime_s.update(finetune=2.0, adapt=4.0)
    table = runs.runtime_table({"none": none, "full": full})
    assert table.loc["none"].to_dict() == {"finetune": "15.0", "adapt": "–"}
    assert table.loc["full"].to_dict() == {"finetune": "1.5", "adapt": "3.5"}


def test_times_of_a_study_add_up():
    results = [made_result("baseline", confusions(1), seed=seed) for seed in (7, 21)]
    for result in results:
        result.runtime_s.clear()
        result.runtime_s.update(train=100.0, predict=20.0)
    table = runs.study_times({"baseline": results})
    assert table.loc["baseline"].to_dict() == {"runs": "2", "minutes": "4"}


def test_long_has_one_row_a_run():
    mine = [made_result("baseline", confusions(1), features=f) for f in ("beat", "beat+rr")]
    table = runs.long({"reference": mine[:1], "this run": mine}, "features", "accuracy")
    assert table[["origin", "features"]].values.tolist() == [
        *(["reference", "beat"], ["this run", "beat"], ["this run", "beat+rr"]),
    ]
    assert table["accuracy"].tolist() == [mine[i].metrics["accuracy"] for i in (0, 0, 1)]


def test_two_folders_stand_side_by_side():
    mine = [made_result("baseline", confusions(s), seed=s) for s in (7, 21)]
    reference = [mine[0], made_result("baseline", confusions(3), features="beat+rr")]
    table = runs.side_by_side(mine, reference)
    assert len(table) == 2
    both, theirs = table.index
    f1 = [result.metrics["macro_f1"] for result in mine]
    assert table.loc[both, "macro_f1 mine"] == scores.spread(f1)
    assert table.loc[both, "macro_f1 reference"] == f"{f1[0]:.3f}"
    assert table.loc[theirs, "accuracy mine"] == "–"
    assert table.loc[theirs, "accuracy reference"] == f"{reference[1].metrics['accuracy']:.3f}"


def test_arms_of_one_name_are_not_taken_for_seeds():
    """Ten and forty epochs of adaptation are two arms, though they share their slug."""
    results = [
        made_result("personalization", confusions(e), strategy="full", online_epochs=e)
        for e in (10, 40)
    ]
    assert len(runs.side_by_side(results, results)) == 2
