"""Training, validation and test sides of the study of paper 2, and their fp32 networks."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from ecglib.aami import CLASSES
from ecglib.config import BaselineConfig, RhythmConfig, twin_of
from ecglib.config.rhythm import ECGNET_CHANNELS, N_FOLDS
from ecglib.data import sets
from ecglib.data.inputs import stratified_share
from ecglib.data.recordings import stratified_folds
from ecglib.data.samples import Samples, to_samples
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.shards import hubert_windows
from ecglib.studies.run import Run
from ecglib.training import checkpoints
from ecglib.training.on_beats import as_checkpoint
from ecglib.training.on_recordings import VALIDATION_FOLDS, Sides, build, start, train_rhythm

WINDOWS = {"cinc2017": 3, "chapman": 1, "cpsc2018": 1}
"""Windows of 10.24 s that HuBERT-ECG gets of a recording."""


@lru_cache(maxsize=2)
def _samples(dataset, path, lead, model):
    """All recordings of a data set as a network reads them; ids; classes."""
    recordings = sets.load(dataset, path, lead=lead)
    samples = to_samples(recordings)
    if model == "hubert":
        x = hubert_windows(
            *(recordings.signal, recordings.n_samples, recordings.fs, WINDOWS[dataset])
        )
        samples = replace(samples, x=torch.from_numpy(x))
    return samples, recordings.recording, recordings.classes


def recording_sides(run):
    """Sides of a run on recordings; see `split_sides`."""
    config = run.config
    where = (config.dataset, str(run.source.path), config.lead, config.model)
    return split_sides(*_samples(*where), config, run.device)


def split_sides(samples, names, classes, config, device):
    """One fold of the recordings tests, a tenth of all validates, the others train.

    Parameters
    ----------
    samples : Samples
        All recordings.
    names : ndarray of str
        Name of each.
    classes : tuple of str
        Names of their labels.
    config : RhythmConfig
        `fold`, `seed` and `train_share` are read.
    device : torch.device
        Where the sides go.

    Returns
    -------
    Sides
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
        *(samples.select(rows).to(device) for rows in (train, validation, test)),
        test_id=names[test],
        classes=classes,
    )


def recording_labels(run):
    """Recording -> class, of all recordings of a run's data set."""
    config = run.config
    where = (config.dataset, str(run.source.path), config.lead, config.model)
    samples, names, _ = _samples(*where)
    return dict(zip(names.tolist(), samples.y.tolist(), strict=True))


def recording_network(run, sides):
    """The fp32 network of a run on recordings, trained once for all runs that start from it.

    Returns
    -------
    tuple of (Module, dict)
        In evaluation mode, and the story of its training.
    """
    config = twin_of(run.config, RhythmConfig)

    def make():
        model, before = start(config, sides)
        state, story = as_checkpoint(model, train_rhythm(model, sides, config))
        return state, story | {"pretraining": before}

    state, story = checkpoints.cached(run.checkpoint(config, ".npz"), make)
    model = build(config, sides.train.x.shape[-1], len(sides.classes)).to(run.device)
    model.load_state_dict(state)
    return model, story


def beat_run(run):
    """The run of chapter 2 whose network a compression of ECGNet starts from.

    It is trained without the four validation records of DS1, on which compression makes its
    choices.
    """
    config = BaselineConfig(
        seed=run.config.seed,
        channels=ECGNET_CHANNELS[run.config.size],
        split="ds1_val",
        epochs=run.config.epochs,
    )
    return Run(config, run.source, run.device, run.runs)


def beat_sides(run):
    """Sides of a run on beats: DS1 without its validation records, these, and DS2."""
    inner = beat_run(run)
    outer = Run(replace(inner.config, split="ds1_ds2"), run.source, run.device, run.runs)
    beats = load_beats(run.source.path, outer.config.sides()[1])
    return Sides(
        *(_beats(inputs) for inputs in (inner.train.inputs, inner.scored, outer.scored)),
        test_id=beats.record.astype(str),
        classes=CLASSES,
    )


def _beats(inputs):
    length = torch.full((len(inputs),), inputs.x.shape[1], device=inputs.x.device)
    return Samples(inputs.x, length, inputs.y, rotates=False)
