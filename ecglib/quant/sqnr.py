"""Noise that rounding to integers adds to the output of each layer."""

import torch

from ecglib.models.layers import watched
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.qat import quantize


@torch.no_grad()
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
    exact, noisy = {}, {}
    folded = quantize(fp32, "none")  # BatchNorm, as in `rounded`
    for model, seen in ((folded, exact), (rounded, noisy)):
        with watched(model, lambda name, _, output, seen=seen: seen.update({name: output})):
            model(*inputs)
    return {
        name: float(sqnr_db(output.cpu().numpy(), noisy[name].cpu().numpy()))
        for name, output in exact.items()
    }
