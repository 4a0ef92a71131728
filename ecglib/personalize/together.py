"""Fine-tuning of many patients' networks as one stacked network, for a GPU.

On a processor the same products, side by side, take as long as one after another: a head of 512
units fills its cores already (tried with 22 patients). On a large GPU one patient's step is
over before the next can be launched.
"""

import importlib.util
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ecglib.models.ecgnet import EVERYTHING, HEAD, replace_output
from ecglib.models.stacked import Stacked
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.precision import products_as_convolutions
from ecglib.training.tasks import SupervisedTask, class_weights

FREE_SHARE = 0.4
"""Share of a GPU's free memory that cached features may fill."""


@dataclass(frozen=True)
class StackedTask(SupervisedTask):
    """The sum of the losses that networks side by side have of the same beats."""

    def loss(self, index, generator):
        """Sum over the networks of their mean loss of the beats `index` (B,)."""
        logits = self.forward(*(tensor[index] for tensor in self.inputs))  # (B, P, n_outputs)
        label = self.label[index].unsqueeze(1).expand(-1, logits.shape[1])
        mean = F.cross_entropy(logits.transpose(1, 2), label, self.weight)
        return mean * logits.shape[1]


COMPILING_STEPS = 1000
"""Training steps of stacked networks in which compiling them pays: 20 s against 13 ms a step,
measured on an H200; a cache on disk makes the second run's compiling cheaper."""


def pays_side_by_side(device):
    """Whether networks are trained faster side by side than one by one: on a GPU."""
    return device.type == "cuda"


def at_once(n_networks, n_values, device):
    """How many of the networks fit side by side, at least 1, if each has `n_values` in fp32
    cached (beats times features); a processor's memory is not asked."""
    if device.type == "cpu":
        return n_networks
    free, _ = torch.cuda.mem_get_info(device)
    return min(n_networks, max(1, int(FREE_SHARE * free / (4 * n_values))))


def _whole(stack, config, n_beats):
    """The forward pass of whole networks, compiled where its seconds come back.

    Between two products of matrices lie a dozen passes over memory, which compiling makes two.
    An epoch's last batch is smaller; it goes uncompiled, since every shape costs as much again.
    """
    on_gpu = next(stack.parameters()).is_cuda and importlib.util.find_spec("triton")
    if not on_gpu or config.epochs * (n_beats // config.batch_size) < COMPILING_STEPS:
        return stack
    same_dropout = {"fallback_random": True}
    compiled = torch.compile(stack, dynamic=False, options=same_dropout)
    return lambda x: (compiled if len(x) == config.batch_size else stack)(x)


def _own_features(models, x):
    """Features that each network has of the same beats; (n_beats, P, n_features)."""
    own = torch.empty(len(x), len(models), models[0].fc1.in_features, device=x.device)
    for number, model in enumerate(models):
        own[:, number] = in_batches(model.features, x, batch_size=4096)
    return own


def finetune_together(models, train, config, features=None):
    """Replace the output layers and learn N, S, V on the training set, in place.

    Every network goes the way that it would go alone: same batches, same dropout, losses that
    are added. In fp16 they share the scale of gradients, and the steps that it leaves out.

    Parameters are those of `ecglib.personalize.online.finetune`, for a list of networks.
    """
    for model in models:
        replace_output(model, n_outputs=3, seed=config.seed)
    learns_all, schedule = config.finetune == "all", Schedule.of(config)
    own = not learns_all and features is None
    values = len(train) * models[0].fc1.in_features if own else len(train)
    size = at_once(len(models), values, train.x.device)
    for group in (models[i : i + size] for i in range(0, len(models), size)):
        stack = Stacked(group)
        forward = _whole(stack, config, len(train)) if learns_all else stack.classify
        read = train.x if learns_all else _own_features(group, train.x) if own else features
        weight = class_weights(train.y, config.imbalance)
        with products_as_convolutions():
            parts, desc = EVERYTHING if learns_all else HEAD, f"fine-tuning of {len(group)}"
            task = StackedTask(forward, (read,), train.y, weight)
            fit(stack, parts, task, schedule, seed=config.seed, desc=desc)
        stack.write_back(group)
