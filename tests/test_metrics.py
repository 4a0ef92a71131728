"""Scores against scikit-learn, EC57 counts against counting by hand."""

import json

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sklearn_metrics

from ecglib import metrics
from ecglib.aami import CLASSES, DS2, SYMBOL_TO_AAMI
from ecglib.metrics import Detection, accuracy, ec57, evaluate, macro_f1, macro_sensitivity
from tests.tables.made import MACRO, pairs_of

LABELS = [0, 1, 2]
FS = 360
AFTER_LEARNING = 300 * FS

beat_pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1)


def stacks(max_stack=4):
    """Stacks of confusion matrices in which no matrix is empty."""
    shape = st.tuples(st.integers(1, max_stack), st.just(3), st.just(3))
    counts = arrays(np.int64, shape, elements=st.integers(0, 50))
    return counts.filter(lambda stack: stack.sum(axis=(1, 2)).all())


@given(beat_pairs)
def test_evaluate_agrees_with_scikit_learn(pairs):
    y_true, y_pred = map(list, zip(*pairs, strict=True))
    ours = evaluate(y_true, y_pred)
    assert ours.accuracy == pytest.approx(sklearn_metrics.accuracy_score(y_true, y_pred))
    assert ours.macro_f1 == pytest.approx(sklearn_metrics.f1_score(y_true, y_pred, **MACRO))
    recall = sklearn_metrics.recall_score(y_true, y_pred, **MACRO)
    assert ours.sensitivity == pytest.approx(recall)
    expected = sklearn_metrics.confusion_matrix(y_true, y_pred, labels=LABELS)
    np.testing.assert_array_equal(ours.confusion, expected)
    assert ours.confusion.dtype == np.int64


@given(beat_pairs)
def test_per_class_scores_agree_with_scikit_learn(pairs):
    y_true, y_pred = map(np.array, zip(*pairs, strict=True))
    ppv, sensitivity, f1, support = sklearn_metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=LABELS, zero_division=0
    )
    for index, name in enumerate(CLASSES):
        ours = evaluate(y_true, y_pred).per_class[name]
        others = y_true != index
        fpr = np.mean(y_pred[others] == index) if others.any() else 0
        assert ours["sensitivity"] == pytest.approx(sensitivity[index])
        assert ours["ppv"] == pytest.approx(ppv[index])
        assert ours["f1"] == pytest.approx(f1[index])
        assert ours["fpr"] == pytest.approx(fpr)
        assert ours["support"] == support[index]


@given(stacks())
def test_stacked_statistics_agree_with_scikit_learn_matrix_by_matrix(stack):
    pairs = [pairs_of(confusion) for confusion in stack]
    recall = [sklearn_metrics.recall_score(*pair, **MACRO) for pair in pairs]
    for ours, expected in (
        (accuracy(stack), [sklearn_metrics.accuracy_score(*pair) for pair in pairs]),
        (macro_f1(stack), [sklearn_metrics.f1_score(*pair, **MACRO) for pair in pairs]),
        (macro_sensitivity(stack), recall),
    ):
        assert ours.shape == (len(stack),)
        np.testing.assert_allclose(ours, expected)


def test_statistics_keep_every_leading_axis():
    stack = np.broadcast_to(np.eye(3, dtype=int), (5, 2, 3, 3))
    for statistic in (accuracy, macro_f1, macro_sensitivity):
        np.testing.assert_array_equal(statistic(stack), np.ones((5, 2)))


def test_to_dict_survives_json_and_has_the_keys_of_a_result_file():
    stored = json.loads(json.dumps(evaluate([0, 1, 2, 2], [0, 1, 2, 0]).to_dict()))
    assert list(stored) == ["accuracy", "macro_f1", "sensitivity", "per_class"]
    assert list(stored["per_class"]) == ["N", "S", "V"]
    own = {"sensitivity": 0.5, "ppv": 1.0, "f1": pytest.approx(2 / 3), "fpr": 0, "support": 2}
    assert stored["per_class"]["V"] == own


def test_beats_labels_may_be_int8_as_in_beats():
    many = np.full(1000, 2, dtype=np.int8)
    assert evaluate(many, many).confusion[2, 2] == 1000


def test_confusion_matrix_of_no_beats_is_zero():
    np.testing.assert_array_equal(metrics.confusion_matrix([], []), np.zeros((3, 3)))


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="no beats to score"):
        evaluate([], [])
    with pytest.raises(ValueError, match="no beats to score"):
        macro_f1([np.eye(3), np.zeros((3, 3))])


@pytest.mark.parametrize("label", [-1, 3, 0.5])
def test_label_outside_the_classes_is_an_error_that_names_the_parameter(label):
    with pytest.raises(ValueError, match=rf"y_pred holds {label}; labels must be 0 … 2"):
        evaluate([0, 1], [0, label])
    with pytest.raises(ValueError, match="y_true holds"):
        evaluate([0, label], [0, 1])


def test_unequal_lengths_are_an_error():
    with pytest.raises(ValueError, match=r"y_true \(2,\), y_pred \(3,\)"):
        evaluate([0, 1], [0, 1, 2])


def test_confusion_matrix_of_another_size_is_an_error():
    with pytest.raises(ValueError, match="3 × 3"):
        metrics.from_confusion(np.eye(4))


# Every kind of reference beat (rows) predicted as N, S, V (columns) so many times.
EC57_COUNTS = {"N": (100, 7, 5), "L": (20, 0, 1), "j": (6, 2, 0), "e": (3, 1, 4)}
EC57_COUNTS |= {"A": (10, 30, 8), "V": (9, 11, 50), "E": (0, 0, 2)}
EC57_COUNTS |= {"F": (12, 13, 14), "Q": (15, 16, 17), "f": (1, 0, 1)}


def ec57_example():
    symbol, predicted = [], []
    for name, counts in EC57_COUNTS.items():
        for index, count in enumerate(counts):
            symbol += [name] * count
            predicted += [index] * count
    return np.array(symbol), np.array(predicted)


def test_ec57_counts_as_counted_by_hand():
    symbol, predicted = ec57_example()
    result = ec57(symbol, predicted, np.full(len(symbol), AFTER_LEARNING), FS)
    assert result.veb == Detection(
        tp=50 + 2,
        fn=9 + 11,
        fp=5 + 1 + 0 + 4 + 8,  # N and S (with j, e) called V; not the 14 F, not the 18 Q
        tn=(107 + 20) + (8 + 4 + 40) + 25 + 32,  # N, S (with j, e), F, Q called N or S
    )
    assert result.sveb == Detection(
        tp=30 + 2 + 1,
        fn=(10 + 8) + 6 + (3 + 4),
        fp=7 + 11 + 13,  # N, V and F called S; not the 16 Q
        tn=(105 + 21) + (59 + 2) + 26 + 34,  # N, V, F, Q called N or V
    )


def test_ec57_ratios():
    detection = Detection(tp=6, fn=2, fp=4, tn=12)
    assert (detection.se, detection.ppv, detection.fpr) == (0.75, 0.6, 0.25)
    assert np.isnan([Detection(0, 0, 0, 5).se, Detection(0, 1, 0, 5).ppv]).all()
    assert np.isnan(Detection(3, 1, 0, 0).fpr)


def test_ec57_skips_beats_before_five_minutes():
    last_of_learning = AFTER_LEARNING - 1
    veb = ec57(["V", "V", "V"], [0, 2, 2], [5, last_of_learning, AFTER_LEARNING], FS).veb
    assert veb == Detection(tp=1, fn=0, fp=0, tn=0)
    veb = ec57(["V", "V", "V"], [0, 2, 2], [5, 9, AFTER_LEARNING], FS, learning_s=0).veb
    assert veb == Detection(tp=2, fn=1, fp=0, tn=0)


def test_ec57_reference_counts_of_ds2(mitdb_root):
    annotations = [wfdb.rdann(str(mitdb_root / str(record)), "atr") for record in DS2]
    symbol = np.concatenate([annotation.symbol for annotation in annotations])
    sample = np.concatenate([annotation.sample for annotation in annotations])
    beats = np.isin(symbol, list(SYMBOL_TO_AAMI))
    always_v = np.full(beats.sum(), 2)
    result = ec57(symbol[beats], always_v, sample[beats], FS, learning_s=0)
    assert result.sveb == Detection(tp=0, fn=2050, fp=0, tn=49712 - 2050)
    assert result.veb == Detection(tp=3221, fn=0, fp=44259 + 1837, tn=0)  # no F, no Q


def test_ec57_bad_input():
    with pytest.raises(ValueError, match=r"\['\+', '~'\], not beats"):
        ec57(["N", "+", "~"], [0, 0, 0], [AFTER_LEARNING] * 3, FS)
    with pytest.raises(ValueError, match="predicted holds 3"):
        ec57(["F"], [3], [AFTER_LEARNING], FS)
    with pytest.raises(ValueError, match=r"symbol \(2,\), predicted \(1,\)"):
        ec57(["N", "N"], [0], [1, 2], FS)
