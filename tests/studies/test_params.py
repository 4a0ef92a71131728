"""Params files and overrides: what reaches the runs, and how mistakes are told."""

import subprocess
import sys

import pytest

from ecglib.studies import registry
from ecglib.studies.params import load_params, override, parse_overrides
from ecglib.studies.plan import expand
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
        ("common: {seeds: [7], 'seeds': [8]}", "line 1: seeds is repeated"),
        ("common:\n  seeds: [7]\nbaseline: []\ncommon: {}", "line 4: common is repeated"),
        ("common:\n  seeds: [010]", "line 2: 010 would be 8"),
        ("common: {records: [100, -0_17]}", "line 1: -0_17 would be -15"),
        ("common: {seeds: [1:30]}", "1:30 would be 90"),
        ("baseline:\n- {learning_rate: 1:30.5}", "line 2: 1:30.5 would be 90.5"),
        ("common: {seeds: [0o10]}", "seeds is '0o10'; it must be a whole number"),
        ("common: {seeds: [08]}", "seeds is '08'; it must be a whole number"),
        ("common: {seeds: [.inf]}", "seeds is inf; it must be a whole number"),
        ("common: {seeds: [yes]}", "seeds is 'yes'; it must be a whole number"),
        ("common: {seeds: [true]}", "seeds is True; it must be a whole number"),
        ("common: {seeds: [[7]]}", r"seeds is \[7\]; it must be a whole number"),
        ("common: {seeds: []}", "seeds is empty"),
        ("common: {records: []}", "records is empty"),
        ("common: false", "section common must hold lines"),
        ("baseline: 0", "baseline is 0; it must be a list of arms"),
        ("common:\n\tseeds: [7]", "line 2: .*t"),
        ("common: {}\n---\ncommon: {}", "cannot be read, line 2"),
        ("common: {seeds: *nowhere}", "nowhere"),
        ("!!python/object/apply:os.getcwd []", "cannot be read, line 1"),
    ],
)
def test_a_bad_file_is_one_clear_sentence_that_names_it(params_file, text, message):
    with pytest.raises(UserError, match=message) as error:
        load_params(params_file(text))
    assert "some.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_and_words_are_read_as_people_mean_them(params_file):
    text = "common: {seeds: 7, records: [1_00, 0], data_root: 2026-01-01, device: no}"
    assert load_params(params_file(text))["common"] == {
        "seeds": [7],
        "records": [100, 0],
        "data_root": "2026-01-01",
        "device": "no",
    }
    arms = "baseline:\n  - {learning_rate: 1e-3, epochs: 1e1, imbalance: off, a: 0.07, b: true}"
    (arm,) = load_params(params_file(arms))["baseline"]
    assert arm == dict(learning_rate=0.001, epochs=10, imbalance="off", a=0.07, b=True)


def test_anchors_serve_and_what_they_bring_may_be_replaced(params_file):
    text = """
probe:
  - &first {epochs: 1, norm: batch}
  - &second {<<: *first, epochs: 2}
baseline:
  - {<<: [*second, *first], norm: none}
"""
    params = load_params(params_file(text))
    assert params["probe"] == [{"epochs": 1, "norm": "batch"}, {"epochs": 2, "norm": "batch"}]
    assert params["baseline"] == [{"epochs": 2, "norm": "none"}]


@pytest.mark.parametrize(
    "content", [b"common: {seeds: [7]} # \xe9", b"\xff\xfec\0o\0", b"a: \x07"]
)
def test_what_is_no_text_is_one_sentence(tmp_path, content):
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"^[^\n]*some\.yaml is not valid YAML[^\n]*$"):
        load_params(path)


def test_a_mark_at_the_start_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("common: {seeds: [7]}", encoding="utf-8-sig")
    assert load_params(path)["common"] == {"seeds": [7]}


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


@pytest.mark.parametrize(
    "pair", ["seeds", "=7", "seeds=[7", "seeds=", "seeds= ", "seeds=" + "[" * 9999]
)
def test_a_malformed_override_is_refused(pair):
    with pytest.raises(UserError, match="-p expects NAME=VALUE"):
        parse_overrides([pair])


@pytest.mark.parametrize("value", ["010", "[1:30]", "{a: 1, a: 2}"])
def test_an_override_is_read_as_a_file_is(value):
    with pytest.raises(UserError, match=r"-p seeds=.*(base 8|base 60|a is repeated)"):
        parse_overrides([f"seeds={value}"])


def test_an_override_comes_once():
    with pytest.raises(UserError, match="seeds twice"):
        parse_overrides(["seeds=7", "seeds=8"])


@pytest.mark.parametrize("name", ["seeds", "records"])
def test_one_number_counts_as_a_list_of_one(name):
    assert override({"common": {}}, {name: 100}) == {"common": {name: [100]}}


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ({"epochs": []}, "epochs is an empty list"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": 10**400}, "must be a number"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**40}, "at most"),
        ({"study": "probe"}, "'study' is no setting"),
        ({3: 4}, "'3' is no setting"),
    ],
)
def test_a_value_that_no_run_can_take_is_named(arm, words):
    with pytest.raises(UserError, match=words):
        expand("baseline", [arm], seeds=[7])


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
    ("name", "value"), [("data_root", 3), ("device", 3), ("seeds", "abc"), ("records", "1a")]
)
def test_a_value_of_the_wrong_kind_is_named(name, value):
    with pytest.raises(UserError, match=f"{name} is {value!r}; it must be"):
        override({"common": {}}, {name: value})


def test_no_seeds_are_an_error():
    with pytest.raises(UserError, match="seeds is empty"):
        override({"common": {}}, {"seeds": []})
