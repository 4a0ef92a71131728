"""Training of MicroNet, first in fp32, then rounded to integers."""

from dataclasses import asdict, dataclass

import numpy as np
import torch

from ecglib import models
from ecglib.aami import CLASSES
from ecglib.data.inputs import Inputs
from ecglib.data.signal.micro_input import parts_of, widths
from ecglib.models.micronet import EVERYTHING, MicroNetConfig
from ecglib.quant import freeze_ranges
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit
from ecglib.training.tasks import BalancedTask, Draws, class_weights

CALIBRATION_BEATS = 4096
"""Number of training beats from which the ranges of activations are measured."""


@dataclass(frozen=True, kw_only=True)
class MicroSettings(Settings):
    """Settings of MicroNet.

    Attributes
    ----------
    features : str
        Input of the network, see `ecglib.data.signal.micro_input.FEATURES`.
    leads : {"both", "MLII"}
        Leads from which training beats come; test beats are always from MLII. In the second
        lead, beats look as they might look in another patient.
    width : float
        Factor on all filters and units.
    class_cap : int
        Largest number of beats of one class, record and lead in an epoch; they are drawn anew
        for each epoch.
    augmentation : float
        Standard deviation of the logarithm of a beat's random gain, and of the noise on its
        timing. That of a random stretch in time (also its logarithm) is half as large. If it is
        0 there is no random shift either.
    scope : {"none", "all_int8"}
        Whether weights and activations are rounded to integers and the network is trained
        further.
    bits : int
        Bits of the weights, 2 to 8; activations have 8.
    allocation : {"uniform", "milp"}
        "uniform" gives every layer the same number of bits. "milp" gives `bits` on average; an
        integer program finds the bits of each layer.
    qat_epochs, qat_learning_rate
        Training after rounding.
    """

    features: str = "derivative+template+rr+rhythm"
    leads: str = setting("both", one_of=("both", "MLII"))
    width: float = setting(1.0, above=0)
    class_cap: int = setting(250, above=0)
    augmentation: float = setting(0.2, low=0)
    scope: str = setting("none", one_of=("none", "all_int8"))
    bits: int = setting(8, low=2, high=8)
    allocation: str = setting("uniform", one_of=("uniform", "milp"))
    qat_epochs: int = setting(3, above=0)
    qat_learning_rate: float = setting(3e-4, above=0)

    def check(self):
        super().check()
        parts_of(self.features)
        if self.scope == "none" and (self.bits, self.allocation) != (8, "uniform"):
            raise UserError(f"bits is {self.bits}, but scope none rounds nothing")

    @property
    def n_channels(self):
        """Number of channels of a beat."""
        return widths(self.features)[0]

    @property
    def n_rr(self):
        """Number of columns of timing."""
        return widths(self.features)[1]


@dataclass(frozen=True)
class TrainingBeats:
    """Labelled beats (N, S, V) of the training records.

    Attributes
    ----------
    inputs : Inputs
        The beats in order of record and time.
    lead_of : ndarray, shape (n_beats,), int
        Number of the recorded lead from which each beat comes.
    """

    inputs: Inputs
    lead_of: np.ndarray

    @classmethod
    def of(cls, leads):
        """The beats of N, S and V in a list of `Inputs`, one for each recorded lead."""
        kept = [inputs.select(inputs.y < len(CLASSES)) for inputs in leads]
        joined = (torch.cat([getattr(inputs, n) for inputs in kept]) for n in ("x", "rr", "y"))
        lead_of = np.repeat(np.arange(len(kept)), [len(inputs) for inputs in kept])
        return cls(Inputs(*joined), lead_of)

    def balanced(self, cap):
        """Draws of an epoch, at most `cap` of each lead and class."""
        return Draws.balanced(self.lead_of, self.inputs.y.cpu().numpy(), cap)

    def typical(self, config):
        """Beats drawn as for an epoch, from which ranges and sensitivities are measured."""
        draws = self.balanced(config.class_cap)
        generator = torch.Generator().manual_seed(config.seed)
        some = torch.randperm(len(draws.first), generator=generator)[:CALIBRATION_BEATS]
        return self.inputs.select(draws.beats(some, generator))


def size_of(config):
    """`MicroNetConfig` of a run's network, which follows from its features and width."""
    return MicroNetConfig(config.n_channels, config.n_rr).widened(config.width)


def fresh(config):
    """Untrained network of a run in evaluation mode; its weights follow from the seed."""
    return models.fresh("micronet", config.seed, "full", **asdict(size_of(config)))


def train_fp32(config, beats):
    """Train a network from scratch on `TrainingBeats`; returns it and its `History`.

    `config` is a `MicroConfig`.
    """
    model = fresh(config)
    return model, _train(model, config, beats, config.epochs, config.learning_rate)


def train_rounded(model, config, beats):
    """Train a rounded network further, in place, and return the `History`.

    Parameters
    ----------
    model : MicroNet
        Network from `ecglib.compress.allocate.rounded`; ranges are frozen in the last epoch.
    config : MicroConfig
        Settings, of which the schedule is read.
    beats : TrainingBeats
        The training set.
    """
    rate, freeze = config.qat_learning_rate, lambda: freeze_ranges(model)
    return _train(model, config, beats, config.qat_epochs, rate, before_last=freeze)


def _train(model, config, beats, epochs, learning_rate, before_last=None):
    draws = beats.balanced(config.class_cap)
    drawn = beats.inputs.y[draws.order[draws.first]]  # a record and class has one label
    weight = class_weights(drawn, config.imbalance)
    task = BalancedTask(model, beats.inputs, draws, weight, config.augmentation)
    schedule = Schedule.of(config, epochs=epochs, learning_rate=learning_rate)
    how = {"seed": config.seed, "before_last": before_last, "desc": config.slug}
    return fit(model, EVERYTHING, task, schedule, **how)
