"""Compression of ECGNet on invented patients: trained, chosen and scored on other records."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

from ecglib import stats
from ecglib.aami import DS1, DS1_VAL, DS2
from ecglib.data.sets.mitdb import load_beats
from ecglib.metrics import accuracy
from ecglib.studies import baseline, compression
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.compression import CompressionConfig, beat_sides
from ecglib.studies.run import Run, run_study
from ecglib.training import checkpoints
from ecglib.training.on_beats import build
from ecglib.training.on_recordings import predict

SHARED = {"dataset": "mitdb", "model": "ecgnet", "epochs": 4}
CONFIGS = [
    CompressionConfig(method="fixed_quant", bits=2, **SHARED),
    CompressionConfig(method="joint", bits=3, share=0.8, tune_epochs=1, **SHARED),
]
CHAPTER_2 = BaselineConfig(channels=(4,) * 5, split="ds1_val", epochs=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("beats")


@pytest.fixture(scope="module")
def spied():
    """What was given to the training and to the methods."""
    return {"trained": [], "compressed": []}


@pytest.fixture(scope="module")
def outcomes(mitdb, folder, spied):
    train, compress = baseline.train_supervised, compression.compress

    def counted(config, inputs, device):
        spied["trained"].append((config, inputs))
        eager = replace(config, learning_rate=3e-3, imbalance="balanced")  # beats are few
        return train(eager, inputs, device)

    def seen(model, sides, config):
        spied["compressed"].append(sides)
        return compress(model, sides, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "train_supervised", counted)
        patch.setattr(compression, "compress", seen)
        return run_study(CONFIGS, mitdb, profile="tiny", device="cpu", runs=folder / "runs")


def test_the_network_is_trained_once_without_the_validation_records(outcomes, mitdb, spied):
    ((config, inputs),) = spied["trained"]
    assert config == CHAPTER_2
    beats = load_beats(mitdb.path, [record for record in DS1 if record not in DS1_VAL])
    assert inputs.y.tolist() == beats.label.tolist()


def test_methods_choose_on_the_validation_records(outcomes, mitdb, spied):
    assert len(spied["compressed"]) == len(CONFIGS)
    for sides in spied["compressed"]:
        assert sides.validation.y.tolist() == load_beats(mitdb.path, DS1_VAL).label.tolist()


def test_scores_are_those_of_ds2(outcomes, mitdb):
    beats = load_beats(mitdb.path, DS2)
    for result in outcomes:
        assert result.per_record.keys() == {str(record) for record in DS2}
        for record in DS2:
            counts = np.bincount(beats.label[beats.record == record], minlength=3)
            assert result.matrix()[str(record)].sum(axis=1).tolist() == counts.tolist()
        total = sum(result.matrix().values())
        assert result.metrics["confusion"] == total.tolist()
        assert result.metrics["accuracy"] == pytest.approx(np.trace(total) / len(beats))
        assert result.predictions == {}


def test_the_difference_is_paired_patient_by_patient(outcomes, mitdb, folder):
    (path,) = (folder / "checkpoints" / "baseline").glob("*.npz")
    network = build(CHAPTER_2, 3, torch.device("cpu"))
    network.load_state_dict(checkpoints.load(path)[0])
    sides = beat_sides(Run(CONFIGS[0], {mitdb.name: mitdb}, torch.device("cpu"), folder))
    own, true = predict(network, sides.test), sides.test.y.numpy()
    record = load_beats(mitdb.path, DS2).record
    before = {
        str(r): confusion_matrix(true[record == r], own[record == r], labels=range(3))
        for r in DS2
    }
    for result in outcomes:
        metrics = result.metrics
        difference = metrics["accuracy"] - accuracy_score(true, own)
        assert metrics["difference"] == pytest.approx(difference)
        interval = stats.paired_difference(result.per_record, before, accuracy)
        assert metrics["difference_low"] == pytest.approx(interval.low)
        assert metrics["difference_high"] == pytest.approx(interval.high)
    assert set(own) == {0, 1, 2}  # else the comparison would be worth little
    assert outcomes[0].metrics["difference"] != 0


def test_a_network_of_chapter_2_is_used_again(outcomes, mitdb, folder, monkeypatch):
    monkeypatch.setattr(baseline, "train_supervised", pytest.fail)
    run_study([CHAPTER_2], mitdb, profile="tiny", device="cpu", runs=folder / "runs")
