import shutil

import platformdirs
import pytest

from ecglib.data import sources
from ecglib.data.files import identity_of, records_in
from ecglib.data.pack import pack_mitdb
from ecglib.data.sources import find
from ecglib.errors import UserError


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three usual places, empty: (ECG_DATA, data/ in the repository, downloads)."""
    folders = tmp_path / "env", tmp_path / "repository" / "data", tmp_path / "user"
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.setenv("ECG_DATA", str(folders[0]))
    monkeypatch.setattr(sources, "_REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(folders[2]))
    return folders


def test_real_database_is_known_as_published(mitdb_root):
    source = find(data_root=mitdb_root, records=[100])
    assert "every file as PhysioNet published it" in source.describe()
    assert not source.synthetic


def test_search_order(places, synthetic_root):
    for origin, folder in reversed(
        list(zip(("ECG_DATA", "repository", "download"), places, strict=True))
    ):
        shutil.copytree(synthetic_root, folder / "mitdb")
        source = find(records=[100, 101])
        assert (source.origin, source.path) == (origin, folder / "mitdb")
    elsewhere = find(data_root=synthetic_root, records=[100])
    assert (elsewhere.origin, elsewhere.path) == ("data_root", synthetic_root)


def test_place_with_only_some_records_is_passed_over(places, synthetic_root):
    shutil.copytree(synthetic_root, places[0], dirs_exist_ok=True)
    (places[0] / "101.hea").unlink()
    shutil.copytree(synthetic_root, places[1], dirs_exist_ok=True)
    assert find(records=[100]).origin == "ECG_DATA"
    assert find(records=[100, 101]).origin == "repository"


def test_data_root_may_be_a_packed_file(tmp_path, synthetic_root):
    packed = tmp_path / "mitdb.npz"
    pack_mitdb(synthetic_root, packed)
    records = records_in(synthetic_root)
    source = find(data_root=packed, records=records)
    assert source.path == packed
    assert source.sha256 == find(data_root=synthetic_root, records=records).sha256
    with pytest.raises(UserError, match=r"lacks 1 of the records asked for .105 first"):
        find(data_root=packed, records=[100, 105])


def test_wrong_data_root_is_an_error_whatever_else_there_is(places, synthetic_root, tmp_path):
    shutil.copytree(synthetic_root, places[0] / "mitdb")
    with pytest.raises(UserError, match="nowhere does not exist"):
        find(data_root=tmp_path / "nowhere", records=[100])
    with pytest.raises(UserError, match=r"lacks 1 of the records asked for .100 first"):
        find(data_root=places[1], records=[100], allow_synthetic=True)


def test_nothing_found_says_what_to_do(places):
    with pytest.raises(UserError, match=r"fetch mitdb.*data_root.*ECG_DATA"):
        find(records=[100])


def test_unknown_data_set(places):
    with pytest.raises(UserError, match="'ptbxl'"):
        find("ptbxl", records=[100])


def test_download_only_if_asked_for(places, synthetic_root, monkeypatch):
    def fake_fetch(name):
        return shutil.copytree(synthetic_root, places[2] / name)

    monkeypatch.setattr(sources, "fetch", fake_fetch)
    source = find(records=[100], download=True, allow_synthetic=True)
    assert (source.origin, source.path) == ("download", places[2] / "mitdb")


def test_synthetic_patients_only_if_allowed(places, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    source = find(records=[114, 103], allow_synthetic=True)
    assert (source.origin, source.synthetic) == ("synthetic", True)
    assert source.describe().startswith("Synthetic patients, not recordings")
    assert records_in(source.path) == (103, 114)
    written = (source.path / "103.dat").stat().st_mtime_ns
    assert find(records=[103, 114], allow_synthetic=True).sha256 == source.sha256
    assert (source.path / "103.dat").stat().st_mtime_ns == written  # not made again


def test_synthetic_data_root_says_so(synthetic_root):
    assert find(data_root=synthetic_root, records=[100]).synthetic


def test_identity_depends_on_every_byte(synthetic_root, tmp_path):
    copy = shutil.copytree(synthetic_root, tmp_path / "copy")
    assert identity_of(copy, [100, 101]) == identity_of(synthetic_root, [101, 100])
    annotations = bytearray((copy / "101.atr").read_bytes())
    annotations[40] ^= 1
    (copy / "101.atr").write_bytes(annotations)
    assert identity_of(copy, [100, 101]) != identity_of(synthetic_root, [100, 101])
    assert identity_of(copy, [100]) == identity_of(synthetic_root, [100])
