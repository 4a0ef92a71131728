"""What the puzzle on a patient's beats may change, by name (paper 1, table 3)."""

import copy

import torch
from torch import nn

from ecglib.config import STRATEGIES
from ecglib.models.ecgnet import (
    ADAPTERS,
    BLOCKS,
    HEAD,
    LAST_BLOCKS,
    PARTS,
    ECGNet,
    ECGNetConfig,
)

ADAPTED_PARTS = {
    "none": (),
    "head_only": HEAD,
    "adabn": (),
    "adapters": (*ADAPTERS, *HEAD),
    "last_blocks": LAST_BLOCKS,
    "full": PARTS,
}
"""Strategy -> parts of ECGNet that learn from the puzzle on the patient's beats."""


def register(name, parts):
    """Add a strategy, so that studies and params files can name it.

    Parameters
    ----------
    name : str
        What `strategy` in a configuration will say.
    parts : tuple of str
        Parts of ECGNet that the patient's puzzle may change.
    """
    ADAPTED_PARTS[name] = tuple(parts)
    STRATEGIES.append(name)


REDUCTION = 4
"""Channels of a block over channels of its adapter's bottleneck."""


class Adapter(nn.Module):
    """Residual 1×1 bottleneck that starts as the identity (Houlsby et al. 2019).

    Parameters
    ----------
    n_channels : int
        Channels in and out.
    """

    def __init__(self, n_channels):
        super().__init__()
        width = max(1, n_channels // REDUCTION)
        self.down = nn.Conv1d(n_channels, width, kernel_size=1)
        self.relu = nn.ReLU()
        self.up = nn.Conv1d(width, n_channels, kernel_size=1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x):  # (B, C, T) -> (B, C, T)
        return x + self.up(self.relu(self.down(x)))


def add_adapters(model, seed):
    """Put an adapter behind every block; the network's function does not change yet.

    Parameters
    ----------
    model : ECGNet
        Changed in place.
    seed : int
        Seed of the adapters' weights.
    """
    torch.manual_seed(seed)
    device = next(model.parameters()).device
    for block, adapter in zip(BLOCKS, ADAPTERS, strict=True):
        n_channels = getattr(model, block).conv.out_channels
        setattr(model, adapter, Adapter(n_channels).to(device))


def with_adapters(model, config):
    """A copy of an ECGNet, with adapters if the run's strategy has them."""
    model = copy.deepcopy(model)
    if config.strategy == "adapters":
        add_adapters(model, config.seed)
    return model


def n_adapted(model, strategy):
    """Parameters that a strategy lets the patient's puzzle change.

    Parameters
    ----------
    model : ECGNet
        With adapters if the strategy is "adapters".
    strategy : str
        Key of `ADAPTED_PARTS`.

    Returns
    -------
    int
        AdaBN changes no parameter: it replaces the statistics of BatchNorm.
    """
    parts = ADAPTED_PARTS[strategy]
    return sum(p.numel() for part in parts for p in getattr(model, part).parameters())


def adapted_counts(channels):
    """`n_adapted` of every strategy for an ECGNet with BatchNorm and these filters.

    Parameters
    ----------
    channels : tuple of int
        Filters of the five blocks.

    Returns
    -------
    dict of str to int
    """
    model = ECGNet(ECGNetConfig(tuple(channels), n_outputs=6, norm="batch"))
    add_adapters(model, seed=0)
    return {strategy: n_adapted(model, strategy) for strategy in ADAPTED_PARTS}


@torch.no_grad()
def set_batchnorm_statistics(model, x):
    """AdaBN: take means and variances of every BatchNorm from these beats (Li et al. 2017).

    Parameters
    ----------
    model : ECGNet
        Changed in place; left in evaluation mode.
    x : Tensor, shape (n_beats, length)
        The patient's beats, normalised, without labels.
    """
    model.eval()
    start_statistics(model)
    model.features(x)
    model.eval()


def start_statistics(model):
    """Let every BatchNorm take its statistics from what it sees next, the plain mean of it.

    Returns
    -------
    list of BatchNorm1d
        In training mode; the network's other layers stay as they are.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None
    return norms
