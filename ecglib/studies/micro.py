"""Study of the micro network in fp32 or integers.

It is trained once, or once for each patient that is left out.
"""

import time
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.compress import allocate
from ecglib.data import sets
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.split import SplitSettings
from ecglib.data.weak import weak_beats
from ecglib.quant import coverage, freeze_ranges, quantize
from ecglib.quant.coverage import described
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training import checkpoints, on_micro
from ecglib.training.loop import TrainingSettings, in_batches
from ecglib.training.on_beats import as_checkpoint
from ecglib.training.on_micro import MicroSettings
from ecglib.training.tasks import SupervisedSettings

TRAINING_DATA = {
    "all": (None, None),
    "mitdb": ("mitdb", None),
    "svdb": ("svdb", None),
    "all+af": (None, "A"),
    "all+normal": (None, "N"),
}
"""Name -> the one database whose training records teach (None: all), and the rhythm of the
recordings of CinC 2017 that teach besides, with all their beats called N (None: no such)."""

WEAK_DATASET = "cinc2017"

CONFIDENCE_BINS = 100
"""Number of equal bins of confidence in which predictions are counted."""


@dataclass(frozen=True, kw_only=True)
class MicroRunSettings(SplitSettings, MicroSettings, TrainingSettings, SupervisedSettings):
    """Settings of a micro network that is trained once, or once for each left-out patient."""

    takes_turns: ClassVar[bool] = True

    epochs: int = setting(9, above=0)
    learning_rate: float = setting(2e-3, above=0)
    decay: float = setting(0.85, above=0)
    imbalance: str = setting("sqrt", one_of=("none", "sqrt", "balanced"))


@dataclass(frozen=True, kw_only=True)
class MicroConfig(RunConfig, MicroRunSettings):
    """A micro network that is trained once, or once for each left-out patient.

    Attributes
    ----------
    training_data : str
        Data that teaches, one of `TRAINING_DATA`.
    prior : float
        1 corrects the answers for the classes' shares among the drawn beats: the logarithm of a
        class's share of all training beats over that share is added to its logit. 0 does not;
        values between do it in part.
    smoothing : float
        Share of both neighbours' logits in the logits of a beat.
    """

    arm_keys = ("features", "scope", "bits", "split")

    training_data: str = setting("all", one_of=TRAINING_DATA)
    prior: float = setting(0.0, low=0, high=1)
    smoothing: float = setting(0.0, low=0, high=1)

    @property
    def data_sets(self):
        weak = TRAINING_DATA[self.training_data][1] is not None
        return super().data_sets | ({WEAK_DATASET: ()} if weak else {})

    def fp32(self):
        """The run with whose fp32 networks this run starts."""
        unused = ("scope", "bits", "allocation", "qat_epochs", "qat_learning_rate")
        unused += ("prior", "smoothing")
        defaults = {f.name: f.default for f in fields(MicroConfig) if f.name in unused}
        return replace(self, **defaults)


@lru_cache(maxsize=512)
def _inputs(dataset, path, record, features, lead):
    """Inputs of the network for all beats of a record, read once for all runs of a process."""
    return micro_inputs(sets.get(dataset).read_record(path, record, lead), features)


def inputs_of(run, record, lead=None):
    """Inputs of a run's network for all beats of a record, by default in the usual lead."""
    config = run.config
    return _inputs(config.dataset, run.source.path, record, config.features, lead)


@lru_cache(maxsize=2)
def _weak(path, rhythm, features):
    """Beats of recordings of one rhythm, read once for all runs of a process."""
    return weak_beats(sets.get(WEAK_DATASET).load(path), rhythm, features)


def training_beats(run, records, training_data="all"):
    """Labelled beats of records, from both leads if the run says so.

    `training_data` is one of `TRAINING_DATA`; `UserError` if it leaves no record.
    """
    database, rhythm = TRAINING_DATA[training_data]
    key = run.dataset.key
    own = [r for r in records if database in (None, sets.patient_of(key(r))[0])]
    if not own:
        raise UserError(f"training_data is {database}, of which there is no training record")
    leads = [inputs_of(run, record) for record in own]
    if run.config.leads == "both":
        path, other = run.source.path, run.dataset.other_lead
        leads += [inputs_of(run, record, other(path, record)) for record in own]
    if rhythm is not None:
        leads += _weak(run.sources[WEAK_DATASET].path, rhythm, run.config.features)
    return on_micro.TrainingBeats.of(leads)


def fold_networks(run, config, tested=None):
    """Networks of a run, one for each fold, trained once and stored beside the results.

    Parameters
    ----------
    run : Run
        Run with the data and the folder of checkpoints.
    config : RunConfig
        Configuration with the settings of `MicroConfig`; other studies use its networks too.
    tested : int, optional
        A record: only the folds that test it.

    Yields
    ------
    tuple of (tuple of int, TrainingBeats, MicroNet, dict)
        Test records, training set, network in evaluation mode, seconds of its stages.
    """
    config = twin_of(config, MicroConfig)
    folds = config.folds()
    for number, (train, test) in enumerate(tqdm(folds, desc=config.slug, leave=False)):
        if tested is not None and tested not in test:
            continue
        beats = training_beats(run, train, config.training_data)
        yield test, beats, *_fold_network(run, config, beats, number)


def _fold_network(run, config, beats, number):
    """The network of one fold, and the seconds of its stages."""
    fp32, suffix = config.fp32(), f"/{number}.npz"
    model, story = run.stored(
        fp32,
        lambda: on_micro.fresh(fp32),
        lambda: as_checkpoint(*on_micro.train_fp32(fp32, beats)),
        suffix,
    )
    seconds = {"train": story["seconds"]}
    if config.scope == "none":
        return model, seconds

    def make():
        start = time.perf_counter()
        rounded = allocate.rounded(model, config, beats)
        on_micro.train_rounded(rounded, config, beats)
        bits = {row.name: row.weight_bits for row in coverage(rounded)}
        return rounded.state_dict(), {"seconds": time.perf_counter() - start, "bits": bits}

    state, story = checkpoints.cached(run.checkpoint(config, suffix), make)
    rounded = quantize(model, config.scope, weight_bits=story["bits"])
    rounded.load_state_dict(state)
    freeze_ranges(rounded)
    return rounded, {**seconds, "qat": story["seconds"]}


@study("micro", MicroConfig)
def run_micro(run):
    """Score every fold's network on its test records."""
    config, logits, total = run.config, {}, {"predict": 0.0}
    for test, beats, model, seconds in fold_networks(run, config):
        shift = config.prior * _prior(beats, config.class_cap) if config.prior else 0.0
        for stage, spent in seconds.items():
            total[stage] = total.get(stage, 0.0) + spent
        start = time.perf_counter()
        for record in test:
            inputs = inputs_of(run, record)
            logits[record] = in_batches(model, inputs.x, inputs.rr) + shift
            if config.smoothing:
                logits[record] = _smoothed(logits[record], config.smoothing)
        total["predict"] += time.perf_counter() - start
    predicted = run.in_order({r: z.argmax(dim=1).numpy() for r, z in logits.items()})
    return run.outcome(
        predicted,
        total,
        ec57=run.ec57(predicted),
        confidence=_confidence_counts(run, logits),
        **described(model),  # of the last fold
    )


def _prior(beats, cap):
    """Logarithm of each class's share of all training beats over its share of those drawn."""
    draws, label = beats.balanced(cap), beats.inputs.y.cpu()
    counts = [torch.bincount(y, minlength=3) for y in (label, label[draws.order[draws.first]])]
    every, drawn = (torch.log(count / count.sum()) for count in counts)
    return every - drawn


def _smoothed(logits, share):
    """Logits (n_beats, 3), mixed with the mean of both neighbours'."""
    around = torch.cat([logits[:1], logits, logits[-1:]])
    return (1 - share) * logits + share * (around[:-2] + around[2:]) / 2


def _confidence_counts(run, logits):
    """Counts of right and wrong answers by confidence, for N, S and V beats.

    `logits` has an array (n_beats, 3) for each record. For each of `CONFIDENCE_BINS` equal bins
    of the largest probability there are `confusion` (9 counts, reference by predicted) and
    `total`, the sum of the probabilities.
    """
    confusion = np.zeros((CONFIDENCE_BINS, len(CLASSES) ** 2), np.int64)
    total = np.zeros(CONFIDENCE_BINS)
    for record, z in logits.items():
        label = run.beats_of(record).label
        surest, predicted = torch.softmax(z.double(), dim=1).max(dim=1)
        kept = label < len(CLASSES)
        surest, predicted = surest.numpy()[kept], predicted.numpy()[kept]
        step = np.minimum((surest * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        np.add.at(confusion, (step, len(CLASSES) * label[kept] + predicted), 1)
        np.add.at(total, step, surest)
    return {"confusion": confusion.tolist(), "total": total.round(3).tolist()}
