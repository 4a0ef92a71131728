"""A network as a list of integer layers: what a device computes, and the same in NumPy.

Activations are bytes from −128 to 127, sums are 32 bits wide. Every layer is a sum of products
over a window that moves in time, ReLU, max-pooling, and one multiplication that brings the sum
back to a byte: (sum × multiplier + half) >> shift, 64 bits wide (Jacob et al. 2018, section
2.2). A linear layer is a window that fits once.
"""

from dataclasses import dataclass

import numpy as np

OFFSET = 128
"""What is taken from an unsigned byte of `ecglib.quant` to make it signed."""


@dataclass(frozen=True)
class Layer:
    """One integer layer.

    Attributes
    ----------
    name : str
        Of the network's layer.
    source, target : str
        What it reads and writes: "beat", "rr", "logits" or a name of its own.
    place : int
        Channel of the target at which its outputs begin.
    weight : ndarray of int8, shape (n_out, n_taps, n_in)
        Channels last, as the bytes lie in memory.
    bias : ndarray of int64, shape (n_out,)
        With the input's zero point folded in.
    multiplier : ndarray of int64, shape (n_out,)
        Below 2³¹; what makes a byte of a sum.
    shift : int
        Of the products with `multiplier`.
    pad, pool : int
        Samples added on either side, and outputs of which the largest is kept.
    zero_in, zero_out : int
        Bytes that stand for 0.
    """

    name: str
    source: str
    target: str
    place: int
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: int
    pad: int
    pool: int
    zero_in: int
    zero_out: int


@dataclass(frozen=True)
class Program:
    """A whole network in integers.

    Attributes
    ----------
    layers : tuple of Layer
        In order; the last one writes "logits".
    shapes : dict of str to (int, int)
        What layers read -> samples, channels.
    scales : dict of str to float
        "beat" and, if there is timing, "rr" -> what 1 stands for.
    """

    layers: tuple[Layer, ...]
    shapes: dict[str, tuple[int, int]]
    scales: dict[str, float]

    def reader(self, name):
        """The layer that reads a buffer."""
        return next(layer for layer in self.layers if layer.source == name)

    def to_bytes(self, name, values):
        """Input "beat" or "rr", floats as the fp32 network takes them, as the first layers'
        int8.

        Rounded half to even, as the fake-quantized network does.
        """
        inverse = np.float32(1) / np.float32(self.scales[name])
        q = np.rint(values.astype(np.float32) * inverse) + self.reader(name).zero_in
        return np.clip(q, -OFFSET, OFFSET - 1).astype(np.int8)

    def run(self, beat, rr=None):
        """Logits in integers: the reference that the C code must equal bit for bit.

        `beat` (n_beats, n_channels, n_times) and, if the network reads timing, `rr` (n_beats,
        n_rr) are int8 from `to_bytes`; the result (n_beats, n_outputs), int64, is on one scale
        for all classes: the largest is the answer, the first of equals.
        """
        buffers = {
            name: np.zeros((len(beat), *shape), np.int8) for name, shape in self.shapes.items()
        }
        buffers["beat"] = beat.transpose(0, 2, 1)
        if rr is not None:
            buffers["rr"] = rr[:, None, :]
        for layer in self.layers:
            sums = _sums(layer, buffers[layer.source])
            if layer.target == "logits":
                return sums[:, 0] * layer.multiplier
            out = _requantized(layer, sums)
            if self.shapes[layer.target][0] == 1:  # flattened, time by time
                out = out.reshape(len(out), 1, -1)
            buffers[layer.target][:, :, layer.place : layer.place + out.shape[2]] = out
        raise AssertionError("a program ends with its logits")


def _sums(layer, x):
    """Sums (n_beats, n_positions, n_out) int64 of a layer over its input (n_beats, T, C).

    The products go through float64, in which integers below 2⁵³ are exact.
    """
    padded = np.pad(x, ((0, 0), (layer.pad, layer.pad), (0, 0)), constant_values=layer.zero_in)
    n_out, n_taps, n_in = layer.weight.shape
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_taps, axis=1)
    rows = windows.transpose(0, 1, 3, 2).reshape(len(x), -1, n_taps * n_in)
    products = rows.astype(np.float64) @ layer.weight.reshape(n_out, -1).T.astype(np.float64)
    return products.astype(np.int64) + layer.bias


def _requantized(layer, sums):
    """Bytes (n_beats, n_positions // pool, n_out) after ReLU and pooling."""
    n_beats, n_positions, n_out = sums.shape
    kept = n_positions // layer.pool
    grouped = sums[:, : kept * layer.pool].reshape(n_beats, kept, layer.pool, n_out)
    positive = np.maximum(grouped.max(axis=2), 0)
    scaled = (positive * layer.multiplier + (1 << layer.shift - 1)) >> layer.shift
    return np.minimum(scaled + layer.zero_out, OFFSET - 1).astype(np.int8)
