"""Further training of a network, whose weights may be pruned and rounded meanwhile.

First weights are pruned, more and more during the training (Zhu & Gupta 2018). Which ones is
decided by LAMP scores across layers (Lee et al. 2021). Then weights are rounded with learned
steps (LSQ, Esser et al. 2020). The fp32 network is the teacher (Hinton et al. 2015).
"""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from ecglib.compress.coded import CodedTensor, clipped_scale, half_precision, uncoded
from ecglib.models.layers import weight_layers
from ecglib.quant.modules import WeightQuantizer
from ecglib.quant.qat import fold_batchnorm
from ecglib.training.loop import Schedule, fit
from ecglib.training.on_recordings import learning_parts
from ecglib.training.tasks import DistilTask

PRUNED_BY = 0.5
"""Share of the training after which the pruning is complete and the rounding begins."""

MASK_EVERY = 20
"""Number of training steps after which the pruned weights are chosen anew."""

DECAY = 0.7
"""Factor on the learning rate after every epoch."""

STEP_RATE = 0.01
"""Learning rate of quantizer steps, divided by that of weights."""


class CodedWeight(nn.Module):
    """Weight of a layer after pruning and, later, after rounding to 2 to 8 `bits`."""

    def __init__(self, weight, bits):
        super().__init__()
        self.weight_quantizer = WeightQuantizer(weight, bits, "learned")
        self.register_buffer("mask", torch.ones_like(weight))
        self.rounding = False

    def forward(self, weight):  # (n_out, ...) -> (n_out, ...)
        weight = weight * self.mask
        return self.weight_quantizer(weight) if self.rounding else weight

    @torch.no_grad()
    def start_rounding(self, weight):
        """Round from now on; the first steps are those of least squared error."""
        pruned = (weight * self.mask).cpu().numpy()
        scale = clipped_scale(pruned, self.weight_quantizer.bits, axis=0)
        self.weight_quantizer.learned.copy_(torch.from_numpy(scale.reshape(-1)))
        self.rounding = True


class Coder:
    """Prunes and rounds the weights of a network during its training.

    Convolutions and linear layers of the network are parametrized in place with `bits` (2 to
    8). At the end, `share` of all their weights is pruned (0 to below 1).
    """

    def __init__(self, model, bits, share):
        self.model, self.share, self.calls = model, share, 0
        self.layers = weight_layers(model)
        for layer in self.layers.values():
            coded = CodedWeight(layer.weight, bits)
            parametrize.register_parametrization(layer, "weight", coded)

    def _weights(self):
        """Pairs of a learning weight and its `CodedWeight`."""
        owners = [layer.parametrizations.weight for layer in self.layers.values()]
        return [(owner.original, owner[0]) for owner in owners]

    def before_step(self, progress):
        """Update masks and rounding; `progress` is the share of the training that is done."""
        if progress < PRUNED_BY:
            if self.share and self.calls % MASK_EVERY == 0:
                self.prune(self.share * (1 - (1 - progress / PRUNED_BY) ** 3))
        elif not self._weights()[0][1].rounding:
            self.prune(self.share)
            for weight, coded in self._weights():
                coded.start_rounding(weight)
        self.calls += 1

    @torch.no_grad()
    def prune(self, share):
        """Mask the share of all weights with the lowest scores, across layers."""
        scores = [lamp_scores(weight) for weight, _ in self._weights()]
        ranked = torch.cat([score.flatten() for score in scores]).sort().values
        n_pruned = math.floor(share * len(ranked))
        least = ranked[n_pruned]  # the lowest score that stays
        for score, (_, coded) in zip(scores, self._weights(), strict=True):
            coded.mask.copy_(score >= least)

    @torch.no_grad()
    def finish(self):
        """The trained network as a `CodedModel`, and the folded network that it fits.

        BatchNorm is folded into the scales.
        """
        self.before_step(1.0)  # after a training of one step, rounding has not started yet
        learned = {}
        for name, layer in self.layers.items():
            owner = layer.parametrizations.weight
            quantizer = owner[0].weight_quantizer
            q, scale = quantizer.integers(owner.original * owner[0].mask)
            scale = scale * _norm_factor(self.model, name, len(q))
            shape = (-1, *[1] * (q.dim() - 1))
            learned[f"{name}.weight"] = CodedTensor(
                q.cpu().numpy(),
                half_precision(scale.reshape(shape).cpu().numpy()),
                bits=quantizer.bits,
                masked=bool(self.share),
            )
            parametrize.remove_parametrizations(layer, "weight")
        fold_batchnorm(self.model)
        return uncoded(self.model).replaced(learned), self.model


def lamp_scores(weight):
    """LAMP scores: the square of a weight over the sum of all squares at least as large.

    They have the shape of `weight` and lie between 0 and 1. They can be compared across layers.
    The largest weight of each layer has score 1, so no layer is pruned completely.
    """
    square = weight.detach().flatten() ** 2
    order = square.argsort(descending=True)
    score = torch.empty_like(square)
    no_smaller = square[order].cumsum(0).clamp(min=np.finfo(np.float32).tiny)
    score[order] = square[order] / no_smaller
    return score.view_as(weight)


def _norm_factor(model, layer_name, n_out):
    """Factor on each channel of a convolution when its BatchNorm is folded, (n_out,)."""
    norm = dict(model.named_modules()).get(f"{layer_name.removesuffix('conv')}norm")
    if not isinstance(norm, nn.BatchNorm1d):
        return torch.ones(n_out)
    return norm.weight / torch.sqrt(norm.running_var + norm.eps)


def train_compressed(teacher, train, config):
    """Prune and round a network while it learns from the fp32 network.

    `teacher` is the fp32 network in evaluation mode; it is not changed. `train` are labelled
    `Samples`. `bits`, `share`, `tune_epochs`, `tune_learning_rate`, `batch_size` and `seed` of
    `config` are read. Returns the `CodedModel`, the folded network of the same structure, and
    the `History` of the training.
    """
    student = copy.deepcopy(teacher)
    coder = Coder(student, config.bits, config.share)
    history = _taught(student, teacher, train, config, coder.before_step)
    return *coder.finish(), history


def train_longer(teacher, train, config):
    """Train a copy of the fp32 network as `train_compressed` does, without any compression.

    It is the control of networks that were compressed in as many epochs. Takes the same
    arguments and returns the copy and the `History` of its training.
    """
    student = copy.deepcopy(teacher)
    return student, _taught(student, teacher, train, config, lambda progress: None)


def _taught(student, teacher, train, config, before_step):
    """Let a student learn from labels and its teacher, in place; returns the `History`."""
    n_steps = config.tune_epochs * math.ceil(len(train) / config.batch_size)
    task = DistilTask(student, teacher, train, before_step, n_steps)
    schedule = Schedule(
        epochs=config.tune_epochs,
        batch_size=config.batch_size,
        learning_rate=config.tune_learning_rate,
        weight_decay=0.0,
        decay=DECAY,
        step_rate=STEP_RATE,
    )
    parts = learning_parts(student)
    return fit(student, parts, task, schedule, seed=config.seed, desc=config.slug)
