"""Figures of the data chapter show what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy.integrate import trapezoid

from ecglib.aami import CLASSES, DS1, DS2, PACED
from ecglib.data.sets.mitdb import load_beats
from ecglib.plots import data as figures
from ecglib.plots.style import CLASS_COLORS

RECORDS = (118, 207, 202)


@pytest.fixture(scope="module")
def beats(synthetic_root):
    return load_beats(synthetic_root, RECORDS)


def test_split_map_names_every_record_once():
    (axis,) = figures.split_map().axes
    texts = [text.get_text() for text in axis.texts]
    numbers = sorted(int(text) for text in texts if text.isdigit())
    assert numbers == sorted((*DS1, *DS2, *PACED))


def test_the_way_to_a_score_has_an_arrow_between_its_steps():
    (axis,) = figures.way_to_a_score().axes
    arrows = [text for text in axis.texts if text.get_text() == ""]
    assert len(arrows) == len(axis.patches) - 1


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


def test_bars_are_cut_by_class_and_by_record():
    counts = {"N": [60, 20, 90], "S": [3, 1, 8], "V": [16, 0, 2]}
    table = pd.DataFrame(counts, index=[101, 106, 232])
    train, test = figures.who_holds_what(table).axes
    widths = [bar.get_width() for bar in train.patches]
    assert widths[:3] == pytest.approx([0.8, 0.04, 0.16])  # of all 100 beats
    assert widths[3:] == pytest.approx([0.75, 0.25, 0.75, 0.25, 1, 0])
    assert [text.get_text() for text in test.texts][-3:] == ["232", "232", "232"]
    names = [label.get_text() for label in train.get_yticklabels()]
    assert names == ["all: 100", "N: 80", "S: 4", "V: 16"]


def test_without_records_nothing_is_held():
    with pytest.raises(LookupError):
        figures.who_holds_what(pd.DataFrame(columns=["N", "S", "V"]))


def test_rr_outlines_have_area_one_and_the_place_of_their_class(beats):
    (axis,) = figures.rr_by_class(beats, ["post/loc80"]).axes
    outlines = {to_hex(patch.get_edgecolor()).upper(): patch for patch in axis.patches}
    for label, color in enumerate(CLASS_COLORS[kind] for kind in CLASSES):
        x, y = outlines[color].get_xy().T
        area = trapezoid(y, x)
        ratio = beats.rr[beats.label == label, 2]
        ratio = ratio[(ratio >= 0.3) & (ratio <= 1.7)]
        assert area == pytest.approx(1)
        assert x[y.argmax()] == pytest.approx(np.median(ratio), abs=0.2)


def test_the_worst_records_come_first_by_the_worse_of_their_two_ratios():
    ratios = {"se": [0.99, 1.0, 0.9, 1.0], "ppv": [0.98, 0.82, 1.0, 1.0]}
    table = pd.DataFrame(ratios, index=[100, 207, 208, 101])
    (axis,) = figures.detection_quality(table, worst=3).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["207", "208", "100"]
    found, right = (line.get_xdata().tolist() for line in axis.lines)
    assert found == pytest.approx([100, 90, 99])
    assert right == pytest.approx([82, 100, 98])


def test_a_box_holds_the_middle_half_of_the_records_of_each_database():
    names = ["MIT-BIH", "SVDB"]
    index = pd.MultiIndex.from_product([names, [1, 2, 3]], names=["dataset", "record"])
    columns = {"rate": [60, 70, 80], "qrs_mv": [1, 2, 3], "N": [90, 80, 70], "S": [10, 20, 30]}
    table = pd.DataFrame({name: 2 * values for name, values in columns.items()}, index)
    figure = figures.side_by_side(table.assign(V=0, F=0, Q=0))
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == names
    bounds = (65, 75), (1.5, 2.5), (15, 25), (0, 0)
    for axis, (low, high) in zip(figure.axes, bounds, strict=True):
        boxes = [patch.get_path().get_extents() for patch in axis.patches]
        assert [(box.x0, box.x1) for box in boxes] == 2 * [pytest.approx((low, high))]
