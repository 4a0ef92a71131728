"""Figures of times hold what they are given."""

import numpy as np
import pandas as pd
import pytest

from ecglib.deploy.roofline import MACHINES
from ecglib.plots import roofline as figures


def test_the_pipeline_has_a_marker_for_each_number_that_there_is():
    columns = ["printed", "measured", "estimated", "at least"]
    rows = {"Jetson Nano": [50.0, np.nan, np.nan, 5], "H200": [30, 20, 10, 1]}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    (axis,) = figures.pipeline_seconds(table).axes
    drawn = {line.get_label(): list(line.get_xdata()) for line in axis.lines}
    assert sorted(x for line in drawn.values() for x in line) == [1, 5, 10, 20, 30, 50]
    assert [axis.get_yticklabels()[i].get_text() for i in (0, 1)] == list(rows)
    assert "50 s" in [text.get_text() for text in axis.texts]


def test_roofs_bend_where_memory_and_arithmetic_meet():
    machines = list(MACHINES.values())
    (axis,) = figures.roofs(machines, "fp16", {"a": 10}, {"one": (265, 1e12)}).axes
    roofs = axis.lines[: len(machines)]
    for machine, roof in zip(machines, roofs, strict=True):
        x, y = roof.get_data()
        assert y[0] == pytest.approx(machine.bandwidth * x[0])
        assert y[-1] == machine.peak["fp16"]
    assert [text.get_text() for text in axis.texts] == ["a", "one"]


def test_stages_have_a_bar_each():
    paper = pd.Series({"puzzle": 1e12, "fine-tuning": 2.5e14})
    (axis,) = figures.stages(paper, pd.Series({"update": 3e8})).axes
    assert [bar.get_width() for bar in axis.patches] == [1e12, 2.5e14, 3e8]
    assert axis.texts[1].get_text() == r"$2.5\times10^{14}$"


def test_least_milliseconds_have_a_marker_for_each_format_and_machine():
    index = pd.MultiIndex.from_product(
        [["ECGNet"], ["fp32", "fp16", "int8"]], names=["network", "format"]
    )
    table = pd.DataFrame({"Nano": [2.0, 1, np.nan], "H200": [0.2, 0.1, 0.05]}, index=index)
    (axis,) = figures.least_ms(table).axes
    assert [list(line.get_xdata()) for line in axis.lines[:2]] == [[2.0, 0.2], [1, 0.1]]
    np.testing.assert_array_equal(axis.lines[2].get_xdata(), [np.nan, 0.05])


def test_bound_and_measured_stand_in_one_row():
    index = pd.MultiIndex.from_tuples([("ecgnet", 1), ("ecgnet", 64)])
    table = pd.DataFrame({"estimated, ms": [1.0, 3], "measured, ms": [2.0, 4]}, index=index)
    (axis,) = figures.bound_and_measured(table).axes
    assert [list(line.get_xdata()) for line in axis.lines] == [[1, 3], [2, 4]]
    assert axis.get_yticklabels()[1].get_text() == "ECGNet, batch 64"
