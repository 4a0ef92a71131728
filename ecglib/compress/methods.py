"""All methods of compression by name; each makes a compressed network from a trained one."""

import copy
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from ecglib.compress import schemes
from ecglib.compress.allocate import allocate_bits, sensitivity
from ecglib.compress.coded import CodedModel, encode, uncoded
from ecglib.compress.importance import ALPHA, BETA, GAMMA, importance, indices
from ecglib.compress.trained import train_compressed, train_longer
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.quant.qat import fold_batchnorm
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.on_recordings import answers, predict, validation_loss

OURS = {"axis": 0, "scale_rule": "mse", "half_scales": True}
"""Rounding in our methods without training: a scale for each channel, clipped by squared
error."""


@dataclass(frozen=True)
class Compressed:
    """A network after a method.

    Attributes
    ----------
    coded : CodedModel
        The arrays that are stored.
    network : Module
        Network of the same structure, for reading them back.
    decisions : dict
        Choices and trials of the method, for the report.
    """

    coded: CodedModel
    network: nn.Module
    decisions: dict = field(default_factory=dict)


def without_weight_norm(model):
    """A copy with the same outputs and plain weights instead of direction and length."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            kind = type(module)  # torch changes this class; the original has the same one
            module.__class__ = type(kind.__name__, kind.__bases__, dict(kind.__dict__))
            for name in list(module.parametrizations):
                parametrize.remove_parametrizations(module, name)
    return model


def folded(model):
    """A copy with the same outputs, plain weights, and BatchNorm folded into convolutions."""
    model = without_weight_norm(model).eval()
    fold_batchnorm(model)
    return model


def with_half_floats(coded):
    """A `CodedModel` whose uncoded arrays, such as biases, are rounded to half precision.

    Arrays with numbers outside the range of half precision stay as they are. The rounded arrays
    are still float32, but a file needs only two bytes for each number.
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
    """Compress a trained network as a configuration says; returns a `Compressed`.

    Every choice is made on the validation set. Only the methods `trained`, `joint` and `longer`
    train weights on the training set.

    Parameters
    ----------
    model : Module
        Trained network in evaluation mode; it is not changed.
    sides : Sides
        Training and validation recordings.
    config : CompressionConfig
        Method and its settings.
    """
    return METHODS[config.method].compress(model, sides, config)


def _right(model, samples):
    """Which recordings a network answers rightly, (n,) bool."""
    return predict(model, samples) == samples.y.cpu().numpy()


def _accuracy(model, samples):
    """Function from a coded network to its accuracy."""
    return lambda trial: float(_right(trial, samples).mean())


def _agreement(model, samples):
    """Function from a coded network to minus the divergence of its answers from fp32's.

    It is finer than the accuracy. Unlike the loss it cannot be better by chance, nor because
    rounding makes a network less sure that has fitted its training set too well.
    """
    before = answers(model, samples)

    def agreement(trial):
        now = answers(trial, samples)
        return -float(F.kl_div(now, before, reduction="batchmean", log_target=True))

    return agreement


def _held_out(model, coded, samples):
    """Right answers and mean loss of the network before (`fp32`) and after coding."""
    trial = copy.deepcopy(model)
    coded.load_into(trial)
    before, after = _right(model, samples), _right(trial, samples)
    return {
        "recordings": len(before),
        "both_right": int((before & after).sum()),
        "only_fp32_right": int((before & ~after).sum()),
        "only_coded_right": int((after & ~before).sum()),
        "loss_fp32": validation_loss(model, samples),
        "loss_coded": validation_loss(trial, samples),
    }


def _quantized(layers):
    def run(model, sides, config):
        coded = encode(model, config.bits, names=layers(model))
        return Compressed(coded, copy.deepcopy(model))

    return run


def _pruned(layers):
    def run(model, sides, config):
        coded = schemes.fixed_prune(model, dict.fromkeys(layers(model), config.share))
        return Compressed(coded, copy.deepcopy(model))

    return run


def _layerwise(scheme, layers=coded_names, score=_accuracy, **options):
    """A scheme that follows the importance of layers, and a score of validation recordings."""

    def run(model, sides, config):
        weights, names = (config.alpha, config.beta, config.gamma), layers(model)
        scores = importance(model, names, *weights)
        trial, scored = copy.deepcopy(model), score(model, sides.validation)

        def evaluate(coded):
            coded.load_into(trial)
            return scored(trial)

        coded, decisions = scheme(
            model, scores, evaluate, tolerance=config.tolerance, **options
        )
        read = {name: asdict(layer) for name, layer in indices(model, names).items()}
        decisions |= {"indices": read, "importance": scores}
        decisions["validation"] = _held_out(model, coded, sides.validation)
        return Compressed(coded, copy.deepcopy(model), decisions)

    return run


def _clipped(model, sides, config):
    network = folded(model)
    coded = encode(network, config.bits, names=matrix_names(network), **OURS)
    return Compressed(with_half_floats(coded), network)


def _allocated(model, sides, config):
    network = folded(model)
    names, agreement = matrix_names(network), _agreement(network, sides.validation)
    cost = sensitivity(network, names, lambda trial: -agreement(trial), **OURS)
    sizes = {name: network.get_parameter(name).numel() for name in names}
    budget = config.mean_bits * sum(sizes.values()) / 8
    bits = allocate_bits(sizes, cost, budget)
    coded = with_half_floats(encode(network, bits, names=names, **OURS))
    return Compressed(coded, network, {"sensitivity": cost, "bits": bits})


def _trained(model, sides, config):
    coded, network, history = train_compressed(without_weight_norm(model), sides.train, config)
    return Compressed(with_half_floats(coded), network, {"loss": history.loss})


def _longer(model, sides, config):
    network, history = train_longer(without_weight_norm(model), sides.train, config)
    return Compressed(uncoded(network), network, {"loss": history.loss})


@dataclass(frozen=True)
class Method:
    """A method of compression.

    Attributes
    ----------
    compress : callable
        Function (model, sides, settings) -> Compressed.
    reads : tuple of str
        Names of the settings that it reads, in addition to those of the network.
    """

    compress: Callable
    reads: tuple[str, ...]


_INDICES = ("alpha", "beta", "gamma", "tolerance")

METHODS = {
    "fixed_quant": Method(_quantized(coded_names), ("bits",)),
    "fixed_prune": Method(_pruned(coded_names), ("share",)),
    "laq": Method(_layerwise(schemes.laq), _INDICES),
    "laq_printed": Method(_layerwise(schemes.laq, printed=True), _INDICES),
    "lap": Method(_layerwise(schemes.lap), _INDICES),
    "laq_shared": Method(_layerwise(schemes.laq_shared, matrix_names, _agreement), _INDICES),
    "matrix_quant": Method(_quantized(matrix_names), ("bits",)),
    "matrix_prune": Method(_pruned(matrix_names), ("share",)),
    "matrix_laq": Method(_layerwise(schemes.laq, matrix_names), _INDICES),
    "matrix_lap": Method(_layerwise(schemes.lap, matrix_names), _INDICES),
    "mse": Method(_clipped, ("bits",)),
    "allocated": Method(_allocated, ("mean_bits",)),
    "trained": Method(_trained, ("bits", "tune_epochs")),
    "joint": Method(_trained, ("bits", "share", "tune_epochs")),
    "longer": Method(_longer, ("tune_epochs",)),
}
"""Every method by name.

The first five are those of paper 2. The sixth is LAQ whose tolerance is shared out; like the
next four, which are paper 2's, it does not code the gains of BatchNorm. The others are ours:
clipping by squared error with a scale for each channel, bits allocated by an integer program,
steps learned with a teacher, and the same with pruning. The last one is their control: fp32,
trained as long.
"""


@dataclass(frozen=True, kw_only=True)
class CompressionSettings(Settings):
    """Settings of the compression of a trained network.

    Attributes
    ----------
    method : str
        Key of `METHODS`.
    bits : int
        Bits of every weight.
    share : float
        Share of the weights that is pruned.
    mean_bits : float
        Budget of the allocation, in bits for each weight.
    alpha, beta, gamma : float
        Weights of paper 2's three indices of importance.
    tolerance : float
        Loss of validation accuracy that paper 2's methods accept; for `laq_shared`, mean
        Kullback-Leibler divergence from the answers of the fp32 network.
    tune_epochs, tune_learning_rate
        Training of the compressed network.
    """

    method: str = setting("fixed_quant", one_of=METHODS)
    bits: int = setting(8, low=1, high=16)
    share: float = setting(0.0, low=0)
    mean_bits: float = setting(4.0, above=0)
    alpha: float = setting(ALPHA, low=0)
    beta: float = setting(BETA, low=0)
    gamma: float = setting(GAMMA, low=0)
    tolerance: float = setting(schemes.TOLERANCE, low=0)
    tune_epochs: int = setting(8, above=0)
    tune_learning_rate: float = setting(1e-3, above=0)

    def check(self):
        super().check()
        for name in ("share", "tolerance"):
            if getattr(self, name) >= 1:
                raise UserError(f"{name} is {getattr(self, name)}; it is a share, below 1")
        if "share" in METHODS[self.method].reads and self.share == 0:
            raise UserError(f"share is 0; method {self.method} prunes, so give a share above 0")
        if METHODS[self.method].compress is _trained and not 2 <= self.bits <= 8:
            raise UserError(f"bits is {self.bits}; method {self.method} trains with 2 to 8")
