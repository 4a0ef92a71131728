"""Fake-quantized layers, which compute with fp32 numbers on an integer grid.

The gradient ignores the rounding (straight-through estimator, Bengio et al. 2013; Jacob et al.
2018). The grid of weights is symmetric, with one scale for each output channel. That of
activations is affine and unsigned, with one scale for each tensor, from running means of the
minima and maxima of batches.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from ecglib.quant.oracle import NO_STEP, SMALLEST_STEP
from ecglib.system.errors import UserError

MOMENTUM = 0.05
"""Share of a new batch in the running range of an activation."""


def _per_channel(weight):
    """A weight tensor with everything but its output channels flattened."""
    return weight.detach().flatten(1)


class WeightQuantizer(nn.Module):
    """Symmetric quantizer of a weight, one scale for each output channel.

    Parameters
    ----------
    weight : Parameter, shape (n_out, ...)
        The weight; read for the first scales if they are learned.
    bits : int
        2 to 8.
    step : {"minmax", "learned"}
        "minmax" computes the scale from the largest absolute weight at every step. "learned"
        trains the scale (LSQ, Esser et al. 2020), so large weights may be clipped.
    """

    def __init__(self, weight, bits=8, step="minmax"):
        super().__init__()
        self.bits, self.q_max = bits, 2 ** (bits - 1) - 1
        self.learned = None
        if step == "learned":
            start = 2 * _per_channel(weight).abs().mean(dim=1) / math.sqrt(self.q_max)
            self.learned = nn.Parameter(torch.where(start > NO_STEP, start, SMALLEST_STEP))

    def scale(self, weight):
        """Scales (n_out,) float32; `SMALLEST_STEP` for a channel whose weights are all zero."""
        if self.learned is not None:
            return self.learned.detach().abs()
        largest = _per_channel(weight).abs().amax(dim=1)
        scale = largest / self.q_max
        return torch.where(scale > NO_STEP, scale, SMALLEST_STEP)

    def integers(self, weight):
        """Integers (n_out, ...) int8 and scales (n_out,); their product is near the weight."""
        scale = self.scale(weight)
        shaped = scale.reshape(-1, *[1] * (weight.dim() - 1))
        return (self._on_grid(weight.detach()) / shaped).round().to(torch.int8), scale

    def forward(self, weight):  # (n_out, ...) -> (n_out, ...)
        if self.learned is not None and self.training:
            return self._learned_step(weight)
        return self._on_grid(weight)

    def _on_grid(self, weight):
        scale = self.scale(weight)
        zero = torch.zeros_like(scale, dtype=torch.int32)
        # with "minmax" no weight reaches −q_max − 1; with a learned step it may
        return torch.fake_quantize_per_channel_affine(
            weight, scale, zero, 0, -self.q_max - 1, self.q_max
        )

    def _learned_step(self, weight):
        """Quantize as LSQ does; the gradient of the scale is made as small as the weights'."""
        damping = 1 / math.sqrt(weight[0].numel() * self.q_max)
        scale = self.learned.abs() * damping
        scale = scale + (self.learned.abs() - scale).detach()
        shaped = scale.reshape(-1, *[1] * (weight.dim() - 1))
        q = (weight / shaped).clamp(-self.q_max - 1, self.q_max)
        return (q + (q.round() - q).detach()) * shaped


class ActivationQuantizer(nn.Module):
    """Affine quantizer of an activation, unsigned, one scale for the whole tensor.

    While `observing` is True it does not round, but records the range. Afterwards it quantizes.
    In training mode the range is still updated until `frozen` is True.

    Parameters
    ----------
    bits : int
        2 to 8.
    """

    def __init__(self, bits=8):
        super().__init__()
        self.bits, self.q_max = bits, 2**bits - 1
        self.observing = self.frozen = False
        self.register_buffer("low", torch.tensor(math.inf))
        self.register_buffer("high", torch.tensor(-math.inf))
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("zero_point", torch.tensor(0, dtype=torch.int32))

    def forget(self):
        """Forget the range; the next batch sets a new one."""
        self.low.fill_(math.inf), self.high.fill_(-math.inf)

    @torch.no_grad()
    def observe(self, x):
        """Move the range towards minimum and maximum of a batch; the first batch sets it."""
        low, high = x.aminmax()
        if not torch.isfinite(high - low):
            raise UserError("an activation is NaN or infinite; look for NaN in the recordings")
        if self.low > self.high:
            self.low.copy_(low), self.high.copy_(high)
        self.low.lerp_(low, MOMENTUM), self.high.lerp_(high, MOMENTUM)
        reach = self.high.clamp(min=0) - self.low.clamp(max=0)
        self.scale.copy_(torch.where(reach > 0, reach / self.q_max, 1.0))
        self.zero_point.copy_((-self.low.clamp(max=0) / self.scale).round())

    def forward(self, x):
        if self.observing:
            self.observe(x)
            return x
        if self.training and not self.frozen:
            self.observe(x)
        return torch.fake_quantize_per_tensor_affine(
            x, self.scale, self.zero_point, 0, self.q_max
        )


class QuantLayer:
    """Base class of quantized layers: it quantizes input, weights and bias.

    The bias is rounded to a multiple of input scale × weight scale. This is the step of the
    products to which it is added, as in integer arithmetic.
    """

    def quantized(self, x):
        """Input, weight and bias, each rounded to its grid."""
        x, weight = self.input_quantizer(x), self.weight_quantizer(self.weight)
        if self.bias is None or self.input_quantizer.observing:
            return x, weight, self.bias
        step = self.input_quantizer.scale * self.weight_quantizer.scale(self.weight)
        rounded = (self.bias / step).round() * step
        return x, weight, self.bias + (rounded - self.bias).detach()


class QuantConv1d(QuantLayer, nn.Conv1d):
    """Convolution on an integer grid."""

    @classmethod
    def like(cls, layer):
        """A convolution of the same shape, whose weights are set later."""
        return cls(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            layer.bias is not None,
            layer.padding_mode,
            "meta",
        )

    def forward(self, x):  # (B, C, T) -> (B, n_out, T)
        return self._conv_forward(*self.quantized(x))


class QuantLinear(QuantLayer, nn.Linear):
    """Linear layer on an integer grid."""

    @classmethod
    def like(cls, layer):
        """A linear layer of the same shape, whose weights are set later."""
        return cls(layer.in_features, layer.out_features, layer.bias is not None, "meta")

    def forward(self, x):  # (B, n_in) -> (B, n_out)
        return F.linear(*self.quantized(x))


TWINS = {nn.Conv1d: QuantConv1d, nn.Linear: QuantLinear}
"""Layers with weights -> their fake-quantized twins."""


def quantized_twin(layer, *, bits=8, weight_bits=None, step="minmax"):
    """A fake-quantized layer that shares the parameters of an fp32 one.

    Parameters
    ----------
    layer : Conv1d or Linear
        The fp32 layer, which is not changed.
    bits : int
        Bits of its input, and of its weights unless `weight_bits` is given.
    step : {"minmax", "learned"}
        See `WeightQuantizer`.
    """
    twin = TWINS[type(layer)].like(layer)
    twin.weight, twin.bias = layer.weight, layer.bias
    twin.input_quantizer = ActivationQuantizer(bits)
    twin.weight_quantizer = WeightQuantizer(layer.weight, weight_bits or bits, step)
    return twin.to(layer.weight.device).train(layer.training)
