"""Params files, which list the runs of a profile.

A params file is YAML with a section `common` and a section for each study. The section of a
study is a list of arms, each with settings of that study. A setting with a list of values
stands for several arms, one for each value. An unknown or repeated name is an error.
"""

import re
from pathlib import Path

import yaml

from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.paths import PARAMS

LAUNCH = {"seeds": [7], "records": None, "data_root": None, "device": "auto", "scheduler": None}
"""Settings of `common` about how runs are started, with their defaults."""

SHARED = ("records", "channels", "pretext_epochs")
"""Settings of `common` that go into every configuration that has them."""


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
