"""ResNet1D, the residual network of paper 2 (section 2, equation 1)."""

from dataclasses import dataclass

from torch import nn

from ecglib.system.errors import UserError


@dataclass(frozen=True)
class ResNet1DConfig:
    """Size of a ResNet1D.

    The paper gives the equations but no sizes.

    Attributes
    ----------
    stem : int
        Filters of the first convolution.
    channels : tuple of int
        Filters of the residual blocks.
    strides : tuple of int
        Strides of the first convolution, then of each block.
    kernel : int
        Samples that a convolution spans; those on the shortcuts span one.
    n_times : int
        Samples of a recording.
    n_outputs : int
        Classes.
    dropout : float
        Dropout rate before the last layer; the paper prints 0.2 to 0.3.
    """

    stem: int = 16
    channels: tuple[int, ...] = (32, 64, 96, 128)
    strides: tuple[int, ...] = (4, 4, 4, 2, 2)
    kernel: int = 11
    n_times: int = 5120
    n_outputs: int = 4
    dropout: float = 0.3

    def __post_init__(self):
        if len(self.strides) != len(self.channels) + 1:
            raise UserError(
                f"strides is {self.strides}; give one for the first convolution and one for "
                f"each of the {len(self.channels)} blocks"
            )


SIZES = {
    "small": ResNet1DConfig(),
    "paper": ResNet1DConfig(
        stem=64, channels=(128, 196, 256, 320), strides=(4, 4, 4, 4, 4), kernel=16
    ),
}
"""`small` can be trained on two cores. `paper` has 6.4 million parameters; the share of biases
in them is the share that the paper's compression ratios imply. The true sizes are not
published."""


class ConvNorm(nn.Module):
    """Convolution and BatchNorm; with stride s, T samples become T / s."""

    def __init__(self, n_in, n_out, kernel, stride):
        super().__init__()
        padding = max(0, (kernel - stride + 1) // 2) if stride > 1 else "same"
        self.conv = nn.Conv1d(n_in, n_out, kernel, stride, padding)
        self.norm = nn.BatchNorm1d(n_out)

    def forward(self, x):  # (B, n_in, T) -> (B, n_out, T / stride)
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """Two convolutions, each with BatchNorm and ReLU, plus a shortcut (equation 1)."""

    def __init__(self, n_in, n_out, kernel, stride):
        super().__init__()
        self.first = ConvNorm(n_in, n_out, kernel, stride)
        self.relu1 = nn.ReLU()
        self.second = ConvNorm(n_out, n_out, kernel, 1)
        self.relu2 = nn.ReLU()
        self.shortcut = ConvNorm(n_in, n_out, 1, stride)

    def forward(self, x):  # (B, n_in, T) -> (B, n_out, T / stride)
        z = self.relu1(self.first(x))
        return self.relu2(self.second(z)) + self.shortcut(x)


class ResNet1D(nn.Module):
    """A convolution, residual blocks, and a linear layer on the flattened feature maps.

    Parts are named: `stem`, `block1`, `block2`, …, `out`.

    Examples
    --------
    >>> sum(p.numel() for p in ResNet1D(SIZES["small"]).parameters())
    603172
    """

    reads = "recordings"
    SIZES = SIZES

    def __init__(self, config):
        super().__init__()
        self.config = config
        first, *others = config.strides
        self.stem = ConvNorm(1, config.stem, config.kernel, first)
        n_in, n_times = config.stem, config.n_times // first
        self.blocks = []
        for number, (n_out, stride) in enumerate(zip(config.channels, others, strict=True), 1):
            self.blocks.append(f"block{number}")
            self.add_module(self.blocks[-1], ResidualBlock(n_in, n_out, config.kernel, stride))
            n_in, n_times = n_out, n_times // stride
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(n_in * n_times, config.n_outputs)

    def forward(self, x):  # (B, n_times) -> (B, n_outputs)
        x = self.stem(x.unsqueeze(1))
        for name in self.blocks:
            x = getattr(self, name)(x)
        return self.out(self.dropout(x.flatten(1)))
