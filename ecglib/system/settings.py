"""Settings of runs: frozen dataclasses whose fields say which values are allowed.

A module defines the group of settings that its code reads. The configuration of a study
inherits from several groups. So a setting has one name everywhere: `config.epochs` in code,
`epochs: 4` in a params file, `"epochs": 4` in a result file.
"""

import sys
from dataclasses import dataclass, field, fields

from ecglib.system.errors import UserError


def setting(default, *, one_of=None, above=None, low=None, high=None):
    """Field (`dataclasses.Field`) of a `Settings` class that refuses other values.

    Parameters
    ----------
    default : object
        Value if none is given.
    one_of : collection of str, optional
        The values that are allowed. The collection is read whenever a value is checked, so
        names that are added to it later are allowed too.
    above, low, high : float, optional
        The value must be greater than `above`, at least `low`, at most `high`.
    """
    limits = {"one_of": one_of, "above": above, "low": low, "high": high}
    return field(default=default, metadata=limits)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base class of groups of settings; values are checked when an object is made."""

    def __post_init__(self):
        for each in fields(self):
            value = typed(each.name, getattr(self, each.name), each.type)
            object.__setattr__(self, each.name, value)
            _refuse(each.name, value, **each.metadata)
        self.check()

    def check(self):
        """Refuse values that do not fit together; every override calls `super().check()`."""


def typed(name, value, kind):
    """The value converted to the type of its field, so that equal settings have equal hashes.

    The conversion is needed since YAML and JSON have no tuples and may write 1.0 as 1. A value
    of another type, an infinite one and NaN are a `UserError` that begins with `name`.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is int and number and (isinstance(value, int) or value.is_integer()):
        return int(value)
    if kind == tuple[int, ...] and isinstance(value, list | tuple):
        return tuple(typed(name, item, int) for item in value)
    if kind not in (int, float, tuple[int, ...]) and isinstance(value, kind):
        return value
    words = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
    wanted = words.get(kind, "a list of whole numbers")
    raise UserError(f"{name} is {value!r}; it must be {wanted}")


def _refuse(name, value, *, one_of=None, above=None, low=None, high=None):
    if one_of is not None and value not in one_of:
        raise UserError(f"{name} is {value!r}; it must be one of: {', '.join(one_of)}")
    limits = {
        f"above {'zero' if above == 0 else above}": above is None or value > above,
        f"at least {low}": low is None or value >= low,
        f"at most {high}": high is None or value <= high,
    }
    if wrong := [words for words, kept in limits.items() if not kept]:
        raise UserError(f"{name} is {value!r}; it must be {wrong[0]}")
