"""Networks of a study as files that run without PyTorch."""

import json
from dataclasses import asdict, replace

from ecglib.aami import patient_of
from ecglib.compress import allocate
from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.deploy import replay, shipped
from ecglib.deploy.integers import FROZEN
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed, classes_of, require_agreement
from ecglib.quant import coverage
from ecglib.studies.budget import BudgetConfig, replay_of
from ecglib.studies.int8 import rounded
from ecglib.studies.micro import training_beats
from ecglib.studies.registry import twin_of
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.paths import RUNS
from ecglib.training import on_micro
from ecglib.training.loop import predict


def pick_network(configs, scope):
    """The first Int8Config without personalization that has this scope; else a UserError."""
    shared = [c for c in configs if c.pipeline == "baseline" and c.split == "ds1_ds2"]
    fitting = [c for c in shared if c.scope == scope and c.method == "qat"]
    if not fitting:
        known = ", ".join(dict.fromkeys(c.scope for c in shared)) or "none"
        raise UserError(
            f"no arm of int8 has pipeline baseline, method qat and scope {scope}; the params "
            f"file has scopes {known}"
        )
    return fitting[0]


def export_network(plan, *, scope, path, runs=RUNS):
    """Write a network of study int8 as ONNX, and prove that it answers as it should.

    Parameters
    ----------
    plan : Plan
        Its first arm of study int8 that fits says which network.
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
    config = pick_network(plan.configs("int8"), scope)
    run = plan.on_cpu(config, runs)
    model, _ = rounded(run, config)
    n_bytes = export_onnx(model, path, scope)
    deployed, inputs = Deployed(path), run.test.inputs
    try:
        answers = classes_of(deployed, inputs)
        share = require_agreement(deployed, answers, predict(model, inputs))
    except UserError:
        path.unlink()  # nobody should deploy it
        raise
    return (
        f"{path}: {config.slug}, {n_bytes:,} bytes, {deployed.integer_layers()} layers in "
        f"integers, same class as its network on {share:.3%} of {len(inputs):,} beats "
        f"({run.source.describe()})"
    )


def ship(plan, path, split=None, frozen=None):
    """Train a network to ship, and write it and, beside it, the beats that it replays.

    Settings are those of the first arm of study micro in integers. It is trained on all records
    that the arm's split names, or on the training records of another `split` that has one
    training, in the first data set that knows it. Of all records nothing is left to test it on,
    so its score is that of the same settings with every patient left out once. `frozen` is the
    day since which the network is frozen; it is written into its file, and beside it with the
    file's hash, for study "blind".

    Returns
    -------
    str
        What was written.
    """
    fitting = [c for c in plan.configs("micro") if c.scope == "all_int8"]
    if not fitting:
        raise UserError("no arm of micro has scope all_int8; add one to the params file")
    config = fitting[0]
    if split:
        known = [n for n in (config.dataset, *sets.BEATS) if split in sets.get(n).splits]
        config = replace(config, split=split, dataset=[*known, config.dataset][0])
        if len(config.folds()) > 1:
            raise UserError(
                f"split {split} trains {len(config.folds())} networks; one is written"
            )
    train, test = config.sides()
    records = train if split else tuple(dict.fromkeys(train + test))
    run = plan.on_cpu(config, path.parent)
    beats = training_beats(run, records)
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
        "trained_on": list(records),
        "n_patients": len({patient_of(record) for record in records}),
        "n_beats": len(beats.inputs),
        "replay": f"{path.stem}.replay.npz",
    }
    meta |= {"frozen": frozen.isoformat()} if frozen else {}
    shipped.save(path, model, meta)
    if frozen:
        content = {"sha256": sha256_of(path), "date": meta["frozen"]}
        with written(path.with_name(FROZEN.name)) as unfinished:
            unfinished.write_text(json.dumps(content, indent=1) + "\n")
    n_replayed = save_replay(path.with_name(meta["replay"]), model, beats, config)
    return (
        f"{path}: {config.slug}, {sum(row.n_bytes for row in rows):,} bytes of constants, "
        f"trained on {len(beats.inputs):,} beats of {len(records)} records "
        f"({run.source.describe()}); {meta['replay']}: {n_replayed:,} beats to replay"
    )


def save_replay(path, model, beats, config):
    """Write the beats that a network replays while it learns, and return their number.

    Of its training `beats`, they are those of study budget, or fewer of each class, record and
    lead if these take more than `replay.MAX_BYTES`. `config` is its `MicroConfig`.
    """
    most = twin_of(config, BudgetConfig)
    caps = (replace(most, replay_cap=cap) for cap in range(most.replay_cap, 0, -1))
    return replay.save(
        path, model, (replay_of(beats.inputs, beats.lead_of, cap) for cap in caps)
    )
