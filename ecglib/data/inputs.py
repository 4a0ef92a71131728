"""Conversion of beats to the tensors that networks read: normalisation, sampling, device."""

from dataclasses import dataclass

import numpy as np
import torch

from ecglib.data.signal.rr import scaled_ratios
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting

MIN_STD = 1e-6
"""Standard deviation in mV below which a window counts as flat and is only centred."""


@dataclass(frozen=True, kw_only=True)
class InputSettings(Settings):
    """Settings of a network's input.

    Attributes
    ----------
    features : {"beat", "beat+rr"}
        Isolated beats (the papers' input), or beats and five ratios of RR intervals.
    normalization : {"zscore", "record", "none"}
        See `normalize`; paper 1 z-scores each beat by itself.
    """

    features: str = setting("beat", one_of=("beat", "beat+rr"))
    normalization: str = setting("zscore", one_of=("zscore", "record", "none"))


@dataclass(frozen=True, kw_only=True)
class ShareSettings(Settings):
    """Share of the labelled beats with which a network is trained.

    The beats are drawn at random within each class.
    """

    train_share: float = setting(1.0, above=0, high=1)


@dataclass(frozen=True)
class Inputs:
    """Beats as tensors on one device.

    Attributes
    ----------
    x : Tensor, shape (n_beats, length), float32
        Normalised beats; for the micro network (n_beats, n_channels, 64).
    rr : Tensor, shape (n_beats, 5), float32
        RR ratios, centred on 1 and scaled by 4 so that a premature beat is near −1; for the
        micro network 0 to 8 columns of timing.
    y : Tensor, shape (n_beats,), int64
        Index into `ecglib.aami.AAMI_CLASSES`.
    """

    x: torch.Tensor
    rr: torch.Tensor
    y: torch.Tensor

    def __len__(self):
        return len(self.y)

    def select(self, index):
        """The rows that `index` (bool or int tensor) selects."""
        return Inputs(self.x[index], self.rr[index], self.y[index])

    def drawn(self, n_beats, seed):
        """Draw `n_beats` beats at random; all of them, shuffled, if there are fewer."""
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(self), generator=generator)[:n_beats]
        return self.select(chosen.to(self.y.device))

    def to(self, device):
        """The same beats on another device."""
        return Inputs(self.x.to(device), self.rr.to(device), self.y.to(device))


def pick_device(name):
    """Torch device with this name.

    Parameters
    ----------
    name : str
        "auto" (a GPU if there is one), or a name that torch knows.

    Raises
    ------
    UserError
        If torch does not know the name, or a GPU is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device is {name} but torch sees no GPU here; use device: cpu or auto")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device {name!r} is unknown; use auto, cpu or cuda") from error


def normalize(signal, record, kind):
    """Normalise beats without looking at any other patient.

    Parameters
    ----------
    signal : ndarray, shape (n_beats, length)
        Beats in mV.
    record : ndarray, shape (n_beats,)
        Record of each beat.
    kind : {"zscore", "record", "none"}
        "zscore" gives each beat mean 0 and deviation 1, "record" all beats of a record
        together; "none" leaves mV unchanged.

    Returns
    -------
    ndarray, shape (n_beats, length), float32
        A flat beat (deviation under `MIN_STD`) becomes zeros under "zscore".
    """
    if kind == "none":
        return signal.astype(np.float32)
    if kind == "zscore":
        mean = signal.mean(axis=1, keepdims=True)
        std = signal.std(axis=1, keepdims=True)
        return ((signal - mean) / np.where(std < MIN_STD, 1, std)).astype(np.float32)
    out = np.empty_like(signal, dtype=np.float32)
    for number in np.unique(record):
        rows = record == number
        out[rows] = (signal[rows] - signal[rows].mean()) / max(signal[rows].std(), MIN_STD)
    return out


def to_inputs(beats, config, device):
    """Beats as normalised tensors, `Inputs`.

    Parameters
    ----------
    beats : Beats
        Any beats.
    config : InputSettings
        `normalization` is read.
    device : torch.device
        Where the tensors live.
    """
    x = normalize(beats.signal, beats.record, config.normalization)
    return Inputs(
        torch.from_numpy(x).to(device),
        torch.from_numpy(scaled_ratios(beats.rr)).to(device),
        torch.from_numpy(beats.label.astype(np.int64)).to(device),
    )


def stratified_share(label, share, seed):
    """Indices of a share of the beats, drawn within each class.

    Parameters
    ----------
    label : ndarray, shape (n_beats,)
        Class of each beat.
    share : float
        In (0, 1]; every class keeps at least one beat.
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray of int64, ascending
    """
    rng = np.random.default_rng(seed)
    kept = []
    for value in np.unique(label):
        rows = np.flatnonzero(label == value)
        kept.append(rng.permutation(rows)[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(kept))
