"""Places for outputs: refused before work starts, and never what was read."""

import os

import pytest

from ecglib.system.errors import UserError
from ecglib.system.files import check_folder, check_target


@pytest.fixture
def read(tmp_path):
    """A file that a command reads."""
    path = tmp_path / "read.dat"
    path.write_bytes(b"samples")
    return path


def other_names(read):
    folder = read.parent
    (folder / "sub").mkdir()
    (folder / "symbolic").symlink_to(read)
    (folder / "folder").symlink_to(folder)
    os.link(read, folder / "hard")
    return [
        read,
        folder / "sub" / ".." / "read.dat",
        os.path.relpath(read),
        folder / "symbolic",
        folder / "folder" / "read.dat",
        folder / "hard",
    ]


@pytest.mark.parametrize("force", [False, True])
def test_what_was_read_is_refused_under_each_of_its_names(read, force):
    for path in other_names(read):
        with pytest.raises(UserError, match="never written over"):
            check_target(path, [read], force=force)


def test_two_outputs_are_not_one_file_even_if_none_is_there_yet(tmp_path):
    with pytest.raises(UserError, match="never written over"):
        check_target(tmp_path / "a" / ".." / "x.csv", [tmp_path / "x.csv"])


def test_an_existing_output_asks_for_force(read, tmp_path):
    check_target(tmp_path / "new.csv", [read])
    for path in (tmp_path / "old.csv", tmp_path / "link.csv"):
        if path.name == "old.csv":
            path.write_text("kept")
        else:  # what it points at is missing, so it does not "exist"
            path.symlink_to(tmp_path / "nowhere")
        with pytest.raises(UserError, match="--force"):
            check_target(path, [read])
        check_target(path, [read], force=True)
    assert (tmp_path / "old.csv").read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "folder"),
        ("nowhere/x.csv", "nowhere"),
        ("read.dat/x.csv", "read.dat"),
        ("/proc/x.csv", "/proc/x.csv"),
        ("/dev/null", "device"),
        ("pipe", "device"),
        ("x" * 250, "too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_even_with_force(read, name, words):
    os.mkfifo(read.with_name("pipe"))
    before = sorted(read.parent.iterdir())
    for force in (False, True):
        with pytest.raises(UserError, match=r"^cannot write") as error:
            check_target(read.parent / name, force=force)
        assert words in str(error.value)
    assert sorted(read.parent.iterdir()) == before  # nothing is left of the trial


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "ro")])
def test_a_folder_that_refuses_is_said_with_its_reason(tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    for check in (lambda: check_target(tmp_path / "x.csv"), lambda: check_folder(tmp_path)):
        with pytest.raises(UserError, match=f"cannot write.*{error.strerror}"):
            check()


def test_a_folder_of_outputs_is_made(read, tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    with pytest.raises(UserError, match=r"cannot write.*read\.dat is a file; name"):
        check_folder(read / "runs")
