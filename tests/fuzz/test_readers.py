"""No file, however damaged or forged, breaks a reader: it is read, or refused in one sentence.

`ECG_FUZZ=1000 python -m pytest tests/fuzz` changes each file a thousand times instead of a few.
"""

import os
import pickle
import signal
import zlib
from contextlib import contextmanager

import numpy as np
import pytest

from ecglib.errors import UserError

from .mutate import mutated
from .readers import READERS

TIMES = int(os.environ.get("ECG_FUZZ", "25"))
MOST_BYTES = 1 << 30
LONGEST_S = 30  # for one file; a hang is what this ends, slowness is no failure


class Hang(BaseException):
    """Not an `Exception`, which readers turn into a sentence."""


@contextmanager
def bounded():
    """No more than a gigabyte beside what is in use, and no file that takes for ever."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()

    def stop(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MOST_BYTES, hard))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def complaint(read, folder):
    """What a reader does wrong with the files in a folder; None if nothing."""
    signal.alarm(LONGEST_S)
    try:
        read(folder)
    except UserError as error:
        if "\n" in str(error).strip():
            return f"more than one line: {error}"
        if isinstance(error.__cause__, MemoryError):
            return "asked for more memory than there is"
    except BaseException as error:
        return repr(error)[:300]
    finally:
        signal.alarm(0)


def paths_beside(folder):
    """What lies around a folder and not in it, two levels up."""
    return {path for path in folder.parents[1].rglob("*") if folder not in path.parents}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder for a reader's files; nothing may appear beside it, nor is anything cached."""
    pytest.importorskip("resource")
    monkeypatch.setenv("ECGLIB_CACHE", os.devnull)
    folder = tmp_path / "deep" / "files"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_changed_files(name, place):
    reader = READERS[name]
    if name == "spreadsheet":
        pytest.importorskip("openpyxl")
    reader.make(place)
    reader.read(place)  # what is valid is read
    files = sorted(path for path in place.glob(reader.targets) if path.is_file())
    content = {path: path.read_bytes() for path in files}
    beside = paths_beside(place)
    wrong = {}
    with bounded():
        for number in range(TIMES):
            rng = np.random.default_rng([zlib.crc32(name.encode()), number])
            path = files[rng.integers(len(files))]
            change = reader.inner if reader.inner and rng.random() < 0.6 else mutated
            path.write_bytes(change(rng, content[path]))
            said = complaint(reader.read, place)
            if said:
                wrong[number] = f"{path.name}: {said}"
            path.write_bytes(content[path])
    assert wrong == {}
    assert paths_beside(place) == beside


class Trap:
    """Leaves a file behind when somebody unpickles it."""

    def __reduce__(self):
        return open, ("sprung", "w")


@pytest.mark.parametrize("name", [n for n, r in READERS.items() if r.targets.endswith("npz")])
@pytest.mark.parametrize("form", ["pickle", "objects", "objects for all"])
def test_nothing_is_unpickled(name, place, form):
    reader = READERS[name]
    reader.make(place)
    (path,) = place.glob(reader.targets)
    trap = np.array([Trap()], dtype=object)
    if form == "pickle":
        path.write_bytes(pickle.dumps(Trap()))
    else:
        with np.load(path, allow_pickle=False) as stored:
            kept = {} if form == "objects for all" else dict(stored)
            arrays = kept | dict.fromkeys(list(stored)[-2:] if kept else stored, trap)
        np.savez(path, **arrays)
    try:
        reader.read(place)
    except UserError:
        pass
    else:
        assert name == "cache"  # which is made anew without a word
    assert not (place / "sprung").exists()
