"""Figures of the micro network show what they are given."""

import numpy as np
import torch

from ecglib.data.inputs import Inputs
from ecglib.plots import micro
from ecglib.tables import budget
from ecglib.tables.arms import Arm
from tests.tables.test_budget import BAD, GOOD, asked, confidence
from tests.test_results import made_result


def test_both_channels_are_drawn_for_the_classes_that_are_there():
    y = torch.tensor([0, 2] * 20)
    figure = micro.what_it_sees(Inputs(torch.randn(40, 2, 64), torch.zeros(40, 5), y), 10)
    assert len(figure.axes) == 2
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["N (15)", "V (15)"]


def curve():
    """Arms with 0, 5 and 300 labels in one record, none in the other."""
    arms = {0: Arm({}, [asked(BAD)]), 5: Arm({}, [asked(GOOD)]), "all": Arm({}, [asked(GOOD)])}
    for arm, n_labels in zip(arms.values(), (0, 5, 300), strict=True):
        arm.results[0].metrics["asked"] = {"100": [n_labels, 0, 0, 0, 0], "232": [0] * 5}
    return arms


def test_curves_go_up_where_labels_help():
    axis = micro.budget_curves({"lopo": curve()}).axes[0]
    values = axis.get_lines()[0].get_ydata()
    assert values[0] < values[1] == values[2]
    assert axis.get_lines()[0].get_xdata().tolist() == [0, 2.5, 150]  # mean of two records


def test_every_record_has_a_line():
    named = curve()
    axis = micro.patients(named[5], named[0], ("none", "five")).axes[0]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["232", "100"]


def micro_result(**more):
    result = made_result("micro", GOOD, scope="all_int8", **more)
    confusion, total = confidence({95: (80, 20), 52: (60, 60)})
    counts = confusion.reshape(100, 9).tolist()
    result.metrics["confidence"] = {"confusion": counts, "total": list(total)}
    result.metrics["weight_bytes"] = 4014
    return result


def test_confidence_is_drawn_against_accuracy():
    axes = micro.confidence({"a": [micro_result()]}).axes
    x, y = axes[0].get_lines()[1].get_data()
    np.testing.assert_allclose(x, [0.525, 0.955])
    np.testing.assert_allclose(y, [0.5, 0.8])


def test_every_perturbation_has_a_panel():
    results = []
    for kind, level in (("muscle", 6), ("muscle", 24), ("jitter", 10), ("none", 0)):
        result = made_result("robustness", GOOD, perturbation=kind, level=float(level))
        result.metrics["detection"] = {"100": [[1, 0, 0]] * 3}
        results.append(result)
    figure = micro.robustness(budget.robustness_table(results))
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert labels == [micro.LEVELS["jitter"], micro.LEVELS["muscle"]]
