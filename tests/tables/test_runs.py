"""The table of trials against numbers worked out by hand."""

import numpy as np
import pytest

from ecglib.tables import runs
from tests.test_results import made_result

GOOD, BAD = np.diag([8, 4, 4]), np.array([[8, 0, 0], [4, 0, 0], [4, 0, 0]])


def trial(split, epochs):
    result = made_result("selection", {"118": GOOD.tolist()}, seed=7, split=split)
    result.metrics["validation_confusion"] = [matrix.tolist() for matrix in epochs]
    return result


def test_folds_are_summed_as_far_as_all_go():
    total = runs.sum_by_epoch([[GOOD, BAD, GOOD], [BAD, BAD]])
    np.testing.assert_array_equal(total, [GOOD + BAD, BAD + BAD])


def test_the_best_epoch_is_that_of_all_folds_together():
    folds = [trial("ds1_fold0", [GOOD, BAD]), trial("ds1_fold1", [BAD, GOOD + GOOD])]
    row = runs.selection_table(folds).iloc[0]
    assert row["best epoch"] == "2"
    assert float(row["accuracy"]) == pytest.approx((8 + 32) / 48, abs=5e-4)
    assert len(row["macro-F1 by epoch"].split()) == 2


def test_folds_and_validation_records_are_rows_of_their_own():
    trials = [trial("ds1_fold0", [GOOD]), trial("ds1_fold1", [BAD]), trial("ds1_val", [GOOD])]
    table = runs.selection_table(trials)
    where = table.index.get_level_values("validated on")
    assert list(where) == ["4 folds", "118, 124, 207, 223"]
    assert table["macro-F1"].tolist()[1] == "1.000"
