"""A micro network in PyTorch, from the integers of its file and back."""

from dataclasses import dataclass

import numpy as np
import torch

from ecglib.deploy import integers
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.stored import stored_integers
from ecglib.deploy.c99.taught import Labels
from ecglib.deploy.integers import WEIGHTS
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.quant import freeze_ranges, quantize
from ecglib.quant.modules import QuantLayer
from ecglib.system.untrusted import refused

MAX_BITS = 8
"""Largest number of bits of a weight in a network in integers."""


@dataclass(frozen=True)
class Shipped:
    """A network ready for use.

    Attributes
    ----------
    model : MicroNet
        Network in integers, in evaluation mode.
    features : str
        Its input, see `ecglib.data.signal.micro_input.micro_inputs`.
    meta : dict
        Facts about its training.
    labels : Labels, optional
        What it has learned since, by which `model` does not change.
    """

    model: MicroNet
    features: str
    meta: dict
    labels: Labels | None = None

    def program(self):
        """The network as a `Program`; with `labels`, one that has learned them."""
        program = lower(self.model, self.features)
        return self.labels.taught(program) if self.labels else program


def load(path=WEIGHTS):
    """Load the network (`Shipped`) of a file that `integers.read` reads; it raises the same."""
    found = integers.read(path)
    with refused(
        f"{path} holds no network of this version; write it with "
        "python -m ecglib export micronet"
    ):
        size, bits = found.meta["size"], found.meta["bits"]
        if not all(own in range(2, MAX_BITS + 1) for own in bits.values()):
            raise ValueError("weights of impossible bits")
        whole = {k: tuple(v) if isinstance(v, list) else v for k, v in size.items()}
        fp32 = MicroNet(MicroNetConfig(**whole)).eval()
        model = quantize(fp32, "all_int8", weight_bits=bits)
        for name, stored in found.layers.items():
            _restore(model.get_submodule(name), stored)
    freeze_ranges(model)
    return Shipped(model, found.features, found.meta, found.labels)


@torch.no_grad()
def _restore(layer, stored):
    """Set a fake-quantized layer so that its integers are the stored ones."""
    scale = stored.scale.reshape(-1, *[1] * (stored.weight.ndim - 1))
    q_max = layer.weight_quantizer.q_max
    weight = np.where(
        np.abs(stored.weight) == q_max,
        np.sign(stored.weight) * _largest(scale, q_max),
        stored.weight * scale,
    )
    layer.weight.copy_(torch.from_numpy(weight))
    layer.bias.copy_(torch.from_numpy(stored.bias * stored.step.astype(np.float64)))
    reads = layer.input_quantizer
    reads.scale.fill_(float(stored.input_scale)), reads.zero_point.fill_(stored.input_zero)
    reads.low.copy_(-reads.zero_point * reads.scale)
    reads.high.copy_((reads.q_max - reads.zero_point) * reads.scale)


def _largest(scale, q_max):
    """Weights that give these scales to the last bit, when a layer divides them by `q_max`."""
    product = scale * q_max
    near = [product, *(np.nextafter(product, np.float32(limit)) for limit in (0, np.inf))]
    return np.select([weight / q_max == scale for weight in near], near, product)


def save(path, model, meta, labels=None):
    """Write a `MicroNet` in integers, with calibrated ranges, as a file that `load` reads.

    `path`, `meta`, `labels` and what is raised are those of `integers.write`.
    """
    named = model.named_modules()
    layers = {name: stored_integers(m) for name, m in named if isinstance(m, QuantLayer)}
    integers.write(path, layers, meta, labels)
