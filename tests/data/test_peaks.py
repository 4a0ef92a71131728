"""R-peaks in integers: rates of heart and recorder, artefacts, pauses, fading, real records."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.aami import DS1
from ecglib.data.sets import get
from ecglib.data.signal.detector import detect, match
from ecglib.data.signal.peaks import (
    averaged,
    candidates,
    energy_of,
    find,
    held,
    judged,
    placed,
)
from ecglib.system.errors import UserError
from tests.traces import trace, with_early_beats


def missed_and_false(lead, peaks, fs, after=0.0):
    """Beats that were not found and detections that are none, both after a time in s."""
    found = match(peaks[peaks > after * fs], detect(lead, fs), fs)
    early = np.count_nonzero(detect(lead, fs) <= after * fs)
    return found.fn, max(0, found.fp - early)


@pytest.mark.parametrize("bpm", [25, 30, 45, 70, 120, 180, 250])
@pytest.mark.parametrize("fs", [100, 128, 200, 250, 360, 1000, 2000])
def test_every_beat_at_any_rate(bpm, fs):
    lead, peaks = trace(bpm, fs, 40)
    fn, fp = missed_and_false(lead, peaks, fs)
    assert fn == 0
    assert fp == 0


@pytest.mark.parametrize("fs", [99, 20_001])
def test_rates_that_are_refused(fs):
    with pytest.raises(UserError, match="100 to 20,000 Hz"):
        detect(np.zeros(1000), fs)


def test_twenty_thousand_samples_a_second():
    lead, peaks = trace(80, 20_000, 12)
    assert missed_and_false(lead, peaks, 20_000) == (0, 0)


@pytest.mark.parametrize(("first", "then"), [(60, 250), (250, 60), (60, 30), (30, 150)])
def test_a_sudden_change_of_rate(first, then):
    lead, peaks = trace(lambda at: first if at < 30 else then, 250, 60)
    fn, fp = missed_and_false(lead, peaks, 250)
    assert fn <= 1
    assert fp <= 1


@pytest.mark.parametrize("fs", [100, 250, 360, 1000])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_peak_itself_is_found(fs, sign):
    lead, peaks = trace(75, fs, 30, noise=0)
    off = (detect(sign * lead, fs) - peaks) / fs
    assert np.abs(off).max() <= max(0.003, 1 / fs)


@pytest.mark.parametrize(("fs", "seconds"), [(100, 3000), (360, 1500), (1000, 800.3)])
@pytest.mark.parametrize("noise", [0.05, 3.0])
def test_a_long_recording_is_that_in_one_piece(fs, seconds, noise):
    """Whatever is computed in blocks of minutes, the peaks are those of the whole."""
    lead, _ = trace(lambda at: 75 + 40 * np.sin(at / 50), fs, seconds, noise=noise)
    lead[np.random.default_rng(0).random(len(lead)) < 1e-4] += 3  # pops
    units = np.rint(1000 * lead).astype(np.int16)
    signal = averaged(held(units, fs), fs)
    energy = energy_of(signal)
    at = candidates(energy)
    end = len(energy) - 20 - 46 - 1  # candidates up to here have all that follows
    chosen = np.array(judged(energy[at].tolist(), at.tolist(), end, 1000))
    found = find(units, fs, 1000)
    assert np.array_equal(found, np.minimum(placed(signal, chosen, fs), len(units) - 1))
    assert len(found) > seconds


def test_an_inverted_lead_has_the_same_peaks():
    lead, _ = trace(75, 250, 30)
    assert np.abs(detect(lead, 250) - detect(-lead, 250)).max() <= 1


def test_size_and_offset_of_a_lead_do_not_matter():
    lead, peaks = trace(75, 250, 30)
    for changed in (0.1 * lead, 5 * lead, lead + 300):
        assert missed_and_false(changed, peaks, 250) == (0, 0)


@pytest.mark.parametrize("fs", [100, 128, 250, 360, 500, 1000, 2000, 10_000, 20_000])
def test_normal_and_early_beats_at_any_rate(fs):
    lead, peaks, kinds = with_early_beats(fs, 30)
    assert set(kinds) == set("NAV")
    assert missed_and_false(lead, peaks, fs) == (0, 0)


def added(first, last, size):
    """A constant (mV) over some seconds."""

    def change(lead, fs):
        lead[round(first * fs) : round(last * fs)] += size

    return change


def noise(first, last, size):
    """Noise up to a size (mV) over some seconds."""

    def change(lead, fs):
        part = lead[first * fs : last * fs]
        part += np.random.default_rng(1).uniform(-size, size, len(part))

    return change


def kept(first, last, value):
    """One value (mV) instead of the signal over some seconds: saturated, or no electrode."""

    def change(lead, fs):
        lead[first * fs : last * fs] = value

    return change


def scaled(*points):
    """Another amplitude; `points` are pairs of a time in s and a factor."""

    def change(lead, fs):
        lead *= np.interp(np.arange(len(lead)) / fs, *zip(*points, strict=True))

    return change


def wave(hz, size):
    """A sine (mV) on the whole recording."""

    def change(lead, fs):
        lead += size * np.sin(2 * np.pi * hz * np.arange(len(lead)) / fs)

    return change


HARMS = {
    "pop of 5 mV": (added(30, 30.1, 5), 30, 30.3),
    "pop of 20 mV": (added(30, 30.1, 20), 30, 30.3),
    "pop at the start": (added(0, 0.1, 20), 0, 1.3),
    "pop near the end": (added(119.7, 119.8, 20), 119, 120),
    "step that stays": (added(60, 120, 5), 59.9, 60.1),
    "step down": (added(60, 120, -20), 59.9, 60.1),
    "saturated": (kept(40, 50, 5), 39.9, 50.1),
    "electrode off": (kept(30, 90, 0), 29.9, 90.1),
    "electrode off, another level": (kept(30, 90, -5), 29.9, 90.1),
    "fading to 30 %": (scaled((0, 1), (60, 1), (60.01, 0.3)), 60, 60),
    "fading slowly to 20 %": (scaled((20, 1), (100, 0.2)), 60, 60),
    "growing threefold": (scaled((0, 1), (60, 1), (60.01, 3)), 60, 60),
    "baseline wander": (wave(0.25, 2), 60, 60),
    "mains of 50 Hz": (wave(50, 0.2), 60, 60),
    "mains of 60 Hz": (wave(60, 0.2), 60, 60),
    "small": (scaled((0, 0.1), (1, 0.1)), 60, 60),
    "upside down": (scaled((0, -1), (1, -1)), 60, 60),
} | {
    f"{last - first} s of noise, {size} mV, from {first} s": (
        noise(first, last, size),
        first,
        last + 2,
    )
    for first, last in ((0, 2), (0, 8), (0, 20), (50, 52), (50, 58), (50, 70))
    for size in (5, 30)
}
"""What goes wrong: a function of lead and rate, and between which seconds beats may be
lost or invented: where there is no ECG, and up to 2 s after noise."""


@pytest.mark.parametrize("fs", [128, 250, 1000])
@pytest.mark.parametrize("harm", HARMS)
def test_beats_of_the_clean_parts_are_found(harm, fs):
    change, first, last = HARMS[harm]
    lead, peaks = trace(75, fs, 120)
    change(lead, fs)

    def clean(at):
        return at[(at < first * fs) | (at > last * fs)]

    found = match(clean(peaks), clean(detect(lead, fs)), fs)
    assert (found.fn, found.fp) == (0, 0)


@pytest.mark.parametrize("fs", [128, 250, 1000])
def test_several_pops_cost_a_beat_or_two_each(fs):
    lead, peaks = trace(75, fs, 120)
    for at in (20, 50, 80):
        added(at, at + 0.1, 20)(lead, fs)
    fn, fp = missed_and_false(lead, peaks, fs)
    assert fn + fp <= 6


@pytest.mark.parametrize("fs", [128, 250, 1000])
def test_every_second_beat_small(fs):
    lead, peaks = trace(75, fs, 60)
    for at in peaks[::2]:
        lead[max(0, at - 3 * fs // 10) : at + 4 * fs // 10] *= 0.4
    assert missed_and_false(lead, peaks, fs) == (0, 0)


@pytest.mark.parametrize("fs", [128, 250, 1000])
def test_t_waves_as_tall_as_r(fs):
    lead, peaks = trace(75, fs, 60)
    time = np.arange(len(lead)) / fs
    for at in peaks / fs + 0.28:
        lead += 0.75 * np.exp(-(((time - at) / 0.05) ** 2) / 2)
    assert missed_and_false(lead, peaks, fs) == (0, 0)


@pytest.mark.parametrize("fs", [128, 250, 1000])
def test_a_recording_that_starts_in_a_complex(fs):
    lead, peaks = trace(75, fs, 30)
    begin = peaks[0] - fs // 50
    assert missed_and_false(lead[begin:], peaks - begin, fs) == (0, 0)


@pytest.mark.parametrize("seconds", [5, 20])
@pytest.mark.parametrize("fs", [128, 250, 1000])
def test_noise_of_a_recorder_is_no_beat_while_the_heart_pauses(fs, seconds):
    lead, peaks = trace(75, fs, 90)
    quiet = slice(round(30.45 * fs), round((30.45 + seconds) * fs))
    lead[quiet] = np.random.default_rng(1).normal(0, 0.005, quiet.stop - quiet.start)
    beats = peaks[(peaks < quiet.start) | (peaks >= quiet.stop)]
    fn, fp = missed_and_false(lead, beats, fs)
    assert fn == 0
    assert fp <= (seconds > 5)  # after a long pause the first T wave may count


def test_an_artefact_is_forgotten():
    lead, _ = trace(75, 250, 90)
    worse = lead.copy()
    worse[20 * 250 : 22 * 250] += 30
    one, other = detect(lead, 250), detect(worse, 250)
    assert np.array_equal(one[one > 35 * 250], other[other > 35 * 250])


def test_a_flat_or_empty_lead_has_no_beat():
    assert len(detect(np.full(5000, 0.7), 250)) == len(detect(np.zeros(0), 250)) == 0


def test_invalid_samples_are_refused():
    with pytest.raises(UserError, match="invalid samples"):
        detect(np.array([0.0, np.nan, 1.0]), 250)


def test_it_is_causal():
    """Peaks that are known after some seconds do not depend on what comes later."""
    lead, _ = trace(75, 250, 40)
    units = np.rint(1000 * lead).astype(np.int64)
    whole, part = find(units, 250, 1000), find(units[: 20 * 250], 250, 1000)
    sure = part[part < 19 * 250]
    assert np.array_equal(sure, whole[: len(sure)])
    assert len(sure) > 20


@given(
    st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=400), st.integers(100, 900)
)
def test_means_are_exact(units, fs):
    mean = averaged(np.array(units), fs)
    fine = np.repeat(np.array(units) + 2**15, 200)  # 200 fs samples a second
    n = len(fine) // fs
    assert len(mean) == n
    assert np.array_equal(mean, fine[: n * fs].reshape(n, fs).sum(axis=1) * 16 // fs)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=200))
def test_candidates_are_the_largest_around(values):
    energy, expected = np.array(values), []
    for i in range(len(values) - 20):
        before, after = values[max(0, i - 20) : i], values[i + 1 : i + 21]
        if values[i] > max(before, default=0) and values[i] >= max(after):
            expected.append(i)
    assert candidates(energy).tolist() == expected
    assert len(expected) <= len(values) // 21 + 1  # so that time is linear, whatever comes


def test_the_largest_signal_does_not_overflow_32_bits():
    units = np.tile(np.repeat([2**15 - 1, -(2**15)], 6), 50)
    assert energy_of(averaged(held(units, 200), 200)).max() << 6 < 2**31


def real(name):
    root = Path(os.environ.get("ECG_DATA", "/nonexistent")) / name
    if not root.is_dir():
        pytest.skip(f"{name} is not at hand: set ECG_DATA to the folder above it")
    return root


def test_real_records_of_development():
    """What was reached on DS1, and by how much it may differ before somebody should look."""
    root, tp, fn, fp = real("mitdb"), 0, 0, 0
    for number in DS1[::3]:
        if number != 207:  # flutter
            record = get("mitdb").read_record(root, number)
            found = match(record.sample[record.is_beat], detect(record.signal, 360), 360)
            tp, fn, fp = tp + found.tp, fn + found.fn, fp + found.fp
    assert tp / (tp + fn) > 0.997
    assert tp / (tp + fp) > 0.997
