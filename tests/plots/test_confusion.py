"""Confusion matrices are shown in percent of what was annotated."""

import numpy as np
import pytest

from ecglib.plots.confusion import confusions


def test_every_cell_is_its_share_of_the_row():
    counts = np.array([[90, 10, 0], [1, 1, 2], [0, 0, 8]])
    figure = confusions({"one": counts, "twice": 2 * counts})
    for axis in figure.axes:
        shown = [float(text.get_text()) for text in axis.texts]
        assert shown == [90, 10, 0, 25, 25, 50, 0, 0, 100]
    assert [axis.get_title() for axis in figure.axes] == ["one", "twice"]


def test_a_class_without_beats_has_no_share():
    axis = confusions({"": np.diag([3, 0, 1])}).axes[0]
    assert [text.get_text() for text in axis.texts][3:6] == ["0.0", "0.0", "0.0"]


def test_other_classes_than_beats_have_their_names():
    axis = confusions({"": np.full((6, 6), 7)}, "ABCDEF", what="order").axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == list("ABCDEF")
    assert {text.get_text() for text in axis.texts} == {"16.7"}


def test_without_runs_there_is_nothing_to_draw():
    with pytest.raises(LookupError):
        confusions({})
