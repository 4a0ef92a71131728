"""The training loop of all networks, with its schedule, frozen parts and history."""

import copy
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.precision import Stepper

PLATEAU_FACTOR = 0.3
"""Factor on the learning rate after a plateau."""

LEARNED_STEP = "weight_quantizer.learned"
"""End of the names of learned quantizer steps."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """Training with AdamW.

    Attributes
    ----------
    seed : int
        Seed of initial weights, order of batches, dropout and every other random draw.
    batch_size : int
        Beats of a step.
    learning_rate, weight_decay : float
        Settings of AdamW.
    decay : float
        Factor on the learning rate after every epoch. It does not depend on the number of
        epochs, so an epoch found by validation means the same when training anew.
    """

    seed: int = setting(7, low=0, high=2**32 - 1)
    batch_size: int = setting(128, above=0)
    learning_rate: float = setting(3e-4, above=0)
    weight_decay: float = setting(0.01, low=0)
    decay: float = setting(0.7, above=0)


@dataclass(frozen=True)
class Schedule:
    """Settings of one training: those of `TrainingSettings`, and the following.

    Attributes
    ----------
    epochs : int
        Passes over the data; with validation, the largest number of them.
    patience : int or None
        Number of epochs without a better validation score after which training stops.
    plateau : int or None
        Number of epochs without a better validation score after which the learning rate is
        multiplied by `PLATEAU_FACTOR`. If given, the optimizer is Adam with the decay of
        weights in its gradient, as paper 2 prints it.
    step_rate : float
        Factor on the learning rate of learned quantizer steps. They are far smaller than
        weights, but Adam moves both equally fast.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    decay: float = 1.0
    patience: int | None = None
    plateau: int | None = None
    step_rate: float = 1.0

    @classmethod
    def of(cls, config, **changes):
        """The schedule of a run.

        `epochs` and `TrainingSettings` are read from its configuration; keywords replace them.
        """
        read = {"epochs", "batch_size", "learning_rate", "weight_decay", "decay"}
        read = {name: getattr(config, name) for name in read - changes.keys()}
        return cls(**read, **changes)


@dataclass
class History:
    """Record of a training.

    Attributes
    ----------
    loss, score : list of float
        Mean loss of every epoch, and its score if there is a validation.
    seconds : float
        Wall-clock time.
    steps, skipped : int
        Number of optimizer steps, and of steps that gradient scaling left out (fp16 only).
    """

    loss: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0
    skipped: int = 0

    @property
    def best_epoch(self):
        """Number of epochs (from 1) after which the score was best."""
        return int(np.argmax(self.score)) + 1


def train_only(model, parts):
    """Let only the named parts learn, and return their parameters.

    All other parts are frozen and in evaluation mode, so their BatchNorm statistics stay too.
    """
    model.eval().requires_grad_(False)
    for name in parts:
        getattr(model, name).train().requires_grad_(True)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    return [p for p in model.parameters() if p.requires_grad]


def fit(
    model, parts, task, schedule, *, seed, validate=None, before_last=None, desc="training"
):
    """Train parts of a network on a task; returns the `History`.

    Parameters
    ----------
    model : ECGNet
        Changed in place; left in evaluation mode.
    parts : tuple of str
        Names of the parts that learn.
    task : SupervisedTask or another of `ecglib.training.tasks`
        The task; it has a length and a loss.
    schedule : Schedule
        Epochs, batch size, learning rate.
    seed : int
        Seed of the order of batches, puzzle labels and dropout.
    validate : callable, optional
        Function from the model to a score; the weights of the best epoch are kept.
    before_last : callable, optional
        Called without arguments before the last epoch begins.
    desc : str
        Text of the progress bar.

    Raises
    ------
    UserError
        If the loss of an epoch is not finite.
    """
    torch.manual_seed(seed)  # dropout
    generator = torch.Generator().manual_seed(seed)
    train_only(model, parts)
    optimizer, falling = _optimizer(model, schedule)
    stepper = Stepper(optimizer, next(model.parameters()).device)
    history, best, start = History(), None, time.perf_counter()
    for epoch in tqdm(range(1, schedule.epochs + 1), desc=desc, leave=False):
        if before_last is not None and epoch == schedule.epochs:
            before_last()
        history.loss.append(_run_epoch(task, stepper, schedule.batch_size, generator))
        if validate is None:
            falling.step()
            continue
        model.eval()
        history.score.append(validate(model))
        if schedule.plateau is None:
            falling.step()
        else:
            falling.step(history.score[-1])
        if history.best_epoch == epoch:
            best = copy.deepcopy(model.state_dict())
        elif epoch - history.best_epoch >= schedule.patience:
            break
        train_only(model, parts)
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    history.steps, history.skipped = stepper.steps, stepper.skipped
    history.seconds = time.perf_counter() - start
    return history


def _optimizer(model, schedule):
    """Optimizer of the parameters that learn, and the schedule of its learning rate."""
    learning = {n: p for n, p in model.named_parameters() if p.requires_grad}
    steps = [p for name, p in learning.items() if name.endswith(LEARNED_STEP)]
    others = [p for name, p in learning.items() if not name.endswith(LEARNED_STEP)]
    groups = [{"params": others}]
    if steps:
        groups.append({"params": steps, "lr": schedule.learning_rate * schedule.step_rate})
    settings = {"weight_decay": schedule.weight_decay, "fused": True}
    if schedule.plateau is None:
        optimizer = torch.optim.AdamW(groups, schedule.learning_rate, **settings)
        return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, schedule.decay)
    optimizer = torch.optim.Adam(groups, schedule.learning_rate, **settings)
    return optimizer, torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max", factor=PLATEAU_FACTOR, patience=schedule.plateau
    )


def _run_epoch(task, stepper, batch_size, generator):
    """One pass in random order; returns the mean loss of the beats."""
    total = 0.0
    for index in torch.randperm(len(task), generator=generator).split(batch_size):
        loss = task.loss(index, generator)
        stepper.step(loss)
        total = total + loss.detach() * len(index)
    if not torch.isfinite(total):  # checked once an epoch, since a GPU has to wait for it
        raise UserError(
            "the training loss is not a finite number: look for NaN in the recordings, lower "
            "learning_rate, or, if precision is fp16, use bf16 or fp32"
        )
    return float(total / len(task))


@torch.no_grad()
def in_batches(forward, *inputs, batch_size=256):
    """Apply a network to many beats without gradients; a Tensor (n_beats, ...).

    Parameters
    ----------
    forward : callable
        Network or method of one.
    *inputs : Tensor, shape (n_beats, ...)
        Its arguments.
    batch_size : int
        Beats at a time; the feature maps of 256 beats fit into a processor's cache.
    """
    chunks = zip(*(tensor.split(batch_size) for tensor in inputs), strict=True)
    return torch.cat([forward(*chunk) for chunk in chunks])


def predict(model, inputs):
    """Predicted classes (n_beats,) int8, index into CLASSES, of beats (`Inputs`).

    The network must be in evaluation mode.
    """
    logits = in_batches(model, inputs.x, inputs.rr)
    return logits.argmax(dim=1).cpu().numpy().astype(np.int8)
