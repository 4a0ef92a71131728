"""Figures of the chapters on the puzzle and on personalization hold what they are given."""

import numpy as np
import pandas as pd
import pytest

from ecglib.personalize.strategies import STRATEGIES
from ecglib.plots import personalization, puzzle
from ecglib.puzzle import CUTS, permute
from ecglib.stats import Interval
from ecglib.tables import scores
from tests.tables.made import arm_of


def arm(strategy, shift=0, **settings):
    return arm_of("personalization", shift=shift, strategy=strategy, **settings)


def test_six_permutations_show_every_sample_once():
    beat = np.random.default_rng(0).normal(size=300)
    axes = puzzle.six_permutations(beat, 360, CUTS["qrs"]).axes
    assert len(axes) == 6
    for label, axis in enumerate(axes):
        whole, *pieces = (line.get_ydata() for line in axis.lines)
        np.testing.assert_array_equal(whole, permute(beat, label, CUTS["qrs"]))
        np.testing.assert_array_equal(np.nansum(pieces, axis=0), whole)
        assert sum(np.isfinite(piece).sum() for piece in pieces) == 300


def test_freedom_marks_one_row_a_strategy():
    axis = personalization.freedom().axes[0]
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names[:3] == ["none", "head only", "AdaBN"]
    assert len(names) == len(STRATEGIES)


def test_the_control_differs_from_itself_by_nothing():
    control = arm("none")
    figure = personalization.patient_differences({"none": control}, control)
    assert {text.get_text() for text in figure.axes[0].texts} == {"0"}


def test_every_strategy_has_an_interval_in_every_setting():
    gains = {"adabn": Interval(0.1, 0.0, 0.2), "full": Interval(-0.1, -0.3, 0.0)}
    axis = personalization.difference_intervals({"wide": gains, "narrow": gains}).axes[0]
    points = [line.get_xdata()[0] for line in axis.lines if line.get_marker() in ("s", "o")]
    assert sorted(points) == [-0.1, -0.1, 0.1, 0.1]
    with pytest.raises(LookupError):
        personalization.difference_intervals({"wide": {}})


def test_sensitivities_are_those_of_the_confusions():
    named = {"none": arm("none")}
    axis = personalization.sensitivities(named).axes[0]
    found = scores.class_scores(named["none"], after_5min=True)
    shown = [line.get_xdata()[0] for line in axis.lines]
    assert shown == [found[kind]["sensitivity"] for kind in "NSV"]


def test_stages_add_up_to_the_seconds_of_a_strategy():
    table = pd.DataFrame({"adapt": [1.0, np.nan], "finetune": [2.0, 3.0]}, ["none", "full"])
    bars = personalization.stage_seconds(table).axes[0].patches
    ends = [bar.get_x() + bar.get_width() for bar in bars]
    assert ends[2:] == [3.0, 3.0]
