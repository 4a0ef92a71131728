"""Does a network of paper 2 know atrial fibrillation in recordings of another data set?"""

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

FS, N_TIMES = 150, 1536
"""Hz and samples (10.24 s) to which both data sets are brought: what the shorter one has."""

ATRIAL_FIBRILLATION = {"cinc2017": "A", "chapman": "AFIB", "cpsc2018": "AF"}
"""Data set -> its class; Chapman's group AFIB holds atrial flutter as well."""

NOISE = {"cinc2017": "~"}
"""Data set -> a class that is left out, since it is neither."""

CLASSES = ("rest", "AF")


@dataclass(frozen=True, kw_only=True)
class TransferConfig(RunConfig, RecordingSettings):
    """A network trained on one data set, asked on another whether it is atrial fibrillation.

    Both are cut to the same seconds and sampled alike; `fold` holds out recordings of the
    data set that is trained on.

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
    """First 10 s of a data set's recordings, `Samples` labelled 1 where the rhythm is AF, and
    the names of the recordings."""
    recordings = sets.load(source.name, source.path, lead=lead)
    names = np.array(recordings.classes)[recordings.label]
    recordings = recordings.select(names != NOISE.get(source.name)).resampled(FS, N_TIMES)
    samples = to_samples(recordings)
    fibrillation = recordings.classes.index(ATRIAL_FIBRILLATION[source.name])
    return replace(samples, y=(samples.y == fibrillation).long()), recordings.recording


@study("transfer", TransferConfig)
def run_transfer(run):
    """Trained on four folds of one data set, tested on the fifth and on another data set."""
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
    """Scores of telling AF from the rest, with the `confusion` and `auc`, the chance that a
    recording with AF gets a higher score than one without (Mann–Whitney)."""
    logits = in_batches(lambda x: logits_of(model, x), samples.x).cpu().numpy()
    label, score = samples.y.cpu().numpy(), logits[:, 1] - logits[:, 0]
    confusion = confusion_matrix(label, score > 0, n_classes=2)
    ranks = mannwhitneyu(score[label == 1], score[label == 0])
    auc = ranks.statistic / np.prod(np.bincount(label, minlength=2))
    return scores(confusion, CLASSES) | {"confusion": confusion.tolist(), "auc": float(auc)}
