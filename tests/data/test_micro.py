"""What the micro network reads, against plain loops and signals known in closed form."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erf

from ecglib.data.records import Record
from ecglib.data.sets.mitdb import DATASET, other_lead, read_record
from ecglib.data.signal import micro_input
from ecglib.data.signal.micro_input import (
    BEFORE,
    FS,
    LENGTH,
    micro_inputs,
    novelty,
    timing,
    windows,
)
from ecglib.data.signal.rr import RR_DELAY_BEATS, rhythm_features, rr_features
from ecglib.studies.micro import MicroConfig
from ecglib.system.errors import UserError

ALL = "derivative+template+rr+rhythm"
DELAYED = [delay > 0 for delay in RR_DELAY_BEATS] + [False, True, False]
"""Which columns of rr and rhythm wait for the next beat."""


def record_of(signal, sample, fs=360.0, symbol=None):
    symbol = np.array(symbol or ["N"] * len(sample))
    sample = np.asarray(sample, dtype=np.int64)
    return Record(7, np.asarray(signal, dtype=np.float32), fs, 200, 0, sample, symbol)


def sine(fs, seconds=6.0, hertz=3.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * fs)) / fs)


@pytest.mark.parametrize("fs", [128, 250, 360, 1000])
def test_the_window_of_a_sine_is_the_integral_of_its_formula(fs):
    at = 3.0
    found = windows(record_of(sine(fs), [int(at * fs)], fs), np.array([int(at * fs)]), "raw")[0]
    # the mean of sin over 1/128 s around t, then less the mean of the window
    t = at + (np.arange(LENGTH) - BEFORE) / FS
    w, half = 2 * np.pi * 3.0, 0.5 / FS
    mean = (np.cos(w * (t - half)) - np.cos(w * (t + half))) / (2 * w * half)
    np.testing.assert_allclose(found, mean - mean.mean(), atol=0.015)


@pytest.mark.parametrize("fs", [128, 250, 360, 1000])
@pytest.mark.parametrize("signal", ["raw", "derivative"])
def test_windows_are_means_over_the_held_samples(fs, signal):
    held = 128  # edges fall on 128ths of a sample at these frequencies
    rng = np.random.default_rng(fs)
    record = record_of(rng.normal(size=2 * fs), [fs, fs + 7], fs)
    fine = np.repeat(record.signal.astype(np.float64), held)
    width = fs  # an output sample lasts fs / 128 samples of `held` parts each
    for at, found in zip(record.sample, windows(record, record.sample, signal), strict=True):
        middle = at * held + held // 2 + (np.arange(-1, LENGTH) - BEFORE) * width
        starts = middle - width // 2
        means = np.array([fine[start : start + width].mean() for start in starts])
        expected = np.diff(means) if signal == "derivative" else means[1:] - means[1:].mean()
        np.testing.assert_allclose(found, expected, atol=1e-9)


def heartbeat(t):
    """Area under a beat at 2 s up to time `t`: P, QRS and T as Gaussians, in mV s."""
    waves = ((-0.17, 0.022, 0.1), (-0.02, 0.012, -0.2), (0, 0.012, 1.2), (0.27, 0.05, 0.3))
    scaled = (((t - 2 - at) / (width * 2**0.5), width * mv) for at, width, mv in waves)
    return sum((np.pi / 2) ** 0.5 * area * (1 + erf(z)) for z, area in scaled)


@pytest.mark.parametrize("fs", [128, 250, 360, 1000])
def test_a_beat_looks_the_same_at_every_sampling_frequency(fs):
    # a recorder that averages over a sample; the window averages over 1/128 s, analytically
    clock = np.arange(4 * fs)
    recorded = fs * (heartbeat((clock + 0.5) / fs) - heartbeat((clock - 0.5) / fs))
    found = windows(record_of(recorded, [2 * fs], fs), np.array([2 * fs]), "derivative")[0]
    edges = 2 + (np.arange(-1, LENGTH + 1) - BEFORE - 0.5) / FS
    expected = np.diff(FS * np.diff(heartbeat(edges)))
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_a_beat_at_the_edge_repeats_the_nearest_sample():
    record = record_of(np.r_[np.full(500, 2.0), np.linspace(2, 3, 500)], [0, 999])
    first, last = windows(record, record.sample, "derivative")
    assert np.abs(first).max() < 1e-6
    assert np.abs(last[BEFORE + 2 :]).max() < 1e-6
    assert last[:BEFORE].min() > 0


def by_hand(beats):
    """The docstrings of the module as a plain loop."""
    amplitude, template, out = None, None, []
    for i, beat in enumerate(beats):
        size = max(np.mean(np.abs(beat)), 1e-4)
        amplitude = size if i == 0 else amplitude + (size - amplitude) / min(i + 1, 80)
        scaled = beat / (3 * amplitude)
        if i == 0:
            template = scaled
        out.append([scaled, scaled - template])
        step = scaled - template
        if i < 20:
            template = template + step / (i + 1)
        else:
            template = template + np.clip(step / 4, -0.01, 0.01)
    return np.array(out)


def test_amplitude_and_template_follow_their_definition():
    beats = np.random.default_rng(0).normal(size=(130, LENGTH))
    np.testing.assert_allclose(
        micro_input.relative_to_patient(beats, "template"), by_hand(beats), atol=1e-5
    )
    assert micro_input.relative_to_patient(beats, None).shape == (130, 1, LENGTH)


def test_a_fixed_template_stays_as_the_first_beats_made_it():
    beats = np.random.default_rng(1).normal(size=(60, LENGTH))
    follows = micro_input.relative_to_patient(beats, "template")
    fixed = micro_input.relative_to_patient(beats, "fixed")
    np.testing.assert_array_equal(fixed[:, 0], follows[:, 0])
    np.testing.assert_array_equal(fixed[:21], follows[:21])
    template = follows[:20, 0].mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(fixed[20:, 0] - fixed[20:, 1], [template] * 40, atol=1e-5)


def test_what_comes_before_the_qrs_complex_is_compared_with_earlier_beats():
    x = np.zeros((3, 1, LENGTH), np.float32)
    x[:, 0, 4] = 1, 2, 6  # in the P wave
    x[:, 0, 40] = 9, -5, 7  # after the complex
    means = (np.array([1, 2, 6]) / 20) + 1e-4
    expected = [0, 4 * np.log(means[1] / means[0]), 4 * np.log(means[2] / means[:2].mean())]
    np.testing.assert_allclose(micro_input.before_qrs(x)[:, 0], expected, rtol=1e-5)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60))
def test_timing_is_the_ratios_around_zero_and_the_rhythm(intervals):
    sample = np.cumsum(intervals)
    ratios = np.clip(4 * (rr_features(sample).astype(np.float64) - 1), -8, 8)
    everything = timing(sample, 360, ("raw", "rr", "rhythm"))
    np.testing.assert_allclose(everything[:, :5], ratios, atol=1e-5)
    np.testing.assert_array_equal(everything[:, 5:], rhythm_features(sample))
    assert np.abs(everything).max() <= 8
    causal = timing(sample, 360, ("raw", "causal"))
    np.testing.assert_array_equal(causal, everything[:, :2])
    assert timing(sample, 360, ("raw",)).shape == (len(sample), 0)


def test_a_record_gives_one_row_a_beat(synthetic_root):
    record = read_record(synthetic_root, 106)
    inputs = micro_inputs(record, ALL)
    assert inputs.x.shape == (record.is_beat.sum(), 2, LENGTH)
    assert inputs.rr.shape == (record.is_beat.sum(), 8)
    assert set(inputs.y.tolist()) >= {0, 1, 2, 3}  # F is kept
    np.testing.assert_array_equal(micro_inputs(record, "derivative").x, inputs.x[:, :1])


PARTS = (
    ("derivative", "raw"),
    ("", "template", "fixed+novelty"),
    ("", "causal", "rr"),
    ("", "rhythm"),
    ("", "recent8+later+before"),
)


@pytest.mark.parametrize("features", ["+".join(filter(None, p)) for p in product(*PARTS)])
def test_every_choice_of_features_has_the_size_that_the_configuration_says(features):
    config = MicroConfig(features=features)
    inputs = micro_inputs(record_of(sine(360), [300, 700, 1300]), features)
    assert inputs.x.shape == (3, config.n_channels, LENGTH)
    assert inputs.rr.shape == (3, config.n_rr)
    assert inputs.x.dtype == inputs.rr.dtype == torch.float32
    assert inputs.y.dtype == torch.int64


@given(st.integers(3, 20))
def test_beats_to_come_change_no_causal_number(n_seen):
    rng = np.random.default_rng(6)
    sample = 200 + np.cumsum(rng.integers(150, 500, 21))
    whole = record_of(rng.normal(size=sample[-1] + 400), sample)
    seen = whole.signal.copy()
    seen[sample[n_seen] + 94 :] = 0  # a window ends a quarter of a second after its R-peak
    so_far = record_of(seen, sample[: n_seen + 1])
    a, b = (micro_inputs(record, ALL) for record in (whole, so_far))
    np.testing.assert_allclose(a.x[: n_seen + 1], b.x, atol=1e-5)
    same = np.isclose(a.rr[: n_seen + 1], b.rr)
    assert same[:-1].all()
    assert same[-1, ~np.array(DELAYED)].all()


def test_flat_invalid_and_empty_records_are_refused():
    with pytest.raises(UserError, match="record 7 is one flat line"):
        micro_inputs(record_of(np.ones(1000), [500]), ALL)
    with pytest.raises(UserError, match="all invalid"):
        micro_inputs(record_of(np.full(1000, np.nan), [500]), ALL)
    with pytest.raises(UserError, match="no annotated beat"):
        micro_inputs(record_of(sine(360), [500], symbol=["+"]), ALL)
    for features in ("wavelet", "raw+novelty", "raw+template+fixed"):
        with pytest.raises(UserError, match=f"features is '{re.escape(features)}'"):
            micro_inputs(record_of(sine(360), [500]), features)


def test_invalid_samples_are_bridged():
    whole = record_of(np.linspace(0, 5, 2000), [1000])
    holed = replace(whole, signal=whole.signal.copy())
    holed.signal[950:1050] = np.nan
    a, b = (micro_inputs(r, "raw").x for r in (whole, holed))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_invalid_samples_at_the_ends_repeat_the_nearest_valid_one():
    signal = sine(360)
    cut, held = signal.copy(), signal.copy()
    cut[:400], cut[1800:] = np.nan, np.nan
    held[:400], held[1800:] = signal[400], signal[1799]
    a, b = (micro_inputs(record_of(x, [390, 1000, 1810]), ALL) for x in (cut, held))
    np.testing.assert_array_equal(a.x, b.x)


def test_the_other_lead_is_not_mlii(synthetic_root, tmp_path):
    assert other_lead(synthetic_root, 100) == "V1"
    with pytest.raises(UserError, match=r"999\.hea is damaged, missing or"):
        other_lead(synthetic_root, 999)
    DATASET.pack(synthetic_root, tmp_path / "beats.npz")
    with pytest.raises(UserError, match="packed file"):
        other_lead(tmp_path / "beats.npz", 100)


def test_the_order_of_the_parts_does_not_matter(synthetic_root):
    record = read_record(synthetic_root, 100)
    one, other = (micro_inputs(record, name) for name in ("derivative+rr", "rr+derivative"))
    assert (one.x == other.x).all()


def test_novelty_is_a_running_mean_of_the_distance_to_the_template():
    x = np.zeros((200, 2, 64), np.float32)
    x[50:, 1] = -0.5  # since then all beats are far from it
    found = novelty(x)[:, 0]
    assert found[:50].tolist() == [-2] * 50
    assert found[50] == pytest.approx(8 * 0.5 / 51 - 2)
    assert found[199] == pytest.approx(8 * 0.5 * (1 - 50 / 64 * (63 / 64) ** 136) - 2, abs=0.01)
