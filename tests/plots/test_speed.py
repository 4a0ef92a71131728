"""Figures of times and ratios have a mark for every run, at its place."""

import pandas as pd
import pytest

from ecglib.plots import speed


def marks(axis):
    """Label of each row -> its values, one for each machine."""
    names = [label.get_text() for label in axis.get_yticklabels()]
    found = {}
    for line in axis.lines:
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
            if line.get_label() in ("first", "second"):
                found.setdefault(names[round(y)], []).append(x)
    return found


@pytest.mark.parametrize(
    ("draw", "column"), [(speed.study_minutes, "minutes"), (speed.ratios, "ratio")]
)
def test_rows_have_the_values_of_their_machines(draw, column):
    first = pd.DataFrame({column: [30.0, 2.0]}, index=["int8", "probe"])
    second = pd.DataFrame({column: [5.0, 7.0]}, index=["probe", "speed"])
    axis = draw({"first": first, "second": second}).axes[0]
    assert marks(axis) == {"int8": [30.0], "probe": [2.0, 5.0], "speed": [7.0]}


@pytest.mark.parametrize("draw", [speed.study_minutes, speed.ratios])
def test_a_machine_may_lack_runs_but_not_all(draw):
    table = pd.DataFrame({"minutes": [3.0], "ratio": [2.0]}, index=["probe"])
    assert marks(draw({"first": table, "second": pd.DataFrame()}).axes[0])
    with pytest.raises(LookupError):
        draw({"first": pd.DataFrame(), "second": pd.DataFrame()})


def test_growth_needs_runs():
    with pytest.raises(LookupError):
        speed.growth([])


def test_the_way_to_a_page_has_five_boxes():
    assert len(speed.from_params_to_page().axes[0].patches) == 5
