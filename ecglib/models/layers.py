"""The layers of a network that have weights, and what they compute."""

from contextlib import contextmanager

from torch import nn


def weight_layers(model):
    """Name -> module of every convolution and linear layer, in order of the network.

    Examples
    --------
    >>> list(weight_layers(nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Linear(4, 2))))
    ['0', '2']
    """
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv1d | nn.Linear)}


@contextmanager
def watched(model, see):
    """Look at every convolution and linear layer while a network computes.

    Parameters
    ----------
    model : Module
        Runs inside the block.
    see : callable
        (name of the layer, what it reads, what it returns) -> None, called after each layer;
        tensors (B, ...).
    """
    handles = [
        layer.register_forward_hook(lambda _, given, out, name=name: see(name, given[0], out))
        for name, layer in weight_layers(model).items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
