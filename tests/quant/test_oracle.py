"""The NumPy quantizers against exact fractions, hand-made numbers, and their own laws."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ecglib.quant import quantize_array
from ecglib.quant.oracle import SMALLEST_STEP, sqnr_db
from ecglib.system.errors import UserError

FEW = settings(max_examples=40, deadline=None)
BITS = st.integers(2, 16)
MAGNITUDES = st.floats(2**-20, 2**20, width=32)
NUMBERS = st.just(0.0) | MAGNITUDES | MAGNITUDES.map(lambda value: -value)


def weights(*, min_dims=1, max_dims=3, max_side=5):
    shapes = array_shapes(min_dims=min_dims, max_dims=max_dims, max_side=max_side)
    return st.sampled_from([np.float32, np.float64]).flatmap(
        lambda kind: arrays(kind, shapes, elements=NUMBERS)
    )


def largest_integer(bits):
    return 2 ** (bits - 1) - 1


@FEW
@given(weights(max_dims=2), BITS)
def test_integers_are_those_of_exact_arithmetic(w, bits):
    q, scale = quantize_array(w, bits)
    step = Fraction(float(np.abs(w).max())) / largest_integer(bits)
    assume(step > 0)
    assert float(scale) == pytest.approx(float(step), rel=1e-6)
    for value, integer in zip(w.ravel().tolist(), q.ravel().tolist(), strict=True):
        ratio = Fraction(value) / step
        exact = {round(ratio)}
        if abs(abs(ratio) % 1 - Fraction(1, 2)) < Fraction(1, 50):  # rounding of w / scale
            exact = {int(ratio), int(ratio) + (1 if ratio > 0 else -1)}
        assert integer in exact


@FEW
@given(weights(), BITS)
def test_no_value_is_more_than_half_a_step_from_its_reconstruction(w, bits):
    q, scale = quantize_array(w, bits)
    assert q.shape == w.shape
    error = np.abs(w.astype(np.float64) - q * scale.astype(np.float64))
    slack = 2 * np.finfo(w.dtype).eps * largest_integer(bits)
    assert error.max() <= float(scale) * (0.5 + slack)


@FEW
@given(weights(), BITS)
def test_integers_fill_the_symmetric_range_and_stay_inside(w, bits):
    q, _ = quantize_array(w, bits)
    assert q.dtype == np.int32
    assert np.abs(q).max() == (largest_integer(bits) if w.any() else 0)


@FEW
@given(weights(), st.integers(1, 16))
def test_quantizing_the_reconstruction_changes_nothing(w, bits):
    q, scale = quantize_array(w, bits)
    again, same_scale = quantize_array(q * scale, bits)
    np.testing.assert_array_equal(again, q)
    np.testing.assert_allclose(same_scale, scale, rtol=16 * np.finfo(w.dtype).eps)


@FEW
@given(weights(), BITS)
def test_the_other_sign_flips_the_integers_and_keeps_the_scale(w, bits):
    (q, scale), (flipped, same) = quantize_array(w, bits), quantize_array(-w, bits)
    np.testing.assert_array_equal(flipped, -q)
    assert scale == same


@FEW
@given(weights(), st.integers(1, 16), st.integers(-30, 30))
def test_a_power_of_two_moves_the_scale_alone(w, bits, exponent):
    assume(w.any())
    (q, scale), (same, moved) = quantize_array(w, bits), quantize_array(w * 2.0**exponent, bits)
    np.testing.assert_array_equal(same, q)
    assert moved == scale * 2.0**exponent


def test_ties_go_to_the_even_integer():
    q, scale = quantize_array([127, 0.5, 1.5, 2.5, 3.5, -0.5, -1.5, -2.5, 126.5], bits=8)
    assert float(scale) == 1
    assert q.tolist() == [127, 0, 2, 2, 4, 0, -2, -2, 126]


def test_two_bits_are_minus_one_zero_and_one():
    q, scale = quantize_array([-4.0, 1.9, 2.1, -2.1, 0.0], bits=2)
    assert (q.tolist(), float(scale)) == ([-1, 0, 1, -1, 0], 4.0)


def test_one_bit_is_the_sign_times_the_mean_magnitude():
    q, scale = quantize_array([[-3.0, 1.0], [0.0, 4.0]], bits=1)
    assert (q.tolist(), float(scale)) == ([[-1, 1], [1, 1]], 2.0)
    q, scale = quantize_array([[-3.0, 1.0], [0.0, 4.0]], bits=1, axis=1)
    assert (q.tolist(), scale.tolist()) == ([[-1, 1], [1, 1]], [[1.5, 2.5]])


@FEW
@given(weights(min_dims=2), st.integers(1, 16), st.data())
def test_channels_are_quantized_each_alone(w, bits, data):
    axis = data.draw(st.integers(-w.ndim, w.ndim - 1))
    q, scale = quantize_array(w, bits, axis=axis)
    assert scale.size == w.shape[axis]
    assert np.broadcast_shapes(scale.shape, w.shape) == w.shape
    for i in range(w.shape[axis]):
        alone, its_scale = quantize_array(np.take(w, i, axis), bits)
        np.testing.assert_array_equal(np.take(q, i, axis), alone)
        # the mean of one bit may add up in another order
        np.testing.assert_allclose(np.take(scale, i, axis).item(), its_scale, rtol=1e-6)


@pytest.mark.parametrize("bits", [4, 6, 8, 12])
def test_noise_of_a_full_range_is_that_of_a_uniform_error(bits):
    """Variance 1/3 against step² / 12 with a step of 2 / (2^bits − 2)."""
    w = np.linspace(-1, 1, 200_001)
    q, scale = quantize_array(w, bits)
    assert sqnr_db(w, q * scale) == pytest.approx(20 * np.log10(2**bits - 2), abs=0.05)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_scales_have_the_precision_of_the_weights(kind):
    assert quantize_array(np.ones(3, kind), 8)[1].dtype == kind


def test_whole_numbers_and_a_single_number_are_taken_too():
    q, scale = quantize_array([3, -1, 2], bits=3)
    assert (q.tolist(), float(scale)) == ([3, -1, 2], 1.0)
    q, scale = quantize_array(-5.0, bits=8)
    assert (int(q), float(scale)) == (-127, 5 / 127)


def test_weights_are_not_changed():
    w = np.array([1.0, -0.3])
    quantize_array(w, 2)
    assert w.tolist() == [1.0, -0.3]


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_a_dead_channel_has_the_smallest_step_and_integers_zero(bits):
    q, scale = quantize_array([[0.0, 0.0, 0.0], [1.0, -2.0, 3.0]], bits, axis=0)
    assert q[0].tolist() == [0, 0, 0]
    assert scale[:, 0].tolist() == [2**-23, 3 / largest_integer(bits)]
    assert float(quantize_array(np.zeros(4), bits)[1]) == SMALLEST_STEP


@pytest.mark.parametrize("bits", [0, 17, -8, 8.0, "8", None, np.float64(4)])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(UserError, match=r"bits is .*; it must be a whole number from 1 to 16"):
        quantize_array([1.0], bits)


def test_bits_of_numpy_are_whole_numbers():
    assert quantize_array([1.0], np.int64(4))[0].tolist() == [7]


@pytest.mark.parametrize("shape", [0, (0, 3), (3, 0)])
def test_nothing_to_quantize_is_refused(shape):
    with pytest.raises(UserError, match="w is empty"):
        quantize_array(np.zeros(shape), 8, axis=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("bits", [1, 8])
def test_weights_that_are_not_finite_are_refused(bad, bits):
    with pytest.raises(UserError, match="w has NaN or infinite values"):
        quantize_array([1.0, bad], bits)


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_that_is_not_there_is_refused(axis):
    with pytest.raises(UserError, match=f"axis is {axis}, but w has 2 dimensions"):
        quantize_array(np.ones((2, 3)), 8, axis=axis)


def test_noise_is_measured_in_decibels_of_energy():
    assert sqnr_db([3.0, 4.0], [3.0, 3.5]) == pytest.approx(20)
    assert sqnr_db(np.float32([3, 4]), np.float32([3, 4])) == float("inf")


@FEW
@given(arrays(np.float64, 6, elements=MAGNITUDES), st.floats(1e-3, 1e3))
def test_noise_in_decibels_has_no_unit(signal, unit):
    noisy = signal * 1.01
    assert sqnr_db(unit * signal, unit * noisy) == pytest.approx(40, abs=1e-6)
