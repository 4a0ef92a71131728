"""Studies of 16 bits and of integers from end to end on invented patients, tiny networks."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.int8 import Int8Config
from ecglib.studies.numerics import NumericsConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.precision import PrecisionConfig
from ecglib.studies.run import Run
from ecglib.system.errors import UserError
from tests.conftest import SYNTHETIC_DS2
from tests.studies.test_paper1 import ONLINE, TINY, annotated, run_all
from tests.studies.test_paper1 import assert_every_beat_is_scored_once as assert_scored_once

HEAD = ["fc1", "fc2", "out"]
SHALLOW = ["conv1.conv", "conv2.conv", *HEAD]
LAYERS = ["conv1.conv", "conv2.conv", "conv3.conv", "conv4.conv", "conv5.conv", *HEAD]
SCOPES = {"none": [], "head_int8": HEAD, "shallow_int8": SHALLOW, "all_int8": LAYERS}

BATCHNORM = {**TINY, "norm": "batch"}
UNSURE = {**BATCHNORM, "learning_rate": 1e-3}  # learns so little that bf16 changes answers
INT8 = {**ONLINE, "qat_epochs": 2}
BASELINES = ("none, ptq", "head_int8, ptq", "all_int8, ptq", "none, qat", "all_int8, qat")
INT8_RUNS = [f"baseline, {arm}" for arm in BASELINES]
INT8_RUNS += [f"ssl, {arm}" for arm in ("none, ptq", "all_int8, ptq", "shallow_int8, qat")]


def int8(pipeline, scope, method):
    return Int8Config(pipeline=pipeline, scope=scope, method=method, **INT8)


RUNS = {
    "fp32": PrecisionConfig(**ONLINE),
    "fp16": PrecisionConfig(precision="fp16", precision_impl="emulated", **ONLINE),
    "bf16": PrecisionConfig(precision="bf16", precision_impl="emulated", **ONLINE),
    "numerics, fp16": NumericsConfig(precision="fp16", traced_beats=64, **UNSURE),
    "numerics, bf16": NumericsConfig(precision="bf16", traced_beats=64, **UNSURE),
    **{name: int8(*name.split(", ")) for name in INT8_RUNS},
    "learned": Int8Config(scope="all_int8", step="learned", **INT8),
}
FP32 = {
    "baseline": BaselineConfig(**BATCHNORM),
    "unsure": BaselineConfig(**UNSURE),
    "ssl": PersonalizationConfig(strategy="head_only", **ONLINE),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reduced")


@pytest.fixture(scope="module")
def outcomes(source, folder):
    """Result of every run in `RUNS`, by its name."""
    return dict(zip(RUNS, run_all(RUNS.values(), source, folder), strict=True))


@pytest.fixture(scope="module")
def fp32(source, tmp_path_factory):
    """The runs of paper 1's own studies, made apart: nothing is shared with `outcomes`."""
    made = run_all(FP32.values(), source, tmp_path_factory.mktemp("fp32"))
    return dict(zip(FP32, made, strict=True))


def classes_of(result):
    return np.concatenate([result.classes(record) for record in SYNTHETIC_DS2])


def print_of(files):
    return {file: file.stat().st_mtime_ns for file in files}


@pytest.mark.parametrize("name", RUNS)
def test_every_beat_of_the_test_side_is_scored_once(outcomes, source, name):
    assert_scored_once(outcomes[name], source, RUNS[name])


@pytest.mark.parametrize("name", [name for name, c in RUNS.items() if c.study != "numerics"])
def test_networks_learnt_something(outcomes, name):
    """The comparisons of this file would be worth little on constant answers."""
    assert set(classes_of(outcomes[name])) == {0, 1, 2}
    assert outcomes[name].metrics["macro_f1"] > 0.45  # always N has 0.31


def test_precision_fp32_is_study_personalization(outcomes, fp32):
    result, twin = outcomes["fp32"], fp32["ssl"]
    assert result.predictions == twin.predictions
    assert result.per_record_after_5min == twin.per_record_after_5min
    assert result.metrics.items() > twin.metrics.items()


def n_steps(source, config):
    """Oracle: steps of the offline puzzle, and of every patient's puzzle and fine-tuning."""
    training = Run(config, {source.name: source}, torch.device("cpu"), None).train.beats
    beats = annotated(source, config)
    n_seen = [np.sum((beats.record == r) & (beats.sample < 300 * 360)) for r in SYNTHETIC_DS2]
    n_steps = [
        np.ceil(np.array(n_beats) / config.batch_size).sum() * epochs
        for n_beats, epochs in (
            (np.sum(training.label == 0), ONLINE["pretext_epochs"]),
            (n_seen, ONLINE["online_epochs"]),
            ([len(training)] * len(SYNTHETIC_DS2), ONLINE["epochs"]),
        )
    ]
    return sum(n_steps)


@pytest.mark.parametrize("name", ["fp32", "fp16", "bf16"])
def test_all_steps_of_all_stages_are_counted(outcomes, source, name):
    metrics = outcomes[name].metrics
    assert metrics["steps"] == n_steps(source, RUNS[name])
    assert 0 <= metrics["skipped"] < 0.1 * metrics["steps"]
    assert name == "fp16" or metrics["skipped"] == 0


def test_native_16_bits_are_refused_before_anything_is_trained(source, tmp_path):
    with pytest.raises(UserError, match="set precision_impl: emulated"):
        run_all([PrecisionConfig(precision="bf16", **ONLINE)], source, tmp_path)
    assert list(tmp_path.rglob("*.npz")) == []


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_numerics_measure_the_network_of_study_baseline(outcomes, fp32, precision):
    result, twin = outcomes[f"numerics, {precision}"], fp32["unsure"]
    flips = np.sum(classes_of(result) != classes_of(twin))
    assert result.metrics["flips"] == flips < 0.05 * len(classes_of(twin))
    assert flips > 0 or precision == "fp16"
    assert [layer["name"] for layer in result.metrics["layers"]] == LAYERS
    error, margin = result.metrics["error"], result.metrics["margin"]
    assert len(error) == len(margin) == 101
    assert 0 < error[50] < margin[50]
    kept = result.metrics["saved_bytes"]
    assert 0.5 * kept["fp32"] < kept[precision] < 0.8 * kept["fp32"]


def test_numerics_trace_as_many_beats_as_asked_for(outcomes):
    """Every output of a convolution or linear layer has one exponent, or is zero."""
    found = outcomes["numerics, fp16"].metrics["exponents"]
    lengths = (300, 150, 75, 37, 18)
    n_values = 4 * sum(lengths) + 512 + 256 + 3
    for counted in found.values():
        assert sum(counted["counts"]) + counted["zeros"] == 64 * n_values
    other = outcomes["numerics, bf16"].metrics
    assert found == other["exponents"]  # in fp32, the same beats
    assert outcomes["numerics, fp16"].metrics["margin"] == other["margin"]


@pytest.mark.parametrize("pipeline", ["baseline", "ssl"])
def test_no_scope_and_no_training_is_the_fp32_twin(outcomes, fp32, pipeline):
    result = outcomes[f"{pipeline}, none, ptq"]
    assert result.predictions == fp32[pipeline].predictions
    assert result.metrics["ec57"] == fp32[pipeline].metrics["ec57"]


@pytest.mark.parametrize("name", [name for name, c in RUNS.items() if c.study == "int8"])
def test_exactly_the_layers_in_scope_have_8_bits(outcomes, name):
    layers, scope = outcomes[name].metrics["layers"], SCOPES[RUNS[name].scope]
    assert [layer["name"] for layer in layers] == LAYERS
    for layer in layers:
        rounded = layer["name"] in scope
        bits = layer["weight_bits"], layer["activation_bits"]
        assert bits == ((8, 8) if rounded else (32, 32)), layer["name"]
        assert (layer["sqnr_db"] is None) != rounded
        assert 1 < layer["levels"] <= (256 if rounded else layer["n_weights"])
    shapes = [(4, 1 * 3), *[(4, 4 * 3)] * 4, (512, 4 * 9), (256, 512), (3, 256)]
    n_bytes = [
        n_out * n_in + 8 * n_out + 5 if name in scope else 4 * n_out * (n_in + 1)
        for name, (n_out, n_in) in zip(LAYERS, shapes, strict=True)
    ]
    assert [layer["n_bytes"] for layer in layers] == n_bytes
    assert outcomes[name].metrics["weight_bytes"] == sum(n_bytes)


def test_networks_are_made_once_for_all_scopes(outcomes, source, folder, tmp_path):
    """Two further runs beside the checkpoints of the others make no fp32 network again."""
    shutil.copytree(folder / "checkpoints", tmp_path / "checkpoints")
    before = print_of(tmp_path.rglob("*.npz"))
    further = [
        replace(RUNS[f"{pipeline}, all_int8, ptq"], scope="head_int8", calibration_beats=99)
        for pipeline in ("ssl", "baseline")
    ]
    run_all(further, source, tmp_path)
    after = print_of(tmp_path.rglob("*.npz"))
    assert before.items() < after.items()
    assert len(after) == len(before) + 1  # the rounded one; those of patients are not kept


def test_runtimes_are_given_by_stage(outcomes):
    stages = {
        "fp16": {"pretrain", "features", "adapt", "finetune", "predict"},
        "numerics, fp16": {"trace", "predict"},
        "baseline, all_int8, ptq": {"train", "calibrate", "predict"},
        "baseline, all_int8, qat": {"train", "calibrate", "qat", "predict"},
        "ssl, shallow_int8, qat": {"online", "calibrate", "qat", "predict"},
    }
    for name, expected in stages.items():
        seconds = outcomes[name].runtime_s
        assert set(seconds) == expected
        assert min(seconds.values()) > 0
        assert not outcomes[name].selected
