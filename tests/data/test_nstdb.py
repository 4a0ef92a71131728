"""Recordings of noise: two halves of each, and what is wrong with a folder."""

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglib.aami import DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.data.find.search import find
from ecglib.data.records import Record
from ecglib.data.sets import get
from ecglib.data.sets.nstdb import stressed
from ecglib.system.errors import UserError
from tests.traces import trace

NSTDB = get("nstdb")


@pytest.fixture
def folder(tmp_path):
    """A recording of 1,001 samples, which count upwards in steps of 5 µV."""
    units = np.stack([np.arange(1001), 7 - np.arange(1001)], axis=1)
    wfdb.wrsamp(
        "ma",
        fs=360,
        units=["mV"] * 2,
        sig_name=["noise1", "noise2"],
        d_signal=units,
        fmt=["16"] * 2,
        adc_gain=[200] * 2,
        baseline=[0] * 2,
        write_dir=str(tmp_path),
    )
    return tmp_path


def test_halves(folder):
    first, second = (NSTDB.load(folder, half=half)["ma"] for half in sets.nstdb.HALVES)
    assert (first.shape, second.shape, first.dtype) == ((500, 2), (501, 2), np.float32)
    np.testing.assert_allclose(np.concatenate([first, second])[:, 0] * 200, np.arange(1001))


def test_found_in_part_and_described(folder):
    source = find("nstdb", folder)
    assert "NSTDB, 1 of the 3 recordings of noise" in source.describe()
    assert NSTDB.present(folder) == ("ma",)


def test_faults(folder, tmp_path):
    with pytest.raises(UserError, match="half is 'third'"):
        NSTDB.load(folder, half="third")
    (folder / "ma.hea").write_text((folder / "ma.hea").read_text().replace(" 360 ", " 250 "))
    with pytest.raises(UserError, match="250 Hz and not 360"):
        NSTDB.load(folder, half="reporting")
    (folder / "ma.dat").unlink()
    with pytest.raises(UserError, match="holds no recording of NSTDB"):
        NSTDB.load(folder, half="reporting")


def test_real_recordings():
    root = Path(os.environ.get("ECG_DATA", "/nonexistent")) / "nstdb"
    if not (root / "em.dat").is_file():
        pytest.skip("the noise stress test database is not at hand")
    noises = NSTDB.load(root, half="reporting")
    assert {name: one.shape for name, one in noises.items()} == {
        name: (325_000, 2) for name in ("bw", "em", "ma")
    }
    sums = NSTDB.publisher.checksums
    assert sums == {name: sha256_of(root / name) for name in sums}
    assert NSTDB.described(root, find("nstdb", root).sha256).endswith(
        "all 3 recordings of noise as published"
    )


FREQUENCIES = {"development": 3, "reporting": 7}


@pytest.fixture
def tones(tmp_path):
    """Noise of 100 s, whose halves are sine waves of two frequencies."""
    time = np.arange(50 * 360) / 360
    halves = [np.sin(2 * np.pi * hertz * time) for hertz in FREQUENCIES.values()]
    signal = np.stack([np.concatenate(halves)] * 2, axis=1)
    how = {"fs": 360, "units": ["mV"] * 2, "sig_name": ["noise1", "noise2"]}
    wfdb.wrsamp("em", p_signal=signal, fmt=["16"] * 2, write_dir=str(tmp_path), **how)
    return tmp_path


@pytest.mark.parametrize(("number", "half"), [(DS2[0], "reporting"), (DS1[0], "development"),
                                              (SVDB_TEST[0], "reporting"),
                                              (SVDB_DEV[0], "development")])  # fmt: skip
@pytest.mark.parametrize("snr_db", [12, -6])
def test_ratio_and_half_of_the_noise(tones, number, half, snr_db):
    fs = 128 if number in SVDB_DEV + SVDB_TEST else 360
    lead, peaks = trace(75, fs, 8 * 60, noise=0)
    clean = Record(number, lead.astype(np.float32), fs, 200, 0, peaks, np.full(len(peaks), "N"))
    added = stressed(clean, tones, "em", snr_db).signal - clean.signal
    assert abs(added[: 5 * 60 * fs]).max() == 0
    tone = added[6 * 60 * fs : 6 * 60 * fs + 20 * fs].astype(float)
    spectrum = abs(np.fft.rfft(tone - tone.mean()))
    assert np.fft.rfftfreq(len(tone), 1 / fs)[spectrum.argmax()] == FREQUENCIES[half]
    height = np.ptp(lead[peaks[5] + np.arange(-round(fs / 20), round(fs / 20) + 1)])
    assert 10 * np.log10(height**2 / 8 / tone.var()) == pytest.approx(snr_db, abs=0.2)


def test_noise_that_is_not_there(tones):
    record = Record(
        100, np.zeros(1000, np.float32), 360, 200, 0, np.array([500]), np.array(["N"])
    )
    with pytest.raises(UserError, match="has no noise ma; fetch nstdb"):
        stressed(record, tones, "ma", 6)
    with pytest.raises(UserError, match="record 100 gets no noise: signal is flat"):
        stressed(record, tones, "em", 6)
