"""How the runs of every study are executed: configuration + data -> result."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from ecglib import results
from ecglib.data.inputs import pick_device
from ecglib.studies import (
    budget,
    cluster,
    compression,
    micro,
    paper1,
    reduced,
    robustness,
    roofline,
    speed,
    transfer,
)
from ecglib.studies.run import Run
from ecglib.system.errors import UserError
from ecglib.system.machine import describe_environment
from ecglib.system.paths import REPO, RUNS

__all__ = ["EXECUTE", "HEADLINE", "Run", "Worksite", "is_headline", "run_study"]


def _run_latency(run):
    """Only this study needs onnx and onnxruntime, which a machine that trains may lack."""
    from ecglib.studies.latency import run_latency

    return run_latency(run)


def _run_c99(run):
    """Only this study compiles C and traces networks."""
    from ecglib.studies.c99 import run_c99

    return run_c99(run)


EXECUTE = {
    "rpeaks": paper1.run_rpeaks,
    "baseline": paper1.run_baseline,
    "selection": paper1.run_selection,
    "puzzle": paper1.run_puzzle,
    "probe": paper1.run_probe,
    "personalization": paper1.run_personalization,
    "precision": reduced.run_precision,
    "numerics": reduced.run_numerics,
    "int8": reduced.run_int8,
    "latency": _run_latency,
    "c99": _run_c99,
    "roofline": roofline.run_roofline,
    "speed": speed.run_speed,
    "rhythm": compression.run_rhythm,
    "transfer": transfer.run_transfer,
    "compression": compression.run_compression,
    "micro": micro.run_micro,
    "robustness": robustness.run_robustness,
    "budget": budget.run_budget,
    "budget_ecgnet": budget.run_budget_ecgnet,
}
"""Study -> function from a `Run` to the fields of its result."""


TIMED = ("latency", "roofline", "c99", "speed")
"""Studies that measure speed, in which nothing else may run beside a run."""


HEADLINE = {
    "int8": {
        "pipeline": "baseline",
        "scope": "all_int8",
        "method": "ptq",
        "norm": "none",
        "split": "ds1_ds2",
        "channels": (16, 32, 64, 128, 128),  # of the reference runs with three seeds
    },
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
"""The arm of a study that headlines quote: paper 1's own input and strategy, and all layers in
integers, rounded as four folds of DS1 advised."""


def is_headline(config):
    """Whether a run belongs to the arm that headlines quote."""
    settings = HEADLINE.get(config.study, {}).items()
    return bool(settings) and all(getattr(config, name) == value for name, value in settings)


@dataclass(frozen=True)
class Worksite:
    """Where runs find their data and leave their results; it may travel to other machines.

    Attributes
    ----------
    sources : Source or dict of str to Source
        Where the records are; by name, if the runs read several data sets.
    profile : str
        Name of the params file, recorded in the results.
    device : str
        As `ecglib.data.inputs.pick_device` takes it.
    runs : Path
        Folder of live results.
    """

    sources: object
    profile: str
    device: str
    runs: Path

    def run(self, config, device=None):
        """The run of a configuration, not executed yet; it needs no device to be named."""
        source = self.sources[config.data_name] if self._by_name else self.sources
        target = self.sources[config.target] if hasattr(config, "target") else None
        return Run(config, source, device, self.runs, finished=self.finished, target=target)

    @property
    def _by_name(self):
        return isinstance(self.sources, dict)

    def path(self, config):
        """Where the result of a configuration lies, once there is one."""
        return results.path_of(self.runs, config, self.run(config).data)

    def shared(self):
        """The same as seen from another folder, with a folder of results that is there.

        Raises
        ------
        UserError
            If the folder cannot be made.
        """
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {self.runs}: {error.strerror}") from error

        def moved(source):
            return replace(source, path=Path(source.path).absolute())

        sources = self.sources
        moved = {n: moved(s) for n, s in sources.items()} if self._by_name else moved(sources)
        return replace(self, sources=moved, runs=self.runs.absolute())

    def check_reach(self):
        """Refuse a machine that does not see the data and the folder of results.

        Raises
        ------
        UserError
        """
        sources = self.sources.values() if self._by_name else [self.sources]
        for path in (*(Path(source.path) for source in sources), self.runs):
            if not path.exists():
                raise UserError(
                    f"{platform.node()} does not see {path}; workers need data and results "
                    "under the same path as here, on a disk that all share"
                )

    def finished(self, config):
        """Result of a configuration, executed and saved first if it has none.

        Raises
        ------
        UserError
            If the file of the result is damaged, or holds another run.
        """
        run = self.run(config)
        path = results.path_of(self.runs, config, run.data)
        if not path.exists():
            run = self.run(config, pick_device(self.device))
            fields = EXECUTE[config.study](run)
            result = results.RunResult(
                study=config.study,
                config=config.to_dict(),
                data={**run.data, "profile": self.profile},
                environment=describe_environment(run.device, REPO),
                selected=is_headline(config),
                **fields,
            )
            results.save(result, path)
        result = results.load(path)
        same = all(result.data.get(key) == run.data[key] for key in ("name", "sha256"))
        if not (result.config == config.to_dict() and same):
            raise UserError(f"{path} holds another run than its name says; delete it and rerun")
        return replace(result, data=result.data | run.data)  # older files lack `synthetic`


def run_study(configs, sources, *, profile, device="auto", runs=RUNS, scheduler=None):
    """Execute the runs that have no result yet, saving each when it ends.

    Parameters
    ----------
    configs : list of RunConfig
        From `expand`.
    sources, profile, device, runs
        As `Worksite` has them.
    scheduler : str, optional
        Who executes them: this process (None), all cores of this machine ("local"), or the
        workers of the Dask scheduler at `tcp://host:port`. Studies of speed stay in this
        process: on a machine with other work to do their times would mean nothing.

    Returns
    -------
    list of RunResult
        In order of `configs`.
    """
    cluster.check(scheduler)
    site = Worksite(sources, profile, device, Path(runs))
    shared = [config for config in configs if config.study not in TIMED]
    if scheduler is None:
        pick_device(device)  # a missing GPU is known before any work
    elif missing := [config for config in shared if not site.path(config).exists()]:
        cluster.execute(site.shared(), missing, compression.prerequisites, scheduler)
    bar = tqdm(configs, desc="runs", disable=len(configs) < 2)
    return [site.finished(config) for config in bar]
