"""Study of the offline stage of ECGWavePuzzle by itself: is the puzzle solved, and how?"""

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
    """All that the offline stage depends on: the settings that runs with one puzzle share.

    Attributes
    ----------
    norm : {"none", "batch"}
        Normalisation inside the blocks; AdaBN needs "batch".
    normalization : {"zscore", "record", "none"}
        Each beat z-scored by itself (paper 1), by its record's mean and deviation, or mV.
    """

    features: ClassVar[str] = "beat"  # a puzzle has no RR ratios
    view: ClassVar[str] = "whole"  # what a run of another study goes on from

    norm: str = setting("batch", one_of=("none", "batch"))
    normalization: str = setting("zscore", one_of=("zscore", "record", "none"))


@dataclass(frozen=True, kw_only=True)
class FinetunedSettings(PretextSettings, SupervisedSettings, ShareSettings):
    """Offline stage, then training on a share of the labelled beats."""


@dataclass(frozen=True, kw_only=True)
class PuzzleConfig(RunConfig, PretextSettings):
    """Offline stage of ECGWavePuzzle: six permutations of N beats to tell apart.

    Attributes
    ----------
    view : {"whole", "junctions", "masked"}
        Which samples are hidden after permuting: `junctions` keeps only those around the cuts,
        `masked` only the others, `whole` all of them.
    """

    arm_keys = ("cuts", "view", "norm", "split")
    train_share: ClassVar[float] = 1.0  # labels are not needed, so there is no reason to save

    view: str = setting("whole", one_of=VIEWS)


def pretext(run, config):
    """Network of the offline stage with six outputs, shared by all runs that start from it.

    It uses all N beats of the training set, whatever share of them a fine-tuning gets.

    Parameters
    ----------
    run : Run
        Its data and its place.
    config : RunConfig
        With `PretextSettings`.

    Returns
    -------
    tuple of (ECGNet, dict)
        And the story of its training.
    """
    twin = twin_of(config, PuzzleConfig)
    return run.shared_network(twin, train_pretext, n_outputs=len(PERMUTATIONS))


@study("puzzle", PuzzleConfig)
def run_puzzle(run):
    """Six-class scores on N beats of the test set, one random permutation a beat."""
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
