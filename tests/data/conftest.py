"""Recordings of the rhythm data sets, real ones where they are at hand."""

import os
from pathlib import Path

import pytest

from ecglib.data.synthetic_recordings import write_cinc2017

from .made import MARKS


def _real(name, mark):
    root = Path(os.environ.get("ECG_DATA", "/nonexistent")) / name
    if not (root / mark).is_file():
        pytest.skip(f"{name} is not at hand: set ECG_DATA to the folder above it")
    return root


@pytest.fixture(scope="session", params=MARKS)
def real_rhythm(request):
    """Name and folder of a real data set, one after the other."""
    return request.param, _real(request.param, MARKS[request.param])


@pytest.fixture(scope="session")
def cinc2017_root():
    """Folder with the real CinC 2017; skips where there is none."""
    return _real("cinc2017", MARKS["cinc2017"])


@pytest.fixture(scope="session")
def chapman_root():
    """Folder with (a part of) the real Chapman-Shaoxing."""
    return _real("chapman", MARKS["chapman"])


@pytest.fixture(scope="session")
def cpsc2018_root():
    """Folder with (a part of) the real CPSC 2018."""
    return _real("cpsc2018", MARKS["cpsc2018"])


@pytest.fixture(scope="session")
def synthetic_cinc2017(tmp_path_factory):
    """Folder with twelve invented recordings. Read-only by agreement."""
    root = tmp_path_factory.mktemp("cinc2017")
    write_cinc2017(root, 3, seed=5)
    return root
