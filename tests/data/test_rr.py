from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.rr import RR_DELAY_BEATS, RR_NAMES, rr_features


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


@given(peaks, st.integers(0, 10**9))
def test_time_of_day_does_not_matter(sample, shift):
    np.testing.assert_array_equal(rr_features(sample), rr_features(sample + shift))


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
