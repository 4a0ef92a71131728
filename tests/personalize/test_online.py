"""The online stage against the plain way: everything for every patient, nothing shared."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.data.inputs import Inputs
from ecglib.models.ecgnet import HEAD, PARTS, ECGNet, ECGNetConfig, replace_output
from ecglib.personalize.online import MIN_BEATS, adapt, finetune, online_mask, personalize
from ecglib.personalize.strategies import STRATEGIES, set_batchnorm_statistics
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.selection import SelectionConfig
from ecglib.system.errors import UserError
from ecglib.training.loop import Schedule, fit
from ecglib.training.tasks import SupervisedTask, class_weights
from tests.toys import beats_with

CHANNELS = (4, 4, 4, 4, 4)
QUICK = {"epochs": 2, "online_epochs": 1, "batch_size": 16}
QUICK |= {"imbalance": "sqrt", "learning_rate": 3e-3, "online_learning_rate": 3e-3}
CONFIG = PersonalizationConfig(channels=CHANNELS, **QUICK)


def inputs_of(n_beats, seed):
    """Noisy beats with a class told by the place of a bump, and a patient's own offset."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_beats) % 3)
    place = 60 + 80 * y[:, None] + rng.normal(0, 12, (n_beats, 1))
    x = 4 * np.exp(-0.5 * ((np.arange(300) - place) / 12) ** 2) + rng.normal()
    x += 0.4 * rng.normal(size=x.shape)
    x = torch.from_numpy(x.astype(np.float32))
    return Inputs(x, torch.zeros(n_beats, 5), torch.from_numpy(y))


@pytest.fixture(scope="module")
def train():
    return inputs_of(64, seed=0)


@pytest.fixture(scope="module")
def patients():
    """Record -> beats, and a mask of the first 15, which the online stage may see."""
    return {r: (inputs_of(80, seed=r), np.arange(80) < 15) for r in (100, 103, 232)}


@pytest.fixture(scope="module")
def pretext(train):
    torch.manual_seed(0)
    model = ECGNet(ECGNetConfig(CHANNELS, n_outputs=6, norm="batch"))
    with torch.no_grad():
        for _ in range(20):
            model.train()(train.x)  # BatchNorm gets to know the data
    return model.eval()


def finetuned_plainly(model, train, config):
    """Oracle: a fresh output layer, then the whole network on the beats themselves."""
    replace_output(model, n_outputs=3, seed=config.seed)
    weight = class_weights(train.y, config.imbalance)
    task = SupervisedTask(model, (train.x,), train.y, weight)
    rates = config.learning_rate, config.weight_decay, config.decay
    schedule = Schedule(config.epochs, config.batch_size, *rates)
    fit(model, PARTS if config.finetune == "all" else HEAD, task, schedule, seed=config.seed)
    return model


def plainly(pretext, train, patients, config):
    """Oracle: logits of every patient's beats, nothing shared between patients."""
    logits = {}
    for record, (beats, online) in patients.items():
        own = beats.x[np.flatnonzero(online)]
        model = copy.deepcopy(pretext)
        if config.strategy not in ("none", "adabn"):
            model = adapt(pretext, own, config)
        finetuned_plainly(model, train, config)
        if config.strategy == "adabn":  # after the fine-tuning, without labels
            set_batchnorm_statistics(model, own)
        with torch.no_grad():
            logits[record] = model(beats.x)
    return logits


@pytest.mark.parametrize("finetune", ["head", "all"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_sharing_work_changes_no_prediction(pretext, train, patients, strategy, finetune):
    config = replace(CONFIG, strategy=strategy, finetune=finetune)
    predicted, seconds = personalize(pretext, train, patients, config)
    expected = plainly(pretext, train, patients, config)
    assert predicted.keys() == expected.keys()
    for record, logits in expected.items():
        first, second = logits.topk(2).values.T
        clear = (first - second > 1e-3).numpy()  # rounding may decide a tie either way
        assert clear.mean() > 0.9
        assert predicted[record].dtype == np.int8
        np.testing.assert_array_equal(predicted[record][clear], logits.argmax(1)[clear])
    assert len(np.unique(np.concatenate(list(predicted.values())))) > 1
    assert {"finetune", "predict"} <= set(seconds)
    assert all(value > 0 for value in seconds.values())


def test_labels_and_late_beats_of_the_patient_are_not_looked_at(pretext, train, patients):
    config = replace(CONFIG, strategy="full")
    beats, online = patients[100]
    x = beats.x.clone()
    x[15:] = 0
    blinded = Inputs(x, beats.rr, torch.zeros_like(beats.y))
    predicted, _ = personalize(pretext, train, {100: (beats, online)}, config)
    blindly, _ = personalize(pretext, train, {100: (blinded, online)}, config)
    np.testing.assert_array_equal(predicted[100][:15], blindly[100][:15])


@pytest.mark.parametrize("strategy", ["head_only", "full"])
@pytest.mark.parametrize("online_epochs", [1, 7])
def test_a_patients_puzzle_has_its_own_epochs_and_seed(
    pretext, train, monkeypatch, strategy, online_epochs
):
    """15 beats in batches of 16: a step an epoch, in which `randint` draws their labels. Seven
    epochs of the head alone are trained on cached features."""
    drawn, plain = [], torch.randint

    def recorded(*given, **how):
        drawn.append(plain(*given, **how))
        return drawn[-1]

    monkeypatch.setattr(torch, "randint", recorded)
    labels = []
    for seed in (7, 7, 21):
        settings = {"strategy": strategy, "online_epochs": online_epochs, "seed": seed}
        adapt(pretext, train.x[:15], replace(CONFIG, pretext_epochs=3, **settings))
        assert [len(label) for label in drawn] == [15] * online_epochs
        labels.append(torch.cat(drawn).tolist())
        drawn.clear()
    assert labels[0] == labels[1]
    assert labels[0] != labels[2]


def test_the_pretext_network_stays_as_it_is(pretext, train, patients):
    before = copy.deepcopy(pretext.state_dict())
    for strategy in STRATEGIES:
        personalize(pretext, train, patients, replace(CONFIG, strategy=strategy))
    after = pretext.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert pretext.out.out_features == 6


@pytest.mark.parametrize("part", ["head", "all"])
def test_finetuning_changes_what_it_says(pretext, train, part):
    model = copy.deepcopy(pretext)
    before = copy.deepcopy(model.state_dict())
    finetune(model, train, replace(CONFIG, finetune=part))
    after = model.state_dict()
    moved = {n.partition(".")[0] for n in before if not torch.equal(before[n], after[n])}
    assert moved == set(HEAD if part == "head" else PARTS)
    assert model.out.out_features == 3


def test_finetuning_stops_early_as_its_validation_says(pretext, train):
    trial = SelectionConfig(channels=CHANNELS, pipeline="ssl", finetune="head", epochs=5)
    scores = iter([0.5, 0.6, 0.4, 0.9])
    given = {"validate": lambda _: next(scores), "patience": 1}
    history = finetune(copy.deepcopy(pretext), train, trial, **given)
    assert history.score == [0.5, 0.6, 0.4]
    assert history.best_epoch == 2


def beats_at(sample):
    """Beats of record 207 with R-peaks at the given samples (360 Hz)."""
    return beats_with(sample=sample, record=[207] * len(sample))


def test_the_online_stage_sees_the_first_five_minutes():
    sample = [*range(0, 9 * 360, 360), 107_999, 108_000, 200_000]
    assert online_mask(beats_at(sample), 300).tolist() == [True] * 10 + [False] * 2


def test_all_means_the_whole_recording():
    assert online_mask(beats_at(np.arange(12) * 50_000), "all").tolist() == [True] * 12


@pytest.mark.parametrize("n_early", [0, 1, MIN_BEATS - 1])
def test_a_patient_with_too_few_beats_is_named(n_early):
    sample = [*range(360, 360 * (n_early + 1), 360), *range(108_000, 300_000, 300)]
    with pytest.raises(UserError) as caught:
        online_mask(beats_at(sample), 300)
    assert f"record 207 has {n_early} beats in its first 300 s" in str(caught.value)
    assert "online_seconds" in str(caught.value)


def test_ten_beats_are_enough():
    assert MIN_BEATS == 10
    assert online_mask(beats_at(np.arange(10) * 360), 300).all()
    assert online_mask(beats_at(np.arange(12) * 360), 10).sum() == 10
