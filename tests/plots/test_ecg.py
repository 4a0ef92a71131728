"""Figures on ECG paper show every strip, beat and answer that they are given."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from ecglib.data.inputs import Inputs
from ecglib.plots import ecg
from ecglib.plots.style import CLASS_COLORS

FS = 100


def strip(title="a strip", seconds=4, **how):
    """A strip of a 2 mV triangle wave with a beat N and a beat V."""
    signal = np.abs(np.arange(seconds * FS) % 100 - 50) / 25 - 1
    beats = [ecg.Beat(0.5, "N", rr=0.8, **how), ecg.Beat(1.5, "V", rr=1.0, **how)]
    return ecg.Strip(signal, FS, title, beats)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_a_page_has_every_strip_and_beat():
    titles = ["first", "second", "third"]
    (axis,) = ecg.page([strip(title) for title in titles]).axes
    found = texts(axis)
    assert [text for text in found if text in titles] == titles
    assert found.count("N") == found.count("V") == 3
    assert found.count("1 mV") == 3
    assert len(axis.lines) == 6  # trace and pulse


def test_paper_has_25_mm_a_second_and_10_mm_a_millivolt():
    (axis,) = ecg.page([strip()]).axes
    trace, pulse = axis.lines
    assert trace.get_xdata()[FS] == pytest.approx(25)
    assert np.ptp(trace.get_ydata()) == pytest.approx(20)
    assert np.ptp(pulse.get_ydata()) == pytest.approx(10)
    figure = axis.figure
    figure.canvas.draw()
    corners = axis.transData.transform([(0, 0), (1, 1)])
    width, height = corners[1] - corners[0]
    assert width == pytest.approx(height, rel=1e-3)  # the squares are squares


def test_a_letter_has_the_colour_of_its_class_and_stands_over_its_beat():
    (axis,) = ecg.page([strip()]).axes
    for text in axis.texts:
        if text.get_text() in CLASS_COLORS:
            kind, x = text.get_text(), text.get_position()[0]
            shade = to_hex(text.get_bbox_patch().get_facecolor())
            assert shade == CLASS_COLORS[kind].lower()
            assert x == pytest.approx({"N": 12.5, "V": 37.5}[kind])


def test_wrong_answers_are_framed():
    (axis,) = ecg.page([strip(said=("N", "V"))], rows=("truth", "before", "after")).axes
    letters = [text for text in axis.texts if text.get_bbox_patch() is not None]
    framed = [text.get_text() for text in letters if text.get_bbox_patch().get_linewidth() > 0]
    assert len(letters) == 6
    assert framed == ["V", "N"]  # the N beat called V after, the V beat called N before
    assert {"truth", "before", "after"} <= set(texts(axis))


def test_a_class_that_no_network_knows_is_never_wrong():
    fusion = ecg.Strip(np.zeros(200), FS, "", [ecg.Beat(1, "F", said=("V",))])
    (axis,) = ecg.page([fusion], rows=("", "")).axes
    letters = [text.get_bbox_patch() for text in axis.texts if text.get_text() in ("F", "V")]
    assert all(patch.get_linewidth() == 0 for patch in letters)


def test_marked_beats_are_shaded_and_intervals_written():
    (axis,) = ecg.page([strip(marked=True)], intervals=True).axes
    assert len(axis.patches) == 2
    assert {"800", "1000", "RR, ms"} <= set(texts(axis))
    (axis,) = ecg.page([strip()]).axes
    assert len(axis.patches) == 0
    assert "1000" not in texts(axis)


def test_a_gallery_has_a_panel_for_every_strip():
    rows = {"N called V": [strip(said=("V",))] * 3, "V called N": [strip(said=("N",))] * 2}
    figure = ecg.gallery(rows)
    assert len(figure.axes) == 5
    assert {"N called V", "V called N"} <= {text.get_text() for text in figure.texts}
    edges = [axis.get_position() for axis in figure.axes]
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1 for box in edges)


def made_inputs(n_beats=40):
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(n_beats, 2, 64)).astype(np.float32))
    label = torch.arange(n_beats) % 2
    return Inputs(x, torch.zeros(n_beats, 3), label), rng.uniform(0.5, 1.5, n_beats)


def test_beats_stand_beside_their_template():
    patients = {"one": made_inputs(), "another": made_inputs()}
    figure = ecg.against_template([strip()], patients, skipped=10)
    paper, *panels = figure.axes
    assert "RR, ms" in texts(paper)
    assert [panel.get_title() for panel in panels[:2]] == ["one", "another"]
    assert [len(panel.lines) for panel in panels] == [3, 3, 2, 2, 1, 1]
    inputs, _ = patients["one"]
    usual = (inputs.x[10:, 0] - inputs.x[10:, 1]).median(dim=0).values
    template = panels[0].lines[2].get_ydata()
    assert np.abs(template - usual.numpy()).max() < 0.7  # the median of an even number


def test_clouds_of_two_rhythms_count_beats_that_come_early():
    late, early = np.ones((6, 2)), np.full((2, 2), 0.5)
    rhythms = {
        "sinus": {"N": late, "S": early},
        "fibrillation": {"N": np.concatenate([late, early]), "S": np.empty((0, 2))},
    }
    _, *panels = ecg.irregular([strip()], rhythms, 0.9).axes
    assert [panel.get_title() for panel in panels] == [
        "sinus:\n0% of N beats below 0.9",
        "fibrillation:\n25% of N beats below 0.9",
    ]
    listed = [text.get_text() for text in panels[1].get_legend().get_texts()]
    assert listed == ["N (8)", "S (0)"]
    assert len(panels[1].lines[0].get_xdata()) == 8


def test_a_large_cloud_is_thinned():
    rhythms = {"sinus": {"N": np.ones((10 * ecg.SHOWN_BEATS + 1, 2)), "S": np.ones((3, 2))}}
    _, panel = ecg.irregular([strip()], rhythms, 0.9).axes
    assert 0.9 * ecg.SHOWN_BEATS < len(panel.lines[0].get_xdata()) <= ecg.SHOWN_BEATS
    assert len(panel.lines[2].get_xdata()) == 3
