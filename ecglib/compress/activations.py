"""Effect of rounded weights on the outputs of layers."""

import torch

from ecglib.models.layers import watched


@torch.no_grad()
def output_variances(model, x):
    """Variance of each layer's output over recordings `x` (n, n_times), channels and time.

    Returns a dict for the convolutions and linear layers of a network in evaluation mode. The
    output is taken before any normalization.
    """
    variances = {}
    with watched(model, lambda name, _, out: variances.update({name: float(out.var())})):
        model(x)
    return variances


def variance_ratios(model, compressed, x):
    """Variance of each layer's output in a compressed network divided by that in the original.

    Parameters
    ----------
    model, compressed : Module
        Two networks with the same layers, in evaluation mode.
    x : Tensor, shape (n, n_times), float32
        Recordings.

    Returns
    -------
    dict of str to float
    """
    before, after = output_variances(model, x), output_variances(compressed, x)
    return {name: after[name] / before[name] for name in before if before[name] > 0}
