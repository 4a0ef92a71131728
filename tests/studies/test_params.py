"""Params files and overrides: what reaches the runs, and how mistakes are told."""

import subprocess
import sys

import pytest

from ecglib.studies import registry
from ecglib.studies.params import load_params, override, parse_overrides
from ecglib.system.errors import UserError
from ecglib.system.paths import PARAMS

TEXT = """# one study, two arms
common: {seeds: [7], channels: [4, 4, 4, 4, 4]}
baseline:
  - {learning_rate: 1e-3}
  - {features: beat+rr, epochs: [2, 3]}
"""


@pytest.fixture
def params_file(tmp_path):
    def write(text):
        path = tmp_path / "some.yaml"
        path.write_text(text)
        return path

    return write


def test_a_file_has_common_values_and_arms(params_file):
    assert load_params(params_file(TEXT)) == {
        "common": {"seeds": [7], "channels": [4, 4, 4, 4, 4]},
        "baseline": [{"learning_rate": 0.001}, {"features": "beat+rr", "epochs": [2, 3]}],
    }


@pytest.mark.parametrize("text", ["", "common:\n", "# nothing\n"])
def test_a_file_may_be_empty(params_file, text):
    assert load_params(params_file(text)) == {"common": {}}


def test_a_study_may_be_without_arms(params_file):
    assert load_params(params_file("baseline:\n")) == {"common": {}, "baseline": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("common: {seed: 7}", "unknown name 'seed'; known are seeds, records.*baseline"),
        ("02_wave_puzzle: []", "unknown name '02_wave_puzzle'.*puzzle"),
        ("common: {baseline: []}", "baseline is a study; give it its own section"),
        ("common: 7", "section common must hold lines"),
        ("baseline: {epochs: 2}", "baseline is {'epochs': 2}; it must be a list of arms"),
        ("baseline: [2]", r"baseline is \[2\]; it must be a list of arms"),
        ("- common", "must hold sections"),
        ("common: {", "some.yaml cannot be read, line 1"),
        ("seeds: [7]\nseeds: [8]", "line 2: seeds is repeated"),
        ("baseline: []\nprobe: []\nbaseline: []", "line 3: baseline is repeated"),
        ("common: {seeds: [7], device: cpu, seeds: [8]}", "seeds is repeated"),
        ("baseline:\n  - {epochs: 2, norm: batch, epochs: 3}", "line 2: epochs is repeated"),
    ],
)
def test_a_bad_file_is_one_clear_sentence_that_names_it(params_file, text, message):
    with pytest.raises(UserError, match=message) as error:
        load_params(params_file(text))
    assert "some.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_those_there_are(params_file):
    path = params_file("")
    with pytest.raises(UserError, match=r"no params file .*fast\.yaml.*some\.yaml"):
        load_params(path.parent / "fast.yaml")


def test_overrides_go_before_the_file_and_leave_it_as_it_is(params_file):
    params = load_params(params_file(TEXT))
    changed = override(params, {"seeds": [21], "baseline": [{}], "probe": [{"epochs": 1}]})
    assert changed["common"] == {"seeds": [21], "channels": [4, 4, 4, 4, 4]}
    assert (changed["baseline"], changed["probe"]) == ([{}], [{"epochs": 1}])
    assert params == load_params(params_file(TEXT))


def test_an_unknown_override_lists_what_is_known():
    with pytest.raises(UserError, match=r"^unknown name 'sedes'") as error:
        override({"common": {}}, {"sedes": [1]})
    for name in ("seeds", "records", "data_root", "device", "scheduler", *registry.names()):
        assert name in str(error.value)


def test_overrides_are_yaml():
    found = parse_overrides(["a=[1, 2]", "b=1e-3", "c=x=y", "d=none", "e=null"])
    assert found == {"a": [1, 2], "b": 0.001, "c": "x=y", "d": "none", "e": None}


@pytest.mark.parametrize("pair", ["seeds", "=7", "seeds=[7"])
def test_a_malformed_override_is_refused(pair):
    with pytest.raises(UserError, match="-p expects NAME=VALUE"):
        parse_overrides([pair])


@pytest.mark.parametrize("file", sorted(PARAMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_file_here_names_every_study(file):
    assert set(load_params(file)) == {"common", *registry.names()}


def test_params_need_no_jupyter():
    code = "import sys, ecglib.studies.params; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    modules = set(done.stdout.split())
    assert "yaml" in modules
    assert not modules & {"jupytext", "papermill", "nbformat", "IPython", "torch"}


def test_none_leaves_a_value_as_it_is(params_file):
    params = load_params(params_file(TEXT))
    assert override(params, {"channels": None, "baseline": None}) == params
    assert load_params(params_file("common: {records: null}")) == {"common": {}}


@pytest.mark.parametrize(
    ("name", "value"), [("data_root", 3), ("device", 3), ("seeds", "abc"), ("records", 100)]
)
def test_a_value_of_the_wrong_kind_is_named(name, value):
    with pytest.raises(UserError, match=f"{name} is {value!r}; it must be"):
        override({"common": {}}, {name: value})


def test_no_seeds_are_an_error():
    with pytest.raises(UserError, match="seeds is empty"):
        override({"common": {}}, {"seeds": []})
