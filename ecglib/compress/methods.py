"""Every method of the study by name: a trained network in, its compressed form out."""

import copy
from dataclasses import asdict, dataclass, field

import numpy as np
from torch import nn
from torch.nn.utils import parametrize

from ecglib.compress import schemes
from ecglib.compress.allocate import allocate_bits, sensitivity
from ecglib.compress.coded import CodedModel, encode
from ecglib.compress.importance import importance, indices
from ecglib.compress.trained import train_compressed
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.quant.qat import fold_batchnorm
from ecglib.training.on_recordings import predict, validation_loss

OURS = {"axis": 0, "scale_rule": "mse", "half_scales": True}
"""How our methods without training round: a scale a channel, clipped by squared error."""


@dataclass(frozen=True)
class Compressed:
    """A network after a method.

    Attributes
    ----------
    coded : CodedModel
        What is stored.
    network : Module
        Network that it fits, for reading it back.
    decisions : dict
        What the method chose and tried, as it is reported.
    """

    coded: CodedModel
    network: nn.Module
    decisions: dict = field(default_factory=dict)


def without_weight_norm(model):
    """A copy whose weights are plain tensors, no longer a direction and a length.

    Parameters
    ----------
    model : Module
        Not changed.

    Returns
    -------
    Module
        Computes the same.
    """
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            kind = type(module)  # torch deletes from it, and the original has the same one
            module.__class__ = type(kind.__name__, kind.__bases__, dict(kind.__dict__))
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name)
    return model


def folded(model):
    """A copy with plain weights in which BatchNorm is part of the convolutions; as above."""
    model = without_weight_norm(model).eval()
    fold_batchnorm(model)
    return model


def with_half_floats(coded):
    """Biases and what else is not coded rounded to half precision, as far as its range goes.

    Parameters
    ----------
    coded : CodedModel
        Not changed.

    Returns
    -------
    CodedModel
        Its arrays stay float32, but hold numbers that a file needs two bytes for.
    """
    largest = np.finfo(np.float16).max
    rest = {
        name: array.astype(np.float16).astype(array.dtype)
        if array.dtype == np.float32 and np.abs(array).max(initial=0) <= largest
        else array
        for name, array in coded.rest.items()
    }
    return CodedModel(coded.tensors, rest)


def compress(model, sides, config):
    """Compress a trained network as a configuration says.

    Every choice is made on the validation side; only `trained` and `joint` touch weights
    with the training side.

    Parameters
    ----------
    model : Module
        Trained, in evaluation mode; not changed.
    sides : Sides
        Training and validation recordings.
    config : CompressionConfig
        Method and its settings.

    Returns
    -------
    Compressed
    """
    return _METHODS[config.method](model, sides, config)


def _accuracy_with(model, samples):
    """Function from a `CodedModel` to the accuracy of the network that it stands for."""
    trial, label = copy.deepcopy(model), samples.y.cpu().numpy()

    def evaluate(coded):
        coded.load_into(trial)
        return float((predict(trial, samples) == label).mean())

    return evaluate


def _fixed_quant(model, sides, config):
    return Compressed(schemes.fixed_quant(model, config.bits), copy.deepcopy(model))


def _fixed_prune(model, sides, config):
    return Compressed(schemes.fixed_prune(model, config.share), copy.deepcopy(model))


def _layerwise(scheme, layers=coded_names, **options):
    """A scheme of paper 2 that follows the importance of layers."""

    def run(model, sides, config):
        weights, names = (config.alpha, config.beta, config.gamma), layers(model)
        scores = importance(model, names, *weights)
        evaluate = _accuracy_with(model, sides.validation)
        coded, decisions = scheme(
            model, scores, evaluate, tolerance=config.tolerance, **options
        )
        read = {name: asdict(layer) for name, layer in indices(model, names).items()}
        decisions |= {"indices": read, "importance": scores}
        return Compressed(coded, copy.deepcopy(model), decisions)

    return run


def _matrix_quant(model, sides, config):
    coded = encode(model, config.bits, names=matrix_names(model))
    return Compressed(coded, copy.deepcopy(model))


def _matrix_prune(model, sides, config):
    share = dict.fromkeys(matrix_names(model), config.share)
    return Compressed(schemes.fixed_prune(model, share), copy.deepcopy(model))


def _clipped(model, sides, config):
    network = folded(model)
    coded = encode(network, config.bits, names=matrix_names(network), **OURS)
    return Compressed(with_half_floats(coded), network)


def _allocated(model, sides, config):
    network = folded(model)
    names = matrix_names(network)

    def loss(trial):
        return validation_loss(trial, sides.validation)

    cost = sensitivity(network, names, loss, half_scales=True)
    sizes = {name: network.get_parameter(name).numel() for name in names}
    budget = config.mean_bits * sum(sizes.values()) / 8
    bits = allocate_bits(sizes, cost, budget)
    coded = with_half_floats(encode(network, bits, names=names, **OURS))
    return Compressed(coded, network, {"sensitivity": cost, "bits": bits})


def _trained(model, sides, config):
    coded, network, history = train_compressed(without_weight_norm(model), sides.train, config)
    return Compressed(with_half_floats(coded), network, {"loss": history.loss})


_METHODS = {
    "fixed_quant": _fixed_quant,
    "fixed_prune": _fixed_prune,
    "laq": _layerwise(schemes.laq),
    "laq_printed": _layerwise(schemes.laq, printed=True),
    "lap": _layerwise(schemes.lap),
    "matrix_quant": _matrix_quant,
    "matrix_prune": _matrix_prune,
    "matrix_laq": _layerwise(schemes.laq, matrix_names),
    "matrix_lap": _layerwise(schemes.lap, matrix_names),
    "mse": _clipped,
    "allocated": _allocated,
    "trained": _trained,
    "joint": _trained,
}
