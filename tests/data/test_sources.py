import shutil

import numpy as np
import platformdirs
import pytest

from ecglib.data.find import search as sources
from ecglib.data.find.identity import identity, identity_of, sha256_of
from ecglib.data.find.search import find
from ecglib.data.sets import get, load
from ecglib.system.errors import UserError

from .made import write_chapman, zipped


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The three usual places, empty: (ECG_DATA, data/ in the repository, downloads)."""
    folders = tmp_path / "env", tmp_path / "repository" / "data", tmp_path / "user"
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.setenv("ECG_DATA", str(folders[0]))
    monkeypatch.setattr(sources, "REPO", tmp_path / "repository")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name: str(folders[2]))
    return folders


@pytest.mark.parametrize("name", ["mitdb", "cinc2017"])
def test_search_order(places, synthetic_root, synthetic_cinc2017, name):
    made = synthetic_root if name == "mitdb" else synthetic_cinc2017
    for origin, number in (("download", 2), ("repository", 1), ("ECG_DATA", 0)):
        folder = shutil.copytree(made, places[number] / name)
        source = find(name)
        assert (source.origin, source.path) == (origin, folder)
    elsewhere = find(name, made)
    assert (elsewhere.origin, elsewhere.path, elsewhere.synthetic) == ("data_root", made, True)
    packed = places[1] / f"{name}.npz"
    get(name).pack(made, packed)
    assert find(name, packed).path == packed
    shutil.rmtree(places[0] / name), shutil.rmtree(places[1] / name)
    for beside in (find(name), find(name, places[1])):  # a folder that holds the packed file
        assert (beside.path, beside.sha256) == (packed, elsewhere.sha256)


def test_place_with_only_some_records_is_passed_over(places, synthetic_root):
    shutil.copytree(synthetic_root, places[0], dirs_exist_ok=True)
    (places[0] / "101.hea").unlink()
    shutil.copytree(synthetic_root, places[1], dirs_exist_ok=True)
    assert find(records=[100]).origin == "ECG_DATA"
    assert find(records=[100, 101]).origin == "repository"


def test_a_packed_file_may_lack_records(tmp_path, synthetic_root):
    packed = tmp_path / "mitdb.npz"
    get("mitdb").pack(synthetic_root, packed)
    with pytest.raises(UserError, match=r"lacks 1 of the records asked for: 105"):
        find(data_root=packed, records=[100, 105])


def test_wrong_data_root_is_an_error_whatever_else_there_is(places, synthetic_root, tmp_path):
    shutil.copytree(synthetic_root, places[0] / "mitdb")
    with pytest.raises(UserError, match="nowhere does not exist"):
        find(data_root=tmp_path / "nowhere", records=[100])
    with pytest.raises(UserError, match=r"lacks 1 of the records asked for: 100"):
        find(data_root=places[1], records=[100], allow_synthetic=True)


def test_nothing_found_says_what_to_do(places):
    with pytest.raises(UserError, match=r"fetch mitdb.*data_root.*ECG_DATA"):
        find(records=[100])


def test_without_records_any_will_do(places, synthetic_root):
    shutil.copytree(synthetic_root, places[1] / "mitdb")
    (places[1] / "mitdb" / "100.hea").unlink()
    assert find("mitdb").path == places[1] / "mitdb"
    with pytest.raises(UserError, match="holds no record of MIT-BIH"):
        find("mitdb", places[0])


def test_invented_records_must_be_named(places):
    with pytest.raises(UserError, match="records is empty"):
        find("mitdb", allow_synthetic=True)


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
    assert get("mitdb").present(source.path) == (103, 114)
    written = (source.path / "103.dat").stat().st_mtime_ns
    assert find(records=[103, 114], allow_synthetic=True).sha256 == source.sha256
    assert (source.path / "103.dat").stat().st_mtime_ns == written  # not made again


def test_a_synthetic_patient_who_lost_a_file_is_made_again(places, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    source = find(records=[103], allow_synthetic=True)
    (source.path / "103.atr").unlink()
    assert find(records=[103], allow_synthetic=True) == source


@pytest.mark.parametrize("name", ["mitdb", "cinc2017"])
def test_synthetic_patients_who_cannot_be_written(places, tmp_path, monkeypatch, name):
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=r"cannot write invented .*cache.* set .*ECGLIB_CACHE"):
        find(name, records=[103], allow_synthetic=True)


def test_identity_depends_on_every_byte(synthetic_root, tmp_path):
    copy = shutil.copytree(synthetic_root, tmp_path / "copy")
    assert identity_of(copy, [100, 101]) == identity_of(synthetic_root, [101, 100])
    annotations = bytearray((copy / "101.atr").read_bytes())
    annotations[40] ^= 1
    (copy / "101.atr").write_bytes(annotations)
    assert identity_of(copy, [100, 101]) != identity_of(synthetic_root, [100, 101])
    assert identity_of(copy, [100]) == identity_of(synthetic_root, [100])


def test_one_data_root_for_several_data_sets(places, synthetic_root, synthetic_cinc2017):
    shutil.copytree(synthetic_root, places[0] / "mitdb")
    shutil.copytree(synthetic_cinc2017, places[0] / "cinc2017")
    write_chapman(places[0] / "chapman", ["SB", "AF"])
    found = {name: find(name, places[0]).path for name in ("cinc2017", "chapman")}
    found["mitdb"] = find("mitdb", places[0], records=[100]).path
    assert all(path == places[0] / name for name, path in found.items())
    with pytest.raises(UserError, match="holds no recordings of CPSC 2018"):
        find("cpsc2018", places[0])


def test_recordings_not_found_says_what_to_do(places):
    for name in ("cinc2017", "chapman", "cpsc2018"):
        with pytest.raises(UserError, match=rf"fetch {name}.*data_root.*ECG_DATA"):
            find(name)
        with pytest.raises(UserError, match="holds no recordings"):
            find(name, places[0])
    for name in ("chapman", "cpsc2018"):
        with pytest.raises(UserError, match="was not found"):
            find(name, allow_synthetic=True)


def test_packed_file_of_another_data_set(places, synthetic_root):
    packed = places[0] / "packed.npz"
    get("mitdb").pack(synthetic_root, packed)
    with pytest.raises(UserError, match=r"packed\.npz .*pack cinc2017"):
        find("cinc2017", packed)


def test_invented_recordings_only_if_allowed(places, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    source = find("cinc2017", allow_synthetic=True)
    assert (source.origin, source.synthetic) == ("synthetic", True)
    assert source.describe().startswith("Synthetic patients, not recordings")
    assert np.bincount(load("cinc2017", source.path).label).tolist() == [40] * 4
    table = source.path / "REFERENCE-v3.csv"
    written = table.stat().st_mtime_ns
    assert find("cinc2017", allow_synthetic=True).sha256 == source.sha256
    assert table.stat().st_mtime_ns == written  # not made again


def test_description_says_how_much_is_there(places, synthetic_cinc2017):
    write_chapman(places[0], ["SB", "AF"])
    described = find("chapman").describe()
    assert described.startswith("Chapman-Shaoxing, 2 of the 10,646 recordings published: ")
    assert "from $ECG_DATA" in described


def test_description_of_the_real_database(mitdb_root):
    source = find(data_root=mitdb_root, records=[100])
    assert "MIT-BIH, all 48 records as published" in source.describe()
    assert not source.synthetic


def test_description_of_the_real_data_sets(real_rhythm):
    name, root = real_rhythm
    described = find(name, root).describe()
    expected = {
        "cinc2017": "CinC 2017, all 8,528 recordings as published",
        "chapman": "Chapman-Shaoxing, 1,074 of the 10,646 recordings published",
        "cpsc2018": "CPSC 2018, 150 of the 6,877 recordings published",
    }
    assert described.startswith(expected[name])


def test_identity_of_recordings_is_that_of_zip_and_labels(tmp_path, synthetic_cinc2017):
    path = zipped(synthetic_cinc2017, tmp_path / "training2017.zip")
    shutil.copy(synthetic_cinc2017 / "REFERENCE-v3.csv", tmp_path)
    table = tmp_path / "REFERENCE-v3.csv"
    before = find("cinc2017", tmp_path).sha256
    assert before == identity({f.name: sha256_of(f) for f in (path, table)})
    table.write_text(table.read_text() + "A99999,N\n")
    assert find("cinc2017", tmp_path).sha256 != before


def test_a_folder_that_the_environment_names_must_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("ECG_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"ECG_DATA names .*nowhere, which does not exist"):
        find(records=[100])


def test_a_database_there_in_part_is_named_whatever_is_used_instead(
    synthetic_root, tmp_path, monkeypatch
):
    for path in synthetic_root.glob("100.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("ECG_DATA", str(tmp_path))
    invented = find("mitdb", records=[100, 101, 118], allow_synthetic=True)
    for said in (f"{tmp_path} lacks 2 of the records", "101, 118", "Synthetic"):
        assert said in invented.describe()
    with pytest.raises(UserError, match="lacks 2 of the records asked for"):
        find("mitdb", records=[100, 101, 118])
