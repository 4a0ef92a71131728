"""Training on the beats of the training set, with labels or by ECGWavePuzzle."""

from dataclasses import asdict, dataclass

import torch

from ecglib import models, puzzle
from ecglib.data.signal.rr import RR_NAMES
from ecglib.models.ecgnet import EVERYTHING
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit
from ecglib.training.tasks import PuzzleTask, SupervisedTask, class_weights


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
    """Settings of a network that reads beats.

    Attributes
    ----------
    model : str
        Name of the network in `ecglib.models.MODELS`.
    channels : tuple of int
        Filters of ECGNet's five blocks.
    norm : {"none", "batch"}
        Normalisation inside the blocks. Paper 1 describes none.
    """

    model: str = "ecgnet"
    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    norm: str = setting("none", one_of=("none", "batch"))

    def check(self):
        super().check()
        models.check_reads(self.model, ("beats",))
        if len(self.channels) != 5 or min(self.channels) < 1:
            raise UserError(f"channels is {self.channels}; ECGNet has five blocks of filters")


@dataclass(frozen=True, kw_only=True)
class PuzzleSettings(Settings):
    """Settings of the offline stage of ECGWavePuzzle.

    Attributes
    ----------
    cuts : {"thirds", "qrs"}
        Where a beat is cut, see `ecglib.puzzle.CUTS`.
    pretext_epochs : int
        Passes over the N beats of the training set.
    """

    cuts: str = setting("qrs", one_of=puzzle.CUTS)
    pretext_epochs: int = setting(10, above=0)


def build(config, n_outputs, device):
    """Untrained network of a run in evaluation mode; its weights follow from the seed.

    Parameters
    ----------
    config : RunConfig
        `model`, `channels`, `norm`, `features` and `seed` are read.
    n_outputs : int
        6 for the puzzle, 3 for N, S, V.
    device : torch.device
        Where the network lives.
    """
    model = models.fresh(
        config.model,
        config.seed,
        "paper",
        channels=config.channels,
        n_outputs=n_outputs,
        norm=config.norm,
        n_rr=len(RR_NAMES) if config.features == "beat+rr" else 0,
    )
    return model.to(device)


def supervised_task(forward, inputs, label, config):
    """Task on beats or cached features, with the run's class weights."""
    return SupervisedTask(forward, inputs, label, class_weights(label, config.imbalance))


def train_supervised(config, train, device, *, validate=None, patience=None):
    """Train a network from scratch on labelled beats (N, S, V only).

    Parameters
    ----------
    config : RunConfig
        Network and schedule.
    train : Inputs
        Training beats.
    device : torch.device
        Where to train.
    validate, patience : optional
        See `ecglib.training.loop.fit` and `Schedule`.

    Returns
    -------
    tuple of (ECGNet, History)
    """
    model = build(config, n_outputs=3, device=device)
    task = supervised_task(model, (train.x, train.rr), train.y, config)
    schedule = Schedule.of(config, patience=patience)
    how = {"seed": config.seed, "validate": validate, "desc": f"supervised, seed {config.seed}"}
    return model, fit(model, EVERYTHING, task, schedule, **how)


def puzzle_task(model, x, config):
    """Puzzle task on beats `x` (n_beats, length) with the run's cuts and view."""
    cuts = puzzle.CUTS[config.cuts]
    mask = torch.from_numpy(puzzle.view_mask(config.view, cuts, x.shape[1])).to(x.device)
    return PuzzleTask(model, x, cuts, mask)


def train_pretext(config, train, device):
    """Offline stage: solve the puzzle on the N beats of the training set.

    Parameters and result are those of `train_supervised`; the ECGNet has six outputs.
    """
    model = build(config, n_outputs=len(puzzle.PERMUTATIONS), device=device)
    task = puzzle_task(model, train.x[train.y == 0], config)
    schedule = Schedule.of(config, epochs=config.pretext_epochs)
    how = {"seed": config.seed, "desc": f"puzzle, seed {config.seed}"}
    return model, fit(model, EVERYTHING, task, schedule, **how)


def as_checkpoint(model, history):
    """State dict and `meta` of a trained network, for `checkpoints.save`."""
    return model.state_dict(), asdict(history)
