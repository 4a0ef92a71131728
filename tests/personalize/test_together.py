"""Three ways to one result: plainly with a DataLoader, one by one with caches, side by side."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.models.ecgnet import ECGNet
from ecglib.personalize import online
from ecglib.personalize.online import adapt, finetune, personalize
from ecglib.personalize.plain import adapt_plainly, finetune_plainly, personalize_plainly
from ecglib.personalize.strategies import STRATEGIES
from ecglib.personalize.together import at_once, finetune_together
from tests.personalize.test_online import CONFIG, inputs_of, patients, pretext, train  # noqa: F401


@pytest.fixture(scope="module")
def bare(pretext):  # noqa: F811
    """Without BatchNorm: a bias before it has no gradient but rounding errors, of which Adam
    makes whole steps. (One step with BatchNorm: tests/models/test_stacked.py.)"""
    torch.manual_seed(1)
    return ECGNet(replace(pretext.config, norm="none")).eval()


def assert_same(models, expected):
    """Equal weights, but for rounding."""
    for model, other in zip(models, expected, strict=True):
        for name, tensor in other.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                ours = model.state_dict()[name]
                torch.testing.assert_close(ours, tensor, rtol=0, atol=2e-4, msg=name)


@pytest.mark.parametrize("finetuned", ["head", "all"])
@pytest.mark.parametrize("strategy", ["head_only", "adapters", "full"])
def test_side_by_side_is_one_by_one_is_plainly(pretext, bare, train, strategy, finetuned):  # noqa: F811
    config = replace(CONFIG, strategy=strategy, finetune=finetuned)
    pretext = bare if finetuned == "all" or strategy != "head_only" else pretext
    adapted = [adapt(pretext, inputs_of(15, seed=s).x, config) for s in (3, 4, 5)]
    side_by_side, alone, plainly = (copy.deepcopy(adapted) for _ in range(3))
    shared = None
    if strategy == "head_only" and finetuned == "head":
        shared = pretext.features(train.x).detach()
    finetune_together(side_by_side, train, config, shared)
    for one, other in zip(alone, plainly, strict=True):
        finetune(one, train, config)
        finetune_plainly(other, train, config)
    assert_same(alone, plainly)
    assert_same(side_by_side, plainly)
    moved = side_by_side[0].fc1.weight - adapted[0].fc1.weight
    assert moved.abs().max() > 1e-3  # ten times what may differ


def test_networks_side_by_side_in_groups_are_all_trained(pretext, train, monkeypatch):  # noqa: F811
    config = replace(CONFIG, strategy="full")
    adapted = [adapt(pretext, inputs_of(15, seed=s).x, config) for s in (3, 4, 5)]
    grouped = copy.deepcopy(adapted)
    finetune_together(adapted, train, config)
    monkeypatch.setattr("ecglib.personalize.together.at_once", lambda *_: 2)
    finetune_together(grouped, train, config)
    assert_same(grouped, adapted)


def test_as_many_networks_as_memory_has_room_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10_000, 80_000))
    assert at_once(22, 250, torch.device("cuda")) == 4
    assert at_once(3, 250, torch.device("cuda")) == 3
    assert at_once(22, 10**9, torch.device("cuda")) == 1
    assert at_once(22, 10**9, torch.device("cpu")) == 22


@pytest.mark.parametrize("strategy", ["head_only", "adapters", "full"])
def test_the_puzzle_is_the_same_plainly(bare, strategy):
    config = replace(CONFIG, strategy=strategy, online_epochs=8)  # a head alone has a cache
    x = inputs_of(40, seed=3).x
    assert_same([adapt(bare, x, config)], [adapt_plainly(bare, x, config)])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whole_online_stages_answer_alike(pretext, train, patients, strategy):  # noqa: F811
    config = replace(CONFIG, strategy=strategy)
    ours, _ = personalize(pretext, train, patients, config)
    plainly = personalize_plainly(pretext, train, patients, config)
    assert ours.keys() == plainly.keys()
    for record, classes in plainly.items():
        assert np.mean(ours[record] == classes) > 0.97  # rounding may decide a tie


def test_a_gpu_takes_the_patients_side_by_side(pretext, train, patients, monkeypatch):  # noqa: F811
    config, sizes = replace(CONFIG, strategy="last_blocks"), []

    def counted(models, *rest):
        sizes.append(len(models))
        finetune_together(models, *rest)

    monkeypatch.setattr(online, "finetune_together", counted)
    expected, _ = personalize(pretext, train, patients, config)
    assert not sizes
    monkeypatch.setattr(online, "pays_side_by_side", lambda device: True)
    ours, _ = personalize(pretext, train, patients, config)
    assert sizes == [len(patients)]
    for record, classes in expected.items():
        assert np.mean(ours[record] == classes) > 0.97
