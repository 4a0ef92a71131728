"""Study of rhythms: networks of paper 2 on whole recordings, in fp32."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch

from ecglib import metrics, results
from ecglib.data import sets
from ecglib.data.inputs import stratified_share
from ecglib.data.recordings import stratified_folds, warn_of_rare
from ecglib.data.samples import to_samples
from ecglib.data.signal.shards import hubert_windows
from ecglib.metrics import confusion_matrix
from ecglib.personalize.online import Stopwatch
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.errors import UserError
from ecglib.training.on_beats import as_checkpoint
from ecglib.training.on_recordings import (
    N_FOLDS,
    VALIDATION_FOLDS,
    PretrainingSettings,
    RecordingSettings,
    Sides,
    build,
    predict,
    pretrained,
    start,
    train_rhythm,
)


@dataclass(frozen=True, kw_only=True)
class RhythmConfig(RunConfig, PretrainingSettings, RecordingSettings):
    """A network trained on four of five folds of a data set and scored on the fifth."""

    arm_keys = ("dataset", "model", "size", "pretrain_epochs", "fold")

    def check(self):
        super().check()
        check_unseen(self)

    @property
    def data_sets(self):
        """The data set of the run, and those of its pretraining."""
        return {self.dataset: (), **dict.fromkeys(self.pretrain_sets, ())}

    def prerequisites(self):
        """The runs of the five folds, if this run pools them."""
        if self.fold != "all":
            return []
        return [replace(self, fold=fold) for fold in range(N_FOLDS)]


def check_unseen(config):
    """Refuse a pretraining on the recordings that a run is tested on."""
    if config.dataset in config.pretrain_sets:
        raise UserError(
            f"pretrain_data is {config.pretrain_data}, which holds the test recordings of "
            f"{config.dataset}; name other data sets, or none for the training set alone"
        )


@dataclass(frozen=True, kw_only=True)
class PretrainedConfig(RunConfig, PretrainingSettings):
    """A pretraining on other data sets, which the runs of all folds share."""

    study: ClassVar[str] = "rhythm"
    arm_keys = ("pretrain_data", "model", "size", "pretrain_epochs")

    seed: int = 7
    lead: str = "II"
    model: str = "hubert"
    size: str = "small"

    @property
    def data_sets(self):
        """The data sets of the pretraining."""
        return dict.fromkeys(self.pretrain_sets, ())


SHARED = "pretrain, all folds"
"""Stage of a pretraining that all folds share; pooled, its seconds count once."""

WINDOW_S = 10.24
"""Seconds of a window of HuBERT-ECG; a recording gives as many windows as fit into it."""


@lru_cache(maxsize=2)
def _samples(dataset, path, lead, model):
    """All recordings of a data set as inputs of a network, their names, and the classes."""
    recordings = sets.load(dataset, path, lead=lead)
    warn_of_rare(recordings.label, recordings.classes, N_FOLDS)
    samples = to_samples(recordings)
    if model == "hubert":
        signal, fs = recordings.signal, recordings.fs
        n_windows = max(1, int(signal.shape[1] / fs / WINDOW_S))
        x = hubert_windows(signal, recordings.n_samples, fs, n_windows)
        samples = replace(samples, x=torch.from_numpy(x))
    return samples, recordings.recording, recordings.classes


def _samples_of(run, dataset=None):
    config, dataset = run.config, dataset or run.config.dataset
    path = str(run.sources[dataset].path)
    return _samples(dataset, path, config.lead, config.model)


def recording_sides(run):
    """Sides of a run on recordings; see `split_sides`."""
    samples, names, classes = _samples_of(run)
    fewest = -(-VALIDATION_FOLDS * N_FOLDS // (N_FOLDS - 1))  # the rest is divided again
    if (n := len(names)) < fewest:
        where = f"{run.dataset.title} in {run.source.path}"
        raise UserError(f"{where} has too few recordings, {n}; a study needs {fewest}")
    return split_sides(samples, names, classes, run.config, run.device)


def split_sides(samples, names, classes, config, device):
    """`Sides` of recordings: one fold for testing, a tenth for validation, the rest to train.

    Parameters
    ----------
    samples : Samples
        All recordings.
    names : ndarray of str
        Names of the recordings.
    classes : tuple of str
        Names of their labels.
    config : RunConfig
        `fold`, `seed` and `train_share` are read.
    device : torch.device
        Device of the returned sides.
    """
    label = samples.y.numpy()
    folds = stratified_folds(label, N_FOLDS, seed=config.seed)
    rest = np.flatnonzero(folds != config.fold)
    inner = stratified_folds(label[rest], VALIDATION_FOLDS, seed=config.seed)
    test = np.flatnonzero(folds == config.fold)
    train, validation = (
        rows[stratified_share(label[rows], config.train_share, config.seed)]
        for rows in (rest[inner > 0], rest[inner == 0])
    )
    return Sides(
        train=samples.select(train).to(device),
        validation=samples.select(validation).to(device),
        test=samples.select(test).to(device),
        test_id=names[test],
        classes=classes,
    )


def recording_labels(run):
    """Class of every recording of a run's data set, as a dict by name."""
    samples, names, _ = _samples_of(run)
    return dict(zip(names.tolist(), samples.y.tolist(), strict=True))


def recording_network(run, sides):
    """The fp32 network of a run on recordings, and the record of its training."""
    config = twin_of(run.config, RhythmConfig)

    def make():
        model, before = start(config, sides)
        if config.pretrain_data:
            before = _load_pretrained(run, model.hubert)
        state, story = as_checkpoint(model, train_rhythm(model, sides, config))
        return state, story | {"pretraining": before}

    shape = sides.train.x.shape[-1], len(sides.classes)
    return run.stored(config, lambda: build(config, *shape).to(run.device), make)


def _load_pretrained(run, hubert):
    """Give a HuBERT the weights that it learns on other data sets; returns the record."""
    config = twin_of(run.config, PretrainedConfig)

    def make():
        parts = [_samples_of(run, name)[0].x for name in config.pretrain_sets]
        x = torch.cat([part.flatten(0, 1)[:, None] for part in parts]).to(run.device)
        model = build(config, x.shape[-1], n_outputs=2).to(run.device)
        story = pretrained(model, x, config)
        return model.hubert.state_dict(), story

    _, story = run.of(config).stored(config, lambda: hubert, make)
    return story


@study("rhythm", RhythmConfig)
def run_rhythm(run):
    """Score an fp32 network of paper 2 on the fold that it has not seen."""
    if run.config.fold == "all":
        fields = pooled([run.finished(config) for config in run.config.prerequisites()])
        labels = recording_labels(run)  # whoever has the file can pair answers
        encoded = results.encode_recordings(list(labels), np.array(list(labels.values())))
        fields["metrics"]["labels"] = encoded
        return fields
    sides = recording_sides(run)
    model, story = recording_network(run, sides)
    watch = Stopwatch()
    with watch.stage("predict"):
        predicted = predict(model, sides.test)
    before = story["pretraining"]
    first = SHARED if run.config.pretrain_data else "pretrain"
    seconds = {first: before["seconds"], "train": story["seconds"], **watch.seconds}
    more = {"loss": story["loss"], "validation_loss": [-score for score in story["score"]]}
    if before.get("accuracy"):
        more["masked_accuracy"] = before["accuracy"]
    more["n_parameters"] = sum(p.numel() for p in model.parameters())
    return outcome(run.config, sides, predicted, seconds, **more)


def outcome(config, sides, predicted, seconds, **more):
    """Fields of a result on the test set of one fold of recordings."""
    return {
        "metrics": scores_of(sides, predicted) | more,
        "predictions": {str(config.fold): results.encode_recordings(sides.test_id, predicted)},
        "runtime_s": seconds,
    }


def scores_of(sides, predicted):
    """Scores of predictions (n,) of the test set, with their `confusion`."""
    confusion = confusion_matrix(sides.test.y.cpu().numpy(), predicted, len(sides.classes))
    return metrics.scores(confusion, sides.classes) | {"confusion": confusion.tolist()}


def pooled(folds):
    """Fields of a result on all recordings, each predicted by a network that never saw it."""
    confusion = np.sum([np.array(r.metrics["confusion"]) for r in folds], axis=0)
    scores = metrics.scores(confusion, list(folds[0].metrics["per_class"]))
    stages = {stage for result in folds for stage in result.runtime_s}
    return {
        "metrics": scores | {"confusion": confusion.tolist()},
        "predictions": {k: v for result in folds for k, v in result.predictions.items()},
        "runtime_s": {
            s: (max if s == SHARED else sum)(r.runtime_s.get(s, 0) for r in folds)
            for s in sorted(stages)
        },
    }
