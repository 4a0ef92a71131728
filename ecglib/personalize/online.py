"""The online stage of paper 1: adapt to a patient by the puzzle, fine-tune, predict.

The order of the stages is that of section 3.1. The pretext network is adapted on the patient's
unlabelled beats. It gets a new output layer for three classes and is fine-tuned on the training
set with labels. Then it predicts the patient's beats.
"""

import copy
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from ecglib.models.ecgnet import EVERYTHING, HEAD, replace_output
from ecglib.personalize.strategies import STRATEGIES, prepared
from ecglib.personalize.together import finetune_together, pays_side_by_side
from ecglib.puzzle import PERMUTATIONS
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit, in_batches, predict
from ecglib.training.on_beats import puzzle_task, supervised_task
from ecglib.training.tasks import CachedPuzzleTask

MIN_BEATS = 10
"""Smallest number of a patient's beats for the puzzle or for BatchNorm statistics."""


@dataclass(frozen=True, kw_only=True)
class OnlineSettings(Settings):
    """Settings of the online stage of paper 1.

    Attributes
    ----------
    strategy : str
        What the puzzle on the patient's beats may change, a key of `STRATEGIES`.
    finetune : {"all", "head"}
        What the fine-tuning on the training set may change.
    online_seconds : float or "all"
        The patient's beats up to this time are used. "all" uses the whole recording without
        labels, which is the literal reading of paper 1's section 4.
    online_epochs, online_learning_rate
        Training on the patient's puzzles.
    """

    strategy: str = setting("none", one_of=STRATEGIES)
    finetune: str = setting("head", one_of=("all", "head"))
    online_seconds: int | float | str = 300
    online_epochs: int = setting(10, above=0)
    online_learning_rate: float = setting(3e-4, above=0)

    def check(self):
        super().check()
        seconds = self.online_seconds
        if seconds != "all" and not (isinstance(seconds, int | float) and seconds > 0):
            raise UserError(f"online_seconds is {seconds!r}; give seconds above zero, or all")
        if STRATEGIES[self.strategy].needs_batchnorm and self.norm != "batch":
            raise UserError(f"strategy {self.strategy} needs norm: batch, not {self.norm}")
        if isinstance(seconds, float) and seconds.is_integer():
            object.__setattr__(self, "online_seconds", int(seconds))


class Stopwatch:
    """Seconds per stage, summed over patients."""

    def __init__(self):
        self.seconds = defaultdict(float)

    @contextmanager
    def stage(self, name):
        """Add the seconds of the enclosed block to a stage."""
        start = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - start


def online_mask(beats, online_seconds):
    """Mask (n_beats,) of a record's `beats` that the online stage may see, without labels.

    Parameters
    ----------
    beats : Beats
        All annotated beats of one record.
    online_seconds : float or "all"
        Length of the first part of the record, which must hold `MIN_BEATS` beats.
    """
    everything = np.ones(len(beats), dtype=bool)
    mask = everything if online_seconds == "all" else beats.before(online_seconds)
    if mask.sum() < MIN_BEATS:
        record = ", ".join(map(str, np.unique(beats.record)))
        raise UserError(
            f"record {record} has {mask.sum()} beats in its first {online_seconds} s, "
            f"fewer than the {MIN_BEATS} to adapt on; raise online_seconds or leave it out"
        )
    return mask


def adapt(pretext, x, config):
    """A patient's own network: a copy of the pretext network, trained as the strategy says.

    Parameters are those of `learn_from_beats`.
    """
    strategy, model = STRATEGIES[config.strategy], prepared(pretext, config)
    if strategy.parts:
        learn_from_beats(model, strategy, x, config)
    return model


def online_schedule(config):
    """Schedule of the puzzle on a patient's beats."""
    rate = config.online_learning_rate
    return Schedule.of(config, epochs=config.online_epochs, learning_rate=rate, decay=1.0)


def learn_from_beats(model, strategy, x, config):
    """Train the parts of a network that a strategy frees on a patient's beats, in place.

    Parameters
    ----------
    model : ECGNet
        Network with six outputs.
    strategy : Strategy
        Which parts may change, and the task.
    x : Tensor, shape (n_beats, length)
        The patient's beats, normalised.
    config : PersonalizationConfig
        Online schedule and cuts.

    Returns
    -------
    History
    """
    # a cache holds every beat six times: it pays where each is seen more often
    seen_often = strategy.task is puzzle_task and config.online_epochs > len(PERMUTATIONS)
    cached = seen_often and set(strategy.parts) <= set(HEAD)
    task = (CachedPuzzleTask.of if cached else strategy.task)(model, x, config)
    schedule = online_schedule(config)
    return fit(model, strategy.parts, task, schedule, seed=config.seed, desc="adapting")


def finetune(model, train, config, *, features=None, validate=None, patience=None):
    """Replace the output layer and learn N, S, V on the training set, in place.

    Parameters
    ----------
    model : ECGNet
        Adapted network; in evaluation mode afterwards.
    train : Inputs
        Labelled beats of the training set.
    config : PersonalizationConfig
        `finetune` says whether all parts learn or the head alone.
    features : Tensor, shape (n_beats, n_features), optional
        Features of `train`, if the backbone is the same for all patients.
    validate, patience : optional
        See `ecglib.training.loop.fit` and `Schedule`.

    Returns
    -------
    History
    """
    replace_output(model, n_outputs=3, seed=config.seed)
    if config.finetune == "all":
        parts, forward, read = EVERYTHING, model, train.x
    else:
        parts, forward, read = HEAD, model.classify, features
        if read is None:
            read = in_batches(model.features, train.x)
    task = supervised_task(forward, (read,), train.y, config)
    how = {"seed": config.seed, "validate": validate, "desc": "fine-tuning"}
    return fit(model, parts, task, Schedule.of(config, patience=patience), **how)


def backbone_stays(config):
    """Whether the features before the head are the same for all patients in the fine-tuning.

    They are then those of the pretext network. AdaBN changes them only after the fine-tuning.
    """
    return config.finetune == "head" and STRATEGIES[config.strategy].keeps_backbone


def empty_network(pretext, config):
    """An ECGNet of the shape after the online stage, into which other weights are loaded.

    It has three outputs and the strategy's adapters.
    """
    model = prepared(pretext, config)
    replace_output(model, n_outputs=3, seed=config.seed)
    return model


class OnlineStage:
    """The online stage of one run; work that is the same for all patients is done once.

    This is the computation of the training set's features if the backbone is not adapted, and
    the whole fine-tuning if nothing is adapted before it.

    Parameters
    ----------
    pretext : ECGNet
        Network of the offline stage, six outputs.
    train : Inputs
        Labelled beats (N, S, V) of the training set.
    config : PersonalizationConfig
        Strategy and schedules.
    """

    def __init__(self, pretext, train, config):
        self.pretext, self.train, self.config = pretext, train, config
        self.watch, self.features, self.shared = Stopwatch(), None, None
        if backbone_stays(config):
            with self.watch.stage("features"):
                self.features = in_batches(pretext.features, train.x)
        self.strategy = STRATEGIES[config.strategy]
        if not self.strategy.parts:
            self.shared = self._finetuned(copy.deepcopy(pretext))

    def network_for(self, x):
        """The network for the patient with these beats (n_beats, length)."""
        if self.shared is not None:
            return self._afterwards(self.shared, x)
        with self.watch.stage("adapt"):
            model = adapt(self.pretext, x, self.config)
        return self._afterwards(self._finetuned(model), x)

    def _afterwards(self, model, x):
        """The network after the last step of the strategy; the given one is not changed."""
        if self.strategy.after is None:
            return model
        with self.watch.stage("adapt"):
            model = copy.deepcopy(model)
            self.strategy.after(model, x)
        return model

    def networks_for(self, patients):
        """Networks for a list of patients, each given as beats (n_beats, length).

        On a GPU they are fine-tuned side by side.
        """
        if self.shared is not None or not pays_side_by_side(self.train.x.device):
            return [self.network_for(x) for x in patients]
        with self.watch.stage("adapt"):
            models = [adapt(self.pretext, x, self.config) for x in patients]
        with self.watch.stage("finetune"):
            finetune_together(models, self.train, self.config, self.features)
        return [self._afterwards(*each) for each in zip(models, patients, strict=True)]

    def _finetuned(self, model):
        with self.watch.stage("finetune"):
            finetune(model, self.train, self.config, features=self.features)
        return model


def personalize(pretext, train, patients, config):
    """Run the online stage for every patient.

    Parameters
    ----------
    pretext, train, config
        As in `OnlineStage`.
    patients : dict of int to (Inputs, ndarray)
        Record -> all its beats, and the mask of those the online stage may see.

    Returns
    -------
    tuple of (dict of int to ndarray, dict of str to float)
        Record -> predicted classes of all its beats; stage -> seconds.
    """
    stage, predicted = OnlineStage(pretext, train, config), {}
    online = [
        beats.x[torch.from_numpy(seen).to(beats.x.device)] for beats, seen in patients.values()
    ]
    models = stage.networks_for(tqdm(online, desc=config.slug, leave=False))
    with stage.watch.stage("predict"):
        for (record, (beats, _)), model in zip(patients.items(), models, strict=True):
            predicted[record] = predict(model, beats)
    return predicted, dict(stage.watch.seconds)
