"""Training of the networks of paper 2 on whole recordings."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from ecglib.data import sets
from ecglib.data.samples import Samples, logits_of
from ecglib.data.sets.dataset import RecordingSet
from ecglib.data.signal.shards import shard_features
from ecglib.models import check_reads, fresh, network
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.masked import MaskedConfig, cluster, pretrain
from ecglib.training.tasks import RecordingTask

N_FOLDS = 5
"""Number of folds of a data set; one of them is held out."""

N_CLUSTERS = 100
"""Number of clusters of shards in masked prediction."""

PLATEAU = 2
"""Number of epochs without a better validation loss after which the learning rate falls."""

VALIDATION_FOLDS = 8
"""The training folds are divided into this many parts, and one part is for validation; it is a
tenth of all recordings."""


@dataclass(frozen=True, kw_only=True)
class RecordingSettings(Settings):
    """Settings of a network that is trained on four of five folds and tested on the fifth.

    Attributes
    ----------
    seed : int
        Seed of the folds, the initial weights and the order of batches.
    dataset : str
        Data set of recordings.
    lead : str
        Lead by name; `cinc2017` has only one.
    model : str
        Name of the network in `ecglib.models.MODELS`.
    size : {"small", "paper", "tiny"}
        Key of the model's `SIZES`.
    fold : int or "all"
        Fold that is held out, 0 to 4; "all" pools the five runs.
    epochs, batch_size, learning_rate, weight_decay
        Training with Adam; the rate falls when the validation loss does not.
    train_share : float
        Share of the training and validation recordings that is used, drawn within each class.
    """

    records: ClassVar[tuple[int, ...]] = ()  # all recordings are used
    model_reads: ClassVar[tuple[str, ...]] = ("recordings",)

    seed: int = setting(7, low=0, high=2**32 - 1)
    dataset: str = "cinc2017"
    lead: str = "II"
    model: str = "resnet1d"
    size: str = "small"
    fold: int | str = 0
    epochs: int = setting(24, above=0)
    batch_size: int = setting(64, above=0)
    learning_rate: float = setting(1e-3, above=0)
    weight_decay: float = setting(1e-3, low=0)
    train_share: float = setting(1.0, above=0, high=1)

    def check(self):
        super().check()
        check_reads(self.model, self.model_reads)
        on_recordings = isinstance(sets.get(self.dataset), RecordingSet)
        if on_recordings != (network(self.model).reads == "recordings"):
            raise UserError(f"model is {self.model}, which cannot read {self.dataset}")
        if self.fold not in (*range(N_FOLDS), "all"):
            raise UserError(f"fold is {self.fold!r}; it must be 0 to {N_FOLDS - 1}, or all")


@dataclass(frozen=True, kw_only=True)
class PretrainingSettings(Settings):
    """Settings of a pretraining without labels, for HuBERT-ECG only.

    Attributes
    ----------
    pretrain_epochs : int
        Passes of masked prediction; 0 for none.
    pretrain_learning_rate : float
        Its learning rate; a larger network needs a lower one.
    pretrain_data : str
        Data sets of recordings for it, joined by "+"; without a name, the training set.
    weights : str
        First weights: "random", or a folder or a name on a model hub with published weights
        (size `small` only).
    """

    pretrain_epochs: int = setting(0, low=0)
    pretrain_learning_rate: float = setting(1e-3, above=0)
    pretrain_data: str = ""
    weights: str = "random"

    def check(self):
        super().check()
        if self.pretrain_epochs and self.model != "hubert":
            raise UserError(f"pretrain_epochs is for model: hubert, not {self.model}")
        if self.pretrain_epochs and self.weights != "random":
            raise UserError("weights and pretrain_epochs cannot both be given; leave one out")
        if self.pretrain_data and not self.pretrain_epochs:
            raise UserError("pretrain_data is for a pretraining: give pretrain_epochs above 0")
        for name in self.pretrain_sets:
            if not isinstance(sets.get(name), RecordingSet):
                raise UserError(f"pretrain_data is {self.pretrain_data}: {name} holds beats")
        if self.weights != "random" and (self.model, self.size) != ("hubert", "small"):
            raise UserError("weights is for model: hubert with size: small")

    @property
    def pretrain_sets(self):
        """Names of the data sets in `pretrain_data`, a tuple of str."""
        return tuple(filter(None, self.pretrain_data.split("+")))


@dataclass(frozen=True)
class Sides:
    """Three sets of recordings (or beats) of a run.

    Attributes
    ----------
    train, validation, test : Samples
        Weights are trained on the first set, choices are made on the second, and scores come
        from the third.
    test_id : ndarray of str
        Recordings of the test set.
    classes : tuple of str
        Names of the labels.
    """

    train: Samples
    validation: Samples
    test: Samples
    test_id: np.ndarray
    classes: tuple


def build(config, n_times, n_outputs):
    """Untrained network of a run, see `ecglib.models.fresh`.

    `model`, `size` and `seed` of `config` are read. Its input are recordings, or windows of
    them, of `n_times` samples.
    """
    return fresh(config.model, config.seed, config.size, n_times=n_times, n_outputs=n_outputs)


def start(config, sides):
    """Network of a run before the training with labels.

    Its weights are random, pretrained on the training set, or published. A pretraining on
    other data sets is for the caller.

    Returns
    -------
    tuple of (Module, dict)
        The network in evaluation mode on the device of the recordings, and the record of its
        pretraining.
    """
    n_outputs, device, unseen = len(sides.classes), sides.train.x.device, {"seconds": 0.0}
    if config.weights != "random":
        from ecglib.models.hubert import load_published

        return load_published(config.weights, n_outputs=n_outputs).to(device), unseen
    model = build(config, sides.train.x.shape[-1], n_outputs).to(device)
    if not config.pretrain_epochs or config.pretrain_data:
        return model, unseen
    return model, pretrained(model, sides.train.x, config)


def pretrained(model, x, config):
    """Pretrain a HuBERT-ECG by masked prediction on windows (n, n_windows, n_times), in place.

    `PretrainingSettings` and `seed` of `config` are read. Returns the record of the training,
    see `ecglib.training.masked.pretrain`.
    """
    windows = x.flatten(0, 1)
    target = cluster(shard_features(windows.cpu().numpy()), N_CLUSTERS, config.seed)
    settings = MaskedConfig(
        epochs=config.pretrain_epochs,
        learning_rate=config.pretrain_learning_rate,
        seed=config.seed,
    )
    return pretrain(model, windows, torch.from_numpy(target).to(x.device), settings)


def learning_parts(model):
    """Names of all parts of a network; all of them learn."""
    return tuple(name for name, _ in model.named_children())


def _logits(model, samples):
    return in_batches(lambda x: logits_of(model, x), samples.x)


def validation_loss(model, samples):
    """Mean cross-entropy of recordings without random changes; a float."""
    return float(F.cross_entropy(_logits(model, samples), samples.y))


def answers(model, samples):
    """Logarithms (n, n_classes) of the probabilities that a network gives to recordings."""
    return _logits(model, samples).log_softmax(dim=1)


def predict(model, samples):
    """Classes (n,) int8 that a network predicts for recordings."""
    return _logits(model, samples).argmax(dim=1).cpu().numpy().astype(np.int8)


def train_rhythm(model, sides, config):
    """Train a network on labelled recordings, in place, and return the `History`.

    Its scores are negative validation losses. As in paper 2, the optimizer is Adam, the
    learning rate falls on plateaus of the validation loss, and the weights of the best epoch
    are kept. The paper names no patience and no number of epochs.
    """

    def score(trained):
        return -validation_loss(trained, sides.validation)

    task, parts = RecordingTask(model, sides.train), learning_parts(model)
    schedule = Schedule.of(config, decay=1.0, patience=config.epochs, plateau=PLATEAU)
    return fit(model, parts, task, schedule, seed=config.seed, validate=score, desc=config.slug)
