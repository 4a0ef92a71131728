"""Each strategy changes exactly what its name says; AdaBN against plain statistics."""

import copy
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ecglib.models.ecgnet import ADAPTERS, BLOCKS, ECGNet, ECGNetConfig
from ecglib.personalize import strategies
from ecglib.personalize.online import adapt
from ecglib.personalize.strategies import STRATEGIES, Adapter, Strategy, add_adapters
from ecglib.studies.personalization import PersonalizationConfig
from tests.toys import copied_state

CHANNELS = (16, 16, 16, 16, 16)  # narrower bottlenecks may be dead from the start
HEAD = {"fc1", "fc2", "out"}
LEARNS = {  # what the names of the strategies say
    "none": set(),
    "head_only": HEAD,
    "adabn": set(),
    "adapters": {"adapter1", "adapter2", "adapter3", "adapter4", "adapter5"} | HEAD,
    "last_blocks": {"conv4", "conv5"} | HEAD,
    "full": {"conv1", "conv2", "conv3", "conv4", "conv5"} | HEAD,
}


@pytest.fixture
def beats():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(40, 300)).astype(np.float32))


@pytest.fixture
def pretext(beats):
    """Network with six outputs whose BatchNorms have seen some data."""
    torch.manual_seed(0)
    model = ECGNet(ECGNetConfig(CHANNELS, n_outputs=6, norm="batch"))
    with torch.no_grad():
        model.train()(2 * beats + 1)
    return model.eval()


def config_of(strategy, **more):
    return PersonalizationConfig(
        strategy=strategy, channels=CHANNELS, online_epochs=2, batch_size=16, **more
    )


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_changes_what_its_name_says_and_nothing_else(pretext, beats, strategy):
    started = copy.deepcopy(pretext)
    if strategy == "adapters":
        add_adapters(started, seed=7)
    before, untouched = copied_state(started), copied_state(pretext)
    adapted = adapt(pretext, beats, config_of(strategy))
    for name, tensor in adapted.state_dict().items():
        learns = name.partition(".")[0] in LEARNS[strategy]
        assert torch.equal(tensor, before[name]) != learns, name  # BatchNorm's buffers too
    assert not changed(untouched, pretext.state_dict())  # the next patient starts anew
    assert not adapted.training


def test_a_strategy_can_be_added(pretext, beats, monkeypatch):
    monkeypatch.setitem(STRATEGIES, "two_parts", Strategy(parts=("conv1", "fc2")))
    adapted = adapt(pretext, beats, config_of("two_parts"))
    moved = changed(pretext.state_dict(), adapted.state_dict())
    assert {name.partition(".")[0] for name in moved} == {"conv1", "fc2"}


def test_a_strategy_may_have_another_loss(pretext, beats, monkeypatch):
    """A task that pulls the weights of one layer towards zero."""

    @dataclass(frozen=True)
    class Shrink:
        model: ECGNet
        n_beats: int

        def __len__(self):
            return self.n_beats

        def loss(self, index, generator):
            return (self.model.fc1.weight**2).mean()

    shrinking = Strategy(("fc1",), task=lambda model, x, config: Shrink(model, len(x)))
    monkeypatch.setitem(STRATEGIES, "shrinking", shrinking)
    adapted = adapt(pretext, beats, config_of("shrinking"))
    assert adapted.fc1.weight.norm() < pretext.fc1.weight.norm()
    assert torch.equal(adapted.fc2.weight, pretext.fc2.weight)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_adapted_parameters_are_counted(pretext, strategy):
    if strategy == "adapters":
        add_adapters(pretext, seed=0)
    by_name = {name: p.numel() for name, p in pretext.named_parameters()}
    expected = sum(n for name, n in by_name.items() if name.split(".")[0] in LEARNS[strategy])
    assert strategies.adapted_counts(CHANNELS)[strategy] == expected


def test_adapters_start_as_the_identity(pretext, beats):
    with_adapters = copy.deepcopy(pretext)
    add_adapters(with_adapters, seed=7)
    assert all(isinstance(getattr(with_adapters, name), Adapter) for name in ADAPTERS)
    assert torch.equal(with_adapters(beats), pretext(beats))


def test_adapters_depend_on_the_seed_alone(pretext):
    states = []
    for seed in (7, 7, 21):
        model = copy.deepcopy(pretext)
        add_adapters(model, seed)
        states.append(copied_state(model))
    assert not changed(states[0], states[1])
    assert "adapter1.down.weight" in changed(states[0], states[2])


def test_an_adapter_is_a_residual_bottleneck():
    torch.manual_seed(0)
    adapter, x = Adapter(8), torch.randn(3, 8, 5)
    torch.nn.init.normal_(adapter.up.weight)
    down, up = adapter.down.weight[:, :, 0], adapter.up.weight[:, :, 0]
    hidden = torch.einsum("oc,bct->bot", down, x) + adapter.down.bias[:, None]
    expected = x + torch.einsum("oc,bct->bot", up, hidden.relu()) + adapter.up.bias[:, None]
    torch.testing.assert_close(adapter(x), expected)
    assert down.shape == (2, 8)


def test_adabn_sees_in_every_block_what_comes_out_of_the_one_before(pretext, beats):
    expected, x = copy.deepcopy(pretext), beats[:, None]
    strategies.set_batchnorm_statistics(pretext, beats)
    for name in BLOCKS:
        block, norm = getattr(expected, name), getattr(pretext, name).norm
        maps = F.conv1d(x, block.conv.weight, block.conv.bias, padding=1)
        mean, var = maps.mean(dim=(0, 2)), maps.var(dim=(0, 2), unbiased=False)
        torch.testing.assert_close(norm.running_mean, mean.detach(), rtol=1e-3, atol=1e-5)
        scaled = (maps - mean[:, None]) / (var[:, None] + block.norm.eps).sqrt()
        scaled = scaled * block.norm.weight[:, None] + block.norm.bias[:, None]
        x = F.max_pool1d(scaled.relu(), 2)


def test_adabn_changes_statistics_alone(pretext, beats):
    before = copied_state(pretext)
    strategies.set_batchnorm_statistics(pretext, beats)
    statistics = {f"{b}.norm.running_{kind}" for b in BLOCKS for kind in ("mean", "var")}
    counters = {f"{block}.norm.num_batches_tracked" for block in BLOCKS}
    assert statistics <= changed(before, pretext.state_dict()) <= statistics | counters
    assert not pretext.training
    assert not any(module.training for module in pretext.modules())


def test_adabn_forgets_the_statistics_from_before(pretext, beats):
    other = copy.deepcopy(pretext)
    strategies.set_batchnorm_statistics(other, 3 * beats - 1)
    for model in (pretext, other):
        strategies.set_batchnorm_statistics(model, beats)
    assert not changed(pretext.state_dict(), other.state_dict())
