"""Configurations: what they refuse, what identifies a run, and which runs share a network."""

import ast
import json
import re
from dataclasses import FrozenInstanceError, asdict, fields, replace
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib import studies
from ecglib.aami import DS1, DS2
from ecglib.compress.methods import METHODS
from ecglib.data import sets
from ecglib.data.signal.micro_input import parts_of
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies import registry
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.budget_ecgnet import EcgnetBudgetConfig
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.int8 import Int8Config, RoundedConfig
from ecglib.studies.latency import LatencyConfig
from ecglib.studies.micro import MicroConfig
from ecglib.studies.numerics import NumericsConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.precision import PrecisionConfig, ReducedPuzzleConfig
from ecglib.studies.probe import ProbeConfig
from ecglib.studies.puzzle import PuzzleConfig
from ecglib.studies.registry import make_config, settings_of, twin_of
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.robustness import RobustnessConfig
from ecglib.studies.selection import SelectionConfig
from ecglib.system.errors import UserError

ONE_TRAINING = ["ds1_ds2", "ds2_ds1", "ds1_val", *(f"ds1_fold{i}" for i in range(4))]
DATA = {"name": "mitdb", "sha256": "5e2f" * 16}
STUDIES = pytest.mark.parametrize("study", registry.names())

PAPER_1 = "baseline puzzle probe selection personalization numerics int8 latency"
BASE = {study: make_config(study) for study in PAPER_1.split()}
BASE["precision"] = PrecisionConfig(precision="fp16")
# Another allowed value of every setting than its default in any of these studies.
ANOTHER = {
    "seed": 42, "channels": (16, 32, 64, 128, 128),
    "norm": {"none": "batch", "batch": "none"}, "records": (100, 101, 118),
    "split": {"ds1_ds2": "ds2_ds1", "ds1_val": "ds1_ds2"}, "features": "beat+rr",
    "normalization": "record", "imbalance": "sqrt", "epochs": 3, "batch_size": 64,
    "learning_rate": 1e-3, "weight_decay": 0.1, "train_share": 0.2, "decay": 0.9,
    "cuts": "thirds", "view": "masked", "pretext_epochs": 2, "source": "random",
    "pipeline": "ssl", "finetune": {"all": "head", "head": "all"}, "patience": 5,
    "probe_epochs": 9, "probe_learning_rate": 1e-3, "probe_decay": 0.8, "strategy": "full",
    "online_seconds": "all", "online_epochs": 2, "online_learning_rate": 1e-4,
    "precision": "bf16", "precision_impl": "emulated", "traced_beats": 64,
    "scope": "head_int8", "method": "ptq", "step": "learned", "qat_epochs": 5,
    "qat_learning_rate": 1e-5, "calibration_beats": 256, "runtime": "ort_fp32", "batch": 64,
    "threads": 2, "calls": 10, "before": 100, "after": 200, "lead": "other",
}  # fmt: skip
SETTINGS = [
    (study, name)
    for study in BASE
    for name in settings_of(study)
    if name not in ("model", "dataset")
]


def settings_in(study):
    return [name for owner, name in SETTINGS if owner == study]


def another(config, name):
    """The configuration with another value of one setting."""
    value = ANOTHER[name]
    if isinstance(value, dict):
        value = value[getattr(config, name)]
    return replace(config, **{name: value})


# --- what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "name", "allowed"),
    [
        ("baseline", "norm", "none, batch"),
        ("baseline", "split", ", ".join(ONE_TRAINING)),
        ("micro", "split", ", ".join(sets.get("mitdb").splits)),
        ("baseline", "features", "beat, beat+rr"),
        ("baseline", "normalization", "zscore, record, none"),
        ("baseline", "imbalance", "none, sqrt, balanced"),
        ("puzzle", "cuts", "thirds, qrs"),
        ("puzzle", "view", "whole, junctions, masked"),
        ("probe", "source", "random, puzzle, supervised"),
        ("selection", "pipeline", "baseline, ssl"),
        ("personalization", "finetune", "all, head"),
        ("personalization", "strategy", ", ".join(STRATEGIES)),
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


SMALL = {"model": "hubert", "size": "small", "pretrain_epochs": 1}
MASKED = {"model": "hubert", "size": "tiny", "pretrain_epochs": 1}
ROUNDED = {"scope": "all_int8"}
STREAM = {"query": "margin", "update": "head", "asking": "stream"}
HOURLY = {**STREAM, "budget": 12}
BEATS = {"dataset": "mitdb", "model": "ecgnet"}
FP32 = {"precision": "fp32", "precision_impl": "emulated"}


BAD_VALUES = """
baseline epochs=0 decay=0 batch_size=-1 learning_rate=0.0 train_share=0 train_share=1.5
baseline channels=(64,128) channels=(1,2,0,4,5) split='lopo'
selection patience=0
puzzle pretext_epochs=0
personalization online_epochs=0 online_learning_rate=-1 online_seconds=0 online_seconds='half'
numerics precision='fp32' traced_beats=0
int8 qat_epochs=0 qat_learning_rate=-1.0 calibration_beats=0
latency batch=0 threads=-1 calls=0
compression bits=0 bits=17 method='zip' tolerance=-0.1 alpha=-1 mean_bits=0 model='vgg'
compression fold=5 fold='both' train_share=1.5
micro split='ds3' features='rr' scope='head_int8' leads='V1' width=0.0 class_cap=0
micro augmentation=-0.1
budget budget=-1 budget='many' asking='later' unsure=0.0 label_weight=0.0 online_seconds=0
robustness perturbation='hum'
speed task='compiling' patients=0 threads=0
"""
REFUSED = [
    (line.split()[0], *given.split("="))
    for line in BAD_VALUES.strip().splitlines()
    for given in line.split()[1:]
]


@pytest.mark.parametrize(("study", "name", "value"), REFUSED)
def test_a_value_that_makes_no_sense_is_named_with_what_would(study, name, value):
    value = ast.literal_eval(value)
    with pytest.raises(UserError, match=rf"^{name} is {re.escape(repr(value))}(\.0)?; \w"):
        make_config(study, **{name: value})


@pytest.mark.parametrize(
    ("study", "settings", "names"),
    [
        # as a params file may hold it: no traceback, but the parameter's name
        ("baseline", {"epochs": "ten"}, "epochs"),
        ("baseline", {"learning_rate": None}, "learning_rate"),
        ("baseline", {"channels": 64}, "channels"),
        ("baseline", {"records": 100}, "records"),
        ("baseline", {"records": DS1}, "no test record of split ds1_ds2"),
        ("baseline", {"records": DS2}, "no training record of split ds1_ds2"),
        ("baseline", {"records": (101, 100, 999)}, "records has [999], which mitdb lacks"),
        ("selection", {"records": (101, 106)}, "no test record of split ds1_val"),
        ("selection", {"features": "beat+rr", "pipeline": "ssl"}, "features is beat+rr"),
        ("personalization", {"strategy": "adabn", "norm": "none"}, "adabn needs norm: batch"),
        ("precision", FP32, "precision is fp32, which needs no precision_impl: emulated"),
        ("int8", {"strategy": "adabn", "norm": "none"}, "strategy adabn needs norm: batch"),
        ("rhythm", {"model": "ecgnet"}, "ecgnet"),
        ("transfer", {"dataset": "chapman", "target": "chapman"}, "target is chapman"),
        ("compression", {"method": "fixed_prune"}, "share is 0"),
        ("compression", {"method": "joint"}, "share is 0"),
        ("compression", {"method": "trained", "bits": 16}, "bits is 16"),
        ("compression", {"share": 1.0, "method": "fixed_prune"}, "share is 1.0"),
        ("compression", {"dataset": "ptbxl"}, "unknown data set 'ptbxl'"),
        ("compression", {"dataset": "mitdb"}, "resnet1d, which cannot read mitdb"),
        ("compression", {"model": "ecgnet"}, "ecgnet, which cannot read cinc2017"),
        ("compression", {**BEATS, "fold": "all"}, "mitdb has one test set"),
        ("compression", {"pretrain_epochs": 3}, "pretrain_epochs is for model: hubert"),
        ("compression", {"weights": "some/folder"}, "weights is for model: hubert"),
        ("rhythm", {"pretrain_data": "chapman"}, "pretrain_data is for a pretraining"),
        ("rhythm", {**SMALL, "weights": "some/folder"}, "cannot both be given"),
        ("rhythm", {**MASKED, "pretrain_data": "cinc2017"}, "test recordings of cinc2017"),
        ("compression", {**MASKED, "pretrain_data": "cinc2017"}, "test recordings of"),
        ("rhythm", {**MASKED, "pretrain_data": "chapman+mitdb"}, "mitdb holds beats"),
        ("rhythm", {**MASKED, "pretrain_data": "chapman+ptb"}, "unknown data set 'ptb'"),
        ("selection", {"lead": "V1"}, "lead is 'V1'"),
        ("micro", {"bits": 4}, "scope none rounds nothing"),
        ("micro", {"bits": 1, **ROUNDED}, "bits is 1"),
        ("micro", {"bits": 9, **ROUNDED}, "bits is 9"),
        ("micro", {"allocation": "milp"}, "scope none rounds nothing"),
        ("micro", {"allocation": "best", **ROUNDED}, "allocation is 'best'"),
        ("micro", {"records": (101, 106)}, "record of split ds1_ds2"),
        ("micro", {"records": (101,), "split": "lopo"}, "record of split lopo"),
        ("micro", {"records": (100,), "split": "ds1_cv"}, "record of split ds1_cv"),
        ("budget", {"budget": 5}, "update is 'none'; with budget 5"),
        ("budget", {"budget": 5, "update": "adabn"}, "update is 'adabn'"),
        ("budget", {"budget": 5, "update": "head"}, "query is 'none', but budget is 5"),
        ("budget", {"query": "random"}, "query is 'random', but budget is 0"),
        ("budget", {"update": "head"}, "update is 'head'; with budget 0"),
        ("budget", {"budget": 5, "query": "best", "update": "head"}, "query is 'best'"),
        ("budget", {"update": "adabn", **ROUNDED}, "integers have none left"),
        ("budget", {"update": "own_rr", "features": "derivative+causal"}, "add +rr"),
        ("budget", {**STREAM, "budget": "all"}, "budget is all"),
        ("budget", {**HOURLY, "update": "prototypes"}, "a stream learns by training"),
        ("robustness", {"perturbation": "lead", "level": 3}, "level is 3"),
        ("c99", {"scope": "none"}, "all_int8"),
        ("roofline", {"network": "hubert"}, "hubert"),
        ("speed", {"patients": 2, "usual_patients": 3}, "is 3, more than patients: 2"),
    ],
)
def test_what_makes_no_sense_is_named(study, settings, names):
    with pytest.raises(UserError, match=re.escape(names)):
        make_config(study, **settings)


def test_what_is_refused_elsewhere_is_allowed_here():
    make_config("personalization", strategy="adabn", norm="batch")
    make_config("selection", features="beat+rr", pipeline="baseline")
    assert EcgnetBudgetConfig().features == "beat+rr"
    ecgnet = make_config("compression", dataset="mitdb", model="ecgnet")
    assert ecgnet.data_sets == {"mitdb": DS1 + DS2}


# the pretext network sees beats alone
UNKNOWN = [(s, "features") for s in ("puzzle", "probe", "personalization", "budget_ecgnet")]
UNKNOWN += [("baseline", "strategy"), ("precision", "features"), ("precision", "scope")]
UNKNOWN += [("int8", "precision"), ("latency", "pipeline")]


@pytest.mark.parametrize(("study", "name"), UNKNOWN)
def test_an_unknown_setting_is_named_with_the_known_ones(study, name):
    with pytest.raises(UserError, match=f"'{name}' is no setting of study {study}") as caught:
        make_config(study, **{name: "beat+rr"})
    assert all(known in str(caught.value) for known in settings_of(study))


def test_an_unknown_study_is_named_with_the_known_ones():
    with pytest.raises(UserError, match="'baselin' is unknown") as caught:
        make_config("baselin")
    assert all(study in str(caught.value) for study in registry.names())


def test_a_study_without_a_run_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "unfinished.py").write_text('"""A study that nobody has written yet."""\n')
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path)])
    with pytest.raises(UserError, match=r"unfinished\.py has no run: decorate a function"):
        make_config("unfinished")


# --- features of the micro network, sides of a split ------------------------------------

FEATURES = ("derivative", "raw", "template", "causal", "rr", "rhythm")
CHOICES = (("derivative", "raw"), ("", "template"), ("", "causal", "rr"), ("", "rhythm"))
ALLOWED = {frozenset(filter(None, parts)) for parts in product(*CHOICES)}


@pytest.mark.parametrize("n_parts", range(1, 7))
def test_one_signal_and_one_kind_of_ratios_are_allowed_and_nothing_else(n_parts):
    for parts in combinations(FEATURES, n_parts):  # signals are the first of each
        name = "+".join(parts)
        if frozenset(parts) in ALLOWED:
            assert parts_of(name) == parts
            config = MicroConfig(features=name)
            columns = {"causal": 2, "rr": 5, "rhythm": 3}
            assert config.n_rr == sum(columns.get(part, 0) for part in parts)
            assert config.n_channels == 1 + ("template" in parts)
        else:
            with pytest.raises(UserError, match="it must be derivative or raw"):
                parts_of(name)


@pytest.mark.parametrize(
    "name", ["", "+", "raw+", "Raw", "raw rr", "raw,rr", "raw+raw", "raw+ecg", "raw+rr+rr"]
)
def test_other_names_of_features_are_refused(name):
    with pytest.raises(UserError, match="features is "):
        parts_of(name)


@given(
    st.sampled_from(["ds1_ds2", "ds2_ds1", "ds1_val", "ds1_fold2"]),
    st.lists(st.sampled_from(DS1 + DS2), min_size=1, unique=True),
)
def test_sides_are_the_split_restricted_to_the_records(split, records):
    ((train, test),) = sets.get("mitdb").folds(split, DS1 + DS2)
    expected = tuple(tuple(r for r in side if r in records) for side in (train, test))
    if all(expected):
        assert BaselineConfig(split=split, records=records).sides() == expected
    else:
        with pytest.raises(UserError, match="records has no"):
            BaselineConfig(split=split, records=records)


def test_sides_of_patients_who_take_turns_hold_everybody():
    config = MicroConfig(split="lopo", records=(100, 101, 201, 202))
    assert config.sides() == ((101, 201, 202, 100), (100, 101, 201, 202))


# --- what identifies a run --------------------------------------------------------------


@STUDIES
def test_a_configuration_is_frozen_and_survives_json(study):
    known = "records" in settings_of(study)
    config = make_config(study, **({"records": [100, 101, 118]} if known else {}))
    assert config.records == (100, 101, 118) or not known
    with pytest.raises(FrozenInstanceError):
        config.records = (100, 101)
    back = make_config(study, **json.loads(json.dumps(config.to_dict())))
    assert back == config
    assert hash(back) == hash(config)
    assert back.hash_with(DATA) == config.hash_with(DATA)
    assert re.fullmatch(r"[\w.-]+", config.slug)  # a file name


@pytest.mark.parametrize(("study", "name"), SETTINGS)
def test_every_setting_identifies_a_run_and_arm_keys_show_in_its_slug(study, name):
    config = BASE[study]
    changed = another(config, name)
    assert changed != config
    assert changed.hash_with(DATA) != config.hash_with(DATA)
    shown = (*config.arm_keys, "seed", "channels" if study == "latency" else "seed")
    assert (changed.slug != config.slug) == (name in shown)
    assert re.fullmatch(r"[\w.-]+", changed.slug)


def test_every_setting_of_a_compression_identifies_it():
    joint = {"method": "joint", "bits": 4, "share": 0.8, "pretrain_epochs": 2}
    config = CompressionConfig(model="hubert", size="small", **joint)
    others = {
        "dataset": "chapman", "lead": "I", "model": "resnet1d", "size": "tiny", "fold": "all",
        "method": "fixed_prune", "weights": "some/folder", "pretrain_data": "chapman",
    }  # fmt: skip
    for field in fields(config):
        value = getattr(config, field.name)
        other = others.get(field.name, value / 2 if isinstance(value, float) else 5)
        plain = field.name in ("model", "weights")  # neither goes with a pretraining
        before = replace(config, pretrain_epochs=0) if plain else config
        changed = replace(before, **{field.name: other})
        assert changed.hash_with(DATA) != before.hash_with(DATA), field.name


def test_every_method_names_its_settings_in_the_slug():
    for method, known in METHODS.items():
        config = CompressionConfig(method=method, bits=4, share=0.5)
        for name in known.reads:
            other = replace(config, **{name: getattr(config, name) * 0.5 or 1})
            assert other.slug != config.slug, (method, name)


def test_slugs_by_hand():
    baseline = BaselineConfig(features="beat+rr", imbalance="sqrt", seed=21)
    assert baseline.slug == "beat_rr-none-zscore-sqrt-ds1_ds2-s21"
    bf16 = PrecisionConfig(precision="bf16", precision_impl="emulated")
    assert bf16.slug == "bf16-emulated-head_only-batch-ds1_ds2-s7"
    assert NumericsConfig(seed=21).slug == "fp16-none-ds1_ds2-s21"
    learned = Int8Config(scope="all_int8", step="learned")
    assert learned.slug == "baseline-all_int8-qat-learned-batch-ds1_ds2-s7"
    timed = LatencyConfig(channels=(4, 8, 16, 32, 64), batch=64, threads=2)
    assert timed.slug == "ort_int8-all_int8-to64-64-2-ds1_ds2-s7"
    assert BudgetConfig(**HOURLY).slug == "12-margin-head-stream-none-ds1_ds2-s7"


def test_data_and_protocol_identify_a_run():
    class NextProtocol(BaselineConfig):
        protocol = BaselineConfig.protocol + 1

    config = BaselineConfig()
    hashes = {
        config.hash_with(DATA),
        config.hash_with(DATA | {"sha256": "0" * 64}),
        config.hash_with(DATA | {"name": "other"}),
        NextProtocol().hash_with(DATA),
    }
    assert len(hashes) == 4
    assert config.hash_with(DATA | {"profile": "cpu"}) == config.hash_with(DATA)
    assert re.fullmatch("[0-9a-f]{12}", config.hash_with(DATA))


@pytest.mark.parametrize(
    ("study", "name", "value"),
    [
        ("baseline", "train_share", 1),
        ("baseline", "weight_decay", 0),
        ("int8", "online_seconds", 9),
    ],
)
def test_equal_configurations_identify_the_same_run(study, name, value):
    """YAML reads `1` and `1.0` as different types; the run is the same."""
    config, other = (make_config(study, **{name: kind(value)}) for kind in (int, float))
    assert config == other
    assert config.hash_with(DATA) == other.hash_with(DATA)
    assert config.slug == other.slug


# --- which runs share a network ---------------------------------------------------------

ONLY_INT8 = ("scope", "method", "step", "qat_epochs", "qat_learning_rate", "calibration_beats")
ONLY_LATENCY = ("runtime", "batch", "threads", "calls")
ONLINE = ("strategy", "finetune", "online_seconds", "online_epochs", "online_learning_rate")
PUZZLE = ("cuts", "pretext_epochs")
OFFLINE = ("seed", "channels", "norm", "records", "split", "normalization", "batch_size")
OFFLINE += ("learning_rate", "weight_decay", "decay", "cuts", "pretext_epochs")


def test_offline_stage_is_shared_by_what_comes_after_it():
    shared = {"seed": 21, "channels": (4, 4, 4, 4, 4), "cuts": "thirds", "pretext_epochs": 3}
    after = [
        PersonalizationConfig(strategy="full", finetune="all", epochs=2, **shared),
        PersonalizationConfig(strategy="none", imbalance="sqrt", online_epochs=1, **shared),
        ProbeConfig(source="random", **shared),
    ]
    assert {twin_of(config, PuzzleConfig) for config in after} == {PuzzleConfig(**shared)}


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_stage_differs_where_it_would_be_trained_differently(name):
    config = SelectionConfig()
    changed = twin_of(another(config, name), PuzzleConfig)
    assert changed != twin_of(config, PuzzleConfig)


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
    mine, expected = asdict(config), asdict(kind())
    expected |= {name: mine[name] for name in mine.keys() & expected.keys()}
    assert asdict(twin) == expected


@pytest.mark.parametrize("pipeline", ["baseline", "ssl"])
@pytest.mark.parametrize("name", [name for name in settings_in("int8") if name != "pipeline"])
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


@pytest.mark.parametrize("name", settings_in("precision"))
def test_a_16_bit_offline_stage_is_shared_unless_it_would_be_trained_differently(name):
    config = BASE["precision"]
    differs = offline(another(config, name)) != offline(config)
    assert differs == (name in (*OFFLINE, "precision", "precision_impl"))


def test_a_16_bit_offline_stage_has_a_file_of_its_own():
    config = PrecisionConfig(precision="bf16", precision_impl="emulated", train_share=0.5)
    pretext = offline(config)
    assert (pretext.precision, pretext.precision_impl) == ("bf16", "emulated")
    assert pretext.hash_with(DATA) != offline(PrecisionConfig()).hash_with(DATA)


def test_compressions_of_one_network_share_its_twin():
    first = CompressionConfig(method="fixed_quant", bits=3, fold=2, epochs=5)
    second = CompressionConfig(method="joint", bits=4, share=0.8, fold=2, epochs=5)
    assert twin_of(first, RhythmConfig) == twin_of(second, RhythmConfig)
    assert twin_of(replace(first, fold=1), RhythmConfig) != twin_of(first, RhythmConfig)


def test_what_goes_on_from_a_micro_network_shares_it():
    asked = BudgetConfig(scope="all_int8", budget=5, query="mixed", update="head", seed=21)
    worse = RobustnessConfig(scope="all_int8", perturbation="lead", seed=21)
    same = MicroConfig(scope="all_int8", seed=21)
    assert twin_of(asked, MicroConfig) == twin_of(worse, MicroConfig) == same
    rounded = MicroConfig(scope="all_int8", bits=3, allocation="milp", qat_epochs=9, seed=21)
    assert rounded.fp32() == same.fp32() == MicroConfig(seed=21)
