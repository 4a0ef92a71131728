"""The proof of coverage: rows counted by hand, and networks that must not pass."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.quant import coverage, quantize, require_coverage
from ecglib.quant.modules import ActivationQuantizer, WeightQuantizer
from ecglib.system.errors import UserError

SIZES = {"conv1.conv": (12, 4)} | {f"conv{i}.conv": (48, 4) for i in range(2, 6)}
SIZES |= {"fc1": (8 * 512, 512), "fc2": (512 * 256, 256), "out": (256 * 3, 3)}
"""Layer -> weights and output channels of the tiny network."""


def network():
    torch.manual_seed(0)
    return ECGNet(ECGNetConfig((4, 4, 4, 4, 4), n_times=64, norm="batch")).eval()


def by_name(model):
    return {row.name: row for row in coverage(model)}


def linear(*rows):
    """Quantized network of one linear layer with these weights."""
    layer = nn.Linear(len(rows[0]), len(rows))
    layer.weight = nn.Parameter(torch.tensor(rows))
    return quantize(nn.Sequential(layer), "all_int8")


class Exact(WeightQuantizer):
    """Says eight bits and rounds nothing."""

    def forward(self, weight):
        return weight


def test_every_layer_is_listed_in_order_with_its_size():
    for scope in ("none", "head_int8", "all_int8"):
        rows = coverage(quantize(network(), scope))
        assert {row.name: (row.n_weights, row.n_out) for row in rows} == SIZES
        assert [row.name for row in rows] == list(SIZES)


def test_bytes_by_hand():
    """A weight in 8 bits; a bias and a scale a channel; scale and zero point of the input."""
    rows = by_name(quantize(network(), "head_int8"))
    assert rows["conv1.conv"].n_bytes == 4 * 12 + 4 * 4
    assert rows["out"].n_bytes == 768 + 3 * 4 + 3 * 4 + 4 + 1
    assert by_name(quantize(network(), "all_int8", bits=4))["out"].n_bytes == 384 + 24 + 5


def test_levels_are_those_of_the_most_varied_channel():
    rows = by_name(linear([127.0, 3.1, 2.9, -1.0, 1.0], [127.0, 0.1, 0.2, -0.3, 0.4]))
    assert rows["0"].levels == 4  # 127, 3 twice, −1, 1
    assert by_name(nn.Sequential(nn.Linear(300, 2)))["0"].levels > 256


def test_noise_of_weights_by_hand():
    (row,) = coverage(linear([127.0, 2.5, -1.25]))
    signal, noise = 127**2 + 2.5**2 + 1.25**2, 0.5**2 + 0.25**2
    assert row.sqnr_db == pytest.approx(10 * np.log10(signal / noise), rel=1e-5)


def test_weights_on_their_grid_have_no_noise():
    (row,) = coverage(linear([127.0, -4.0, 3.0], [0.0, 0.0, 0.0]))
    assert (row.sqnr_db, row.levels) == (None, 3)


@pytest.mark.parametrize("name", ["conv2.conv", "fc2"])
def test_a_layer_left_in_fp32_is_named(name):
    model = quantize(network(), "all_int8")
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, network().get_submodule(name))
    with pytest.raises(UserError) as caught:
        require_coverage(model, "all_int8")
    assert f"scope all_int8 wants layer {name} in 8 bits" in str(caught.value)
    assert "its weights have 32, its input 32" in str(caught.value)


SCOPES = {"none": 0, "head_int8": 3, "shallow_int8": 5, "all_int8": 8}


@pytest.mark.parametrize("wanted", SCOPES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_network_passes_for_its_scope_and_for_smaller_ones(scope, wanted):
    model = quantize(network(), scope)
    refused = pytest.raises(UserError, match=rf"scope {wanted} wants layer .* in 8 bits")
    with refused if SCOPES[wanted] > SCOPES[scope] else nullcontext():
        require_coverage(model, wanted)


def test_weights_that_take_too_many_levels_are_named():
    model = quantize(network(), "all_int8")
    model.fc2.weight_quantizer = Exact(model.fc2.weight)
    n_levels = max(len(np.unique(row)) for row in model.fc2.weight.detach().numpy())
    assert n_levels > 256
    with pytest.raises(UserError, match=f"layer fc2 .* a channel takes {n_levels} levels"):
        require_coverage(model, "all_int8")


def test_an_input_with_too_many_bits_is_named():
    model = quantize(network(), "all_int8")
    model.out.input_quantizer = ActivationQuantizer(16)
    with pytest.raises(UserError, match=r"layer out .* its input 16"):
        require_coverage(model, "all_int8")


def test_fewer_bits_can_be_required():
    require_coverage(quantize(network(), "head_int8", bits=4), "head_int8", bits=4)
    with pytest.raises(UserError, match="layer fc1 in 4 bits, but its weights have 8"):
        require_coverage(quantize(network(), "head_int8"), "head_int8", bits=4)


def test_more_than_eight_bits_are_no_int8():
    with pytest.raises(UserError, match="wants layer fc1 in 8 bits, but its weights have 9"):
        quantize(network(), "head_int8", bits=9)
