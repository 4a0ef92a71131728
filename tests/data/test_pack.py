import subprocess
import sys

import numpy as np
import pytest

from ecglib.aami import DS1, DS2
from ecglib.data.find.identity import identity_of, records_in
from ecglib.data.find.pack import pack_mitdb, read_info, read_packed
from ecglib.data.records import read_wfdb
from ecglib.data.sets.mitdb import load_beats, read_record
from ecglib.data.synthetic import write_records
from ecglib.system.errors import UserError

from .test_mitdb import assert_same, rewrite


@pytest.fixture(scope="module")
def packed(synthetic_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "mitdb.npz"
    pack_mitdb(synthetic_root, path)
    return path


def test_round_trip_is_bit_identical(synthetic_root, packed):
    records = records_in(synthetic_root)
    assert_same(
        load_beats(packed, records, fusion="keep"),
        load_beats(synthetic_root, records, fusion="keep"),
    )


def test_round_trip_of_the_real_database(mitdb_root, tmp_path):
    path = tmp_path / "mitdb.npz"
    info = pack_mitdb(mitdb_root, path)
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
    pack_mitdb(tmp_path, tmp_path / "p.npz")
    (record,) = read_packed(tmp_path / "p.npz", [100])
    assert np.flatnonzero(np.isnan(record.signal)).tolist() == list(range(500, 520))
    np.testing.assert_array_equal(record.signal, read_wfdb(tmp_path, 100, "MLII").signal)


def test_identity_is_that_of_the_source(synthetic_root, packed):
    info = read_info(packed)
    assert info.records == records_in(synthetic_root)
    assert info.sha256 == identity_of(synthetic_root, info.records)
    assert info.synthetic


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 no zip", b"text\n", None])
def test_truncated_or_foreign_file(packed, tmp_path, content):
    path = tmp_path / "broken.npz"
    whole = packed.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(UserError, match=r"broken\.npz is damaged or was not written by"):
        load_beats(path, [100])


def test_bits_flipped_inside_an_array(packed, tmp_path):
    path = tmp_path / "broken.npz"
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.npz is damaged"):
        load_beats(path, read_info(packed).records)


def test_npz_of_something_else(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.arange(3))
    with pytest.raises(UserError, match=r"other\.npz .*pack mitdb"):
        load_beats(tmp_path / "other.npz", [100])


def test_file_of_another_format_version(packed, tmp_path):
    with np.load(packed) as stored:
        np.savez(tmp_path / "next.npz", **{**stored, "format": "ecglib-mitdb-2"})
    with pytest.raises(UserError, match=r"next\.npz .*pack mitdb"):
        load_beats(tmp_path / "next.npz", [100])


def test_record_or_lead_that_was_not_packed(packed):
    with pytest.raises(UserError, match=r"has no record 102.*no MLII"):
        load_beats(packed, [100, 102])
    with pytest.raises(UserError, match="record 100 has no lead 'V1'; it has MLII"):
        load_beats(packed, [100], lead="V1")


def test_folder_without_records(tmp_path):
    with pytest.raises(UserError, match="holds no record of MIT-BIH"):
        pack_mitdb(tmp_path, tmp_path / "p.npz")


def test_failed_packing_leaves_the_old_file(tmp_path):
    write_records(tmp_path, [100, 101], minutes=1)
    out = tmp_path / "p.npz"
    out.write_text("old")
    (tmp_path / "101.dat").write_bytes(b"too short")
    with pytest.raises(UserError, match="truncated"):
        pack_mitdb(tmp_path, out)
    assert out.read_text() == "old"


def test_packed_file_needs_neither_wfdb_nor_platformdirs(packed):
    code = f"""
import sys
for name in ("wfdb", "platformdirs", "matplotlib", "IPython", "sklearn"):
    sys.modules[name] = None  # importing it raises ImportError
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.find.search import find
source = find(data_root={str(packed)!r}, records=[100, 101])
assert len(load_beats(source.path, [100, 101])) > 100
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
