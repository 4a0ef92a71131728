"""The study of detectors: what counts, which noise is whose, and peers that are not there."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import wfdb

from ecglib.aami import DS1, DS2
from ecglib.data.records import Record
from ecglib.data.sets import nstdb
from ecglib.data.signal.detector import without_flutter
from ecglib.studies import detector
from ecglib.studies.detector import DetectorConfig, counts, shares
from ecglib.studies.run import run_study
from ecglib.system.errors import UserError

FS = 360


@pytest.fixture
def record():
    sample = np.array([100, 500, 900, 1000, 1300, 1700, 1800, 2100])
    symbol = np.array(["N", "V", "A", "[", "V", "]", "+", "N"])
    return Record(7, np.zeros(3000, np.float32), FS, 200, 0, sample, symbol)


def test_flutter_is_left_out(record):
    inside = without_flutter(record, np.array([999, 1000, 1001, 1699, 1700, 1701]))
    assert inside.tolist() == [True, False, False, False, False, True]
    calm = replace(record, symbol=np.full(8, "N"))
    assert without_flutter(calm, np.arange(3000)).all()


def test_counts(record):
    row = counts(record, np.array([110, 520, 700, 1310, 1500, 2100]))
    assert row == {"tp": 3, "fn": 1, "fp": 1, "n_v": 1, "tp_v": 1, "n_s": 1, "tp_s": 0}
    assert shares([row, row]) == {"se": 3 / 4, "ppv": 3 / 4, "se_v": 1.0, "se_s": 0.0}
    assert set(shares([]).values()) == {None}


def test_settings_that_do_not_go_together():
    with pytest.raises(UserError, match="without noise it must be 0"):
        DetectorConfig(snr_db=6)
    assert DetectorConfig(noise="em", snr_db=6, records=()).data_sets == {
        "mitdb": (),
        "nstdb": (),
    }


def test_a_run(source, tmp_path):
    configs = [
        DetectorConfig(detector=name, records=(100, 101)) for name in ("ours", "xqrs_200hz")
    ]
    for result in run_study(configs, source, profile="tiny", device="cpu", runs=tmp_path):
        metrics = result.metrics
        assert metrics["se"] > 0.9
        assert metrics["ppv"] > 0.9
        assert metrics["seconds"] > 0
        assert metrics["sides"].keys() == {"DS1", "DS2"}
        assert metrics["per_record"].keys() == {"100", "101"}


@pytest.fixture
def noise(tmp_path):
    """Noise whose first half is a tenth as loud as its second, as a data set of three."""
    rng = np.random.default_rng(0)
    loud = np.repeat([0.02, 0.2], 60 * FS)[:, None] * rng.normal(size=(120 * FS, 2))
    for name in ("bw", "em", "ma"):
        how = {"fs": FS, "units": ["mV"] * 2, "sig_name": ["noise1", "noise2"]}
        how |= {"fmt": ["16"] * 2, "write_dir": str(tmp_path)}
        wfdb.wrsamp(name, p_signal=loud, **how)
    return tmp_path


def test_development_gets_the_first_half_and_all_others_the_second(source, noise, monkeypatch):
    from ecglib.data.find.search import find

    given = {}

    def watched(record, noise, snr_db):
        given[record.number] = np.std(noise)
        return record

    monkeypatch.setattr(nstdb, "with_recorded_noise", watched)
    config = DetectorConfig(noise="ma", snr_db=6, records=(100, 101))
    sources = {"mitdb": source, "nstdb": find("nstdb", noise)}
    run_study([config], sources, profile="tiny", device="cpu", runs=noise / "runs")
    assert 101 in DS1
    assert 100 in DS2
    assert given[101] == pytest.approx(0.02, rel=0.1)
    assert given[100] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize(("name", "package"), [("sleepecg", "sleepecg"), ("neurokit2",) * 2])
def test_a_peer_that_is_not_installed(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs {package}: install it"):
        detector.DETECTORS[name](np.zeros(1000), 200.0)
