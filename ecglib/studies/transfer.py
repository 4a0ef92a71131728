"""Study of transfer: does a network detect atrial fibrillation in another data set?"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import mannwhitneyu

from ecglib.data import sets
from ecglib.data.samples import logits_of, to_samples
from ecglib.metrics import confusion_matrix, scores
from ecglib.studies.registry import RunConfig, study
from ecglib.studies.rhythm import split_sides
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training.loop import in_batches
from ecglib.training.on_beats import as_checkpoint
from ecglib.training.on_recordings import RecordingSettings, build, train_rhythm

FS = 150
"""Sampling frequency of both data sets after resampling, Hz."""

N_TIMES = 1536
"""Number of samples (10.24 s) to which all recordings are cut or padded."""

ATRIAL_FIBRILLATION = {"cinc2017": "A", "chapman": "AFIB", "cpsc2018": "AF"}
"""Data set -> its class of atrial fibrillation; Chapman's AFIB includes atrial flutter."""

NOISE = {"cinc2017": "~"}
"""Data set -> a class that is left out, since it is neither AF nor another rhythm."""

CLASSES = ("rest", "AF")


@dataclass(frozen=True, kw_only=True)
class TransferConfig(RunConfig, RecordingSettings):
    """A network that learns to detect AF on one data set and is tested on another.

    Recordings of both are cut to the same length and resampled to the same rate. `fold` holds
    out recordings of the data set for training.

    Attributes
    ----------
    target : str
        The other data set.
    """

    arm_keys = ("dataset", "target", "model", "size", "fold")

    dataset: str = setting("cinc2017", one_of=ATRIAL_FIBRILLATION)
    model: str = setting("resnet1d", one_of=("resnet1d",))
    target: str = setting("chapman", one_of=ATRIAL_FIBRILLATION)

    def check(self):
        super().check()
        if self.target == self.dataset:
            raise UserError(f"target is {self.target}, which the network was trained on")

    @property
    def data_sets(self):
        """Both data sets."""
        return {self.dataset: (), self.target: ()}


def binary(source, lead):
    """First 10 s of a data set's recordings as `Samples`, and the names of the recordings.

    The label is 1 if the rhythm is AF, otherwise 0.
    """
    recordings = sets.load(source.name, source.path, lead=lead)
    names = np.array(recordings.classes)[recordings.label]
    recordings = recordings.select(names != NOISE.get(source.name)).resampled(FS, N_TIMES)
    samples = to_samples(recordings)
    fibrillation = recordings.classes.index(ATRIAL_FIBRILLATION[source.name])
    return replace(samples, y=(samples.y == fibrillation).long()), recordings.recording


@study("transfer", TransferConfig)
def run_transfer(run):
    """Train on four folds of one data set; test on the fifth and on another data set."""
    config = run.config
    samples, names = binary(run.source, config.lead)
    sides = split_sides(samples, names, CLASSES, config, run.device)

    def fresh():
        return build(config, N_TIMES, len(CLASSES)).to(run.device)

    def make():
        model = fresh()
        return as_checkpoint(model, train_rhythm(model, sides, config))

    model, story = run.stored(config, fresh, make)
    target, _ = binary(run.sources[config.target], config.lead)
    within = detection(model, sides.test)
    across = detection(model, target.to(run.device))
    metrics = {name: within[name] for name in ("accuracy", "macro_f1", "sensitivity")}
    more = {"per_class": within["per_class"], "within": within, "across": across}
    return {"metrics": metrics | more, "runtime_s": {"train": story["seconds"]}}


def detection(model, samples):
    """Scores of the detection of AF, with `confusion` and `auc`.

    `auc` is the probability that a recording with AF gets a higher score than one without
    (Mann–Whitney).
    """
    logits = in_batches(lambda x: logits_of(model, x), samples.x).cpu().numpy()
    label, score = samples.y.cpu().numpy(), logits[:, 1] - logits[:, 0]
    confusion = confusion_matrix(label, score > 0, n_classes=2)
    ranks = mannwhitneyu(score[label == 1], score[label == 0])
    auc = ranks.statistic / np.prod(np.bincount(label, minlength=2))
    return scores(confusion, CLASSES) | {"confusion": confusion.tolist(), "auc": float(auc)}
