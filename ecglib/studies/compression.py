"""Study of paper 2: networks on recordings, compressed, written to files, read back, scored."""

from dataclasses import replace

import numpy as np

from ecglib import metrics, results, stats
from ecglib.compress import (
    ideal_ratio,
    load_compressed,
    overhead_ratio,
    save_compressed,
    stored_bytes,
)
from ecglib.compress.activations import variance_ratios
from ecglib.compress.methods import compress
from ecglib.config import CompressionConfig, RhythmConfig, twin_of
from ecglib.config.rhythm import N_FOLDS
from ecglib.metrics import accuracy, confusion_matrix
from ecglib.personalize.online import Stopwatch
from ecglib.studies.sides import (
    beat_run,
    beat_sides,
    recording_labels,
    recording_network,
    recording_sides,
)
from ecglib.training.on_recordings import predict

NO_LOSS = -0.01
"""Lower bound of the paired difference in accuracy above which nothing counts as lost."""

TRACED = 256
"""Validation recordings on which variances of outputs are compared."""


def run_rhythm(run):
    """An fp32 network of paper 2, scored on the fold that it has not seen."""
    if run.config.fold == "all":
        return _pooled([run.finished(config) for config in prerequisites(run.config)])
    sides = recording_sides(run)
    model, story = recording_network(run, sides)
    watch = Stopwatch()
    with watch.stage("predict"):
        predicted = predict(model, sides.test)
    before = story.get("pretraining", {})
    seconds = {"pretrain": before.get("seconds", 0.0), "train": story["seconds"]}
    seconds |= watch.seconds
    more = {"loss": story["loss"], "validation_loss": [-score for score in story["score"]]}
    if before.get("accuracy"):
        more["masked_accuracy"] = before["accuracy"]
    more["n_parameters"] = sum(p.numel() for p in model.parameters())
    return _outcome(run.config, sides, predicted, seconds, **more)


def run_compression(run):
    """One network of one fold through a method and a file, or five folds pooled."""
    if run.config.fold == "all":
        return _pooled_compression(run)
    if run.config.dataset == "mitdb":
        sides = beat_sides(run)
        start = beat_run(run)
        model, _ = start.supervised(start.config)
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
    difference = _difference(run.config, sides, predicted, own)
    more = {}
    if run.config.method == "fixed_quant":
        x = sides.validation.x[:TRACED]
        x = x if x.dim() == 2 else x[:, 0]
        more["output_variance"] = variance_ratios(model, compressed.network, x)
    return _outcome(
        *(run.config, sides, predicted, dict(watch.seconds)),
        **(sizes | difference | more),
        layers=_layers(compressed.coded),
        decisions=compressed.decisions,
    )


def _layers(coded):
    """Bits, share kept and number of the weights of every coded tensor."""
    bits, kept = coded.bits(), coded.kept()
    return {
        name: {"bits": bits[name], "kept": kept[name], "n_weights": int(tensor.q.size)}
        for name, tensor in coded.tensors.items()
    }


def _outcome(config, sides, predicted, seconds, **more):
    """Fields of a result on the test side of one fold."""
    confusion = confusion_matrix(sides.test.y.cpu().numpy(), predicted, len(sides.classes))
    fields = {"runtime_s": seconds}
    if config.dataset == "mitdb":
        fields["per_record"] = _per_record(sides, predicted)
    else:
        encoded = results.encode_recordings(sides.test_id, predicted)
        fields["predictions"] = {str(config.fold): encoded}
    scores = metrics.scores(confusion, sides.classes)
    return {"metrics": scores | {"confusion": confusion.tolist()} | more, **fields}


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

    Recordings are drawn where they are independent, patients where they are not.
    """
    label = sides.test.y.cpu().numpy()
    if config.dataset == "mitdb":
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


def prerequisites(config):
    """Runs whose results a run needs: the five folds of a pooled one, then its fp32 twin.

    Parameters
    ----------
    config : RunConfig
        Of any study.

    Returns
    -------
    list of RunConfig
        Empty unless the run pools folds.
    """
    if getattr(config, "fold", None) != "all":
        return []
    needed = [replace(config, fold=fold) for fold in range(N_FOLDS)]
    if isinstance(config, CompressionConfig):
        needed.append(replace(twin_of(config, RhythmConfig), fold="all"))
    return needed


def _pooled(folds):
    """Fields of a result on all recordings, each scored by the network that had not seen it."""
    confusion = np.sum([np.array(r.metrics["confusion"]) for r in folds], axis=0)
    scores = metrics.scores(confusion, list(folds[0].metrics["per_class"]))
    stages = {stage for result in folds for stage in result.runtime_s}
    return {
        "metrics": scores | {"confusion": confusion.tolist()},
        "predictions": {k: v for result in folds for k, v in result.predictions.items()},
        "runtime_s": {s: sum(r.runtime_s.get(s, 0) for r in folds) for s in sorted(stages)},
    }


def _pooled_compression(run):
    """Five compressed networks against five fp32 ones, on all recordings."""
    *folds, fp32 = (run.finished(config) for config in prerequisites(run.config))
    pooled = _pooled(folds)
    labels, correct = recording_labels(run), []
    for found in (pooled["predictions"], fp32.predictions):
        predicted = {}
        for encoded in found.values():
            predicted |= results.decode_recordings(encoded)
        correct.append([predicted[name] == label for name, label in labels.items()])
    sizes = {
        name: float(np.mean([result.metrics[name] for result in folds]))
        for name in ("ideal_ratio", "overhead_ratio", "file_ratio", "file_bytes")
    }
    difference = _described(stats.paired_accuracy(*correct))
    p_value = stats.mcnemar(*correct)
    pooled["metrics"] |= sizes | difference | {"mcnemar_p": p_value}
    return pooled
