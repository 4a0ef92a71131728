"""Networks by name; every study builds its networks from this list.

To add a network, write a module here and name its class in `MODELS`. The class

- is built from one frozen dataclass, kept as `config`, with `n_times` (samples of a beat or
  recording) and `n_outputs` (classes) among its fields;
- has `SIZES`, name -> such a dataclass;
- consists of named parts, its direct submodules: a training says by name which of them learn,
  and the last linear layer is `out`;
- returns logits (B, n_outputs) from `forward`;
- says in `reads` what the input of `forward` is: "beats" (beats of 300 samples and five RR
  ratios, with `channels`, `norm` and `n_rr` in the configuration), "micro" (the input of the
  micro network) or "recordings".

The input of a network of beats is (beat, timing). It has a method `features`, which a frozen
backbone computes once, and a method `classify`, the head, which reads these features. Its
configuration has `input_shapes`. Its method `embed` returns a vector for each beat; similar
beats have similar vectors. The input of a network of recordings is a batch of windows
(B, n_times).
"""

from dataclasses import replace
from importlib import import_module

import torch

from ecglib.system.errors import UserError

MODELS = {
    "ecgnet": "ecglib.models.ecgnet.ECGNet",
    "micronet": "ecglib.models.micronet.MicroNet",
    "resnet1d": "ecglib.models.resnet1d.ResNet1D",
    "hubert": "ecglib.models.hubert.HubertECG",
}
"""Name -> class, or the place of the class as text. A class given as text is imported when its
network is built, since importing HuBERT-ECG takes seconds."""


def network(name):
    """Class of a network by its key in `MODELS`; a `UserError` if there is none."""
    if name not in MODELS:
        raise UserError(f"model is {name!r}; it must be one of: {', '.join(MODELS)}")
    if isinstance(MODELS[name], type):
        return MODELS[name]
    module, _, own = MODELS[name].rpartition(".")
    return getattr(import_module(module), own)


def check_reads(name, allowed):
    """Raise a `UserError` if a network is unknown or its input is none of `allowed`.

    Possible inputs are "beats", "micro" and "recordings".
    """
    if (reads := network(name).reads) not in allowed:
        raise UserError(f"model is {name}, which reads {reads}, not {' or '.join(allowed)}")


def fresh(name, seed, size, **changes):
    """An untrained network in evaluation mode, the same for the same seed.

    Parameters
    ----------
    name, size : str
        Key of `MODELS`, and of the network's `SIZES`.
    seed : int
        Seed of the weights.
    **changes
        Fields of its configuration that differ from that size.

    Raises
    ------
    UserError
        If there is no such network, or it has no such size.
    """
    sizes = network(name).SIZES
    if size not in sizes:
        raise UserError(f"size is {size!r}; {name} has {', '.join(sizes)}")
    torch.manual_seed(seed)
    return network(name)(replace(sizes[size], **changes)).eval()
