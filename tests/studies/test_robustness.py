"""Worse recordings: what is counted in noise, and records in which little can be read."""

import numpy as np
import pytest
import wfdb

from ecglib.data.find.search import find
from ecglib.data.signal.detector import Matching
from ecglib.data.synthetic import write_records
from ecglib.studies.registry import make_config
from ecglib.studies.robustness import NOTHING, confusion
from ecglib.studies.run import run_study
from ecglib.system.errors import UserError
from tests.holter.made import ecg, marks, record

FS, MINUTES = 360, 8
TINY = {"epochs": 8, "width": 0.5, "leads": "MLII", "batch_size": 32, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """White noise in place of the database of noise."""
    folder = tmp_path_factory.mktemp("noise")
    white = np.random.default_rng(0).normal(0, 0.1, (60 * FS, 2))
    for name in ("bw", "em", "ma"):
        how = {"fs": FS, "units": ["mV"] * 2, "sig_name": ["noise1", "noise2"]}
        wfdb.wrsamp(name, p_signal=white, fmt=["16"] * 2, write_dir=str(folder), **how)
    return find("nstdb", folder)


@pytest.fixture(scope="module")
def site(tmp_path_factory, noise):
    """Function (records, settings) -> results; the records are there, 100 and 103 are hard.

    The lead of 100 is flat from minute 3 to minute 13. That of 103 rises and falls slowly, so
    there is nothing to detect.
    """
    folder = tmp_path_factory.mktemp("records")
    write_records(folder, (101, 200), minutes=MINUTES)
    lead, peaks = ecg(fs=FS, seconds=14 * 60)
    lead[3 * 60 * FS : 13 * 60 * FS] = 0.2
    slow = np.round(np.sin(np.arange(len(lead)) / FS), 3)
    for name, signal in (("100", lead), ("103", slow)):
        path = record(folder, name, {"MLII": signal, "V1": signal}, fs=FS)
        marks(path, "atr", peaks, fs=FS)
    source = find(data_root=folder, records=(100, 101, 103, 200))

    def run(records, **settings):
        config = make_config("robustness", records=records, **TINY, **settings)
        sources = {"mitdb": source, "nstdb": noise}
        how = {"profile": "tiny", "device": "cpu", "runs": folder / "runs"}
        (result,) = run_study([config], sources, **how)
        return result

    return run


def of_record(result, key):
    found = result.metrics["in_noise"]
    return np.array(found["all"][key]), np.array(found["answered"][key])


def test_confusion_counted_by_hand():
    label = np.array(
        [0, 0, 1, 2, 2, 3, 0]
    )  # N, N, S, V, V, F, N; the last comes after the noise
    pairs = np.array([[0, 0], [2, 2], [3, 3], [5, 4], [6, 5]])  # N and V are missed; 1 is false
    inside = np.array([True] * 6 + [False])
    found_inside = np.array([True, True, True, True, True, False, False])  # 6 is false, outside
    matching = Matching(5, 2, 2, pairs)
    said = np.array([0, 2, NOTHING, 1, 0, 2, 2])  # the S gets no answer
    expected = [[1, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0]]
    np.testing.assert_array_equal(
        confusion(label, said, matching, (inside, found_inside)), expected
    )


@pytest.mark.parametrize("beats", ["annotated", "detected"])
def test_every_beat_in_noise_is_counted_once(site, beats):
    result = site((101, 200), perturbation="recorded_em", level=0, beats=beats)
    whole, kept = of_record(result, "200")
    late = np.array(result.per_record_after_5min["200"]).sum()
    before_7 = whole[:NOTHING].sum()
    assert 0.55 < before_7 / late < 0.75  # two of the last three minutes
    np.testing.assert_array_equal(whole.sum(axis=1), kept.sum(axis=1))
    assert (kept[:, :NOTHING] <= whole[:, :NOTHING]).all()
    assert kept[:NOTHING, :NOTHING].sum() < 0.5 * before_7  # white noise cannot be read


def test_noise_that_cannot_be_seen_changes_nothing(site):
    clean = site((101, 200), beats="detected")
    faint = site((101, 200), beats="detected", perturbation="recorded_ma", level=90)
    assert clean.metrics["macro_f1"] > 0.35  # more than always N
    assert faint.predictions == clean.predictions
    assert faint.data["sha256"] != clean.data["sha256"]  # the noise is part of the data
    loud = site((101, 200), beats="detected", perturbation="recorded_ma", level=-6)
    assert loud.predictions != clean.predictions


@pytest.mark.parametrize("beats", ["annotated", "detected"])
def test_a_lead_that_is_flat_for_ten_minutes_is_scored(site, beats):
    result = site((101, 100), perturbation="recorded_bw", level=24, beats=beats)
    whole, kept = of_record(result, "100")
    assert whole[:NOTHING].sum() == kept[:NOTHING].sum() > 300
    assert np.array(result.per_record["100"]).sum() == 14 * 75
    clean, refused = of_record(site((101, 100), beats=beats), "100")
    assert clean[:NOTHING].sum() == pytest.approx(5 * 75, abs=2)
    assert refused[:NOTHING, :NOTHING].sum() == pytest.approx(75, abs=2)  # after minute 13


def test_a_record_in_which_nothing_is_detected_is_scored(site):
    result = site((101, 103), beats="detected")
    n_beats = np.array(result.per_record["103"]).sum()
    assert n_beats > 1000
    assert result.metrics["detection"]["103"][0] == [0, n_beats, 0]  # found, missed, false
    whole, _ = of_record(result, "103")
    assert whole[:, :NOTHING].sum() == 0
    assert whole[0, NOTHING] > 300


def test_missing_noise_is_named(tmp_path):
    with pytest.raises(UserError, match="NSTDB"):
        find("nstdb", tmp_path)


def test_settings_that_do_not_go_together():
    with pytest.raises(UserError, match="jitter moves annotated"):
        make_config("robustness", perturbation="jitter", level=10, beats="detected")
    config = make_config("robustness", perturbation="recorded_ma", level=6)
    assert config.data_sets.keys() == {"mitdb", "nstdb"}
