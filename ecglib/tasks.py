"""What a network learns: a task has a length, and a loss of some of its beats or recordings."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from ecglib import puzzle
from ecglib.aami import CLASSES


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


def class_weights(label, imbalance):
    """Weights of the classes in the loss, with mean 1 over the beats.

    Parameters
    ----------
    label : Tensor, shape (n_beats,)
        Index into CLASSES.
    imbalance : {"none", "sqrt", "balanced"}
        No weights, or weights that fall with the square root of a class's frequency or
        with the frequency itself.

    Returns
    -------
    Tensor, shape (3,), or None
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
        return F.cross_entropy(
            self.forward(self.samples.varied(index, generator)), self.samples.y[index]
        )


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
