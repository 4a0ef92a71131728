"""A tiny network with everything that the compression has to tell apart."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


class TinyNet(nn.Module):
    """Convolution, BatchNorm, weight norm, linear layer, and a parameter that masks."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 6, 5)
        self.norm = nn.BatchNorm1d(6)
        self.normed = weight_norm(nn.Conv1d(6, 4, 3), dim=2)
        self.masked_spec_embed = nn.Parameter(torch.rand(7))
        self.out = nn.Linear(4, 3)

    def forward(self, x):  # (B, 2, T) -> (B, 3)
        x = torch.relu(self.norm(self.conv(x)))
        return self.out(torch.relu(self.normed(x)).mean(dim=2))


def build(seed=0):
    """A `TinyNet` whose gains and statistics are not those of a fresh one."""
    torch.manual_seed(seed)
    net = TinyNet()
    nn.init.normal_(net.norm.weight)
    nn.init.normal_(net.norm.bias)
    net.train()(torch.randn(8, 2, 40))
    return net.eval()


@pytest.fixture
def net():
    return build()
