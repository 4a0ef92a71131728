"""Effect of rounded weights on the outputs of layers."""

import torch

from ecglib.models.layers import watched


@torch.no_grad()
def variance_ratios(model, compressed, x):
    """Variance of each layer's output in a compressed network divided by that in the original.

    A dict by layer: convolutions and linear layers, before any normalization; over recordings,
    channels and time.

    Parameters
    ----------
    model, compressed : Module
        Two networks with the same layers, in evaluation mode.
    x : Tensor, shape (n, n_times), float32
        Recordings.
    """
    before, after = {}, {}
    for network, found in ((model, before), (compressed, after)):
        with watched(
            network, lambda name, _, out, to=found: to.update({name: float(out.var())})
        ):
            network(x)
    return {name: after[name] / before[name] for name in before if before[name] > 0}
