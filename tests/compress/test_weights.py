"""Which parameters are weights."""

import pytest
import torch
from torch import nn

from ecglib.compress.weights import arrays_of, coded_names, layout, matrix_names
from ecglib.system.errors import UserError

ORIGINAL = "normed.parametrizations.weight.original"


def test_gains_and_factors_are_weights_and_biases_are_not(net):
    expected = {"conv.weight", "norm.weight", f"{ORIGINAL}0", f"{ORIGINAL}1", "out.weight"}
    assert set(coded_names(net)) == expected
    others = {name for name, _ in net.named_parameters()} - expected
    assert others == {"conv.bias", "norm.bias", "normed.bias", "out.bias", "masked_spec_embed"}


def test_matrices_are_what_layers_multiply_with(net):
    assert matrix_names(net) == ["conv.weight", f"{ORIGINAL}1", "out.weight"]
    assert matrix_names(nn.Linear(3, 2)) == ["weight"]


def test_a_kernel_of_one_is_a_matrix_too():
    """Its shape has as little in it as that of a factor of weight norm."""
    assert matrix_names(nn.Sequential(nn.Conv1d(1, 5, 1))) == ["0.weight"]


def test_the_layout_is_the_state_dict(net):
    found, state = layout(net), net.state_dict()
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in state.items())


def test_shared_tensors_are_listed_once():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    assert set(layout(net)) == {"0.weight", "0.bias", "1.bias"}


def test_buffers_that_are_not_stored_are_left_out():
    net = nn.Linear(2, 2)
    net.register_buffer("scratch", net.weight.detach().clone(), persistent=False)
    assert set(layout(net)) == {"weight", "bias"}


@pytest.mark.parametrize("name", ["conv.bias", "nowhere.weight", "norm.running_mean"])
def test_what_is_no_weight_is_refused(net, name):
    with pytest.raises(UserError, match=f"{name} is not a weight of the network"):
        arrays_of(net, [name])


def test_weights_that_are_not_finite_are_refused(net):
    net.conv.weight.data[0, 0, 0] = float("nan")
    with pytest.raises(UserError, match=r"conv\.weight has NaN or infinite values"):
        arrays_of(net, ["conv.weight"])
