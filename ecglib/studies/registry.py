"""Studies by name; a decorator joins a configuration and the function that runs it.

Every module of this folder that is not named in `_SHARED` is a study with the module's name. It
is imported only when it is used, so a machine needs only the packages of its own studies.
"""

import hashlib
import importlib
import json
import pkgutil
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

from ecglib import studies
from ecglib.system.errors import UserError
from ecglib.system.settings import Settings

_SHARED = ("cluster", "params", "plan", "registry", "run")
_STUDIES = {}


@dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """Base class of all configurations: checked settings, an identity, a readable name.

    Attributes
    ----------
    study : str
        Name of the study, which `@study` sets.
    protocol : int
        Version of the study's code; it is increased when results change, so that older ones are
        not used.
    arm_keys : tuple of str
        Settings, or properties, that distinguish the arms of the study.
    timed : bool
        Whether the run measures speed; nothing else may run at the same time.
    headline : dict
        Settings of the one arm that a headline quotes.
    """

    study: ClassVar[str]
    protocol: ClassVar[int] = 1
    arm_keys: ClassVar[tuple[str, ...]]
    timed: ClassVar[bool] = False
    headline: ClassVar[dict] = {}

    @property
    def data_sets(self):
        """Data sets that the run reads: name -> records, or an empty tuple for all records."""
        return {self.dataset: self.records}

    def load_beats(self, dataset, path, records, **how):
        """Beats of records as the run reads them, see `BeatSet.load_beats`."""
        return dataset.load_beats(path, records, **how)

    def prerequisites(self):
        """Runs whose results this one needs, a list of RunConfig."""
        return []

    @property
    def selected(self):
        """Whether the run belongs to the arm that headlines quote."""
        named = self.headline.items()
        return bool(named) and all(getattr(self, name) == value for name, value in named)

    def to_dict(self):
        """Configuration as a dict that JSON can hold."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def slug(self):
        """Short readable name: the arm, and the seed if there is one."""
        arm = "-".join(str(getattr(self, key)) for key in self.arm_keys).replace("+", "_")
        seeded = any(field.name == "seed" for field in fields(self))
        return f"{arm}-s{self.seed}" if seeded else arm

    def hash_with(self, data):
        """Identity of a run, 12 hexadecimal digits.

        It depends on the configuration, the protocol, and the `name` and `sha256` of the data.
        """
        identity = [self.to_dict(), data["name"], data["sha256"], self.protocol]
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Study:
    """One study: the class of its configurations, and a function from a `Run` to a result."""

    config: type
    run: callable


def study(name, config):
    """Decorator of the function that runs a study.

    Parameters
    ----------
    name : str
        Name of the study, that of its module.
    config : type
        Its configurations, a frozen dataclass that inherits from `RunConfig`.

    Returns
    -------
    callable
        Decorator that does not change the function. The function takes an
        `ecglib.studies.run.Run` and returns the study's own fields of the `RunResult`, such as
        `metrics`, `runtime_s` and `predictions`.
    """
    config.study = name

    def tied(run):
        _STUDIES[name] = Study(config, run)
        return run

    return tied


def names():
    """Names of all studies, sorted."""
    found = {module.name for module in pkgutil.iter_modules(studies.__path__)}
    return sorted(found - set(_SHARED) | _STUDIES.keys())


def find(name):
    """A `Study` by its name.

    Raises
    ------
    UserError
        If there is no such study, or its module has no function decorated with `@study`.
    """
    if name not in _STUDIES:
        if name not in (known := names()):
            raise UserError(f"study {name!r} is unknown; known ones: {', '.join(known)}")
        module = importlib.import_module(f"ecglib.studies.{name}")
        if name not in _STUDIES:
            raise UserError(
                f"{module.__file__} has no run: decorate a function with "
                f"@study({name!r}, its configuration)"
            )
    return _STUDIES[name]


def settings_of(name):
    """Names of the settings of a study, a list of str."""
    return [field.name for field in fields(find(name).config)]


def make_config(study, /, **settings):
    """Configuration of a run from settings; a `UserError` if a name or value is not allowed."""
    known = settings_of(study)
    for name in settings:
        if name not in known:
            raise UserError(
                f"{name!r} is no setting of study {study}; known: {', '.join(known)}"
            )
    return find(study).config(**settings)


def twin_of(config, kind):
    """Configuration of another study that agrees in all settings that both studies have.

    Parameters
    ----------
    config : RunConfig
        Configuration of a run, which starts from networks of the other study.
    kind : type
        Configuration class of the other study.

    Returns
    -------
    RunConfig
        Configuration of class `kind`; runs with the same twin share its networks.
    """
    names = [field.name for field in fields(kind) if hasattr(config, field.name)]
    return kind(**{name: getattr(config, name) for name in names})
