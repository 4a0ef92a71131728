"""Conversion of recordings to tensors for rhythm networks, and their variation in training."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ecglib.data.inputs import MIN_STD

LIMIT = 20.0
"""Standard deviations at which samples are clipped, since larger ones are artefacts."""


@dataclass(frozen=True)
class Samples:
    """Recordings, or beats, as tensors on one device.

    Attributes
    ----------
    x : Tensor, shape (n, n_times) or (n, n_windows, n_times), float32
        Normalised recordings, or windows of each.
    n_samples : Tensor, shape (n,), int64
        Samples before the zeros at the end.
    y : Tensor, shape (n,), int64
        Index into the data set's classes.
    rotates : bool
        Whether training may rotate a recording in time and turn it upside down. For beats it
        is False, since they are cut at their R-peak.
    """

    x: torch.Tensor
    n_samples: torch.Tensor
    y: torch.Tensor
    rotates: bool = True

    def __len__(self):
        return len(self.y)

    def select(self, index):
        """The rows that `index` (bool or int tensor or array) selects."""
        return replace(self, x=self.x[index], n_samples=self.n_samples[index], y=self.y[index])

    def to(self, device):
        """The same recordings on another device."""
        moved = (tensor.to(device) for tensor in (self.x, self.n_samples, self.y))
        return Samples(*moved, self.rotates)

    def varied(self, index, generator):
        """Recordings `index` (B,) as a training step sees them, (B, n_times).

        If a recording has several windows, one is drawn. A whole recording is rotated within
        its own length, since its label does not depend on where it begins. It is turned upside
        down with probability 1/2, since hand-held recorders are often held the wrong way round.
        """
        x = self.x[index]
        n = len(x)
        if x.dim() == 3:
            drawn = torch.randint(x.shape[1], (n,), generator=generator)
            return x[torch.arange(n), drawn.to(x.device)]
        if not self.rotates:
            return x
        share = torch.rand(n, 1, generator=generator).to(x.device)
        sign = (2 * torch.randint(2, (n, 1), generator=generator) - 1).to(x.device)
        n_samples = self.n_samples[index].unsqueeze(1)
        time = torch.arange(x.shape[1], device=x.device).expand_as(x)
        rotated = (time + (share * n_samples).long()) % n_samples
        return sign * x.gather(1, torch.where(time < n_samples, rotated, time))


def to_samples(recordings):
    """Recordings as `Samples`, each z-scored over its own samples, with zeros after its end.

    A flat recording becomes zeros.
    """
    x = np.zeros_like(recordings.signal, dtype=np.float32)
    for row, signal, n in zip(x, recordings.signal, recordings.n_samples, strict=True):
        part = signal[:n]
        std = part.std()
        row[:n] = np.clip((part - part.mean()) / (std if std > MIN_STD else 1), -LIMIT, LIMIT)
    return Samples(
        torch.from_numpy(x),
        torch.from_numpy(recordings.n_samples.astype(np.int64)),
        torch.from_numpy(recordings.label.astype(np.int64)),
    )


def logits_of(model, x):
    """Logits (B, n_outputs) of recordings; those of several windows are averaged.

    Parameters
    ----------
    model : Module
        Takes (B, n_times).
    x : Tensor, shape (B, n_times) or (B, n_windows, n_times)
        Recordings.
    """
    if x.dim() == 2:
        return model(x)
    return model(x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(dim=1)
