"""ResNet1D: the equations of paper 2, and the size that its compression ratios imply."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ecglib.models.resnet1d import SIZES, ResidualBlock, ResNet1D, ResNet1DConfig
from ecglib.system.errors import UserError

TINY = ResNet1DConfig(stem=2, channels=(3, 4), strides=(2, 2, 2), n_times=64, n_outputs=5)


def conv_norm(part, x):
    """Convolution and BatchNorm of a part, written out."""
    conv, norm = part.conv, part.norm
    y = F.conv1d(x, conv.weight, conv.bias, conv.stride, conv.padding)
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return (y - norm.running_mean[:, None]) * scale[:, None] + norm.bias[:, None]


def test_a_block_computes_equation_1():
    torch.manual_seed(0)
    block = ResidualBlock(2, 3, kernel=5, stride=2).eval()
    block.first.norm.running_mean.uniform_(-1, 1)
    block.shortcut.norm.running_var.uniform_(0.5, 2)
    x = torch.randn(4, 2, 32)
    z = torch.relu(conv_norm(block.first, x))
    expected = torch.relu(conv_norm(block.second, z)) + conv_norm(block.shortcut, x)
    torch.testing.assert_close(block(x), expected)
    assert expected.shape == (4, 3, 16)


def test_the_last_layer_reads_the_flattened_feature_maps():
    model = ResNet1D(TINY)
    assert model.out.in_features == 4 * 64 // 8
    assert model(torch.zeros(2, 64)).shape == (2, 5)


@pytest.mark.parametrize("kernel", [11, 12, 16])
def test_strides_divide_the_samples_whatever_the_kernel(kernel):
    model = ResNet1D(replace(TINY, kernel=kernel)).eval()
    assert model(torch.zeros(1, 64)).shape == (1, 5)


def test_a_recording_does_not_depend_on_its_neighbours_in_the_batch():
    torch.manual_seed(0)
    model, x = ResNet1D(TINY).eval(), torch.randn(3, 64)
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


def test_the_papers_size_has_six_to_seven_million_parameters():
    model = ResNet1D(SIZES["paper"])
    assert 6e6 < sum(p.numel() for p in model.parameters()) < 7e6
    assert SIZES["paper"].kernel >= 11


def test_strides_must_fit_the_blocks():
    with pytest.raises(UserError, match="strides"):
        ResNet1DConfig(strides=(4, 4))
