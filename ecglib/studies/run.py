"""One run: its configuration on its data, with what it loads, trains and reports."""

import time
from dataclasses import asdict, dataclass
from functools import cache, cached_property

import numpy as np
import torch

from ecglib import puzzle, results
from ecglib.aami import CLASSES
from ecglib.config import fp32_twin, pretext_of
from ecglib.data.find.identity import identity
from ecglib.data.inputs import stratified_share, to_inputs
from ecglib.data.sets.mitdb import load_beats
from ecglib.metrics import ec57, from_confusion
from ecglib.personalize.online import OnlineStage, empty_network, online_mask
from ecglib.personalize.quantized import QuantizedStage
from ecglib.quant import quantize
from ecglib.training import checkpoints
from ecglib.training.on_beats import as_checkpoint, build, train_pretext, train_supervised


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
    finished : callable, optional
        RunConfig -> RunResult of another run, executed first if it has none.
    target : Source, optional
        A second data set, on which a network of the first is tested.
    """

    def __init__(self, config, source, device, runs, *, finished=None, target=None):
        self.config, self.source, self.device, self.runs = config, source, device, runs
        self.finished, self.target = finished, target

    @property
    def data(self):
        """Identity of the data, for result files; invented data has the mark `synthetic`."""
        used = [source for source in (self.source, self.target) if source is not None]
        mark = {"synthetic": True} if any(source.synthetic for source in used) else {}
        if self.target is None:
            return {"name": self.source.name, "sha256": self.source.sha256} | mark
        both = {source.name: source.sha256 for source in used}
        return {"name": "+".join(both), "sha256": identity(both)} | mark

    @cached_property
    def train(self):
        """Labelled beats (N, S, V) of the training side, or the configured share of them."""
        beats = load_beats(self.source.path, self.config.sides()[0])
        if self.config.train_share < 1:
            share, seed = self.config.train_share, self.config.seed
            beats = beats.select(stratified_share(beats.label, share, seed))
        return Side(beats, to_inputs(beats, self.config, self.device))

    @cached_property
    def test_beats(self):
        """All annotated beats of the test side, F and Q included."""
        return load_beats(self.source.path, self.config.sides()[1], fusion="keep")

    @cached_property
    def test(self):
        """The same with what the network reads of them."""
        return Side(self.test_beats, to_inputs(self.test_beats, self.config, self.device))

    @cached_property
    def scored(self):
        """The beats of the test side that count: N, S, V."""
        return self.test.inputs.select(self.test.inputs.y < len(CLASSES))

    @cached_property
    def patients(self):
        """Record -> all its beats as inputs, and the mask of those an online stage may see."""
        patients = {}
        for record in self.config.sides()[1]:
            rows = self.test.beats.record == record
            online = online_mask(self.test.beats.select(rows), self.config.online_seconds)
            index = torch.from_numpy(rows).to(self.device)
            patients[record] = (self.test.inputs.select(index), online)
        return patients

    def in_order(self, predicted):
        """Predictions by record as one array (n_beats,) int8 in order of the test side."""
        everything = np.empty(len(self.test_beats), dtype=np.int8)
        for record, classes in predicted.items():
            everything[self.test_beats.record == record] = classes
        return everything

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
        state, story = checkpoints.cached(
            self.checkpoint(config, ".npz"),
            lambda: as_checkpoint(*train(config, own.train.inputs, self.device)),
        )
        model = build(config, n_outputs, self.device)
        model.load_state_dict(state)
        return model, story

    def checkpoint(self, config, suffix):
        """Where networks of a configuration lie on this data: beside the results."""
        folder = self.runs.parent / "checkpoints" / config.study
        return folder / f"{config.slug}-{config.hash_with(self.data)}{suffix}"

    def rounded(self, config):
        """Network trained on the training side alone, then rounded; ECGNet and its story."""
        fp32, before = self.supervised(fp32_twin(config))

        def make():
            stage = QuantizedStage(self.train.inputs, config)
            state = stage.quantized(fp32).state_dict()
            return state, {"train": before["seconds"], **stage.watch.seconds}

        state, story = checkpoints.cached(self.checkpoint(config, ".npz"), make)
        model = quantize(fp32, config.scope, step=config.step)
        model.load_state_dict(state)
        return model, story

    def personalized(self, config):
        """Networks of the online stage, made once for all runs that go on from them.

        Parameters
        ----------
        config : PersonalizationConfig
            The online stage, in fp32.

        Yields
        ------
        tuple of (int, ECGNet, float)
            Record, its network, and the seconds that the network took.
        """
        pretext, _ = self.pretext(pretext_of(config))
        stage = cache(lambda: OnlineStage(pretext, self.train.inputs, config))

        def make(x):
            start = time.perf_counter()
            state = stage().network_for(x).state_dict()
            return state, {"seconds": time.perf_counter() - start}

        for record, (beats, online) in self.patients.items():
            seen = beats.x[torch.from_numpy(online).to(self.device)]
            path = self.checkpoint(config, f"/{record}.npz")
            state, story = checkpoints.cached(path, lambda x=seen: make(x))
            model = empty_network(pretext, config)
            model.load_state_dict(state)
            yield record, model, story["seconds"]

    def outcome(self, predicted, runtime_s, **more):
        """Fields of a result whose predictions cover the whole test side."""
        scored = results.score_beats(self.test_beats, predicted)
        total = sum(np.array(matrix) for matrix in scored["per_record"].values())
        metrics = from_confusion(total).to_dict() | more
        return {"metrics": metrics, "runtime_s": runtime_s, **scored}

    def ec57(self, predicted):
        """Counts of SVEB and VEB detection in the convention of EC57, after 5:00."""
        beats = self.test_beats
        counted = ec57(beats.symbol, predicted, beats.sample, beats.fs)
        return {"sveb": asdict(counted.sveb), "veb": asdict(counted.veb)}
