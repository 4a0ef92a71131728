"""Quantizers in NumPy, the reference for all other implementations in this project.

Weights lie on a symmetric grid (Jacob et al. 2018, "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference").
"""

import numpy as np

from ecglib.system.errors import UserError

MAX_BITS = 16

NO_STEP = 2.0**-100
"""Scales up to this one count as zero, since products with them leave the range of fp32."""

SMALLEST_STEP = 2.0**-23
"""Scale of weights that are all zero; a coarser one would round the channel's bias to zero."""


def quantize_array(w, bits, *, axis=None):
    """Integers and scale of a symmetric min–max quantizer, rounding half to even.

    Parameters
    ----------
    w : array_like of float
        Any shape, not empty; the result has the same precision.
    bits : int
        1 to 16. The integers lie in [−(2^(bits−1) − 1), 2^(bits−1) − 1]. With one bit they are
        the signs (+1 for zero), and the scale is the mean absolute value.
    axis : int, optional
        If given, each index along this axis has its own scale.

    Returns
    -------
    tuple of (ndarray of int32, ndarray of float)
        `q` in the shape of `w`, and `scale`, broadcastable to it: `q * scale` is near `w`.
        Where all values are zero the scale is `SMALLEST_STEP`.

    Raises
    ------
    UserError
        If `bits` is out of range, `w` is empty or has a value that is not finite, or `w` has no
        such axis.

    Examples
    --------
    >>> q, scale = quantize_array([-1.0, 0.5, 0.25], bits=3)
    >>> q.tolist(), float(scale)
    ([-3, 2, 1], 0.3333333333333333)
    """
    w = _checked(w, bits, axis)
    others = None if axis is None else tuple(i for i in range(w.ndim) if i != axis % w.ndim)
    magnitude = np.abs(w)
    if bits == 1:
        scale = magnitude.mean(axis=others, keepdims=axis is not None)
        return np.where(w >= 0, 1, -1).astype(np.int32), _nonzero(scale)
    q_max = 2 ** (bits - 1) - 1
    scale = _nonzero(
        magnitude.max(axis=others, keepdims=axis is not None) / w.dtype.type(q_max)
    )
    q = np.clip(np.rint(w / scale), -q_max, q_max)
    return q.astype(np.int32), scale


def sqnr_db(signal, approximation):
    """Signal-to-quantization-noise ratio: 10 log10 of the ratio of their energies, in dB.

    Returns
    -------
    float
        Infinite if the two are equal.
    """
    signal = np.asarray(signal, dtype=np.float64)
    noise = float(np.square(signal - approximation).sum())
    energy = float(np.square(signal).sum())
    return 10 * np.log10(energy / noise) if noise else float("inf")


def _checked(w, bits, axis):
    w = np.asarray(w)
    if not np.issubdtype(w.dtype, np.floating):
        w = w.astype(np.float64)
    if not (isinstance(bits, int | np.integer) and 1 <= bits <= MAX_BITS):
        raise UserError(f"bits is {bits!r}; it must be a whole number from 1 to {MAX_BITS}")
    if w.size == 0:
        raise UserError("w is empty; there is nothing to quantize")
    if not np.isfinite(w).all():
        raise UserError("w has NaN or infinite values; repair or retrain the network first")
    if axis is not None and not -w.ndim <= axis < w.ndim:
        raise UserError(f"axis is {axis}, but w has {w.ndim} dimensions")
    return w


def _nonzero(scale):
    """Scales in which 0 is replaced by the smallest step, so that one can divide by them."""
    return np.where(scale > NO_STEP, scale, np.full_like(scale, SMALLEST_STEP))
