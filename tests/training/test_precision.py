"""Number formats against NumPy's float16, bfloat16 by its bits, and sums that are exact."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.system.errors import UserError
from ecglib.training.loop import in_batches
from ecglib.training.precision import autocast, round_to, running
from ecglib.training.tasks import SupervisedTask

CPU = torch.device("cpu")
REDUCED = ("fp16", "bf16")
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SOME_FLOATS = arrays(np.float32, 20, elements=FLOATS)

in_both = pytest.mark.parametrize("precision", REDUCED)


def emulated(precision):
    return running(precision, "native" if precision == "fp32" else "emulated", CPU)


def on_grid(x, precision):
    """Oracle: the nearest values of a format, half to even, as float32."""
    x = np.asarray(x).astype(np.float32)
    if precision == "fp16":
        with np.errstate(over="ignore"):
            return x.astype(np.float16).astype(np.float32)
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)


def is_on_grid(tensor, precision):
    values = tensor.detach().numpy()
    return np.array_equal(values, on_grid(values, precision))


def ours(x, precision):
    return round_to(torch.from_numpy(np.atleast_1d(np.float32(x))), precision).numpy()


def near_one(*shape, seed=0):
    """Magnitudes of 1 to 2: once on a grid, sums of three products are exact in fp32."""
    rng = np.random.default_rng([seed, *shape])
    return (rng.uniform(1, 2, shape) * rng.choice([-1, 1], shape)).astype(np.float32)


def with_weights(layer, weight, bias=None):
    layer.weight.data = torch.from_numpy(weight)
    if bias is not None:
        layer.bias.data = torch.from_numpy(bias)
    return layer


@settings(deadline=None)
@given(SOME_FLOATS, st.sampled_from(REDUCED))
def test_rounding_agrees_with_numpy_bit_for_bit(x, precision):
    expected = on_grid(x, precision)
    assert np.array_equal(ours(x, precision).view(np.uint32), expected.view(np.uint32))
    assert np.array_equal(ours(x, "fp32").view(np.uint32), x.view(np.uint32))


def test_too_large_is_infinite_and_too_small_is_zero():
    below, above = np.nextafter(np.float32(65520), np.float32([0, 1e9]))
    found = ours([65504, below, 65520, above, -65520], "fp16").tolist()
    assert found == [65504, 65504, np.inf, np.inf, -np.inf]
    half, more = 2.0**-25, np.nextafter(np.float32(2.0**-25), np.float32(1))
    assert ours([half, more, -half], "fp16").tolist() == [0, 2.0**-24, 0]
    assert ours(3e38, "bf16")[0] == pytest.approx(3e38, rel=2.0**-8)
    assert ours([np.finfo(np.float32).max, half], "bf16").tolist() == [np.inf, half]


@in_both
def test_the_gradient_of_rounding_is_the_rounded_gradient(precision):
    x = torch.from_numpy(near_one(9)).requires_grad_()
    gradient = near_one(9, seed=1)
    round_to(x, precision).backward(torch.from_numpy(gradient))
    np.testing.assert_array_equal(x.grad.numpy(), on_grid(gradient, precision))
    assert not np.array_equal(x.grad.numpy(), gradient)


@in_both
def test_a_linear_layer_rounds_operands_result_and_gradients(precision):
    x, w, b, up = near_one(3, 3), near_one(2, 3), near_one(2), near_one(3, 2)
    layer = with_weights(nn.Linear(3, 2), w, b)
    inputs = torch.from_numpy(x).requires_grad_()
    with emulated(precision):
        out = layer(inputs)
        out.backward(torch.from_numpy(up))
    rx, rw, rb, rup = (on_grid(a, precision).astype(np.float64) for a in (x, w, b, up))
    found = {
        "output": (out.detach(), rx @ rw.T + rb),
        "gradient of weight": (layer.weight.grad, rup.T @ rx),
        "gradient of bias": (layer.bias.grad, rup.sum(axis=0)),
        "gradient of input": (inputs.grad, rup @ rw),
    }
    for name, (got, exact) in found.items():
        np.testing.assert_array_equal(got.numpy(), on_grid(exact, precision), err_msg=name)
        rounded = not np.array_equal(got.numpy(), exact)
        assert rounded or name == "gradient of bias"  # a sum of three may be on the grid
    assert torch.equal(layer.weight, torch.from_numpy(w))  # the weights themselves stay fp32


@in_both
@pytest.mark.parametrize("with_bias", [True, False])
def test_a_convolution_rounds_operands_and_result(precision, with_bias):
    x, w, b = near_one(2, 1, 7), near_one(2, 1, 3), near_one(2) * with_bias
    conv = nn.Conv1d(1, 2, 3, padding=1, bias=with_bias)
    layer = with_weights(conv, w, b if with_bias else None)
    with emulated(precision):
        out = layer(torch.from_numpy(x)).detach().numpy()
    rx, rw, rb = (on_grid(a, precision).astype(np.float64) for a in (x, w, b))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(rx[:, 0], ((0, 0), (1, 1))), 3, 1)
    expected = np.einsum("btk,ok->bot", windows, rw[:, 0]) + rb[:, None]
    np.testing.assert_array_equal(out, on_grid(expected, precision))
    assert not np.array_equal(out, layer(torch.from_numpy(x)).detach().numpy())


def small_network():
    torch.manual_seed(0)
    return ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=64, norm="batch"))


def gradients_of(model):
    """Gradients after one batch, by the type of layer that they belong to."""
    x, y = torch.from_numpy(near_one(12, 64)), torch.arange(12) % 3
    model.zero_grad()
    torch.manual_seed(1)  # dropout
    F.cross_entropy(model.train()(x), y).backward()
    found = {nn.Conv1d: [], nn.Linear: [], nn.BatchNorm1d: []}
    for module in model.modules():
        if type(module) in found:
            found[type(module)] += [module.weight.grad.clone(), module.bias.grad.clone()]
    return found


@in_both
def test_every_gradient_of_a_weight_is_on_the_grid(precision):
    with emulated(precision):
        reduced = gradients_of(small_network())
    plain = gradients_of(small_network())
    for kind, n_layers in ((nn.Conv1d, 5), (nn.Linear, 3)):
        assert [is_on_grid(g, precision) for g in reduced[kind]] == [True] * 2 * n_layers
        assert not any(is_on_grid(g, precision) for g in plain[kind])
    assert not all(is_on_grid(g, precision) for g in reduced[nn.BatchNorm1d])  # kept in fp32


@in_both
def test_batchnorm_writes_16_bits_but_keeps_its_statistics_in_fp32(precision):
    x, layer = near_one(4, 2, 25) + np.float32([[5], [300]]), nn.BatchNorm1d(2)
    with emulated(precision):
        out = layer(torch.from_numpy(x))
    read = on_grid(x, precision).astype(np.float64)
    mean, variance = read.mean(axis=(0, 2)), read.var(axis=(0, 2), ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * mean, rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)
    assert not is_on_grid(layer.running_mean, precision)
    assert not is_on_grid(layer.running_var, precision)
    assert is_on_grid(out, precision)


@in_both
def test_the_loss_is_computed_in_fp32(precision):
    x, w, y = near_one(9, 3), near_one(3, 3), torch.arange(9) % 3
    layer = with_weights(nn.Linear(3, 3, bias=False), w)
    with emulated(precision):
        loss = SupervisedTask(layer, (torch.from_numpy(x),), y).loss(torch.arange(9), None)
    rx, rw = (on_grid(a, precision).astype(np.float64) for a in (x, w))
    logits = on_grid(rx @ rw.T, precision).astype(np.float64)
    by_hand = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(9), y.numpy()]
    assert loss.item() == pytest.approx(by_hand.mean(), rel=1e-6)
    assert not is_on_grid(loss, precision)


@in_both
def test_predictions_inside_a_context_are_rounded_too(precision):
    model, x = small_network().eval(), torch.from_numpy(near_one(5, 64))
    with emulated(precision):
        assert is_on_grid(in_batches(model, x), precision)
    assert not is_on_grid(in_batches(model, x), precision)


def outputs():
    """What a layer answers under the formats in force."""
    layer = with_weights(nn.Linear(3, 4, bias=False), near_one(4, 3))
    return layer(torch.from_numpy(near_one(5, 3))).detach().numpy()


def expected_outputs(precision):
    if precision == "fp32":
        return near_one(5, 3) @ near_one(4, 3).T
    rx, rw = (np.float64(on_grid(a, precision)) for a in (near_one(5, 3), near_one(4, 3)))
    return on_grid(rx @ rw.T, precision)


@pytest.mark.parametrize("outer", ["fp32", *REDUCED])
@pytest.mark.parametrize("inner", ["fp32", *REDUCED])
def test_formats_do_not_nest(outer, inner):
    with emulated(outer):
        with pytest.raises(RuntimeError, match="running already"), emulated(inner):
            pass
        np.testing.assert_allclose(outputs(), expected_outputs(outer), rtol=1e-6)


def test_an_exception_leaves_no_format_behind():
    plain = outputs()
    with pytest.raises(ZeroDivisionError), emulated("fp16"):
        1 / 0  # noqa: B018
    np.testing.assert_array_equal(outputs(), plain)


@in_both
def test_native_16_bits_on_a_cpu_are_refused_with_the_way_out(precision):
    plain = outputs()
    message = f"precision is {precision}.*precision_impl: emulated"
    with pytest.raises(UserError, match=message) as e, running(precision, "native", CPU):
        pass
    assert "\n" not in str(e.value)
    assert ". " not in str(e.value)  # one sentence
    np.testing.assert_array_equal(outputs(), plain)


def test_native_formats_see_every_step_of_a_training():
    """On the processor, whose autocast keeps copies of weights as a GPU's does."""
    layer, x = torch.nn.Linear(4, 2), torch.ones(1, 4)
    with autocast("cpu", "bf16"):
        before = layer(x)
        with torch.no_grad():
            layer.weight.add_(1), layer.bias.add_(1)
        after = layer(x)
    assert torch.allclose(after - before, torch.full((1, 2), 5.0, dtype=after.dtype), atol=0.1)
