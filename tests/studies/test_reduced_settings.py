"""Configurations of reduced precision: what they refuse, and what they start from."""

import re
from dataclasses import asdict, replace

import pytest

from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.int8 import Int8Config, RoundedConfig
from ecglib.studies.latency import LatencyConfig
from ecglib.studies.numerics import NumericsConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.precision import PrecisionConfig, ReducedPuzzleConfig
from ecglib.studies.puzzle import PuzzleConfig
from ecglib.studies.registry import make_config, settings_of, twin_of
from ecglib.system.errors import UserError
from tests.studies.test_configurations import ANOTHER, DATA

BASE = {
    "precision": PrecisionConfig(precision="fp16"),
    "numerics": NumericsConfig(),
    "int8": Int8Config(),
    "latency": LatencyConfig(),
}

# Another allowed value of every setting than in `BASE`, for settings that no other study has.
MORE = ANOTHER | {
    "precision": "bf16",
    "precision_impl": "emulated",
    "traced_beats": 64,
    "pipeline": "ssl",
    "scope": "head_int8",
    "method": "ptq",
    "step": "learned",
    "qat_epochs": 5,
    "qat_learning_rate": 1e-5,
    "calibration_beats": 256,
    "runtime": "ort_fp32",
    "batch": 64,
    "threads": 2,
    "calls": 10,
}
every_setting = [
    (study, name)
    for study in BASE
    for name in settings_of(study)
    if name not in ("model", "dataset")
]
ONLY_INT8 = ("scope", "method", "step", "qat_epochs", "qat_learning_rate", "calibration_beats")
ONLY_LATENCY = ("runtime", "batch", "threads", "calls")
ONLINE = ("strategy", "finetune", "online_seconds", "online_epochs", "online_learning_rate")
PUZZLE = ("cuts", "pretext_epochs")
IN_BOTH_PIPELINES = [
    name for study, name in every_setting if study == "int8" and name != "pipeline"
]
OFFLINE = (
    "seed",
    "channels",
    "norm",
    "records",
    "split",
    "normalization",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "decay",
    "cuts",
    "pretext_epochs",
)


def another(config, name):
    """The configuration with another value of one setting."""
    value = MORE[name]
    if isinstance(value, dict):
        value = value[getattr(config, name)]
    return replace(config, **{name: value})


@pytest.mark.parametrize(("study", "name"), every_setting)
def test_every_setting_identifies_a_run(study, name):
    config = BASE[study]
    changed = another(config, name)
    assert changed != config
    assert changed.hash_with(DATA) != config.hash_with(DATA)


@pytest.mark.parametrize(("study", "name"), every_setting)
def test_arm_keys_and_seed_show_in_the_slug(study, name):
    config = BASE[study]
    shows = another(config, name).slug != config.slug
    shown = (*config.arm_keys, "seed", *(["channels"] if study == "latency" else []))
    assert shows == (name in shown)
    assert re.fullmatch(r"[\w.-]+", another(config, name).slug)


def test_slugs_by_hand():
    assert PrecisionConfig(precision="bf16", precision_impl="emulated").slug == (
        "bf16-emulated-head_only-batch-ds1_ds2-s7"
    )
    assert NumericsConfig(seed=21).slug == "fp16-none-ds1_ds2-s21"
    assert Int8Config(scope="all_int8", step="learned").slug == (
        "baseline-all_int8-qat-learned-batch-ds1_ds2-s7"
    )
    narrow = LatencyConfig(channels=(4, 8, 16, 32, 64), batch=64, threads=2)
    assert narrow.slug == "ort_int8-all_int8-to64-64-2-ds1_ds2-s7"


@pytest.mark.parametrize(
    ("study", "name", "allowed"),
    [
        ("precision", "precision", "fp32, fp16, bf16"),
        ("precision", "precision_impl", "native, emulated"),
        ("numerics", "precision", "fp16, bf16"),
        ("int8", "pipeline", "baseline, ssl"),
        ("int8", "scope", "none, head_int8, shallow_int8, all_int8"),
        ("int8", "method", "qat, ptq"),
        ("int8", "step", "minmax, learned"),
        ("latency", "runtime", "torch_fp32, ort_fp32, ort_int8"),
    ],
)
def test_an_unknown_choice_is_named_with_the_allowed_ones(study, name, allowed):
    with pytest.raises(UserError) as caught:
        make_config(study, **{name: "int3"})
    assert str(caught.value) == f"{name} is 'int3'; it must be one of: {allowed}"


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("numerics", "traced_beats"),
        ("int8", "qat_epochs"),
        ("int8", "qat_learning_rate"),
        ("int8", "calibration_beats"),
        ("latency", "batch"),
        ("latency", "threads"),
        ("latency", "calls"),
    ],
)
@pytest.mark.parametrize("value", [0, -1])
def test_a_number_must_be_above_zero(study, name, value):
    with pytest.raises(UserError, match=f"{name} is {value}.*; it must be above zero"):
        make_config(study, **{name: value})


@pytest.mark.parametrize(
    ("study", "settings", "message"),
    [
        (
            "precision",
            {"precision": "fp32", "precision_impl": "emulated"},
            "precision is fp32, which needs no precision_impl: emulated",
        ),
        ("precision", {"features": "beat+rr"}, "'features' is no setting of study precision"),
        ("numerics", {"precision": "fp32"}, "precision is 'fp32'; it must be one of"),
        ("int8", {"strategy": "adabn", "norm": "none"}, "strategy adabn needs norm: batch"),
        ("latency", {"pipeline": "ssl"}, "'pipeline' is no setting of study latency"),
        ("precision", {"scope": "all_int8"}, "'scope' is no setting of study precision"),
        ("int8", {"precision": "fp16"}, "'precision' is no setting of study int8"),
    ],
)
def test_what_makes_no_sense_together_is_refused(study, settings, message):
    with pytest.raises(UserError, match=re.escape(message)):
        make_config(study, **settings)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (NumericsConfig(seed=21, norm="batch", epochs=3, traced_beats=9), BaselineConfig),
        (Int8Config(seed=21, train_share=0.3), BaselineConfig),
        (Int8Config(pipeline="ssl", strategy="full", scope="all_int8"), PersonalizationConfig),
        (LatencyConfig(channels=(4, 4, 4, 4, 4), step="learned", batch=64), RoundedConfig),
    ],
)
def test_a_twin_has_all_settings_that_both_studies_know(config, kind):
    twin = twin_of(config, kind)
    assert type(twin) is kind
    mine, its = asdict(config), asdict(twin)
    assert {name: its[name] for name in mine.keys() & its.keys()} == {
        name: mine[name] for name in mine.keys() & its.keys()
    }
    assert {name: its[name] for name in its.keys() - mine.keys()} == {
        name: getattr(kind(), name) for name in its.keys() - mine.keys()
    }


@pytest.mark.parametrize("pipeline", ["baseline", "ssl"])
@pytest.mark.parametrize("name", IN_BOTH_PIPELINES)
def test_runs_share_fp32_networks_unless_these_would_differ(pipeline, name):
    config = Int8Config(pipeline=pipeline)
    without_effect = ONLY_INT8 if pipeline == "ssl" else (*ONLY_INT8, *ONLINE, *PUZZLE)
    shared = another(config, name).fp32() == config.fp32()
    assert shared == (name in without_effect)


def test_the_pipeline_decides_which_twin():
    assert Int8Config().fp32() == BaselineConfig(norm="batch")
    ssl = Int8Config(pipeline="ssl", online_epochs=3).fp32()
    assert ssl == PersonalizationConfig(strategy="head_only", online_epochs=3)


@pytest.mark.parametrize("name", ONLY_LATENCY)
def test_timed_runs_share_their_rounded_network(name):
    changed = another(LatencyConfig(), name)
    assert twin_of(changed, RoundedConfig) == RoundedConfig(scope="all_int8")


@pytest.mark.parametrize("name", [*ONLINE, *PUZZLE, "pipeline"])
def test_a_rounded_network_without_patients_is_shared_with_study_int8(name):
    """Whatever is said of the online stage that it does not have."""
    config = Int8Config(scope="all_int8", norm="none")
    shared = twin_of(another(config, name), RoundedConfig)
    assert shared == twin_of(LatencyConfig(qat_epochs=2), RoundedConfig)


def offline(config):
    """The offline stage that a run of study precision starts from."""
    return twin_of(config, PuzzleConfig if config.precision == "fp32" else ReducedPuzzleConfig)


def test_fp32_starts_from_the_offline_stage_of_study_personalization():
    config = PrecisionConfig(seed=21, pretext_epochs=3, strategy="full", train_share=0.5)
    assert offline(config) == PuzzleConfig(seed=21, pretext_epochs=3)
    assert offline(config) == twin_of(twin_of(config, PersonalizationConfig), PuzzleConfig)


@pytest.mark.parametrize(("study", "name"), [e for e in every_setting if e[0] == "precision"])
def test_a_16_bit_offline_stage_is_shared_unless_it_would_be_trained_differently(study, name):
    config = BASE[study]
    differs = offline(another(config, name)) != offline(config)
    assert differs == (name in (*OFFLINE, "precision", "precision_impl"))


def test_a_16_bit_offline_stage_has_a_file_of_its_own():
    config = PrecisionConfig(precision="bf16", precision_impl="emulated", train_share=0.5)
    pretext = offline(config)
    assert (pretext.precision, pretext.precision_impl) == ("bf16", "emulated")
    assert pretext.hash_with(DATA) != offline(PrecisionConfig()).hash_with(DATA)
