"""Multiplications of ECGNet against the arithmetic of its layers."""

import torch

from ecglib.models.cost import layer_macs
from ecglib.models.ecgnet import ECGNet, ECGNetConfig


def test_every_layer_of_ecgnet_by_hand():
    channels = (64, 128, 256, 512, 512)
    macs = layer_macs(ECGNet(ECGNetConfig(channels)).eval(), torch.zeros(1, 300))
    n_times, n_in, by_hand = 300, 1, []
    for n_out in channels:
        by_hand.append(n_times * n_in * n_out * 3)
        n_times, n_in = n_times // 2, n_out
    by_hand += [n_times * n_in * 512, 512 * 256, 256 * 3]
    assert list(macs.values()) == by_hand
    assert round(sum(macs.values()) / 1e6, 1) == 42.3  # million, as the study's facts have it


def test_counting_leaves_no_hooks():
    model = ECGNet(ECGNetConfig((4, 4, 4, 4, 4))).eval()
    layer_macs(model, torch.zeros(1, 300))
    assert not any(module._forward_hooks for module in model.modules())
