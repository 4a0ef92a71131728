"""Study of paper 2: networks are compressed, written to files, read back and scored."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from ecglib import results, stats
from ecglib.aami import CLASSES, DS1, DS2
from ecglib.compress import (
    ideal_ratio,
    load_compressed,
    overhead_ratio,
    save_compressed,
    stored_bytes,
)
from ecglib.compress.activations import variance_ratios
from ecglib.compress.methods import METHODS, CompressionSettings, compress
from ecglib.data.samples import Samples
from ecglib.metrics import accuracy, confusion_matrix
from ecglib.models import network
from ecglib.personalize.online import Stopwatch
from ecglib.studies.baseline import BaselineConfig, supervised
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.studies.rhythm import (
    RhythmConfig,
    check_unseen,
    outcome,
    pooled,
    recording_labels,
    recording_network,
    recording_sides,
    scores_of,
)
from ecglib.system.errors import UserError
from ecglib.training.on_recordings import (
    N_FOLDS,
    PretrainingSettings,
    RecordingSettings,
    Sides,
    predict,
)

NO_LOSS = -0.01
"""A network is within one point if the interval of its paired difference in accuracy lies above
this value."""

TRACED = 256
"""Number of validation recordings on which variances of outputs are compared."""

ECGNET_CHANNELS = {"small": (16, 32, 64, 128, 128), "paper": (64, 128, 256, 512, 512)}
"""Size -> filters of ECGNet, which is compressed too, on beats."""


@dataclass(frozen=True, kw_only=True)
class CompressionConfig(RunConfig, CompressionSettings, PretrainingSettings, RecordingSettings):
    """A trained network that is compressed, written to a file, read back and scored.

    `dataset: mitdb` with `model: ecgnet` compresses the network of study `baseline`, which has
    only one fold.
    """

    arm_keys = ("dataset", "model", "size", "method", "setting", "fold")

    model_reads: ClassVar[tuple[str, ...]] = ("recordings", "beats")

    def check(self):
        super().check()
        check_unseen(self)
        if self.on_beats and self.fold != 0:
            raise UserError(f"fold is {self.fold!r}; {self.dataset} has one test set, fold 0")

    @property
    def on_beats(self):
        """Whether the network reads beats and not recordings."""
        return network(self.model).reads == "beats"

    @property
    def setting(self):
        """Settings of the method as a short text."""
        marks = {"bits": "b", "share": "p", "mean_bits": "m", "tune_epochs": "e"}
        marks |= {"alpha": "a", "beta": "b", "gamma": "g", "tolerance": "t"}
        reads = METHODS[self.method].reads
        return "_".join(f"{marks[name]}{getattr(self, name):g}" for name in reads)

    @property
    def data_sets(self):
        """Data set of the run; for beats, with the records of both splits that it uses."""
        records = DS1 + DS2 if self.on_beats else ()
        return {self.dataset: records, **dict.fromkeys(self.pretrain_sets, ())}

    def prerequisites(self):
        """The runs of the five folds if this run pools them, then its fp32 twin."""
        if self.fold != "all":
            return []
        folds = [replace(self, fold=fold) for fold in range(N_FOLDS)]
        return [*folds, twin_of(self, RhythmConfig)]


def _beat_run(run):
    """The run of study `baseline` whose network is compressed.

    It is trained without the validation records of DS1, on which compression makes its choices.
    """
    config = BaselineConfig(
        seed=run.config.seed,
        channels=ECGNET_CHANNELS[run.config.size],
        split="ds1_val",
        epochs=run.config.epochs,
    )
    return run.of(config)


def beat_sides(run):
    """Sides of a run on beats.

    DS1 without its validation records is for training, these are for validation, DS2 for
    testing.
    """
    inner = _beat_run(run)
    outer = run.of(replace(inner.config, split="ds1_ds2"))
    beats = run.dataset.load_beats(run.source.path, outer.config.sides()[1])
    return Sides(
        train=_beats(inner.train.inputs),
        validation=_beats(inner.scored),
        test=_beats(outer.scored),
        test_id=beats.record.astype(str),
        classes=CLASSES,
    )


def _beats(inputs):
    length = torch.full((len(inputs),), inputs.x.shape[1], device=inputs.x.device)
    return Samples(inputs.x, length, inputs.y, rotates=False)


@study("compression", CompressionConfig)
def run_compression(run):
    """Compress, write, read and score the network of one fold, or pool five folds."""
    if run.config.fold == "all":
        return _pooled_compression(run)
    if run.config.on_beats:
        sides = beat_sides(run)
        start = _beat_run(run)
        model, _ = supervised(start, start.config)
    else:
        sides = recording_sides(run)
        model, _ = recording_network(run, sides)
    watch = Stopwatch()
    with watch.stage("compress"):
        compressed = compress(model, sides, run.config)
    path = run.checkpoint(run.config, ".ecgc")
    with watch.stage("write and read"):
        file_bytes = save_compressed(path, compressed.coded)
        load_compressed(path, compressed.network).load_into(compressed.network)
    with watch.stage("predict"):
        predicted = predict(compressed.network, sides.test)
    own = predict(model, sides.test)
    sizes = {
        "ideal_ratio": ideal_ratio(
            compressed.network, compressed.coded.bits(), kept=compressed.coded.kept()
        ),
        "overhead_ratio": overhead_ratio(model, compressed.coded),
        "file_ratio": stored_bytes(model) / file_bytes,
        "file_bytes": file_bytes,
    }
    more = sizes | _difference(run.config, sides, predicted, own)
    more |= {"layers": _layers(compressed.coded), "decisions": compressed.decisions}
    if run.config.method == "fixed_quant":
        x = sides.validation.x[:TRACED]
        x = x if x.dim() == 2 else x[:, 0]
        more["output_variance"] = variance_ratios(model, compressed.network, x)
    seconds = dict(watch.seconds)
    if run.config.on_beats:
        metrics = scores_of(sides, predicted) | more
        by_record = _per_record(sides, predicted)
        return {"metrics": metrics, "per_record": by_record, "runtime_s": seconds}
    return outcome(run.config, sides, predicted, seconds, **more)


def _layers(coded):
    """Bits, kept share and number of the weights of every coded tensor."""
    bits, kept = coded.bits(), coded.kept()
    return {
        name: {"bits": bits[name], "kept": kept[name], "n_weights": int(tensor.q.size)}
        for name, tensor in coded.tensors.items()
    }


def _per_record(sides, predicted):
    """Record -> confusion matrix of its beats."""
    label = sides.test.y.cpu().numpy()
    return {
        str(record): confusion_matrix(label[rows], predicted[rows]).tolist()
        for record in np.unique(sides.test_id)
        for rows in [sides.test_id == record]
    }


def _difference(config, sides, predicted, own):
    """Accuracy minus that of the fp32 network, with its paired 95 % interval.

    Recordings are drawn for the interval; for beats, patients are drawn.
    """
    label = sides.test.y.cpu().numpy()
    if config.on_beats:
        pair = (_per_record(sides, predicted), _per_record(sides, own))
        return _described(stats.paired_difference(*pair, accuracy))
    return _described(stats.paired_accuracy(predicted == label, own == label))


def _described(interval):
    return {
        "difference": interval.value,
        "difference_low": interval.low,
        "difference_high": interval.high,
        "no_loss": bool(interval.low > NO_LOSS),
    }


def _pooled_compression(run):
    """Compare five compressed networks with five fp32 networks on all recordings."""
    *folds, fp32 = (run.finished(config) for config in run.config.prerequisites())
    fields = pooled(folds)
    labels, correct = recording_labels(run), []
    for found in (fields["predictions"], fp32.predictions):
        predicted = results.decode_folds(found)
        correct.append([predicted[name] == label for name, label in labels.items()])
    sizes = {
        name: float(np.mean([result.metrics[name] for result in folds]))
        for name in ("ideal_ratio", "overhead_ratio", "file_ratio", "file_bytes")
    }
    fields["metrics"] |= sizes | _described(stats.paired_accuracy(*correct))
    fields["metrics"]["mcnemar_p"] = stats.mcnemar(*correct)
    return fields
