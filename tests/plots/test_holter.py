"""Figures of a report show the facts, at their true size."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ecglib.holter.report import Facts
from ecglib.plots import ecg, holter
from ecglib.plots.style import CLASS_COLORS
from ecglib.system.errors import UserError
from tests.holter.beats_made import FS, classified

KINDS = "NNVNSN?N" * 40


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def found():
    return classified(KINDS, [0.8] * (len(KINDS) - 1))


def test_a_strip_holds_the_beats_of_its_time(found):
    strip = holter.strip(found, 10, 5, marked=12)
    inside = found.beats[(found.beats["seconds"] >= 10) & (found.beats["seconds"] < 15)]
    assert [beat.kind for beat in strip.beats] == inside["class"].tolist()
    assert [beat.at + 10 for beat in strip.beats] == pytest.approx(inside["seconds"].tolist())
    assert [beat.marked for beat in strip.beats] == [row == 12 for row in inside.index]
    np.testing.assert_array_equal(strip.signal, found.lead.signal[10 * FS : 15 * FS])


def test_a_strip_ends_with_the_recording_and_needs_a_valid_sample(found):
    end = found.lead.seconds
    assert holter.strip(found, end - 2, 5).seconds == pytest.approx(2, abs=0.02)
    assert holter.strip(found, -1, 5).seconds == pytest.approx(5)
    found.lead.signal[1000:1600] = np.nan
    assert np.isnan(holter.strip(found, 9, 5).signal).any()
    with pytest.raises(UserError, match="no sample is valid there"):
        holter.strip(found, 10, 5)


def test_a_deflection_beyond_the_paper_is_cut_off(found):
    found.lead.signal[1050:1060] = 30
    strip = holter.strip(found, 10, 5)
    assert strip.height < 60


def test_fast_sampling_loses_no_time():
    found = classified("NVN", [1, 1], fs=4000)
    strip = holter.strip(found, 0.5, 2)
    assert strip.seconds == pytest.approx(2)
    assert strip.signal.argmax() / strip.fs == pytest.approx(strip.beats[1].at, abs=0.01)


@pytest.mark.parametrize(("pulse", "margin"), [(True, 13), (False, 3)])
def test_a_millimetre_of_a_strip_is_a_millimetre(found, pulse, margin):
    figure = ecg.at_true_size(holter.strip(found, 10, 4), pulse=pulse)
    (axis,) = figure.axes
    assert figure.get_figwidth() * 25.4 == pytest.approx(margin + 4 * 25 + 3)
    corners = axis.transData.transform([(0, 0), (25, 10)])
    width, height = (corners[1] - corners[0]) / figure.dpi * 25.4
    assert (width, height) == pytest.approx((25, 10))
    letters = [text.get_text() for text in axis.texts if text.get_bbox_patch()]
    assert letters == [beat.kind for beat in holter.strip(found, 10, 4).beats]


def test_the_trend_shows_the_counts_of_each_part(found):
    facts = Facts(found)
    _, ectopic = holter.trend(facts).axes
    for kind in "SV":
        color = CLASS_COLORS[kind].lower()
        bars = [bar for bar in ectopic.patches if to_hex(bar.get_facecolor()) == color]
        assert sum(bar.get_height() for bar in bars) == KINDS.count(kind)


def test_each_class_has_its_mean_beat_and_one_that_is_missing_has_none():
    figure = holter.mean_beats(Facts(classified("NNVNNVN", [0.8] * 6)))
    assert [len(axis.lines) for axis in figure.axes] == [1, 0, 1]
    assert [axis.get_title() for axis in figure.axes] == ["N: 5", "S: 0", "V: 2"]


def test_the_overview_has_all_parts(found):
    strip = holter.strip(found, 10, 4, title="costs $5 and $6")
    figure = holter.overview(Facts(found), strip)
    assert len(figure.axes) == 6
    figure.canvas.draw()  # a title is no formula


def test_an_svg_is_the_same_each_time_and_names_nothing_elsewhere(found):
    with plt.rc_context(holter.SVG):
        first, second = (holter.svg(holter.trend(Facts(found))) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', first))
    assert "metadata" not in first
