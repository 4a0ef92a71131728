"""Checkpoints: bit for bit there and back, and never a damaged one."""

import pytest
import torch

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.training import checkpoints

STORY = {"loss": [1.5, 0.25], "score": [], "seconds": 2.5}


@pytest.fixture
def state():
    torch.manual_seed(0)
    return ECGNet(ECGNetConfig((1, 2, 3, 4, 5), norm="batch")).state_dict()


def test_what_is_saved_is_loaded(tmp_path, state):
    path = tmp_path / "new folder" / "network.npz"
    checkpoints.save(path, state, STORY)
    loaded, story = checkpoints.load(path)
    assert story == STORY
    assert list(loaded) == list(state)
    for name, tensor in state.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor), name
    assert [file.name for file in path.parent.iterdir()] == ["network.npz"]  # nothing aside


def test_no_file_is_no_checkpoint(tmp_path):
    assert checkpoints.load(tmp_path / "absent.npz") is None


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04"])
def test_a_foreign_file_is_no_checkpoint(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert checkpoints.load(path) is None


def test_a_truncated_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "a.npz"
    checkpoints.save(path, {"w": torch.arange(40.0)}, STORY)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert checkpoints.load(path) is None, f"{length} of {len(whole)} bytes"


def test_a_damaged_byte_never_goes_unnoticed(tmp_path):
    """Either the file is refused, or the byte mattered to nobody."""
    path, weights = tmp_path / "a.npz", torch.arange(6.0)
    checkpoints.save(path, {"w": weights}, STORY)
    whole = path.read_bytes()
    entries = [place for place in range(len(whole)) if whole[place:][:4] == b"PK\1\2"]
    encrypted = {(place + 8, 1) for place in entries}
    assert len(encrypted) == 2  # flags of zip's directory, where a bit asks for a password
    for place, bits in {(place, 0xFF) for place in range(len(whole))} | encrypted:
        damaged = bytearray(whole)
        damaged[place] ^= bits
        path.write_bytes(damaged)
        loaded = checkpoints.load(path)
        if loaded is not None:
            assert loaded[0].keys() == {"w"}
            assert torch.equal(loaded[0]["w"], weights)
            assert loaded[1] == STORY


def test_a_checkpoint_is_made_once(tmp_path, state):
    calls = []

    def make():
        calls.append(1)
        return state, STORY

    path = tmp_path / "a.npz"
    for _ in range(3):
        loaded, story = checkpoints.cached(path, make)
        assert story == STORY
        assert torch.equal(loaded["fc1.weight"], state["fc1.weight"])
    assert len(calls) == 1
    path.write_bytes(path.read_bytes()[:1000])  # as if the disk had been full
    checkpoints.cached(path, make)
    assert len(calls) == 2


def test_a_failing_training_leaves_no_checkpoint(tmp_path):
    def make():
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        checkpoints.cached(tmp_path / "a.npz", make)
    assert not list(tmp_path.iterdir())
