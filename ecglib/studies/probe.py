"""Study of frozen features: a linear classifier of N, S, V on a network's features."""

from dataclasses import dataclass

import torch

from ecglib.models.probe import LinearProbe
from ecglib.studies.baseline import BaselineConfig, supervised
from ecglib.studies.puzzle import FinetunedSettings, pretext
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.on_beats import build, supervised_task

NETWORKS = {
    "random": lambda run: build(run.config, n_outputs=3, device=run.device),
    "puzzle": lambda run: pretext(run, run.config)[0],
    "supervised": lambda run: supervised(run, twin_of(run.config, BaselineConfig))[0],
}
"""Source of the features -> function from a run to the network."""


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(RunConfig, FinetunedSettings):
    """Linear classifier of N, S, V on the frozen features of a network.

    `epochs`, `learning_rate` and `decay` are those of the network; the probe has its own.

    Attributes
    ----------
    source : {"random", "puzzle", "supervised"}
        How the network was trained: not at all, by the puzzle, or with labels.
    probe_epochs, probe_learning_rate, probe_decay
        Training of the linear classifier.
    """

    arm_keys = ("source", "norm", "split")

    source: str = setting("puzzle", one_of=NETWORKS)
    probe_epochs: int = setting(20, above=0)
    probe_learning_rate: float = setting(3e-3, above=0)
    probe_decay: float = setting(0.9, above=0)


@study("probe", ProbeConfig)
def run_probe(run):
    """Train and score a linear layer on the frozen features of a network."""
    config = run.config
    network = NETWORKS[config.source](run)
    features = in_batches(network.features, run.train.inputs.x)
    torch.manual_seed(config.seed)
    probe = LinearProbe(features).to(run.device)
    task = supervised_task(probe, (features,), run.train.inputs.y, config)
    schedule = Schedule.of(
        config,
        epochs=config.probe_epochs,
        learning_rate=config.probe_learning_rate,
        decay=config.probe_decay,
    )
    history = fit(probe, ("out",), task, schedule, seed=config.seed, desc="probe")
    logits = in_batches(lambda x: probe(network.features(x)), run.test.inputs.x)
    return run.outcome(logits.argmax(dim=1).cpu().numpy(), {"train": history.seconds})
