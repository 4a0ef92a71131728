"""Params files and overrides: what reaches a chapter, and how mistakes are told."""

import subprocess
import sys

import pytest

from ecglib.studies.params import (
    declared_parameters,
    find_chapter,
    load_params,
    parameters_for,
    parse_overrides,
)
from ecglib.system.errors import UserError

FIRST = """# ---
# jupyter:
#   kernelspec: {name: python3}
# ---

# %% [markdown]
# # What?

# %% tags=["parameters", "hide-input"]
seeds = [7]  # type: list[int]
lr = 1e-3  # type: float  a comment with "tags"

# %%
x = 1  # no parameter
"""
SECOND = '# %% {"tags": ["parameters"]}\nlr = 0.5\ndata_root = None\n'


@pytest.fixture
def chapters(tmp_path):
    folder = tmp_path / "chapters"
    folder.mkdir()
    (folder / "01_first.py").write_text(FIRST)
    (folder / "02_second.py").write_text(SECOND)
    (folder / "03_bare.py").write_text("# %%\nx = 1\n")
    return folder


@pytest.fixture
def params_file(tmp_path):
    def write(text):
        path = tmp_path / "some.yaml"
        path.write_text(text)
        return path

    return write


def test_declared_parameters_are_those_of_the_tagged_cell(chapters):
    assert declared_parameters(chapters / "01_first.py") == {"seeds": [7], "lr": 1e-3}
    assert declared_parameters(chapters / "02_second.py") == {"lr": 0.5, "data_root": None}
    assert declared_parameters(chapters / "03_bare.py") == {}


@pytest.mark.parametrize("line", ["lr = compute()", "a, b = 1, 2", "print(1)", "lr: float"])
def test_parameters_cell_with_anything_but_plain_values(chapters, line):
    (chapters / "02_second.py").write_text(f'# %% tags=["parameters"]\n{line}\n')
    with pytest.raises(UserError, match=r"02_second\.py: a parameter must read"):
        declared_parameters(chapters / "02_second.py")


def test_precedence_is_default_common_section_override(chapters, params_file):
    path = params_file("common: {lr: 1, data_root: x}\n01_first: {lr: 2}\n")
    params = load_params(path, chapters)
    first, second = chapters / "01_first.py", chapters / "02_second.py"
    assert parameters_for(params, first) == {"seeds": [7], "lr": 2}
    assert parameters_for(params, first, {"lr": 3}) == {"seeds": [7], "lr": 3}
    assert parameters_for(params, second) == {"lr": 1, "data_root": "x"}


def test_file_and_section_may_be_empty(chapters, params_file):
    assert load_params(params_file(""), chapters) == {}
    assert load_params(params_file("common:\n"), chapters) == {"common": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "common: {seed: 7}",
            "section 'common': unknown parameter 'seed'.*data_root, lr, seeds",
        ),
        ("01_first: {data_root: x}", "section '01_first': unknown.*'data_root'.*lr, seeds$"),
        (
            "first: {}",
            "unknown section 'first'; known are 01_first, 02_second, 03_bare, common",
        ),
        ("common: 7", "section 'common' must hold lines"),
        ("- common", "must hold sections"),
        ("common: {", "some.yaml is not valid YAML"),
    ],
)
def test_bad_params_file_is_one_clear_sentence(chapters, params_file, text, message):
    with pytest.raises(UserError, match=message) as error:
        load_params(params_file(text), chapters)
    assert "\n" not in str(error.value)


def test_missing_params_file_names_those_there_are(chapters, params_file):
    params_file("")
    with pytest.raises(UserError, match=r"no params file .*fast\.yaml.*some\.yaml"):
        load_params(chapters.parent / "fast.yaml", chapters)


def test_unknown_override_lists_the_known_parameters(chapters):
    with pytest.raises(UserError, match=r"01_first: unknown parameter 'sedes'.*lr, seeds"):
        parameters_for({}, chapters / "01_first.py", {"sedes": [1]})


def test_overrides_are_yaml():
    assert parse_overrides(["a=[1, 2]", "b=1e-3", "c=x=y", "d=none", "e=null"]) == {
        "a": [1, 2],
        "b": 0.001,
        "c": "x=y",
        "d": "none",
        "e": None,
    }


@pytest.mark.parametrize("pair", ["seeds", "=7", "seeds=[7"])
def test_malformed_override(pair):
    with pytest.raises(UserError, match="-p expects NAME=VALUE"):
        parse_overrides([pair])


@pytest.mark.parametrize("name", ["02", "02_second", "chapters/02_second.py"])
def test_chapter_is_found_by_number_name_and_path(chapters, name):
    assert find_chapter(name, chapters) == chapters / "02_second.py"


@pytest.mark.parametrize("name", ["2", "04", "second", "chapters/02_other.py"])
def test_unknown_chapter_lists_the_known(chapters, name):
    with pytest.raises(UserError, match="known are 01_first, 02_second, 03_bare"):
        find_chapter(name, chapters)


def test_params_need_no_jupyter():
    code = "import sys, ecglib.studies.params; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    modules = set(done.stdout.split())
    assert "yaml" in modules
    assert not modules & {"jupytext", "papermill", "nbformat", "IPython", "torch"}
