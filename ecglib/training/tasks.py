"""What a network learns: a task has a length, and a loss of some of its beats or recordings."""

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

    `forward` is the whole network, or its head where `inputs` are cached features.
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
    """Cross-entropy of the puzzle: a fresh random permutation for every beat and step."""

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
    """Cross-entropy of the puzzle where only the head learns.

    It draws the labels that `PuzzleTask` draws, so both go the same way.

    Attributes
    ----------
    forward : callable
        Head of the network.
    features : Tensor, shape (6, n_beats, n_features)
        Of every beat in every order.
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
    """Which beats an epoch takes: every one of a lead and class that has few, and of those
    that have more a random one from each of `cap` equal stretches of time.

    Attributes
    ----------
    order : Tensor, shape (n_beats,), int64
        Beats sorted by lead and class, those of a class in order of time.
    first, last, place : Tensor, shape (n_draws,), int64
        For every draw: where its lead and class begin and end in `order`, and the number
        of its stretch.
    stretch : Tensor, shape (n_draws,), float32
        Beats of a stretch, at least 1.
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
            Recorded lead (or record, where each has one) and class of every beat; the beats of
            a lead in order of time.
        cap : int
            Most draws of one lead and class.
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
        """Beats (B,) that the draws `index` (B,) take this time."""
        within = (self.place[index] + torch.rand(len(index), generator=generator)).double()
        beat = self.first[index] + (within * self.stretch[index]).long()
        return self.order[torch.minimum(beat, self.last[index])]  # where float32 rounds up


@dataclass(frozen=True)
class BalancedTask:
    """Cross-entropy on beats of which no patient gives more than their share, varied at random.

    `forward` is the whole network, `spread` the deviation of the log of a beat's random gain
    and of the noise on its timing.
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
        """Beats and timing with random gain and noise, and one shift and stretch for all."""
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
    """Cross-entropy on training beats, plus that on a patient's few labelled ones.

    Every step sees a batch of the former and up to `MOST_LABELLED` of the latter.

    Attributes
    ----------
    forward : callable
        Network, or its head if the inputs are cached features.
    replay, labelled : tuple of Tensor, shape (n_beats, ...)
        Its arguments for training beats and for the patient's.
    replay_y, labelled_y : Tensor, shape (n_beats,)
        Classes.
    class_weight : Tensor, shape (3,), or None
        Of the labelled beats.
    label_weight : float
        Of their loss.
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


def stretched(x, stretch, shift):
    """Beats x (n_beats, n_channels, n_times) in time slower by the factor `stretch` () around
    the middle of their window, `shift` () samples to the left, by linear interpolation; where
    nothing is left, the first and last samples are repeated."""
    n_times = x.shape[2]
    middle = (n_times - 1) / 2
    at = (torch.arange(n_times) - middle) / stretch + middle + shift
    at = at.clamp(0, n_times - 1)
    before = at.long().clamp(max=n_times - 2)
    share = at - before
    return torch.lerp(x[:, :, before], x[:, :, before + 1], share)


@dataclass(frozen=True, kw_only=True)
class SupervisedSettings(Settings):
    """Training on labels.

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
        As `SupervisedSettings` has it.
    """
    if imbalance == "none":
        return None
    count = torch.bincount(label, minlength=len(CLASSES)).float()
    weight = count.clamp(min=1) ** (-0.5 if imbalance == "sqrt" else -1.0)
    return weight * count.sum() / (weight * count).sum()


@dataclass(frozen=True)
class RecordingTask:
    """Cross-entropy of recordings, each changed at random as their `Samples` say."""

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
    """A student that learns from labels and from a teacher's soft answers.

    The loss is cross-entropy against the labels, `(1 − SOFT_SHARE)` of it, and the divergence
    from the teacher at temperature `TEMPERATURE` (Hinton et al. 2015), on the same randomly
    changed recordings. `before_step` is called with the share of the training that is done.
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
