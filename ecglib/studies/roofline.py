"""Study of bounds: the time of a network on this processor, and its lower bound."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ecglib import models
from ecglib.deploy.latency import summarize, time_calls, torch_threads
from ecglib.deploy.roofline import bound, intensity, layer_work, measured_here
from ecglib.studies.registry import RunConfig, study
from ecglib.system.settings import setting

NETWORKS = ("ecgnet", "micronet", "resnet1d")
"""Names of the networks: those of the papers' size, and ours; see `fresh_network`."""


@dataclass(frozen=True, kw_only=True)
class RooflineConfig(RunConfig):
    """One network on this processor, with its lower bound and its time.

    Attributes
    ----------
    network : {"ecgnet", "micronet", "resnet1d"}
        Network with random weights in fp32.
    batch, calls : int
        Number of inputs of a call, and of timed calls.
    """

    timed = True
    arm_keys = ("network", "batch")
    dataset: ClassVar[str] = "mitdb"  # it is not read, but a result file must name a data set
    records: ClassVar[tuple[int, ...]] = (100,)

    network: str = setting("ecgnet", one_of=NETWORKS)
    batch: int = setting(64, above=0)
    calls: int = setting(20, above=0)


def fresh_network(name):
    """A network with random weights, and the shapes of its inputs.

    Parameters
    ----------
    name : {"ecgnet", "micronet", "resnet1d"}
        Name of the network.

    Returns
    -------
    tuple of (Module, list of tuple of int)
        Network in evaluation mode; shapes of one beat or recording, and of its timing if the
        network reads it.
    """
    if name == "micronet":
        model = models.fresh(name, 0, "full", n_rr=8)
        return model, list(model.config.input_shapes.values())
    model = models.fresh(name, 0, "paper")
    return model, [(model.config.n_times,)]


@study("roofline", RooflineConfig)
def run_roofline(run):
    """Bound and median time of a call of one network, on one core in fp32."""
    config = run.config
    model, shapes = fresh_network(config.network)
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2 * config.batch, *s)).astype(np.float32) for s in shapes]
    work = layer_work(model, *(torch.from_numpy(a[:1]) for a in arrays))

    @torch.inference_mode()
    def call(*batch):
        return model(*(torch.from_numpy(array) for array in batch[: len(arrays)]))

    with torch_threads(1):
        machine = measured_here()
        timed = time_calls({"torch": call}, arrays[0], arrays[-1], config.batch, config.calls)
    predicted = bound(work, machine, "fp32", config.batch)
    facts = {"macs": int(work["macs"].sum()), "predicted_ms": 1e3 * float(predicted.sum())}
    facts |= {"intensity": intensity(work, "fp32", config.batch)}
    facts |= {"peak_flops": machine.peak["fp32"], "bandwidth": machine.bandwidth}
    metrics, seconds = facts | summarize(timed["torch"]), float(timed["torch"].sum())
    return {"metrics": metrics, "runtime_s": {"calls": seconds}}
