"""What 16 bits do to a network, against autograd, NumPy and counts by hand."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from ecglib.data.inputs import Inputs
from ecglib.training import numerics
from tests.training.test_precision import on_grid, small_network

LAYERS = [f"conv{i}.conv" for i in range(1, 6)] + ["fc1", "fc2", "out"]
SCALE = 2.0**16
LOW, HIGH = -50, 20
N_BEATS = 24


@pytest.fixture
def model():
    return small_network().eval()


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(N_BEATS, 64)).astype(np.float32))


@pytest.fixture
def y():
    """Mostly one class, so that the gradients of an untrained network do not cancel."""
    return torch.tensor([0] * (N_BEATS - 4) + [1, 2, 1, 2])


def gradients(model, x, y):
    """Oracle: gradients of all parameters by autograd alone, and of the logits by hand."""
    model = copy.deepcopy(model)
    F.cross_entropy(model(x), y).backward()
    logits = model(x).detach().double().numpy()
    odds = np.exp(logits)
    by_logit = (odds / odds.sum(axis=1, keepdims=True) - np.eye(3)[y.numpy()]) / len(y)
    return {name: p.grad for name, p in model.named_parameters()}, by_logit


def test_relative_errors_by_hand():
    exact = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert numerics.relative_error(exact, exact) == 0
    assert numerics.relative_error(exact, torch.zeros(2, 2)) == 1
    moved = torch.tensor([[3.0, 1.0], [2.0, 6.0]])  # off by 1, 2, 2: norm 3 of 5
    assert numerics.relative_error(exact, moved) == pytest.approx(3 / 5)
    assert numerics.relative_error(-exact, exact) == 2
    nothing = torch.zeros(2)
    assert numerics.relative_error(nothing, nothing) == 0
    assert numerics.relative_error(nothing, torch.tensor([0.0, 7.0])) == 7


NUMBERS = st.just(0.0) | st.sampled_from([2.0**e for e in (-51, -50, -49, 0, 19, 20, 21)])
NUMBERS |= st.floats(-(2.0**25), 2.0**25, width=32)
NUMBERS |= st.floats(-(2.0**-40), 2.0**-40, width=32)
SHAPES = st.tuples(st.integers(0, 4), st.integers(0, 9))
MANY = st.lists(arrays(np.float32, SHAPES, elements=NUMBERS), max_size=4)


@settings(deadline=None)
@given(MANY)
@example([np.float32([2.0**-120, 2.0**120, np.nextafter(np.float32(2), np.float32(0))])])
def test_exponents_are_counted_as_numpy_counts_them(values):
    found = numerics.exponent_counts(torch.from_numpy(v) for v in values)
    everything = np.concatenate([np.float64(v).ravel() for v in values] or [[]])
    some = np.abs(everything[everything != 0])
    exponent = np.clip(np.floor(np.log2(some)), LOW, HIGH).astype(int)
    np.testing.assert_array_equal(exponent, np.clip(np.frexp(some)[1] - 1, LOW, HIGH))
    assert found["first"] == LOW
    assert len(found["counts"]) == HIGH - LOW + 1
    counted = {LOW + i: n for i, n in enumerate(found["counts"]) if n}
    assert counted == dict(zip(*np.unique(exponent, return_counts=True), strict=True))
    assert found["zeros"] == np.sum(everything == 0)


@pytest.mark.parametrize("scale", [1.0, SCALE])
def test_a_trace_has_the_weight_gradients_of_autograd(model, x, y, scale):
    expected, by_logit = gradients(model, x, y)
    traced = numerics.trace(model, x, y, scale=scale)
    assert list(traced) == LAYERS
    for name, layer in traced.items():
        assert torch.equal(layer["weight_gradient"], expected[f"{name}.weight"]), name
    found = traced["out"]["gradient"] / scale
    np.testing.assert_allclose(found, by_logit, rtol=1e-3, atol=1e-7)


def test_a_trace_has_the_outputs_of_its_layers(model, x, y):
    traced = numerics.trace(model, x, y)
    with torch.no_grad():
        first = model.conv1.conv(x.unsqueeze(1))
        hidden = model.relu1(model.fc1(model.features(x)))
        assert torch.equal(traced["conv1.conv"]["activation"], first)
        assert torch.equal(traced["fc2"]["activation"], model.fc2(hidden))
        assert torch.equal(traced["out"]["activation"], model(x))


def test_scaling_the_loss_scales_its_gradients_until_they_are_divided(model, x, y):
    plain, scaled = numerics.trace(model, x, y), numerics.trace(model, x, y, scale=SCALE)
    for name in LAYERS:
        assert torch.equal(scaled[name]["gradient"], SCALE * plain[name]["gradient"]), name
        assert torch.equal(scaled[name]["activation"], plain[name]["activation"]), name


def assert_untouched(model, state):
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in state.items())
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert not model.training


def test_measuring_leaves_the_network_as_it_was(model, x, y):
    state = copy.deepcopy(model.state_dict())
    numerics.layer_errors(model, x, y, "bf16")
    numerics.exponents(model, x, y)
    numerics.decisions(model, Inputs(x, torch.zeros(len(x), 5), y), "fp16")
    numerics.saved_bytes(model, x, y, "bf16")
    assert_untouched(model, state)
    with pytest.raises(IndexError):
        numerics.trace(model, x, y + 3)  # no such classes
    assert_untouched(model, state)


def test_fp32_has_no_error_against_itself(model, x, y):
    for row in numerics.layer_errors(model, x, y, "fp32"):
        assert list(row.values()) == [row["name"], 0, 0, 0]


def test_fp16_errs_less_than_bf16_in_every_layer(model, x, y):
    fp16, bf16 = (numerics.layer_errors(model, x, y, p) for p in ("fp16", "bf16"))
    assert [row["name"] for row in fp16] == [row["name"] for row in bf16] == LAYERS
    for fine, coarse in zip(fp16, bf16, strict=True):
        assert 0 < 4 * fine["activation"] < coarse["activation"] < 0.01, fine["name"]
        for kind in ("gradient", "scaled_gradient"):
            assert 0 < 1.5 * fine[kind] < coarse[kind] < 0.3, (fine["name"], kind)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_the_first_error_is_that_of_rounding_by_hand(model, x, y, precision):
    row = numerics.layer_errors(model, x, y, precision)[0]
    conv = model.conv1.conv

    def outputs(rounded):
        beats, weight, bias = (rounded(t.detach().numpy()) for t in (x, conv.weight, conv.bias))
        padded = np.pad(np.float64(beats), ((0, 0), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)
        return np.einsum("btk,ok->bot", windows, weight[:, 0]) + bias[:, None]

    exact = outputs(np.float64)
    approximate = on_grid(outputs(lambda a: on_grid(a, precision)), precision)
    by_hand = np.linalg.norm(exact - approximate) / np.linalg.norm(exact)
    assert row["activation"] == pytest.approx(by_hand, rel=0.01)


def test_small_gradients_vanish_in_fp16_unless_the_loss_is_scaled(model, x, y):
    with torch.no_grad():
        model.out.weight.mul_(5e-6)  # gradients before it are below 2^-25
    fp16, bf16 = (numerics.layer_errors(model, x, y, p) for p in ("fp16", "bf16"))
    for row, other in zip(fp16[:-1], bf16[:-1], strict=True):
        assert row["gradient"] == 1
        assert row["scaled_gradient"] < 0.25
        assert other["gradient"] < 0.25  # bf16 has the exponents of fp32


def test_a_loss_whose_scaled_gradients_overflow_is_scaled_by_less(model, x, y):
    """As training does, which halves its factor until no gradient is infinite."""
    with torch.no_grad():
        model.out.weight.mul_(100)
    exact = numerics.trace(model, x, y)
    largest = max(float(layer["weight_gradient"].abs().max()) for layer in exact.values())
    assert largest * SCALE > 1.1 * 65504
    overflown = numerics.trace(model, x, y, "fp16", scale=SCALE)
    assert not all(layer["weight_gradient"].isfinite().all() for layer in overflown.values())
    for row in numerics.layer_errors(model, x, y, "fp16"):
        assert 0 < row["scaled_gradient"] < 0.1
    halved = numerics.trace_scaled(model, x, y, "fp16")
    scale = SCALE / 2 ** np.ceil(np.log2(largest * SCALE / 65504))
    expected = numerics.trace(model, x, y, "fp16", scale=scale)
    for name in LAYERS:
        found = halved[name]["weight_gradient"]
        assert torch.equal(found, expected[name]["weight_gradient"]), name


def test_histograms_of_scaled_gradients_are_shifted_by_16(model, x, y):
    found = numerics.exponents(model, x, y)
    assert set(found) == {"activations", "gradients", "scaled gradients"}
    plain, scaled = found["gradients"], found["scaled gradients"]
    assert plain["counts"][0] == scaled["counts"][-1] == 0  # nothing at the ends
    assert scaled["counts"] == [0] * 16 + plain["counts"][:-16]
    assert scaled["zeros"] == plain["zeros"]
    n_values = len(x) * (4 * 64 + 4 * 32 + 8 * 16 + 8 * 8 + 8 * 4 + 512 + 256 + 3)
    for counted in found.values():
        assert sum(counted["counts"]) + counted["zeros"] == n_values


class Logits(nn.Module):
    """Two nearly equal rows of weights, that bf16 puts in the other order, and a small one."""

    def __init__(self):
        super().__init__()
        first = [1 + 2**-8 - 2**-12] * 8
        second = [1 + 2**-8 + 2**-12] * 7 + [1 - 2**-9 + 2**-11]
        self.weight = torch.tensor([first, second, [0.5] * 8])

    def forward(self, x, rr):
        return F.linear(x, self.weight)


@pytest.mark.parametrize(("precision", "flips"), [("fp16", 0), ("bf16", 2)])
def test_decisions_by_hand(precision, flips):
    """Sums of eight: 8.0293 and 8.0276; in bf16 8 and 8.0625, in fp16 8.0313 and 8.0234."""
    rows = [np.ones(8), 2 * np.ones(8), -np.ones(8), [1] * 7 + [-1]]
    x = torch.from_numpy(np.float32(rows))
    inputs = Inputs(x, torch.zeros(4, 5), torch.zeros(4).long())
    classes, found = numerics.decisions(Logits(), inputs, precision)
    assert classes.tolist() == [int(flips > 0), int(flips > 0), 2, 1]
    assert classes.dtype == np.int8
    assert found["flips"] == flips
    weight = Logits().weight.numpy().astype(np.float64)
    exact = np.array(rows) @ weight.T
    rounded = on_grid(np.array(rows) @ np.float64(on_grid(weight, precision)).T, precision)
    best = np.sort(exact, axis=1)
    by_hand = {"margin": best[:, 2] - best[:, 1], "error": np.abs(exact - rounded).max(axis=1)}
    for name, values in by_hand.items():
        expected = np.percentile(values, range(101))
        np.testing.assert_allclose(found[name], expected, atol=1e-6)
        assert (np.diff(found[name]) >= 0).all()
        assert found[name][0] < found[name][100]


@pytest.mark.parametrize("n_beats", [1, 8, 100])
def test_kept_bytes_by_hand(n_beats):
    """Input, hidden layer and the second weight; log-softmax and classes never shrink."""
    model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3))
    x, y = torch.rand(n_beats, 10), torch.arange(n_beats) % 3
    for precision, size in (("fp32", 4), ("fp16", 2), ("bf16", 2)):
        by_hand = size * (n_beats * (10 + 20) + 20 * 3) + n_beats * (3 * 4 + 8) + 4
        assert numerics.saved_bytes(model, x, y, precision) == by_hand
