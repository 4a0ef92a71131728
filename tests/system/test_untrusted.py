"""What every reader relies on: one sentence, bounded bytes, arrays as large as they say."""

import json
import zipfile

import numpy as np
import pytest

from ecglib.system import untrusted
from ecglib.system.errors import UserError


@pytest.mark.parametrize("error", [IndexError, MemoryError, RecursionError, zipfile.BadZipFile])
def test_any_exception_becomes_the_sentence(error):
    sentence = "a is damaged"
    with pytest.raises(UserError) as caught, untrusted.refused(sentence):
        raise error
    assert str(caught.value) == sentence
    assert isinstance(caught.value.__cause__, error)


def test_sentences_and_interruptions_pass():
    with pytest.raises(UserError, match=r"^b$"), untrusted.refused("a"):
        raise UserError("b")
    with pytest.raises(KeyboardInterrupt), untrusted.refused("a"):
        raise KeyboardInterrupt


def test_no_more_bytes_than_allowed(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert untrusted.read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(ValueError, match="a has more than 4 bytes"):
        untrusted.read_bytes(tmp_path / "a", 4)
    with pytest.raises(OSError, match="it is no file"):
        untrusted.read_bytes(tmp_path, 4)


def test_json_is_bounded(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text(json.dumps({"ä": [1, None]}))
    assert untrusted.read_json(tmp_path / "a.json") == {"ä": [1, None]}
    monkeypatch.setattr(untrusted, "MAX_JSON_BYTES", 5)
    with pytest.raises(ValueError, match="more than 5 bytes"):
        untrusted.read_json(tmp_path / "a.json")


def test_members_are_bounded(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", "12345")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert untrusted.read_member(archive, "x", 5) == b"12345"
        with pytest.raises(ValueError, match="more than 4 bytes"):
            untrusted.read_member(archive, "x", 4)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_those_that_were_saved(tmp_path, save):
    arrays = {
        "text": np.array("ä"), "empty": np.zeros((0, 3)), "scalar": np.float32(2),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "names": np.array(["N", "+"]),
    }  # fmt: skip
    save(tmp_path / "a.npz", **arrays)
    with untrusted.opened_npz(tmp_path / "a.npz", 10_000) as stored:
        assert set(stored) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(stored[name], array)
            assert stored[name].dtype == array.dtype


def test_what_is_no_zip_of_arrays_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    np.savez(tmp_path / "b.npz", x=np.array([{}], dtype=object))
    for name in ("a.npy", "b.npz"):
        with (
            pytest.raises(ValueError, match=r"no zip|what its header says"),
            untrusted.opened_npz(tmp_path / name, 10_000),
        ):
            pass
