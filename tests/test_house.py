"""Rules of the house that no linter knows."""

import ast
import functools
import re
import subprocess
from collections import defaultdict

import pytest

from ecglib.system.paths import REPO

LIBRARY = REPO / "ecglib"
PARALLEL = {"studies", "tables", "plots", "commands"}  # rooms with one file a theme each
MOST_ENTRIES, MOST_MODULES, LONGEST_CHAIN = 20, 6, 12
# Names that programs outside this repository rely on.
OUTSIDE = {"restore", "load_beats", "ideal_ratio", "quantize_array", "evaluate"}
MODULES = sorted(LIBRARY.rglob("*.py"))
FOLDER_OF_SOMEONES_MACHINE = re.compile(r"(?<![\w.~])/(work|home|root|Users)/\w")

each_module = pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(REPO)))


def tracked_files():
    listed = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git repository")
    return [REPO / name for name in listed.stdout.splitlines() if (REPO / name).is_file()]


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
    texts = {f: f.read_text(encoding="utf-8", errors="ignore") for f in tracked_files()}
    named = [file for file, text in texts.items() if FOLDER_OF_SOMEONES_MACHINE.search(text)]
    assert named == []


def entries():
    """Rooms: folders and modules at the top level of the library."""
    return [
        path
        for path in LIBRARY.iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__")
    ]


def room_of(module):
    return module.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imported(module):
    """Rooms that a module imports from."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            whole = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in whole if name.startswith("ecglib."))


def rooms():
    """Room -> rooms that it imports from, those that import nothing first."""
    edges = defaultdict(set)
    for module in MODULES:
        if module != LIBRARY / "__init__.py":
            edges[room_of(module)] |= set(imported(module)) - {room_of(module)}

    @functools.cache
    def depth(room):
        return 1 + max(map(depth, edges[room]), default=0)

    return {room: edges[room] for room in sorted(edges, key=lambda r: (depth(r), r))}, depth


def drawn():
    """The map: a row a room, a mark in the column of every room that it imports from."""
    edges, depth = rooms()
    names = list(edges)
    lines = [f"{'':14}" + " ".join(f"{number:>2}" for number in range(1, len(names) + 1))]
    for number, room in enumerate(names, start=1):
        marks = " ".join(
            " ●" if other in edges[room] else " ·" if place < number else "  "
            for place, other in enumerate(names, start=1)
        )
        lines.append(f"{number:>2} {room:<11}{marks}".rstrip())
    return "\n".join(lines), max(map(depth, names))


def test_there_are_few_rooms():
    found = entries()
    assert len(found) <= MOST_ENTRIES
    assert sum(path.suffix == ".py" for path in found) <= MOST_MODULES


def test_the_map_of_the_house_is_that_of_the_code():
    text, longest = drawn()
    shown = (REPO / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert text in shown, f"CONTRIBUTING.md should show:\n{text}"
    assert f"longest chain of rooms is {longest}" in shown
    assert longest <= LONGEST_CHAIN


def test_file_names_recur_only_in_parallel_rooms():
    places = defaultdict(list)
    for module in MODULES:
        if room_of(module) not in PARALLEL and module.stem != "__init__":
            places[module.stem].append(str(module.relative_to(LIBRARY)))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert twice == {"mitdb": ["data/mitdb.py", "data/sets/mitdb.py"]}  # the first is an alias


@pytest.mark.parametrize("module", [*MODULES, *CHAPTERS], ids=lambda path: path.stem)
def test_nothing_is_written_for_the_formatter(module):
    """No `f(*(a, b))` and no `f(**{"x": y})`, which only make lines shorter."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            stars = [arg.value for arg in node.args if isinstance(arg, ast.Starred)]
            assert not [v for v in stars if isinstance(v, ast.Tuple | ast.List)], node.lineno
            named = [word.value for word in node.keywords if word.arg is None]
            literal = [
                value
                for value in named
                if isinstance(value, ast.Dict)
                and all(isinstance(key, ast.Constant) for key in value.keys)
            ]
            assert not literal, node.lineno


def test_everything_public_is_used():
    files = [*MODULES, *CHAPTERS, REPO / "README.md", *(REPO / "chapters").glob("*.md")]
    words = defaultdict(set)
    for file in files:
        for word in re.findall(r"[A-Za-z_]\w*", file.read_text(encoding="utf-8")):
            words[word].add(file)
    unused = []
    for module in MODULES:
        text = module.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"
            tied = public and any("study(" in ast.unparse(d) for d in node.decorator_list)
            if public and not tied and node.name not in OUTSIDE:
                own = len(re.findall(rf"\b{node.name}\b", text)) > 1
                if not own and words[node.name] == {module}:
                    unused.append(f"{module.relative_to(LIBRARY)}: {node.name}")
    assert unused == []
