"""The diagram of ECGNet says what the network itself does."""

import pytest
import torch

from ecglib.models.ecgnet import BLOCKS, HEAD, ECGNet, ECGNetConfig
from ecglib.plots import architecture


def texts(channels):
    return [text.get_text() for text in architecture.ecgnet(channels).axes[0].texts]


@pytest.mark.parametrize("channels", [(64, 128, 256, 512, 512), (4, 5, 6, 7, 8)])
def test_shapes_and_weights_are_those_of_the_network(channels):
    network, found = ECGNet(ECGNetConfig(channels=channels)), texts(channels)
    x = torch.zeros(1, 1, 300)
    for part in BLOCKS:
        x = getattr(network, part)(x)
        assert f"{x.shape[1]} × {x.shape[2]}" in found
    for part in (*BLOCKS, *HEAD):
        count = sum(p.numel() for p in getattr(network, part).parameters())
        assert f"{count:,}" in found


def test_boxes_stand_where_they_are_asked_for():
    figure, axis = architecture.blank(2)
    architecture.box(axis, (3, 1), (2, 0.5), "a layer")
    architecture.arrow(axis, (1, 1), (2, 1))
    (patch,) = axis.patches
    assert patch.get_extents().transformed(axis.transData.inverted()).bounds == pytest.approx(
        (2, 0.75, 2, 0.5), abs=0.02
    )
    assert figure.get_size_inches().tolist() == [architecture.WIDTH, 2]
