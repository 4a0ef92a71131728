"""Adapting without labels, against statistics, ratios and entropies of their own."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ecglib.data.inputs import Inputs
from ecglib.models.micronet import BLOCKS
from ecglib.personalize import label_free
from tests.personalize.patients import beats, network


def statistics(model):
    """Name -> mean and variance of every BatchNorm."""
    norms = {n: getattr(model, n).norm for n in BLOCKS}
    return {n: torch.stack([norm.running_mean, norm.running_var]) for n, norm in norms.items()}


def own_statistics(model, x):
    """Oracle: mean and variance of what each BatchNorm sees, those before it set likewise."""
    found = {}
    for name in BLOCKS:
        block = getattr(model, name)
        seen = block.conv(x)
        values = seen.transpose(0, 1).flatten(1).double()
        found[name] = torch.stack([values.mean(dim=1), values.var(dim=1)]).float()
        normal = F.batch_norm(seen, None, None, block.norm.weight, block.norm.bias, True)
        x = F.max_pool1d(F.relu(normal), block.pool.kernel_size)
    return found


@pytest.fixture
def model():
    """Its statistics are neither those of a fresh network nor of any patient below."""
    model = network()
    for name in BLOCKS:
        norm = getattr(model, name).norm
        nn.init.uniform_(norm.running_mean, -1, 1)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
    return model


@pytest.mark.parametrize(("prior", "share"), [(0, 1.0), (50, 0.5), (150, 0.25)])
def test_statistics_lie_between_everybodys_and_the_patients(model, prior, share):
    one, before = beats(50, 3), statistics(copy.deepcopy(model))
    with torch.no_grad():
        own = own_statistics(model, one.x)
    found = statistics(label_free.shrunk_adabn(model, one, prior_beats=prior))
    for name in BLOCKS:
        expected = share * own[name] + (1 - share) * before[name]
        torch.testing.assert_close(found[name], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("adapt", [label_free.shrunk_adabn, label_free.minimised_entropy])
def test_everybodys_network_stays_as_it_is(model, adapt):
    before = copy.deepcopy(model.state_dict())
    adapt(model, beats(50, 3))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training
    assert all(p.requires_grad for p in model.parameters())


def zeros(n, fill=9.0):
    return Inputs(torch.zeros(n, 1, 64), torch.full((n, 5), fill), torch.zeros(n))


def test_own_ratios_by_hand():
    found = label_free.own_ratios(zeros(5), np.array([0, 1, 2, 2.5, 4]), 3).rr
    assert found[1].tolist() == [0, 0, 0, 0, 9]
    assert found[3].tolist() == [-2, -2, 2, 2, 9]
    assert found[0, :4].tolist() == [*found[4, 2:4].tolist(), 0, 0] == [0, 0, 0, 0]


intervals = st.lists(st.floats(0.2, 3), min_size=1, max_size=20)


@given(intervals, st.data())
def test_own_ratios_against_a_loop(rr, data):
    n_online = data.draw(st.integers(2, len(rr) + 1))
    seconds = np.cumsum([0.7, *rr])
    found = label_free.own_ratios(zeros(len(seconds)), seconds, n_online).rr.numpy()
    usual = sum(rr[: n_online - 1]) / (n_online - 1)
    for beat in range(len(seconds)):
        before = rr[beat - 1] if beat else usual
        after = rr[beat] if 0 < beat < len(rr) else usual
        expected = [min(4 * (length / usual - 1), 8) for length in (before, before)]
        expected += [min(4 * (after / usual - 1), 8)] * 2
        np.testing.assert_allclose(found[beat], [*expected, 9], atol=1e-4)


def test_beats_on_one_another_still_have_ratios():
    found = label_free.own_ratios(zeros(4), np.array([1.0, 1.0, 1.0, 1.8]), 3).rr
    assert found[3].tolist() == [8, 8, 0, 0, 9]
    assert torch.isfinite(found).all()


@torch.no_grad()
def entropy(model, inputs):
    p = torch.softmax(model(inputs.x, inputs.rr), dim=1)
    return -(p * p.log()).sum(dim=1)


@pytest.fixture
def unguarded(monkeypatch):
    monkeypatch.setattr(label_free, "SURE_ENOUGH", 2.0)
    monkeypatch.setattr(label_free, "LARGEST_MOVE", 1.0)


@pytest.mark.usefixtures("unguarded")
def test_entropy_falls_by_gains_and_offsets_alone(model):
    one = beats(80, 4)
    new, taken_back = label_free.minimised_entropy(model, one)
    assert not taken_back
    assert entropy(new, one).mean() < entropy(model, one).mean()
    old = model.state_dict()
    moved = {n for n, value in new.state_dict().items() if not torch.equal(value, old[n])}
    assert moved == {f"{b}.norm.{part}" for b in BLOCKS for part in ("weight", "bias")}


@pytest.mark.usefixtures("unguarded")
def test_a_network_that_would_change_too_many_beats_stays(model, monkeypatch):
    one = beats(80, 4)
    new, _ = label_free.minimised_entropy(model, one)
    changed = [m(one.x, one.rr).argmax(dim=1) for m in (model, new)]
    share = float((changed[0] != changed[1]).float().mean())
    assert share > 0
    monkeypatch.setattr(label_free, "LARGEST_MOVE", share)
    assert not label_free.minimised_entropy(model, one)[1]
    monkeypatch.setattr(label_free, "LARGEST_MOVE", share - 1e-6)
    same, taken_back = label_free.minimised_entropy(model, one)
    assert taken_back
    assert same is model


def test_unsure_beats_teach_nothing(model, monkeypatch):
    one = beats(80, 4)
    unsurest = float(entropy(model, one).min() / np.log(3))
    monkeypatch.setattr(label_free, "SURE_ENOUGH", unsurest * 0.99)
    new, taken_back = label_free.minimised_entropy(model, one)
    assert not taken_back
    assert torch.equal(new(one.x, one.rr), model(one.x, one.rr))
