"""The table of the search, on matrices made by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from ecglib.studies.plan import Plan
from ecglib.tables import search
from tests.tables.made import MACRO, confusions, late, pairs_of, result

RECORDS = ("100", "103", "232", "svdb/803", "svdb/805", "svdb/807")


def run(made_with, *, seed=7, **settings):
    common = {"dataset": "both", "records": (), "split": "dev_cv", "scope": "none"}
    matrices = confusions(made_with, RECORDS)
    return result("micro", matrices, seed=seed, **search.START | common | settings)


@pytest.fixture(scope="module")
def results():
    return [run(1), run(2, class_cap=250), run(3, features="derivative+template+rr")]


def test_each_database_has_its_own_score(results):
    table = search.search_table(results)
    matrices = late(confusions(1, RECORDS))
    for title, keys in (("MIT-BIH", RECORDS[:3]), ("SVDB", RECORDS[3:])):
        expected = f1_score(*pairs_of(*(matrices[key] for key in keys)), **MACRO)
        assert table.loc["start", title] == pytest.approx(expected)


def test_candidates_are_named_by_what_differs_and_the_best_comes_first(results):
    table = search.search_table(results)
    assert table.index[0] == "start"
    assert set(table.index[1:]) == {
        "class cap 250",
        "without rhythm",
    }
    assert table["criterion"].iloc[1:].is_monotonic_decreasing
    assert np.isnan(table.loc["start", "Δ to start"])
    others = table.iloc[1:]
    assert (others["Δ to start low"] <= others["Δ to start"]).all()
    assert (others["Δ to start"] <= others["Δ to start high"]).all()
    change = others["criterion"] - table.loc["start", "criterion"]
    np.testing.assert_allclose(change, others["Δ to start"])


def test_the_criterion_weighs_both_databases_alike():
    """One database is answered perfectly, the other not at all: half of the best score."""
    perfect, wrong = np.diag([50, 50, 50]).tolist(), np.roll(np.diag([50] * 3), 1, 0).tolist()
    matrices = {key: perfect if "svdb" in key else wrong for key in RECORDS}
    found = search.criterion(next(iter(search.candidates([_as_they_are(matrices)]).values())))
    np.testing.assert_allclose(found, 0.5)


def _as_they_are(matrices):
    found = run(1)
    found.per_record_after_5min.update(matrices)
    return found


def test_without_its_start_there_is_no_table(results):
    with pytest.raises(LookupError, match="start"):
        search.search_table(results[1:])
    with pytest.raises(LookupError, match="start"):
        search.search_table(results, seeds=(7, 21))


def test_the_best_are_compared_again_with_all_their_seeds(results):
    again = [run(4, seed=21), run(5, seed=21, class_cap=250)]
    table = search.search_table(results + again, seeds=(7, 21))
    assert table.index.tolist() == ["start", "class cap 250"]
    found = [search.search_table([run(k, seed=s), run(1)], (s,)) for k, s in ((1, 7), (4, 21))]
    expected = np.mean([one.loc["start", "SVDB"] for one in found])
    assert table.loc["start", "SVDB"] == pytest.approx(expected)
    pd.testing.assert_frame_equal(
        search.search_table(results + again), search.search_table(results)
    )


def test_candidates_of_the_params_file_differ_in_one_idea_from_the_start_or_the_best_input():
    best = {"features": "derivative+template+rr+rhythm+recent+spread+unrest"}
    planned = [c for c in Plan.read("cpu").configs("micro") if c.split == search.SPLIT]
    starts = [search.START, search.START | best]
    apart = [
        min(sum(getattr(config, k) != v for k, v in start.items()) for start in starts)
        for config in planned
    ]
    assert apart.count(0) == 2 * 3  # both with all seeds
    assert max(apart) == 1
    assert len({str(sorted(vars(c).items())) for c in planned if c.seed == 7}) <= 40
