"""From arms of a params file to a file that answers as the network of one of them."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch

from ecglib.__main__ import main
from ecglib.aami import CLASSES, DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.commands import export
from ecglib.commands.export import export_network, pick_network
from ecglib.data import sets
from ecglib.data.find import search as sources
from ecglib.data.find.identity import sha256_of
from ecglib.data.synthetic import write_records
from ecglib.deploy import integers, replay, shipped
from ecglib.deploy.runtime import Deployed
from ecglib.studies.int8 import Int8Config, rounded
from ecglib.studies.plan import Plan, expand
from ecglib.studies.run import Run
from ecglib.system.errors import UserError
from ecglib.training.loop import predict
from tests.oracles import stored_bits

RECORDS = (101, 106, 118, 207, 100, 232)
TINY = {"channels": (4, 4, 4, 4, 4), "records": RECORDS, "epochs": 1, "qat_epochs": 1}
TINY |= {"learning_rate": 3e-3, "imbalance": "balanced"}
ARMS = [
    {"pipeline": "ssl", "scope": ["none", "all_int8"]},
    {"pipeline": "baseline", "scope": ["none", "all_int8"], "method": "ptq"},
    {"pipeline": "baseline", "scope": ["none", "all_int8"], "split": "ds2_ds1"},
    {"pipeline": "baseline", "scope": "none"},
    {"pipeline": "baseline", "scope": ["head_int8", "all_int8"], "norm": "batch"},
    {"pipeline": "baseline", "scope": "all_int8", "norm": "none", "step": "learned"},
]


def arms(*which):
    return expand("int8", [TINY | ARMS[i] for i in which or range(len(ARMS))], seeds=[7, 21])


@pytest.mark.parametrize("scope", ["none", "head_int8", "all_int8"])
def test_the_first_network_that_was_trained_in_its_scope_is_picked(scope):
    """Not personalized, not merely calibrated, and of the usual split."""
    config = pick_network(arms(), scope)
    expected = {"pipeline": "baseline", "method": "qat", "norm": "batch", "seed": 7}
    assert config == Int8Config(**TINY, scope=scope, **expected)
    assert pick_network(arms()[::-1], scope).seed == 21


@pytest.mark.parametrize(
    ("configs", "listed"),
    [
        (arms(), "none, all_int8, head_int8"),
        (arms(3), "none"),
        (arms(0), "none"),
        (arms(4), "head_int8, all_int8"),
        ([], "none"),
    ],
)
def test_scopes_are_listed_where_none_fits(configs, listed):
    with pytest.raises(UserError, match=f"scope shallow_int8; .* has scopes {listed}$"):
        pick_network(configs, "shallow_int8")


@pytest.fixture(scope="module")
def plan(synthetic_root):
    int8 = [
        TINY | {"pipeline": "baseline", "norm": "batch", "scope": scope}
        for scope in ("none", "all_int8")
    ]
    common = {"data_root": str(synthetic_root), "records": list(RECORDS), "seeds": [7]}
    return Plan("tiny", {"common": common | {"channels": TINY["channels"]}, "int8": int8})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


def exported(plan, folder, scope):
    """Path and text of an export."""
    path = folder / f"{scope}.onnx"
    text = export_network(plan, scope=scope, path=path, runs=folder / "runs")
    return path, text


@pytest.mark.parametrize(("scope", "bits", "layers"), [("none", 32, 0), ("all_int8", 8, 8)])
def test_a_file_answers_as_its_network(plan, folder, synthetic_root, scope, bits, layers):
    path, text = exported(plan, folder, scope)
    assert set(stored_bits(path).values()) == {bits}
    source = sources.find(data_root=synthetic_root, records=RECORDS)
    config = Int8Config(**TINY, pipeline="baseline", norm="batch", scope=scope)
    run = Run(config, {source.name: source}, torch.device("cpu"), folder / "runs")
    expected = predict(rounded(run, config)[0], run.test.inputs)
    assert len(set(expected)) == len(CLASSES)
    answers = Deployed(path)(run.test.inputs.x.numpy()).argmax(axis=1)
    share = np.mean(answers == expected)
    assert share >= 0.999
    for part in (f"{path}: ", config.slug, source.describe()):
        assert part in text
    assert f"{path.stat().st_size:,} bytes, {layers} layers in" in text
    assert f"{share:.3%} of {len(expected):,} beats" in text


def test_a_network_trained_before_is_not_trained_again(plan, folder):
    exported(plan, folder, "all_int8")
    made = {file: file.stat().st_mtime_ns for file in folder.rglob("*.npz")}
    assert made
    path, text = exported(plan, folder, "all_int8")
    before = path.read_bytes()
    assert exported(plan, folder, "all_int8") == (path, text)
    assert path.read_bytes() == before
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*.npz")} == made


def test_a_file_that_answers_otherwise_is_refused(plan, folder, monkeypatch):
    class Wrong(Deployed):
        def __call__(self, *arrays):
            return -super().__call__(*arrays)

    monkeypatch.setattr(export, "Deployed", Wrong)
    with pytest.raises(UserError, match=r"all_int8\.onnx agrees .* exact=True"):
        exported(plan, folder, "all_int8")
    assert not (folder / "all_int8.onnx").exists()


@pytest.mark.parametrize(
    ("split", "records"), [(None, (101, 118, 100, 232)), ("ds1_ds2", (101, 118))]
)
def test_a_shipped_network_comes_with_the_beats_that_it_replays(
    synthetic_root, tmp_path, split, records
):
    arm = {"scope": "all_int8", "epochs": 1, "qat_epochs": 1}
    common = {"data_root": str(synthetic_root), "records": [101, 118, 100, 232]}
    export.ship(Plan.read("quick", **common, micro=[arm]), tmp_path / "own.npz", split)
    network = shipped.load(tmp_path / "own.npz")
    assert network.meta["trained_on"] == list(records)
    replayed = replay.load(network, tmp_path / "own.npz")
    assert len(replayed.beats) == replayed.n_wanted
    most = 2 * len(records) * 3 * 40  # leads, records, classes, `replay_cap`
    assert most / 3 <= replayed.n_wanted <= most


def test_a_split_of_many_networks_is_not_shipped(synthetic_root, tmp_path):
    common = {"data_root": str(synthetic_root), "records": [101, 118, 100, 232]}
    plan = Plan.read("quick", **common, micro=[{"scope": "all_int8"}])
    with pytest.raises(UserError, match="split lopo trains 4 networks"):
        export.ship(plan, tmp_path / "own.npz", "lopo")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two records of a minute of each database in a folder, as invented patients."""
    root = tmp_path_factory.mktemp("pair")
    write_records(root / "mitdb", [101, 100], minutes=1)
    write_records(root / "svdb", [802, 803], minutes=1, fs=128)
    return root


@pytest.mark.parametrize(
    ("split", "dataset", "records"),
    [
        (None, "both", [101, 100, 802, 803]),
        ("dev_test", "both", [101, 802]),
        ("ds1_ds2", "mitdb", [101]),
    ],
)
def test_a_recipe_serves_everybody_and_every_split(
    pair, tmp_path, monkeypatch, split, dataset, records
):
    """A split that the recipe's data set lacks is that of the database that has it."""
    for name in ("mitdb", "svdb", "both"):
        named = {r: None for r in (101, 100, 802, 803) if r in sets.get(name).records}
        folds = {s: [tuple(tuple(r for r in side if r in named) for side in fold) for fold in f]
                 for s, f in sets.get(name).folds_by_split.items()}  # fmt: skip
        changed = {"folds_by_split": folds, "lead": "MLII"}
        monkeypatch.setitem(sets.SETS, name, replace(sets.get(name), **changed))
    svdb, both = sets.get("svdb"), sets.get("both")
    joint = replace(both, lead="", members=(sets.get("mitdb"), svdb))
    monkeypatch.setitem(sets.SETS, "both", joint)
    features = "derivative+template+rr+rhythm+recent+spread+unrest"
    arm = {"dataset": "both", "records": [[]], "split": "lopo2", "scope": "all_int8"}
    arm |= {"features": features, "epochs": 1, "qat_epochs": 1}
    plan = Plan.read("cpu", data_root=str(pair), micro=[arm])
    export.ship(plan, tmp_path / "own.npz", split, date(2026, 11, 30))
    meta = integers.read(tmp_path / "own.npz").meta
    assert sorted(meta["trained_on"]) == sorted(records)
    assert (meta["n_patients"], meta["data"]["name"]) == (len(records), dataset)
    assert (meta["config"]["seed"], meta["features"]) == (7, features)
    assert meta["frozen"] == "2026-11-30"
    frozen = json.loads((tmp_path / "frozen.json").read_text())
    assert frozen == {"sha256": sha256_of(tmp_path / "own.npz"), "date": "2026-11-30"}


def test_a_network_is_frozen_only_if_asked(synthetic_root, tmp_path):
    common = {"data_root": str(synthetic_root), "records": [101, 100]}
    arm = {"scope": "all_int8", "epochs": 1, "qat_epochs": 1}
    export.ship(Plan.read("quick", **common, micro=[arm]), tmp_path / "own.npz")
    assert "frozen" not in integers.read(tmp_path / "own.npz").meta
    assert {path.name for path in tmp_path.iterdir()} == {"own.npz", "own.replay.npz"}


def test_a_day_that_is_none_is_refused(tmp_path, capsys):
    out = ["--out", str(tmp_path / "own.npz"), "--frozen", "tomorrow"]
    with pytest.raises(SystemExit):
        main(["export", "micronet", *out])
    assert "--frozen" in capsys.readouterr().err


def test_the_params_file_trains_on_everybody_at_hand():
    """The first arm in integers names all patients of both databases, and nobody else."""
    first = next(c for c in Plan.read("cpu").configs("micro") if c.scope == "all_int8")
    assert {r for side in first.sides() for r in side} == {*DS1, *DS2, *SVDB_DEV, *SVDB_TEST}
