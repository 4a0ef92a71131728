"""What the learner reads of a network in integers, and the loop of asking and learning."""

import numpy as np
import torch

from ecglib.aami import CLASSES
from ecglib.personalize.learner import LARGEST_LOGIT, LOGIT, UNSURE, Learner, probabilities

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


def follow(program, prior, unit, sample, fs, label, per_hour):
    """The device's loop in NumPy: classify a beat, ask if in doubt, learn from the answer.

    Parameters
    ----------
    program : ecglib.deploy.c99.program.Program
        The network.
    prior : ecglib.personalize.learner.Prior
        How far labels reach.
    unit : ndarray of uint8, shape (n_beats, n_units)
        Bytes of the last hidden layer of one patient's beats, in order of time.
    sample : ndarray of int, shape (n_beats,)
        R-peaks.
    fs : int
        Sampling frequency, Hz.
    label : ndarray of int, shape (n_beats,)
        What is answered: indices into CLASSES; others teach nothing.
    per_hour : int
        Labels an hour that may be asked for.

    Returns
    -------
    tuple of (ndarray of int8, shape (n_beats,), list of int)
        Classes, each before its own label is known, and the beats that were asked for.
    """
    learner, own, asked = Learner(prior), own_logits(program, unit), []
    found = np.empty(len(unit), np.int8)
    for beat in range(len(unit)):
        logits = learner.corrected(unit[beat : beat + 1], own[beat])[0]
        found[beat] = logits.argmax()
        permitted = -(-per_hour * int(sample[beat]) // (3600 * fs))
        if probabilities(logits).max() < UNSURE and len(asked) < permitted:
            asked.append(beat)
            if label[beat] < len(CLASSES):
                learner.learn(unit[beat], own[beat], int(label[beat]))
    return found, asked
