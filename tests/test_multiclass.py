"""Scores of recordings, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from ecglib.metrics import challenge_f1, confusion_matrix, scores

CLASSES = ("N", "A", "O", "~")
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(PAIRS)
def test_scores_are_those_of_scikit_learn(pairs):
    true, predicted = np.array(pairs).T
    found = scores(confusion_matrix(true, predicted, 4), CLASSES)
    kind = {"labels": range(4), "zero_division": 0}
    macro = precision_recall_fscore_support(true, predicted, average="macro", **kind)
    names = ("macro_precision", "sensitivity", "macro_f1")
    assert [found[name] for name in names] == pytest.approx(macro[:3])
    assert found["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    each = precision_recall_fscore_support(true, predicted, **kind)
    for index, name in enumerate(CLASSES):
        row = found["per_class"][name]
        own = [row[k] for k in ("precision", "sensitivity", "f1", "support")]
        assert own == pytest.approx([column[index] for column in each])


def test_a_constant_answer_has_recall_one_over_the_number_of_classes():
    """Paper 2 prints 0.1310 for four classes, which no constant answer can have."""
    confusion = [[457, 0, 0, 0], [500, 0, 0, 0], [600, 0, 0, 0], [561, 0, 0, 0]]
    found = scores(confusion, CLASSES)
    assert found["sensitivity"] == 0.25
    assert found["accuracy"] == pytest.approx(0.2158, abs=5e-5)
    assert found["macro_f1"] == pytest.approx(0.0887, abs=5e-5)


def test_the_challenge_leaves_noise_out():
    confusion = np.diag([5, 5, 5, 0])
    confusion[3, 0] = 5
    found = scores(confusion, CLASSES)["per_class"]
    assert challenge_f1(found) == pytest.approx((2 * 5 / 15 + 1 + 1) / 3)


def test_no_recordings_cannot_be_scored():
    with pytest.raises(ValueError, match="no recordings"):
        scores(np.zeros((2, 2), int), ("SB", "SR"))
