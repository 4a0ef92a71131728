"""Noise that rounding to integers adds to the output of each layer."""

import torch

from ecglib.models.layers import watched
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.qat import quantize


@torch.no_grad()
def traced(model, *inputs):
    """Input (before rounding) and output of each convolution and linear layer, for one batch.

    Returns a dict from the layer's name to two tensors (B, ...). `inputs` are the network's
    arguments (B, ...).
    """
    seen = {}
    with watched(model, lambda name, *tensors: seen.update({name: tensors})):
        model(*inputs)
    return seen


def output_sqnr(fp32, rounded, *inputs):
    """Signal-to-quantization-noise ratio of each layer's output in dB, a dict by layer.

    The noise includes that of earlier layers. After QAT it also includes the change of the
    weights.

    Parameters
    ----------
    fp32 : Module
        The network before rounding, in evaluation mode.
    rounded : Module
        From `ecglib.quant.quantize`, calibrated.
    *inputs : Tensor, shape (B, ...)
        Arguments of the network.
    """
    exact = traced(quantize(fp32, "none"), *inputs)  # with BatchNorm folded, as in `rounded`
    noisy = traced(rounded, *inputs)
    return {
        name: float(sqnr_db(output.cpu().numpy(), noisy[name][1].cpu().numpy()))
        for name, (_, output) in exact.items()
    }
