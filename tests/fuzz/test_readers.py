"""No file, however damaged or forged, breaks a reader: it is read, or refused in one sentence;
`ECG_FUZZ=1000 python -m pytest tests/fuzz` changes each file a thousand times."""

import os
import pickle
import zlib

import numpy as np
import pytest

from ecglib.system.errors import UserError
from tests.tools import package

from .bounds import bounded, complaint, paths_beside
from .mutate import mutated
from .readers import READERS

TIMES = int(os.environ.get("ECG_FUZZ", "60"))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_changed_files(name, place):
    reader = READERS[name]
    if name == "spreadsheet":
        package("openpyxl")
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
