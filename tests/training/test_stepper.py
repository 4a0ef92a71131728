"""Training in a number format: scaled gradients, steps left out, the same batches."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.system.errors import UserError
from ecglib.training.loop import Schedule, fit
from ecglib.training.precision import Stepper, Tally
from ecglib.training.tasks import PuzzleTask, SupervisedTask
from tests.training.test_precision import (
    CPU,
    REDUCED,
    emulated,
    near_one,
    small_network,
    with_weights,
)

FORMATS = ("fp32", *REDUCED)

in_each = pytest.mark.parametrize("precision", FORMATS)


def step_with(layer, *slopes, lr=0.5, stepper=None):
    """SGD steps; the loss of each is the layer's output for 1 times a slope."""
    stepper = stepper or Stepper(torch.optim.SGD(layer.parameters(), lr), CPU)
    for slope in slopes:
        stepper.step(layer(torch.ones(1, layer.in_features)).sum() * slope)
    return stepper


@in_each
def test_a_step_goes_down_the_gradient_that_is_no_longer_scaled(precision):
    layer = with_weights(nn.Linear(2, 1), np.float32([[3, 4]]), np.float32([5]))
    with emulated(precision):
        step_with(layer, 0.25)
    assert layer.weight.tolist() == [[3 - 0.125, 4 - 0.125]]
    assert layer.bias.tolist() == [5 - 0.125]


def adamw(layer):
    return Stepper(torch.optim.AdamW(layer.parameters(), 0.1, fused=True), CPU)


def test_a_batch_that_overflows_fp16_is_left_out_and_leaves_no_trace():
    layer = nn.Linear(3, 2)
    twin, start = copy.deepcopy(layer), copy.deepcopy(layer.state_dict())
    with emulated("fp16") as tally:
        stepper = step_with(layer, 100.0, stepper=adamw(layer))  # 100 · 2^16 > 65504
        assert all(torch.equal(layer.state_dict()[n], start[n]) for n in start)
        assert tally == Tally("fp16", steps=1, skipped=1)
        assert stepper.scaler.get_scale() == 2.0**15
        step_with(layer, 0.25, stepper=stepper)
        assert tally == Tally("fp16", steps=2, skipped=1)
        assert stepper.scaler.get_scale() == 2.0**15
        step_with(twin, 0.25, stepper=adamw(twin))
    assert not torch.equal(layer.weight, start["weight"])
    assert torch.equal(layer.weight, twin.weight)
    assert torch.equal(layer.bias, twin.bias)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_other_formats_leave_nothing_out(precision):
    layer = nn.Linear(3, 2)
    start = layer.weight.detach().clone()
    with emulated(precision) as tally:
        step_with(layer, 100.0, stepper=adamw(layer))
    assert tally == Tally(precision, steps=1, skipped=0)
    assert (layer.weight != start).all()


@pytest.mark.parametrize("precision", FORMATS)
def test_a_step_counts_in_its_context_only(precision):
    layer = nn.Linear(2, 1)
    with emulated(precision) as tally:
        assert step_with(layer, 0.25).scaler.is_enabled() == (precision == "fp16")
    assert not step_with(layer, 0.25).scaler.is_enabled()
    assert tally == Tally(precision, steps=1)


class Slopes:
    """One beat a batch; the loss of a beat is the network's output for 1 times its slope."""

    def __init__(self, model, *slopes):
        self.model, self.slopes, self.seen = model, torch.tensor(slopes), []

    def __len__(self):
        return len(self.slopes)

    def loss(self, index, generator):
        self.seen += index.tolist()
        return self.model.out(torch.ones(1, 3)).sum() * self.slopes[index].sum()


def fitted(*slopes, epochs=2, seed=7):
    model = nn.ModuleDict({"out": nn.Linear(3, 2)})
    task = Slopes(model, *slopes)
    history = fit(model, ("out",), task, Schedule(epochs, 1, 1e-3, 0.01), seed=seed)
    return history, task


def test_a_history_counts_its_steps_and_a_context_those_of_all_trainings():
    with emulated("fp16") as tally:
        first, _ = fitted(0.1, 100.0, 0.1, 0.1)
        second, _ = fitted(0.1, 0.1, 0.1, epochs=1)
    assert (first.steps, first.skipped) == (8, 2)  # the steep beat, once an epoch
    assert (second.steps, second.skipped) == (3, 0)
    assert tally == Tally("fp16", steps=11, skipped=2)
    outside, _ = fitted(0.1, 100.0, 0.1, 0.1)
    assert (outside.steps, outside.skipped) == (8, 0)
    assert tally.steps == 11


@in_each
def test_an_epoch_whose_loss_is_not_finite_ends_the_training(precision):
    message = "the training loss is not a finite number"
    with emulated(precision), pytest.raises(UserError, match=message):
        fitted(0.1, float("nan"), 0.1)


class Spy(SupervisedTask):
    """Remembers which beats each step saw."""

    def loss(self, index, generator):
        self.__dict__.setdefault("seen", []).append(index.tolist())
        return super().loss(index, generator)


def trained(precision):
    """A network after two epochs, its history, and the batches that it saw."""
    model = small_network()
    parts = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc1", "fc2", "out")
    task = Spy(model, (torch.from_numpy(near_one(40, 64)),), torch.arange(40) % 3)
    with emulated(precision) if precision else nullcontext():
        history = fit(model, parts, task, Schedule(2, 16, 1e-3, 0.01), seed=7)
    return model.state_dict(), history, task.seen


def test_fp32_is_what_training_without_a_context_is_bit_for_bit():
    (state, history, _), (plain, before, _) = trained("fp32"), trained(None)
    assert all(torch.equal(state[name], plain[name]) for name in plain)
    assert history.loss == before.loss
    assert (history.steps, history.skipped) == (6, 0)


def test_all_formats_see_the_same_batches_and_train_other_weights():
    found = {precision: trained(precision) for precision in FORMATS}
    batches = found["fp32"][2]
    for epoch in (batches[:3], batches[3:]):
        assert sorted(i for batch in epoch for i in batch) == list(range(40))
    assert found["fp16"][2] == found["bf16"][2] == batches
    first, *others = (state["conv1.conv.weight"] for state, _, _ in found.values())
    for other in others:
        assert not torch.equal(first, other)
        torch.testing.assert_close(first, other, rtol=0, atol=0.02)  # six steps of 0.001


def test_all_formats_solve_the_same_puzzles():
    seen = {precision: [] for precision in FORMATS}
    for precision, beats in seen.items():
        line = nn.ModuleDict({"out": nn.Linear(12, 6)})

        def forward(x, line=line, beats=beats):
            beats.append(x)
            return line.out(x)

        task = PuzzleTask(forward, torch.from_numpy(near_one(20, 12)), (3, 7), torch.ones(12))
        with emulated(precision):
            fit(line, ("out",), task, Schedule(2, 8, 1e-3, 0.01), seed=7)
    for precision in REDUCED:
        np.testing.assert_array_equal(torch.cat(seen[precision]), torch.cat(seen["fp32"]))
