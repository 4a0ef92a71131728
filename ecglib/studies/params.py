"""Params files, which list the runs of a profile.

A params file is YAML with a section `common` and a section for each study. The section of a
study is a list of arms, each with settings of that study. A setting with a list of values
stands for several arms, one for each value. An unknown or repeated name is an error.
"""

import re
from pathlib import Path
from typing import ClassVar

import yaml

from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.paths import PARAMS
from ecglib.system.settings import typed

LAUNCH = {"seeds": [7], "records": None, "data_root": None, "device": "auto", "scheduler": None}
"""Settings of `common` about how runs are started, with their defaults."""

SHARED = ("records", "channels", "pretext_epochs")
"""Settings of `common` that go into every configuration that has them."""


_LISTS = ("seeds", "records")
"""Settings of `common` that are lists of whole numbers; a number stands for a list of one."""

_WORDS = {"data_root": "a path", "device": "auto, cpu or cuda"}

_TAG = "tag:yaml.org,2002:"
_USUAL = yaml.SafeLoader.yaml_implicit_resolvers  # first letter -> (tag, pattern)
_NOT_MEANT = (f"{_TAG}bool", f"{_TAG}timestamp")


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as people mean it, and no key may come twice.

    As in YAML 1.2, `1e-3` is a number, and yes, no, on, off and dates are words. Numbers in
    base 8 and 60, `010` and `1:30`, are errors.
    """

    yaml_implicit_resolvers: ClassVar = {
        letter: [found for found in _USUAL[letter] if found[0] not in _NOT_MEANT]
        for letter in _USUAL
    }

    def compose_mapping_node(self, anchor):
        node, seen = super().compose_mapping_node(anchor), set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                raise _error(f"{key.value} is repeated", key)
            seen.add(name)
        return node

    def number(self, node):
        """A number as people read it."""
        text, whole = node.value, node.tag == f"{_TAG}int"
        value = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        if ":" in text or re.fullmatch(r"[-+]?0[0-7_]+", text):
            base = 60 if ":" in text else 8
            raise _error(f"{text} would be {value} (base {base}); write it in base 10", node)
        return value


def _error(what, node):
    return yaml.constructor.ConstructorError(None, None, what, node.start_mark)


_EXPONENT = re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
_TRUTH = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_Loader.add_implicit_resolver(f"{_TAG}float", _EXPONENT, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}bool", _TRUTH, list("tTfF"))
_Loader.add_constructor(f"{_TAG}int", _Loader.number)
_Loader.add_constructor(f"{_TAG}float", _Loader.number)


def path_of(profile):
    """Path of a params file, which is given as a path or as the name of a file in `params/`."""
    path = Path(profile)
    return path if path.suffix else PARAMS / f"{profile}.yaml"


def load_params(path):
    """Read the sections of a params file and check their names.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    dict
        `common` -> values by name; study -> list of arms, each a dict.

    Raises
    ------
    UserError
        If the file is missing or not such a YAML file, a section is not a study, a name or a
        section comes twice, or a name in `common` is unknown.
    """
    path = Path(path)
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in path.parent.glob("*.yaml"))) or "none"
        raise UserError(f"there is no params file {path}; its folder holds {known}")
    try:
        params = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        line, what = error.problem_mark.line + 1, error.problem
        raise UserError(f"{path} cannot be read, line {line}: {what}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    params = {} if params is None else params
    if not isinstance(params, dict):
        raise UserError(f"{path} must hold sections: common, and studies with a list of arms")
    common = params.pop("common", None)
    common = {} if common is None else common
    if not isinstance(common, dict):
        raise UserError(f"{path}: section common must hold lines of `name: value`")
    if misplaced := common.keys() & set(registry.names()):
        raise UserError(f"{path}: {sorted(misplaced)[0]} is a study; give it its own section")
    studies = {name: [] if arms is None else arms for name, arms in params.items()}
    return override({"common": {}}, common | studies, f"{path}: ")


def override(params, values, where=""):
    """Replace values of `common`, or the arms of studies.

    Parameters
    ----------
    params : dict
        Sections from `load_params`, which are not changed.
    values : dict
        New values by name. A name is one of `common`, or that of a study, whose value is a list
        of arms. None leaves a value as it is.
    where : str
        First words of an error.
    """
    in_common = dict.fromkeys((*LAUNCH, *SHARED))
    studies = registry.names()
    params = params | {"common": dict(params["common"])}
    for name, value in values.items():
        if name not in in_common and name not in studies:
            raise UserError(
                f"{where}unknown name {name!r}; known are {', '.join(in_common)}, and the "
                f"studies {', '.join(studies)}"
            )
        if value is None:
            continue
        if name in in_common:
            params["common"][name] = _common(name, value, where)
        else:
            if not (isinstance(value, list) and all(isinstance(arm, dict) for arm in value)):
                raise UserError(
                    f"{where}{name} is {value!r}; it must be a list of arms with settings"
                )
            params[name] = value
    return params


def _common(name, value, where):
    """A value of `common` of the right type, or a `UserError`."""
    if name in _LISTS:
        given = value if isinstance(value, list) else [value]
        if not given:
            raise UserError(f"{where}{name} is empty; give at least one, for instance [7]")
        return list(typed(f"{where}{name}", given, tuple[int, ...]))
    if name in _WORDS and not isinstance(value, str):
        raise UserError(f"{where}{name} is {value!r}; it must be {_WORDS[name]}")
    return value


def parse_overrides(pairs):
    """Values by name from `name=value` texts; values are read as YAML.

    Examples
    --------
    >>> parse_overrides(["seeds=[7, 21]", "channels=null"])
    {'seeds': [7, 21], 'channels': None}
    """
    overrides = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        sentence = f"-p expects NAME=VALUE with a YAML value, not {pair!r}"
        if not (name and value.strip()):
            raise UserError(sentence)
        if name in overrides:
            raise UserError(f"-p gives {name} twice; give it once")
        try:
            overrides[name] = yaml.load(value, _Loader)
        except yaml.constructor.ConstructorError as error:
            raise UserError(f"-p {pair}: {error.problem}") from None
        except (yaml.YAMLError, ValueError, RecursionError):
            raise UserError(sentence) from None
    return overrides
