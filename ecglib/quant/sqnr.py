"""How much noise integers add, layer by layer."""

import torch

from ecglib.models.layers import watched
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.qat import quantize


@torch.no_grad()
def traced(model, *inputs):
    """Layer -> what each convolution and linear layer reads, not yet rounded, and what it
    returns, tensors (B, ...), for one batch of the network's arguments (B, ...)."""
    seen = {}
    with watched(model, lambda name, *tensors: seen.update({name: tensors})):
        model(*inputs)
    return seen


def output_sqnr(fp32, rounded, *inputs):
    """Layer -> signal-to-quantization-noise ratio of its output in dB, earlier noise included.

    After QAT the weights have moved too, which counts as noise here.

    Parameters
    ----------
    fp32 : Module
        The network before rounding, in evaluation mode.
    rounded : Module
        From `ecglib.quant.quantize`, calibrated.
    *inputs : Tensor, shape (B, ...)
        Arguments of the network.
    """
    exact = traced(quantize(fp32, "none"), *inputs)  # BatchNorm folded, as in the other
    noisy = traced(rounded, *inputs)
    return {
        name: float(sqnr_db(output.cpu().numpy(), noisy[name][1].cpu().numpy()))
        for name, (_, output) in exact.items()
    }
