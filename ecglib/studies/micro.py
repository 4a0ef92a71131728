"""Study of the micro network: trained once or once a left-out patient, in fp32 or integers."""

import time
from dataclasses import asdict
from functools import lru_cache

import numpy as np
import torch
from tqdm import tqdm

from ecglib.aami import CLASSES
from ecglib.compress import allocate
from ecglib.config import fp32_micro
from ecglib.data.sets.mitdb import other_lead, read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.quant import coverage, freeze_ranges, quantize
from ecglib.training import checkpoints, on_micro
from ecglib.training.loop import in_batches
from ecglib.training.on_beats import as_checkpoint

CONFIDENCE_BINS = 100
"""Into how many equal steps of confidence predictions are counted."""


@lru_cache(maxsize=512)
def inputs_of(path, record, features, lead="MLII"):
    """All beats of a record as the network reads them; read once for all runs of a process."""
    return micro_inputs(read_record(path, record, lead), features)


def training_beats(run, records):
    """Labelled beats of records, of both leads if the run says so."""
    path, features = run.source.path, run.config.features
    leads = [inputs_of(path, r, features) for r in records]
    if run.config.leads == "both":
        leads += [inputs_of(path, r, features, other_lead(path, r)) for r in records]
    return on_micro.TrainingBeats.of(leads)


def fold_networks(run, config):
    """Networks of a run, one a fold, each trained once and kept beside the results.

    Parameters
    ----------
    run : Run
        Data and place of checkpoints.
    config : MicroConfig
        The networks' own configuration: that of the run, or of the run it goes on from.

    Yields
    ------
    tuple of (tuple of int, TrainingBeats, MicroNet, dict)
        Test records, training side, network in evaluation mode, seconds of its stages.
    """
    folds = config.folds()
    for number, (train, test) in enumerate(tqdm(folds, desc=config.slug, leave=False)):
        beats = training_beats(run, train)
        yield test, beats, *network(run, config, beats, number)


def network(run, config, beats, number):
    """The network of one fold, and the seconds that its stages took."""

    def stored(of, make):
        return checkpoints.cached(run.checkpoint(of, f"/{number}.npz"), make)

    fp32 = fp32_micro(config)
    state, story = stored(fp32, lambda: as_checkpoint(*on_micro.train_fp32(fp32, beats)))
    model = on_micro.fresh(fp32)
    model.load_state_dict(state)
    seconds = {"train": story["seconds"]}
    if config.scope == "none":
        return model, seconds

    def make():
        start = time.perf_counter()
        rounded = allocate.rounded(model, config, beats)
        on_micro.train_rounded(rounded, config, beats)
        bits = {row.name: row.weight_bits for row in coverage(rounded)}
        return rounded.state_dict(), {"seconds": time.perf_counter() - start, "bits": bits}

    state, story = stored(config, make)
    rounded = quantize(model, config.scope, weight_bits=story["bits"])
    rounded.load_state_dict(state)
    freeze_ranges(rounded)
    return rounded, {**seconds, "qat": story["seconds"]}


def run_micro(run):
    """Every fold's network on its test records."""
    config, logits, total = run.config, {}, {"predict": 0.0}
    for test, _, model, seconds in fold_networks(run, config):
        for stage, spent in seconds.items():
            total[stage] = total.get(stage, 0.0) + spent
        start = time.perf_counter()
        for record in test:
            inputs = inputs_of(run.source.path, record, config.features)
            logits[record] = in_batches(model, inputs.x, inputs.rr)
        total["predict"] += time.perf_counter() - start
    layers = [asdict(row) | {"n_bytes": row.n_bytes} for row in coverage(model)]
    predicted = run.in_order({r: z.argmax(dim=1).numpy() for r, z in logits.items()})
    return run.outcome(
        *(predicted, total),
        ec57=run.ec57(predicted),
        confidence=confidence_counts(run, logits),
        layers=layers,  # of the last fold's network
        weight_bytes=sum(layer["n_bytes"] for layer in layers),
    )


def confidence_counts(run, logits):
    """How sure the network was, and how right, over all N, S and V beats of the test side.

    Parameters
    ----------
    run : Run
        Its test beats.
    logits : dict of int to Tensor, shape (n_beats, 3)
        Of every test record.

    Returns
    -------
    dict
        For each of `CONFIDENCE_BINS` equal steps of the largest probability: `confusion`
        (9 counts, reference by predicted) and `total`, the sum of the probabilities.
    """
    confusion = np.zeros((CONFIDENCE_BINS, len(CLASSES) ** 2), np.int64)
    total = np.zeros(CONFIDENCE_BINS)
    for record, z in logits.items():
        label = run.test_beats.label[run.test_beats.record == record]
        surest, predicted = torch.softmax(z.double(), dim=1).max(dim=1)
        kept = label < len(CLASSES)
        surest, predicted = surest.numpy()[kept], predicted.numpy()[kept]
        step = np.minimum((surest * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        np.add.at(confusion, (step, len(CLASSES) * label[kept] + predicted), 1)
        np.add.at(total, step, surest)
    return {"confusion": confusion.tolist(), "total": total.round(3).tolist()}
