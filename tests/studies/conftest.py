"""Invented recordings and beats, and networks so small that a run takes a moment."""

import pytest

from ecglib.aami import DS1, DS2
from ecglib.data.find import search as sources
from ecglib.data.synthetic import write_records
from ecglib.data.synthetic_recordings import write_cinc2017
from ecglib.models.resnet1d import SIZES, ResNet1DConfig
from ecglib.studies.compression import ECGNET_CHANNELS
from tests.data.made import write_chapman

RHYTHMS = ("SB", "AFIB", "AF", "SR", "SVT")
TOY = ResNet1DConfig(stem=4, channels=(6, 8), strides=(16, 8, 4), kernel=9)


@pytest.fixture(scope="module", autouse=True)
def _toy_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", TOY)
        patch.setitem(ECGNET_CHANNELS, "small", (4, 4, 4, 4, 4))
        yield


@pytest.fixture(scope="session")
def cinc2017(tmp_path_factory):
    """Forty invented recordings in the form of CinC 2017. Read-only by agreement."""
    root = tmp_path_factory.mktemp("recordings")
    write_cinc2017(root, 10, seed=5)
    return sources.find("cinc2017", root)


@pytest.fixture(scope="session")
def chapman(tmp_path_factory):
    """Fifteen recordings of noise in the form of Chapman-Shaoxing, six of them AF or AFIB."""
    root = tmp_path_factory.mktemp("chapman") / "authors"
    write_chapman(root, RHYTHMS * 3)
    return sources.find("chapman", root)


@pytest.fixture(scope="session")
def mitdb(tmp_path_factory):
    """All records of DS1 and DS2 as invented ones of one minute. Read-only by agreement."""
    root = tmp_path_factory.mktemp("beats")
    write_records(root, DS1 + DS2, minutes=1)
    return sources.find(data_root=root, records=DS1 + DS2)


@pytest.fixture(scope="session")
def labels(cinc2017):
    """Oracle: recording -> letter, as the table of labels has it."""
    rows = (cinc2017.path / "REFERENCE-v3.csv").read_text().split()
    return dict(row.split(",") for row in rows)
