"""ECGWavePuzzle: a beat is cut into three pieces and put together in one of six orders.

It is described in section 3.1 and figure 1 of paper 1. The order of the labels is that of the
authors' code.
"""

import numpy as np
import torch

from ecglib.system.errors import UserError

PERMUTATIONS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
"""The six orders of the pieces; the index in this tuple is the puzzle's label."""

NAMES = ("P·QRS·T", "P·T·QRS", "QRS·P·T", "QRS·T·P", "T·P·QRS", "T·QRS·P")
"""Names of the six orders, for figures."""

CUTS = {"thirds": (100, 200), "qrs": (90, 210)}
"""Where beats of 300 samples are cut: into equal thirds (figure 1), or around the QRS."""


def index_table(cuts, length):
    """Where each sample of a permuted beat comes from.

    Parameters
    ----------
    cuts : tuple of int
        First sample of the second and of the third piece.
    length : int
        Samples of a beat.

    Returns
    -------
    ndarray, shape (6, length), int64
        Row `label` holds source indices.

    Raises
    ------
    UserError
        If the cuts do not make three pieces.

    Examples
    --------
    >>> index_table((2, 3), 5)[3]
    array([2, 3, 4, 0, 1])
    """
    first, second = cuts
    if not 0 < first < second < length:
        raise UserError(f"cuts {cuts} do not divide {length} samples into three pieces")
    pieces = np.split(np.arange(length), [first, second])
    return np.stack([np.concatenate([pieces[i] for i in order]) for order in PERMUTATIONS])


def _take(signal, table, label):
    if isinstance(signal, torch.Tensor):
        rows = torch.as_tensor(table, device=signal.device)[label]
        return torch.take_along_dim(signal, rows, dim=-1)
    return np.take_along_axis(np.asarray(signal), table[label], axis=-1)


def permute(signal, label, cuts):
    """Put the pieces of beats in the order of their labels.

    Parameters
    ----------
    signal : ndarray or Tensor, shape (..., length)
        Beats; a tensor stays on its device.
    label : int, ndarray or Tensor, shape (...)
        Puzzle label of each beat, 0 to 5.
    cuts : tuple of int
        First sample of the second and of the third piece.

    Returns
    -------
    ndarray or Tensor, shape (..., length)
        The pieces p[0], p[1], p[2] of `PERMUTATIONS[label]` in this order.

    Examples
    --------
    >>> permute(np.array([1, 2, 3, 4, 5]), 5, (2, 3))
    array([4, 5, 3, 1, 2])
    """
    return _take(signal, index_table(cuts, signal.shape[-1]), label)


def restore(signal, label, cuts):
    """Undo `permute` exactly, by the inverse permutation of samples.

    Parameters and result are those of `permute`.

    Examples
    --------
    >>> restore(np.array([4, 5, 3, 1, 2]), 5, (2, 3))
    array([1, 2, 3, 4, 5])
    """
    return _take(signal, np.argsort(index_table(cuts, signal.shape[-1]), axis=1), label)


def junctions(cuts, length):
    """Samples at which two pieces meet in at least one of the six orders.

    Returns
    -------
    ndarray of int
        First samples of the second and third pieces, ascending.

    Examples
    --------
    >>> junctions((90, 210), 300)
    array([ 90, 120, 180, 210])
    """
    sizes = np.diff([0, *cuts, length])
    starts = [np.cumsum(sizes[list(order)])[:2] for order in PERMUTATIONS]
    return np.unique(starts)


VIEWS = ("whole", "junctions", "masked")
"""Which part of a permuted beat a network may see; `view_mask` explains the names."""


def view_mask(view, cuts, length, half_width=5):
    """Which samples a network may see after permuting.

    Parameters
    ----------
    view : {"whole", "junctions", "masked"}
        "whole" shows all samples, "junctions" only those within `half_width` of a possible
        junction, "masked" only the other ones.
    cuts, length
        As in `index_table`.
    half_width : int
        Samples on either side of a junction.

    Returns
    -------
    ndarray, shape (length,), float32
        1 where a sample is seen, 0 where it is hidden.
    """
    if view == "whole":
        return np.ones(length, dtype=np.float32)
    offsets = np.arange(-half_width, half_width)
    near = np.zeros(length, dtype=np.float32)
    near[(junctions(cuts, length)[:, None] + offsets).clip(0, length - 1)] = 1
    return near if view == "junctions" else 1 - near
