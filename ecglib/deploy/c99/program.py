"""A network as a list of integer layers, with the arithmetic of the device in NumPy.

Activations are bytes from −128 to 127, and sums have 32 bits. Every layer computes sums of
products over a window that moves in time, then ReLU and max-pooling. One multiplication of 64
bits scales a sum back to a byte: (sum × multiplier + half) >> shift (Jacob et al. 2018, section
2.2). In a linear layer the window has only one position.
"""

from dataclasses import dataclass

import numpy as np

from ecglib.system.errors import UserError

OFFSET = 128
"""Number that is subtracted from an unsigned byte of `ecglib.quant` to make it signed."""

_LARGEST_SUM = 2**31
_EXACT = 2**24  # float32 has all integers up to this
_MOST_SUMS = 2**20  # of a layer at a time, so that they stay near the processor


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
    zero_in, zero_out : int
        Bytes that mean 0 in the input and in the output.
    pad, pool : int
        Number of samples added on either side, and of outputs of which the largest is kept.
    """

    name: str
    source: str
    target: str
    place: int
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: int
    zero_in: int
    zero_out: int
    pad: int = 0
    pool: int = 1

    @classmethod
    def of(cls, name, weight, stored, following=None, **place):
        """A layer from what is stored of it; `UserError` if sums may not fit 32 bits.

        `weight` is that of `stored`, channels last; `following` is what is stored of the layer
        that reads its outputs, if there is one; `place` has `source`, `target`, `place`, and
        `pad` and `pool` of a convolution.
        """
        zero_in, taps = stored.input_zero - OFFSET, (1, 2)
        bias = stored.bias.astype(np.int64) - zero_in * weight.sum(axis=taps, dtype=np.int64)
        products = np.abs(weight.astype(np.int64)).sum(axis=taps) * OFFSET
        if np.any(np.abs(bias) + products >= _LARGEST_SUM):
            raise UserError(f"layer {name}: its sums may not fit 32 bits; use fewer inputs")
        zero_out, scale_out = 0, 1.0
        if following:
            zero_out, scale_out = following.input_zero - OFFSET, float(following.input_scale)
        multiplier, shift = fixed_point(stored.step.astype(np.float64) / scale_out)
        return cls(
            name,
            weight=weight,
            bias=bias,
            multiplier=multiplier,
            shift=shift,
            zero_in=zero_in,
            zero_out=zero_out,
            **place,
        )


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
    features : str
        Name of the input (`ecglib.data.signal.micro_input.micro_inputs`) of a micro network;
        empty for other networks.
    """

    layers: tuple[Layer, ...]
    shapes: dict[str, tuple[int, int]]
    scales: dict[str, float]
    features: str = ""

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
        out = self.layers[-1]
        return _sums(out, self._last_input(beat, rr))[:, 0] * out.multiplier

    def units(self, beat, rr=None):
        """Bytes (n_beats, n_units) that the last layer reads, uint8; arguments as for `run`."""
        signed = self._last_input(beat, rr).reshape(len(beat), -1)
        return (signed.astype(np.int16) + OFFSET).astype(np.uint8)

    def _last_input(self, beat, rr):
        step = max(1, _MOST_SUMS // max(map(np.prod, self.shapes.values())))
        parts = [slice(i, i + step) for i in range(0, len(beat) or 1, step)]
        found = [self._up_to_last(beat[p], rr if rr is None else rr[p]) for p in parts]
        return np.concatenate(found)

    def _up_to_last(self, beat, rr):
        buffers = {
            name: np.zeros((len(beat), *shape), np.int8) for name, shape in self.shapes.items()
        }
        buffers["beat"] = beat.transpose(0, 2, 1)
        if rr is not None:
            buffers["rr"] = rr[:, None, :]
        for layer in self.layers[:-1]:
            out = _requantized(layer, _sums(layer, buffers[layer.source]))
            if self.shapes[layer.target][0] == 1:  # flattened, sample after sample
                out = out.reshape(len(out), 1, -1)
            buffers[layer.target][:, :, layer.place : layer.place + out.shape[2]] = out
        return buffers[self.layers[-1].source]


def _sums(layer, x):
    """Sums (n_beats, n_positions // pool, n_out) int64 of a layer over its input.

    The input is (n_beats, T, C), and of `pool` sums the largest is kept. The products go
    through float32 if no sum of them can leave its exact integers, else through float64.
    """
    n_out, n_taps, n_in = layer.weight.shape
    weight = layer.weight.reshape(n_out, -1).T.astype(np.float64)
    exact = np.float32 if np.abs(weight).sum(axis=0).max() * OFFSET < _EXACT else np.float64
    around = ((0, 0), (layer.pad, layer.pad), (0, 0))
    padded = np.pad(x.astype(exact), around, constant_values=layer.zero_in)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_taps, axis=1)
    rows = windows.transpose(0, 1, 3, 2).reshape(-1, n_taps * n_in)
    products = (rows @ weight.astype(exact)).reshape(len(x), -1, n_out)
    kept = products.shape[1] // layer.pool * layer.pool
    largest = products[:, 0 : kept : layer.pool]
    for k in range(1, layer.pool):
        largest = np.maximum(largest, products[:, k : kept : layer.pool])
    return largest.astype(np.int64) + layer.bias


def _requantized(layer, sums):
    """Bytes of sums after ReLU."""
    scaled = np.maximum(sums, 0) * layer.multiplier
    scaled = (scaled + (1 << layer.shift - 1)) >> layer.shift
    return np.minimum(scaled + layer.zero_out, OFFSET - 1).astype(np.int8)


def fixed_point(factor):
    """Integers below 2³¹ and one shift that represent positive factors."""
    shift = 30 - int(np.floor(np.log2(factor.max())))
    return np.minimum(np.rint(factor * 2.0**shift), 2**31 - 1).astype(np.int64), shift
