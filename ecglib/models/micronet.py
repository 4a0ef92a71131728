"""MicroNet, a 1-D convolutional network of a few kilobytes (after Farag 2023, PMC9919183)."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from ecglib.models.layers import Block
from ecglib.system.errors import UserError

BLOCKS = ("conv1", "conv2", "conv3")
HEAD = ("hidden", "out")
EVERYTHING = (*BLOCKS, "rr", *HEAD)


@dataclass(frozen=True)
class MicroNetConfig:
    """Size of a MicroNet.

    Attributes
    ----------
    n_channels : int
        1 for the beat, 2 with its difference to the patient's template.
    n_rr : int
        Columns of timing; 0 for isolated beats.
    channels, kernels, pools : tuple of int
        Filters, samples of a filter, and samples that max-pooling merges, for the three blocks.
    rr_units, hidden_units : int
        Units of the hidden layer that reads the timing, and of the one that reads everything.
    n_times : int
        Samples of a beat.
    n_outputs : int
        Classes.
    """

    n_channels: int = 2
    n_rr: int = 5
    channels: tuple[int, int, int] = (12, 16, 16)
    kernels: tuple[int, int, int] = (7, 5, 3)
    pools: tuple[int, int, int] = (2, 2, 4)
    rr_units: int = 16
    hidden_units: int = 16
    n_times: int = 64
    n_outputs: int = 3

    @property
    def input_shapes(self):
        """Shape of each input for one beat: `beat`, and `rr` if there is timing."""
        beat = {"beat": (self.n_channels, self.n_times)}
        return beat | ({"rr": (self.n_rr,)} if self.n_rr else {})

    def widened(self, factor):
        """The same network with `factor` times the filters and units, at least one each.

        Raises
        ------
        UserError
            If the factor is not above zero.
        """
        if not factor > 0:
            raise UserError(f"width is {factor}; it must be above zero")

        def scaled(n):
            return max(1, round(factor * n))

        return replace(
            self,
            channels=tuple(scaled(n) for n in self.channels),
            rr_units=scaled(self.rr_units),
            hidden_units=scaled(self.hidden_units),
        )


SIZES = {"full": MicroNetConfig()}


class MicroNet(nn.Module):
    """Three convolutional blocks, and a hidden layer that reads their output and the timing.

    Parts are named: `conv1` … `conv3` are blocks, `rr` the hidden layer of the timing if there
    is any, `hidden` and `out` the head.

    Parameters
    ----------
    config : MicroNetConfig
        Size of the network.

    Examples
    --------
    >>> sum(p.numel() for p in MicroNet(MicroNetConfig()).parameters())
    3471
    """

    reads = "micro"
    SIZES = SIZES

    def __init__(self, config):
        super().__init__()
        self.config = config
        n_in, n_times = config.n_channels, config.n_times
        sizes = zip(BLOCKS, config.channels, config.kernels, config.pools, strict=True)
        for name, n_out, kernel, pool in sizes:
            self.add_module(name, Block(n_in, n_out, kernel, pool))
            n_in, n_times = n_out, n_times // pool
        self.rr = nn.Identity()
        n_joined = n_in * n_times
        if config.n_rr:
            self.rr = nn.Sequential(nn.Linear(config.n_rr, config.rr_units), nn.ReLU())
            n_joined += config.rr_units
        self.hidden = nn.Linear(n_joined, config.hidden_units)
        self.relu = nn.ReLU()
        self.out = nn.Linear(config.hidden_units, config.n_outputs)

    def features(self, x, rr):  # (B, n_channels, n_times), (B, n_rr) -> (B, n_features)
        """Input of the head: flattened feature maps, then the hidden layer of the timing."""
        for name in BLOCKS:
            x = getattr(self, name)(x)
        return torch.cat([x.flatten(1), self.rr(rr)], dim=1)

    def embed(self, features):  # (B, n_features) -> (B, hidden_units)
        """Output of the last hidden layer; similar beats have similar vectors there."""
        return self.relu(self.hidden(features))

    def classify(self, features):  # (B, n_features) -> (B, n_outputs)
        """Logits from features."""
        return self.out(self.embed(features))

    def forward(self, x, rr):  # (B, n_channels, n_times), (B, n_rr) -> (B, n_outputs)
        return self.classify(self.features(x, rr))
