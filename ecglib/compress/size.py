"""Compression ratio of a network, counted as in paper 2, and counted completely."""

import numpy as np

from ecglib.compress.weights import UNCODED, bits_by_name, coded_names, layout, share_by_name


def ideal_ratio(model, bits=UNCODED, *, kept=1.0):
    """Compression ratio as paper 2 counts it: bits of weights, and biases in fp32.

    Scales, zero points, places of pruned weights and buffers are not counted. If a share f of
    all parameters is in fp32, every row of the paper's table 1 is
    1 / ((1 − f) · kept · bits / 32 + f).

    Parameters
    ----------
    model : Module
        The network.
    bits : int or dict of str to int
        Bits of all weights, or by parameter name: 1 to 16, or 32. A weight that is not in the
        dict has 32.
    kept : float or dict of str to float
        Share of the weights that is not pruned, 0 to 1; it is 1 for weights that are not in the
        dict.

    Returns
    -------
    float
        32 bits for each parameter, divided by the bits after compression.

    Raises
    ------
    UserError
        If bits or a share is out of range, or a name is not one of the network's weights.

    Examples
    --------
    >>> from torch import nn
    >>> round(ideal_ratio(nn.Linear(100, 1), bits=8), 3)
    3.885
    """
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    names = coded_names(model)
    width = bits_by_name(bits, names)
    share = share_by_name(kept, names, absent=1.0, what="kept")
    coded = sum(sizes[name] * share[name] * width[name] for name in names)
    others = UNCODED * sum(size for name, size in sizes.items() if name not in width)
    return UNCODED * sum(sizes.values()) / (coded + others)


def overhead_bits(coded):
    """Number of bits that a `CodedModel` needs without entropy coding.

    It counts the bits of the weights, scales, biases and statistics of normalization layers. A
    pruned tensor has one bit of mask for each weight and the bits of the weights that stay.
    Grids are symmetric, so there are no zero points. Numbers that half precision holds exactly
    take 16 bits, as in the file. Counters, which inference does not read, are not counted.
    """
    floats = [a for a in coded.rest.values() if np.issubdtype(a.dtype, np.floating)]
    bits = sum(float_bits(array) * array.size for array in floats)
    for tensor in coded.tensors.values():
        n_stored = tensor.q.size
        if tensor.masked:
            bits += tensor.q.size
            n_stored = np.count_nonzero(tensor.q)
        bits += int(n_stored) * tensor.bits
        if tensor.bits != UNCODED:
            bits += tensor.scale.size * float_bits(tensor.scale)
    return bits


def overhead_ratio(model, coded):
    """`stored_bytes` of a network divided by the bytes of `overhead_bits`; a float."""
    return 8 * stored_bytes(model) / overhead_bits(coded)


def stored_bytes(model):
    """Bytes of a network in fp32: four for each parameter and each number of a float buffer."""
    floats = [tensor for tensor in layout(model).values() if tensor.is_floating_point()]
    return UNCODED // 8 * sum(tensor.numel() for tensor in floats)


def float_bits(array):
    """16 if half precision holds all numbers of a float array exactly, else the bits of its
    type."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return 16 if np.array_equal(half.astype(array.dtype), array) else 8 * array.itemsize
