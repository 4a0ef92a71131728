"""Compression of trained networks: coded tensors, sizes, files; a module for each method."""

from ecglib.compress.codec import load_compressed, save_compressed
from ecglib.compress.coded import CodedModel, CodedTensor, encode
from ecglib.compress.size import ideal_ratio, overhead_bits, overhead_ratio, stored_bytes

__all__ = [
    "CodedModel",
    "CodedTensor",
    "encode",
    "ideal_ratio",
    "load_compressed",
    "overhead_bits",
    "overhead_ratio",
    "save_compressed",
    "stored_bytes",
]
