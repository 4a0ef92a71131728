import subprocess
import sys
import zipfile

import numpy as np
import pytest

from ecglib.data.find.identity import identity, sha256_of
from ecglib.data.find.pack_cinc2017 import pack_cinc2017, read_info
from ecglib.data.find.search import find
from ecglib.data.sets.rhythm import load
from ecglib.system.errors import UserError

from .made import write_cinc


@pytest.fixture(scope="module")
def packed(synthetic_cinc2017, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "cinc2017.npz"
    pack_cinc2017(synthetic_cinc2017, path)
    return path


def assert_close(one, other):
    for name in ("label", "recording", "n_samples"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.fs, one.classes, one.source) == (other.fs, other.classes, other.source)
    np.testing.assert_allclose(one.signal, other.signal, rtol=0, atol=0.5e-3 + 2e-6)


@pytest.mark.parametrize("length", [5120, 1000])
def test_round_trip_up_to_half_a_microvolt_step(synthetic_cinc2017, packed, length):
    assert_close(
        load("cinc2017", packed, length=length),
        load("cinc2017", synthetic_cinc2017, length=length),
    )


def test_round_trip_of_real_recordings(cinc2017_root, tmp_path):
    table = (cinc2017_root / "REFERENCE-v3.csv").read_text().splitlines()[:200]
    (tmp_path / "REFERENCE-v3.csv").write_text("\n".join(table))
    with zipfile.ZipFile(cinc2017_root / "training2017.zip") as archive:
        for name in (row[:6] for row in table):
            for extension in ("mat", "hea"):
                file = f"{name}.{extension}"
                (tmp_path / file).write_bytes(archive.read(f"training2017/{file}"))
    pack_cinc2017(tmp_path, tmp_path / "p.npz")
    assert_close(load("cinc2017", tmp_path / "p.npz"), load("cinc2017", tmp_path))
    assert (tmp_path / "p.npz").stat().st_size * 8528 / 200 < 55e6


def test_identity_is_that_of_the_source(synthetic_cinc2017, packed):
    info = read_info(packed)
    assert info.records == tuple(f"A{i:05}" for i in range(1, 13))
    assert info.synthetic
    files = {path.name: sha256_of(path) for path in synthetic_cinc2017.iterdir()}
    assert info.sha256 == identity(files) == find("cinc2017", packed).sha256
    assert find("cinc2017", synthetic_cinc2017).sha256 == info.sha256


def test_values_beyond_the_range_are_clipped(tmp_path):
    write_cinc(tmp_path, {"A00001": np.where(np.arange(900) % 300 < 150, 32767, -32767)})
    pack_cinc2017(tmp_path, tmp_path / "p.npz")
    signal = load("cinc2017", tmp_path / "p.npz").signal
    assert np.abs(load("cinc2017", tmp_path).signal).max() > 33  # the filter overshoots
    assert np.abs(signal).max() == pytest.approx(32.767)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"text\n", None])
def test_truncated_or_foreign_file(packed, tmp_path, content):
    path = tmp_path / "broken.npz"
    whole = packed.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError, match=r"broken\.npz is damaged or was not .*pack cinc2017"):
        load("cinc2017", path)


@pytest.mark.parametrize(
    "change", [{"label": np.zeros(3, np.int8)}, {"n_samples": [5]}, {"format": "other"}]
)
def test_arrays_that_do_not_fit(packed, tmp_path, change):
    with np.load(packed) as stored:
        np.savez(tmp_path / "p.npz", **{**stored, **change})
    with pytest.raises(UserError, match=r"p\.npz is damaged or was not written by"):
        load("cinc2017", tmp_path / "p.npz")


def test_only_cinc2017_is_packed(packed):
    with pytest.raises(UserError, match="holds no recordings of Chapman-Shaoxing"):
        load("chapman", packed)


def test_nothing_to_pack(tmp_path):
    with pytest.raises(UserError, match="holds no recordings of CinC 2017"):
        pack_cinc2017(tmp_path, tmp_path / "p.npz")


def test_packed_file_needs_numpy_alone(packed):
    code = f"""
import sys
for name in ("wfdb", "pandas", "scipy", "platformdirs", "matplotlib", "torch", "sklearn"):
    sys.modules[name] = None  # importing it raises ImportError
from ecglib.data.sets.rhythm import load
from ecglib.data.find.search import find
source = find("cinc2017", {str(packed)!r})
assert len(load("cinc2017", source.path)) == 12
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
