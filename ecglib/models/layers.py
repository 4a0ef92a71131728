"""The layers of a network that have weights."""

from torch import nn


def weight_layers(model):
    """Name -> module of every convolution and linear layer, in order of the network.

    Examples
    --------
    >>> list(weight_layers(nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Linear(4, 2))))
    ['0', '2']
    """
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv1d | nn.Linear)}
