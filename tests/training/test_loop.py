"""The training loop on toy tasks whose answers are known."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ecglib import puzzle
from ecglib.models.ecgnet import HEAD, PARTS, ECGNet, ECGNetConfig
from ecglib.training import loop
from ecglib.training.loop import Schedule, fit, in_batches, predict, train_only
from ecglib.training.tasks import PuzzleTask, SupervisedTask, class_weights
from tests.toys import copied_state, same, same_state, toy_beats

N_TIMES = 64


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=N_TIMES, norm="batch"))


@pytest.fixture
def toy():
    return toy_beats(40)


def task_on(model, toy):
    return SupervisedTask(model, (toy.x,), toy.y)


def schedule(epochs, **more):
    return Schedule(epochs, batch_size=16, learning_rate=3e-3, weight_decay=0.01, **more)


class Scores:
    """Validation that answers given scores and remembers the networks it saw."""

    def __init__(self, *scores):
        self.scores, self.states, self.training = iter(scores), [], []

    def __call__(self, model):
        self.states.append(copied_state(model))
        self.training.append(any(module.training for module in model.modules()))
        return next(self.scores)


def test_a_separable_task_is_learnt(model, toy, monkeypatch):
    clock = iter([5.0, 12.5])
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    history = fit(model, PARTS, task_on(model, toy), schedule(8), seed=7)
    assert len(history.loss) == 8
    assert history.loss[0] > 0.5
    assert history.loss[-1] < 0.1
    assert predict(model, toy).tolist() == toy.y.tolist()
    assert not model.training
    assert history.seconds == 7.5


def test_the_puzzle_is_learnt(toy):
    torch.manual_seed(0)
    model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=N_TIMES, norm="batch", n_outputs=6))
    bumps, mask = toy.x[toy.y == 0].repeat(6, 1), torch.ones(N_TIMES)
    task = PuzzleTask(model, bumps, (8, 40), mask)
    loss = fit(model, PARTS, task, schedule(8), seed=7).loss
    assert loss[0] > 1.2
    assert loss[-1] < loss[0] / 2


def test_a_puzzle_hides_what_its_mask_hides():
    seen = []
    x, mask = torch.rand(50, 12) + 1, torch.tensor([1.0] * 8 + [0.0] * 4)
    task = PuzzleTask(lambda x: seen.append(x) or x[:, :6], x, (3, 7), mask)
    task.loss(torch.arange(50), torch.Generator().manual_seed(0))
    assert (seen[0][:, 8:] == 0).all()
    assert (seen[0][:, :8] >= 1).all()


def test_a_puzzle_loss_is_the_cross_entropy_of_the_drawn_labels():
    x, index = torch.rand(20, 12), torch.arange(0, 20, 2)
    task = PuzzleTask(lambda x: x[:, :6], x, (3, 7), torch.ones(12))
    loss = task.loss(index, torch.Generator().manual_seed(3))
    label = torch.randint(6, (10,), generator=torch.Generator().manual_seed(3))
    logits = puzzle.permute(x[index], label, (3, 7))[:, :6]
    expected = -logits.log_softmax(1)[torch.arange(10), label].mean()
    torch.testing.assert_close(loss, expected)


def test_the_reported_loss_is_the_mean_over_beats(model, toy):
    """40 beats in batches of 16: the last batch has 8 and must count less."""
    losses, sizes = [], []

    class Spy(SupervisedTask):
        def loss(self, index, generator):
            value = super().loss(index, generator)
            losses.append(value.item())
            sizes.append(len(index))
            return value

    history = fit(model, PARTS, Spy(model, (toy.x,), toy.y), schedule(1), seed=7)
    assert sizes == [16, 16, 8]
    assert history.loss[0] == pytest.approx(np.average(losses, weights=sizes))


def test_the_learning_rate_decays_by_epoch():
    """On a slope AdamW steps down by exactly the learning rate, here one step an epoch."""

    class Slope:
        def __len__(self):
            return 1

        def loss(self, index, generator):
            return line.out.weight.sum()

    line = nn.ModuleDict({"out": nn.Linear(1, 1, bias=False)})
    start = line.out.weight.item()
    fit(line, ("out",), Slope(), Schedule(3, 1, 0.1, weight_decay=0.0, decay=0.5), seed=7)
    assert start - line.out.weight.item() == pytest.approx(0.1 * (1 + 0.5 + 0.25), rel=1e-4)


def test_same_seed_same_network(toy):
    states = []
    for seed in (7, 7, 21):
        torch.manual_seed(0)
        model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=N_TIMES))
        torch.randn(len(states))  # the seed of `fit` alone counts
        fit(model, PARTS, task_on(model, toy), schedule(2), seed=seed)
        states.append(copied_state(model))
    assert same(states[0], states[1])
    assert not same(states[0], states[2])


def test_early_stopping_keeps_the_best_epoch(model, toy):
    validate = Scores(0.1, 0.5, 0.3, 0.2, 0.9)
    rules, task = schedule(5, patience=2), task_on(model, toy)
    history = fit(model, PARTS, task, rules, seed=7, validate=validate)
    assert history.score == [0.1, 0.5, 0.3, 0.2]  # two epochs without a better one
    assert len(history.loss) == 4
    assert history.best_epoch == 2
    assert same_state(model, validate.states[1])
    assert not same(validate.states[1], validate.states[3])
    assert validate.training == [False] * 4


def test_patience_counts_from_the_best_epoch(model, toy):
    validate = Scores(0.3, 0.2, 0.4, 0.1, 0.5, 0.4)
    rules, task = schedule(6, patience=2), task_on(model, toy)
    history = fit(model, PARTS, task, rules, seed=7, validate=validate)
    assert len(history.score) == 6
    assert history.best_epoch == 5
    assert same_state(model, validate.states[4])


def test_validation_does_not_disturb_training(model, toy):
    """What early stopping chose is what retraining for as many epochs gives."""
    twin = copy.deepcopy(model)
    validate = Scores(0.1, 0.2, 0.9, 0.3)
    rules, task = schedule(4, patience=3, decay=0.5), task_on(model, toy)
    fit(model, PARTS, task, rules, seed=7, validate=validate)
    fit(twin, PARTS, task_on(twin, toy), schedule(3, decay=0.5), seed=7)
    assert same(model.state_dict(), twin.state_dict())


@pytest.mark.parametrize("parts", [("out",), HEAD, ("conv4", "conv5", *HEAD)])
def test_frozen_parts_are_in_evaluation_mode(model, parts):
    parameters = train_only(model, parts)
    wanted = {id(p) for part in parts for p in getattr(model, part).parameters()}
    assert {id(p) for p in parameters} == wanted
    for name, p in model.named_parameters():
        assert p.requires_grad == (name.partition(".")[0] in parts), name
    for part in PARTS:
        modules = list(getattr(model, part).modules())
        assert all(module.training == (part in parts) for module in modules), part
    assert model.dropout.training


def test_frozen_batchnorm_keeps_its_statistics(model, toy):
    before = copied_state(model)
    fit(model, ("conv5", *HEAD), task_on(model, toy), schedule(1), seed=7)
    changed = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    assert {name.partition(".")[0] for name in changed} == {"conv5", *HEAD}
    assert "conv5.norm.running_mean" in changed


def test_class_weights_by_hand():
    label = torch.tensor([0] * 8 + [1] + [2])
    assert class_weights(label, "none") is None
    balanced = class_weights(label, "balanced").tolist()
    assert balanced == pytest.approx([10 / 24, 10 / 3, 10 / 3])
    scale = 10 / (np.sqrt(8) + 2)
    sqrt = class_weights(label, "sqrt").tolist()
    assert sqrt == pytest.approx([scale / np.sqrt(8), scale, scale])


@given(
    st.lists(st.integers(1, 300), min_size=3, max_size=3), st.sampled_from(["sqrt", "balanced"])
)
def test_mean_weight_over_the_beats_is_one(counts, imbalance):
    label = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    weight = class_weights(label, imbalance)
    assert weight[label].mean().item() == pytest.approx(1, rel=1e-4)
    rarest_first = np.argsort(counts, kind="stable")
    assert (np.diff(weight.numpy()[rarest_first]) <= 0).all()


def test_weights_of_classes_reach_the_loss(toy):
    logits = nn.Linear(N_TIMES, 3)
    weight, index = torch.tensor([1.0, 5.0, 0.5]), torch.arange(20)
    task = SupervisedTask(logits, (toy.x,), toy.y, weight)
    y = toy.y[index]
    per_beat = -logits(toy.x[index]).log_softmax(1)[index, y]
    expected = (weight[y] * per_beat).sum() / weight[y].sum()
    torch.testing.assert_close(task.loss(index, None), expected)


@pytest.mark.parametrize("batch_size", [1, 7, 40, 200])
def test_batches_together_are_one_call(model, toy, batch_size):
    model.eval()
    got = in_batches(model, toy.x, toy.rr, batch_size=batch_size)
    torch.testing.assert_close(got, model(toy.x, toy.rr).detach())
    assert not got.requires_grad
    doubled = in_batches(lambda a, b: a + b, toy.x, toy.x, batch_size=batch_size)
    assert torch.equal(doubled, 2 * toy.x)


def test_predict_gives_the_most_likely_class(model, toy):
    model.eval()
    classes = predict(model, toy)
    assert classes.dtype == np.int8
    assert classes.tolist() == model(toy.x).argmax(dim=1).tolist()
