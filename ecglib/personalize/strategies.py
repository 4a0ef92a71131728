"""Strategies of personalization: the four of table 3 of paper 1, and `none` and `full`."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from ecglib.models.ecgnet import (
    ADAPTERS,
    BLOCKS,
    HEAD,
    LAST_BLOCKS,
    PARTS,
    ECGNet,
    ECGNetConfig,
)
from ecglib.training.on_beats import puzzle_task

REDUCTION = 4
"""Number of channels of a block divided by that of its adapter's bottleneck."""


class Adapter(nn.Module):
    """Residual 1×1 bottleneck that starts as the identity (Houlsby et al. 2019)."""

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
    """Put an adapter behind every block, in place; the network's outputs stay the same."""
    torch.manual_seed(seed)
    device = next(model.parameters()).device
    for block, adapter in zip(BLOCKS, ADAPTERS, strict=True):
        n_channels = getattr(model, block).conv.out_channels
        setattr(model, adapter, Adapter(n_channels).to(device))


@torch.no_grad()
def set_batchnorm_statistics(model, x):
    """AdaBN: set mean and variance of every BatchNorm from a patient's beats (Li et al. 2017).

    The beats x (n_beats, length) need no labels. The network is changed in place and left in
    evaluation mode.
    """
    model.eval()
    start_statistics(model)
    model.features(x)
    model.eval()


def start_statistics(model):
    """Let every BatchNorm compute its statistics anew, as the mean over the next inputs.

    Returns
    -------
    list of BatchNorm1d
        The BatchNorm layers, now in training mode; other layers stay as they are.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None
    return norms


@dataclass(frozen=True)
class Strategy:
    """How an online stage uses a patient's unlabelled beats.

    Attributes
    ----------
    parts : tuple of str
        Parts of ECGNet that learn from the puzzle on these beats, before the fine-tuning.
    prepare : callable, optional
        Function (model, seed) -> None that changes a copy of the pretext network before it
        learns.
    task : callable
        Function (model, x, config) -> task for `ecglib.training.loop.fit` on the beats
        x (n_beats, length). It is the puzzle, unless a strategy has another loss.
    after : callable, optional
        Function (model, x) -> None that changes the network after the fine-tuning, without
        labels.
    needs_batchnorm : bool
        Whether the strategy is refused if `norm` is "none".
    """

    parts: tuple[str, ...] = ()
    prepare: Callable | None = None
    task: Callable = puzzle_task
    after: Callable | None = None
    needs_batchnorm: bool = False

    @property
    def keeps_backbone(self):
        """Whether the backbone is that of the pretext network in the fine-tuning of a head.

        The features before the head are then the same for all patients.
        """
        return self.prepare is None and set(self.parts) <= set(HEAD)


STRATEGIES = {
    "none": Strategy(),
    "head_only": Strategy(HEAD),
    "adabn": Strategy(after=set_batchnorm_statistics, needs_batchnorm=True),
    "adapters": Strategy((*ADAPTERS, *HEAD), prepare=add_adapters),
    "last_blocks": Strategy(LAST_BLOCKS),
    "full": Strategy(PARTS),
}
"""All strategies by the names that params files use; a new strategy needs a line here."""


def prepared(pretext, config):
    """A copy of the pretext network, changed by `prepare` of the run's strategy."""
    model = copy.deepcopy(pretext)
    if prepare := STRATEGIES[config.strategy].prepare:
        prepare(model, config.seed)
    return model


def adapted_counts(channels):
    """Strategy -> number of parameters that the patient's puzzle may change in an ECGNet.

    It has BatchNorm and these filters. AdaBN changes none, but statistics of BatchNorm.
    """
    model = ECGNet(ECGNetConfig(tuple(channels), n_outputs=6, norm="batch"))
    add_adapters(model, seed=0)
    return {
        name: sum(p.numel() for part in one.parts for p in getattr(model, part).parameters())
        for name, one in STRATEGIES.items()
    }
