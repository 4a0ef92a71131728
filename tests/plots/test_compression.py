"""Figures of the chapter on layer-wise compression hold what they are given."""

import numpy as np
import pandas as pd
import pytest

from ecglib.compress.methods import METHODS
from ecglib.models.hubert import SIZES as HUBERT_SIZES
from ecglib.models.resnet1d import SIZES
from ecglib.plots import compression
from ecglib.tables import compression as compressed
from ecglib.tables import papers
from tests.tables.test_compression import ARMS, made_result


@pytest.fixture(scope="module")
def named():
    return compressed.by_method([made_result("compression", **arm) for arm in ARMS])


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_every_method_is_a_point_with_its_interval(named):
    axis = compression.front({"ResNet1D": (named, 2e6)}).axes[0]
    assert axis.get_title() == "ResNet1D"
    assert len(axis.containers) == len(named)
    for container, result in zip(axis.containers, named.values(), strict=True):
        point, _, (bar,) = container.lines
        m = result.metrics
        assert point.get_xdata()[0] == m["file_bytes"] / 1000
        assert point.get_ydata()[0] == pytest.approx(100 * m["difference"])
        ends = bar.get_segments()[0][:, 1]
        expected = [100 * m["difference_low"], 100 * m["difference_high"]]
        assert ends == pytest.approx(expected)


def test_what_loses_more_stands_at_the_lower_edge():
    lost = {"difference": -0.3, "difference_low": -0.4, "difference_high": -0.2}
    worse = made_result("compression", bits=2, metrics=lost)
    axis = compression.front({"ResNet1D": ({"2 bits": worse}, 2e6)}).axes[0]
    assert axis.containers[0].lines[0].get_ydata()[0] == -6
    assert any("≤" in label.get_text() for label in axis.get_yticklabels())


def test_a_front_without_runs_says_so(named):
    for panels in ({}, {"ResNet1D": (named, 2e6), "HuBERT-ECG": ({}, 3e6)}):
        with pytest.raises(LookupError):
            compression.front(panels)


def test_every_method_has_a_look_and_an_origin():
    assert set(compression.MARKERS) == set(compression.ORIGINS) == set(METHODS)


def test_accuracies_of_the_paper_and_ours_are_lines(named):
    printed = papers.PAPER2_TABLE_1["resnet1d"]
    figure = compression.against_paper(printed, {"ours": named}, 0.44)
    bits, pruned = figure.axes
    lines = {line.get_label(): line for line in bits.lines}
    assert list(lines["paper, printed"].get_xdata()) == list("87654321")
    assert lines["paper, printed"].get_ydata()[-1] == pytest.approx(21.91)
    ours = lines["ours"].get_ydata()
    assert ours[0] == ours[-1] == pytest.approx(100 * 86 / 110)
    assert np.isnan(ours[1:-1]).all()  # arms that were not run
    assert pruned.lines[0].get_ydata()[0] == pytest.approx(94.81)
    assert pruned.lines[-1].get_ydata()[0] == pytest.approx(44)


def test_bars_of_constant_answers_end_at_the_size_of_the_test_set():
    axis = compression.constant_answers(papers.constants_table()).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in axis.patches]
    assert ends[0] == 445
    assert ends[-1] == 2118
    assert "ResNet1D, 90 % pruned" in texts(axis)


def test_three_counts_of_every_method(named):
    axis = compression.three_sizes(named).axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows == list(named)
    marks = sorted(line.get_xdata()[0] for line in axis.lines if len(line.get_xdata()) == 1)
    assert marks == pytest.approx(sorted([8.014, 7.926, 9.5] * len(named)))
    with pytest.raises(LookupError):
        compression.three_sizes({})


def test_networks_are_drawn_from_input_to_classes():
    figure = compression.networks(SIZES["small"], HUBERT_SIZES["tiny"])
    found = texts(figure.axes[0])
    assert found[0] == "ResNet1D\n0.6 million parameters"
    assert sum("block" in text for text in found) == len(SIZES["small"].channels)
    assert found.count("output layer, 4 classes") == 2


def test_bits_stand_from_the_first_layer_to_the_last_and_gains_below():
    index = ["output layer", "stem, gains", "block 2, conv 1", "stem", "block 1, conv 1"]
    bits = pd.DataFrame({"LAQ": [6, 1, 3, 32, 5], "program": [4, np.nan, 2, 8, 3]}, index=index)
    axis = compression.layer_bits(bits).axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows == ["stem", "block 1, conv 1", "block 2, conv 1", "output layer", "stem, gains"]
    shown = " ".join(text for text in texts(axis) if text)
    assert shown == "32 8 5 3 3 2 6 4 1"


def test_variances_are_points_over_bits():
    ratios = {8: {"stem": 1.0, "out": 1.1}, 2: {"stem": 0.01, "out": 0.5}}
    axis = compression.activation_variance(ratios).axes[0]
    heights = [sorted(points.get_offsets()[:, 1]) for points in axis.collections]
    np.testing.assert_allclose(heights, [[1.0, 1.1], [0.01, 0.5]])
    assert [text.get_text() for text in axis.get_xticklabels()] == ["8", "2"]
