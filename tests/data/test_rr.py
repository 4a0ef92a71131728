from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.signal.micro_input import timing
from ecglib.data.signal.rr import (
    RR_DELAY_BEATS,
    RR_NAMES,
    later_feature,
    recent_features,
    rhythm_features,
    rr_features,
    spread_feature,
    unrest_feature,
)


def record_of(n_beats, seed):
    return np.cumsum(np.random.default_rng(seed).integers(0, 400, n_beats))


# Hypothesis prefers short lists; windows of 80 and 400 intervals need long records.
peaks = st.builds(record_of, st.integers(2, 600), st.integers(0, 2**32))


def naive(sample):
    """The definition, one beat at a time."""
    sample = [int(s) for s in sample]
    intervals = [b - a for a, b in pairwise(sample)]
    rows = []
    for i in range(len(sample)):
        past = intervals[:i]
        rr = past[-1] if past else None
        post = intervals[i] if i < len(intervals) else None
        local = sum(past[-80:]) / len(past[-80:]) if past else None
        overall = sum(past[-400:]) / len(past[-400:]) if past else None
        pairs = [(rr, local), (rr, overall), (post, local), (post, overall), (rr, post)]
        rows.append([1 if a is None or not b else a / b for a, b in pairs])
    return np.array(rows)


def test_hand_computed_record():
    # intervals 300, 200, 400: a premature beat and its pause
    expected = [
        [1, 1, 1, 1, 1],  # no previous interval
        [1, 1, 200 / 300, 200 / 300, 300 / 200],
        [200 / 250, 200 / 250, 400 / 250, 400 / 250, 200 / 400],
        [400 / 300, 400 / 300, 1, 1, 1],  # no next interval
    ]
    features = rr_features([1000, 1300, 1500, 1900])
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    assert features.dtype == np.float32
    assert features.shape[1] == len(RR_NAMES) == len(RR_DELAY_BEATS)


@given(peaks)
def test_agrees_with_the_definition(sample):
    np.testing.assert_allclose(rr_features(sample), naive(sample), rtol=1e-6)


@given(peaks, st.data())
def test_a_column_is_known_after_its_delay(sample, data):
    beat = data.draw(st.integers(0, len(sample) - 2))
    whole = rr_features(sample)
    for column, delay in enumerate(RR_DELAY_BEATS):
        so_far = rr_features(sample[: beat + 1 + delay])
        assert so_far[beat, column] == whole[beat, column]


def test_undelayed_columns_would_be_wrong_without_the_next_beat():
    sample = np.array([0, 300, 600, 750])
    early, late = rr_features(sample[:3])[2], rr_features(sample)[2]
    np.testing.assert_array_equal(early != late, np.array(RR_DELAY_BEATS) > 0)


@pytest.mark.parametrize("n_beats", [0, 1])
def test_records_without_an_interval(n_beats):
    np.testing.assert_array_equal(rr_features(np.arange(n_beats)), np.ones((n_beats, 5)))


def test_two_beats_on_one_sample_stay_finite():
    assert np.isfinite(rr_features([5, 5, 5, 300, 300])).all()


def test_descending_peaks_are_refused():
    with pytest.raises(ValueError, match="ascending"):
        rr_features([100, 400, 300])


def rhythm_by_hand(sample):
    """The docstring of `rhythm_features` as a plain loop."""
    if len(sample) < 3:
        return np.zeros((len(sample), 3))
    log_rr = np.log(np.maximum(np.diff(sample), 1))
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


@given(peaks)
def test_rhythm_follows_its_definition(sample):
    found = rhythm_features(sample)
    np.testing.assert_allclose(found, rhythm_by_hand(sample), atol=1e-4)
    assert found.dtype == np.float32


def test_rhythm_of_a_record_computed_by_hand():
    """Intervals 300, 200, 400: the baseline follows by at most 0.1 · gain."""
    log = np.log([300, 200, 400])
    second = log[0]  # nothing has moved it yet
    third = second - 0.1 / 3
    jumps = np.array([np.log(300 / 200), 0.5])  # the second is ln 2, cut
    expected = [
        [0, 0, 0],
        [0, 4 * (log[1] - log[0]), 0],
        [4 * (log[1] - second), 4 * (log[2] - second), 8 * jumps[0]],
        [4 * (log[2] - third), 0, 8 * jumps.mean()],
    ]
    found = rhythm_features(np.array([1000, 1300, 1500, 1900]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("n_beats", [0, 1, 2])
def test_without_two_intervals_there_is_no_rhythm(n_beats):
    found = rhythm_features(300 * np.arange(n_beats))
    np.testing.assert_array_equal(found, np.zeros((n_beats, 3)))


@given(peaks, st.data())
def test_only_the_next_interval_of_the_rhythm_waits_for_its_beat(sample, data):
    beat = data.draw(st.integers(0, len(sample) - 1))
    whole, so_far = rhythm_features(sample), rhythm_features(sample[: beat + 1])
    if beat > 1:  # a shorter record has no rhythm at all
        np.testing.assert_allclose(so_far[beat, [0, 2]], whole[beat, [0, 2]], atol=1e-6)
        np.testing.assert_array_equal(so_far[:beat], whole[:beat])


@pytest.mark.parametrize("places", [(1,), (40,), (99,), (20, 21), (5, 90)], ids=str)
def test_ratios_across_a_gap_are_those_without_it(places):
    """A gap counts as the interval before it again, or one second where there is none."""
    fs, rng = 250, np.random.default_rng(3)
    rr = rng.integers(150, 300, 100)
    rr[0] = 0  # the first beat ends no interval
    with_gap, without = rr.copy(), rr.copy()
    for place in places:
        with_gap[place] = 10 * fs + 1 + place
        without[place] = without[place - 1] if place > 1 else fs
    found, expected = (timing(np.cumsum(r), fs, ("rr", "rhythm")) for r in (with_gap, without))
    np.testing.assert_array_equal(found, expected)
    with_gap[places[0]] = 10 * fs  # ten seconds are a pause of the heart, and stay one
    assert (timing(np.cumsum(with_gap), fs, ("rr", "rhythm")) != expected).any()


HISTORY = {"recent": recent_features, "spread": spread_feature, "unrest": unrest_feature}


@pytest.mark.parametrize("name", HISTORY)
@given(peaks, st.data())
def test_history_knows_no_later_beat(name, sample, data):
    known = data.draw(st.integers(1, len(sample)))
    whole = HISTORY[name](sample)
    assert whole.shape[0] == len(sample)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(HISTORY[name](sample[:known]), whole[:known])


@given(peaks)
def test_more_history_begins_with_the_shorter_one(sample):
    more = recent_features(sample, 8)
    np.testing.assert_array_equal(more[:, :3], recent_features(sample))
    np.testing.assert_array_equal(more[1:, 1:], more[:-1, :-1])  # one beat later, one further


@given(peaks)
def test_the_beat_after_the_next_is_as_early_as_it_is_said_to_be_then(sample):
    later, early = later_feature(sample), rhythm_features(sample)[:, 0]
    assert later.shape == (len(sample), 1)
    np.testing.assert_array_equal(later[:-2, 0], early[2:])
    assert not later[-2:].any()


def test_history_of_a_record_computed_by_hand():
    rr = np.array([300, 300, 300, 150, 300])
    sample = np.concatenate([[0], np.cumsum(rr)])
    early = rhythm_features(sample)[:, 0]
    assert early[4] == pytest.approx(4 * np.log(0.5))
    recent = recent_features(sample)
    assert recent[5].tolist() == [early[4], early[3], early[2]]
    assert recent[1].tolist() == [early[0], 0, 0]
    spread = spread_feature(sample)[:, 0]
    assert spread[4] == pytest.approx(-8)  # log(1/2) / 0.03, clipped
    mean = np.log(300) - np.log(2) / 4  # of three intervals of 300 and one of 150
    around = (3 * np.log(2) / 4 + 3 * np.log(2) / 4) / 4
    assert spread[5] == pytest.approx((np.log(300) - mean) / (around + 0.03))
    unrest = unrest_feature(sample)[:, 0]
    assert unrest[:4].tolist() == [0, 0, 0, 0]
    assert unrest[4] == pytest.approx(8 * 0.5 / 3)  # a change of log 2 counts as 0.5
    assert unrest[5] == pytest.approx(8 * (0.5 + 0.5) / 4)
