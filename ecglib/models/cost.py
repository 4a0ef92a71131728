"""Number of operations of a network, counted by PyTorch while it runs."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from ecglib.models.layers import weight_layers


def counted(work, *arguments):
    """Count the floating-point operations of `work(*arguments)`.

    Returns a counter with `get_total_flops()`, and `get_flop_counts()` by module. Only products
    of matrices and convolutions are counted, forwards and backwards. A multiply–accumulate is
    two operations.
    """
    with FlopCounterMode(display=False) as counter:
        work(*arguments)
    return counter


@torch.no_grad()
def layer_macs(model, *inputs):
    """Number of multiply–accumulate operations of each layer for one beat, dict of str to int.

    Parameters
    ----------
    model : Module
        Any network of convolutions and linear layers.
    *inputs : Tensor, shape (1, ...)
        One beat, as the arguments of the network.

    Examples
    --------
    >>> from torch import nn
    >>> layer_macs(nn.Sequential(nn.Conv1d(2, 4, 3, padding=1)), torch.zeros(1, 2, 10))
    {'0': 240}
    """
    counts, root = counted(model, *inputs).get_flop_counts(), type(model).__name__
    return {name: sum(counts[f"{root}.{name}"].values()) // 2 for name in weight_layers(model)}
