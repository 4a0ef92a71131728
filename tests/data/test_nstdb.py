"""Recordings of noise: two halves of each, and what is wrong with a folder."""

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.data.find.search import find
from ecglib.data.sets import get
from ecglib.system.errors import UserError

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
