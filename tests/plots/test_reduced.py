"""Figures of mixed precision and of 8-bit integers hold what they are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.models.cost import layer_macs
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots import int8, precision
from ecglib.stats import Interval
from ecglib.tables import arms
from ecglib.tables import precision as tables
from tests.tables.made import arm_of, confusions
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
    bits, ranges = precision.formats().axes
    assert len(bits.patches) == 32 + 16 + 16
    largest = [bar.get_x() + bar.get_width() for bar in ranges.patches[::2]]
    assert largest == [127, 15, 127]  # exponents of IEEE 754


def test_differences_have_a_row_a_pair_and_two_intervals():
    named = {
        name: arm_of("precision", seeds=(7, 21), shift=shift, precision=name)
        for shift, name in enumerate(("fp16", "bf16", "fp32"))
    }
    pairs = tables.pairs_table(named)
    figure = precision.differences({"native": pairs, "emulated": pairs})
    for axis, title in zip(figure.axes, ("native", "emulated"), strict=True):
        assert axis.get_title() == title
        assert [text.get_text() for text in axis.get_yticklabels()] == list(pairs.index)
        drawn = [container.lines[0].get_xdata()[0] for container in axis.containers]
        assert drawn == pytest.approx(np.repeat(pairs["over patients"], 2))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["95 % over patients", "95 % over seeds"]


def test_layer_errors_draw_activations_and_scaled_gradients():
    upper, lower = precision.layer_errors([numerics("fp16"), numerics("bf16")]).axes
    np.testing.assert_allclose(upper.lines[0].get_ydata(), [0.1, 0.01])
    np.testing.assert_allclose(lower.lines[0].get_ydata(), [0.3, 0.03])


def test_exponents_say_what_leaves_the_range_of_fp16():
    titles = [axis.get_title() for axis in precision.exponents(numerics("fp16")).axes]
    assert titles[0] == "activations: 50.0 % outside"


def test_margins_label_every_curve_once():
    found = [numerics("fp16"), numerics("fp16"), numerics("bf16")]
    legend = [text.get_text() for text in precision.margins(found).legends[0].get_texts()]
    assert len(legend) == len(set(legend)) == 3


def test_a_quantizer_has_a_place_for_every_integer():
    weights, activations = int8.quantizer().axes
    shown = [[text.get_text() for text in axis.texts] for axis in (weights, activations)]
    assert [text for text in shown[0] if text] == ["−3", "−2", "−1", "0", "1", "2", "3"]
    assert {str(integer) for integer in range(8)} < set(shown[1])


def test_scopes_shade_their_layers():
    model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8))).eval()
    top, bottom = int8.scopes(model, layer_macs(model, torch.zeros(1, 300))).axes
    shaded = top.collections[0].get_array().reshape(3, 8)
    assert shaded.sum(axis=1).tolist() == [3, 5, 8]
    heights = [bar.get_height() for bar in bottom.patches]
    assert sum(heights) == pytest.approx(200)  # per cent, of bytes and of multiplications


def test_noise_draws_weights_and_outputs():
    axis = int8.noise({"fc1": 40.0, "out": 41.0}, {"fc1": 30.0, "out": 29.0}).axes[0]
    assert [line.get_ydata().tolist() for line in axis.lines] == [[40.0, 41.0], [30.0, 29.0]]


def test_costs_have_a_panel_a_pipeline_that_was_run():
    zero = Interval(0.0, -0.1, 0.1)
    found = {("head_int8", "ptq"): zero, ("all_int8", "ptq"): zero, ("all_int8", "qat"): zero}
    (axis,) = int8.costs({"narrow": found, "not run": {}}).axes
    rows = [text.get_text() for text in axis.get_yticklabels()]
    assert (axis.get_title(), rows) == ("narrow", ["head", "all layers"])
    assert len(axis.containers) == 3
    with pytest.raises(LookupError):
        int8.costs({"not run": {}})


def test_scores_stand_over_their_bytes():
    found = {
        scope: with_metrics(made_result("int8", confusions(7), scope=scope), weight_bytes=size)
        for scope, size in (("none", 40_000), ("all_int8", 10_000))
    }
    named = {scope: arms.pick([result]) for scope, result in found.items()}
    axis = int8.scores_against_bytes({"narrow": named}).axes[0]
    marks = [container.lines[0].get_xdata()[0] for container in axis.containers]
    assert marks == [40, 10]


def test_files_have_a_bar_a_format():
    found = [
        with_metrics(deployed(runtime, 1.0 + i, batch=1, threads=threads), **more)
        for i, runtime in enumerate(("torch_fp32", "ort_fp32", "ort_int8"))
        for threads in (1, 2)
        for more in [{"session": "one", "file_bytes": 1e6 * (i + 1), "agreement": 1.0}]
    ]
    size, time = int8.files(found, {"64…512": "large"}).axes
    assert [bar.get_width() for bar in size.patches] == [2, 3]
    assert [bar.get_width() for bar in time.patches] == [2, 3]
    assert [t.get_text() for t in size.get_yticklabels()] == ["large, fp32", "large, INT8"]
