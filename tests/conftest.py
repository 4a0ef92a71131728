"""Data for all tests: real recordings where they are at hand, synthetic ones everywhere."""

import os
from pathlib import Path

import pytest
import torch

from ecglib.data.find import search
from ecglib.data.synthetic import write_records

torch.set_num_threads(1)  # tiny networks: threads that wait for a core cost more

SYNTHETIC_DS1 = (101, 106, 118, 124, 207, 223)
SYNTHETIC_DS2 = (100, 103, 202, 232)


@pytest.fixture(scope="session", autouse=True)
def _isolated_cache(tmp_path_factory):
    """Keep the user's own cache out of the tests, and the tests out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def synthetic_root(tmp_path_factory):
    """Folder with ten synthetic records of six minutes. Read-only by agreement."""
    root = tmp_path_factory.mktemp("synthetic")
    write_records(root, SYNTHETIC_DS1 + SYNTHETIC_DS2, minutes=6)
    return root


@pytest.fixture(scope="session")
def source(synthetic_root):
    """The same records, as `find` gives them to a study."""
    return search.find(data_root=synthetic_root, records=SYNTHETIC_DS1 + SYNTHETIC_DS2)


@pytest.fixture(scope="session")
def mitdb_root():
    """Folder with the real MIT-BIH database; skips where there is none."""
    root = Path(os.environ.get("ECG_DATA", "/nonexistent")) / "mitdb"
    if not (root / "100.hea").is_file():
        pytest.skip("the MIT-BIH database is not at hand: set ECG_DATA to the folder above it")
    return root
