"""Pretraining of the networks of rhythms on other data sets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.data.find.search import find
from ecglib.data.samples import Samples
from ecglib.studies import rhythm
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.run import Run, run_study
from ecglib.system.errors import UserError
from ecglib.training import checkpoints
from tests.data.made import write_chapman

from .conftest import RHYTHMS

FOLDS = [
    RhythmConfig(
        dataset="chapman",
        model="hubert",
        size="tiny",
        fold=fold,
        epochs=1,
        batch_size=8,
        pretrain_epochs=1,
        pretrain_data="cinc2017",
    )
    for fold in (0, 1, 2, 3, 4, "all")
]


@pytest.fixture(scope="module")
def outcome(chapman, cinc2017, tmp_path_factory):
    """Results of all folds, and the folder of networks."""
    folder = tmp_path_factory.mktemp("rhythm")
    sources = {"chapman": chapman, "cinc2017": cinc2017}
    where = {"profile": "tiny", "device": "cpu", "runs": folder / "runs"}
    return run_study(FOLDS, sources, **where), folder / "checkpoints" / "rhythm"


def test_all_folds_start_from_one_pretraining_on_the_other_data_set(outcome):
    *folds, pooled = outcome[0]
    first = {tuple(result.metrics["masked_accuracy"]) for result in folds}
    assert len(first) == 1
    (path,) = outcome[1].glob("cinc2017-*.npz")
    _, story = checkpoints.load(path)
    (own,) = first
    assert list(own) == story["accuracy"]
    assert pooled.runtime_s["pretrain, all folds"] == story["seconds"]
    assert pooled.data["name"] == "chapman+cinc2017"


def test_training_goes_on_from_the_pretrained_weights(outcome):
    """After one small step a convolution is still near those weights, not near random ones."""
    (path,) = outcome[1].glob("cinc2017-*.npz")
    before, _ = checkpoints.load(path)
    after = [checkpoints.load(path)[0] for path in outcome[1].glob("chapman-*.npz")]
    name = "feature_extractor.conv_layers.1.conv.weight"
    for state in after:
        moved = torch.norm(state[f"hubert.{name}"] - before[name])
        assert 0 < moved < 0.3 * torch.norm(before[name])


def test_the_pretraining_is_part_of_the_identity_of_a_run(outcome):
    result = outcome[0][0]
    config = RhythmConfig(**result.config)
    for change in ({"pretrain_data": ""}, {"pretrain_learning_rate": 1e-4}):
        other = replace(config, **change)
        assert other.hash_with(result.data) != config.hash_with(result.data)


def test_too_few_recordings_are_said_with_their_place(tmp_path):
    write_chapman(tmp_path / "few", (RHYTHMS * 2)[:9])
    few = find("chapman", tmp_path / "few")
    run = Run(FOLDS[0], {"chapman": few}, torch.device("cpu"), None)
    said = f"Chapman-Shaoxing in {few.path} has too few recordings, 9; a study needs 10"
    with pytest.warns(UserWarning, match="lack a class"), pytest.raises(UserError) as error:
        rhythm.recording_sides(run)
    assert str(error.value) == said


def test_that_many_recordings_suffice():
    label = torch.zeros(10, dtype=torch.int64)
    samples = Samples(torch.zeros(len(label), 8), torch.full_like(label, 8), label)
    names = np.arange(len(label)).astype(str)
    sides = rhythm.split_sides(samples, names, ("SB",), FOLDS[0], torch.device("cpu"))
    assert len(sides.test.y) + len(sides.train.y) + len(sides.validation.y) == len(label)
