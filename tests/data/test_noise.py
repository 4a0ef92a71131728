"""Generated noise by its spectrum and its power, SNR by hand on triangles of known height."""

import numpy as np
import pytest
from scipy.signal import welch

from ecglib.data.signal.noise import NOISES, add_noise
from ecglib.system.errors import UserError

FS = 360
SPACING = 300  # samples from beat to beat
RATES = pytest.mark.parametrize("fs", [100, 250, 360, 1000])
KINDS = pytest.mark.parametrize("kind", NOISES)


def generated(make, fs=FS, seconds=300, seed=0):
    noise = make(round(seconds * fs), fs, np.random.default_rng(seed))
    assert noise.dtype == np.float32
    return noise.astype(np.float64)


def share(noise, fs, low, high):
    """Share of the power between two frequencies, by Welch's method, 0.05 Hz fine."""
    frequency, power = welch(noise, fs, nperseg=round(20 * fs))
    return power[(frequency >= low) & (frequency <= high)].sum() / power.sum()


def triangles(heights, fs=FS):
    """Triangles 20 samples wide, one for each height: signal and the samples of their tops."""
    sample = SPACING // 2 + SPACING * np.arange(len(heights))
    signal = np.zeros(SPACING * len(heights))
    for top, height in zip(sample, heights, strict=True):
        signal[top - 10 : top + 11] = height * (1 - np.abs(np.arange(-10, 11)) / 10)
    return signal.astype(np.float32), sample


def noise_power(signal, sample, snr_db, kind="muscle"):
    noisy = add_noise(signal, FS, sample, kind, snr_db, np.random.default_rng(3))
    return np.nanmean((noisy.astype(np.float64) - signal) ** 2)


@KINDS
@RATES
@pytest.mark.parametrize("seconds", [20, 61.7])
def test_mean_power_is_one_and_mean_is_nought(kind, fs, seconds):
    for seed in range(3):
        noise = generated(NOISES[kind], fs, seconds, seed)
        assert len(noise) == round(seconds * fs)
        assert np.mean(noise**2) == pytest.approx(1, rel=1e-5)
        assert abs(noise.mean()) < 0.05


@RATES
def test_wander_is_below_half_a_hertz(fs):
    noise = generated(NOISES["wander"], fs)
    assert share(noise, fs, 0, 0.55) > 0.999
    assert 0.4 < share(noise, fs, 0.155, 0.45) < 0.6  # breathing has half


def test_breathing_drifts_in_amplitude():
    noise = generated(NOISES["wander"], seconds=600)
    tops = np.abs(noise.reshape(30, -1)).max(axis=1)
    assert tops.max() > 1.5 * tops.min()


@RATES
def test_muscle_noise_is_in_its_band(fs):
    noise = generated(NOISES["muscle"], fs)
    top = min(150, 0.45 * fs)
    assert share(noise, fs, 17, top + 3) > 0.99
    middle = (20 + top) / 2
    assert share(noise, fs, 20, middle) == pytest.approx(0.5, abs=0.05)  # white within it


def test_muscle_noise_comes_in_bursts():
    rms = np.sqrt(np.mean(generated(NOISES["muscle"]).reshape(300, FS) ** 2, axis=1))
    white = np.random.default_rng(0).standard_normal((300, FS))
    assert rms.std() > 5 * np.sqrt(np.mean(white**2, axis=1)).std()


@RATES
def test_electrode_motion_overlaps_with_the_ecg(fs):
    noise = generated(NOISES["electrode"], fs)
    assert 0.45 < share(noise, fs, 1, 10) < 0.7
    assert share(noise, fs, 0, 12) > 0.97


def test_electrode_motion_has_sudden_shifts():
    """Its largest steps are out of reach for noise below 12 Hz of the same power."""
    noise = generated(NOISES["electrode"])
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(len(noise), 1 / FS) > 12] = 0
    smooth = np.fft.irfft(spectrum, len(noise))
    steps = np.abs(np.diff(noise))
    assert steps.max() > 4 * np.abs(np.diff(smooth)).max()
    assert 20 < np.count_nonzero(steps > 1.5 * np.abs(np.diff(smooth)).max()) < 120


@KINDS
def test_the_generator_decides(kind):
    first, same, other = (generated(NOISES[kind], seconds=20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.6


@KINDS
@pytest.mark.parametrize("snr_db", [24.0, 6.0, 0.0, -6.0])
def test_snr_by_hand(kind, snr_db):
    """Ninety triangles of 2 mV; five smaller and five larger ones are trimmed: S = 2² / 8."""
    heights = np.random.default_rng(0).permutation([2.0] * 90 + [0.1] * 5 + [9.0] * 5)
    signal, sample = triangles(heights)
    expected = (2**2 / 8) / 10 ** (snr_db / 10)
    assert noise_power(signal, sample, snr_db, kind) == pytest.approx(expected, rel=1e-4)


def test_a_sixth_outlier_in_a_hundred_counts():
    signal, sample = triangles([2.0] * 94 + [11.0] * 6)
    mean = (89 * 2 + 11) / 90
    assert noise_power(signal, sample, 0) == pytest.approx(mean**2 / 8, rel=1e-4)


@pytest.mark.parametrize(("distance", "amplitude"), [(18, 5), (-18, 5), (19, 1), (-19, 1)])
def test_amplitude_is_measured_within_50_ms(distance, amplitude):
    signal, sample = triangles([1.0] * 40)
    signal[sample + distance] = -4
    assert noise_power(signal, sample, 0) == pytest.approx(amplitude**2 / 8, rel=1e-4)


def test_depth_counts_like_height_and_the_baseline_not_at_all():
    signal, sample = triangles([1.5] * 40)
    expected = pytest.approx(noise_power(signal, sample, 3), rel=1e-3)
    assert noise_power(-signal, sample, 3) == expected
    assert noise_power(signal + 7, sample, 3) == expected


def test_beats_at_the_ends_are_measured_on_what_is_there():
    signal, _ = triangles([1.0] * 40)
    signal[[0, -1]] = 2
    assert noise_power(signal, [0, len(signal) - 1], 0) == pytest.approx(4 / 8, rel=1e-4)


def test_invalid_samples_stay_and_their_beats_do_not_count():
    signal, sample = triangles([1.0] * 20 + [3.0] * 20)
    signal[sample[20:]] = np.nan
    noisy = add_noise(signal, FS, sample, "muscle", 0, np.random.default_rng(0))
    np.testing.assert_array_equal(np.isnan(noisy), np.isnan(signal))
    assert noise_power(signal, sample, 0) == pytest.approx(1 / 8, rel=0.02)


@KINDS
def test_20_db_are_a_factor_of_ten_of_the_same_noise(kind):
    signal, sample = triangles([1.0] * 40)
    loud, quiet = (
        add_noise(signal, FS, sample, kind, snr_db, np.random.default_rng(5)) - signal
        for snr_db in (-10, 10)
    )
    assert loud.dtype == np.float32
    np.testing.assert_allclose(loud, 10 * quiet, atol=1e-5)


@pytest.mark.parametrize(("kind", "more_db"), [("wander", 11), ("electrode", 5), ("muscle", 3)])
def test_nst_would_add_more_by_as_much_as_the_docstring_says(kind, more_db):
    """N by WFDB's `sigamp`: trimmed mean of the RMS of 300 s, each less its mean, squared."""
    found = []
    for seed in range(5):
        second = generated(NOISES[kind], seed=seed).reshape(300, FS)
        rms = np.sort(second.std(axis=1))[15:-15].mean()
        found.append(-20 * np.log10(rms))
    assert np.mean(found) == pytest.approx(more_db, abs=0.8)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "mains"}, "kind is 'mains': it must be one of wander, muscle, electrode"),
        ({"snr_db": np.inf}, "snr_db is inf"),
        ({"snr_db": np.nan}, "snr_db is nan"),
        ({"sample": []}, "sample names no beat"),
        ({"signal": np.ones(40 * SPACING)}, "signal is flat"),
        ({"signal": np.full(40 * SPACING, np.nan)}, "sample names no beat"),
        ({"signal": triangles([1.0] * 23)[0], "sample": [150]}, "n_samples is 6,900, 19.2 s"),
        ({"fs": 99}, "fs is 99 Hz: noise needs at least 100 Hz"),
    ],
)
def test_what_makes_no_sense_is_said(change, says):
    signal, sample = triangles([1.0] * 40)
    arguments = {"signal": signal, "fs": FS, "sample": sample, "kind": "wander", "snr_db": 6}
    with pytest.raises(UserError, match=says):
        add_noise(**arguments | change, rng=np.random.default_rng(0))
