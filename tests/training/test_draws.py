"""Draws that no patient dominates, variation of beats, and replay."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ecglib.data.inputs import Inputs
from ecglib.training.tasks import BalancedTask, Draws, ReplayTask, stretched


def test_draws_change_from_step_to_step():
    draws = Draws.balanced(np.zeros(1000, int), np.zeros(1000, int), 10)
    generator = torch.Generator().manual_seed(1)
    first, second = (draws.beats(torch.arange(10), generator) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("cap", [250, 1000])
def test_a_number_close_to_one_stays_within_its_class(monkeypatch, cap):
    largest = torch.tensor(1.0).nextafter(torch.tensor(0.0))
    monkeypatch.setattr(torch, "rand", lambda n, generator: largest.expand(n))
    draws = Draws.balanced(np.repeat([0, 1], 1003), np.zeros(2006, int), cap)
    taken = draws.beats(torch.arange(2 * cap), None).numpy()
    assert (taken[:cap] < 1003).all()
    assert (taken[cap:] < 2006).all()


def beats(n=6):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 2, 64, generator=generator)
    return Inputs(x, torch.randn(n, 5, generator=generator), torch.arange(n) % 3)


def logits(x, rr):
    return torch.stack([x.mean((1, 2)), rr.sum(1), x[:, 0, 3]], dim=1)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
def test_without_variation_the_loss_is_plain_cross_entropy(weight):
    inputs = beats()
    draws = Draws.balanced(np.arange(6), np.arange(6) % 3, 5)
    task = BalancedTask(logits, inputs, draws, weight, 0.0)
    assert len(task) == 6
    index = torch.tensor([4, 1])
    found = task.loss(index, torch.Generator().manual_seed(0))
    by_hand = F.cross_entropy(logits(inputs.x, inputs.rr)[index], inputs.y[index], weight)
    torch.testing.assert_close(found, by_hand)


def test_variation_is_reproducible_and_of_the_stated_size():
    n = 4000
    inputs = Inputs(torch.ones(n, 1, 64), torch.zeros(n, 5), torch.zeros(n, dtype=torch.int64))
    task = BalancedTask(logits, inputs, None, None, 0.2)
    x, rr = task.varied(inputs, torch.Generator().manual_seed(3))
    again, _ = task.varied(inputs, torch.Generator().manual_seed(3))
    torch.testing.assert_close(x, again)
    assert x[:, 0, 0].log().std().item() == pytest.approx(0.2, rel=0.1)
    assert rr.std().item() == pytest.approx(0.2, rel=0.1)


def test_stretching_by_one_changes_nothing_and_a_shift_moves():
    x = torch.randn(3, 2, 64, generator=torch.Generator().manual_seed(0))
    one, none = torch.tensor(1.0), torch.tensor(0)
    torch.testing.assert_close(stretched(x, one, none), x)
    torch.testing.assert_close(stretched(x, one, torch.tensor(2))[:, :, :60], x[:, :, 2:62])


def test_slower_time_widens_around_the_middle():
    ramp = torch.arange(64.0).reshape(1, 1, 64)
    slow = stretched(ramp, torch.tensor(2.0), torch.tensor(0))[0, 0]
    oracle = np.interp((np.arange(64) - 31.5) / 2 + 31.5, np.arange(64), np.arange(64))
    np.testing.assert_allclose(slow.numpy(), oracle, atol=1e-4)


def test_replay_adds_both_losses():
    old, new = beats(6), beats(3)
    weight = torch.tensor([1.0, 0.5, 2.0])
    replayed, labelled = (old.x, old.rr), (new.x, new.rr)
    task = ReplayTask(logits, replayed, old.y, labelled, new.y, weight, label_weight=3.0)
    index = torch.tensor([0, 5, 2])
    found = task.loss(index, torch.Generator().manual_seed(0))
    first = F.cross_entropy(logits(old.x, old.rr)[index], old.y[index])
    second = F.cross_entropy(logits(new.x, new.rr), new.y, weight)
    torch.testing.assert_close(found, first + 3 * second)


def test_replay_shows_a_bounded_number_of_labels():
    old, new = beats(4), beats(300)
    seen = []

    def spied(x, rr):
        seen.append(len(x))
        return logits(x, rr)

    task = ReplayTask(spied, (old.x, old.rr), old.y, (new.x, new.rr), new.y, None, 1.0)
    task.loss(torch.tensor([0, 1]), torch.Generator().manual_seed(0))
    assert seen == [2 + ReplayTask.MOST_LABELLED]
