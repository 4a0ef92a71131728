"""Importance of layers against the formulas of paper 2, written out."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.compress.importance import importance, indices
from ecglib.compress.weights import coded_names
from ecglib.system.errors import UserError


def set_weights(layer, values):
    layer.weight.data = torch.tensor(values, dtype=torch.float32).reshape(layer.weight.shape)


@pytest.fixture
def by_hand():
    """Weights ±1 (kurtosis 1), and six 0 with ±2 (kurtosis 4); both have variance 1."""
    net = nn.Sequential(nn.Linear(4, 2, bias=False), nn.Linear(2, 4, bias=False))
    set_weights(net[0], [1, -1, 1, -1, 1, -1, 1, -1])
    set_weights(net[1], [0, 0, 0, 0, 0, 0, 2, -2])
    return net


def test_indices_by_hand(by_hand):
    found = indices(by_hand, ["0.weight", "1.weight"])
    assert (found["0.weight"].pdi, found["1.weight"].pdi) == (0.5, 0.5)
    assert (found["0.weight"].pvi, found["1.weight"].pvi) == (1, 1)
    assert (found["0.weight"].ki, found["1.weight"].ki) == (0.25, 1)


def test_importance_is_the_weighted_sum(by_hand):
    found = importance(by_hand, ["0.weight", "1.weight"])
    assert found["0.weight"] == pytest.approx(0.1 * 0.5 + 0.1 * 1 + 0.8 * 0.25)
    assert found["1.weight"] == pytest.approx(0.1 * 0.5 + 0.1 * 1 + 0.8 * 1)
    assert importance(by_hand, ["0.weight"], 1, 0, 0) == {"0.weight": 1}


def test_indices_are_those_of_moments(net):
    names = coded_names(net)
    weights = {n: net.get_parameter(n).detach().double().numpy().ravel() for n in names}
    central = {n: w - w.mean() for n, w in weights.items()}
    variance = {n: (c**2).mean() for n, c in central.items()}
    kurtosis = {n: (c**4).mean() / (c**2).mean() ** 2 for n, c in central.items()}
    total = sum(w.size for w in weights.values())
    for name, layer in indices(net, names).items():
        assert layer.pdi == weights[name].size / total
        assert layer.pvi == pytest.approx(variance[name] / max(variance.values()))
        assert layer.ki == pytest.approx(kurtosis[name] / max(kurtosis.values()))


def test_size_and_variance_relate_to_the_chosen_layers_alone(by_hand):
    set_weights(by_hand[1], np.arange(8) * 100.0)
    assert indices(by_hand, ["0.weight"])["0.weight"].pdi == 1
    assert indices(by_hand, ["0.weight"])["0.weight"].pvi == 1


def test_a_layer_without_variance_has_only_its_size(net):
    """Gains of a fresh BatchNorm are all one."""
    net.norm.weight.data.fill_(1)
    layer = indices(net, coded_names(net))["norm.weight"]
    assert (layer.pvi, layer.ki) == (0, 0)
    assert layer.pdi > 0


def test_layers_that_all_lack_variance_are_refused(net):
    net.norm.weight.data.fill_(1)
    with pytest.raises(UserError, match=r"no layer has weights that differ \(norm\.weight\)"):
        importance(net, ["norm.weight"])
    with pytest.raises(UserError, match=r"no layer has weights that differ \(none\)"):
        importance(net, [])


@pytest.mark.parametrize("factors", [(0, 0, 0), (-0.1, 0.5, 0.6)])
def test_factors_that_weigh_nothing_are_refused(net, factors):
    with pytest.raises(UserError, match="cannot weigh the indices"):
        importance(net, coded_names(net), *factors)
