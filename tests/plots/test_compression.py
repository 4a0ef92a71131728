"""Figures of the chapter on layer-wise compression hold what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ecglib.compress.methods import METHODS
from ecglib.plots import compression
from ecglib.tables import compression as compressed
from ecglib.tables import papers
from tests.tables.test_compression import ARMS, made_result


@pytest.fixture(scope="module")
def named():
    return compressed.by_method([made_result("compression", **arm) for arm in ARMS])


def test_a_panel_for_every_recording():
    signals = {"N": np.arange(600.0), "~": np.zeros(300)}
    figure = compression.recordings(signals, 300)
    assert isinstance(figure, Figure)
    first, second = figure.axes
    assert first.lines[0].get_xdata()[-1] == pytest.approx(599 / 300)  # s
    np.testing.assert_array_equal(first.lines[0].get_ydata(), signals["N"])
    assert [axis.get_ylabel() for axis in (first, second)] == ["N", "~"]
    assert len(compression.recordings({"N": np.zeros(5)}, 300).axes) == 1


def test_importance_stands_beside_bits():
    layers = ["stem", "out"]
    indices = pd.DataFrame({"PDI": [0.1, 1.0], "I": [0.25, 0.75]}, index=layers)
    bits = pd.DataFrame({"LAQ": [3, 32]}, index=layers)
    left, right = compression.importance_map(indices, bits).axes
    texts = [[text.get_text() for text in axis.texts] for axis in (left, right)]
    assert texts == [["0.10", "0.25", "1.00", "0.75"], ["3", "32"]]


def test_sensitivity_has_a_line_for_every_layer():
    cost = {f"layer{i}.weight": {2: 0.1 * i, 8: -1e-4} for i in range(8)}
    axis = compression.sensitivity(cost).axes[0]
    assert len(axis.lines) == 8
    drawn = {tuple(line.get_xdata()): line.get_ydata() for line in axis.lines}
    assert set(drawn) == {(2, 8)}
    tops = sorted(line.get_ydata()[0] for line in axis.lines)
    assert tops == pytest.approx([1e-6] + [0.1 * i for i in range(1, 8)])
    listed = [text.get_text() for text in axis.get_legend().get_texts()]
    assert listed == ["layer7", "layer6", "layer5", "layer4", "layer3", "layer2"]


def test_every_method_is_a_point_with_its_interval(named):
    axis = compression.front(named, "ResNet1D").axes[0]
    assert len(axis.containers) == len(named)
    for container, result in zip(axis.containers, named.values(), strict=True):
        point, _, (bar,) = container.lines
        m = result.metrics
        assert point.get_xdata()[0] == m["file_ratio"]
        assert point.get_ydata()[0] == pytest.approx(100 * m["difference"])
        ends = bar.get_segments()[0][:, 1]
        expected = [100 * m["difference_low"], 100 * m["difference_high"]]
        assert ends == pytest.approx(expected)
    labels = [text.get_text() for text in axis.get_legend().get_texts()]
    assert len(labels) == len(set(labels)) == len({r.config["method"] for r in named.values()})
    assert axis.get_title() == "ResNet1D"


def test_every_method_has_a_look_of_its_own():
    assert set(compression.LOOKS) == set(METHODS)
    looks = list(compression.LOOKS.values())
    assert len(set(looks)) == len(looks)


def test_losses_of_the_paper_and_ours_are_lines(named):
    fp32 = made_result("rhythm", metrics={"accuracy": 0.80})
    ours = {"resnet1d": named}, {"resnet1d": fp32}
    bits, pruned = compression.against_paper(*ours, papers.PAPER2_TABLE_1).axes
    assert [len(axis.lines) for axis in (bits, pruned)] == [3, 3]
    assert list(bits.lines[0].get_xdata()) == list("87654321")
    assert bits.lines[0].get_ydata()[-1] == pytest.approx(100 * (0.2191 - 0.9542))
    assert pruned.lines[1].get_ydata()[0] == pytest.approx(100 * (0.9679 - 0.9674))
    ours = bits.lines[2].get_ydata()
    assert ours[0] == ours[-1] == pytest.approx(100 * (86 / 110 - 0.80))
    assert np.isnan(ours[1:-1]).all()  # arms that were not run


def test_variances_are_points_over_bits():
    ratios = {8: {"stem": 1.0, "out": 1.1}, 2: {"stem": 0.01, "out": 0.5}}
    axis = compression.activation_variance(ratios).axes[0]
    heights = [sorted(points.get_offsets()[:, 1]) for points in axis.collections]
    np.testing.assert_allclose(heights, [[1.0, 1.1], [0.01, 0.5]])
    assert [text.get_text() for text in axis.get_xticklabels()] == ["8", "2"]
