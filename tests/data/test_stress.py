"""Recorded noise, added as the noise stress test does."""

import numpy as np
import pytest

from ecglib.data.records import Record
from ecglib.data.signal.stress import is_noisy, with_recorded_noise
from ecglib.system.errors import UserError
from tests.traces import trace

FS = 360


@pytest.fixture(scope="module")
def record():
    lead, peaks = trace(75, FS, 12 * 60, noise=0)
    symbol = np.full(len(peaks), "N")
    return Record(1, lead.astype(np.float32), FS, 200, 0, peaks, symbol)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).normal(3.0, 0.7, 100 * FS)


def test_noise_is_on_for_two_minutes_in_four_from_minute_five():
    on = is_noisy(np.arange(0, 15 * 60) * FS, FS)
    minutes = on.reshape(-1, 60)
    assert np.array_equal(minutes.all(axis=1), minutes.any(axis=1))
    assert np.flatnonzero(minutes.all(axis=1)).tolist() == [5, 6, 9, 10, 13, 14]


@pytest.mark.parametrize("snr_db", [24, 6, -6])
def test_ratio_is_that_of_nst(record, noise, snr_db):
    added = with_recorded_noise(record, noise, snr_db).signal - record.signal
    on = is_noisy(np.arange(len(added)), FS)
    height = np.ptp(record.signal[record.sample[5] + np.arange(-18, 19)])
    wanted = height**2 / 8 / 10 ** (snr_db / 10)
    seconds = added[on].reshape(-1, FS)
    assert np.mean(seconds.std(axis=1)) ** 2 == pytest.approx(wanted, rel=0.02)


def test_no_step_where_noise_is_turned_on_or_off(record, noise):
    calm = np.cumsum(noise - 3) / 100
    added = with_recorded_noise(record, calm, 0).signal.astype(float) - record.signal
    on = is_noisy(np.arange(len(added)), FS)
    edges = np.flatnonzero(np.diff(on.astype(int)))
    steps = np.abs(np.diff(added))
    assert steps[edges].max() <= steps[on[1:]].max() + 1e-6
    off = ~on[1:] & ~on[:-1]
    assert steps[off].max() < 1e-5  # float32


def test_a_louder_recorder_of_noise_changes_nothing(record, noise):
    one, other = (with_recorded_noise(record, k * noise + 5, 6).signal for k in (1, 40))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_faults(record, noise):
    with pytest.raises(UserError, match="flat or shorter"):
        with_recorded_noise(record, np.ones(5 * FS), 6)
    with pytest.raises(UserError, match="flat or shorter"):
        with_recorded_noise(record, noise[:100], 6)
    ventricular = Record(
        1, record.signal, FS, 200, 0, record.sample, np.full(len(record.sample), "V")
    )
    with pytest.raises(UserError, match="no beat"):
        with_recorded_noise(ventricular, noise, 6)
