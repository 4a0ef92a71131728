import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

from ecglib.data.recordings import (
    Recordings,
    padded,
    resample,
    stratified_folds,
    warn_of_rare,
)
from ecglib.system.errors import UserError


def made(lengths, length=1000, fs=500.0):
    rng = np.random.default_rng(0)
    names = np.array([f"R{i}" for i in range(len(lengths))])
    signal, n_samples = padded([rng.normal(size=n) for n in lengths], names, length)
    label = (np.arange(len(lengths)) % 2).astype(np.int8)
    return Recordings(signal, label, names, n_samples, fs, ("a", "b"), "made")


def test_cut_and_padded_at_the_end():
    signal, n_samples = padded([np.ones(3), np.full(8, 2.0)], ["short", "long"], 5)
    np.testing.assert_array_equal(signal, [[1, 1, 1, 0, 0], [2, 2, 2, 2, 2]])
    assert (signal.dtype, n_samples.dtype, n_samples.tolist()) == (np.float32, np.int32, [3, 5])


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (np.zeros(0), "recording R1 is empty"),
        (np.array([1, np.nan, np.nan, 4]), "recording R1 has 2 samples that are NaN"),
        (np.array([1, np.inf]), "recording R1 has 1 samples that are NaN"),
    ],
)
def test_useless_signals_are_named(signal, message):
    with pytest.raises(UserError, match=message):
        padded([np.ones(4), signal], ["R0", "R1"], 4)


def test_what_is_cut_off_may_be_anything():
    signal, _ = padded([np.array([1, 2, np.nan])], ["R0"], 2)
    assert signal.tolist() == [[1, 2]]


def test_select_keeps_rows_together():
    recordings = made([100, 2000, 300])
    chosen = recordings.select(np.array([2, 0]))
    assert chosen.recording.tolist() == ["R2", "R0"]
    assert chosen.n_samples.tolist() == [300, 100]
    assert chosen.label.tolist() == [0, 0]
    np.testing.assert_array_equal(chosen.signal, recordings.signal[[2, 0]])
    assert len(recordings.select(recordings.label == 1)) == 1


def test_resampled_from_the_unpadded_part():
    recordings = made([400, 1000])
    other = recordings.resampled(100, 150)
    assert (other.fs, other.n_samples.tolist()) == (100.0, [80, 150])
    inside = recordings.signal[0, :400]
    expected = resample_poly(np.pad(inside, 400, mode="edge"), 1, 5)[80:160]
    np.testing.assert_allclose(other.signal[0, :80], expected, atol=1e-5)
    assert not other.signal[0, 80:].any()
    np.testing.assert_array_equal(other.label, recordings.label)


@given(st.floats(-5, 5), st.integers(1, 700), st.sampled_from([(300, 150), (500, 100), (2, 3)]))
def test_offset_makes_no_step_at_the_ends(offset, n, rates):
    resampled = resample(np.full(n, offset), *rates)
    np.testing.assert_allclose(resampled, offset, atol=5e-3)  # the filter's ripple is 0.1 %


def test_sine_below_the_new_limit_stays_a_sine():
    time = np.arange(3000) / 300
    sine = np.sin(2 * np.pi * 5 * time + 0.3)
    np.testing.assert_allclose(resample(sine, 300, 150)[50:-50], sine[::2][50:-50], atol=2e-3)


@given(
    st.lists(st.integers(0, 4), min_size=10, max_size=200),
    st.integers(2, 10),
    st.integers(0, 2**32 - 1),
)
def test_folds_are_a_partition_with_every_class_spread_evenly(label, n_folds, seed):
    folds = stratified_folds(label, n_folds, seed=seed)
    assert set(np.unique(folds)) == set(range(n_folds))
    sizes = [np.bincount(folds, minlength=n_folds)]
    sizes += [np.bincount(folds[np.array(label) == k], minlength=n_folds) for k in set(label)]
    assert all(np.ptp(size) <= 1 for size in sizes)


def test_folds_depend_on_the_seed_alone():
    label = np.repeat([0, 1], 50)
    one = stratified_folds(label, seed=1)
    np.testing.assert_array_equal(one, stratified_folds(label, seed=1))
    assert (one != stratified_folds(label, seed=2)).any()


@pytest.mark.parametrize("n_folds", [1, 0, 7])
def test_impossible_number_of_folds(n_folds):
    with pytest.raises(UserError, match=f"n_folds is {n_folds}; it must be 2 to 6"):
        stratified_folds([0, 0, 0, 1, 1, 1], n_folds, seed=0)


def test_a_class_that_cannot_be_in_every_fold_is_named():
    with pytest.warns(UserWarning, match=r"5 folds lack a class \(recordings: b 4, d 0\)"):
        warn_of_rare(np.repeat([0, 1, 2], [5, 4, 9]), ("a", "b", "c", "d"), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_rare(np.repeat([0, 1], 5), ("a", "b"), 5)
