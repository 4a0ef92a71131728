"""Fine-tuning of many patients' networks as one `ecglib.models.stacked` network, for a GPU.

On a processor this saves no time, since one head of 512 units uses all of its cores already
(tried with 22 patients).
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
    """Sum of the losses of several networks on the same beats."""

    def loss(self, index, generator):
        """Sum over the networks of their mean loss of the beats `index` (B,)."""
        logits = self.forward(*(tensor[index] for tensor in self.inputs))  # (B, P, n_outputs)
        label = self.label[index].unsqueeze(1).expand(-1, logits.shape[1])
        mean = F.cross_entropy(logits.transpose(1, 2), label, self.weight)
        return mean * logits.shape[1]


COMPILING_STEPS = 1000
"""Number of training steps from which compiling the stacked networks saves time. Compiling
takes 20 s and saves 13 ms a step, measured on an H200; a second run uses a cache on disk."""


def pays_side_by_side(device):
    """Whether networks are trained faster side by side than one by one: on a GPU."""
    return device.type == "cuda"


def at_once(n_networks, n_values, device):
    """Number of networks that fit side by side into a GPU's memory, at least 1.

    Each has a cache of `n_values` numbers (beats times features) in fp32. The memory of a
    processor is not checked.
    """
    if device.type == "cpu":
        return n_networks
    free, _ = torch.cuda.mem_get_info(device)
    return min(n_networks, max(1, int(FREE_SHARE * free / (4 * n_values))))


def _whole(stack, config, n_beats):
    """The forward pass of whole networks, compiled if this saves time.

    Between two products of matrices there are a dozen passes over memory; compiling reduces
    them to two. An epoch's last batch is smaller. It is not compiled, since every shape has to
    be compiled separately.
    """
    on_gpu = next(stack.parameters()).is_cuda and importlib.util.find_spec("triton")
    if not on_gpu or config.epochs * (n_beats // config.batch_size) < COMPILING_STEPS:
        return stack
    same_dropout = {"fallback_random": True}
    compiled = torch.compile(stack, dynamic=False, options=same_dropout)
    return lambda x: (compiled if len(x) == config.batch_size else stack)(x)


def _own_features(models, x):
    """Features of the same beats from each network, (n_beats, P, n_features)."""
    own = torch.empty(len(x), len(models), models[0].fc1.in_features, device=x.device)
    for number, model in enumerate(models):
        own[:, number] = in_batches(model.features, x, batch_size=4096)
    return own


def finetune_together(models, train, config, features=None):
    """Replace the output layers and learn N, S, V on the training set, in place.

    Every network is trained as it would be alone, with the same batches and the same dropout;
    the losses are added. In fp16 they share the scale of gradients and the steps that are left
    out.

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
