"""How the runs of every study are executed: configuration + data -> result."""

import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ecglib import checkpoints, puzzle, results
from ecglib.aami import CLASSES
from ecglib.config import BaselineConfig, pretext_of
from ecglib.data import rpeaks
from ecglib.data.inputs import pick_device, stratified_share, to_inputs
from ecglib.data.mitdb import load_beats
from ecglib.metrics import confusion_matrix, ec57, from_confusion, macro_f1
from ecglib.models.probe import LinearProbe
from ecglib.paths import REPO, RUNS
from ecglib.personalize.online import finetune, online_mask, personalize
from ecglib.pretrain import (
    as_checkpoint,
    build,
    supervised_task,
    train_pretext,
    train_supervised,
)
from ecglib.train import Schedule, fit, in_batches, predict


@dataclass(frozen=True)
class Side:
    """Beats of one side of a split, as a run needs them."""

    beats: object
    inputs: object


class Run:
    """One configuration on one source of data: loads what it needs, when it needs it.

    Parameters
    ----------
    config : RunConfig
        What to run.
    source : Source
        Where the records are.
    device : torch.device
        Where the networks run.
    runs : Path
        Folder of the live results; checkpoints lie beside it.
    """

    def __init__(self, config, source, device, runs):
        self.config, self.source, self.device, self.runs = config, source, device, runs

    @property
    def data(self):
        """Identity of the data, for result files."""
        return {"name": self.source.name, "sha256": self.source.sha256}

    @cached_property
    def train(self):
        """Labelled beats (N, S, V) of the training side, or the configured share of them."""
        beats = load_beats(self.source.path, self.config.sides()[0])
        if self.config.train_share < 1:
            share, seed = self.config.train_share, self.config.seed
            beats = beats.select(stratified_share(beats.label, share, seed))
        return Side(beats, to_inputs(beats, self.config, self.device))

    @cached_property
    def test(self):
        """All annotated beats of the test side, F and Q included."""
        beats = load_beats(self.source.path, self.config.sides()[1], fusion="keep")
        return Side(beats, to_inputs(beats, self.config, self.device))

    @cached_property
    def scored(self):
        """The beats of the test side that count: N, S, V."""
        return self.test.inputs.select(self.test.inputs.y < len(CLASSES))

    def supervised(self, config):
        """Network trained on the training side alone; ECGNet and its story."""
        return self._trained(config, train_supervised, n_outputs=len(CLASSES))

    def pretext(self, config):
        """Network of the offline stage with six outputs; ECGNet and its story."""
        return self._trained(config, train_pretext, n_outputs=len(puzzle.PERMUTATIONS))

    def _trained(self, config, train, n_outputs):
        """Network of a stage that several runs share: trained once, then read from disk."""
        own = self
        if config != self.config:
            own = Run(config, self.source, self.device, self.runs)
        folder = self.runs.parent / "checkpoints" / config.study
        path = folder / f"{config.slug}-{config.hash_with(self.data)}.npz"
        state, story = checkpoints.cached(
            path, lambda: as_checkpoint(*train(config, own.train.inputs, self.device))
        )
        model = build(config, n_outputs, self.device)
        model.load_state_dict(state)
        return model, story

    def outcome(self, predicted, runtime_s, **more):
        """Fields of a result whose predictions cover the whole test side."""
        scored = results.score_beats(self.test.beats, predicted)
        total = sum(np.array(matrix) for matrix in scored["per_record"].values())
        metrics = from_confusion(total).to_dict() | more
        return {"metrics": metrics, "runtime_s": runtime_s, **scored}

    def ec57(self, predicted):
        """Counts of SVEB and VEB detection in the convention of EC57, after 5:00."""
        beats = self.test.beats
        counted = ec57(beats.symbol, predicted, beats.sample, beats.fs)
        return {"sveb": asdict(counted.sveb), "veb": asdict(counted.veb)}


def _rpeaks(run):
    """Detections of every record against its annotations."""
    start = time.perf_counter()
    per_record = {
        str(record): rpeaks.score_record(run.source.path, record)
        for record in tqdm(run.config.records, desc="detecting", leave=False)
    }
    seconds = {"detect": time.perf_counter() - start}
    return {"metrics": {"per_record": per_record}, "runtime_s": seconds}


def _baseline(run):
    model, story = run.supervised(run.config)
    start = time.perf_counter()
    predicted = predict(model, run.test.inputs)
    seconds = {"train": story["seconds"], "predict": time.perf_counter() - start}
    return run.outcome(predicted, seconds, loss=story["loss"], ec57=run.ec57(predicted))


def _selection(run):
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


def _puzzle(run):
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


def _probe(run):
    config = run.config
    network = {
        "random": lambda: build(config, n_outputs=3, device=run.device),
        "puzzle": lambda: run.pretext(pretext_of(config))[0],
        "supervised": lambda: run.supervised(_supervised_twin(config))[0],
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


def _supervised_twin(config):
    """The baseline run whose network a probe of supervised features looks into."""
    names = ("seed", "channels", "norm", "records", "split", "normalization", "batch_size")
    names += ("learning_rate", "weight_decay", "decay", "epochs", "imbalance")
    return BaselineConfig(**{name: getattr(config, name) for name in names})


def _personalization(run):
    config, test = run.config, run.test
    model, story = run.pretext(pretext_of(config))
    patients = {}
    for record in config.sides()[1]:
        rows = test.beats.record == record
        online = online_mask(test.beats.select(rows), config.online_seconds)
        patients[record] = (test.inputs.select(torch.from_numpy(rows).to(run.device)), online)
    predicted, seconds = personalize(model, run.train.inputs, patients, config)
    in_order = np.empty(len(test.beats), dtype=np.int8)
    for record, classes in predicted.items():
        in_order[test.beats.record == record] = classes
    seconds = {"pretrain": story["seconds"], **seconds}
    return run.outcome(in_order, seconds, ec57=run.ec57(in_order))


EXECUTE = {
    "rpeaks": _rpeaks,
    "baseline": _baseline,
    "selection": _selection,
    "puzzle": _puzzle,
    "probe": _probe,
    "personalization": _personalization,
}
"""Study -> function from a `Run` to the fields of its result."""


HEADLINE = {
    "baseline": {
        "features": "beat",
        "norm": "none",
        "imbalance": "none",
        "split": "ds1_ds2",
    },
    "personalization": {
        "strategy": "head_only",
        "finetune": "head",
        "online_seconds": 300,
        "norm": "batch",
        "split": "ds1_ds2",
    },
}
"""The arm of a study that headlines quote: paper 1's own input and strategy."""


def is_headline(config):
    """Whether a run belongs to the arm that headlines quote."""
    settings = HEADLINE.get(config.study, {}).items()
    return bool(settings) and all(getattr(config, name) == value for name, value in settings)


def run_study(configs, source, *, profile, device="auto", runs=RUNS):
    """Execute the runs that have no result yet, saving each when it ends.

    Parameters
    ----------
    configs : list of RunConfig
        From `expand`.
    source : Source
        Where the records are.
    profile : str
        Name of the params file, recorded in the results.
    device : str
        As `ecglib.data.inputs.pick_device` takes it.
    runs : Path
        Folder of live results.

    Returns
    -------
    list of RunResult
        In order of `configs`.
    """
    device, runs = pick_device(device), Path(runs)
    outcomes = []
    for config in tqdm(configs, desc="runs", disable=len(configs) < 2):
        run = Run(config, source, device, runs)
        path = results.path_of(runs, config, run.data)
        if not path.exists():
            fields = EXECUTE[config.study](run)
            result = results.RunResult(
                study=config.study,
                config=config.to_dict(),
                data={**run.data, "profile": profile},
                environment=results.describe_environment(device, REPO),
                selected=is_headline(config),
                **fields,
            )
            results.save(result, path)
        outcomes.append(results.load(path))
    return outcomes
