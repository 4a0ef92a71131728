"""Training MicroNet: in fp32, then rounded to integers and trained further."""

from dataclasses import asdict, dataclass

import numpy as np
import torch

from ecglib import models
from ecglib.aami import CLASSES
from ecglib.data.inputs import Inputs
from ecglib.data.signal.micro_input import parts_of
from ecglib.models.micronet import EVERYTHING, MicroNetConfig
from ecglib.quant import freeze_ranges
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit
from ecglib.training.tasks import BalancedTask, Draws, class_weights

CALIBRATION_BEATS = 4096
"""Training beats that set the ranges of activations."""


@dataclass(frozen=True, kw_only=True)
class MicroSettings(Settings):
    """A network of a few kilobytes.

    Attributes
    ----------
    features : str
        What it reads, see `ecglib.data.signal.micro_input.FEATURES`.
    leads : {"both", "MLII"}
        Leads that training beats come from; test beats are always of MLII. The second lead
        shows the same heart as another patient might show it.
    width : float
        Factor on all filters and units.
    class_cap : int
        Most beats that one class of one record and lead adds to an epoch, drawn anew in each.
    augmentation : float
        Deviation of the random gain of a beat (log), of the noise on its timing, and twice
        that of a random stretch of time (log); 0 also turns off the random shift.
    scope : {"none", "all_int8"}
        Whether it is rounded to integers, weights and activations, and trained further.
    bits : int
        Of the weights, 2 to 8; activations have 8.
    allocation : {"uniform", "milp"}
        The same bits in every layer, or `bits` on average, placed by an integer program.
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
        """Channels of a beat."""
        return 2 if "template" in parts_of(self.features) else 1

    @property
    def n_rr(self):
        """Columns of timing."""
        parts = parts_of(self.features)
        return 5 * ("rr" in parts) + 2 * ("causal" in parts) + 3 * ("rhythm" in parts)


@dataclass(frozen=True)
class TrainingBeats:
    """Labelled beats (N, S, V) of the training records.

    Attributes
    ----------
    inputs : Inputs
        In order of record and time.
    lead_of : ndarray, shape (n_beats,), int
        Number of the recorded lead that each comes from.
    """

    inputs: Inputs
    lead_of: np.ndarray

    @classmethod
    def of(cls, leads):
        """The beats of N, S and V from a list of `Inputs`, one a recorded lead."""
        kept = [inputs.select(inputs.y < len(CLASSES)) for inputs in leads]
        joined = (torch.cat([getattr(inputs, n) for inputs in kept]) for n in ("x", "rr", "y"))
        lead_of = np.repeat(np.arange(len(kept)), [len(inputs) for inputs in kept])
        return cls(Inputs(*joined), lead_of)

    def balanced(self, cap):
        """Draws of an epoch, at most `cap` of each lead and class."""
        return Draws.balanced(self.lead_of, self.inputs.y.cpu().numpy(), cap)

    def typical(self, config):
        """Beats as an epoch sees them, drawn by seed: for ranges and sensitivities."""
        draws = self.balanced(config.class_cap)
        generator = torch.Generator().manual_seed(config.seed)
        some = torch.randperm(len(draws.first), generator=generator)[:CALIBRATION_BEATS]
        return self.inputs.select(draws.beats(some, generator))


def size_of(config):
    """`MicroNetConfig` of a run's network, from its features and width."""
    return MicroNetConfig(config.n_channels, config.n_rr).widened(config.width)


def fresh(config):
    """Untrained network of a run, the same for the same seed, in evaluation mode."""
    return models.fresh("micronet", config.seed, "full", **asdict(size_of(config)))


def train_fp32(config, beats):
    """A network trained from scratch on `TrainingBeats`, and its `History`.

    Of `config`, the settings of `MicroConfig` are read.
    """
    model = fresh(config)
    return model, _train(model, config, beats, config.epochs, config.learning_rate)


def train_rounded(model, config, beats):
    """Train a rounded network further, in place, and return the `History`.

    Parameters
    ----------
    model : MicroNet
        From `ecglib.compress.allocate.rounded`; ranges are frozen in the last epoch.
    config : MicroConfig
        Schedule.
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
