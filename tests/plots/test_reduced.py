"""Figures of chapters 04 and 05 hold what they are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.models.cost import layer_macs
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots import int8, precision
from ecglib.tables import arms, papers
from ecglib.tables import int8 as int8_tables
from tests.tables.made import confusions
from tests.test_results import made_result


def with_metrics(result, **more):
    return replace(result, metrics=result.metrics | more)


def deployed(runtime, p50, **settings):
    result = made_result("latency", confusions(7), runtime=runtime, **settings)
    return with_metrics(result, p50_ms=p50, p95_ms=2 * p50, p99_ms=3 * p50)


def numerics(name):
    errors = {"activation": 0.1, "gradient": 0.2, "scaled_gradient": 0.3}
    tenths = {kind: error / 10 for kind, error in errors.items()}
    layers = [{"name": "conv1.conv", **errors}, {"name": "fc1", **tenths}]
    counts = np.zeros(71, dtype=int)
    counts[[50 - 30, 50, 50 + 16]] = 1, 2, 1  # 2^-30, 2^0, 2^16
    histogram = {"first": -50, "counts": counts.tolist(), "zeros": 5}
    return with_metrics(
        made_result("numerics", confusions(7), precision=name),
        layers=layers,
        exponents={"activations": histogram, "gradients": histogram},
        margin=np.linspace(1, 5, 101).tolist(),
        error=np.linspace(0.01, 0.1, 101).tolist(),
    )


def test_formats_draw_one_block_a_bit():
    assert len(precision.formats().axes[0].patches) == 32 + 16 + 16


def test_scores_by_format_name_every_row():
    named = {"fp16": arms.pick([made_result("precision", confusions(7), precision="fp16")])}
    axis = precision.format_scores({"reference": named}, papers.PAPER1_TABLE_1).axes[0]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels[0] == "reference, fp16"
    assert len(labels) == 1 + len(papers.PAPER1_TABLE_1)


def test_layer_errors_draw_activations_and_scaled_gradients():
    left, right = precision.layer_errors([numerics("fp16"), numerics("bf16")]).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [0.1, 0.01])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [0.3, 0.03])


def test_exponents_say_what_leaves_the_range_of_fp16():
    titles = [axis.get_title() for axis in precision.exponents(numerics("fp16")).axes]
    assert titles[0] == "activations: 25.0 % under fp16's smallest, 25.0 % over its largest"


def test_margins_label_every_curve_once():
    found = [numerics("fp16"), numerics("fp16"), numerics("bf16")]
    legend = precision.margins(found).axes[0].get_legend().get_texts()
    assert len(legend) == 3


def test_scopes_shade_their_layers():
    model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8))).eval()
    top, bottom = int8.scopes(model, layer_macs(model, torch.zeros(1, 300))).axes
    shaded = top.collections[0].get_array().reshape(3, 8)
    assert shaded.sum(axis=1).tolist() == [3, 5, 8]
    heights = [bar.get_height() for bar in bottom.patches]
    assert sum(heights) == pytest.approx(200)  # per cent, of bytes and of multiplications


def test_grids_count_integers():
    figure = int8.grids(np.array([-127, 3, 3], np.int8), np.array([0.0, 0.5, 0.5]), 0.25, 10)
    left, right = figure.axes
    assert {(b.get_x() + 0.5, b.get_height()) for b in left.patches} == {(-127, 1), (3, 2)}
    assert {(b.get_x() + 0.5, b.get_height()) for b in right.patches} == {(10, 1), (12, 2)}


def test_noise_draws_weights_and_outputs():
    axis = int8.noise({"fc1": 40.0, "out": 41.0}, {"fc1": 30.0, "out": 29.0}).axes[0]
    assert [line.get_ydata().tolist() for line in axis.lines] == [[40.0, 41.0], [30.0, 29.0]]


def test_every_arm_has_a_mark_over_its_bytes():
    found = [
        with_metrics(made_result("int8", confusions(7), scope=scope), weight_bytes=1000 * size)
        for scope, size in (("none", 40), ("all_int8", 10))
    ]
    axis = int8.accuracy_against_bytes(int8_tables.by_scope(found)).axes[0]
    marks = [container.lines[0].get_xdata()[0] for container in axis.containers]
    np.testing.assert_allclose(marks, [40 * 1.02, 10 * 1.02])


def test_latencies_have_a_panel_for_every_network_and_batch():
    runtimes = ("torch_fp32", "ort_fp32", "ort_int8")
    found = [deployed(r, 1.0 + i, batch=b) for i, r in enumerate(runtimes) for b in (1, 64)]
    found.append(deployed("ort_int8", 9.0, threads=2))
    panels = int8.latencies(found).axes
    assert [len(axis.patches) for axis in panels] == [3, 3]
    assert [bar.get_width() for bar in panels[0].patches] == [1.0, 2.0, 3.0]
