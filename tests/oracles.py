"""Independent answers that several tests compare the library with."""

import numpy as np
import onnx
from onnx import TensorProto
from scipy.special import log_softmax


def affine_parameters(low, high, bits=8):
    """Scale and zero point of the unsigned grid that covers a range and holds zero exactly."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    q_max = 2**bits - 1
    scale = (high - low) / q_max or 1.0
    return scale, int(np.clip(np.rint(-low / scale), 0, q_max))


def quantize_affine(x, scale, zero_point, bits=8):
    """Integers of values on an affine grid: round(x / scale) + zero point, clipped."""
    q = np.rint(np.asarray(x) / scale) + zero_point
    return np.clip(q, 0, 2**bits - 1).astype(np.int32)


def cross_entropy(logits, label):
    """Mean over the recordings."""
    logits = np.asarray(logits, np.float64)
    return -log_softmax(logits, axis=1)[np.arange(len(label)), label].mean()


def stored_bits(path):
    """Name of a layer's weight in an ONNX file -> bits that it is stored with, 8 or 32."""
    kinds = {TensorProto.INT8: 8, TensorProto.FLOAT: 32}
    tensors = onnx.load(path).graph.initializer
    stored = {tensor.name.removesuffix("_int"): tensor.data_type for tensor in tensors}
    return {name: kinds[kind] for name, kind in stored.items() if name.endswith(".weight")}
