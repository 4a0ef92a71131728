"""Tasks that a network learns; a task has a length, and a loss of a batch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

from ecglib import puzzle
from ecglib.aami import CLASSES
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import in_batches


@dataclass(frozen=True)
class SupervisedTask:
    """Cross-entropy of `forward(*inputs)` against labels.

    `forward` is the whole network, or its head if `inputs` are cached features.
    """

    forward: Callable
    inputs: tuple[torch.Tensor, ...]
    label: torch.Tensor
    weight: torch.Tensor | None = None

    def __len__(self):
        return len(self.label)

    def loss(self, index, generator):
        """Mean loss of the beats `index` (B,)."""
        logits = self.forward(*(tensor[index] for tensor in self.inputs))
        return F.cross_entropy(logits, self.label[index], self.weight)


@dataclass(frozen=True)
class PuzzleTask:
    """Cross-entropy of the puzzle; each step draws a new permutation for every beat."""

    forward: Callable
    x: torch.Tensor
    cuts: tuple[int, int]
    mask: torch.Tensor

    def __len__(self):
        return len(self.x)

    def loss(self, index, generator):
        """Mean loss of the beats `index` (B,) under random permutations."""
        label = torch.randint(len(puzzle.PERMUTATIONS), (len(index),), generator=generator)
        label = label.to(self.x.device)
        permuted = puzzle.permute(self.x[index], label, self.cuts) * self.mask
        return F.cross_entropy(self.forward(permuted), label)


@dataclass(frozen=True)
class CachedPuzzleTask:
    """Cross-entropy of the puzzle if only the head learns.

    It draws the same labels as `PuzzleTask`, so both give the same training.

    Attributes
    ----------
    forward : callable
        Head of the network.
    features : Tensor, shape (6, n_beats, n_features)
        Features of every beat in every order.
    """

    forward: Callable
    features: torch.Tensor

    @classmethod
    def of(cls, model, x, config):
        """The task of a network on beats x (n_beats, length), with the run's cuts."""
        cuts = puzzle.CUTS[config.cuts]
        orders = torch.arange(len(puzzle.PERMUTATIONS), device=x.device)
        label = orders.repeat_interleave(len(x))
        permuted = puzzle.permute(x.repeat(len(orders), 1), label, cuts)
        features = in_batches(model.features, permuted)
        return cls(model.classify, features.unflatten(0, (len(orders), len(x))))

    def __len__(self):
        return self.features.shape[1]

    def loss(self, index, generator):
        """Mean loss of the beats `index` (B,) under random permutations."""
        label = torch.randint(len(self.features), (len(index),), generator=generator)
        logits = self.forward(self.features[label, index])
        return F.cross_entropy(logits, label.to(logits.device))


@dataclass(frozen=True)
class Draws:
    """Random choice of the beats of an epoch, for each lead and class.

    If a lead and class has few beats, all of them are taken. Otherwise they are divided in time
    into `cap` equal stretches, and one random beat is taken from each.

    Attributes
    ----------
    order : Tensor, shape (n_beats,), int64
        Beats sorted by lead and class, those of a class in order of time.
    first, last, place : Tensor, shape (n_draws,), int64
        For every draw, where its lead and class begin and end in `order`, and the number of
        its stretch.
    stretch : Tensor, shape (n_draws,), float32
        Number of beats of a stretch, at least 1.
    """

    order: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    place: torch.Tensor
    stretch: torch.Tensor

    @classmethod
    def balanced(cls, lead_of, label, cap):
        """Draws that take at most `cap` beats of each lead and class.

        Parameters
        ----------
        lead_of, label : ndarray of int, shape (n_beats,)
            Recorded lead (or record, if each has one lead) and class of every beat; the beats
            of a lead are in order of time.
        cap : int
            Largest number of draws of one lead and class.
        """
        group = lead_of.astype(np.int64) * (label.max() + 1) + label
        order = np.argsort(group, kind="stable")
        _, first, size = np.unique(group[order], return_index=True, return_counts=True)
        n_draws = np.minimum(size, cap)
        place = np.concatenate([np.arange(n) for n in n_draws])
        return cls(
            torch.from_numpy(order),
            torch.from_numpy(np.repeat(first, n_draws)),
            torch.from_numpy(np.repeat(first + size - 1, n_draws)),
            torch.from_numpy(place),
            torch.from_numpy(np.repeat((size / n_draws).astype(np.float32), n_draws)),
        )

    def beats(self, index, generator):
        """Random beats (B,) of the draws `index` (B,)."""
        within = (self.place[index] + torch.rand(len(index), generator=generator)).double()
        beat = self.first[index] + (within * self.stretch[index]).long()
        return self.order[torch.minimum(beat, self.last[index])]  # where float32 rounds up


@dataclass(frozen=True)
class BalancedTask:
    """Cross-entropy on randomly varied beats, a limited number of each lead and class.

    `forward` is the whole network. `spread` is the standard deviation of the logarithm of a
    beat's random gain, and of the noise on its timing.
    """

    forward: Callable
    inputs: object
    draws: Draws
    weight: torch.Tensor | None
    spread: float

    SHIFT = 2

    def __len__(self):
        return len(self.draws.first)

    def loss(self, index, generator):
        """Mean loss of the draws `index` (B,)."""
        beats = self.inputs.select(self.draws.beats(index, generator))
        logits = self.forward(*self.varied(beats, generator))
        return F.cross_entropy(logits, beats.y, self.weight)

    def varied(self, beats, generator):
        """Beats and timing with random gain and noise; all have the same shift and stretch."""
        if not self.spread:
            return beats.x, beats.rr
        gain = torch.randn(len(beats), 1, 1, generator=generator)
        noise = torch.randn(beats.rr.shape, generator=generator)
        stretch = torch.exp(self.spread / 2 * torch.randn((), generator=generator))
        shift = torch.randint(-self.SHIFT, self.SHIFT + 1, (), generator=generator)
        x = stretched(beats.x, stretch, shift) * torch.exp(self.spread * gain)
        return x, beats.rr + self.spread * noise


@dataclass(frozen=True)
class ReplayTask:
    """Cross-entropy on training beats plus cross-entropy on a patient's labelled beats.

    Every step sees a batch of training beats and up to `MOST_LABELLED` labelled beats.

    Attributes
    ----------
    forward : callable
        Network, or its head if the inputs are cached features.
    replay, labelled : tuple of Tensor, shape (n_beats, ...)
        Arguments of `forward` for the training beats and for the patient's beats.
    replay_y, labelled_y : Tensor, shape (n_beats,)
        Classes.
    class_weight : Tensor, shape (3,), or None
        Class weights of the labelled beats.
    label_weight : float
        Weight of the loss of the labelled beats.
    """

    forward: Callable
    replay: tuple[torch.Tensor, ...]
    replay_y: torch.Tensor
    labelled: tuple[torch.Tensor, ...]
    labelled_y: torch.Tensor
    class_weight: torch.Tensor | None
    label_weight: float

    MOST_LABELLED = 64

    def __len__(self):
        return len(self.replay_y)

    def loss(self, index, generator):
        """Sum of both mean losses, for the replayed beats `index` (B,)."""
        some = torch.randperm(len(self.labelled_y), generator=generator)[: self.MOST_LABELLED]
        pairs = zip(self.replay, self.labelled, strict=True)
        logits = self.forward(*(torch.cat([old[index], new[some]]) for old, new in pairs))
        old, new = logits[: len(index)], logits[len(index) :]
        asked = F.cross_entropy(new, self.labelled_y[some], self.class_weight)
        return F.cross_entropy(old, self.replay_y[index]) + self.label_weight * asked


@dataclass(frozen=True)
class HeldTask:
    """A task whose loss grows as weights move away from where they started.

    The squared distance, times `strength`, is added to the loss (L2-SP, Li et al. 2018).
    """

    task: object
    weights: list[torch.Tensor]
    start: list[torch.Tensor]
    strength: float

    @classmethod
    def of(cls, task, weights, strength):
        """The task with the present values of `weights` as their start."""
        return cls(task, weights, [w.detach().clone() for w in weights], strength)

    def __len__(self):
        return len(self.task)

    def loss(self, index, generator):
        """Loss of the beats `index` (B,) and of the distance."""
        pairs = zip(self.weights, self.start, strict=True)
        distance = sum(((now - start) ** 2).sum() for now, start in pairs)
        return self.task.loss(index, generator) + self.strength * distance


def stretched(x, stretch, shift):
    """Beats x (n_beats, n_channels, n_times), stretched and shifted in time.

    Time is slower by the factor `stretch` () around the middle of the window, and the beat
    moves by `shift` () samples to the left, with linear interpolation. Beyond the ends the
    first and last samples are repeated.
    """
    n_times = x.shape[2]
    middle = (n_times - 1) / 2
    at = (torch.arange(n_times) - middle) / stretch + middle + shift
    at = at.clamp(0, n_times - 1)
    before = at.long().clamp(max=n_times - 2)
    share = at - before
    return torch.lerp(x[:, :, before], x[:, :, before + 1], share)


@dataclass(frozen=True, kw_only=True)
class SupervisedSettings(Settings):
    """Settings of a training with labels.

    Attributes
    ----------
    epochs : int
        Passes over the training beats.
    imbalance : {"none", "sqrt", "balanced"}
        Class weights of the loss: none, 1/sqrt(frequency), 1/frequency.
    """

    epochs: int = setting(8, above=0)
    imbalance: str = setting("none", one_of=("none", "sqrt", "balanced"))


def class_weights(label, imbalance):
    """Weights (3,) of the classes in the loss, with mean 1 over the beats; None for "none".

    Parameters
    ----------
    label : Tensor, shape (n_beats,)
        Index into CLASSES.
    imbalance : {"none", "sqrt", "balanced"}
        See `SupervisedSettings`.
    """
    if imbalance == "none":
        return None
    count = torch.bincount(label, minlength=len(CLASSES)).float()
    weight = count.clamp(min=1) ** (-0.5 if imbalance == "sqrt" else -1.0)
    return weight * count.sum() / (weight * count).sum()


@dataclass(frozen=True)
class RecordingTask:
    """Cross-entropy of recordings that are varied at random, see `Samples.varied`."""

    forward: Callable
    samples: object

    def __len__(self):
        return len(self.samples)

    def loss(self, index, generator):
        """Mean loss of the recordings `index` (B,)."""
        logits = self.forward(self.samples.varied(index, generator))
        return F.cross_entropy(logits, self.samples.y[index])


@dataclass(frozen=True)
class DistilTask:
    """Distillation: a student learns from labels and from a teacher's soft answers.

    The loss is `(1 − SOFT_SHARE)` times the cross-entropy of the labels, plus the divergence
    from the teacher at temperature `TEMPERATURE` (Hinton et al. 2015), on the same randomly
    varied recordings. `before_step` is called with the share of the training that is done.
    """

    student: Callable
    teacher: Callable
    samples: object
    before_step: Callable
    n_steps: int
    done: list = field(default_factory=lambda: [0])

    SOFT_SHARE = 0.7
    TEMPERATURE = 2.0

    def __len__(self):
        return len(self.samples)

    def loss(self, index, generator):
        """Mean loss of the recordings `index` (B,)."""
        self.before_step(self.done[0] / self.n_steps)
        self.done[0] += 1
        x = self.samples.varied(index, generator)
        with torch.no_grad():
            soft = F.log_softmax(self.teacher(x) / self.TEMPERATURE, dim=1)
        logits = self.student(x)
        own = F.log_softmax(logits / self.TEMPERATURE, dim=1)
        divergence = F.kl_div(own, soft, reduction="batchmean", log_target=True)
        hard = F.cross_entropy(logits, self.samples.y[index])
        share = self.SOFT_SHARE
        return (1 - share) * hard + share * self.TEMPERATURE**2 * divergence
