"""The network that comes with the library: its weights, and what is known about them."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import LENGTH
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.quant import freeze_ranges, quantize
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused
from ecglib.training import checkpoints
from ecglib.training.on_micro import MicroSettings

MAX_BITS = 8
"""Largest number of bits of a weight in a network in integers."""

MAX_PARAMETERS = 1_000_000
"""Largest number of parameters of a micro network; the shipped one has about 3,500."""

WEIGHTS = Path(__file__).parent / "weights" / "micronet.npz"
"""Weights of the shipped network; `MODEL_CARD.md` beside them says what it can do."""

SCORES = WEIGHTS.with_name("scores.json")
"""How often its settings were right about patients left out; `python -m ecglib readme`."""


@dataclass(frozen=True)
class Shipped:
    """A network ready for use.

    Attributes
    ----------
    model : MicroNet
        Network in integers, in evaluation mode.
    features : str
        Its input, see `ecglib.data.signal.micro_input.micro_inputs`.
    meta : dict
        Facts about its training.
    """

    model: MicroNet
    features: str
    meta: dict


def load(path=WEIGHTS):
    """Load the network from a file of `export micronet`, by default that of the library.

    Returns
    -------
    Shipped

    Raises
    ------
    UserError
        If the file is missing, damaged or of another kind.
    """
    found = checkpoints.load(path)
    if found is None:
        raise UserError(
            f"{path} is missing or damaged; write it with python -m ecglib export micronet"
        )
    state, meta = found
    with refused(
        f"{path} holds no network of this version; write it with "
        "python -m ecglib export micronet"
    ):
        size = {k: tuple(v) if isinstance(v, list) else v for k, v in meta["size"].items()}
        model = _network(MicroNetConfig(**size), meta["bits"])
        model.load_state_dict(state)
        _try(model, state, meta["features"])
    freeze_ranges(model)
    return Shipped(model, meta["features"], meta)


def _network(size, weight_bits):
    """A network of this size; its size is checked before memory is used."""
    with torch.device("meta"):
        n_parameters = sum(parameter.numel() for parameter in MicroNet(size).parameters())
    if n_parameters > MAX_PARAMETERS:
        raise ValueError(f"a network of {n_parameters:,} parameters")
    if not all(bits in range(2, MAX_BITS + 1) for bits in weight_bits.values()):
        raise ValueError("weights of impossible bits")
    return quantize(MicroNet(size).eval(), "all_int8", weight_bits=weight_bits)


def _try(model, state, features):
    """Raise `ValueError` if the network cannot classify beats with these features."""
    reads = MicroSettings(features=features)
    with torch.no_grad():
        logits = model(torch.zeros(1, reads.n_channels, LENGTH), torch.zeros(1, reads.n_rr))
    numbers = [logits, *(array for array in state.values() if array.is_floating_point())]
    if logits.shape != (1, len(CLASSES)) or not all(n.isfinite().all() for n in numbers):
        raise ValueError("no answer for each class, or weights that are no numbers")
