"""How the runs of every study are executed: configuration + data -> result."""

from pathlib import Path

from tqdm import tqdm

from ecglib import results
from ecglib.data.inputs import pick_device
from ecglib.machine import describe_environment
from ecglib.paths import REPO, RUNS
from ecglib.studies import (
    budget,
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

__all__ = ["EXECUTE", "HEADLINE", "Run", "is_headline", "run_study"]


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


def run_study(configs, sources, *, profile, device="auto", runs=RUNS):
    """Execute the runs that have no result yet, saving each when it ends.

    Parameters
    ----------
    configs : list of RunConfig
        From `expand`.
    sources : Source or dict of str to Source
        Where the records are; by name, if the runs read several data sets.
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

    def finished(config):
        source = sources[config.data_name] if isinstance(sources, dict) else sources
        target = sources[config.target] if hasattr(config, "target") else None
        run = Run(config, source, device, runs, finished=finished, target=target)
        path = results.path_of(runs, config, run.data)
        if not path.exists():
            fields = EXECUTE[config.study](run)
            result = results.RunResult(
                study=config.study,
                config=config.to_dict(),
                data={**run.data, "profile": profile},
                environment=describe_environment(device, REPO),
                selected=is_headline(config),
                **fields,
            )
            results.save(result, path)
        return results.load(path)

    return [finished(config) for config in tqdm(configs, desc="runs", disable=len(configs) < 2)]
