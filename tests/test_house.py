"""Rules of the house that no linter knows."""

import ast
import re
import subprocess

import pytest

from ecglib.system.paths import REPO

LONGEST_FILE = 500  # lines
LONGEST_FUNCTION = 50  # lines of body, without the docstring
MODULES = sorted((REPO / "ecglib").rglob("*.py"))
FOLDER_OF_SOMEONES_MACHINE = re.compile(r"(?<![\w.~])/(work|home|root|Users)/\w")

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda path: str(path.relative_to(REPO))
)


def functions(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def body_lines(function):
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def tracked_files():
    listed = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git repository")
    return [REPO / name for name in listed.stdout.splitlines() if (REPO / name).is_file()]


@each_module
def test_file_is_short(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@each_module
def test_functions_are_short(module):
    long = {
        f.name: body_lines(f) for f in functions(module) if body_lines(f) > LONGEST_FUNCTION
    }
    assert not long


@each_module
def test_module_and_its_public_functions_say_what_they_do(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    public = [f for f in tree.body if isinstance(f, ast.FunctionDef | ast.ClassDef)]
    silent = [f.name for f in public if f.name[0] != "_" and not ast.get_docstring(f)]
    assert ast.get_docstring(tree) or not tree.body
    assert not silent


CHAPTERS = sorted((REPO / "chapters").glob("*.py"))
UNPICKLE = {"pickle", "dill", "joblib", "shelve", "marshal"}


@pytest.mark.parametrize("module", [*MODULES, *CHAPTERS], ids=lambda path: path.stem)
def test_nothing_is_unpickled_or_unpacked_unseen(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) for alias in getattr(node, "names", ())
             if isinstance(node, ast.Import | ast.ImportFrom)}  # fmt: skip
    assert not names & UNPICKLE
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = ast.unparse(call.func)
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert called.rpartition(".")[2] not in {"extractall", "extract", "read_pickle"}
        if called == "np.load":
            assert given.get("allow_pickle") == "False"
        if called == "torch.load":
            assert given.get("weights_only") == "True"
        if called.startswith("yaml."):
            assert called in ("yaml.load", "yaml.constructor.ConstructorError")
            assert called != "yaml.load" or ast.unparse(call.args[1]) == "_Loader"


def test_no_notebook_is_tracked():
    assert [file for file in tracked_files() if file.suffix == ".ipynb"] == []


def test_no_tracked_file_names_a_folder_of_someones_machine():
    texts = {
        file: file.read_text(encoding="utf-8", errors="ignore") for file in tracked_files()
    }
    named = [file for file, text in texts.items() if FOLDER_OF_SOMEONES_MACHINE.search(text)]
    assert named == []
