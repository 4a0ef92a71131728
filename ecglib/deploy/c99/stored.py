"""Weights and biases of a fake-quantized layer as the integers that a device stores."""

from dataclasses import dataclass

import numpy as np

LARGEST_BIAS = 2**30
"""Largest integer of a bias, so that adding products cannot overflow 32 bits."""


@dataclass(frozen=True)
class Stored:
    """One layer in integers.

    Attributes
    ----------
    weight : ndarray of int8, shape (n_out, ...)
        Weights in units of `scale`.
    scale : ndarray of float32, shape (n_out,)
        Scale of the weights of each output channel.
    bias : ndarray of int32, shape (n_out,)
        Biases in units of `step`.
    input_scale : float32
        Value of one step of the input.
    input_zero : int
        Unsigned byte that means 0 in the input.
    """

    weight: np.ndarray
    scale: np.ndarray
    bias: np.ndarray
    input_scale: np.float32
    input_zero: int

    @property
    def step(self):
        """Input scale × `scale`, the unit of the layer's sums, (n_out,) float32."""
        return self.input_scale * self.scale


def stored_integers(layer):
    """Weights and biases of a calibrated QuantConv1d or QuantLinear as integers, `Stored`.

    A bias must fit into 32 bits in units of input scale × weight scale. If the weights of a
    channel are too small for this, their scale is raised and they are rounded to zero. A
    missing bias is zero.
    """
    weight, scale = layer.weight_quantizer.integers(layer.weight.detach().cpu())
    weight, scale = weight.numpy(), scale.cpu().numpy()
    bias = np.zeros(len(scale)) if layer.bias is None else layer.bias.detach().cpu().numpy()
    reads = layer.input_quantizer
    bias, input_scale = bias.astype(np.float64), float(reads.scale)
    least = np.abs(bias) / input_scale / LARGEST_BIAS
    raised = np.maximum(scale, least.astype(np.float32))
    shaped = (scale / raised).reshape(-1, *[1] * (weight.ndim - 1))
    in_steps = np.rint(bias / (input_scale * raised.astype(np.float64))).astype(np.int32)
    return Stored(
        weight=np.rint(weight * shaped).astype(np.int8),
        scale=raised,
        bias=in_steps,
        input_scale=np.float32(input_scale),
        input_zero=int(reads.zero_point),
    )
