"""A network as a list of integer layers, with the arithmetic of the device in NumPy.

Activations are bytes from −128 to 127, and sums have 32 bits. Every layer computes sums of
products over a window that moves in time, then ReLU and max-pooling. One multiplication of 64
bits scales a sum back to a byte: (sum × multiplier + half) >> shift (Jacob et al. 2018, section
2.2). In a linear layer the window has only one position.
"""

from dataclasses import dataclass

import numpy as np

OFFSET = 128
"""Number that is subtracted from an unsigned byte of `ecglib.quant` to make it signed."""


@dataclass(frozen=True)
class Layer:
    """One integer layer.

    Attributes
    ----------
    name : str
        Name of the layer in the network.
    source, target : str
        Buffers that it reads and writes: "beat", "rr", "logits" or another name.
    place : int
        Channel of the target at which its outputs begin.
    weight : ndarray of int8, shape (n_out, n_taps, n_in)
        Weights, channels last, in the order of the bytes in memory.
    bias : ndarray of int64, shape (n_out,)
        Bias, which includes the input's zero point.
    multiplier : ndarray of int64, shape (n_out,)
        Factor below 2³¹ that scales a sum to a byte, together with `shift`.
    shift : int
        Right shift of the products with `multiplier`.
    pad, pool : int
        Number of samples added on either side, and of outputs of which the largest is kept.
    zero_in, zero_out : int
        Bytes that mean 0 in the input and in the output.
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
        Layers in order; the last one writes "logits".
    shapes : dict of str to (int, int)
        Buffer -> its samples and channels.
    scales : dict of str to float
        Value of one integer step of "beat" and, if there is timing, of "rr".
    """

    layers: tuple[Layer, ...]
    shapes: dict[str, tuple[int, int]]
    scales: dict[str, float]

    def reader(self, name):
        """The layer that reads a buffer."""
        return next(layer for layer in self.layers if layer.source == name)

    def to_bytes(self, name, values):
        """Convert an input, "beat" or "rr", from floats of the fp32 network to int8.

        Values are rounded half to even, as in the fake-quantized network.
        """
        inverse = np.float32(1) / np.float32(self.scales[name])
        q = np.rint(values.astype(np.float32) * inverse) + self.reader(name).zero_in
        return np.clip(q, -OFFSET, OFFSET - 1).astype(np.int8)

    def run(self, beat, rr=None):
        """Logits in integers: the reference that the C code must equal bit for bit.

        `beat` (n_beats, n_channels, n_times) and, if the network reads timing, `rr` (n_beats,
        n_rr) are int8 from `to_bytes`. The result (n_beats, n_outputs), int64, has one scale
        for all classes. The class with the largest value is the answer; if values are equal,
        the first of them.
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
            if self.shapes[layer.target][0] == 1:  # flattened, sample after sample
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
