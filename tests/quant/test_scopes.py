"""Scopes name the layers that paper 1 names, and refuse networks that lack them."""

import pytest
from torch import nn

from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.layers import weight_layers
from ecglib.personalize.strategies import add_adapters
from ecglib.quant import quantize
from ecglib.quant.scopes import layers_in_scope
from ecglib.system.errors import UserError

TINY = (4, 4, 4, 4, 4)
CONVOLUTIONS = [f"conv{number}.conv" for number in range(1, 6)]
HEAD = ["fc1", "fc2", "out"]


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(
    ("scope", "layers"),
    [
        ("none", []),
        ("head_int8", HEAD),
        ("shallow_int8", [*CONVOLUTIONS[:2], *HEAD]),
        ("all_int8", [*CONVOLUTIONS, *HEAD]),
    ],
)
def test_layers_of_a_scope_in_order_of_the_network(scope, layers, norm):
    model = ECGNet(ECGNetConfig(TINY, norm=norm))
    assert layers_in_scope(model, scope) == layers
    assert layers_in_scope(quantize(model, scope), scope) == layers


def test_rr_units_and_adapters_belong_to_the_whole_network_only():
    model = ECGNet(ECGNetConfig(TINY, n_rr=5))
    add_adapters(model, seed=0)
    more = {"rr.0"} | {f"adapter{i}.{way}" for i in range(1, 6) for way in ("down", "up")}
    assert set(layers_in_scope(model, "all_int8")) == {*CONVOLUTIONS, *HEAD, *more}
    assert layers_in_scope(model, "shallow_int8") == [*CONVOLUTIONS[:2], *HEAD]
    assert layers_in_scope(model, "head_int8") == HEAD


def test_layers_with_weights_are_convolutions_and_linear_layers():
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.ReLU(), nn.Linear(2, 2))
    layers = weight_layers(model)
    assert list(layers) == ["0", "3"]
    assert layers["0"] is model[0]
    assert layers_in_scope(model, "all_int8") == ["0", "3"]


@pytest.mark.parametrize("scope", ["int8", "", "HEAD_INT8", None])
def test_an_unknown_scope_is_refused_with_the_known_ones(scope):
    for call in (layers_in_scope, quantize):
        with pytest.raises(UserError) as caught:
            call(ECGNet(ECGNetConfig(TINY)), scope)
        assert f"scope is {scope!r}" in str(caught.value)
        assert "none, head_int8, shallow_int8, all_int8" in str(caught.value)


@pytest.mark.parametrize("scope", ["head_int8", "shallow_int8"])
def test_a_network_without_the_named_parts_is_refused(scope):
    model = nn.Sequential()
    model.add_module("body", nn.Linear(3, 3))
    model.add_module("top", nn.Linear(3, 2))
    for call in (layers_in_scope, quantize):
        with pytest.raises(UserError) as caught:
            call(model, scope)
        sentence = f"scope {scope} names no layer of Sequential, which has body, top"
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("model", "parts"),
    [(nn.ReLU(), "ReLU, which has no parts"), (nn.Sequential(nn.ReLU()), "0")],
)
def test_a_network_without_weights_is_refused_even_as_a_whole(model, parts):
    with pytest.raises(UserError, match=f"scope all_int8 names no layer of .*{parts}"):
        quantize(model, "all_int8")
