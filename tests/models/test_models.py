"""The list of networks: each is what its name says, and fresh ones depend on the seed alone."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from ecglib import models
from ecglib.models.ecgnet import ECGNet
from ecglib.system.errors import UserError
from tests.toys import copied_state, same_state

SMALLEST = {
    "ecgnet": ("paper", {"channels": (4, 4, 4, 4, 4)}),
    "micronet": ("full", {"channels": (2, 2, 2)}),
    "resnet1d": ("small", {"channels": (4, 4, 4, 4), "n_times": 512}),
    "hubert": ("tiny", {"n_times": 200, "layers": 1}),
}


def test_every_network_of_the_list_is_tried():
    assert list(models.MODELS) == list(SMALLEST)


@pytest.mark.parametrize("name", SMALLEST)
def test_a_network_has_what_the_list_asks_for(name):
    size, changes = SMALLEST[name]
    model = models.fresh(name, 7, size, **changes)
    assert type(model) is models.network(name)
    assert model.config == replace(model.SIZES[size], **changes)
    assert not model.training
    inputs = [torch.zeros(2, model.config.n_times)]
    if name in ("ecgnet", "micronet"):
        inputs = [torch.zeros(2, *shape) for shape in model.config.input_shapes.values()]
        assert torch.equal(model.classify(model.features(*inputs)), model(*inputs))
    assert model(*inputs).shape == (2, model.config.n_outputs)
    assert isinstance(dict(model.named_children())["out"], nn.Linear)


@pytest.mark.parametrize("name", SMALLEST)
def test_the_seed_alone_decides_the_weights(name):
    size, changes = SMALLEST[name]
    first = copied_state(models.fresh(name, 7, size, **changes))
    torch.randn(3)
    assert same_state(models.fresh(name, 7, size, **changes), first)
    assert not same_state(models.fresh(name, 8, size, **changes), first)


def test_a_class_may_stand_in_the_list_itself(monkeypatch):
    class Mine(ECGNet):
        pass

    monkeypatch.setitem(models.MODELS, "mine", Mine)
    assert type(models.fresh("mine", 7, "paper", channels=(4, 4, 4, 4, 4))) is Mine


def test_unknown_names_are_refused_with_the_known_ones():
    known = "ecgnet, micronet, resnet1d, hubert"
    with pytest.raises(UserError, match=f"model is 'lstm'; it must be one of: {known}"):
        models.fresh("lstm", 7, "paper")
    with pytest.raises(UserError, match="size is 'huge'; resnet1d has small, paper"):
        models.fresh("resnet1d", 7, "huge")


def test_the_list_costs_no_more_than_torch():
    code = (
        "import sys, ecglib.models; print({'transformers', 'pandas', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
