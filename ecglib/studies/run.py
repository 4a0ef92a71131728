"""Execution of runs: from a configuration and its data to a result that is saved."""

import platform
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ecglib import results
from ecglib.aami import CLASSES
from ecglib.data import sets
from ecglib.data.find.identity import identity
from ecglib.data.inputs import pick_device, stratified_share, to_inputs
from ecglib.metrics import ec57, from_confusion
from ecglib.personalize.online import online_mask
from ecglib.studies import cluster, registry
from ecglib.system.errors import UserError
from ecglib.system.files import check_folder
from ecglib.system.machine import describe_environment
from ecglib.system.paths import REPO, RUNS
from ecglib.training import checkpoints
from ecglib.training.on_beats import as_checkpoint, build


@dataclass(frozen=True)
class BeatsAndInputs:
    """Beats of the training or test set, and the inputs of the network for them."""

    beats: object
    inputs: object


class Run:
    """One configuration with its data, which is loaded when it is needed.

    Parameters
    ----------
    config : RunConfig
        The configuration.
    sources : dict of str to Source
        Places of its data sets, by name.
    device : torch.device
        Device of the networks.
    runs : Path
        Folder of the live results; checkpoints lie beside it.
    finished : callable, optional
        Function RunConfig -> RunResult of another run, which is executed if it has no result.
    """

    def __init__(self, config, sources, device, runs, *, finished=None):
        self.config, self.sources, self.device, self.runs = config, sources, device, runs
        self.finished = finished

    def of(self, config):
        """A run of another configuration on the same data, device and folder."""
        return Run(config, self.sources, self.device, self.runs, finished=self.finished)

    @property
    def source(self):
        """Place of the run's data set."""
        return self.sources[self.config.dataset]

    @property
    def dataset(self):
        """The run's data set, see `ecglib.data.sets.get`."""
        return sets.get(self.config.dataset)

    @property
    def data(self):
        """Identity of the data for result files; `synthetic` is True if it is invented."""
        used = [self.sources[name] for name in self.config.data_sets]
        mark = {"synthetic": True} if any(source.synthetic for source in used) else {}
        if len(used) == 1:
            return {"name": used[0].name, "sha256": used[0].sha256} | mark
        all_of_them = {source.name: source.sha256 for source in used}
        return {"name": "+".join(all_of_them), "sha256": identity(all_of_them)} | mark

    def lead(self, record, lead=None):
        """One lead of a record of the run's data set with all its annotations."""
        return self.dataset.read_record(self.source.path, record, lead)

    @cached_property
    def train(self):
        """Labelled beats (N, S, V) of the training set, or the configured share of them."""
        beats = self._load_beats(self.config.sides()[0])
        if self.config.train_share < 1:
            share, seed = self.config.train_share, self.config.seed
            beats = beats.select(stratified_share(beats.label, share, seed))
        return BeatsAndInputs(beats, to_inputs(beats, self.config, self.device))

    @cached_property
    def test_beats(self):
        """All annotated beats of the test set, F and Q included."""
        return self._load_beats(self.config.sides()[1], fusion="keep")

    def _load_beats(self, records, **how):
        return self.config.load_beats(self.dataset, self.source.path, records, **how)

    @cached_property
    def test(self):
        """All annotated beats of the test set with the inputs of the network."""
        inputs = to_inputs(self.test_beats, self.config, self.device)
        return BeatsAndInputs(self.test_beats, inputs)

    @cached_property
    def scored(self):
        """The beats of the test set that are scored: N, S, V."""
        return self.test.inputs.select(self.test.inputs.y < len(CLASSES))

    @cached_property
    def patients(self):
        """For each record all beats as inputs, and the mask of those for the online stage."""
        patients = {}
        for record in self.config.sides()[1]:
            online = online_mask(self.beats_of(record), self.config.online_seconds)
            index = torch.from_numpy(self.test_beats.record == record).to(self.device)
            patients[record] = (self.test.inputs.select(index), online)
        return patients

    def in_order(self, predicted):
        """Predictions by record as one array (n_beats,) int8 in order of the test set."""
        everything = np.empty(len(self.test_beats), dtype=np.int8)
        for record, classes in predicted.items():
            everything[self.test_beats.record == record] = classes
        return everything

    def checkpoint(self, config, suffix):
        """Path of the network of a configuration on this data, beside the results."""
        folder = self.runs.parent / "checkpoints" / config.study
        return folder / f"{config.slug}-{config.hash_with(self.data)}{suffix}"

    def stored(self, config, empty, make, suffix=".npz"):
        """A network that is made once and then read from disk, and the record of its training.

        Parameters
        ----------
        config : RunConfig
            Configuration of the network, from this run's study or another one.
        empty : callable
            Function () -> a network of the same shape, whose weights are replaced.
        make : callable
            Function () -> (state dict, record of the training), called if there is no such
            network yet.
        suffix : str
            End of the file's name.
        """
        state, story = checkpoints.cached(self.checkpoint(config, suffix), make)
        model = empty()
        model.load_state_dict(state)
        return model, story

    def shared_network(self, config, train, n_outputs):
        """`stored` network made by `train`: (config, Inputs, device) -> (ECGNet, History)."""
        own = self if config == self.config else self.of(config)
        return self.stored(
            config,
            lambda: build(config, n_outputs, self.device),
            lambda: as_checkpoint(*train(config, own.train.inputs, self.device)),
        )

    def beats_of(self, record):
        """All annotated beats of one test record."""
        return self.test_beats.select(self.test_beats.record == record)

    def outcome(self, predicted, runtime_s, **more):
        """Fields of a result whose predictions cover the whole test set."""
        scored = results.score_beats(self.test_beats, predicted, self.dataset.key)
        total = sum(np.array(matrix) for matrix in scored["per_record"].values())
        metrics = from_confusion(total).to_dict() | more
        return {"metrics": metrics, "runtime_s": runtime_s, **scored}

    def ec57(self, predicted):
        """Counts of SVEB and VEB detection in the convention of EC57, after 5:00."""
        beats = self.test_beats
        return asdict(ec57(beats.symbol, predicted, beats.sample, beats.fs))


@dataclass(frozen=True)
class Worksite:
    """Places of the data and of the results of runs; it can be sent to other machines.

    Attributes
    ----------
    sources : dict of str to Source
        Places of the data sets, by name.
    profile : str
        Name of the params file, recorded in the results.
    device : str
        Name of a device, see `ecglib.data.inputs.pick_device`.
    runs : Path
        Folder of live results.
    """

    sources: dict
    profile: str
    device: str
    runs: Path

    def run(self, config, device=None):
        """The `Run` of a configuration, which is not executed."""
        return Run(config, self.sources, device, self.runs, finished=self.finished)

    def path(self, config):
        """Path of the result of a configuration, also if there is none yet."""
        data = self.run(config).data
        name = f"{config.slug}-{config.hash_with(data)}.json"
        return self.runs / config.study / name

    def shared(self):
        """The same with absolute paths, for other machines; the folder of results is made."""
        check_folder(self.runs)
        moved = {
            name: replace(source, path=Path(source.path).absolute())
            for name, source in self.sources.items()
        }
        return replace(self, sources=moved, runs=self.runs.absolute())

    def check_reach(self):
        """Raise a `UserError` if this machine does not see the data or the results' folder."""
        for path in (*(Path(source.path) for source in self.sources.values()), self.runs):
            if not path.exists():
                raise UserError(
                    f"{platform.node()} does not see {path}; workers need data and results "
                    "under the same path as here, on a disk that all share"
                )

    def finished(self, config):
        """Result of a configuration; if there is none, it is computed and saved."""
        path, data = self.path(config), self.run(config).data
        if not path.exists():
            run = self.run(config, pick_device(self.device))
            result = results.RunResult(
                study=config.study,
                config=config.to_dict(),
                data={**data, "profile": self.profile},
                environment=describe_environment(run.device, REPO),
                selected=config.selected,
                **registry.find(config.study).run(run),
            )
            results.save(result, path)
        result = results.load(path)
        same = all(result.data.get(key) == data[key] for key in ("name", "sha256"))
        if not (result.config == config.to_dict() and same):
            raise UserError(f"{path} holds another run than its name says; delete it and rerun")
        return replace(result, data=result.data | data)  # older files lack `synthetic`


def run_study(configs, sources, *, profile, device="auto", runs=RUNS, scheduler=None):
    """Execute the runs that have no result yet, and save each result when its run ends.

    Parameters
    ----------
    configs : list of RunConfig
        Configurations, for example from `ecglib.studies.plan.expand`.
    sources : Source or dict of str to Source
        Place of the records, or a dict by name if the runs read several data sets.
    profile, device, runs
        See `Worksite`.
    scheduler : str, optional
        None executes the runs in this process, "local" on all cores of this machine, and
        `tcp://host:port` by the workers of the Dask scheduler there. Studies of speed stay in
        this process, since other work at the same time would make their times wrong.

    Returns
    -------
    list of RunResult
        In order of `configs`.
    """
    cluster.check(scheduler)
    by_name = sources if isinstance(sources, dict) else {sources.name: sources}
    site = Worksite(by_name, profile, device, Path(runs))
    missing = [config for config in configs if not site.path(config).exists()]
    for study in {config.study for config in missing}:
        check_folder(site.runs / study)
        check_folder(site.runs.parent / "checkpoints" / study)
    if scheduler is None:
        pick_device(device)  # raises an error before any work if the GPU is missing
    elif shared := [config for config in missing if not config.timed]:
        cluster.execute(site.shared(), shared, scheduler)
    bar = tqdm(configs, desc="runs", disable=len(configs) < 2)
    return [site.finished(config) for config in bar]
