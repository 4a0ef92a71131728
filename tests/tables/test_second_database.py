"""ECGNet on a second database: which runs are shown, and scores against scikit-learn."""

import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from ecglib import results, stats
from ecglib.aami import DS2, SVDB_DEV, SVDB_TEST
from ecglib.metrics import macro_f1
from ecglib.system.paths import RESULTS
from ecglib.tables import second_database
from tests.tables.made import MACRO, confusions, late, pairs_of, result

ON_SVDB = {"dataset": "both", "records": (), "split": "mit_svdb"}
RECORDS = tuple(f"svdb/{number}" for number in SVDB_TEST[:5])


def of_study(name):
    return results.load_study(RESULTS, name)


@pytest.fixture
def runs():
    """Runs of one split of both studies, each with matrices of its own, beside other runs."""
    made = {"baseline": [], "personalization": []}

    def add(study, number, **settings):
        made[study].append(result(study, confusions(number, RECORDS), **settings))

    for number, features in enumerate(("beat", "beat+rr")):
        add("baseline", number, features=features, **ON_SVDB)
    for number, finetune in enumerate(("head", "all"), start=2):
        more = {"finetune": finetune, "train_share": 1.0 if finetune == "head" else 0.05}
        for shift, strategy in enumerate(("none", "adabn")):
            add("personalization", number + 2 * shift, strategy=strategy, **more, **ON_SVDB)
    add("baseline", 8, seed=21, **ON_SVDB)
    add("baseline", 9, norm="batch", **ON_SVDB)
    add("personalization", 8, strategy="full", **ON_SVDB)
    add("personalization", 9, strategy="none")
    return made


def test_scores_after_five_minutes_agree_with_scikit_learn(runs):
    table = second_database.table(runs.__getitem__, "mit_svdb")
    assert len(table) == 7
    for row, number in zip(table.index[1:], (0, 1, 2, 4, 3, 5), strict=True):
        y_true, y_pred = pairs_of(*late(confusions(number, RECORDS)).values())
        found = table.loc[row]
        assert found["accuracy"] == pytest.approx(accuracy_score(y_true, y_pred))
        assert found["macro-F1"] == pytest.approx(f1_score(y_true, y_pred, **MACRO))
        for index, name in ((1, "S"), (2, "V")):
            one = {"labels": [index], "average": None, "zero_division": 0}
            recall, precision = (
                s(y_true, y_pred, **one) for s in (recall_score, precision_score)
            )
            assert found[f"{name} Se"] == pytest.approx(recall[0])
            assert found[f"{name} +P"] == pytest.approx(precision[0])
            assert found[f"{name} Se low"] < recall[0] < found[f"{name} Se high"]


def test_adabn_is_compared_with_none_of_the_same_fine_tuning(runs):
    table = second_database.table(runs.__getitem__, "mit_svdb")
    differences = table["Δ macro-F1"].dropna()
    assert [name.split(",")[:2] for name in differences.index] == [
        ["AdaBN", " head fine-tuned"],
        ["AdaBN", " everything fine-tuned"],
    ]
    for value, (adabn, none) in zip(differences, ((4, 2), (5, 3)), strict=True):
        ours, theirs = (late(confusions(n, RECORDS)) for n in (adabn, none))
        assert value == pytest.approx(macro_f1(stats.pool(ours)) - macro_f1(stats.pool(theirs)))


def test_the_trivial_answer_stands_first(runs):
    table = second_database.table(runs.__getitem__, "mit_svdb")
    y_true, _ = pairs_of(
        *late(confusions(3, RECORDS)).values()
    )  # of one arm; all have its beats
    assert table.index[0] == "always N"
    assert table["accuracy"].iloc[0] == pytest.approx((y_true == 0).mean())


def test_a_missing_run_is_said(runs):
    runs["personalization"] = runs["personalization"][:1]
    with pytest.raises(LookupError):
        second_database.table(runs.__getitem__, "mit_svdb")
    with pytest.raises(LookupError):
        second_database.table(lambda name: [], "mit_svdb")


@pytest.mark.parametrize(
    ("split", "tested"),
    [
        ("mit_svdb", {f"svdb/{r}" for r in SVDB_DEV + SVDB_TEST}),
        ("ds1_ds2", {str(r) for r in DS2}),
    ],
)
def test_committed_runs_of_both_splits_cover_their_patients(split, tested):
    named = second_database.labelled(of_study, split)
    assert set(named) == {"beat", "beat+rr"}
    for finetune in second_database.SHARES:
        named |= second_database.adapted(of_study, split, finetune)
    assert all(set(arm.matrices()[0]) == tested for arm in named.values())
