"""Figures of chapters 00, 02 and 03 hold what they are given."""

import numpy as np

from ecglib.personalize.strategies import STRATEGIES
from ecglib.plots import overview, personalization, puzzle
from ecglib.puzzle import CUTS, permute
from ecglib.tables import papers
from tests.tables.made import arm_of, confusions
from tests.test_results import made_result


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


def test_scores_have_paper_reference_and_live_marks():
    named = {name: arm(name, shift=i) for i, name in enumerate(("none", "adabn"))}
    printed = {"adabn": papers.PAPER1_TABLE_3["adabn"]}
    figure = personalization.strategy_scores({"reference": named, "this run": named}, printed)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [text.split(" (")[0] for text in legend] == ["paper", "reference", "this run"]


def test_the_landscape_has_a_point_for_every_size_that_is_known():
    points = overview.points({"mine": arm("none", channels=[4, 4, 4, 4, 4])})
    assert list(points["group"]).count("paper 1") == 1 + len(papers.PAPER1_TABLE_3)
    assert points.set_index("name").loc["Farag 2023", "bytes"] == 15_000
    ticks = overview.landscape(points, 0.3).axes[0].get_yticklabels()
    assert [tick.get_text() for tick in ticks] == list(points["name"])


def test_the_headline_names_integers_by_their_bytes():
    small = [4, 4, 4, 4, 4]
    alone = [
        made_result("baseline", confusions(7), features=features, channels=small)
        for features in ("beat", "beat+rr")
    ]
    rounded = made_result("int8", confusions(7), scope="all_int8", method="ptq", channels=small)
    rounded.metrics["weight_bytes"] = 4321
    none = made_result("personalization", confusions(7), strategy="none")
    named = overview.headline_arms(alone, [none], [rounded])
    points = overview.points(named).set_index("name").loc["the same, all layers INT8"]
    assert points["bytes"] == 4321
    assert np.isnan(points["seconds"])
