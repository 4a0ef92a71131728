"""Perturbed records against what a hand, a formula or the other tools say they must be."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglib.data.records import Record
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal import perturbed
from ecglib.data.signal.noise import NOISES
from ecglib.data.signal.perturbed import resampled, with_detected_peaks, with_jitter, with_noise
from ecglib.system.errors import UserError

FS = 360
SEEDS = st.integers(0, 2**32)


def record_of(sample, symbol, *, signal=None, n_samples=30 * FS, number=100, fs=float(FS)):
    signal = np.zeros(n_samples, np.float32) if signal is None else signal
    sample, symbol = np.array(sample, np.int64), np.array(symbol, "U1")
    return Record(number, signal, fs, 200.0, 1024.0, sample, symbol)


@st.composite
def annotated(draw):
    """Record with beats close together, at the very ends too, and rhythm marks between."""
    n_samples = draw(st.integers(1, 400))
    beats = draw(st.lists(st.integers(0, n_samples - 1), unique=True, max_size=40))
    marks = draw(st.lists(st.integers(0, n_samples - 1), max_size=5))
    rows = [(place, draw(st.sampled_from("NAVF/Q"))) for place in beats]
    rows = sorted(rows + [(place, draw(st.sampled_from("+~"))) for place in marks])
    return record_of([p for p, _ in rows], [s for _, s in rows], n_samples=n_samples)


def assert_same_but(first, second, *changed):
    for field in fields(Record):
        if field.name not in changed:
            one, other = (getattr(record, field.name) for record in (first, second))
            np.testing.assert_array_equal(one, other, field.name)


@pytest.fixture(scope="module")
def patient(synthetic_root):
    return read_record(synthetic_root, 100)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_has_its_snr_and_changes_nothing_else(patient, kind):
    before = patient.signal.copy()
    noisy = with_noise(patient, kind, 6, seed=1)
    assert_same_but(noisy, patient, "signal")
    np.testing.assert_array_equal(patient.signal, before)
    heights = sorted(
        np.ptp(patient.signal[max(0, r - 18) : r + 19]) for r in patient.sample[patient.is_beat]
    )
    trim = len(heights) // 20
    power = np.mean(heights[trim:-trim]) ** 2 / 8
    added = np.mean((noisy.signal.astype(np.float64) - patient.signal) ** 2)
    assert 10 * np.log10(power / added) == pytest.approx(6, abs=0.01)


def test_noise_depends_on_the_seed_and_the_record(patient):
    first = with_noise(patient, "muscle", 6, seed=1)
    np.testing.assert_array_equal(first.signal, with_noise(patient, "muscle", 6, 1).signal)
    others = [
        with_noise(patient, "muscle", 6, seed=2),
        with_noise(replace(patient, number=101), "muscle", 6, seed=1),
    ]
    for other in others:
        first_noise, other_noise = first.signal - patient.signal, other.signal - patient.signal
        assert abs(np.corrcoef(first_noise, other_noise)[0, 1]) < 0.1


@settings(deadline=None)
@given(annotated(), st.floats(0, 200), SEEDS)
def test_jitter_is_bounded_and_keeps_order(record, ms, seed):
    moved = with_jitter(record, ms, seed)
    assert_same_but(moved, record, "sample", "symbol")
    before, after = record.sample[record.is_beat], moved.sample[moved.is_beat]
    assert moved.symbol[moved.is_beat].tolist() == record.symbol[record.is_beat].tolist()
    assert (np.abs(after - before) <= ms * FS / 1000).all()
    assert (np.diff(after) > 0).all()
    assert ((after >= 0) & (after < len(record.signal))).all()
    assert (np.diff(moved.sample) >= 0).all()
    still = ~record.is_beat
    marks = list(zip(record.sample[still], record.symbol[still], strict=True))
    still = ~moved.is_beat
    assert sorted(zip(moved.sample[still], moved.symbol[still], strict=True)) == sorted(marks)


def test_jitter_is_uniform_over_whole_samples():
    """10 ms are 3.6 samples: the seven moves from -3 to 3, each a seventh of all."""
    sample = 100 + 100 * np.arange(7000)
    record = record_of(sample, ["N"] * 7000, n_samples=100 * 7002)
    moves, counts = np.unique(with_jitter(record, 10, 0).sample - sample, return_counts=True)
    assert moves.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert (np.abs(counts - 1000) < 5 * np.sqrt(1000 * 6 / 7)).all()


def test_jitter_depends_on_the_seed_and_the_record(patient):
    first = with_jitter(patient, 20, seed=1).sample
    np.testing.assert_array_equal(first, with_jitter(patient, 20, seed=1).sample)
    assert (first != with_jitter(patient, 20, seed=2).sample).any()
    assert (first != with_jitter(replace(patient, number=101), 20, seed=1).sample).any()
    np.testing.assert_array_equal(with_jitter(patient, 0, seed=1).sample, patient.sample)


@pytest.mark.parametrize("ms", [-1, np.inf, np.nan])
def test_jitter_must_be_a_length_of_time(patient, ms):
    with pytest.raises(UserError, match=f"ms is {ms}"):
        with_jitter(patient, ms, seed=0)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([100, 125, 128, 250, 257, 360, 500, 997, 1000]), st.floats(0.5, 30))
def test_a_resampled_sine_is_the_sine_at_the_new_samples(fs, frequency):
    signal = np.sin(2 * np.pi * frequency * np.arange(10 * FS) / FS).astype(np.float32)
    new = resampled(record_of([], [], signal=signal), fs)
    assert (new.fs, new.signal.dtype, len(new.signal)) == (float(fs), np.float32, 10 * fs)
    expected = np.sin(2 * np.pi * frequency * np.arange(10 * fs) / fs)
    inside = slice(fs, -fs)  # a second from the ends, where the filter has all it needs
    np.testing.assert_allclose(new.signal[inside], expected[inside], atol=0.01)


def test_what_the_new_frequency_cannot_hold_is_taken_out():
    signal = np.sin(2 * np.pi * 80 * np.arange(10 * FS) / FS).astype(np.float32)
    new = resampled(record_of([], [], signal=signal), 100).signal
    assert np.abs(new[100:-100]).max() < 0.01  # else an alias of amplitude 1 at 20 Hz


def test_a_level_stays_to_the_very_ends():
    new = resampled(record_of([], [], signal=np.full(10 * FS, 3.0, np.float32)), 250)
    np.testing.assert_allclose(new.signal, 3, rtol=5e-3)


@settings(deadline=None)
@given(annotated(), st.integers(100, 1000))
def test_annotations_keep_their_times(record, fs):
    new = resampled(record, fs)
    assert_same_but(new, record, "signal", "fs", "sample")
    assert len(new.signal) == -(-len(record.signal) * fs // FS)
    assert new.sample.dtype == np.int64
    assert ((new.sample >= 0) & (new.sample < len(new.signal))).all()
    # half a sample by rounding, half a one more where the last place lies past the end
    late = np.abs(new.sample / fs - record.sample / FS) * fs
    assert (late[new.sample < len(new.signal) - 1] <= 0.5 + 1e-9).all()
    assert (late <= max(1, fs / FS)).all()


def test_the_same_frequency_changes_nothing(patient):
    assert_same_but(resampled(patient, 360), patient)


@pytest.mark.parametrize("fs", [99, 1001, 250.5, np.nan, 0])
def test_frequencies_out_of_range_are_refused(patient, fs):
    with pytest.raises(UserError, match=f"fs is {fs}: it must be a whole number from 100 to"):
        resampled(patient, fs)


def test_a_record_with_a_broken_frequency_is_refused(patient):
    with pytest.raises(UserError, match=r"record 100 has 257\.3 Hz"):
        resampled(replace(patient, fs=257.3), 250)


def test_symbols_of_matched_missed_and_false_detections(monkeypatch):
    """A mark, then N found, V missed, a false beat, A found at the limit of 150 ms, Q found."""
    record = record_of([900, 1000, 1400, 1800, 2200], ["+", "N", "V", "A", "Q"])
    detected = np.array([1010, 1600, 1854, 2200])
    monkeypatch.setattr(perturbed, "detect", lambda signal, fs: detected)
    new, matching = with_detected_peaks(record)
    assert_same_but(new, record, "sample", "symbol")
    assert new.sample.tolist() == detected.tolist()
    assert new.symbol.tolist() == ["N", "Q", "A", "Q"]
    assert (matching.tp, matching.fn, matching.fp) == (3, 1, 1)
    assert matching.pairs.tolist() == [[0, 0], [2, 2], [3, 3]]


def test_a_lead_without_a_beat_in_it_has_none():
    new, matching = with_detected_peaks(record_of([1000, 2000], ["N", "V"]))
    assert (len(new.sample), len(new.symbol), new.is_beat.sum()) == (0, 0, 0)
    assert (matching.tp, matching.fn, matching.fp) == (0, 2, 0)


@pytest.mark.parametrize("fs", [250, 360])
def test_detected_peaks_of_an_invented_patient(patient, fs):
    record = resampled(with_noise(patient, "electrode", 3, seed=0), fs)
    new, matching = with_detected_peaks(record)
    assert matching.se > 0.9
    assert matching.ppv > 0.9
    assert matching.fp > 0  # else the noise is too weak for this test
    assert new.is_beat.all()
    beats, symbols = record.sample[record.is_beat], record.symbol[record.is_beat]
    for sample, symbol in zip(new.sample, new.symbol, strict=True):
        near = symbols[np.abs(beats - sample) <= 0.150 * fs]
        assert symbol in near or symbol == "Q"
    assert np.count_nonzero(new.symbol == "Q") == matching.fp
    assert len(beats) == matching.tp + matching.fn


def test_invalid_samples_are_said(patient):
    signal = patient.signal.copy()
    signal[5] = np.nan
    with pytest.raises(UserError, match="record 100 has samples marked invalid"):
        with_detected_peaks(replace(patient, signal=signal))
