"""An invented record, and beats of it that somebody labelled."""

import pytest

from ecglib.deploy import shipped
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording

from .teaching import call, filled, truth_of


@pytest.fixture(scope="module")
def record(synthetic_root):
    """Path of an invented record of six minutes."""
    return synthetic_root / "232"


@pytest.fixture(scope="module")
def lead(record):
    return read_lead(open_recording(record))


@pytest.fixture(scope="module")
def sample(record, lead):
    return open_recording(record).annotations("atr", lead.fs)[0]


@pytest.fixture(scope="module")
def network():
    return shipped.load()


@pytest.fixture(scope="module")
def asked(record, tmp_path_factory):
    """Folder with a table of eight beats that was filled in, and its page."""
    folder = tmp_path_factory.mktemp("asked")
    table = folder / "ask.csv"
    assert call("ask", record, "--labels", 8, "--annotations", "atr", "--out", table) == 0
    filled(table, truth_of(record.parent, 232))
    return folder
