"""Tables of learning on the device, from hand-made results."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from ecglib.plots import learning as figures
from ecglib.tables import learning
from tests.tables.made import MACRO, matrices, pairs_of, seeds_of


def run_of(update, asked, *, shift, seeds=(7, 21), **more):
    """Runs of an update that asks as `asked` says, on patients of both databases."""
    settings = {"dataset": "both", "split": "dev_cv", "scope": "all_int8", "unsure": 0.9}
    settings |= {"wrong": 0.0, "update": update.update} | update.how | learning.ASKED[asked]
    found = seeds_of("budget", seeds=seeds, shift=shift, **(settings | more))
    for result in found:
        for by_record in (result.per_record, result.per_record_after_5min):
            by_record["svdb/800"] = by_record["svdb/803"] = by_record.pop("232")
    return found


def expected(shift, database, seeds=(7, 21)):
    """Mean macro-F1 after 5:00 of the patients of a database, by scikit-learn."""
    names = {"svdb": ["232"], "mitdb": ["100", "103"]}[database]
    return np.mean(
        [
            f1_score(*pairs_of(*(found[name] for name in names)), **MACRO)
            for found in matrices(seeds, shift, after_5min=True)
        ]
    )


RETRAINED, KERNEL = learning.UPDATES[0], learning.UPDATES[-1]


@pytest.fixture(scope="module")
def runs():
    found = []
    for place, asked in enumerate(learning.ASKED):
        found += run_of(RETRAINED, asked, shift=place, update_epochs=3, batch_size=256)
        found += run_of(KERNEL, asked, shift=10 + place)
    for result in found:
        result.metrics.update(asked={"100": [1]}, online_macs={"100": 1})
    return found


def test_scores_are_those_of_each_database(runs):
    table = learning.updates_table(runs, "dev_cv")
    assert table.index.tolist() == [RETRAINED.name, KERNEL.name]
    for place, asked in enumerate(learning.ASKED):
        for key, name in learning.DATABASES.items():
            found = table.loc[KERNEL.name, f"{name}, {asked}"]
            assert found == pytest.approx(expected(10 + place, key))


def test_replayed_beats_follow_from_counted_multiplications():
    """Two labels in turn: 3 passes of 3 epochs over 512 beats, in two steps, and the labels."""
    more = {"update_epochs": 3, "batch_size": 256}
    arm = run_of(RETRAINED, "in doubt", shift=1, **more)
    beats = (512 + 2 * 1) + (512 + 2 * 2)
    for result in arm:
        result.metrics["asked"] = {"100": [1, 1, 0, 0, 0], "103": [0] * 5}
        result.metrics["online_macs"] = {"100": 9 * beats * RETRAINED.trained, "103": 0}
    table = learning.costs_table(arm, "dev_cv")
    assert table["flash, bytes"].item() == 512 * RETRAINED.read
    assert table["multiplications a label"].item() == 9 * beats * RETRAINED.trained / 2


def test_an_update_is_worth_the_mean_of_all_ways_of_asking(runs):
    found = learning.costs_table(runs, "dev_cv").loc[KERNEL.name, "macro-F1"]
    each = [
        expected(10 + n, key) for n, _ in enumerate(learning.ASKED) for key in ("mitdb", "svdb")
    ]
    assert found == pytest.approx(np.mean(each))


def test_other_settings_are_other_arms(runs):
    more = run_of(RETRAINED, "5 labels", shift=3, replay_cap=10, update_epochs=3)
    assert learning.updates_table(runs + more, "dev_cv").equals(
        learning.updates_table(runs, "dev_cv")
    )


def test_the_difference_is_of_common_seeds_alone(runs):
    fewer = [r for r in runs if r.config["update"] != "kernel" or r.config["seed"] == 7]
    table = learning.against_retraining(fewer, "dev_cv")
    assert set(table["seeds"]) == {"7"}
    row = table.loc["SVDB, 5 labels"]
    assert row["kernel"] == pytest.approx(expected(10, "svdb", seeds=(7,)))
    assert row["Δ macro-F1"] == pytest.approx(row["kernel"] - row["update of a PC"])


def test_the_unluckiest_patient_is_one_of_one_network(runs):
    none = run_of(KERNEL, "5 labels", shift=30)
    for result in none:
        result.config.update(update="none", budget=0, query="none")
    row = learning.against_retraining(runs + none, "dev_cv").loc["MIT-BIH, 5 labels"]
    changes = []
    for before, after in zip(
        matrices((7, 21), 30, after_5min=True),
        matrices((7, 21), 10, after_5min=True),
        strict=True,
    ):
        for record in ("100", "103"):
            right = [np.trace(np.array(found[record])[:3, :3]) for found in (before, after)]
            n = [np.array(found[record])[:3, :3].sum() for found in (before, after)]
            changes.append(100 * (right[1] / n[1] - right[0] / n[0]))
    assert row["worst, kernel"] == pytest.approx(min(changes))


def test_wrong_answers_have_a_row_each(runs):
    more = run_of(KERNEL, "5 labels", shift=20, wrong=0.2)
    table = learning.by_wrong_answers(runs + more, "dev_cv")
    rows = table[(table["update"] == KERNEL.name) & (table["labels"] == "5 labels")]
    both = np.mean([expected(20, key) for key in learning.DATABASES])
    assert rows["wrong"].tolist() == [0.0, 0.2]
    assert rows["macro-F1"].iloc[1] == pytest.approx(both)


@pytest.mark.parametrize(
    "table", [learning.updates_table, learning.costs_table, learning.against_retraining]
)
def test_what_has_no_runs_says_so(table):
    with pytest.raises(LookupError):
        table([], "dev_cv")


def test_the_figure_has_a_line_for_each_update():
    rows = [
        {"labels": asked, "update": update.name, "wrong": wrong, "macro-F1": 0.8 - wrong}
        for asked in learning.ASKED
        for update in learning.UPDATES
        for wrong in (0.0, 0.2)
    ]
    figure = figures.by_wrong_answers(pd.DataFrame(rows))
    for axis in figure.axes:
        assert len(axis.lines) == len(learning.UPDATES)
        assert all(
            line.get_ydata().tolist() == [0.8, pytest.approx(0.6)] for line in axis.lines
        )


def test_the_figure_of_costs_has_each_update_once_a_panel():
    costs = {"flash, bytes": 600.0, "RAM, bytes": 900, "multiplications a label": 4e4}
    rows = [{"update": update.name, **costs, "macro-F1": 0.8} for update in learning.UPDATES]
    figure = figures.by_cost(pd.DataFrame(rows).set_index("update"))
    for axis, value in zip(figure.axes, costs.values(), strict=True):
        assert [line.get_label() for line in axis.lines] == [u.name for u in learning.UPDATES]
        assert {float(line.get_xdata()[0]) for line in axis.lines} == {value}
