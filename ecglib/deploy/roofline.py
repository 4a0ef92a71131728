"""Lower bounds for the time of a network, from its operations and bytes and a machine's peak.

A layer takes at least the time of its operations at the machine's peak, and at least the time
to move its weights and activations once through memory (Williams et al. 2009). Only
`measured_here` measures; everything else here is computed.
"""

import time
from dataclasses import dataclass

import pandas as pd
import torch

from ecglib.aami import DS2
from ecglib.deploy.latency import torch_threads
from ecglib.models.cost import layer_macs
from ecglib.models.layers import watched, weight_layers
from ecglib.system.errors import UserError

BYTES = {"fp32": 4, "fp16": 2, "int8": 1}
"""Format -> bytes of a number."""

PATIENTS = len(DS2)
"""Number of patients. For each, paper 1 fine-tunes a network on the training set, and ours has
an update of the head."""

TRAINING = 3
"""Work of a training step in forward passes: one forward, and two for the gradients of inputs
and weights."""

_SIDE, _REPEATS = 1024, 5  # rows of the matrices that measure a peak, and repetitions
_COPIED = 2**24  # numbers that are copied to measure the bandwidth


@dataclass(frozen=True)
class Machine:
    """Peak and bandwidth of a machine.

    Attributes
    ----------
    name : str
        Name in tables.
    peak : dict of str to float
        Format -> operations a second (a multiplication and an addition are two). A format that
        the machine cannot compute with is missing.
    bandwidth : float
        Bytes a second to and from memory.
    source : str
        Source of the numbers.
    """

    name: str
    peak: dict[str, float]
    bandwidth: float
    source: str


MACHINES = {
    "nano": Machine(
        "Jetson Nano",
        {"fp32": 236e9, "fp16": 472e9},
        25.6e9,
        "NVIDIA, Jetson Nano data sheet (Maxwell, 128 cores, 921.6 MHz)",
    ),
    "orin_nano": Machine(
        "Orin Nano",
        {"fp32": 1.28e12, "fp16": 10e12, "int8": 20e12},
        68e9,
        "NVIDIA, Jetson Orin Nano 8 GB data sheet (dense; 40 TOPS count sparsity)",
    ),
    "h200": Machine(
        "H200",
        {"fp32": 67e12, "fp16": 989e12, "int8": 1979e12},
        4.8e12,
        "NVIDIA, H200 data sheet (dense)",
    ),
}
"""Machines by name, with the peaks that their makers print."""


@torch.no_grad()
def layer_work(model, *inputs):
    """Work of every layer for one beat or recording.

    Parameters
    ----------
    model : Module
        Network in evaluation mode.
    *inputs : Tensor, shape (1, ...)
        One beat or recording, as the arguments of the network.

    Returns
    -------
    DataFrame
        A row for each layer: `macs`, and the numbers of `weights` (biases included) and
        `activations` (read and written).

    Examples
    --------
    >>> from torch import nn
    >>> layer_work(nn.Sequential(nn.Linear(4, 2)), torch.zeros(1, 4)).loc["0"].tolist()
    [8, 10, 6]
    """
    moved = {}

    def see(name, given, output):
        moved[name] = given[0].numel() + output[0].numel()

    with watched(model, see):
        macs = layer_macs(model, *inputs)
    layers = weight_layers(model).items()
    weights = {name: sum(p.numel() for p in layer.parameters()) for name, layer in layers}
    return pd.DataFrame({"macs": macs, "weights": weights, "activations": moved})


def bound(work, machine, precision, batch):
    """Lower bound of the seconds of one call.

    Parameters
    ----------
    work : DataFrame
        Work of the layers, from `layer_work`.
    machine : Machine
        Machine on which the network runs.
    precision : {"fp32", "fp16", "int8"}
        Format of weights and activations; `UserError` if the machine cannot compute with it.
    batch : int
        Number of inputs of the call.

    Returns
    -------
    Series
        Layer -> seconds; the bound of the network is their sum.
    """
    if precision not in machine.peak:
        raise UserError(f"{machine.name} has no arithmetic in {precision}")
    moved = (work["weights"] + batch * work["activations"]) * BYTES[precision]
    arithmetic = 2 * batch * work["macs"] / machine.peak[precision]
    return pd.concat([arithmetic, moved / machine.bandwidth], axis=1).max(axis=1)


def intensity(work, precision, batch):
    """Operations for each byte moved, over the whole network."""
    moved = (work["weights"] + batch * work["activations"]) * BYTES[precision]
    return float(2 * batch * work["macs"].sum() / moved.sum())


def paper_stages(work, *, epochs, n_train, n_online, n_test):
    """Multiplications of the stages of paper 1's pipeline with head-only adaptation.

    Parameters
    ----------
    work : DataFrame
        Work of ECGNet, from `layer_work`.
    epochs : int
        Epochs of every stage; the paper does not print them.
    n_train, n_online, n_test : int
        Number of beats of the training set, of all patients' first five minutes, and of the
        test set.

    Returns
    -------
    Series
        Stage -> multiplications.
    """
    every = int(work["macs"].sum())
    head = int(work.loc[["fc1", "fc2", "out"], "macs"].sum())
    return pd.Series(
        {
            "puzzle on DS1": TRAINING * every * n_train * epochs,
            "puzzle on the patients' beats, head": (every + 2 * head) * n_online * epochs,
            "fine-tuning on DS1, for each patient": TRAINING
            * (every * n_train * epochs * PATIENTS),
            "prediction": every * n_test,
        }
    )


def our_stages(work, *, steps, replayed, labels, n_online, n_test):
    """Multiplications of learning from a few labels with the micro network.

    Parameters
    ----------
    work : DataFrame
        Work of MicroNet, from `layer_work`.
    steps, replayed, labels : int
        Steps of an update, and stored training beats and labelled beats of one step.
    n_online, n_test : int
        See `paper_stages`.

    Returns
    -------
    Series
        Stage -> multiplications. The training is not included, since it is done once on another
        machine.
    """
    every = int(work["macs"].sum())
    head = int(work.loc[["hidden", "out"], "macs"].sum())
    return pd.Series(
        {
            "features of the first five minutes": every * n_online,
            "update of the head from labels": TRAINING
            * (head * steps * (replayed + labels) * PATIENTS),
            "prediction": every * n_test,
        }
    )


def measured_here():
    """This processor as `Machine`: fp32 on one thread, by a product of matrices and a copy."""
    with torch_threads(1):
        a, b = torch.randn(2, _SIDE, _SIDE)
        peak = 2 * _SIDE**3 / fastest(lambda: a @ b)
        x, y = torch.zeros(2, _COPIED)
        bandwidth = 2 * 4 * _COPIED / fastest(lambda: y.copy_(x))
    return Machine("this processor", {"fp32": peak}, bandwidth, "measured")


def fastest(work):
    """Seconds of the fastest of a few calls of `work`."""
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
