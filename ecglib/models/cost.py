"""Arithmetic of a network, counted layer by layer."""

import torch

from ecglib.models.layers import weight_layers


@torch.no_grad()
def layer_macs(model, *inputs):
    """Multiply–accumulate operations for one beat.

    Parameters
    ----------
    model : Module
        Any network of convolutions and linear layers.
    *inputs : Tensor, shape (1, ...)
        One beat, as the network takes it.

    Returns
    -------
    dict of str to int
        Layer -> multiplications.

    Examples
    --------
    >>> from torch import nn
    >>> layer_macs(nn.Sequential(nn.Conv1d(2, 4, 3, padding=1)), torch.zeros(1, 2, 10))
    {'0': 240}
    """
    macs, handles = {}, []

    def count(name):
        def hook(layer, _, output):  # every output is a sum over one filter or row
            macs[name] = output[0].numel() * layer.weight[0].numel()

        return hook

    for name, layer in weight_layers(model).items():
        handles.append(layer.register_forward_hook(count(name)))
    try:
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return macs
