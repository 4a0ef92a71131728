"""Params files: which values the chapters of a book, or the runs of a study, get.

A params file is YAML with a section `common` and one section a chapter. Only names that a
chapter declares in its cell tagged `parameters` may be set, so a misspelt name is an error
instead of a run with the default.

The chapters are read as plain text: a machine that only trains needs no Jupyter for this.
"""

import ast
import re
from pathlib import Path

import yaml

from ecglib.system.errors import UserError
from ecglib.system.paths import CHAPTERS
from ecglib.system.untrusted import read_bytes, refused

MAX_BYTES = 1_000_000
"""Of a params file; the longest here has some 10 kB."""

_CELL = re.compile(r"^# %%", re.MULTILINE)
_PARAMETERS_CELL = re.compile(r"""^.*\btags["']?\s*[=:]\s*\[[^]]*["']parameters["']""")


class _Loader(yaml.SafeLoader):
    """YAML 1.1, except that `1e-3` is a number, as in YAML 1.2 and in Python.

    Aliases (`*name`) are refused: a few lines of them stand for more values than fit in memory.
    """

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, "aliases are not read", mark)
        return super().compose_node(parent, index)


_EXPONENT = re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))


def list_chapters(folder=CHAPTERS):
    """Paths of the chapters in `folder`, in reading order."""
    return sorted(Path(folder).glob("[0-9][0-9]_*.py"))


def find_chapter(name, folder=CHAPTERS):
    """Path of the chapter that `name` means.

    Parameters
    ----------
    name : str
        The chapter's number (`03`), name (`03_personalization`) or path.
    folder : path
        Where the chapters lie.

    Raises
    ------
    UserError
        No chapter is called so.
    """
    stem = Path(name).name.removesuffix(".py")
    for chapter in list_chapters(folder):
        if stem in (chapter.stem, chapter.stem.partition("_")[0]):
            return chapter
    raise UserError(f"unknown chapter {name!r}; known are {_names(list_chapters(folder))}")


def declared_parameters(chapter):
    """Names and defaults in a chapter's cell tagged `parameters`.

    Parameters
    ----------
    chapter : path
        A chapter in py:percent format.

    Returns
    -------
    dict of str to object
        Empty if the chapter has no such cell.

    Raises
    ------
    UserError
        A default is no literal, so that it cannot be known without running the chapter.
    """
    text = Path(chapter).read_text(encoding="utf-8")
    cells = (cell for cell in _CELL.split(text)[1:] if _PARAMETERS_CELL.match(cell))
    declared = {}
    for statement in ast.parse("#" + next(cells, ""), str(chapter)).body:
        try:
            name = statement.targets[0].id
            declared[name] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError):
            raise UserError(
                f"{chapter}: a parameter must read `name = plain value`, "
                f"not `{ast.unparse(statement)}`"
            ) from None
    return declared


def load_params(path, chapters=CHAPTERS):
    """Sections of a params file, checked against the chapters.

    Parameters
    ----------
    path : path
        A YAML file.
    chapters : path
        Folder of the chapters whose parameters may be set.

    Returns
    -------
    dict of str to dict
        Values by name, by section.

    Raises
    ------
    UserError
        The file is missing or no such YAML; a section is no chapter; a name is declared by
        no chapter (`common`) or not by its section's chapter.
    """
    path = Path(path)
    params = _read_sections(path)
    declared = {
        chapter.stem: declared_parameters(chapter) for chapter in list_chapters(chapters)
    }
    declared["common"] = {name: None for names in declared.values() for name in names}
    for section, values in params.items():
        if section not in declared:
            raise UserError(
                f"{path}: unknown section {section!r}; known are {_listed(sorted(declared))}"
            )
        check_names(values, declared[section], f"{path}, section {section!r}")
    return params


def parameters_for(params, chapter, overrides=None):
    """All values that a chapter runs with.

    The chapter's defaults, then those of `common` that it declares, then its own section,
    then `overrides`.

    Parameters
    ----------
    params : dict of str to dict
        From `load_params`.
    chapter : path
        The chapter's file.
    overrides : dict, optional
        Values by name, as given on a command line.

    Returns
    -------
    dict of str to object
        One value for every name that the chapter declares.

    Raises
    ------
    UserError
        The chapter does not declare an override.
    """
    chapter, overrides = Path(chapter), overrides or {}
    declared = declared_parameters(chapter)
    check_names(overrides, declared, chapter.stem)
    common = {k: v for k, v in params.get("common", {}).items() if k in declared}
    return declared | common | params.get(chapter.stem, {}) | overrides


def parse_overrides(pairs):
    """Values by name from `name=value` texts; values are read as YAML.

    Examples
    --------
    >>> parse_overrides(["seeds=[7, 21]", "lr=1e-3", "data_root=null"])
    {'seeds': [7, 21], 'lr': 0.001, 'data_root': None}
    """
    overrides = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        sentence = f"-p expects NAME=VALUE with a YAML value, not {pair!r}"
        with refused(sentence):
            overrides[name] = yaml.load(value, _Loader)
        if not (name and equals):
            raise UserError(sentence)
    return overrides


def _read_sections(path):
    if not path.is_file():
        known = _listed(sorted(file.name for file in path.parent.glob("*.yaml")))
        raise UserError(f"there is no params file {path}; its folder holds {known}")
    with refused(f"{path} cannot be read: it is nested too deep, or has impossible values"):
        try:
            params = yaml.load(read_bytes(path, MAX_BYTES).decode(), _Loader) or {}
        except (yaml.YAMLError, ValueError) as error:
            raise UserError(
                f"{path} is not valid YAML: {' '.join(str(error).split())}"
            ) from None
    if not isinstance(params, dict):
        raise UserError(f"{path} must hold sections, each with lines of `name: value`")
    for section, values in params.items():
        if not isinstance(values, dict | None):
            raise UserError(f"{path}: section {section!r} must hold lines of `name: value`")
    return {section: values or {} for section, values in params.items()}


def check_names(values, declared, where):
    """Raise a `UserError` that lists `declared` if `values` has a name outside it."""
    for name in values:
        if name not in declared:
            raise UserError(
                f"{where}: unknown parameter {name!r}; known are {_listed(sorted(declared))}"
            )


def _names(chapters):
    return _listed([chapter.stem for chapter in chapters])


def _listed(names):
    return ", ".join(names) or "none"
