"""Configurations: what they refuse, when they are equal, what identifies a run."""

import json
import re
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib import studies
from ecglib.aami import DS1, DS2
from ecglib.data import sets
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies import registry
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.probe import ProbeConfig
from ecglib.studies.puzzle import PuzzleConfig
from ecglib.studies.registry import make_config, settings_of, twin_of
from ecglib.studies.selection import SelectionConfig
from ecglib.system.errors import UserError

DATA = {"name": "mitdb", "sha256": "5e2f" * 16}

ONE_TRAINING = ["ds1_ds2", "ds2_ds1", "ds1_val", *(f"ds1_fold{i}" for i in range(4))]
# Another allowed value of every setting than its default in any study.
ANOTHER = {
    "seed": 42,
    "channels": (16, 32, 64, 128, 128),
    "norm": {"none": "batch", "batch": "none"},
    "records": (100, 101, 118),
    "split": {"ds1_ds2": "ds2_ds1", "ds1_val": "ds1_ds2"},
    "features": "beat+rr",
    "normalization": "record",
    "imbalance": "sqrt",
    "epochs": 3,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "weight_decay": 0.1,
    "train_share": 0.2,
    "decay": 0.9,
    "cuts": "thirds",
    "view": "masked",
    "pretext_epochs": 2,
    "source": "random",
    "pipeline": "ssl",
    "finetune": {"all": "head", "head": "all"},
    "patience": 5,
    "probe_epochs": 9,
    "probe_learning_rate": 1e-3,
    "probe_decay": 0.8,
    "strategy": "full",
    "online_seconds": "all",
    "online_epochs": 2,
    "online_learning_rate": 1e-4,
}
TRAINED = ("baseline", "puzzle", "probe", "selection", "personalization")
every_setting = [
    (study, name)
    for study in TRAINED
    for name in settings_of(study)
    if name not in ("model", "dataset")
]


def another(config, name):
    """The configuration with another value of one setting."""
    value = ANOTHER[name]
    return replace(
        config, **{name: value[getattr(config, name)] if isinstance(value, dict) else value}
    )


def test_strategies_have_the_names_of_the_study():
    names = ["none", "head_only", "adabn", "adapters", "last_blocks", "full"]
    assert list(STRATEGIES) == names


@pytest.mark.parametrize("study", registry.names())
def test_defaults_are_allowed_and_frozen(study):
    config = make_config(study)
    with pytest.raises(FrozenInstanceError):
        config.records = (100, 101)


@pytest.mark.parametrize(
    ("study", "name", "value", "allowed"),
    [
        ("baseline", "norm", "layer", ("none", "batch")),
        ("baseline", "split", "random", ONE_TRAINING),
        ("baseline", "split", "lopo", ONE_TRAINING),
        ("baseline", "features", "rr", ("beat", "beat+rr")),
        ("baseline", "normalization", "minmax", ("zscore", "record", "none")),
        ("baseline", "imbalance", "focal", ("none", "sqrt", "balanced")),
        ("puzzle", "cuts", "halves", ("thirds", "qrs")),
        ("puzzle", "view", "blurred", ("whole", "junctions", "masked")),
        ("probe", "source", "imagenet", ("random", "puzzle", "supervised")),
        ("selection", "pipeline", "both", ("baseline", "ssl")),
        ("personalization", "finetune", "tail", ("all", "head")),
        ("personalization", "strategy", "lora", STRATEGIES),
    ],
)
def test_an_unknown_choice_is_named_with_the_allowed_ones(study, name, value, allowed):
    with pytest.raises(UserError) as caught:
        make_config(study, **{name: value})
    assert str(caught.value) == f"{name} is {value!r}; it must be one of: {', '.join(allowed)}"


@pytest.mark.parametrize(
    ("study", "settings", "names"),
    [
        ("baseline", {"epochs": 0}, "epochs is 0"),
        ("baseline", {"decay": 0}, "decay is 0"),
        ("baseline", {"batch_size": -1}, "batch_size is -1"),
        ("baseline", {"learning_rate": 0.0}, "learning_rate is 0.0"),
        ("baseline", {"train_share": 0}, "train_share is 0"),
        ("baseline", {"train_share": 1.5}, "train_share is 1.5"),
        ("baseline", {"channels": (64, 128)}, "channels is (64, 128)"),
        ("baseline", {"channels": (1, 2, 0, 4, 5)}, "channels is (1, 2, 0, 4, 5)"),
        ("puzzle", {"pretext_epochs": 0}, "pretext_epochs is 0"),
        ("selection", {"patience": 0}, "patience is 0"),
        ("personalization", {"online_epochs": 0}, "online_epochs is 0"),
        ("personalization", {"online_learning_rate": -1}, "online_learning_rate is -1"),
        ("personalization", {"online_seconds": 0}, "online_seconds is 0"),
        ("personalization", {"online_seconds": "half"}, "online_seconds is 'half'"),
        ("baseline", {"records": DS1}, "no test record of split ds1_ds2"),
        ("baseline", {"records": DS2}, "no training record of split ds1_ds2"),
        ("selection", {"records": (101, 106)}, "no test record of split ds1_val"),
    ],
)
def test_a_value_out_of_range_is_named(study, settings, names):
    with pytest.raises(UserError, match=re.escape(names)):
        make_config(study, **settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", "ten"), ("learning_rate", None), ("channels", 64), ("records", 100)],
)
def test_a_value_of_the_wrong_type_is_named(name, value):
    """As a params file may hold it; no traceback, but the parameter's name."""
    with pytest.raises(UserError, match=name):
        make_config("baseline", **{name: value})


def test_adabn_needs_batchnorm():
    make_config("personalization", strategy="adabn", norm="batch")
    with pytest.raises(UserError, match="strategy adabn needs norm: batch"):
        make_config("personalization", strategy="adabn", norm="none")


def test_an_unknown_setting_is_named_with_the_known_ones():
    with pytest.raises(UserError, match="'strategy' is no setting of study baseline") as caught:
        make_config("baseline", strategy="none")
    for field in fields(BaselineConfig):
        assert field.name in str(caught.value)


def test_an_unknown_study_is_named_with_the_known_ones():
    with pytest.raises(UserError, match="'baselin' is unknown") as caught:
        make_config("baselin")
    assert all(study in str(caught.value) for study in registry.names())


@pytest.mark.parametrize("study", registry.names())
def test_a_configuration_survives_json(study):
    known = "records" in settings_of(study)
    config = make_config(study, **({"records": [100, 101, 118]} if known else {}))
    assert config.records == (100, 101, 118) or not known
    back = make_config(study, **json.loads(json.dumps(config.to_dict())))
    assert back == config
    assert hash(back) == hash(config)
    assert back.hash_with(DATA) == config.hash_with(DATA)


@pytest.mark.parametrize(("study", "name"), every_setting)
def test_every_setting_identifies_a_run(study, name):
    config = make_config(study)
    changed = another(config, name)
    assert changed != config
    assert changed.hash_with(DATA) != config.hash_with(DATA)


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
    ("study", "settings", "twin"),
    [
        ("baseline", {"train_share": 1.0}, {"train_share": 1}),
        ("baseline", {"weight_decay": 0.0}, {"weight_decay": 0}),
        ("personalization", {"online_seconds": 300}, {"online_seconds": 300.0}),
    ],
)
def test_equal_configurations_identify_the_same_run(study, settings, twin):
    """YAML reads `1` and `1.0` as different types; the run is the same."""
    config, other = make_config(study, **settings), make_config(study, **twin)
    assert config == other
    assert config.hash_with(DATA) == other.hash_with(DATA)
    assert config.slug == other.slug


def test_configurations_are_keys():
    arms = [PersonalizationConfig(strategy=s, seed=i) for s in STRATEGIES for i in (7, 7, 21)]
    assert len(set(arms)) == 2 * len(STRATEGIES)


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


def test_records_that_no_side_has_are_named():
    with pytest.raises(UserError, match=r"records has \[999\], which mitdb lacks"):
        BaselineConfig(records=[101, 100, 999])


def test_slugs_say_arm_and_seed_and_are_file_names():
    config = BaselineConfig(features="beat+rr", imbalance="sqrt", seed=21)
    assert config.slug == "beat_rr-none-zscore-sqrt-ds1_ds2-s21"
    for study in registry.names():
        assert re.fullmatch(r"[\w.-]+", make_config(study).slug)


@pytest.mark.parametrize(("study", "name"), every_setting)
def test_arm_keys_and_seed_show_in_the_slug(study, name):
    config = make_config(study)
    shows = another(config, name).slug != config.slug
    assert shows == (name in (*config.arm_keys, "seed"))


def test_offline_stage_is_shared_by_what_comes_after_it():
    shared = {"seed": 21, "channels": (4, 4, 4, 4, 4), "cuts": "thirds", "pretext_epochs": 3}
    after = [
        PersonalizationConfig(strategy="full", finetune="all", epochs=2, **shared),
        PersonalizationConfig(strategy="none", imbalance="sqrt", online_epochs=1, **shared),
        ProbeConfig(source="random", **shared),
    ]
    assert {twin_of(config, PuzzleConfig) for config in after} == {PuzzleConfig(**shared)}


@pytest.mark.parametrize(
    "name",
    [
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
    ],
)
def test_offline_stage_differs_where_it_would_be_trained_differently(name):
    config = SelectionConfig()
    changed = twin_of(another(config, name), PuzzleConfig)
    assert changed != twin_of(config, PuzzleConfig)


@pytest.mark.parametrize("study", ["puzzle", "probe", "personalization"])
def test_rr_is_refused_where_the_network_has_no_place_for_it(study):
    """The pretext network sees beats alone; an arm named beat+rr would not be one."""
    with pytest.raises(UserError, match="'features' is no setting"):
        make_config(study, features="beat+rr")


def test_a_trial_may_have_rr_unless_it_starts_from_the_puzzle():
    make_config("selection", features="beat+rr", pipeline="baseline")
    with pytest.raises(UserError, match=r"features is beat\+rr"):
        make_config("selection", features="beat+rr", pipeline="ssl")


def test_a_study_without_a_run_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "unfinished.py").write_text('"""A study that nobody has written yet."""\n')
    monkeypatch.setattr(studies, "__path__", [*studies.__path__, str(tmp_path)])
    with pytest.raises(UserError, match=r"unfinished\.py has no run: decorate a function"):
        make_config("unfinished")
