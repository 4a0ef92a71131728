"""Tables and the figure of detectors, of results made by hand."""

import pytest

from ecglib.plots.detector import noise
from ecglib.tables import detector
from tests.test_results import made_result


def made(name, se, *, dataset="mitdb", kind="none", snr_db=0.0):
    scores = {"se": se, "ppv": 0.9, "se_v": 0.5, "se_s": None}
    sides = {"DS1": scores | {"se": 0.1}, "DS2": scores}
    if dataset == "svdb":
        sides = {"SVDB_TEST": scores}
    settings = {"detector": name, "dataset": dataset, "noise": kind, "snr_db": snr_db}
    found = made_result("detector", {"100": [[1, 0, 0]] * 3}, records=(), **settings)
    found.metrics.update(scores, seconds=3.0, sides=sides)
    return found


@pytest.fixture
def results():
    noisy = [
        made(name, se, kind=kind, snr_db=snr)
        for kind in ("ma", "em")
        for snr, se in ((0, 0.6), (12, 0.8))
        for name in ("sleepecg", "ours")
    ]
    return [made("xqrs", 0.7), made("ours", 0.99), made("ours", 0.98, dataset="svdb"), *noisy]


def test_clean_sides(results):
    table = detector.clean(results, "DS2")
    assert table.index.tolist() == ["ours", "XQRS, the record's rate"]
    assert table["Se"].tolist() == [0.99, 0.7]
    assert table["seconds"].tolist() == [3.0, 3.0]
    assert detector.clean(results, "SVDB_TEST")["Se"].tolist() == [0.98]
    assert detector.clean(results, "DS1")["Se"].tolist() == [0.1, 0.1]


def test_noisy_rows(results):
    table = detector.noisy(results)
    assert len(table) == 8
    assert table.loc[("ma", "ours", 12.0), "Se + +P"] == pytest.approx(1.7)
    assert set(table.index.get_level_values("noise")) == {"ma", "em"}


def test_every_detector_has_a_name():
    assert detector.NAMES.keys() == detector.DETECTORS.keys()


def test_the_figure_has_a_line_for_each_detector_and_noise(results):
    figure = noise(detector.noisy(results))
    assert [axis.get_title() for axis in figure.axes] == ["electrode motion", "muscle"]
    for axis in figure.axes:
        assert len(axis.lines) == 2
        assert axis.lines[0].get_xdata().tolist() == [0, 12]
