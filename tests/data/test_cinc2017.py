import shutil
import warnings
import zipfile

import numpy as np
import pytest
from scipy.signal import resample_poly

from ecglib.data.find import archive
from ecglib.data.sets import load
from ecglib.system.errors import UserError

from .made import write_challenge, write_cinc, zipped


@pytest.fixture
def two(tmp_path):
    """Two recordings of 10 s and 40 s in a folder: (folder, name -> ADC units)."""
    rng = np.random.default_rng(1)
    units = {"A00001": rng.integers(-900, 900, 3000), "A00002": rng.integers(-900, 900, 12000)}
    return write_cinc(tmp_path / "set", units, {"A00002": "~", "A00001": "A"}), units


def test_counts_of_the_published_data_set(cinc2017_root):
    recordings = load("cinc2017", cinc2017_root)
    assert len(recordings) == 8528
    assert recordings.classes == ("N", "A", "O", "~")
    assert np.bincount(recordings.label).tolist() == [5076, 758, 2415, 279]
    assert recordings.signal.shape == (8528, 5120)
    assert (recordings.n_samples.min(), recordings.n_samples.max()) == (1357, 4500)
    assert 0.1 < np.median(recordings.signal.max(axis=1)) < 3  # mV


def test_first_30_s_at_150_hz_in_mv(two):
    folder, units = two
    recordings = load("cinc2017", folder)
    assert recordings.recording.tolist() == ["A00001", "A00002"]
    assert [recordings.classes[i] for i in recordings.label] == ["A", "~"]
    assert recordings.n_samples.tolist() == [1500, 4500]
    assert (recordings.fs, recordings.source) == (150.0, "cinc2017")
    for row, n in enumerate(recordings.n_samples):
        millivolts = units[recordings.recording[row]][: 2 * n] / 1000
        expected = resample_poly(millivolts, 1, 2)[20 : n - 20]  # the ends are held, see above
        np.testing.assert_allclose(recordings.signal[row, 20 : n - 20], expected, atol=1e-5)
        assert not recordings.signal[row, n:].any()


def assert_same(one, other):
    for name in ("signal", "label", "recording", "n_samples"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_zip_and_unpacked_folders_are_the_same(two, tmp_path):
    folder, _ = two
    expected = load("cinc2017", folder)
    place = tmp_path / "zip"
    place.mkdir()
    shutil.copy(folder / "REFERENCE-v3.csv", place)
    zipped(folder, place / "training2017.zip")
    assert_same(load("cinc2017", place), expected)
    assert_same(load("cinc2017", place / "training2017.zip"), expected)
    unpacked = tmp_path / "unpacked"
    shutil.copytree(folder, unpacked / "training2017")
    shutil.move(unpacked / "training2017" / "REFERENCE-v3.csv", unpacked)
    assert_same(load("cinc2017", unpacked), expected)


def test_second_load_comes_from_the_cache(two, monkeypatch):
    folder, _ = two
    expected = load("cinc2017", folder)
    monkeypatch.setattr(archive.Files, "opened", None)  # nothing is read
    assert_same(load("cinc2017", folder), expected)
    with pytest.raises(TypeError):
        load("cinc2017", folder, length=100)


def test_last_revision_of_the_labels_counts(two):
    folder, _ = two
    (folder / "REFERENCE.csv").write_text("A00001,O\nA00002,O\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load("cinc2017", folder).label.tolist() == [1, 3]
    (folder / "REFERENCE-v3.csv").unlink()
    with pytest.warns(UserWarning, match=r"REFERENCE\.csv, since REFERENCE-v3\.csv"):
        assert load("cinc2017", folder).label.tolist() == [2, 2]
    (folder / "REFERENCE.csv").unlink()
    with pytest.raises(UserError, match=r"no labels: put REFERENCE-v3\.csv beside"):
        load("cinc2017", folder)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("A00001,A\n", "no label for 1 of 2 recordings .A00002 first"),
        ("A00001,A\nA00002,X\n", "has the row 'A00002,X'"),
        ("A00001,A\nA000", "has the row 'A000'"),
        ("", "no label for 2 of 2"),
    ],
)
def test_bad_labels(two, reference, message):
    (two[0] / "REFERENCE-v3.csv").write_text(reference)
    with pytest.raises(UserError, match=message):
        load("cinc2017", two[0])


def invalid(folder):
    write_cinc(folder, {"A00001": [5, -(2**15), 7]}, {"A00001": "N", "A00002": "N"})


def empty(folder):
    write_challenge(folder, "A00001", np.zeros((1, 0)), fs=300, leads=("ECG",))


def other_rate(folder):
    write_challenge(folder, "A00001", np.ones((1, 900)), fs=500, leads=("ECG",))


def other_unit(folder):
    write_challenge(folder, "A00001", np.ones((1, 9)), fs=300, leads=("ECG",), gain="1000/uV")


def fewer_samples(folder):
    header = (folder / "A00001.hea").read_text()
    write_challenge(folder, "A00001", np.ones((1, 900)), fs=300, leads=("ECG",))
    (folder / "A00001.hea").write_text(header)


DAMAGE = {
    "A00001 has [12] samples that are NaN or marked invalid": invalid,
    "A00001 is empty": empty,
    "A00001 has 500 Hz and not 300": other_rate,
    r"A00001\.hea has a lead that is not in mV": other_unit,
    r"A00001\.mat has 1,824 bytes, but by its header 6,024": fewer_samples,
    r"A00001\.mat has no A00001\.hea": lambda f: (f / "A00001.hea").unlink(),
    r"A00001\.hea is damaged": lambda f: (f / "A00001.hea").write_bytes(b"A00001 1 300\n"),
    r"A00001\.mat has 30 bytes": lambda f: (f / "A00001.mat").write_bytes(b"\0" * 30),
}


@pytest.mark.parametrize(
    "reference",
    [
        "\ufeffA00001,N\r\nA00002,A\r\n",
        "A00001,N\nA00002,A\n\n",
        "A00001,N\n\n\nA00002,A\n \n,\n",
        "\ufeffA00001;N\r\nA00002;A\r\n;\r\n",
        "A00001 , N\nA00002, A",
    ],
)
def test_labels_that_went_through_a_spreadsheet(two, reference):
    (two[0] / "REFERENCE-v3.csv").write_bytes(reference.encode())
    assert load("cinc2017", two[0]).label.tolist() == [0, 1]


@pytest.mark.parametrize("message", DAMAGE)
def test_damaged_recordings(two, message):
    DAMAGE[message](two[0])
    with pytest.raises(UserError, match=message):
        load("cinc2017", two[0])


@pytest.mark.parametrize("kept", [0, 3, 19, 23, 24, 100])
def test_truncated_matrix(two, kept):
    path = two[0] / "A00001.mat"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=rf"A00001\.mat has {kept} bytes, but by its"):
        load("cinc2017", two[0])


def test_damaged_zip(two, tmp_path):
    path = zipped(two[0], tmp_path / "training2017.zip")
    shutil.copy(two[0] / "REFERENCE-v3.csv", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"training2017\.zip is damaged or no zip"):
        load("cinc2017", tmp_path)
    flipped = bytearray(whole)
    with zipfile.ZipFile(zipped(two[0], path)) as archive_file:
        start = archive_file.getinfo("training2017/A00002.mat").header_offset
    flipped[start + 500] ^= 0xFF
    path.write_bytes(flipped)
    with pytest.raises(UserError, match=r"A00002\.mat in .* is damaged"):
        load("cinc2017", tmp_path)


@pytest.mark.parametrize("member", ["../A00003.mat", "/A00003.mat", "a\\..\\..\\A00003.mat"])
def test_zip_with_a_path_that_leads_out(two, tmp_path, member):
    path = zipped(two[0], tmp_path / "training2017.zip")
    with zipfile.ZipFile(path, "a") as archive_file:
        archive_file.writestr(member, b"")
    with pytest.raises(UserError, match="whose path leads out of it"):
        load("cinc2017", path)


def test_member_larger_than_any_recording(two, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 10_000)
    path = zipped(two[0], tmp_path / "training2017.zip")
    shutil.copy(two[0] / "REFERENCE-v3.csv", tmp_path)
    with pytest.raises(UserError, match=r"A00002\.mat in .* has more than 10,000 bytes"):
        load("cinc2017", path, length=77)  # a length that no cache has


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="holds no recordings of CinC 2017"):
        load("cinc2017", tmp_path)
    with pytest.raises(UserError, match="holds no recordings of CinC 2017"):
        load("cinc2017", tmp_path / "nowhere")
    with pytest.raises(UserError, match="length is 0"):
        load("cinc2017", tmp_path, length=0)
