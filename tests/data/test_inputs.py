"""Normalisation against SciPy, sampling against counting, devices by name."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import zscore

from ecglib.data.inputs import normalize, pick_device, stratified_share, to_inputs
from ecglib.data.signal.rr import scaled_ratios
from ecglib.studies.baseline import BaselineConfig
from ecglib.system.errors import UserError
from tests.toys import beats_with

MILLIVOLTS = st.floats(-5, 5, width=32)


def wavy(n_beats, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(rng.normal(size=(n_beats, 1)), 0.5, (n_beats, 300)).astype(np.float32)


def test_zscore_agrees_with_scipy():
    signal = wavy(20)
    ours = normalize(signal, np.repeat([100, 101], 10), "zscore")
    np.testing.assert_allclose(ours, zscore(signal.astype(np.float64), axis=1), atol=1e-5)
    assert ours.dtype == np.float32


@given(arrays(np.float32, (3, 40), elements=MILLIVOLTS))
def test_zscore_is_finite_whatever_the_beat(signal):
    assert np.isfinite(normalize(signal, np.zeros(3), "zscore")).all()


@given(MILLIVOLTS)
def test_flat_beats_become_zeros(level):
    signal = np.full((2, 300), level, dtype=np.float32)
    flat = normalize(signal, np.array([100, 100]), "zscore")
    np.testing.assert_allclose(flat, 0, atol=1e-5)


def test_record_normalisation_takes_each_record_by_itself():
    signal, record = wavy(9), np.array([100, 101, 100, 101, 100, 100, 101, 103, 103])
    ours = normalize(signal, record, "record")
    for number in (100, 101, 103):
        rows = record == number
        expected = zscore(signal[rows].astype(np.float64), axis=None)
        np.testing.assert_allclose(ours[rows], expected, atol=1e-4)


def test_no_normalisation_leaves_millivolts():
    signal = wavy(4)
    np.testing.assert_array_equal(normalize(signal, np.zeros(4), "none"), signal)


@pytest.mark.parametrize("kind", ["zscore", "record", "none"])
def test_normalisation_leaves_its_argument_alone(kind):
    signal = wavy(4)
    normalize(signal, np.zeros(4), kind)
    np.testing.assert_array_equal(signal, wavy(4))


def test_inputs_are_what_networks_read():
    beats = beats_with(signal=wavy(4), label=[0, 1, 3, 4], record=[100, 100, 101, 101])
    beats.rr[:2] = [[1, 0.75, 1.25, 1, 2], [9, 0.5, 1, 1, 1]]
    inputs = to_inputs(beats, BaselineConfig(normalization="record"), torch.device("cpu"))
    np.testing.assert_array_equal(inputs.x, normalize(beats.signal, beats.record, "record"))
    assert inputs.y.tolist() == [0, 1, 3, 4]
    assert inputs.rr[:2].tolist() == [[0, -1, 1, 0, 4], [8, -2, 0, 0, 0]]  # clipped at 8
    assert inputs.x.dtype == inputs.rr.dtype == torch.float32
    assert inputs.y.dtype == torch.int64


def test_ratios_scaled_by_hand():
    found = scaled_ratios(np.array([[0.0, 0.75, 1.0], [1.5, 3.0, 40.0], [-2.0, -1.0, 2.5]]))
    np.testing.assert_array_equal(found, [[-4, -1, 0], [2, 8, 8], [-8, -8, 6]])
    assert found.dtype == np.float32


@given(arrays(np.float32, (4, 5), elements=st.floats(0, 200, width=32)))
def test_scaled_ratios_keep_their_order_and_stay_bounded(rr):
    before, found = rr.copy(), scaled_ratios(rr)
    np.testing.assert_array_equal(rr, before)
    assert np.abs(found).max() <= 8
    assert (np.diff(found.ravel()[np.argsort(rr.ravel())]) >= 0).all()
    inside = rr < 3
    np.testing.assert_allclose(found[inside] / 4 + 1, rr[inside], atol=1e-6)


def test_select_takes_the_same_rows_everywhere():
    beats = beats_with(signal=wavy(5), label=[0, 1, 2, 0, 1], record=[100] * 5)
    inputs = to_inputs(beats, BaselineConfig(), torch.device("cpu"))
    part = inputs.select(inputs.y == 1)
    assert len(inputs) == 5
    assert len(part) == 2
    assert torch.equal(part.x, inputs.x[[1, 4]])
    assert torch.equal(part.rr, inputs.rr[[1, 4]])
    assert part.y.tolist() == [1, 1]


@given(
    arrays(np.int8, st.integers(1, 80), elements=st.integers(0, 2)),
    st.floats(0.01, 1),
    st.integers(0, 5),
)
def test_a_share_keeps_every_class_in_proportion(label, share, seed):
    kept = stratified_share(label, share, seed)
    assert (np.diff(kept) > 0).all()  # ascending, none twice
    for value in np.unique(label):
        n_all, n_kept = np.sum(label == value), np.sum(label[kept] == value)
        assert n_kept >= 1
        assert abs(n_kept - share * n_all) <= max(0.5, 1 - share * n_all)


def test_a_share_depends_on_the_seed():
    label = np.zeros(200, dtype=np.int8)
    first, again, other = (stratified_share(label, 0.3, seed) for seed in (7, 7, 21))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    assert len(stratified_share(label, 1.0, 7)) == 200


def test_devices_by_name():
    assert pick_device("cpu") == torch.device("cpu")
    wanted = "cuda" if torch.cuda.is_available() else "cpu"
    assert pick_device("auto").type == wanted


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_not_there_is_one_sentence(name):
    with pytest.raises(UserError, match=f"device is {name} .* use device: cpu or auto"):
        pick_device(name)


def test_an_unknown_device_is_one_sentence():
    with pytest.raises(UserError, match="device 'gpu9' is unknown; use auto, cpu or cuda"):
        pick_device("gpu9")
