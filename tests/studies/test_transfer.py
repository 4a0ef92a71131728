"""Atrial fibrillation across data sets, against scikit-learn and the tables of labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score
from torch import nn

from ecglib.data import sets
from ecglib.data.find import search as sources
from ecglib.data.find.identity import identity
from ecglib.data.samples import Samples
from ecglib.studies import transfer
from ecglib.studies.run import run_study
from ecglib.studies.transfer import TransferConfig, binary, detection
from tests.data.made import write_chapman

from .conftest import RHYTHMS

CONFIG = TransferConfig(epochs=2, batch_size=8, learning_rate=1e-2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_detection_agrees_with_scikit_learn(pairs):
    """Scores are whole numbers, so that many of them are equal."""
    true = np.array([0, 1, *(int(is_af) for is_af, _ in pairs)])
    score = np.array([1, 0, *(value for _, value in pairs)])
    logits = torch.tensor(np.stack([np.full(len(score), 0.5), score + 0.5], axis=1))
    samples = Samples(logits.float(), torch.ones(len(true)), torch.from_numpy(true))
    found = detection(nn.Identity(), samples)
    assert found["auc"] == pytest.approx(roc_auc_score(true, score))
    assert found["confusion"] == confusion_matrix(true, score > 0).tolist()
    assert found["accuracy"] == pytest.approx(accuracy_score(true, score > 0))
    f1 = f1_score(true, score > 0, zero_division=0)
    assert found["per_class"]["AF"]["f1"] == pytest.approx(f1)


def test_cinc2017_becomes_af_against_the_rest_without_noise(cinc2017, labels):
    samples, names = binary(cinc2017, "II")
    assert set(names) == {name for name, letter in labels.items() if letter != "~"}
    assert samples.y.tolist() == [int(labels[name] == "A") for name in names]
    recordings = sets.load("cinc2017", cinc2017.path)
    rows = np.flatnonzero(np.isin(recordings.recording, names))
    for x, n, row in zip(samples.x.numpy(), samples.n_samples, rows, strict=True):
        part = recordings.signal[row, : min(recordings.n_samples[row], 1536)]
        expected = np.zeros(1536)
        expected[: len(part)] = ((part - part.mean()) / part.std()).clip(-20, 20)
        np.testing.assert_allclose(x, expected, atol=1e-4)
        assert n == len(part)


def test_chapman_becomes_its_group_against_the_rest_at_150_hz(chapman):
    samples, names = binary(chapman, "II")
    assert samples.y.tolist() == [int(r in ("AFIB", "AF")) for r in RHYTHMS * 3]
    assert len(names) == len(samples) == 15
    assert samples.x.shape == (15, 1536)
    assert samples.n_samples.tolist() == [1500] * 15  # 10 s
    assert not samples.x[:, 1500:].any()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("transfer")


@pytest.fixture(scope="module")
def trained():
    return []


@pytest.fixture(scope="module")
def outcomes(cinc2017, chapman, folder, trained):
    train = transfer.train_rhythm

    def seen(model, sides, config):
        trained.append(sides)
        return train(model, sides, config)

    found = {source.name: source for source in (cinc2017, chapman)}
    configs = [CONFIG, replace(CONFIG, dataset="chapman", target="cinc2017")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "train_rhythm", seen)
        return run_study(configs, found, profile="tiny", device="cpu", runs=folder / "runs")


def test_the_fold_is_scored_within_and_all_recordings_across(outcomes, trained):
    sizes = [(30, 15), (15, 30)]
    for (within, across), result, sides in zip(sizes, outcomes, trained, strict=True):
        metrics = result.metrics
        n_test = len(sides.test)
        assert n_test == within / 5
        assert np.sum(metrics["within"]["confusion"]) == n_test
        assert np.sum(metrics["across"]["confusion"]) == across
        assert metrics["accuracy"] == metrics["within"]["accuracy"]
        assert metrics["per_class"] == metrics["within"]["per_class"]
        assert 0 <= metrics["across"]["auc"] <= 1


def test_training_sees_neither_the_fold_nor_the_target(outcomes, trained):
    for sides, n in zip(trained, (30, 15), strict=True):
        assert len(sides.train) + len(sides.validation) + len(sides.test) == n
        rows = torch.cat([sides.train.x, sides.validation.x, sides.test.x])
        assert len(torch.unique(rows, dim=0)) == n
        assert set(sides.train.y.tolist()) == {0, 1}


def test_a_result_names_both_data_sets(outcomes, cinc2017, chapman):
    checksums = {source.name: source.sha256 for source in (cinc2017, chapman)}
    names = [result.data["name"] for result in outcomes]
    assert names == ["cinc2017+chapman", "chapman+cinc2017"]
    assert {result.data["sha256"] for result in outcomes} == {identity(checksums)}


def test_another_target_is_another_run(outcomes, cinc2017, folder, tmp_path):
    write_chapman(tmp_path / "other", RHYTHMS)
    found = {"cinc2017": cinc2017, "chapman": sources.find("chapman", tmp_path / "other")}
    runs = folder / "runs"
    (other,) = run_study([CONFIG], found, profile="tiny", device="cpu", runs=runs)
    assert np.sum(other.metrics["across"]["confusion"]) == len(RHYTHMS)
    assert other.data["sha256"] != outcomes[0].data["sha256"]
