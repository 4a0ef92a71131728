"""What a network looks at: how much less sure it is without a part of what it reads.

A part is hidden by zeros (Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional
Networks", hide it by grey).
"""

import torch


@torch.no_grad()
def hidden_pieces(model, x, rr, label, width):
    """Drop of each beat's probability of its class while a piece of the window is zero.

    Parameters
    ----------
    model : callable
        (x, rr) -> logits (n_beats, n_classes); in evaluation mode.
    x : Tensor, shape (n_beats, n_channels, n_times)
    rr : Tensor, shape (n_beats, n_columns)
    label : Tensor of int, shape (n_beats,)
        The class whose probability is watched.
    width : int
        Samples of a piece, hidden in all channels.

    Returns
    -------
    Tensor, shape (n_beats, n_times // width)
    """
    before, drops = _probability(model, x, rr, label), []
    for start in range(0, x.shape[2] - width + 1, width):
        hidden = x.clone()
        hidden[:, :, start : start + width] = 0
        drops.append(before - _probability(model, hidden, rr, label))
    return torch.stack(drops, dim=1)


@torch.no_grad()
def hidden_columns(model, x, rr, label, columns):
    """The same while some columns of the timing are zero, "as usual".

    Parameters
    ----------
    model, x, rr, label
        As `hidden_pieces` takes them.
    columns : list of list of int
        What is hidden together.

    Returns
    -------
    Tensor, shape (n_beats, len(columns))
    """
    before, drops = _probability(model, x, rr, label), []
    for together in columns:
        hidden = rr.clone()
        hidden[:, together] = 0
        drops.append(before - _probability(model, x, hidden, label))
    return torch.stack(drops, dim=1)


def _probability(model, x, rr, label):
    """Probability (n_beats,) that the network gives to a class of each beat."""
    return torch.softmax(model(x, rr), dim=1).gather(1, label[:, None])[:, 0]
