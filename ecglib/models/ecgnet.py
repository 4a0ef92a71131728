"""ECGNet, the 1-D convolutional network of paper 1 (section 3.1)."""

from dataclasses import dataclass

import torch
from torch import nn

from ecglib.models.layers import Block

BLOCKS = ("conv1", "conv2", "conv3", "conv4", "conv5")
HEAD = ("fc1", "fc2", "out")
SHALLOW = ("conv1", "conv2")
LAST_BLOCKS = ("conv4", "conv5", *HEAD)
PARTS = (*BLOCKS, *HEAD)
RR_UNITS = 32
ADAPTERS = ("adapter1", "adapter2", "adapter3", "adapter4", "adapter5")
EVERYTHING = (*BLOCKS, *ADAPTERS, "rr", *HEAD)


@dataclass(frozen=True)
class ECGNetConfig:
    """Size of an ECGNet.

    The paper gives 64 and 128 filters for the first two blocks, kernel 3, units 512 and
    256, and dropout 0.5; filters of blocks 3 to 5 and the pooling size are not published.

    Attributes
    ----------
    channels : tuple of int
        Filters of the five blocks.
    n_times : int
        Samples of a beat.
    n_outputs : int
        6 for the puzzle, 3 for N, S, V.
    norm : {"none", "batch"}
        BatchNorm after each convolution; AdaBN needs it, the paper does not mention it.
    n_rr : int
        Number of RR ratios, which have their own hidden layer before `fc2`; 0 for isolated
        beats.
    """

    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    n_times: int = 300
    n_outputs: int = 3
    norm: str = "none"
    n_rr: int = 0

    @property
    def input_shapes(self):
        """Shape of each input for one beat: `beat`, and `rr` if there are ratios."""
        return {"beat": (self.n_times,)} | ({"rr": (self.n_rr,)} if self.n_rr else {})


SIZES = {"paper": ECGNetConfig()}


class ECGNet(nn.Module):
    """Five convolutional blocks and a head of two hidden layers.

    Parts are named: `conv1` … `conv5` are blocks, `fc1`, `fc2`, `out` the head's linear
    layers, `rr` the hidden layer of RR ratios, if there are any; `adapter1` … `adapter5` do
    nothing until a strategy replaces them. `fc1` is followed by a ReLU as `fc2` is, although
    the paper mentions only the latter.

    Examples
    --------
    >>> sum(p.numel() for p in ECGNet(ECGNetConfig()).parameters())
    3796099
    """

    reads = "beats"
    SIZES = SIZES

    def __init__(self, config):
        super().__init__()
        self.config = config
        n_in, n_times = 1, config.n_times
        for name, adapter, n_out in zip(BLOCKS, ADAPTERS, config.channels, strict=True):
            self.add_module(name, Block(n_in, n_out, kernel=3, pool=2, norm=config.norm))
            self.add_module(adapter, nn.Identity())
            n_in, n_times = n_out, n_times // 2
        self.fc1 = nn.Linear(n_in * n_times, 512)
        self.relu1 = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.rr = nn.Identity()
        if config.n_rr:  # five ratios without a layer would be few among the inputs of fc2
            self.rr = nn.Sequential(nn.Linear(config.n_rr, RR_UNITS), nn.ReLU())
        self.fc2 = nn.Linear(512 + (RR_UNITS if config.n_rr else 0), 256)
        self.relu2 = nn.ReLU()
        self.out = nn.Linear(256, config.n_outputs)

    def features(self, x):  # (B, n_times) -> (B, n_features)
        """Flattened feature maps of beats `x`."""
        x = x.unsqueeze(1)  # (B, 1, T)
        for name, adapter in zip(BLOCKS, ADAPTERS, strict=True):
            x = getattr(self, adapter)(getattr(self, name)(x))
        return x.flatten(1)

    def embed(self, features, rr=None):  # (B, n_features), (B, n_rr) -> (B, 256)
        """Output of the last hidden layer; similar beats have similar vectors there."""
        hidden = self.dropout(self.relu1(self.fc1(features)))
        if self.config.n_rr:
            hidden = torch.cat([hidden, self.rr(rr)], dim=1)
        return self.relu2(self.fc2(hidden))

    def classify(self, features, rr=None):  # (B, n_features), (B, n_rr) -> (B, n_outputs)
        """Logits from features and, if the network has been built for them, RR ratios."""
        return self.out(self.embed(features, rr))

    def forward(self, x, rr=None):  # (B, n_times), (B, n_rr) -> (B, n_outputs)
        return self.classify(self.features(x), rr)


def n_bytes(model, int8_parts=()):
    """Bytes of an ECGNet's weights.

    A weight of the parts in `int8_parts` (names) has one byte, any other has four. Scales and
    zero points are not counted.
    """
    small = sum(p.numel() for name in int8_parts for p in getattr(model, name).parameters())
    return 4 * sum(p.numel() for p in model.parameters()) - 3 * small


def replace_output(model, n_outputs, seed):
    """Replace the output layer by a new one with random weights that follow from the seed."""
    generator = torch.Generator().manual_seed(seed)
    out = nn.Linear(model.out.in_features, n_outputs)
    bound = model.out.in_features**-0.5  # PyTorch's own range for a linear layer
    with torch.no_grad():
        out.weight.uniform_(-bound, bound, generator=generator)
        out.bias.uniform_(-bound, bound, generator=generator)
    model.out = out.to(next(model.parameters()).device)
