"""The invented recordings have what their labels promise, found by other code than ours."""

import numpy as np
import pytest
from scipy.signal import butter, find_peaks, sosfiltfilt, welch

from ecglib.data.find.archive import find_files
from ecglib.data.find.identity import identity
from ecglib.data.recordings import stratified_folds
from ecglib.data.sets import load
from ecglib.data.sets.cinc2017 import CLASSES
from ecglib.data.synthetic import is_synthetic, shapes
from ecglib.data.synthetic_recordings import write_cinc2017

from .made import write_cinc

FS = 150


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    write_cinc2017(folder, 12, seed=1)
    return load("cinc2017", folder)


def rr_of(signal):
    """RR intervals in s from peaks of the band-passed, squared signal."""
    energy = sosfiltfilt(butter(2, (8, 30), "bandpass", fs=FS, output="sos"), signal) ** 2
    peaks, _ = find_peaks(energy, height=0.15 * np.quantile(energy, 0.995), distance=FS // 4)
    return np.diff(peaks) / FS


def of_class(recordings, name):
    rows = np.flatnonzero(recordings.label == CLASSES.index(name))
    return [recordings.signal[row, : recordings.n_samples[row]] for row in rows]


def test_every_class_is_there_as_often_as_asked(recordings):
    assert np.bincount(recordings.label).tolist() == [12] * 4
    assert len(np.unique(recordings.n_samples)) > 3
    assert (recordings.n_samples >= 9 * FS - 1).all()
    folds = stratified_folds(recordings.label, seed=7)
    assert all(len(set(recordings.label[folds == fold])) == 4 for fold in range(5))


def irregularity(signal):
    rr = rr_of(signal)
    return np.std(rr) / np.mean(rr)


def test_fibrillation_is_irregular_and_normal_rhythm_is_not(recordings):
    normal = [irregularity(signal) for signal in of_class(recordings, "N")]
    fibrillation = [irregularity(signal) for signal in of_class(recordings, "A")]
    assert max(normal) < 0.1
    assert min(fibrillation) > 0.15


def test_other_rhythm_has_early_beats_with_a_pause(recordings):
    ratios = [rr / np.median(rr) for rr in map(rr_of, of_class(recordings, "O"))]
    assert all((ratio > 1.1).any() for ratio in ratios)
    early = [(ratio < 0.85).any() for ratio in ratios]  # the detector misses some broad beats
    assert sum(early) >= len(early) / 2


def test_fibrillation_has_no_p_wave():
    t = np.linspace(-0.22, -0.12, 21)  # before the R-peak
    usual, without = (shapes(np.random.default_rng(0), t, p_wave=p)[0, 0] for p in (1.0, 0.0))
    assert np.ptp(usual) > 0.05  # mV
    assert np.abs(without).max() < 1e-6


def test_noise_has_more_power_than_the_heart(recordings):
    def power_above_40_hz(signal):
        frequency, density = welch(signal, FS, nperseg=256)
        return density[frequency > 40].mean()

    clean = [power_above_40_hz(s) for name in "NAO" for s in of_class(recordings, name)]
    noisy = [power_above_40_hz(signal) for signal in of_class(recordings, "~")]
    assert min(noisy) > 5 * max(clean)


def identity_of(folder):
    files = find_files(folder, r"A\d{5}", ("mat", "hea"), ["REFERENCE-v3.csv"])
    return identity(files.checksums())


def test_same_seed_same_recordings(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_cinc2017(tmp_path / name, 1, seed=seed)
    assert identity_of(tmp_path / "a") == identity_of(tmp_path / "b")
    assert identity_of(tmp_path / "a") != identity_of(tmp_path / "c")


def test_complete_folder_is_left_alone(tmp_path):
    write_cinc2017(tmp_path, 1, seed=3)
    before = identity_of(tmp_path)
    write_cinc2017(tmp_path, 2, seed=4)
    assert identity_of(tmp_path) == before


def test_header_says_that_it_is_synthetic(synthetic_cinc2017, tmp_path):
    assert is_synthetic(synthetic_cinc2017 / "A00001.hea")
    write_cinc(tmp_path, {"A00001": np.arange(900)})
    assert not is_synthetic(tmp_path / "A00001.hea")
