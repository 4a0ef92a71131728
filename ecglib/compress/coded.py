"""A compressed network as arrays; all methods return this form, and files contain it."""

from dataclasses import dataclass

import numpy as np
import torch

from ecglib.compress.weights import UNCODED, arrays_of, bits_by_name, check_names, layout
from ecglib.quant import quantize_array
from ecglib.quant.oracle import NO_STEP, SMALLEST_STEP
from ecglib.system.errors import UserError

SCALE_RULES = ("minmax", "mse")

COARSE = np.geomspace(0.02, 1, 24)
"""Shares of the min–max scale that are tried first."""

REFINED = (np.geomspace(0.84, 1 / 0.84, 11), np.geomspace(0.966, 1 / 0.966, 7))
"""Factors on the best scale that are tried next, first in coarse and then in fine steps."""

HALF_RANGE = (2.0**-14, 65504.0)
"""Smallest and largest number that half precision holds with all of its digits."""


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """A weight tensor as integers and scales; its values are `q * scale`.

    Attributes
    ----------
    q : ndarray of int8, int16 or float32
        Array in the shape of the weight: int8 up to 8 bits, int16 up to 16, and the values
        themselves with 32 bits.
    scale : ndarray of float32
        Scales, broadcastable to `q`.
    bits : int
        1 to 16, or 32 for a tensor that is only pruned.
    masked : bool
        Whether weights were pruned; zeros in `q` are then pruned weights.
    """

    q: np.ndarray
    scale: np.ndarray
    bits: int
    masked: bool

    def values(self):
        """Weights, float32, in the shape of `q`."""
        return np.asarray(np.multiply(self.q, self.scale, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class CodedModel:
    """A network with some coded tensors.

    Attributes
    ----------
    tensors : dict of str to CodedTensor
        Parameter name -> its coded tensor.
    rest : dict of str to ndarray
        All other arrays of the network: biases, statistics, uncoded weights.
    """

    tensors: dict[str, CodedTensor]
    rest: dict[str, np.ndarray]

    def bits(self):
        """Parameter name -> bits of each coded tensor."""
        return {name: tensor.bits for name, tensor in self.tensors.items()}

    def kept(self):
        """Parameter name -> share of the weights of each coded tensor that is not pruned."""
        return {
            name: np.count_nonzero(tensor.q) / tensor.q.size if tensor.masked else 1.0
            for name, tensor in self.tensors.items()
        }

    def state_dict(self):
        """Decoded state dict of the network: name -> Tensor."""
        return {name: torch.tensor(array) for name, array in self._arrays().items()}

    def _arrays(self):
        return {name: tensor.values() for name, tensor in self.tensors.items()} | self.rest

    def replaced(self, tensors):
        """A new `CodedModel` in which some tensors are replaced."""
        rest = {name: array for name, array in self.rest.items() if name not in tensors}
        return CodedModel(self.tensors | tensors, rest)

    @torch.no_grad()
    def load_into(self, model):
        """Set all parameters and buffers of a network, on any device, in place.

        `UserError` if names or shapes differ.
        """
        targets, arrays = layout(model), self._arrays()
        for name in sorted(targets.keys() ^ arrays.keys()):
            raise UserError(f"{name} is not in both the network and its coded form")
        for name, target in targets.items():
            if tuple(target.shape) != arrays[name].shape:
                raise UserError(
                    f"{name} has shape {tuple(target.shape)} in the network and "
                    f"{arrays[name].shape} in its coded form"
                )
        for name, target in targets.items():
            target.copy_(torch.from_numpy(arrays[name]))


def encode(model, bits, *, names, mask=None, **how):
    """A `CodedModel` of a network with some weights rounded and, with a mask, pruned.

    The network is not changed.

    Parameters
    ----------
    model : Module
        Any network.
    bits : int or dict of str to int
        1 to 16, for all of `names` or by name. Weights with 32 bits, and those that are not in
        the dict, stay in fp32.
    names : list of str
        Parameters to code.
    mask : dict of str to ndarray of bool, optional
        True where a weight is kept, in the shape of the weight. Tensors without a mask are not
        pruned. A weight of 32 bits with a mask is pruned but not rounded.
    **how
        `axis`, `scale_rule` and `half_scales` of `encode_array`.

    Raises
    ------
    UserError
        If bits or the rule is out of range, or a name, a mask or a weight is unusable.
    """
    width, masks = bits_by_name(bits, names), mask or {}
    check_names(masks, names)
    tensors = {}
    for name, w in arrays_of(model, names).items():
        kept = masks.get(name)
        if kept is not None and np.shape(kept) != w.shape:
            raise UserError(
                f"the mask of {name} has shape {np.shape(kept)}; the weight has {w.shape}"
            )
        if width[name] == UNCODED and kept is None:
            continue
        tensors[name] = encode_array(w, width[name], kept=kept, **how)
    return uncoded(model).replaced(tensors)


def uncoded(model):
    """A network as a `CodedModel` in which nothing is coded."""
    arrays = {name: t.detach().cpu().numpy().copy() for name, t in layout(model).items()}
    return CodedModel({}, arrays)


def encode_array(w, bits, *, axis=None, scale_rule="minmax", kept=None, half_scales=False):
    """Code one weight tensor, of any shape, as a `CodedTensor`.

    Parameters
    ----------
    w : ndarray of float32
        The weights, not empty.
    bits : int
        1 to 16; 1 bit is the sign times the mean magnitude of the weights that are kept. 32
        leaves the values as they are.
    axis : int, optional
        If given, each index along this axis has its own scale. A vector always has one scale.
    scale_rule : {"minmax", "mse"}
        "minmax" computes the scale from the largest magnitude. "mse" clips so that the squared
        error is least.
    kept : ndarray of bool, optional
        False where a weight is pruned, in the shape of `w`.
    half_scales : bool
        Round scales to half precision before the weights are rounded with them. If a scale is
        outside the range of half precision, all stay in single precision.

    Raises
    ------
    UserError
        If bits or the rule is out of range or `w` cannot be rounded.
    """
    if scale_rule not in SCALE_RULES:
        raise UserError(f"scale_rule is {scale_rule!r}; choose from {', '.join(SCALE_RULES)}")
    axis = None if w.ndim < 2 else axis
    masked = kept is not None
    if masked:
        w = np.where(kept, w, np.float32(0))
    if bits == UNCODED:
        return CodedTensor(w, np.ones((), np.float32), UNCODED, masked)
    q, scale = quantize_array(w, bits, axis=axis)
    if bits == 1 and masked:
        q, scale = q * kept, _mean_of_kept(w, kept, axis)
    elif scale_rule == "mse":
        scale = clipped_scale(w, bits, axis)
    scale = np.asarray(scale, np.float32)
    if half_scales:
        scale = half_precision(scale)
    if bits > 1:
        q = _integers(w, scale, bits)
    return CodedTensor(q.astype(np.int8 if bits <= 8 else np.int16), scale, bits, masked)


def clipped_scale(w, bits, axis=None):
    """Scale of the symmetric grid with the least squared error, which clips large weights.

    Scales from 2 % to 100 % of the min–max scale are tried in steps of 19 %, then around the
    best of them in steps of 4 %, then of 1 %. With 1 bit the mean magnitude is the best scale.
    `w`, `bits` and `axis` are those of `encode_array`. The scale, float32, is broadcastable to
    `w`. It is `SMALLEST_STEP` if all values are zero.
    """
    _, largest = quantize_array(np.asarray(w, np.float32), bits, axis=axis)
    if bits == 1:
        return np.asarray(largest)
    best = largest
    for ratios in (COARSE, *REFINED):
        best = _least_error(w, best, ratios, bits)
    return np.asarray(best, np.float32)


def _least_error(w, scale, ratios, bits):
    """For each channel, the multiple of a scale that rounds with the least squared error."""
    others = tuple(i for i in range(w.ndim) if scale.ndim == 0 or scale.shape[i] == 1)
    best, least = scale, np.full(scale.shape, np.inf)
    for ratio in ratios[::-1]:  # if errors are equal, the one that clips less is taken
        tried = np.asarray(scale * np.float32(ratio))
        error = np.square(w - _integers(w, tried, bits) * tried)
        error = error.sum(axis=others, keepdims=scale.ndim > 0, dtype=np.float64)
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    return best


def _integers(w, scale, bits):
    q_max = 2 ** (bits - 1) - 1
    return np.clip(np.rint(w / scale), -q_max, q_max)


def _mean_of_kept(w, kept, axis):
    """Mean magnitude of the weights that are kept, as a scale; the others are zero in `w`."""
    others = None if axis is None else tuple(i for i in range(w.ndim) if i != axis % w.ndim)
    options = {"axis": others, "keepdims": axis is not None}
    mean = np.abs(w).sum(**options) / np.maximum(kept.sum(**options), 1)
    return np.where(mean > NO_STEP, mean, SMALLEST_STEP)


def half_precision(scale):
    """Scales rounded to half precision, float32, if its range holds all of them."""
    low, high = HALF_RANGE
    live = scale[scale != SMALLEST_STEP]  # the smallest step is a power of two
    if np.any((live < low) | (live > high)):
        return scale
    return scale.astype(np.float16).astype(np.float32)
