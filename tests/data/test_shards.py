"""Windows and shard features of HuBERT-ECG against SciPy and formulas written out."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import signal as dsp
from scipy.stats import kurtosis, skew

from ecglib.data.signal.shards import FEATURES, hubert_windows, shard_features
from ecglib.system.errors import UserError


def sine(hertz, fs, seconds, phase=0.3):
    return np.sin(2 * np.pi * hertz * np.arange(int(fs * seconds)) / fs + phase)


def padded(*parts):
    """Recordings with rubbish behind their ends, and their lengths."""
    rows = np.full((len(parts), max(map(len, parts)) + 50), 1e3, dtype=np.float32)
    for row, part in zip(rows, parts, strict=True):
        row[: len(part)] = part
    return rows, np.array([len(part) for part in parts])


def windows_of(*parts, fs=300, n_windows=1):
    return hubert_windows(*padded(*parts), fs, n_windows)


@pytest.mark.parametrize("fs", [250, 300, 360, 500, 128.5])
def test_a_sine_in_the_pass_band_stays_where_it_is_at_100_hz(fs):
    window = windows_of(sine(5, fs, 60), fs=fs, n_windows=3)[0, 1]
    expected = sine(5, 100, 60)[2488 : 2488 + 1024]  # the middle one of 6,000 samples
    np.testing.assert_allclose(window, expected, atol=0.03)


def test_a_window_is_scipys_band_pass_then_every_fifth_sample_of_500_hz():
    rng = np.random.default_rng(0)
    part = dsp.sosfiltfilt(dsp.butter(4, 20, fs=500, output="sos"), rng.normal(size=5400))
    z, p, k = dsp.butter(3, (0.05, 47), "bandpass", fs=500, output="zpk")
    both_ways = dsp.sosfiltfilt(dsp.zpk2sos(z, p, k), part, padlen=500)
    thinned = both_ways[::5][:1024]
    expected = 2 * (thinned - thinned.min()) / np.ptp(thinned) - 1
    got = windows_of(part, fs=500)[0, 0]
    np.testing.assert_allclose(got[20:-20], expected[20:-20], atol=0.02)


def test_windows_are_spread_evenly_over_the_recording():
    part = np.zeros(9000)  # 30 s at 300 Hz: 3,000 samples, so windows begin at 0, 988, 1976
    for at in (500, 1500, 2500):
        part += np.exp(-(((np.arange(9000) / 3 - at) / 4) ** 2))
    peaks = windows_of(part, n_windows=3)[0].argmax(axis=1)
    np.testing.assert_allclose(peaks, [500, 1500 - 988, 2500 - 1976], atol=1)


def test_a_recording_as_short_as_a_window_gives_the_same_window_three_times():
    one, two, three = windows_of(sine(3, 300, 10.24), n_windows=3)[0]
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)


def test_a_shorter_recording_is_followed_by_zeros_and_not_by_what_lies_behind_it():
    window = windows_of(sine(3, 300, 4))[0, 0]
    assert window[:400].min() == -1
    assert window[:400].max() == 1
    assert not window[400:].any()


@pytest.mark.parametrize("length", [1, 2, 20])
def test_a_handful_of_samples_is_no_error(length):
    assert np.isfinite(windows_of(np.arange(float(length)))).all()


def test_a_flat_recording_becomes_zeros():
    assert not windows_of(np.full(4000, 0.7), n_windows=2).any()


@given(scale=st.floats(0.01, 100), offset=st.floats(-10, 10))
def test_gain_and_offset_of_the_recorder_do_not_matter(scale, offset):
    part = sine(2, 300, 11) + 0.5 * sine(17, 300, 11, phase=1)
    as_is, changed = windows_of(part, scale * part + offset)
    np.testing.assert_allclose(as_is, changed, atol=2e-3)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"fs": 94}, "fs is 94"),
        ({"n_windows": 0}, "n_windows is 0"),
        ({"n_samples": np.array([40, 0])}, "recording 1 has no samples"),
    ],
)
def test_what_cannot_be_windowed_is_named(changed, text):
    given_ = {"n_samples": np.array([40, 40]), "fs": 300, "n_windows": 1} | changed
    with pytest.raises(UserError, match=text):
        hubert_windows(np.zeros((2, 40), dtype=np.float32), **given_)


def raw_features(shard):
    """The sixteen features of one shard, written out one by one."""
    n, mean = len(shard), sum(shard) / len(shard)
    above = [value >= mean for value in shard]
    crossings = sum(a != b for a, b in pairwise(above))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / (n - 1))
    turns = np.outer(np.arange(31), np.arange(n)) / n
    energy = np.abs(np.exp(-2j * np.pi * turns) @ ((shard - mean) * hann)) ** 2 / n
    bands = [(1, 1), (2, 2), (3, 3), (4, 5), (6, 8), (9, 12), (13, 19), (20, 30)]
    logs = [np.log(sum(energy[a : b + 1]) + 1e-4) for a, b in bands]
    values = [mean, np.std(shard), min(shard), max(shard), skew(shard), kurtosis(shard)]
    slope = sum(abs(b - a) for a, b in pairwise(shard)) / (n - 1)
    return [*values, slope, crossings, *logs]


def test_features_are_those_named_and_standardised():
    windows = np.random.default_rng(1).uniform(-1, 1, (6, 1024))
    raw = np.array([raw_features(shard) for w in windows for shard in w[:960].reshape(15, 64)])
    expected = ((raw - raw.mean(axis=0)) / raw.std(axis=0)).reshape(6, 15, 16)
    got = shard_features(windows)
    assert got.dtype == np.float32
    assert len(FEATURES) == 16
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@given(npst.arrays(np.float32, (3, 1024), elements=st.floats(-1, 1, width=32)))
def test_features_are_finite_whatever_the_window(windows):
    features = shard_features(windows)
    assert features.shape == (3, 15, 16)
    assert np.isfinite(features).all()


def test_the_last_64_samples_belong_to_no_token():
    windows = np.random.default_rng(2).uniform(-1, 1, (4, 1024)).astype(np.float32)
    changed = windows.copy()
    changed[:, 960:] = 0
    assert np.array_equal(shard_features(windows), shard_features(changed))
