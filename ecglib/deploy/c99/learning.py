"""What the learner reads of a network in PyTorch that is rounded to integers."""

import torch


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
