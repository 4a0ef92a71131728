"""Noise by layer, against sums worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.quant import calibrate, quantize
from ecglib.quant.sqnr import output_sqnr, traced


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).eval()


def test_layers_are_traced_with_what_they_read_and_return(network):
    x = torch.randn(4, 6)
    seen = traced(network, x)
    assert list(seen) == ["0", "2"]
    torch.testing.assert_close(seen["0"], (x, network[0](x)))
    torch.testing.assert_close(seen["2"], (network[0](x).relu(), network(x)))
    assert not any(module._forward_hooks for module in network.modules())


def test_noise_is_the_ratio_of_energies(network):
    x = torch.randn(200, 6)
    rounded = quantize(network, "all_int8")
    calibrate(rounded, x)
    found = output_sqnr(network, rounded, x)
    with torch.no_grad():
        exact, noisy = network(x).numpy(), rounded(x).numpy()
    by_hand = 10 * np.log10((exact**2).sum() / ((exact - noisy) ** 2).sum())
    assert found["2"] == pytest.approx(by_hand, abs=1e-3)
    assert 25 < found["2"] < 60


def test_a_network_has_no_noise_against_itself(network):
    assert set(output_sqnr(network, network, torch.randn(3, 6)).values()) == {float("inf")}
