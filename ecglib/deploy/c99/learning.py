"""What the learner reads of a network in integers."""

import numpy as np
import torch

from ecglib.personalize.learner import LARGEST_LOGIT, LOGIT

OFFSET = 128


def own_logits(program, unit):
    """Logits of the network, as the learner in C computes them.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network.
    unit : ndarray of uint8, shape (n_beats, n_units)
        Bytes of its last hidden layer.

    Returns
    -------
    ndarray of int64, shape (n_beats, 3)
        In 1/`ecglib.personalize.learner.LOGIT`.
    """
    out = program.layers[-1]
    signed = unit.astype(np.int64) - OFFSET
    sums = signed @ out.weight[:, 0].T.astype(np.int64) + out.bias
    shift = out.shift - LOGIT.bit_length() + 1
    logits = (sums * out.multiplier + (1 << (shift - 1))) >> shift
    return np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)


def units_of(model, head_inputs):
    """Bytes (n_beats, n_units) of the last hidden layer, uint8.

    Parameters
    ----------
    model : MicroNet
        Network rounded to integers.
    head_inputs : Tensor, shape (n_beats, n_features)
        Inputs of its head.
    """
    quantizer = model.out.input_quantizer
    with torch.no_grad():
        embedding = torch.cat([model.embed(part) for part in head_inputs.split(4096)])
    q = (embedding / quantizer.scale).round() + quantizer.zero_point
    return q.clamp(0, quantizer.q_max).to(torch.uint8).numpy()


def known_of(model, beats):
    """What a prior is computed from, of training beats whose `x` the head reads.

    Returns
    -------
    tuple of ndarray
        Arguments of `ecglib.personalize.learner.Prior.of`.
    """
    with torch.no_grad():
        probability = torch.softmax(model.classify(beats.x).double(), dim=1).numpy()
    return units_of(model, beats.x), probability, beats.y.numpy()
