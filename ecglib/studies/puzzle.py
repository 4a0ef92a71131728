"""Study of the offline stage of ECGWavePuzzle: is the puzzle solved, and how?"""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ecglib.data.inputs import ShareSettings
from ecglib.data.split import SplitSettings
from ecglib.metrics import confusion_matrix
from ecglib.puzzle import CUTS, PERMUTATIONS, VIEWS, permute, view_mask
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training.loop import TrainingSettings, in_batches
from ecglib.training.on_beats import NetworkSettings, PuzzleSettings, train_pretext
from ecglib.training.tasks import SupervisedSettings


@dataclass(frozen=True, kw_only=True)
class PretextSettings(SplitSettings, NetworkSettings, TrainingSettings, PuzzleSettings):
    """All settings of the offline stage; runs that agree in them share its network.

    `normalization` is that of `ecglib.data.inputs.InputSettings`.
    """

    features: ClassVar[str] = "beat"  # a puzzle has no RR ratios
    view: ClassVar[str] = "whole"  # other studies use the network of this view

    norm: str = setting("batch", one_of=("none", "batch"))  # AdaBN needs "batch"
    normalization: str = setting("zscore", one_of=("zscore", "record", "none"))


@dataclass(frozen=True, kw_only=True)
class FinetunedSettings(PretextSettings, SupervisedSettings, ShareSettings):
    """Settings of the offline stage and of a training on a share of the labelled beats."""


@dataclass(frozen=True, kw_only=True)
class PuzzleConfig(RunConfig, PretextSettings):
    """Offline stage of ECGWavePuzzle: a network learns to distinguish six orders of N beats.

    Attributes
    ----------
    view : {"whole", "junctions", "masked"}
        Samples that the network sees after permuting: `junctions` shows only those around the
        cuts, `masked` only the others, `whole` all of them.
    """

    arm_keys = ("cuts", "view", "norm", "split")
    train_share: ClassVar[float] = 1.0  # all beats, since no labels are needed

    view: str = setting("whole", one_of=VIEWS)


def pretext(run, config):
    """Network of the offline stage with six outputs, shared by all runs that start from it.

    It uses all N beats of the training set, even if a fine-tuning uses a share of them.

    Parameters
    ----------
    run : Run
        Run with the data and the folder of checkpoints.
    config : RunConfig
        Configuration with `PretextSettings`.

    Returns
    -------
    tuple of (ECGNet, dict)
        The network, and the record of its training.
    """
    twin = twin_of(config, PuzzleConfig)
    return run.shared_network(twin, train_pretext, n_outputs=len(PERMUTATIONS))


@study("puzzle", PuzzleConfig)
def run_puzzle(run):
    """Score the puzzle on N beats of the test set, with one random order for each beat."""
    config = run.config
    model, story = pretext(run, config)
    x = run.test.inputs.x[run.test.inputs.y == 0]
    label = np.random.default_rng(config.seed).integers(len(PERMUTATIONS), size=len(x))
    cuts = CUTS[config.cuts]
    mask = torch.from_numpy(view_mask(config.view, cuts, x.shape[1])).to(x.device)
    start = time.perf_counter()
    permuted = permute(x, torch.from_numpy(label).to(x.device), cuts) * mask
    predicted = in_batches(model, permuted).argmax(dim=1).cpu().numpy()
    confusion = confusion_matrix(label, predicted, n_classes=len(PERMUTATIONS))
    seconds = {"pretrain": story["seconds"], "predict": time.perf_counter() - start}
    metrics = {"accuracy": float(np.mean(label == predicted)), "loss": story["loss"]}
    return {"metrics": metrics | {"confusion": confusion.tolist()}, "runtime_s": seconds}
