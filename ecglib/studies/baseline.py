"""Study of training on labels, without pretraining."""

import time
from dataclasses import dataclass
from typing import ClassVar

from ecglib.aami import CLASSES
from ecglib.data.inputs import InputSettings, ShareSettings
from ecglib.data.split import SplitSettings
from ecglib.studies.registry import RunConfig, study
from ecglib.training.loop import TrainingSettings, predict
from ecglib.training.on_beats import NetworkSettings, train_supervised
from ecglib.training.tasks import SupervisedSettings


@dataclass(frozen=True, kw_only=True)
class LabelledSettings(SplitSettings, NetworkSettings, TrainingSettings, SupervisedSettings):
    """Settings of a network that is trained with labels on all isolated, z-scored beats."""

    features: ClassVar[str] = "beat"
    normalization: ClassVar[str] = "zscore"
    train_share: ClassVar[float] = 1.0


@dataclass(frozen=True, kw_only=True)
class BaselineConfig(RunConfig, InputSettings, ShareSettings, LabelledSettings):
    """Training on the labels of the training set, without pretraining."""

    arm_keys = ("features", "norm", "normalization", "imbalance", "split")
    headline: ClassVar[dict] = {
        "features": "beat",
        "norm": "none",
        "imbalance": "none",
        "split": "ds1_ds2",
    }


def supervised(run, config):
    """Network trained on the training set only, shared by all runs that start from it.

    Parameters and result are those of `ecglib.studies.puzzle.pretext`.
    """
    return run.shared_network(config, train_supervised, n_outputs=len(CLASSES))


@study("baseline", BaselineConfig)
def run_baseline(run):
    """Train on the training set and score on the test set."""
    model, story = supervised(run, run.config)
    start = time.perf_counter()
    predicted = predict(model, run.test.inputs)
    seconds = {"train": story["seconds"], "predict": time.perf_counter() - start}
    return run.outcome(predicted, seconds, loss=story["loss"], ec57=run.ec57(predicted))
