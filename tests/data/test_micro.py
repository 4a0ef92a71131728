"""What the micro network reads, against plain loops and signals known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.leads import other_lead
from ecglib.data.micro import (
    BEFORE,
    FS,
    LENGTH,
    micro_inputs,
    relative_to_patient,
    timing,
    windows,
    without_gaps,
)
from ecglib.data.mitdb import read_record
from ecglib.data.pack import pack_mitdb
from ecglib.data.records import Record
from ecglib.data.rr import rhythm_features
from ecglib.errors import UserError

ALL = "derivative+template+rr+rhythm"


def record_of(signal, sample, fs=360.0, symbol=None):
    symbol = np.array(symbol or ["N"] * len(sample))
    sample = np.asarray(sample, dtype=np.int64)
    return Record(7, np.asarray(signal, dtype=np.float32), fs, 200, 0, sample, symbol)


def sine(fs, seconds=6.0, hertz=3.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * fs)) / fs)


@pytest.mark.parametrize("fs", [125, 250, 360, 1000])
def test_the_window_of_a_sine_is_the_integral_of_its_formula(fs):
    at = 3.0
    found = windows(record_of(sine(fs), [int(at * fs)], fs), np.array([int(at * fs)]), "raw")[0]
    # the mean of sin over 1/128 s around t, then less the mean of the window
    t = at + (np.arange(LENGTH) - BEFORE) / FS
    w, half = 2 * np.pi * 3.0, 0.5 / FS
    mean = (np.cos(w * (t - half)) - np.cos(w * (t + half))) / (2 * w * half)
    np.testing.assert_allclose(found, mean - mean.mean(), atol=0.015)


def test_the_derivative_is_the_difference_of_neighbours():
    record = record_of(np.arange(3000) * 0.01, [1500])
    found = windows(record, record.sample, "derivative")
    np.testing.assert_allclose(found, 0.01 * 360 / 128, rtol=0.02)  # samples are held


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
    np.testing.assert_allclose(relative_to_patient(beats, True), by_hand(beats), atol=1e-5)
    assert relative_to_patient(beats, False).shape == (130, 1, LENGTH)


@given(st.integers(1, 60), st.integers(0, 5))
def test_later_beats_change_nothing_before_them(cut, seed):
    beats = np.random.default_rng(seed).normal(size=(61, LENGTH))
    other = beats.copy()
    other[cut:] *= -7
    a, b = (relative_to_patient(x, True)[:cut] for x in (beats, other))
    np.testing.assert_array_equal(a, b)


@given(st.floats(0.05, 20))
def test_the_recorders_gain_does_not_matter(gain):
    beats = np.random.default_rng(1).normal(size=(30, LENGTH))
    a, b = relative_to_patient(beats, True), relative_to_patient(gain * beats, True)
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_fifth_of_ectopic_beats_hardly_moves_the_template():
    usual, odd = np.zeros(LENGTH), np.zeros(LENGTH)
    usual[20], odd[40] = 8.0, 8.0  # same amplitude, another place
    kinds = np.arange(400) % 5 == 4
    beats = np.where(kinds[:, None], odd, usual)
    residual = relative_to_patient(beats, True)[:, 1]
    late = np.arange(400) > 200
    assert np.abs(residual[late & ~kinds]).max() < 0.2 * np.abs(residual[late & kinds]).max()


def test_first_and_last_beats_have_usual_ratios():
    found = timing(np.array([100, 400, 700]), 360, ("rr", "rhythm"))
    assert found.shape == (3, 8)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_array_equal(found[2, 2:5], 0)
    assert timing(np.array([5]), 360, ("rr", "rhythm")).tolist() == [[0.0] * 8]
    assert timing(np.array([5, 9]), 360, ("causal",)).shape == (2, 2)


def test_two_beats_at_one_sample_stay_finite():
    found = timing(np.array([0, 300, 300, 600, 900]), 360, ("rr", "rhythm"))
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 8


def test_a_gap_is_one_more_usual_interval():
    sample = np.arange(50) * 300
    gap = sample + np.where(np.arange(50) >= 30, 20 * 360, 0)
    np.testing.assert_array_equal(without_gaps(gap, 360), sample)
    pause = sample + np.where(np.arange(50) >= 30, 4 * 360, 0)  # of the heart: it stays
    np.testing.assert_array_equal(without_gaps(pause, 360), pause)
    np.testing.assert_array_equal(without_gaps(np.array([0, 9000]), 360), [0, 360])


def rhythm_by_hand(sample):
    """The docstring of `rhythm_features` as a plain loop."""
    log_rr = np.log(np.diff(sample))
    baseline, out = log_rr[0], np.zeros((len(sample), 3))
    changes = []
    for i, value in enumerate(log_rr):
        out[i + 1, 0] = 4 * (value - baseline)
        if i + 1 < len(log_rr):
            out[i + 1, 1] = 4 * (log_rr[i + 1] - baseline)
        if i:
            changes.append(min(abs(value - log_rr[i - 1]), 0.5))
            out[i + 1, 2] = 8 * np.mean(changes[-24:])
        baseline += max(0.02, 1 / (i + 2)) * np.clip(value - baseline, -0.1, 0.1)
    return np.clip(out, -8, 8)


def test_rhythm_follows_its_definition():
    sample = np.cumsum(np.random.default_rng(2).integers(150, 500, 90))
    np.testing.assert_allclose(rhythm_features(sample), rhythm_by_hand(sample), atol=1e-4)


def test_a_run_of_premature_beats_hardly_lowers_the_baseline():
    sample = np.cumsum(np.r_[np.full(100, 300), np.full(15, 180)])
    assert rhythm_features(sample)[-1, 0] < 0.75 * 4 * np.log(180 / 300)


def test_atrial_fibrillation_is_irregular():
    regular = np.cumsum(np.full(60, 300))
    wild = np.cumsum(np.random.default_rng(0).integers(200, 450, 60))
    assert rhythm_features(wild)[-1, 2] > 1 > rhythm_features(regular)[-1, 2]


def test_a_record_gives_one_row_a_beat(synthetic_root):
    record = read_record(synthetic_root, 106)
    inputs = micro_inputs(record, ALL)
    assert inputs.x.shape == (record.is_beat.sum(), 2, LENGTH)
    assert inputs.rr.shape == (record.is_beat.sum(), 8)
    assert set(inputs.y.tolist()) >= {0, 1, 2, 3}  # F is kept
    np.testing.assert_array_equal(micro_inputs(record, "derivative").x, inputs.x[:, :1])


def test_flat_invalid_and_empty_records_are_refused():
    with pytest.raises(UserError, match="record 7 is one flat line"):
        micro_inputs(record_of(np.ones(1000), [500]), ALL)
    with pytest.raises(UserError, match="all invalid"):
        micro_inputs(record_of(np.full(1000, np.nan), [500]), ALL)
    with pytest.raises(UserError, match="no annotated beat"):
        micro_inputs(record_of(sine(360), [500], symbol=["+"]), ALL)
    with pytest.raises(UserError, match="features is 'wavelet'"):
        micro_inputs(record_of(sine(360), [500]), "wavelet")


def test_invalid_samples_are_bridged():
    whole = record_of(np.linspace(0, 5, 2000), [1000])
    holed = replace(whole, signal=whole.signal.copy())
    holed.signal[950:1050] = np.nan
    a, b = (micro_inputs(r, "raw").x for r in (whole, holed))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_the_other_lead_is_not_mlii(synthetic_root, tmp_path):
    assert other_lead(synthetic_root, 100) == "V1"
    with pytest.raises(UserError, match=r"\.hea is missing"):
        other_lead(synthetic_root, 999)
    pack_mitdb(synthetic_root, tmp_path / "beats.npz")
    with pytest.raises(UserError, match="packed file"):
        other_lead(tmp_path / "beats.npz", 100)
