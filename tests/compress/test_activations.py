"""Variances of outputs against a walk through the network by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.compress.activations import variance_ratios
from ecglib.compress.coded import encode
from ecglib.compress.weights import matrix_names
from ecglib.models.layers import weight_layers
from tests.toys import bumps, resnet

X = bumps(12).x


def by_hand(model, x):
    """Variance of every layer's output, of the network walked through part by part."""
    outputs = {"stem.conv": model.stem.conv(x.unsqueeze(1))}
    feature = model.stem(x.unsqueeze(1))
    for name in ("block1", "block2"):
        block = model.get_submodule(name)
        outputs[f"{name}.first.conv"] = block.first.conv(feature)
        inner = torch.relu(block.first(feature))
        outputs[f"{name}.second.conv"] = block.second.conv(inner)
        outputs[f"{name}.shortcut.conv"] = block.shortcut.conv(feature)
        feature = block(feature)
    outputs["out"] = model.out(feature.flatten(1))
    flat = {name: y.detach().numpy().astype(np.float64) for name, y in outputs.items()}
    return {name: y.var(ddof=1) for name, y in flat.items()}


def test_ratios_are_variances_after_over_before():
    model, rounded = resnet(), resnet()
    encode(model, 3, names=matrix_names(model)).load_into(rounded)
    before, after = by_hand(model, X), by_hand(rounded, X)
    expected = {name: after[name] / before[name] for name in before}
    assert variance_ratios(model, rounded, X) == pytest.approx(expected, rel=1e-4)
    assert any(abs(ratio - 1) > 0.01 for ratio in expected.values())


def test_a_layer_that_was_silent_before_has_no_ratio():
    model = resnet()
    model.block1.shortcut.conv.weight.data.zero_()
    model.block1.shortcut.conv.bias.data.zero_()
    ratios = variance_ratios(model, resnet(), X)
    assert ratios.keys() == weight_layers(model).keys() - {"block1.shortcut.conv"}


@pytest.mark.parametrize("width", [64, 63])
def test_networks_are_left_without_hooks_even_after_an_error(width):
    model = nn.Sequential(nn.Linear(64, 3), nn.Linear(3, 2))
    if width == 64:
        variance_ratios(model, model, X)
    else:
        with pytest.raises(RuntimeError):
            variance_ratios(model, model, X[:, :width])
    assert not any(layer._forward_hooks for layer in model)
