"""Coded tensors against the quantizers they stand for and an exhaustive search."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.optimize import brute

from ecglib.compress.coded import clipped_scale, encode, encode_array, half_precision
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.quant import quantize_array
from ecglib.quant.oracle import SMALLEST_STEP
from ecglib.system.errors import UserError
from tests.compress.conftest import build

FEW = settings(max_examples=40, deadline=None)
NUMBERS = st.just(0.0) | st.floats(2**-10, 2**10, width=32).flatmap(
    lambda value: st.sampled_from([value, -value])
)
WEIGHTS = arrays(np.float32, array_shapes(min_dims=1, max_dims=3, max_side=5), elements=NUMBERS)
RULES = st.sampled_from(["minmax", "mse"])


def squared_error(w, coded):
    return np.square(w - coded.values(), dtype=np.float64).sum()


@FEW
@given(WEIGHTS, st.integers(1, 16), st.sampled_from([None, 0]))
def test_minmax_is_the_quantizer_of_this_project(w, bits, axis):
    coded = encode_array(w, bits, axis=axis)
    q, scale = quantize_array(w, bits, axis=None if w.ndim == 1 else axis)
    np.testing.assert_array_equal(coded.q, q)
    np.testing.assert_array_equal(coded.scale, scale)
    np.testing.assert_array_equal(coded.values(), (q * scale).astype(np.float32))
    assert coded.q.dtype == (np.int8 if bits <= 8 else np.int16)
    assert (coded.scale.dtype, coded.values().dtype) == (np.float32, np.float32)
    assert (coded.bits, coded.masked) == (bits, False)


@FEW
@given(WEIGHTS, st.integers(1, 16), st.sampled_from([None, 0]))
def test_clipping_never_has_the_larger_error(w, bits, axis):
    clipped = encode_array(w, bits, axis=axis, scale_rule="mse")
    plain = encode_array(w, bits, axis=axis)
    assert squared_error(w, clipped) <= squared_error(w, plain) * (1 + 1e-6)
    assert (clipped.scale <= 1.25 * plain.scale).all()


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("tails", [3, 30])
def test_clipping_is_the_best_of_an_exhaustive_search(bits, tails):
    """Student's t with three degrees of freedom has far outliers, with thirty hardly any."""
    w = np.random.default_rng(bits).standard_t(tails, (2, 3000)).astype(np.float32)
    q_max = 2 ** (bits - 1) - 1

    def error(step, channel):
        integers = np.clip(np.rint(channel / step), -q_max, q_max)
        return float(np.square(channel - integers * step).sum())

    found = clipped_scale(w, bits, axis=0)
    assert found.shape == (2, 1)
    for channel, step in zip(w, found[:, 0].tolist(), strict=True):
        widest = float(np.abs(channel).max()) / q_max
        best = brute(lambda s, c=channel: error(s[0], c), [(0.01 * widest, widest)], Ns=2000)
        assert error(step, channel) <= 1.02 * error(float(best[0]), channel)


def test_channels_have_their_own_clipping():
    w = np.random.default_rng(0).normal(size=(3, 500)).astype(np.float32)
    w[1] *= 1000
    together = clipped_scale(w, 4, axis=0)
    alone = [clipped_scale(row, 4) for row in w]
    np.testing.assert_allclose(together[:, 0], alone, rtol=1e-6)


@FEW
@given(WEIGHTS, st.integers(1, 16), RULES, st.sampled_from([None, 0]), st.randoms())
def test_pruned_weights_are_zero_and_the_others_as_without_them(w, bits, rule, axis, random):
    kept = np.reshape([random.random() < 0.6 for _ in range(w.size)], w.shape)
    coded = encode_array(w, bits, kept=kept, scale_rule=rule, axis=axis)
    assert coded.masked
    assert not coded.values()[~kept].any()
    if w.ndim == 1 and kept.any():
        alone = encode_array(w[kept], bits, scale_rule=rule)
        np.testing.assert_allclose(coded.scale, alone.scale, rtol=1e-5)
        np.testing.assert_allclose(coded.values()[kept], alone.values(), rtol=1e-5)


def test_one_bit_is_the_sign_times_the_mean_of_what_is_kept():
    w = np.float32([[1, -3, 100], [5, 7, 100], [1, 1, 1]])
    kept = np.array([[True, True, False], [True, False, False], [False, False, False]])
    coded = encode_array(w, 1, kept=kept, axis=0)
    assert coded.values().tolist() == [[2, -2, 0], [5, 0, 0], [0, 0, 0]]
    assert coded.scale[2, 0] == np.float32(SMALLEST_STEP)
    assert float(encode_array(w, 1, kept=kept).scale) == pytest.approx(3)


@pytest.mark.parametrize("rule", ["minmax", "mse"])
@pytest.mark.parametrize("bits", [1, 4])
def test_weights_that_are_all_zero_stay_zero_or_next_to_it(bits, rule):
    coded = encode_array(np.zeros((2, 3), np.float32), bits, axis=0, scale_rule=rule)
    assert np.abs(coded.values()).max() <= SMALLEST_STEP


def test_half_scales_are_exact_in_half_precision_and_hardly_differ():
    w = np.random.default_rng(0).normal(size=(8, 50)).astype(np.float32)
    full, half = (encode_array(w, 4, axis=0, half_scales=flag) for flag in (False, True))
    np.testing.assert_array_equal(half.scale.astype(np.float16), half.scale)
    assert (half.scale != full.scale).any()
    np.testing.assert_allclose(half.scale, full.scale, rtol=2**-11)
    assert squared_error(w, half) == pytest.approx(squared_error(w, full), rel=0.02)


@pytest.mark.parametrize("scale", [1e-6, 1e5])
def test_scales_outside_half_precision_stay(scale):
    scales = np.float32([0.1, scale])
    np.testing.assert_array_equal(half_precision(scales), scales)


def test_half_precision_has_the_step_of_a_dead_channel():
    scales = np.float32([0.1, SMALLEST_STEP])
    assert half_precision(scales).tolist() == [float(np.float16(0.1)), SMALLEST_STEP]


def test_a_network_is_coded_where_it_is_named(net):
    names = matrix_names(net)
    coded = encode(net, {"conv.weight": 3, "out.weight": 32}, names=names, axis=0)
    assert coded.bits() == {"conv.weight": 3}
    state, before = coded.state_dict(), net.state_dict()
    assert state.keys() == before.keys()
    for name, tensor in before.items():
        assert state[name].dtype == tensor.dtype
        assert torch.equal(state[name], tensor) == (name != "conv.weight")
    q, scale = quantize_array(before["conv.weight"].numpy(), 3, axis=0)
    np.testing.assert_array_equal(state["conv.weight"].numpy(), q.astype(np.float32) * scale)


def test_masks_prune_with_and_without_rounding(net):
    kept = {n: net.get_parameter(n).detach().numpy() > 0 for n in ("conv.weight", "out.weight")}
    coded = encode(net, {"conv.weight": 4}, names=coded_names(net), mask=kept)
    assert coded.bits() == {"conv.weight": 4, "out.weight": 32}
    for name, mask in kept.items():
        values = coded.tensors[name].values()
        np.testing.assert_array_equal(values > 0, mask & (values != 0))
        assert coded.kept()[name] <= mask.mean()
    out = net.out.weight.detach().numpy()
    np.testing.assert_array_equal(coded.tensors["out.weight"].values(), np.maximum(out, 0))
    assert coded.kept()["out.weight"] == kept["out.weight"].mean()
    assert encode(net, 4, names=["conv.weight"]).kept() == {"conv.weight": 1.0}


def test_a_loaded_network_computes_with_the_coded_weights(net):
    coded = encode(net, 4, names=coded_names(net))
    other, x = build(seed=1), torch.randn(2, 2, 40)
    coded.load_into(other)
    again = build(seed=2)
    again.load_state_dict(coded.state_dict())
    assert torch.equal(other(x), again(x))
    assert not torch.equal(other(x), net(x))


def test_coding_and_loading_leave_the_first_network_alone(net):
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    coded = encode(net, 2, names=coded_names(net))
    coded.load_into(build(seed=1))
    coded.state_dict()["out.bias"].fill_(9)
    coded.rest["conv.bias"].fill(9)
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items())
    assert (coded.rest["out.bias"] != 9).all()


def test_one_tensor_is_coded_anew(net):
    first = encode(net, 4, names=["conv.weight"])
    more = {n: encode(net, 2, names=[n]).tensors[n] for n in ("conv.weight", "out.weight")}
    second = first.replaced(more)
    assert second.bits() == {"conv.weight": 2, "out.weight": 2}
    assert "out.weight" not in second.rest
    assert "out.weight" in first.rest
    assert first.bits() == {"conv.weight": 4}


def test_a_network_of_other_parts_or_shapes_is_refused(net):
    coded = encode(net, 4, names=coded_names(net))
    with pytest.raises(UserError, match=r"is not in both the network and its coded form"):
        coded.load_into(torch.nn.Linear(4, 3))
    other = build(seed=3)
    other.out = torch.nn.Linear(4, 5)
    first = other.conv.weight.clone()
    with pytest.raises(UserError, match=r"out\.\w+ has shape \(5.* and \(3.* in its coded"):
        coded.load_into(other)
    assert torch.equal(other.conv.weight, first)


@pytest.mark.parametrize("bits", [0, 17, 33, 2.5])
def test_bits_out_of_range_are_refused(net, bits):
    with pytest.raises(UserError, match=r"bits of .* must be a whole number from 1 to 16"):
        encode(net, bits, names=["conv.weight"])


def test_unknown_rules_names_and_misfit_masks_are_refused(net):
    with pytest.raises(UserError, match="scale_rule is 'max'; choose from minmax, mse"):
        encode(net, 4, names=["conv.weight"], scale_rule="max")
    with pytest.raises(UserError, match="nowhere is not a weight"):
        encode(net, 4, names=["nowhere"])
    with pytest.raises(UserError, match=r"out\.weight is not a weight"):
        encode(net, {"out.weight": 4}, names=["conv.weight"])
    with pytest.raises(UserError, match=r"out\.weight is not a weight"):
        encode(net, 4, names=["conv.weight"], mask={"out.weight": np.ones((3, 4), bool)})
    with pytest.raises(UserError, match=r"mask of conv\.weight has shape \(5,\); the weight"):
        encode(net, 4, names=["conv.weight"], mask={"conv.weight": np.ones(5, bool)})
