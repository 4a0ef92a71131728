"""Params files: where the runs of a profile are listed.

A params file is YAML with a section `common` and one section a study. The section of a study is
a list of arms, each with settings of that study; a setting with a list of values stands for one
arm a value. A misspelt, unknown or repeated name is an error instead of a run with the default.
"""

import re
from pathlib import Path

import yaml

from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.paths import PARAMS

LAUNCH = {"seeds": [7], "records": None, "data_root": None, "device": "auto", "scheduler": None}
"""What `common` may say about a launch, and what holds if it does not."""

SHARED = ("records", "channels", "pretext_epochs")
"""What `common` may say that goes into every configuration which knows it."""


_KINDS = {
    "seeds": (list, "a list of numbers"),
    "records": (list, "a list of numbers"),
    "data_root": (str, "a path"),
    "device": (str, "auto, cpu or cuda"),
}


class _Loader(yaml.SafeLoader):
    """YAML 1.1, except that `1e-3` is a number, as in YAML 1.2, and no key may come twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            mark = node.value[len(keys) - 1 - keys[::-1].index(twice[0])][0].start_mark
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is repeated", mark)
        return super().construct_mapping(node, deep)


_EXPONENT = re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))


def path_of(profile):
    """Path of a params file: a path as it is, or the name of one in `params/`."""
    path = Path(profile)
    return path if path.suffix else PARAMS / f"{profile}.yaml"


def load_params(path):
    """Sections of a params file, checked.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    dict
        `common` -> values by name; study -> list of arms, a dict each.

    Raises
    ------
    UserError
        The file is missing or no such YAML; a section is no study; a name or a section comes
        twice; a name in `common` is unknown.
    """
    path = Path(path)
    if not path.is_file():
        known = ", ".join(sorted(file.name for file in path.parent.glob("*.yaml"))) or "none"
        raise UserError(f"there is no params file {path}; its folder holds {known}")
    try:
        params = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
    except yaml.MarkedYAMLError as error:
        line, what = error.problem_mark.line + 1, error.problem
        raise UserError(f"{path} cannot be read, line {line}: {what}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(params, dict):
        raise UserError(f"{path} must hold sections: common, and studies with a list of arms")
    common = params.pop("common", None) or {}
    if not isinstance(common, dict):
        raise UserError(f"{path}: section common must hold lines of `name: value`")
    if misplaced := common.keys() & set(registry.names()):
        raise UserError(f"{path}: {sorted(misplaced)[0]} is a study; give it its own section")
    studies = {name: arms or [] for name, arms in params.items()}
    return override({"common": {}}, common | studies, f"{path}: ")


def override(params, values, where=""):
    """Params with other values: of `common` by their names, of arms by the name of a study.

    Parameters
    ----------
    params : dict
        From `load_params`; not changed.
    values : dict
        Values by name; names of `common` or of studies, whose arms are a list of settings.
        None leaves a value as it is.
    where : str
        What an error begins with.
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
            kind, words = _KINDS.get(name, (object, ""))
            if not isinstance(value, kind):
                raise UserError(f"{where}{name} is {value!r}; it must be {words}")
            params["common"][name] = value
        else:
            if not (isinstance(value, list) and all(isinstance(arm, dict) for arm in value)):
                raise UserError(
                    f"{where}{name} is {value!r}; it must be a list of arms with settings"
                )
            params[name] = value
    return params


def parse_overrides(pairs):
    """Values by name from `name=value` texts; values are read as YAML.

    Examples
    --------
    >>> parse_overrides(["seeds=[7, 21]", "channels=null"])
    {'seeds': [7, 21], 'channels': None}
    """
    overrides = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        sentence = f"-p expects NAME=VALUE with a YAML value, not {pair!r}"
        if not (name and equals):
            raise UserError(sentence)
        try:
            overrides[name] = yaml.load(value, _Loader)
        except (yaml.YAMLError, ValueError):
            raise UserError(sentence) from None
    return overrides
