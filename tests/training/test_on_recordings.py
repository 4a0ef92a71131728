"""Building, predicting and training on toy recordings."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.data.samples import Samples
from ecglib.models import resnet1d
from ecglib.studies.rhythm import RhythmConfig
from ecglib.system.errors import UserError
from ecglib.training import on_recordings
from ecglib.training.on_recordings import build, learning_parts, predict, start, train_rhythm
from ecglib.training.tasks import RecordingTask
from tests.oracles import cross_entropy
from tests.toys import TINY, bumps, copied_state, resnet, same_state, sides

CONFIG = RhythmConfig(size="toy", epochs=6, batch_size=8, learning_rate=1e-2)
HUBERT = RhythmConfig(model="hubert", size="tiny", batch_size=8)


@pytest.fixture(autouse=True)
def toy_size(monkeypatch):
    """A size of ResNet1D beside those that there are."""
    monkeypatch.setitem(resnet1d.SIZES, "toy", TINY)


def in_windows(n=5):
    """Recordings of three windows each."""
    x = torch.randn(n, 3, 64, generator=torch.Generator().manual_seed(2))
    return Samples(x, torch.full((n,), 64), torch.arange(n) % 3)


def hubert_windows(n=8):
    x = torch.rand(n, 1, 1024, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Samples(x, torch.full((n,), 1024), None)


def test_a_built_network_has_the_size_and_the_classes_that_are_asked_for():
    model = build(CONFIG, n_times=128, n_outputs=7)
    assert isinstance(model, resnet1d.ResNet1D)
    assert model.config == replace(TINY, n_times=128, n_outputs=7)
    assert model(torch.zeros(2, 128)).shape == (2, 7)
    assert not model.training


def test_the_seed_alone_decides_the_first_weights():
    states = []
    for seed in (7, 7, 8):
        torch.randn(len(states))
        states.append(copied_state(build(replace(CONFIG, seed=seed), 64, 3)))
    assert same_state(build(CONFIG, 64, 3), states[0])
    assert torch.equal(states[0]["out.weight"], states[1]["out.weight"])
    assert not torch.equal(states[0]["out.weight"], states[2]["out.weight"])


@pytest.mark.parametrize(("model", "known"), [("resnet1d", "small"), ("hubert", "tiny, small")])
def test_a_size_that_the_model_lacks_is_refused_with_those_that_it_has(model, known):
    config = RhythmConfig(model=model, size="huge")
    with pytest.raises(UserError, match=f"size is 'huge'; {model} has {known}"):
        build(config, 1024, 3)


def test_without_pretraining_a_run_starts_from_fresh_weights():
    model, story = start(CONFIG, sides(train=replace(bumps(8), y=None)))
    assert same_state(model, copied_state(build(CONFIG, 64, 3)))
    assert story == {"seconds": 0.0}


def test_pretraining_changes_hubert_but_not_its_last_layer_and_reads_no_label():
    model, story = start(replace(HUBERT, pretrain_epochs=1), sides(train=hubert_windows()))
    fresh = build(HUBERT, 1024, 3)
    assert torch.equal(model.out.weight, fresh.out.weight)
    name = "encoder.layers.0.attention.q_proj.weight"
    changed, before = model.hubert.get_parameter(name), fresh.hubert.get_parameter(name)
    assert not torch.equal(changed, before)
    assert len(story["loss"]) == 1
    assert not model.training


def test_all_parts_learn():
    names = {name.partition(".")[0] for name, _ in resnet().named_parameters()}
    assert names <= set(learning_parts(resnet()))
    parts = learning_parts(nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()}))
    assert parts == ("a", "b")


@pytest.mark.parametrize("samples", [in_windows(), bumps(7)])
def test_logits_of_windows_are_averaged_before_they_are_judged(samples):
    model = resnet()
    windows = samples.x if samples.x.dim() == 3 else samples.x.unsqueeze(1)
    each = [torch.stack([model(w.unsqueeze(0))[0] for w in row]) for row in windows]
    logits = torch.stack([row.mean(dim=0) for row in each]).detach().numpy()
    found = predict(model, samples)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, logits.argmax(axis=1))
    loss = on_recordings.validation_loss(model, samples)
    assert isinstance(loss, float)
    assert loss == pytest.approx(cross_entropy(logits, samples.y.numpy()), rel=1e-5)


def test_windows_are_averaged_and_not_counted():
    """Two windows are for class 0, but the third is surer of class 1."""
    x = torch.tensor([[[1.0, 0], [1, 0], [0, 5]]])
    samples = Samples(x, torch.tensor([2]), torch.tensor([1]))
    assert predict(nn.Identity(), samples).tolist() == [1]
    expected = cross_entropy(np.array([[2 / 3, 5 / 3]]), [1])
    assert on_recordings.validation_loss(nn.Identity(), samples) == pytest.approx(expected)


def test_recordings_are_learnt_and_the_test_side_is_not_touched():
    model, validation = build(CONFIG, 64, 3), bumps(24, seed=1)
    history = train_rhythm(model, sides(bumps(48), validation), CONFIG)
    assert history.loss[-1] < history.loss[0] / 3
    assert max(history.score) == -on_recordings.validation_loss(model, validation)
    assert (predict(model, bumps(24, seed=2)) == bumps(24).y.numpy()).mean() > 0.9
    assert not model.training


def test_training_is_adam_whose_rate_falls_on_plateaus_of_the_validation_loss(monkeypatch):
    seen = {}

    def fit(model, parts, task, schedule, *, seed, validate, desc):
        seen.update(parts=parts, task=task, schedule=schedule, seed=seed, score=validate(model))

    monkeypatch.setattr("ecglib.training.on_recordings.fit", fit)
    model, validation = resnet(), bumps(9)
    train_rhythm(model, sides(bumps(12), validation), replace(CONFIG, weight_decay=0.3))
    schedule = seen["schedule"]
    assert (schedule.epochs, schedule.batch_size) == (6, 8)
    assert (schedule.learning_rate, schedule.weight_decay) == (1e-2, 0.3)
    assert (schedule.plateau, schedule.patience) == (
        on_recordings.PLATEAU,
        6,
    )  # it never stops early
    assert seen["score"] == -on_recordings.validation_loss(model, validation)
    assert isinstance(seen["task"], RecordingTask)
    assert len(seen["task"]) == 12
    assert seen["seed"] == 7
