"""The network that comes with the library: its weights, and what is known about them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ecglib import checkpoints, micro
from ecglib.errors import UserError
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.params import find_chapter, parameters_for
from ecglib.plans import find_source, plan
from ecglib.quant import coverage, freeze_ranges, quantize
from ecglib.studies import Run
from ecglib.studies.micro import training_beats

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
    try:
        size = {k: tuple(v) if isinstance(v, list) else v for k, v in meta["size"].items()}
        model = quantize(
            MicroNet(MicroNetConfig(**size)).eval(), "all_int8", weight_bits=meta["bits"]
        )
        model.load_state_dict(state)
        features = meta["features"]
    except (KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} holds no network of this version: {error}") from error
    freeze_ranges(model)
    return Shipped(model, features, meta)


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
