"""The puzzle on cached features: six permutations of a beat are all there is to see."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ecglib import puzzle
from ecglib.training.loop import in_batches


@dataclass(frozen=True)
class CachedPuzzleTask:
    """Cross-entropy of the puzzle where only the head learns.

    It draws the labels that `ecglib.training.tasks.PuzzleTask` draws, so both go the same way.

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
        orders = [
            torch.full((len(x),), label, device=x.device)
            for label in range(len(puzzle.PERMUTATIONS))
        ]
        permuted = torch.cat([puzzle.permute(x, order, cuts) for order in orders])
        features = in_batches(model.features, permuted)
        return cls(model.classify, features.unflatten(0, (len(orders), len(x))))

    def __len__(self):
        return self.features.shape[1]

    def loss(self, index, generator):
        """Mean loss of the beats `index` (B,) under random permutations."""
        label = torch.randint(len(self.features), (len(index),), generator=generator)
        logits = self.forward(self.features[label, index])
        return F.cross_entropy(logits, label.to(logits.device))
