"""Losses on recordings, written out in NumPy; draws of beats."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from ecglib.data.samples import Samples
from ecglib.training.tasks import DistilTask, Draws, RecordingTask
from tests.oracles import cross_entropy
from tests.toys import bumps

INDEX = torch.tensor([5, 0, 3, 7])


def recordings():
    """Ten recordings that may be rotated, of which the last samples are padding."""
    x = torch.randn(10, 12, generator=torch.Generator().manual_seed(1))
    x[:, 9:] = 0
    return Samples(x, torch.full((10,), 9), torch.arange(10) % 3)


def generator():
    return torch.Generator().manual_seed(3)


class Net:
    """Linear network that remembers what it was given."""

    def __init__(self, seed):
        weight = torch.randn(12, 3, generator=torch.Generator().manual_seed(seed))
        self.weight, self.seen = weight.requires_grad_(), []

    def __call__(self, x):
        self.seen.append(x)
        return x @ self.weight


def distil(student, teacher, n_steps=4):
    shares = []
    return DistilTask(student, teacher, recordings(), shares.append, n_steps), shares


def test_the_loss_of_recordings_is_the_cross_entropy_of_changed_ones():
    samples, net = recordings(), Net(0)
    task = RecordingTask(net, samples)
    loss = task.loss(INDEX, generator())
    assert len(task) == 10
    (seen,) = net.seen
    assert torch.equal(seen, samples.varied(INDEX, generator()))
    assert not torch.equal(seen, samples.x[INDEX])
    logits = (seen @ net.weight).detach().numpy().astype(np.float64)
    assert loss.item() == pytest.approx(cross_entropy(logits, INDEX.numpy() % 3), rel=1e-5)


def test_beats_are_learnt_as_they_are():
    samples = bumps(9)
    seen = []
    RecordingTask(lambda x: seen.append(x) or x[:, :3], samples).loss(INDEX, generator())
    assert torch.equal(seen[0], samples.x[INDEX])


def test_the_loss_of_a_student_is_labels_and_soft_answers():
    """0.3 · cross-entropy + 0.7 · T² · KL(teacher ‖ student) at temperature T = 2."""
    student, teacher = Net(0), Net(1)
    task, _ = distil(student, teacher)
    loss = task.loss(INDEX, generator())
    assert len(task) == 10
    assert torch.equal(student.seen[0], teacher.seen[0])
    assert torch.equal(student.seen[0], recordings().varied(INDEX, generator()))
    x = student.seen[0].numpy().astype(np.float64)
    own = x @ student.weight.detach().numpy()
    soft = log_softmax(x @ teacher.weight.detach().numpy() / 2, axis=1)
    divergence = (np.exp(soft) * (soft - log_softmax(own / 2, axis=1))).sum(axis=1).mean()
    expected = 0.3 * cross_entropy(own, INDEX.numpy() % 3) + 0.7 * 4 * divergence
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_only_the_student_gets_a_gradient():
    student, teacher = Net(0), Net(1)
    distil(student, teacher)[0].loss(INDEX, generator()).backward()
    assert student.weight.grad.abs().sum() > 0
    assert teacher.weight.grad is None


def test_every_step_is_announced_with_the_share_that_is_done():
    (first, shares), (second, others) = distil(Net(0), Net(1)), distil(Net(0), Net(1))
    for _ in range(4):
        first.loss(INDEX, generator())
    second.loss(INDEX, generator())
    assert shares == [0, 0.25, 0.5, 0.75]
    assert others == [0]


def test_a_step_is_announced_before_the_student_answers():
    order = []
    task = DistilTask(
        lambda x: order.append("student") or x[:, :3],
        lambda x: x[:, :3],
        recordings(),
        lambda share: order.append("step"),
        1,
    )
    task.loss(INDEX, generator())
    assert order == ["step", "student"]


@settings(derandomize=True)  # float32 rounds one draw in ten million up to the next stretch
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=90),
    st.integers(1, 9),
    st.integers(0, 2**32),
)
def test_every_draw_is_a_beat_of_its_own_stretch_of_time(beats, cap, seed):
    source, label = np.array(beats).T
    draws = Draws.balanced(source, label, cap)
    everything = torch.arange(len(draws.first))
    taken = draws.beats(everything, torch.Generator().manual_seed(seed)).numpy()
    for key in set(beats):
        there = np.flatnonzero([beat == key for beat in beats])  # in order of time
        mine = taken[np.isin(taken, there)]
        n_draws = min(cap, len(there))
        for number, beat in zip(range(n_draws), mine, strict=True):
            place = np.searchsorted(there, beat)
            start = number * len(there) / n_draws
            assert int(start) <= place < start + len(there) / n_draws


def test_every_beat_of_a_stretch_is_drawn_as_often():
    source = np.repeat([0, 1], [40, 30])
    draws = Draws.balanced(source, np.zeros(70, int), 4)
    generator = torch.Generator().manual_seed(0)
    taken = torch.cat([draws.beats(torch.arange(8), generator) for _ in range(4000)])
    count = torch.bincount(taken, minlength=70).numpy()
    np.testing.assert_allclose(count[:40], 400, rtol=0.2)  # one of ten beats
    np.testing.assert_allclose(count[40:], 4000 / 7.5, rtol=0.2)  # of seven and a half


@pytest.mark.parametrize("cap", [1, 10, 250])
def test_draws_of_some_are_those_of_all(cap):
    """A batch is part of an epoch: what a draw may take does not depend on its neighbours."""
    draws = Draws.balanced(np.zeros(500, int), np.zeros(500, int), cap)
    order = torch.randperm(cap, generator=generator())
    taken = draws.beats(order, generator())
    np.testing.assert_array_equal((taken.numpy() * cap) // 500, order)
