"""Figures of the puzzle's chapter hold what they are given."""

import numpy as np
import pytest

from ecglib.metrics import macro_f1
from ecglib.plots import puzzle as figures
from ecglib.puzzle import CUTS
from ecglib.stats import Interval
from ecglib.tables import arms
from tests.tables.made import arm_of, seeds_of, with_metrics


def drawn(axis):
    return [np.asarray(line.get_xdata()).tolist() for line in axis.lines]


def test_every_curve_has_a_line_a_seed_and_one_name():
    panels = {
        "loss": {"one": [[3, 2, 1], [3, 1, 1]], "other": [[2, 2]]},
        "score": {"one": [[1]]},
    }
    top, bottom = figures.learning_curves(panels, guess=2).axes
    assert [line.get_ydata()[0] for line in top.lines] == [3, 3, 2, 2]
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["one", "other"]
    assert top.get_yscale() == "log"
    assert bottom.get_ylabel() == "score"


def test_views_show_what_is_hidden_and_what_is_solved():
    runs = with_metrics(seeds_of("puzzle", view="junctions"), accuracy=[0.8, 0.9])
    left, right = figures.views(arms.by(runs, "view"), CUTS["qrs"]).axes
    (strip,) = left.images
    assert strip.get_array().sum() == 40  # five samples on either side of four places
    assert drawn(right)[0] == pytest.approx([80, 90])


def test_a_difference_stands_where_it_is():
    axis = figures.differences({"a − b": Interval(0.1, -0.2, 0.3)}).axes[0]
    assert drawn(axis)[0] == [0.1]
    assert axis.get_yticklabels()[0].get_text() == "a − b"


def test_probes_have_a_dot_a_seed():
    arm = arm_of("probe", source="random")
    axis = figures.probes({"random": arm}, trivial=0.3).axes[0]
    assert drawn(axis)[0] == pytest.approx(arm.values(macro_f1))
    assert axis.get_yticklabels()[0].get_text() == "random weights"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.learning_curves({"loss": {}}),
        lambda: figures.views({}, CUTS["qrs"]),
        lambda: figures.differences({}),
        lambda: figures.probes({}, 0.3),
    ],
)
def test_without_runs_there_is_nothing_to_draw(draw):
    with pytest.raises(LookupError):
        draw()


def test_pieces_keep_their_colours_in_every_order():
    axes = figures.six_permutations(np.arange(300.0), 360, CUTS["qrs"]).axes
    colors = [[line.get_color() for line in axis.lines[1:]] for axis in axes]
    assert all(found == colors[0] for found in colors)
