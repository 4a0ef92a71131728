"""Configurations of the micro network: splits, refusals, identities."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.aami import DS1, DS2, patient_of
from ecglib.data import sets
from ecglib.data.signal.micro_input import parts_of
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.budget_ecgnet import EcgnetBudgetConfig
from ecglib.studies.micro import MicroConfig
from ecglib.studies.registry import make_config, twin_of
from ecglib.studies.robustness import RobustnessConfig
from ecglib.system.errors import UserError

EVERYONE = DS1 + DS2
FEATURES = ("derivative", "raw", "template", "causal", "rr", "rhythm")
ALLOWED = {
    frozenset(filter(None, parts))
    for parts in product(
        *(("derivative", "raw"), ("", "template"), ("", "causal", "rr"), ("", "rhythm"))
    )
}


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


@pytest.mark.parametrize(
    ("split", "n_folds", "tested"), [("lopo", 43, EVERYONE), ("ds1_cv", 11, DS1)]
)
def test_everybody_is_left_out_once_and_nobody_is_on_both_sides(split, n_folds, tested):
    folds = sets.get("mitdb").folds(split, EVERYONE)
    assert len(folds) == n_folds
    assert sorted(r for _, test in folds for r in test) == sorted(tested)
    for train, test in folds:
        assert not {patient_of(r) for r in train} & {patient_of(r) for r in test}
        assert sorted(train + test) == sorted(tested)


@given(st.sets(st.sampled_from(EVERYONE), min_size=1), st.sampled_from(["lopo", "ds1_cv"]))
def test_folds_of_some_records_hold_them_all_and_part_the_patients(records, split):
    used = records & set(EVERYONE if split == "lopo" else DS1)
    folds = sets.get("mitdb").folds(split, tuple(records))
    assert sorted(r for _, test in folds for r in test) == sorted(used)
    for train, test in folds:
        assert set(train) | set(test) == used
        assert len(train) + len(test) == len(used)
        assert not {patient_of(r) for r in train} & {patient_of(r) for r in test}
    if split == "lopo":
        assert len(folds) == len({patient_of(r) for r in used})


@pytest.mark.parametrize(("split", "shared"), [("ds1_ds2", {201}), ("ds1_val", set())])
def test_the_standard_split_shares_one_man_and_that_of_ds1_nobody(split, shared):
    ((train, test),) = sets.get("mitdb").folds(split, EVERYONE)
    assert {patient_of(r) for r in train} & {patient_of(r) for r in test} == shared


def test_the_two_records_of_one_man_are_left_out_together():
    assert (201, 202) in [test for _, test in sets.get("mitdb").folds("lopo", EVERYONE)]


def test_other_splits_are_one_training():
    assert sets.get("mitdb").folds("ds2_ds1", EVERYONE) == [(DS2, DS1)]
    config = MicroConfig(split="lopo", records=(100, 101, 201, 202))
    assert config.sides() == ((101, 201, 202, 100), (100, 101, 201, 202))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "ds3"}, "split is 'ds3'; it must be one of"),
        ({"features": "rr"}, "features is 'rr'"),
        ({"features": "derivative+raw"}, "features is"),
        ({"features": "derivative+rr+rr"}, "features is"),
        ({"features": "derivative+rr+causal"}, "features is"),
        ({"scope": "head_int8"}, "scope is 'head_int8'"),
        ({"leads": "V1"}, "leads is 'V1'"),
        ({"bits": 4}, "scope none rounds nothing"),
        ({"bits": 1, "scope": "all_int8"}, "bits is 1"),
        ({"bits": 9, "scope": "all_int8"}, "bits is 9"),
        ({"allocation": "milp"}, "scope none rounds nothing"),
        ({"allocation": "best", "scope": "all_int8"}, "allocation is 'best'"),
        ({"width": 0.0}, "width is 0.0; it must be above zero"),
        ({"class_cap": 0}, "class_cap is 0"),
        ({"augmentation": -0.1}, "augmentation is -0.1"),
        ({"records": (101, 106)}, "record of split ds1_ds2"),
        ({"records": (101,), "split": "lopo"}, "record of split lopo"),
        ({"records": (100,), "split": "ds1_cv"}, "record of split ds1_cv"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        MicroConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": -1}, "budget is -1"),
        ({"budget": "many"}, "budget is 'many'"),
        ({"budget": 5}, "update is 'none'; with budget 5"),
        ({"budget": 5, "update": "adabn"}, "update is 'adabn'"),
        ({"budget": 5, "update": "head"}, "query is 'none', but budget is 5"),
        ({"query": "random"}, "query is 'random', but budget is 0"),
        ({"update": "head"}, "update is 'head'; with budget 0"),
        ({"budget": 5, "query": "best", "update": "head"}, "query is 'best'"),
        ({"update": "adabn", "scope": "all_int8"}, "integers have none left"),
        ({"update": "own_rr", "features": "derivative+causal"}, r"add \+rr"),
        ({"asking": "later"}, "asking is 'later'"),
        ({"unsure": 0.0}, "unsure is 0.0"),
        ({"label_weight": 0.0}, "label_weight is 0.0"),
        ({"online_seconds": 0}, "online_seconds is 0"),
    ],
)
def test_questions_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        BudgetConfig(**settings)


def test_a_stream_has_a_number_of_labels_an_hour():
    asked = {"query": "margin", "update": "head", "asking": "stream"}
    with pytest.raises(UserError, match="budget is all"):
        BudgetConfig(budget="all", **asked)
    with pytest.raises(UserError, match="a stream learns by training"):
        BudgetConfig(budget=12, **{**asked, "update": "prototypes"})
    assert BudgetConfig(budget=12, **asked).slug == "12-margin-head-stream-none-ds1_ds2-s7"


def test_ecgnet_is_asked_with_its_timing():
    assert EcgnetBudgetConfig().features == "beat+rr"
    with pytest.raises(UserError, match="'features' is no setting"):
        make_config("budget_ecgnet", features="beat")


def test_perturbations_without_levels_have_none():
    with pytest.raises(UserError, match="level is 3"):
        RobustnessConfig(perturbation="detected", level=3)
    with pytest.raises(UserError, match="perturbation is 'hum'"):
        RobustnessConfig(perturbation="hum")


def test_what_goes_on_from_a_network_shares_it():
    asked = BudgetConfig(scope="all_int8", budget=5, query="mixed", update="head", seed=21)
    worse = RobustnessConfig(scope="all_int8", perturbation="lead", seed=21)
    same = MicroConfig(scope="all_int8", seed=21)
    assert twin_of(asked, MicroConfig) == twin_of(worse, MicroConfig) == same
    rounded = MicroConfig(scope="all_int8", bits=3, allocation="milp", qat_epochs=9, seed=21)
    assert rounded.fp32() == same.fp32() == MicroConfig(seed=21)


@pytest.mark.parametrize("study", ["micro", "budget", "budget_ecgnet", "robustness"])
def test_settings_survive_json(study):
    config = make_config(study)
    assert make_config(study, **config.to_dict()) == config
