"""Noise by layer, against sums worked out by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.quant import calibrate, quantize
from ecglib.quant.sqnr import output_sqnr


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)).eval()


def test_every_layer_is_measured_and_left_without_hooks(network):
    rounded = quantize(network, "all_int8")
    calibrate(rounded, torch.randn(200, 6))
    assert list(output_sqnr(network, rounded, torch.randn(4, 6))) == ["0", "2"]
    assert not any(module._forward_hooks for module in rounded.modules())


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
