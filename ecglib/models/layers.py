"""The layers of a network that have weights, what they compute, and a block of them."""

from contextlib import contextmanager

from torch import nn


def weight_layers(model):
    """All convolutions and linear layers by name, in order of the network.

    Examples
    --------
    >>> list(weight_layers(nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Linear(4, 2))))
    ['0', '2']
    """
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv1d | nn.Linear)}


class Block(nn.Module):
    """Convolution that keeps the length, BatchNorm if `norm` is "batch", ReLU, max-pooling."""

    def __init__(self, n_in, n_out, kernel, pool, norm="batch"):
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm1d(n_out) if norm == "batch" else nn.Identity()
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool1d(pool)

    def forward(self, x):  # (B, n_in, T) -> (B, n_out, T // pool)
        return self.pool(self.relu(self.norm(self.conv(x))))


@contextmanager
def watched(model, see):
    """Call a function after every convolution and linear layer while a network computes.

    Parameters
    ----------
    model : Module
        Network that runs inside the `with` block.
    see : callable
        Function (name of the layer, its input, its output) -> None, called after each layer;
        input and output are tensors (B, ...).
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
