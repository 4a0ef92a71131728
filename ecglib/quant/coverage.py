"""Check of which layers are quantized, with the number of values that their weights take."""

from dataclasses import asdict, dataclass

import torch

from ecglib.models.layers import weight_layers
from ecglib.quant.modules import QuantLayer
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.scopes import layers_in_scope
from ecglib.system.errors import UserError


@dataclass(frozen=True)
class LayerCoverage:
    """How one layer computes.

    Attributes
    ----------
    name : str
        Name of the layer.
    n_weights, n_out : int
        Number of weights without biases, and of output channels (each has a bias and a scale).
    weight_bits, activation_bits : int
        Bits of its weights and of its input; 32 if they are not quantized.
    levels : int
        Largest number of distinct values that the weights of one output channel have.
    sqnr_db : float or None
        SQNR of its weights in dB; None if nothing is rounded.
    """

    name: str
    n_weights: int
    n_out: int
    weight_bits: int
    activation_bits: int
    levels: int
    sqnr_db: float | None

    @property
    def n_bytes(self):
        """Bytes of weights, int32 or fp32 biases, and fp32 scales and zero points."""
        if self.weight_bits == 32:
            return 4 * (self.n_weights + self.n_out)
        return self.n_weights * self.weight_bits // 8 + (4 + 4) * self.n_out + 5


def coverage(model):
    """List of the `LayerCoverage` of every convolution and linear layer, in order.

    It includes the layers that are not quantized.
    """
    return [_look_at(name, layer) for name, layer in weight_layers(model).items()]


def described(model):
    """`layers` (a dict of each `LayerCoverage`) and `weight_bytes`, for a result file."""
    layers = [asdict(row) | {"n_bytes": row.n_bytes} for row in coverage(model)]
    return {"layers": layers, "weight_bytes": sum(layer["n_bytes"] for layer in layers)}


@torch.no_grad()
def _look_at(name, layer):
    """`LayerCoverage` of a layer, from the weights with which it computes."""
    weight, bits, ratio = layer.weight, (32, 32), None
    if isinstance(layer, QuantLayer):
        weight = layer.weight_quantizer(layer.weight)
        bits = (layer.weight_quantizer.bits, layer.input_quantizer.bits)
        if not torch.equal(weight, layer.weight):
            ratio = float(sqnr_db(layer.weight.cpu().numpy(), weight.cpu().numpy()))
    levels = max(len(channel.unique()) for channel in weight.flatten(1))
    return LayerCoverage(name, weight.numel(), len(weight), *bits, levels, ratio)


def require_coverage(model, scope, bits=8):
    """Check that weights and input of every layer in scope have at most `bits` bits.

    Raises
    ------
    UserError
        If a layer has more; the text names the first such layer.
    """
    wanted = layers_in_scope(model, scope)
    for row in coverage(model):
        if row.name not in wanted:
            continue
        if max(row.weight_bits, row.activation_bits) > bits or row.levels > 2**row.weight_bits:
            raise UserError(
                f"scope {scope} wants layer {row.name} in {bits} bits, but its weights have "
                f"{row.weight_bits}, its input {row.activation_bits}, and a channel takes "
                f"{row.levels} levels; quantize the network with ecglib.quant.quantize"
            )
