"""Networks of a study as files that run without PyTorch."""

import json
from dataclasses import asdict

import torch

from ecglib.compress import allocate
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed, classes_of, require_agreement
from ecglib.quant import coverage
from ecglib.studies.micro import training_beats
from ecglib.studies.params import find_chapter, parameters_for
from ecglib.studies.plan import find_source, plan
from ecglib.studies.run import Run
from ecglib.system.errors import UserError
from ecglib.system.paths import RUNS
from ecglib.training import checkpoints, on_micro
from ecglib.training.loop import predict


def pick_network(configs, scope):
    """The configuration whose network an export writes: the first that fits.

    Parameters
    ----------
    configs : list of Int8Config
        Arms of a params file.
    scope : str
        What is quantized.

    Returns
    -------
    Int8Config

    Raises
    ------
    UserError
        If no arm without personalization has this scope.
    """
    shared = [c for c in configs if c.pipeline == "baseline" and c.split == "ds1_ds2"]
    fitting = [c for c in shared if c.scope == scope and c.method == "qat"]
    if not fitting:
        known = ", ".join(dict.fromkeys(c.scope for c in shared)) or "none"
        raise UserError(
            f"no arm of int8 has pipeline baseline, method qat and scope {scope}; the params "
            f"file has scopes {known}"
        )
    return fitting[0]


def export_network(params, profile, overrides, *, scope, path, runs=RUNS):
    """Write a network of study int8 as ONNX, and prove that it answers as it should.

    Parameters
    ----------
    params : dict
        From `ecglib.studies.params.load_params`.
    profile : str
        Name of the params file.
    overrides : dict
        Parameters set on the command line.
    scope : {"none", "head_int8", "shallow_int8", "all_int8"}
        Which layers the file holds in integers.
    path : Path
        File to write.
    runs : Path
        Folder of live results; a network trained before is taken from beside it.

    Returns
    -------
    str
        What was written.
    """
    parameters = parameters_for(params, find_chapter("05_int8_qat"), overrides)
    source = find_source(parameters, profile)
    config = pick_network(plan("int8", parameters), scope)
    run = Run(config, source, torch.device("cpu"), runs)
    model, _ = run.rounded(config)
    n_bytes = export_onnx(model, path, scope)
    deployed, inputs = Deployed(path), run.test.inputs
    try:
        share = require_agreement(
            *(deployed, classes_of(deployed, inputs), predict(model, inputs))
        )
    except UserError:
        path.unlink()  # nobody should deploy it
        raise
    return (
        f"{path}: {config.slug}, {n_bytes:,} bytes, {deployed.integer_layers()} layers in "
        f"integers, same class as its network on {share:.3%} of {len(inputs):,} beats "
        f"({source.describe()})"
    )


def ship(params, profile, overrides, path):
    """Train the network to ship on all records in use, and write it.

    Settings are those of the first arm of chapter 08 in integers; nothing is left to test it
    on, so its score is that of the same settings with every patient left out once.

    Parameters
    ----------
    params : dict
        From `ecglib.studies.params.load_params`.
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
    model, _ = on_micro.train_fp32(config, beats)
    model = allocate.rounded(model, config, beats)
    on_micro.train_rounded(model, config, beats)
    rows = coverage(model)
    meta = {
        "features": config.features,
        "size": asdict(on_micro.size_of(config)),
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
