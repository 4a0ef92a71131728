"""The network that comes with the library: its weights, and what is known about them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ecglib import checkpoints, micro
from ecglib.aami import CLASSES
from ecglib.config import MicroConfig
from ecglib.data.micro import LENGTH
from ecglib.errors import UserError
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.params import find_chapter, parameters_for
from ecglib.plans import find_source, plan
from ecglib.quant import coverage, freeze_ranges, quantize
from ecglib.studies import Run
from ecglib.studies.micro import training_beats
from ecglib.untrusted import refused

MAX_BITS = 8
"""Of a weight, in a network in integers."""

MAX_PARAMETERS = 1_000_000
"""Of a network that calls itself micro; the shipped one has some 3,500."""

WEIGHTS = Path(__file__).parent / "weights" / "micronet.npz"
"""Weights of the shipped network; `MODEL_CARD.md` beside them says what it can do."""


@dataclass(frozen=True)
class Shipped:
    """A network ready for use.

    Attributes
    ----------
    model : MicroNet
        In integers, evaluation mode.
    features : str
        What it reads, as `ecglib.data.micro.micro_inputs` takes it.
    meta : dict
        How it was trained.
    """

    model: MicroNet
    features: str
    meta: dict


def load(path=WEIGHTS):
    """The network in a file that `ship` wrote.

    Parameters
    ----------
    path : path
        By default the one that comes with the library.

    Returns
    -------
    Shipped

    Raises
    ------
    UserError
        If the file is missing, damaged or of another form.
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
    """A network of this size, which takes no memory before it is known to be small."""
    with torch.device("meta"):
        n_parameters = sum(parameter.numel() for parameter in MicroNet(size).parameters())
    if n_parameters > MAX_PARAMETERS:
        raise ValueError(f"a network of {n_parameters:,} parameters")
    if not all(bits in range(2, MAX_BITS + 1) for bits in weight_bits.values()):
        raise ValueError("weights of impossible bits")
    return quantize(MicroNet(size).eval(), "all_int8", weight_bits=weight_bits)


def _try(model, state, features):
    """Raise `ValueError` if the network cannot answer, or not about these features."""
    reads = MicroConfig(features=features)
    with torch.no_grad():
        logits = model(torch.zeros(1, reads.n_channels, LENGTH), torch.zeros(1, reads.n_rr))
    numbers = [logits, *(array for array in state.values() if array.is_floating_point())]
    if logits.shape != (1, len(CLASSES)) or not all(n.isfinite().all() for n in numbers):
        raise ValueError("no answer for each class, or weights that are no numbers")


def ship(params, profile, overrides, path):
    """Train the network to ship on all records in use, and write it.

    Settings are those of the first arm of chapter 08 in integers; nothing is left to test it
    on, so its score is that of the same settings with every patient left out once.

    Parameters
    ----------
    params : dict
        From `ecglib.params.load_params`.
    profile : str
        Name of the params file.
    overrides : dict
        Parameters set on the command line.
    path : Path
        File to write.

    Returns
    -------
    str
        What was written.
    """
    parameters = parameters_for(params, find_chapter("08_micro_network"), overrides)
    fitting = [c for c in plan("micro", parameters) if c.scope == "all_int8"]
    if not fitting:
        raise UserError("no arm of micro has scope all_int8; add one to the params file")
    config = fitting[0]
    source = find_source(parameters, profile)
    run = Run(config, source, torch.device("cpu"), path.parent)
    beats = training_beats(run, config.records)
    model, _ = micro.train_fp32(config, beats)
    model = micro.rounded(model, config, beats)
    micro.train_rounded(model, config, beats)
    rows = coverage(model)
    meta = {
        "features": config.features,
        "size": asdict(micro.size_of(config)),
        "bits": {row.name: row.weight_bits for row in rows},
        "config": json.loads(json.dumps(asdict(config))),
        "data": run.data,
        "n_beats": len(beats.source),
    }
    checkpoints.save(path, model.state_dict(), meta)
    return (
        f"{path}: {config.slug}, {sum(row.n_bytes for row in rows):,} bytes of constants, "
        f"trained on {len(beats.source):,} beats of {len(config.records)} records "
        f"({source.describe()})"
    )
