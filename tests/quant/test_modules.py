"""Fake-quantized layers against the NumPy oracle, integer arithmetic, and gradients by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import nn

from ecglib.quant import modules
from ecglib.quant.modules import MOMENTUM, ActivationQuantizer, WeightQuantizer, quantized_twin
from ecglib.quant.oracle import quantize_array
from ecglib.system.errors import UserError
from tests.oracles import affine_parameters, quantize_affine

FEW = settings(max_examples=40, deadline=None)
MAGNITUDES = st.floats(2**-20, 2**20, width=32)
NUMBERS = st.just(0.0) | MAGNITUDES | MAGNITUDES.map(lambda value: -value)


@pytest.fixture(autouse=True)
def _same_layers_every_time():
    torch.manual_seed(0)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def moving_quantizer(*batches, bits=8):
    """Activation quantizer that has seen batches in training mode."""
    quantizer = ActivationQuantizer(bits)
    for batch in batches:
        quantizer(torch.tensor(batch))
    return quantizer


def calibrated_twin(layer, x, **how):
    """Fake-quantized layer whose input range is that of `x`, in evaluation mode."""
    twin = quantized_twin(layer.eval(), **how)
    twin.input_quantizer.observe(x)
    return twin


def away_from_ties(ratio):
    return np.abs(np.abs(ratio) % 1 - 0.5) > 1e-2


def integer_inputs_and_weights(twin, x):
    """Oracle: centred integers of input and weight, integer bias, and the step of products."""
    quantizer = twin.input_quantizer
    s_in, zero = float(quantizer.scale), int(quantizer.zero_point)
    q_x = quantize_affine(x.numpy().astype(np.float64), s_in, zero) - zero
    q_w, s_w = quantize_array(twin.weight.detach().numpy(), 8, axis=0)
    step = s_in * s_w.ravel().astype(np.float64)
    bias = 0 if twin.bias is None else np.rint(twin.bias.detach().numpy() / step)
    return q_x.astype(np.int64), q_w.astype(np.int64), np.broadcast_to(bias, len(step)), step


@FEW
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=3), elements=NUMBERS))
def test_integers_of_weights_are_the_oracles(w):
    weight = torch.from_numpy(w)
    q, scale = WeightQuantizer(weight).integers(weight)
    expected, its_scale = quantize_array(w, 8, axis=0)
    assert q.dtype == torch.int8
    np.testing.assert_array_equal(q, expected)
    np.testing.assert_array_equal(scale, its_scale.ravel())


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("shape", [(6, 5, 3), (7, 40)])
def test_weights_lie_where_the_oracle_puts_them(shape, bits):
    weight = normal(*shape)
    quantizer = WeightQuantizer(weight, bits)
    q, scale = quantize_array(weight.numpy(), bits, axis=0)
    for training in (True, False):
        found = quantizer.train(training)(weight).numpy()
        np.testing.assert_allclose(found, q * scale, rtol=2e-7, atol=0)
    assert np.abs(q).max() == 2 ** (bits - 1) - 1


def test_rounding_of_weights_passes_the_gradient_on():
    weight = normal(6, 5, 3).requires_grad_()
    WeightQuantizer(weight, 4)(weight).sum().backward()
    assert torch.equal(weight.grad, torch.ones(6, 5, 3))


def test_a_learned_step_starts_at_twice_the_mean_over_the_root_of_the_largest_integer():
    weight = torch.tensor([[1.0, -3.0], [0.0, 0.0]])
    start = WeightQuantizer(weight, 8, "learned").learned
    assert start.tolist() == pytest.approx([4 / math.sqrt(127), 2**-23])


def test_a_learned_step_clips_and_may_reach_the_lowest_integer():
    weight = torch.tensor([[10.0, -10.0, 0.26, 0.0]])
    quantizer = WeightQuantizer(weight, 4, "learned").eval()
    with torch.no_grad():
        quantizer.learned.fill_(-0.5)  # a step has no sign
    q, scale = quantizer.integers(weight)
    assert (q.tolist(), scale.tolist()) == ([[7, -8, 1, 0]], [0.5])
    for training in (True, False):
        found = quantizer.train(training)(weight)
        assert found.tolist()[0] == pytest.approx([3.5, -4.0, 0.5, 0.0])


def test_gradients_of_a_learned_step_are_those_of_lsq():
    """Esser et al. 2020, equations 3 and 5, entry by entry."""
    weight = torch.tensor([[10.0, -10.0, 0.9, -0.1]], requires_grad=True)
    quantizer = WeightQuantizer(weight, 4, "learned").train()
    with torch.no_grad():
        quantizer.learned.fill_(0.5)
    upstream = torch.tensor([[1.0, 10.0, 100.0, 1000.0]])
    (quantizer(weight) * upstream).sum().backward()
    by_hand = 1 * 7 + 10 * -8 + 100 * (2 - 1.8) + 1000 * (0 + 0.2)
    assert quantizer.learned.grad.item() == pytest.approx(by_hand / math.sqrt(4 * 7), rel=1e-4)
    assert weight.grad.tolist() == [[0, 0, 100, 1000]]


def test_ranges_follow_the_momentum_by_hand():
    quantizer = moving_quantizer([-1.0, 3.0], [-5.0, 1.0], [0.0, 9.0])
    low, high = -1.0, 3.0
    for new_low, new_high in ((-5, 1), (0, 9)):
        low = (1 - MOMENTUM) * low + MOMENTUM * new_low
        high = (1 - MOMENTUM) * high + MOMENTUM * new_high
    assert MOMENTUM == 0.05
    assert quantizer.low.item() == pytest.approx(low)
    assert quantizer.high.item() == pytest.approx(high)
    assert quantizer.scale.item() == pytest.approx((high - low) / 255)
    assert quantizer.zero_point.item() == round(-low / (high - low) * 255)


@pytest.mark.parametrize("batch", [[-2.0, 5.1], [1.0, 5.1], [-3.0, -1.0], [0.0, 0.0]])
@pytest.mark.parametrize("bits", [2, 8])
def test_scale_and_zero_point_are_the_oracles(batch, bits):
    quantizer = moving_quantizer(batch, bits=bits)
    scale, zero_point = affine_parameters(*batch, bits)
    assert quantizer.scale.item() == pytest.approx(scale)
    assert quantizer.zero_point.item() == zero_point


@FEW
@given(arrays(np.float32, 12, elements=NUMBERS), st.sampled_from([2, 4, 8]))
def test_activations_lie_where_the_oracle_puts_them(x, bits):
    quantizer = moving_quantizer(x, bits=bits).eval()
    scale, zero_point = quantizer.scale.item(), quantizer.zero_point.item()
    wide = np.float32([*x, *(3 * x)])
    found = quantizer(torch.from_numpy(wide)).numpy()
    expected = (quantize_affine(wide, scale, zero_point, bits) - zero_point) * scale
    safe = away_from_ties(wide / scale)
    np.testing.assert_allclose(found[safe], expected[safe], rtol=1e-6, atol=0)
    assert np.abs(found - expected).max() <= 1.001 * scale
    assert quantizer(torch.zeros(1)).item() == 0


def test_gradients_pass_inside_the_range_and_stop_outside():
    quantizer = moving_quantizer([-1.0, 1.0]).eval()
    x = torch.tensor([-7.0, -1.1, -0.9, 0.0, 0.33, 0.9, 1.1, 7.0], requires_grad=True)
    quantizer(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_ranges_move_in_training_until_frozen_and_never_in_evaluation():
    quantizer = moving_quantizer([-1.0, 1.0])
    quantizer.eval()(torch.tensor([-9.0, 9.0]))
    assert (quantizer.low.item(), quantizer.high.item()) == (-1, 1)
    quantizer.train()(torch.tensor([-9.0, 9.0]))
    assert quantizer.high.item() == pytest.approx(1.4)
    quantizer.frozen = True
    clipped = quantizer(torch.tensor([-9.0, 9.0]))
    assert quantizer.high.item() == pytest.approx(1.4)
    assert clipped.tolist() == pytest.approx([-1.4, 1.4], rel=0.01)


def test_an_observer_lets_everything_pass():
    quantizer, x = ActivationQuantizer().eval(), normal(50)
    quantizer.observing = True
    assert torch.equal(quantizer(x), x)
    assert (quantizer.low, quantizer.high) == (x.min(), x.max())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("observing", [True, False])
def test_activations_that_are_not_finite_are_refused_in_training(bad, observing):
    quantizer = ActivationQuantizer().train()
    quantizer.observing = observing
    with pytest.raises(UserError, match="an activation is NaN or infinite"):
        quantizer(torch.tensor([1.0, bad, 2.0]))
    assert quantizer.low == math.inf


def test_a_linear_layer_is_integer_arithmetic():
    layer, x = nn.Linear(9, 5), normal(20, 9)
    twin = calibrated_twin(layer, x)
    q_x, q_w, bias, step = integer_inputs_and_weights(twin, x)
    expected = (q_x @ q_w.T + bias) * step
    np.testing.assert_allclose(twin(x).detach(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "how",
    [{"padding": 1}, {"stride": 2, "dilation": 2, "padding": 3}, {"groups": 2, "bias": False}],
)
def test_a_convolution_is_integer_arithmetic(how):
    layer, x = nn.Conv1d(4, 6, 3, **how), normal(3, 4, 15)
    twin = calibrated_twin(layer, x)
    q_x, q_w, bias, step = integer_inputs_and_weights(twin, x)
    (stride,), (dilation,), (padding,) = layer.stride, layer.dilation, layer.padding
    q_x = np.pad(q_x, ((0, 0), (0, 0), (padding, padding)))
    found = twin(x).detach().numpy()
    per_group = 6 // layer.groups
    for n, t in np.ndindex(6, found.shape[2]):
        first = n // per_group * q_w.shape[1]
        rows = slice(first, first + q_w.shape[1])
        window = q_x[:, rows, t * stride : t * stride + 2 * dilation + 1 : dilation]
        expected = ((window * q_w[n]).sum(axis=(1, 2)) + bias[n]) * step[n]
        np.testing.assert_allclose(found[:, n, t], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("step", ["minmax", "learned"])
def test_biases_lie_on_the_grid_of_the_products(step):
    layer, x = nn.Linear(9, 5), normal(20, 9)
    twin = calibrated_twin(layer, x, step=step)
    bias = twin.quantized(x)[2].detach().double()
    grid = twin.input_quantizer.scale.double() * twin.weight_quantizer.scale(twin.weight)
    steps = bias / grid
    torch.testing.assert_close(steps, steps.round(), rtol=5e-7, atol=0)
    assert steps.abs().max() > 1
    assert ((bias - layer.bias).abs() <= 0.5001 * grid).all()
    assert (bias != layer.bias).any()


def test_a_rounded_bias_passes_the_gradient_on():
    layer, x = nn.Linear(9, 5), normal(20, 9)
    calibrated_twin(layer, x)(x).sum().backward()
    assert layer.bias.grad.tolist() == [20] * 5


@pytest.mark.parametrize("step", ["minmax", "learned"])
def test_a_dead_channel_answers_its_bias(step):
    layer, x = nn.Linear(9, 3), normal(20, 9)
    with torch.no_grad():
        layer.weight[1] = 0
        layer.bias[1] = 0.7
    twin = calibrated_twin(layer, x, step=step)
    q, scale = twin.weight_quantizer.integers(twin.weight)
    assert torch.isfinite(scale).all()
    assert q[1].tolist() == [0] * 9
    assert twin(x)[:, 1].tolist() == pytest.approx([0.7] * 20, rel=1e-6)


def test_a_twin_shares_the_parameters_and_the_mode():
    for layer, kind in (
        (nn.Linear(4, 3), modules.QuantLinear),
        (nn.Conv1d(2, 3, 5), modules.QuantConv1d),
    ):
        for training in (True, False):
            twin = quantized_twin(layer.train(training))
            assert type(twin) is kind
            assert twin.weight is layer.weight
            assert twin.bias is layer.bias
            assert {m.training for m in twin.modules()} == {training}
