"""Mistakes of the puzzle against counts made by hand."""

import numpy as np
import pytest

from ecglib.puzzle import NAMES
from ecglib.tables import puzzle


def test_mistakes_are_told_apart_by_the_place_of_the_qrs_complex():
    counts = np.diag([8, 10, 10, 10, 10, 10])
    counts[0, 5] = 1  # P QRS T taken for T QRS P: the QRS stays in the middle
    counts[0, 1] = 1  # taken for P T QRS: it does not
    found = puzzle.errors(counts)
    assert found["accuracy"] == pytest.approx(58 / 60)
    assert found["place"] == pytest.approx(59 / 60)
    assert found["same place"] == 0.5
    assert found["hardest"] == NAMES[0]


def test_orders_share_a_place_in_pairs():
    places = [name.split("·").index("QRS") for name in NAMES]
    assert list(puzzle.PLACE) == places
