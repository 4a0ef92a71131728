"""Quantization: a reference in NumPy, fake-quantized layers, scopes, and a check of
coverage."""

from ecglib.quant.coverage import coverage, require_coverage
from ecglib.quant.oracle import quantize_array
from ecglib.quant.qat import calibrate, fold_batchnorm, freeze_ranges, quantize

__all__ = [
    "calibrate",
    "coverage",
    "fold_batchnorm",
    "freeze_ranges",
    "quantize",
    "quantize_array",
    "require_coverage",
]
