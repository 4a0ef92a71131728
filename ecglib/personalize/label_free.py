"""Adaptation of a network to a patient without any label."""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ecglib.data.signal.rr import scaled_ratios
from ecglib.personalize.strategies import start_statistics
from ecglib.training.loop import in_batches

LABEL_FREE_UPDATES = ("none", "adabn", "own_rr", "entropy")
"""Names of the updates without labels: none, and those of the functions `shrunk_adabn`,
`own_ratios` and `minimised_entropy`."""

PRIOR_BEATS = 1000
"""Weight of the statistics of all patients, as a number of the patient's own beats."""

SHORTEST_RR_S = 0.1
"""Mean interval in seconds below which the R-peaks make no sense."""

ENTROPY_STEPS = 30
"""Number of training steps of `minimised_entropy`."""

ENTROPY_RATE = 1e-3
"""Learning rate of `minimised_entropy`."""

SURE_ENOUGH = 0.4
"""Share of the largest possible entropy above which a beat is too uncertain to learn from
(EATA, Niu et al. 2022)."""

LARGEST_MOVE = 0.05
"""Share of beats that may change their class; if more do, the adaptation is undone."""


@torch.no_grad()
def shrunk_adabn(model, inputs, prior_beats=PRIOR_BEATS):
    """A network whose BatchNorm statistics are between those of all patients and the patient's.

    Parameters
    ----------
    model : Module
        Network with BatchNorm; it is not changed.
    inputs : Inputs
        The patient's unlabelled beats.
    prior_beats : float
        Weight of the statistics of all patients, in beats; 0 gives AdaBN (Li et al. 2016).
    """
    new = copy.deepcopy(model)
    norms = start_statistics(new)
    new(inputs.x, inputs.rr)
    share = len(inputs) / (len(inputs) + prior_beats)
    usual = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm, old in zip(norms, usual, strict=True):
        norm.running_mean.copy_(torch.lerp(old.running_mean, norm.running_mean, share))
        norm.running_var.copy_(torch.lerp(old.running_var, norm.running_var, share))
    return new.eval()


def own_ratios(inputs, seconds, n_online):
    """`Inputs` whose RR ratios are divided by the patient's mean of the first minutes.

    Parameters
    ----------
    inputs : Inputs
        All beats of a record; the first five columns of `rr` are those of
        `ecglib.data.signal.rr.RR_NAMES`, of which the first four are replaced.
    seconds : ndarray of float, shape (n_beats,)
        Time of each beat.
    n_online : int
        Number of beats of the first minutes, at least two.
    """
    rr = np.diff(seconds)
    usual = max(rr[: n_online - 1].mean(), SHORTEST_RR_S)
    ratio = np.ones((len(seconds), 4))
    ratio[1:, :2] = (rr / usual)[:, None]
    ratio[1:-1, 2:] = (rr[1:] / usual)[:, None]
    columns = inputs.rr.clone()
    columns[:, :4] = torch.from_numpy(scaled_ratios(ratio))
    return replace(inputs, rr=columns)


def minimised_entropy(model, inputs):
    """A network that is trained to be surer of a patient's beats (Tent, Wang et al. 2021).

    Gains and offsets of BatchNorm learn. There are two guards: beats of which the network is
    too unsure take no part, and if more than `LARGEST_MOVE` of the beats change their class,
    the training is undone. Parameters are those of `shrunk_adabn`.

    Returns
    -------
    tuple of (Module, bool)
        Network in evaluation mode, and whether the training was undone.
    """
    new = copy.deepcopy(model).eval().requires_grad_(False)
    learning = []
    for module in new.modules():
        if isinstance(module, nn.BatchNorm1d):
            learning += [module.weight.requires_grad_(), module.bias.requires_grad_()]
    optimizer = torch.optim.AdamW(learning, ENTROPY_RATE, weight_decay=0)
    for _ in range(ENTROPY_STEPS):
        log_p = torch.log_softmax(new(inputs.x, inputs.rr), dim=1)
        entropy = -(log_p.exp() * log_p).sum(dim=1)
        sure = entropy.detach() < SURE_ENOUGH * np.log(log_p.shape[1])
        if not sure.any():
            break
        optimizer.zero_grad()
        entropy[sure].mean().backward()
        optimizer.step()
    before, after = (in_batches(m, inputs.x, inputs.rr).argmax(dim=1) for m in (model, new))
    taken_back = bool((before != after).float().mean() > LARGEST_MOVE)
    return (model if taken_back else new), taken_back
