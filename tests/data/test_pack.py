import subprocess
import sys
import zipfile

import numpy as np
import pytest

from ecglib.aami import DS1, DS2
from ecglib.data.find.identity import identity, identity_of, sha256_of
from ecglib.data.find.pack import read_info
from ecglib.data.find.search import find
from ecglib.data.records import read_wfdb
from ecglib.data.sets import SETS, get, load
from ecglib.data.sets.mitdb import load_beats, read_record
from ecglib.data.synthetic import write_records
from ecglib.system.errors import UserError

from .made import write_cinc
from .test_mitdb import assert_same, rewrite


@pytest.fixture(scope="module")
def packed(synthetic_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "mitdb.npz"
    get("mitdb").pack(synthetic_root, path)
    return path


def test_round_trip_is_bit_identical(synthetic_root, packed):
    records = get("mitdb").present(synthetic_root)
    one, other = (load_beats(r, records, fusion="keep") for r in (packed, synthetic_root))
    assert_same(one, other)


def test_round_trip_of_the_real_database(mitdb_root, tmp_path):
    path = tmp_path / "mitdb.npz"
    info = get("mitdb").pack(mitdb_root, path)
    assert len(info.records) == 46
    assert path.stat().st_size <= 40e6
    assert_same(load_beats(path, DS1 + DS2), load_beats(mitdb_root, DS1 + DS2))


def test_all_annotations_and_the_whole_lead_are_there(synthetic_root, packed):
    one, other = read_record(packed, 223), read_record(synthetic_root, 223)
    np.testing.assert_array_equal(one.signal, other.signal)
    np.testing.assert_array_equal(one.symbol, other.symbol)
    assert one.symbol[0] == "+"  # the rhythm, not a beat
    np.testing.assert_array_equal(one.sample, other.sample)
    assert (one.fs, one.gain, one.baseline) == (other.fs, other.gain, other.baseline)


def test_invalid_samples_stay_invalid(tmp_path):
    write_records(tmp_path, [100], minutes=1)

    def lose_some(adc):
        adc[500:520, 0] = -2048

    rewrite(tmp_path, lose_some)
    get("mitdb").pack(tmp_path, tmp_path / "p.npz")
    record = read_record(tmp_path / "p.npz", 100)
    assert np.flatnonzero(np.isnan(record.signal)).tolist() == list(range(500, 520))
    np.testing.assert_array_equal(record.signal, read_wfdb(tmp_path, 100, "MLII").signal)


def test_identity_is_that_of_the_source(synthetic_root, packed):
    info = read_info(packed, "mitdb")
    assert info.records == get("mitdb").present(synthetic_root)
    assert info.sha256 == identity_of(synthetic_root, info.records)
    assert info.synthetic


def test_npz_of_something_else_or_of_another_format(packed, tmp_path):
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with np.load(packed) as stored:
        np.savez(tmp_path / "next.npz", **dict(stored) | {"format": "ecglib-mitdb-2"})
    for name in ("other", "next"):
        with pytest.raises(UserError, match=rf"{name}\.npz .*pack mitdb"):
            load_beats(tmp_path / f"{name}.npz", [100])


def test_bits_flipped_inside_an_array(packed, tmp_path):
    path = tmp_path / "broken.npz"
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.npz is damaged"):
        load_beats(path, read_info(packed, "mitdb").records)


def test_record_or_lead_that_was_not_packed(packed):
    with pytest.raises(UserError, match="no record 102: one that has no lead MLII is never"):
        load_beats(packed, [100, 102])
    with pytest.raises(UserError, match="record 100 has no lead 'V1'; it has MLII"):
        load_beats(packed, [100], lead="V1")


def test_what_is_packed_is_not_packed_again(packed, tmp_path):
    with pytest.raises(UserError, match=r"mitdb\.npz is packed already"):
        get("mitdb").pack(packed, tmp_path / "p.npz")


def test_failed_packing_leaves_the_old_file(tmp_path):
    write_records(tmp_path, [100, 101], minutes=1)
    out = tmp_path / "p.npz"
    out.write_text("old")
    (tmp_path / "101.dat").write_bytes(b"too short")
    with pytest.raises(UserError, match="truncated"):
        get("mitdb").pack(tmp_path, out)
    assert out.read_text() == "old"


@pytest.fixture(scope="module")
def packed_cinc(synthetic_cinc2017, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "cinc2017.npz"
    get("cinc2017").pack(synthetic_cinc2017, path)
    return path


def assert_close(one, other):
    for name in ("label", "recording", "n_samples"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.fs, one.classes, one.source) == (other.fs, other.classes, other.source)
    np.testing.assert_allclose(one.signal, other.signal, rtol=0, atol=0.5e-3 + 2e-6)


@pytest.mark.parametrize("length", [5120, 1000])
def test_round_trip_up_to_half_a_microvolt_step(synthetic_cinc2017, packed_cinc, length):
    roots = packed_cinc, synthetic_cinc2017
    one, other = (load("cinc2017", root, length=length) for root in roots)
    assert_close(one, other)


def test_round_trip_of_real_recordings(cinc2017_root, tmp_path):
    table = (cinc2017_root / "REFERENCE-v3.csv").read_text().splitlines()[:200]
    (tmp_path / "REFERENCE-v3.csv").write_text("\n".join(table))
    with zipfile.ZipFile(cinc2017_root / "training2017.zip") as archive:
        for name in (row[:6] for row in table):
            for extension in ("mat", "hea"):
                file = f"{name}.{extension}"
                (tmp_path / file).write_bytes(archive.read(f"training2017/{file}"))
    get("cinc2017").pack(tmp_path, tmp_path / "p.npz")
    assert_close(load("cinc2017", tmp_path / "p.npz"), load("cinc2017", tmp_path))
    assert (tmp_path / "p.npz").stat().st_size * 8528 / 200 < 55e6


def test_identity_is_that_of_the_recordings(synthetic_cinc2017, packed_cinc):
    info = read_info(packed_cinc, "cinc2017")
    assert info.records == tuple(f"A{i:05}" for i in range(1, 13))
    assert info.synthetic
    files = {path.name: sha256_of(path) for path in synthetic_cinc2017.iterdir()}
    assert info.sha256 == identity(files) == find("cinc2017", packed_cinc).sha256
    assert find("cinc2017", synthetic_cinc2017).sha256 == info.sha256


def test_values_beyond_the_range_are_clipped(tmp_path):
    write_cinc(tmp_path, {"A00001": np.where(np.arange(900) % 300 < 150, 32767, -32767)})
    get("cinc2017").pack(tmp_path, tmp_path / "p.npz")
    signal = load("cinc2017", tmp_path / "p.npz").signal
    assert np.abs(load("cinc2017", tmp_path).signal).max() > 33  # the filter overshoots
    assert np.abs(signal).max() == pytest.approx(32.767)


@pytest.mark.parametrize(
    "change", [{"label": np.zeros(3, np.int8)}, {"n_samples": [5]}, {"format": "other"}]
)
def test_arrays_that_do_not_fit(packed_cinc, tmp_path, change):
    with np.load(packed_cinc) as stored:
        np.savez(tmp_path / "p.npz", **dict(stored) | change)
    with pytest.raises(UserError, match=r"p\.npz is damaged or was not written by"):
        load("cinc2017", tmp_path / "p.npz")


def test_what_cannot_be_packed(packed_cinc, tmp_path):
    with pytest.raises(UserError, match="holds no recordings of Chapman-Shaoxing"):
        load("chapman", packed_cinc)
    with pytest.raises(UserError, match="Chapman-Shaoxing cannot be packed"):
        get("chapman").pack(tmp_path, tmp_path / "p.npz")
    assert [name for name in SETS if get(name).packs] == ["mitdb", "svdb", "cinc2017"]


@pytest.mark.parametrize("name", ["mitdb", "cinc2017"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 no zip", b"text\n", None])
def test_truncated_or_foreign_file(packed, packed_cinc, tmp_path, name, content):
    path = tmp_path / "broken.npz"
    whole = (packed if name == "mitdb" else packed_cinc).read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError, match=rf"broken\.npz is damaged or was not .*pack {name}"):
        load(name, path)


def test_nothing_to_pack(tmp_path):
    for name, what in (("mitdb", "record of MIT-BIH"), ("cinc2017", "recordings of CinC 2017")):
        with pytest.raises(UserError, match=f"holds no {what}"):
            get(name).pack(tmp_path, tmp_path / "p.npz")


@pytest.mark.parametrize("name", ["mitdb", "cinc2017"])
def test_packed_file_needs_numpy_alone(packed, packed_cinc, name):
    code = f"""
import sys
for name in "wfdb pandas scipy platformdirs matplotlib IPython torch sklearn".split():
    sys.modules[name] = None  # importing it raises ImportError
from ecglib.data.sets import load
from ecglib.data.find.search import find
source = find({name!r}, {str(packed if name == "mitdb" else packed_cinc)!r})
assert len(load({name!r}, source.path)) > 10
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_records_of_a_file_written_by_hand(tmp_path):
    arrays = {"format": "ecglib-mitdb-1", "lead": "MLII", "records": [100], "sha256": "ab" * 32}
    arrays |= {"100/adc": np.array([1024, 1224, -(2**15)], np.int16), "synthetic": False}
    arrays |= {"100/scale": [360.0, 200.0, 1024.0], "100/sample": [1], "100/symbol": ["V"]}
    np.savez(tmp_path / "p.npz", **arrays)
    record = read_record(tmp_path / "p.npz", 100)
    np.testing.assert_array_equal(record.signal, np.array([0, 1, np.nan], np.float32))
    assert (record.fs, record.sample.tolist(), record.symbol.tolist()) == (360, [1], ["V"])
    assert read_info(tmp_path / "p.npz", "mitdb") == ((100,), "ab" * 32, False)


def test_recordings_of_a_file_written_by_hand(tmp_path):
    arrays = {"format": "ecglib-cinc2017-1", "sha256": "cd" * 32, "synthetic": True}
    arrays |= {"fs": 150.0, "units_per_mv": 1000, "recording": ["A1", "A2"], "label": [3, 1]}
    arrays |= {"n_samples": [2, 1], "units": np.array([500, -250, 9], np.int16)}
    np.savez(tmp_path / "p.npz", **arrays)
    found = load("cinc2017", tmp_path / "p.npz", length=3)
    np.testing.assert_allclose(found.signal, [[0.5, -0.25, 0], [0.009, 0, 0]], atol=1e-7)
    assert (found.label.tolist(), found.n_samples.tolist()) == ([3, 1], [2, 1])
    assert read_info(tmp_path / "p.npz", "cinc2017") == (("A1", "A2"), "cd" * 32, True)
