"""What paper 2's printed numbers say about themselves, against counts done by hand."""

import pytest
from sklearn.metrics import f1_score
from torch import nn

from ecglib.tables import paper2, printed

from .test_paper2 import CONSTANT


@pytest.fixture(scope="module")
def model():
    """Ninety-nine weights and one bias."""
    return nn.Linear(99, 1)


def test_fixed_ratios_follow_the_formula(model):
    found, f = printed.fixed_ratios(model), 0.01
    assert set(found) == set(paper2.TABLE_1["resnet1d"]) - {"fp32", "LAQ", "LAP"}
    assert found["1 bit"] == pytest.approx(32 / ((1 - f) + 32 * f))
    assert found["6 bits"] == pytest.approx(32 / (6 * (1 - f) + 32 * f))
    assert found["70 % pruned"] == pytest.approx(1 / (0.3 * (1 - f) + f))


def test_the_table_sets_printed_beside_computed(model):
    table = printed.algebra_table({"hubert": printed.fixed_ratios(model)})
    assert table.loc["8 bits", ("hubert", "printed")] == "3.98"
    assert table.loc["8 bits", ("hubert", "formula")] == "3.88"  # 32 / (8 · 0.99 + 0.32)
    assert len(table) == 13


def test_constants_are_the_collapsed_rows():
    table = printed.constants_table()
    found = {(*row,): int(n) for row, n in table["recordings"].items()}
    assert found == {row: n for n, rows in CONSTANT.items() for row in rows}


def test_constants_have_the_f1_of_scikit_learn():
    true = [value for value, n in enumerate(CONSTANT) for _ in range(n)]
    for row in printed.constants_table().itertuples(index=False):
        value = list(CONSTANT).index(int(row.recordings))
        f1 = f1_score(true, [value] * len(true), average="macro")
        assert row[2] == f"{f1:.4f}"
    table = printed.constants_table()["printed as"]
    assert table["resnet1d", "2 bits"] == "precision"
    assert table["hubert", "2 bits"] == "precision, recall, f1"
