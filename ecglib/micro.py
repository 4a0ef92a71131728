"""Training MicroNet: in fp32, then rounded to integers and trained further."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ecglib.aami import CLASSES
from ecglib.compress.allocate import allocate_bits, sensitivity
from ecglib.data.inputs import Inputs
from ecglib.models.layers import weight_layers
from ecglib.models.micronet import EVERYTHING, MicroNet, MicroNetConfig
from ecglib.quant import calibrate, freeze_ranges, quantize
from ecglib.tasks import BalancedTask, Draws, class_weights
from ecglib.train import Schedule, fit, in_batches

CALIBRATION_BEATS = 4096
"""Training beats that set the ranges of activations."""


@dataclass(frozen=True)
class TrainingBeats:
    """Labelled beats (N, S, V) of the training records.

    Attributes
    ----------
    inputs : Inputs
        In order of record and time.
    source : ndarray, shape (n_beats,), int
        Number of the recorded lead that each comes from.
    """

    inputs: Inputs
    source: np.ndarray

    @classmethod
    def of(cls, sources):
        """The beats of N, S and V from a list of `Inputs`, one a recorded lead."""
        kept = [inputs.select(inputs.y < len(CLASSES)) for inputs in sources]
        joined = (torch.cat([getattr(inputs, n) for inputs in kept]) for n in ("x", "rr", "y"))
        source = np.repeat(np.arange(len(kept)), [len(inputs) for inputs in kept])
        return cls(Inputs(*joined), source)

    def balanced(self, cap):
        """Draws of an epoch, at most `cap` of each lead and class."""
        return Draws.balanced(self.source, self.inputs.y.cpu().numpy(), cap)

    def typical(self, config):
        """Beats as an epoch sees them, drawn by seed: for ranges and sensitivities."""
        draws = self.balanced(config.class_cap)
        generator = torch.Generator().manual_seed(config.seed)
        some = torch.randperm(len(draws.first), generator=generator)[:CALIBRATION_BEATS]
        return self.inputs.select(draws.beats(some, generator))


def size_of(config):
    """Size of a run's network, from its features and width."""
    return MicroNetConfig(config.n_channels, config.n_rr).widened(config.width)


def fresh(config):
    """Untrained network of a run, the same for the same seed, in evaluation mode."""
    torch.manual_seed(config.seed)
    return MicroNet(size_of(config)).eval()


def train_fp32(config, beats):
    """Train a network from scratch.

    Parameters
    ----------
    config : MicroConfig
        Network and schedule.
    beats : TrainingBeats
        The training side.

    Returns
    -------
    tuple of (MicroNet, History)
    """
    model = fresh(config)
    return model, _train(model, config, beats, config.epochs, config.learning_rate)


def rounded(model, config, beats):
    """The network in integers, its weights not trained further yet.

    Parameters
    ----------
    model : MicroNet
        In fp32, trained; not changed.
    config : MicroConfig
        Scope, bits and their allocation.
    beats : TrainingBeats
        The training side.

    Returns
    -------
    MicroNet
        From `ecglib.quant.quantize`, ranges calibrated.
    """
    typical = beats.typical(config)
    quantized = quantize(model, config.scope, weight_bits=bits_of(model, config, typical))
    calibrate(quantized, typical.x, typical.rr)
    return quantized


def bits_of(model, config, typical):
    """Bits of every layer's weights.

    Under the allocation "milp" they average `config.bits` over all weights and are placed where
    the loss suffers least (`ecglib.compress.allocate`).

    Parameters
    ----------
    model : MicroNet
        In fp32.
    config : MicroConfig
        `bits` and `allocation`.
    typical : Inputs
        Beats of the training side on which the loss is measured.

    Returns
    -------
    dict of str to int
    """
    sizes = {name: layer.weight.numel() for name, layer in weight_layers(model).items()}
    if config.allocation == "uniform":
        return dict.fromkeys(sizes, config.bits)

    def loss(trial):
        return float(F.cross_entropy(in_batches(trial, typical.x, typical.rr), typical.y))

    weights = {f"{name}.weight": n for name, n in sizes.items()}
    cost = sensitivity(model, list(weights), loss)
    bits = allocate_bits(weights, cost, sum(weights.values()) * config.bits / 8)
    return {name.removesuffix(".weight"): width for name, width in bits.items()}


def train_rounded(model, config, beats):
    """Train a rounded network further, in place; ranges are frozen in the last epoch.

    Parameters
    ----------
    model : MicroNet
        From `rounded`.
    config : MicroConfig
        Schedule.
    beats : TrainingBeats
        The training side.

    Returns
    -------
    History
    """
    return _train(
        *(model, config, beats, config.qat_epochs, config.qat_learning_rate),
        before_last=lambda: freeze_ranges(model),
    )


def _train(model, config, beats, epochs, learning_rate, before_last=None):
    draws = beats.balanced(config.class_cap)
    drawn = beats.inputs.y[draws.order[draws.first]]  # a record and class has one label
    weight = class_weights(drawn, config.imbalance)
    task = BalancedTask(model, beats.inputs, draws, weight, config.augmentation)
    schedule = Schedule(
        *(epochs, config.batch_size, learning_rate, config.weight_decay, config.decay)
    )
    return fit(
        *(model, EVERYTHING, task, schedule),
        seed=config.seed,
        before_last=before_last,
        desc=config.slug,
    )
