"""Figures of the micro network show what they are given."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from ecglib.commands.micro import Looks
from ecglib.metrics import macro_f1
from ecglib.models.micronet import BLOCKS, EVERYTHING, MicroNet, MicroNetConfig
from ecglib.plots import micro
from ecglib.tables import literature, robustness
from ecglib.tables.arms import BY_RECORD, Arm
from tests.tables.test_budget import BAD, GOOD, asked, confidence
from tests.tables.test_literature import several
from tests.tables.test_robustness import noisy_results
from tests.test_results import made_result


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_the_diagram_has_the_shapes_and_weights_of_the_network():
    size = MicroNetConfig(2, 8, channels=(5, 6, 7))
    model, found = MicroNet(size), " ".join(texts(micro.network(size)))
    x = torch.zeros(1, 2, 64)
    for part in BLOCKS:
        x = getattr(model, part)(x)
        assert f"{x.shape[1]} × {x.shape[2]}" in found
    for part in EVERYTHING:
        count = sum(p.numel() for p in getattr(model, part).parameters())
        assert f"{count:,} weights" in found


def test_the_loop_says_what_computes_how():
    found = texts(micro.loop())
    assert any("integers" in text for text in found)
    assert any("floating point" in text for text in found)


def curve():
    """Arms with 0, 5 and 300 labels in one record, none in the other."""
    arms = {0: Arm({}, [asked(BAD)]), 5: Arm({}, [asked(GOOD)]), "all": Arm({}, [asked(GOOD)])}
    for arm, n_labels in zip(arms.values(), (0, 5, 300), strict=True):
        arm.results[0].metrics["asked"] = {"100": [n_labels, 0, 0, 0, 0], "232": [0] * 5}
    return arms


def both_databases(per_record):
    """The same with copies of record 100, so that two are left without 232, and two of SVDB."""
    more = {key: per_record["100"] for key in ("101", "svdb/803", "svdb/805")}
    return per_record | more


def test_curves_go_up_where_labels_help():
    named = curve()
    for arm in named.values():
        (result,) = arm.results
        own = {name: both_databases(getattr(result, name)) for name in BY_RECORD[:2]}
        arm.results[0] = dataclasses.replace(result, **own)
    axis, without, svdb = micro.budget_curves({"left out": named}).axes
    assert [a.get_title() for a in (axis, without, svdb)] == [
        "MIT-BIH",
        "MIT-BIH\nwithout 232",
        "SVDB",
    ]
    good = np.array(named[5].results[0].per_record_after_5min["100"])
    for other in (without, svdb):
        expected = pytest.approx(float(macro_f1(good)))
        assert other.get_lines()[0].get_ydata()[1] == expected
    values = axis.get_lines()[0].get_ydata()
    assert values[0] < values[1] == values[2]
    assert axis.get_lines()[0].get_xdata().tolist() == [0, 2.5, 150]  # mean of two records


def test_candidates_stand_with_their_intervals():
    rows = {
        "start": [0.8],
        "one idea": [0.82, 0.02, 0.01, 0.03],
        "another": [0.7, -0.1, -0.2, 0],
    }
    columns = ["criterion", "Δ to start", "Δ to start low", "Δ to start high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    (axis,) = micro.search(table).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["another", "one idea"]
    assert axis.get_lines()[0].get_xdata().tolist() == [-0.1, 0.02]


def test_published_methods_stand_beside_ours():
    published = literature.published_table(400.0)
    ours = literature.our_table(literature.our_arms(several()))
    figure = micro.beside_literature(published, ours)
    for axis, kind in zip(figure.axes, ("VEB", "SVEB"), strict=True):
        points = {
            point for line in axis.get_lines() for point in zip(*line.get_data(), strict=True)
        }
        rows = pd.concat([published, ours]).dropna(subset="labels a patient")
        assert points == set(zip(rows["labels a patient"], rows[f"{kind} F1"], strict=True))
        said = [text.get_text().strip() for text in axis.texts]
        assert sorted(said) == sorted(name.strip(" †") for name in rows.index)
        ends = axis.collections[0].get_segments()
        assert [end[1][1] for end in ends] == ours[f"{kind} F1 high"].tolist()
        far = [text.xyann[1] for text in axis.texts if text.xy[0] > 100]
        assert min(np.diff(far)) > 0.05 * np.ptp(axis.get_ylim())  # names are apart


def test_every_record_has_a_line():
    named = curve()
    axes = micro.patients(named[5], named[0], ("none", "five")).axes
    shown = [text.get_text() for axis in axes for text in axis.get_yticklabels()]
    assert shown == ["232", "100"]


def test_a_curve_without_runs_is_no_figure():
    with pytest.raises(LookupError):
        micro.budget_curves({"lopo": {}})


def test_answers_stand_where_they_were_given():
    seconds = np.arange(300) * 1.0  # five minutes
    label = np.zeros(300, int)
    label[100:120], label[200] = 1, 3
    nothing, everything = np.zeros(300, int), np.where(label > 2, 0, label)
    said = {"before": nothing, "after": everything}
    figure = micro.timeline("a patient", seconds, label, said, np.array([10, 110, 200]))
    top, middle, bottom = figure.axes
    assert [(t.get_text(), t.get_position()[0]) for t in top.texts] == [
        ("N", pytest.approx(10 / 60)),
        ("S", pytest.approx(110 / 60)),
        ("F", pytest.approx(200 / 60)),
    ]
    curves = {line.get_label(): line for line in middle.get_lines()}
    np.testing.assert_allclose(curves["before"].get_ydata(), [100, 100 * 40 / 60, 100, 100])
    np.testing.assert_allclose(curves["after"].get_ydata(), 100)
    assert [label.get_text() for label in bottom.get_yticklabels()] == ["N", "S", "V"]


def test_what_is_hidden_has_a_bar():
    looks = Looks(np.zeros(64), np.full(16, 0.25), np.arange(len(micro.TIMING)) / 10)
    figure = micro.saliency({"N": looks, "V": looks})
    *windows, timing = figure.axes
    assert [axis.get_title() for axis in windows] == ["N", "V", "", ""]
    assert {patch.get_height() for patch in windows[2].patches} == {25}
    assert len(timing.patches) == 2 * len(micro.TIMING)
    assert max(patch.get_width() for patch in timing.patches) == pytest.approx(130)


def micro_result(**more):
    result = made_result("micro", GOOD, scope="all_int8", **more)
    confusion, total = confidence({95: (80, 20), 52: (60, 60)})
    counts = confusion.reshape(100, 9).tolist()
    result.metrics["confidence"] = {"confusion": counts, "total": list(total)}
    result.metrics["weight_bytes"] = 4014
    return result


def test_confidence_is_drawn_against_accuracy():
    axes = micro.confidence({"a": [micro_result()]}).axes
    x, y = axes[0].get_lines()[1].get_data()
    np.testing.assert_allclose(x, [0.525, 0.955])
    np.testing.assert_allclose(y, [0.5, 0.8])


def test_noise_is_drawn_from_clean_to_loud():
    table = robustness.noise_table(noisy_results())
    axes = micro.noise(table).axes
    assert [axis.get_title() for axis in axes] == ["MIT-BIH, muscle", "SVDB, muscle"]
    assert [tick.get_text() for tick in axes[0].get_xticklabels()] == ["clean", "12", "0"]
    lines = {line.get_label(): line.get_ydata() for line in axes[0].get_lines()}
    assert len(lines) == 4
    expected = table.loc[("MIT-BIH", "muscle", "detected"), "macro-F1"]
    np.testing.assert_allclose(lines["macro-F1, detected"], expected)


def test_refusing_is_drawn_from_clean_to_loud():
    table = robustness.noise_table(noisy_results())
    axes = micro.refusing(table).axes
    lines = {line.get_label(): line.get_data() for line in axes[1].get_lines()}
    rows = table.loc[("SVDB", "muscle", "detected")]
    expected = rows["answered, rule"], rows["accuracy, rule"]
    np.testing.assert_allclose(lines["readable seconds only"], expected)
    assert {"0"} == {text.strip() for text in texts(micro.refusing(table))}
