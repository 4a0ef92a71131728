"""Training MicroNet: in fp32, then rounded to integers and trained further."""

from dataclasses import asdict, dataclass

import numpy as np
import torch

from ecglib import models
from ecglib.aami import CLASSES
from ecglib.data.inputs import Inputs
from ecglib.models.micronet import EVERYTHING, MicroNetConfig
from ecglib.quant import freeze_ranges
from ecglib.training.loop import Schedule, fit
from ecglib.training.tasks import BalancedTask, Draws, class_weights

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
    return models.fresh("micronet", config.seed, "full", **asdict(size_of(config)))


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


def train_rounded(model, config, beats):
    """Train a rounded network further, in place; ranges are frozen in the last epoch.

    Parameters
    ----------
    model : MicroNet
        From `ecglib.compress.allocate.rounded`.
    config : MicroConfig
        Schedule.
    beats : TrainingBeats
        The training side.

    Returns
    -------
    History
    """
    rate, freeze = config.qat_learning_rate, lambda: freeze_ranges(model)
    return _train(model, config, beats, config.qat_epochs, rate, before_last=freeze)


def _train(model, config, beats, epochs, learning_rate, before_last=None):
    draws = beats.balanced(config.class_cap)
    drawn = beats.inputs.y[draws.order[draws.first]]  # a record and class has one label
    weight = class_weights(drawn, config.imbalance)
    task = BalancedTask(model, beats.inputs, draws, weight, config.augmentation)
    schedule = Schedule.of(config, epochs=epochs, learning_rate=learning_rate)
    return fit(
        model,
        EVERYTHING,
        task,
        schedule,
        seed=config.seed,
        before_last=before_last,
        desc=config.slug,
    )
