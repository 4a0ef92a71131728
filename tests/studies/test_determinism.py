"""One run of every study, twice: in this process, and in another one in another order."""

import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest

from ecglib.models.resnet1d import SIZES
from ecglib.studies.registry import make_config, names
from ecglib.studies.run import run_study
from ecglib.system.paths import REPO

from .conftest import TOY

RECORDS = {"records": (101, 118, 124, 223, 100, 202, 232)}
BEATS = {**RECORDS, "channels": (4, 4, 4, 4, 4), "epochs": 1, "learning_rate": 3e-3}
BEATS["imbalance"] = "balanced"  # else all answers are N, whatever the network
PUZZLE = {**BEATS, "pretext_epochs": 2}
ONLINE = {**PUZZLE, "online_epochs": 3}
MICRO = {**RECORDS, "epochs": 2, "qat_epochs": 1, "width": 0.5, "scope": "all_int8"}
ASKED = {"budget": 5, "query": "mixed", "update": "head", "update_epochs": 3}
RHYTHM = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2}
CONFIGS = [
    make_config("databases", records=(100,)),
    make_config("rpeaks", records=(100,)),
    make_config("detector", records=(100,)),
    make_config("baseline", features="beat+rr", **BEATS),
    make_config("selection", pipeline="ssl", finetune="head", **PUZZLE),
    make_config("puzzle", **RECORDS, channels=BEATS["channels"], pretext_epochs=2),
    make_config("probe", source="puzzle", **PUZZLE),
    make_config("personalization", strategy="adapters", **ONLINE),
    make_config("precision", precision="bf16", precision_impl="emulated", **ONLINE),
    make_config("numerics", traced_beats=64, **BEATS),
    make_config("int8", scope="all_int8", step="learned", qat_epochs=4, **ONLINE),
    make_config("latency", runtime="ort_int8", norm="batch", qat_epochs=4, calls=5, **BEATS),
    make_config("rhythm", **RHYTHM),
    make_config("transfer", **RHYTHM),
    make_config("layer_costs", **RHYTHM),
    make_config("compression", method="joint", bits=3, share=0.5, tune_epochs=1, **RHYTHM),
    make_config("micro", bits=4, allocation="milp", **MICRO),
    make_config("budget", **ASKED, **MICRO),
    make_config("budget_ecgnet", **ASKED, **BEATS),
    make_config("robustness", perturbation="muscle", level=6, **MICRO),
    make_config("roofline", network="micronet", batch=2, calls=5),
]
if shutil.which("gcc"):
    CONFIGS.append(make_config("c99", **MICRO))
TIMES = {"runtime_s", "environment", "created"}  # of any result
TIMES |= {"p50_ms", "p95_ms", "p99_ms", "session"}  # of calls
TIMES |= {"predicted_ms", "peak_flops", "bandwidth"}  # of the machine
TIMES |= {"us_per_beat", "seconds"}  # of C code

ELSEWHERE = """
import pickle, sys
from pathlib import Path
import torch
from tests.studies.test_determinism import compute
torch.set_num_threads(1)
torch.rand(1234)  # the state of random numbers is another one
compute(*pickle.loads(Path(sys.argv[1]).read_bytes()))
"""


def compute(sources, configs, runs):
    """Run all configurations with a network of toy size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "small", TOY)
        run_study(configs, sources, profile="tiny", device="cpu", runs=runs)


def timeless(content):
    """A result without what a clock or the machine says, at any depth."""
    if isinstance(content, dict):
        return {key: timeless(v) for key, v in content.items() if key not in TIMES}
    return [timeless(v) for v in content] if isinstance(content, list) else content


@pytest.fixture(scope="module")
def folders(mitdb, cinc2017, chapman, tmp_path_factory):
    """Runs of this process, and of one with other hashes, cold caches and reversed order."""
    sources = {source.name: source for source in (mitdb, cinc2017, chapman)}
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    job = there / "job.pickle"
    job.write_bytes(pickle.dumps((sources, CONFIGS[::-1], there / "runs")))
    environment = {"PYTHONHASHSEED": "1", "TQDM_DISABLE": "1", "ECGLIB_CACHE": str(there / "c")}
    other = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, str(job)], cwd=REPO, env=os.environ | environment
    )
    compute(sources, CONFIGS, here / "runs")
    assert other.wait(timeout=300) == 0
    return here, there


def test_every_study_is_among_them():
    """But for "speed", which is made of times, and "blind", which `test_blind` runs twice."""
    assert {config.study for config in CONFIGS} | {"c99", "speed", "blind"} == set(names())


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.study)
def test_results_are_equal_but_for_times(folders, config):
    made = [
        (folder / "runs" / config.study).glob(f"{config.slug}-*.json") for folder in folders
    ]
    here, there = map(next, made)
    assert here.name == there.name
    strict = {"parse_constant": pytest.fail}  # no NaN, no Infinity
    first, second = (json.loads(path.read_text(), **strict) for path in (here, there))
    assert timeless(first) == timeless(second)
    assert here.stat().st_size < 100_000


@pytest.mark.parametrize("suffix", [".onnx", ".ecgc"])
def test_exported_networks_are_equal_in_every_byte(folders, suffix):
    here, there = (sorted(folder.rglob(f"*{suffix}")) for folder in folders)
    assert [path.name for path in here] == [path.name for path in there] != []
    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]
