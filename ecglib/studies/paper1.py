"""Studies of paper 1's pipeline: detection, puzzle, probes, baselines, personalization."""

import time
from dataclasses import replace

import numpy as np
import torch
from tqdm import tqdm

from ecglib import puzzle
from ecglib.config import BaselineConfig, pretext_of, twin_of
from ecglib.data.signal import detector
from ecglib.metrics import confusion_matrix, macro_f1
from ecglib.models.probe import LinearProbe
from ecglib.personalize.online import finetune, personalize
from ecglib.training.loop import Schedule, fit, in_batches, predict
from ecglib.training.on_beats import build, supervised_task, train_supervised


def run_rpeaks(run):
    """Detections of every record against its annotations."""
    start = time.perf_counter()
    per_record = {
        str(record): detector.score_record(run.source.path, record)
        for record in tqdm(run.config.records, desc="detecting", leave=False)
    }
    seconds = {"detect": time.perf_counter() - start}
    return {"metrics": {"per_record": per_record}, "runtime_s": seconds}


def run_baseline(run):
    """Training on one side, scores on the other."""
    model, story = run.supervised(run.config)
    start = time.perf_counter()
    predicted = predict(model, run.test.inputs)
    seconds = {"train": story["seconds"], "predict": time.perf_counter() - start}
    return run.outcome(predicted, seconds, loss=story["loss"], ec57=run.ec57(predicted))


def run_selection(run):
    """A trial inside DS1, scored after every epoch."""
    config, train = run.config, run.train.inputs
    label, confusions = run.scored.y.cpu().numpy(), []

    def score(model):
        confusions.append(confusion_matrix(label, predict(model, run.scored)))
        return float(macro_f1(confusions[-1]))

    if config.pipeline == "ssl":
        model, _ = run.pretext(pretext_of(config))
        history = finetune(model, train, config, validate=score)
    else:
        model, history = train_supervised(config, train, run.device, score)
    return run.outcome(
        *(predict(model, run.test.inputs), {"train": history.seconds}),
        loss=history.loss,
        validation_macro_f1=history.score,
        validation_confusion=[matrix.tolist() for matrix in confusions],
        best_epoch=history.best_epoch,
    )


def run_puzzle(run):
    """Six-class scores on N beats of the test side, one random permutation a beat."""
    config = run.config
    model, story = run.pretext(replace(pretext_of(config), view=config.view))
    x = run.test.inputs.x[run.test.inputs.y == 0]
    label = np.random.default_rng(config.seed).integers(len(puzzle.PERMUTATIONS), size=len(x))
    cuts = puzzle.CUTS[config.cuts]
    mask = torch.from_numpy(puzzle.view_mask(config.view, cuts, x.shape[1])).to(x.device)
    start = time.perf_counter()
    permuted = puzzle.permute(x, torch.from_numpy(label).to(x.device), cuts) * mask
    predicted = in_batches(model, permuted).argmax(dim=1).cpu().numpy()
    confusion = confusion_matrix(label, predicted, n_classes=len(puzzle.PERMUTATIONS))
    seconds = {"pretrain": story["seconds"], "predict": time.perf_counter() - start}
    metrics = {"accuracy": float(np.mean(label == predicted)), "loss": story["loss"]}
    return {"metrics": metrics | {"confusion": confusion.tolist()}, "runtime_s": seconds}


def run_probe(run):
    """A linear layer on the frozen features of a network."""
    config = run.config
    network = {
        "random": lambda: build(config, n_outputs=3, device=run.device),
        "puzzle": lambda: run.pretext(pretext_of(config))[0],
        "supervised": lambda: run.supervised(twin_of(config, BaselineConfig))[0],
    }[config.source]()
    features = in_batches(network.features, run.train.inputs.x)
    torch.manual_seed(config.seed)
    probe = LinearProbe(features).to(run.device)
    task = supervised_task(probe, (features,), run.train.inputs.y, config)
    schedule = Schedule(
        *(config.probe_epochs, config.batch_size, config.probe_learning_rate),
        *(config.weight_decay, config.probe_decay),
    )
    history = fit(probe, ("out",), task, schedule, seed=config.seed, desc="probe")
    logits = in_batches(lambda x: probe(network.features(x)), run.test.inputs.x)
    return run.outcome(logits.argmax(dim=1).cpu().numpy(), {"train": history.seconds})


def run_personalization(run):
    """The online stage of every patient of the test side."""
    model, story = run.pretext(pretext_of(run.config))
    predicted, seconds = personalize(model, run.train.inputs, run.patients, run.config)
    predicted = run.in_order(predicted)
    seconds = {"pretrain": story["seconds"], **seconds}
    return run.outcome(predicted, seconds, ec57=run.ec57(predicted))
