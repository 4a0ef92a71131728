"""Figures of the data chapter show what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy.integrate import trapezoid

from ecglib.aami import DS1, DS2, PACED
from ecglib.data.sets.mitdb import load_beats
from ecglib.plots import data as figures
from ecglib.plots.style import CLASS_COLORS

RECORDS = (118, 207, 202)


@pytest.fixture(scope="module")
def beats(synthetic_root):
    return load_beats(synthetic_root, RECORDS)


def test_split_map_names_every_record_once():
    (axis,) = figures.split_map([100]).axes
    texts = [text.get_text() for text in axis.texts]
    numbers = sorted(int(text) for text in texts if text.isdigit())
    assert numbers == sorted((*DS1, *DS2, *PACED))
    assert [label.get_text() for label in axis.get_yticklabels()][2] == "DS2, test"


def test_split_map_draws_only_used_records_in_full_colour():
    (axis,) = figures.split_map([100, 118]).axes
    assert sum(box.get_facecolor()[3] == 1 for box in axis.patches) == 2


def test_beats_by_class_has_a_panel_for_each_class_and_patient(beats):
    axes = figures.beats_by_class(beats, before=150).axes
    assert len(axes) == 3 * len(RECORDS)
    for number, axis in enumerate(axes):
        label, record = number // 3, RECORDS[number % 3]
        n_beats = np.sum((beats.label == label) & (beats.record == record))
        assert axis.get_title(loc="right") == f"{n_beats:,} beats"
        assert axis.get_title(loc="left") == ("" if label else f"record {record}")


def test_thick_beat_is_a_beat_of_its_class_with_the_peak_at_zero(beats):
    typical = figures.beats_by_class(beats, before=150).axes[2].lines[-1]
    shown = beats.signal[(beats.label == 0) & (beats.record == RECORDS[2])]
    assert typical.get_linewidth() == 2
    assert any(np.array_equal(typical.get_ydata(), beat) for beat in shown)
    seconds = typical.get_xdata()
    assert seconds[typical.get_ydata().argmax()] == pytest.approx(0, abs=0.02)
    assert seconds[[0, -1]] == pytest.approx([-150 / 360, 149 / 360])


def test_class_without_beats_leaves_its_panel_empty(beats):
    axes = figures.beats_by_class(beats.select(beats.label == 0), before=150).axes
    assert axes[-1].get_title(loc="right") == "0 beats"
    assert len(axes[-1].lines) == 1  # the R-peak


def test_ectopic_bars_are_as_high_as_the_counts():
    table = pd.DataFrame({"S": [3, 0, 1382], "V": [0, 17, 1]}, index=[101, 106, 232])
    top, bottom = figures.ectopic_beats(table).axes
    assert [bar.get_height() for bar in top.patches] == [3, 0, 0, 17]  # S, then V
    assert [bar.get_height() for bar in bottom.patches] == [1382, 1]
    assert [label.get_text() for label in top.get_xticklabels()] == ["101", "106"]
    assert top.get_yscale() == "log"
    assert bottom.get_ylabel() == "beats in DS2"


def test_rr_outlines_have_area_one_and_the_place_of_their_class(beats):
    (axis,) = figures.rr_by_class(beats, ["post/loc80"]).axes
    outlines = {to_hex(patch.get_edgecolor()).upper(): patch for patch in axis.patches}
    for label, color in enumerate(CLASS_COLORS.values()):
        x, y = outlines[color].get_xy().T
        area = trapezoid(y, x)
        ratio = beats.rr[beats.label == label, 2]
        ratio = ratio[(ratio >= 0.3) & (ratio <= 1.7)]
        assert area == pytest.approx(1)
        assert x[y.argmax()] == pytest.approx(np.median(ratio), abs=0.2)


def test_records_are_sorted_by_the_worse_of_their_two_ratios():
    ratios = {"se": [0.99, 1.0, 0.9], "ppv": [0.98, 0.82, 1.0]}
    table = pd.DataFrame(ratios, index=[100, 207, 208])
    (axis,) = figures.detection_quality(table).axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["207", "208", "100"]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axis.lines}
    assert drawn["sensitivity"] == pytest.approx([100, 90, 99])
    assert drawn["positive predictivity"] == pytest.approx([82, 100, 98])
