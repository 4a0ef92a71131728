"""Plans: the configurations that a params file lists, and the data that they read."""

import contextlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ecglib.data import sets
from ecglib.data.find import search
from ecglib.studies.params import LAUNCH, SHARED, load_params, override, path_of
from ecglib.studies.registry import make_config, settings_of
from ecglib.studies.run import Run, Worksite, run_study
from ecglib.system.errors import UserError
from ecglib.system.paths import RUNS


def expand(study, arms, *, seeds=(), **shared):
    """Configurations of a study from a list of arms, in their order and without repetition.

    Parameters
    ----------
    study : str
        Name of the study.
    arms : list of dict
        Settings of each arm; a list of values stands for several arms, one for each value.
    seeds : list of int
        Seeds of every arm that does not name its own under `seed`.
    **shared
        Settings that all arms have in common.

    Examples
    --------
    >>> [c.slug for c in expand("personalization", [{"strategy": ["none", "full"]}], seeds=[7])]
    ['none-head-300-batch-ds1_ds2-s7', 'full-head-300-batch-ds1_ds2-s7']
    """
    configs = []
    has_seed = "seed" in settings_of(study)
    for arm in arms:
        # arms that differ in the seed alone come one after another and share what they prepare
        grid = arm | {"seed": arm.get("seed", seeds)} if has_seed else arm
        values = [v if isinstance(v, list) else [v] for v in grid.values()]
        if empty := [name for name, v in zip(grid, values, strict=True) if not v]:
            raise UserError(f"{study}: {empty[0]} is an empty list; give at least one value")
        for combination in itertools.product(*values):
            settings = shared | dict(zip(map(str, grid), combination, strict=True))
            configs.append(make_config(study, **settings))
    return list(dict.fromkeys(configs))


@dataclass(frozen=True)
class Plan:
    """Content of a params file, with functions that run it.

    Attributes
    ----------
    profile : str
        Name of the params file, "quick" for `params/quick.yaml`.
    params : dict
        Its sections, see `ecglib.studies.params.load_params`.
    """

    profile: str
    params: dict
    _found: dict = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, profile, /, **overrides):
        """The plan of a params file.

        Parameters
        ----------
        profile : str or path
            Name of a file in `params/`, or path of another one.
        **overrides
            Other values, see `ecglib.studies.params.override`; None keeps the value of the
            file.
        """
        path = path_of(profile)
        return cls(path.stem, override(load_params(path), overrides))

    def common(self, name):
        """One value of section `common`, or its default if the section lacks it."""
        return self.params["common"].get(name, LAUNCH.get(name))

    def configs(self, study, arms=None):
        """Configurations of a study (given by its name), a list of RunConfig.

        `arms`, a list of dict, replace those of the params file.
        """
        known, common = settings_of(study), self.params["common"]
        shared = {name: common[name] for name in SHARED if name in common and name in known}
        arms = self.params.get(study, []) if arms is None else arms
        return expand(study, arms, seeds=self.common("seeds"), **shared)

    def source(self, name="mitdb"):
        """Find a data set, as `Source`; of a data set of beats, the records of `common`."""
        return self._find(name, self.common("records") or ())

    def sources(self, *studies):
        """Find all data sets that some studies read; returns a dict from name to `Source`.

        A study is given by its name in the params file, or as a list of RunConfig.
        """
        return {name: self._find(name, records) for name, records in self._needed(studies)}

    def _needed(self, studies):
        """Data sets that studies read, each with all records that one of the studies needs."""
        needed = {}
        for study in studies:
            for config in self.configs(study) if isinstance(study, str) else study:
                for name, records in config.data_sets.items():
                    needed.setdefault(name, {}).update(dict.fromkeys(records))
        return [(name, tuple(records)) for name, records in needed.items()]

    def _find(self, name, records):
        """Find a data set once, since its files are hashed.

        Only the profile quick may use invented patients.
        """
        key = name, tuple(records) if isinstance(sets.get(name), sets.BeatSet) else ()
        if key not in self._found:
            allowed = self.profile == "quick"
            root = self.common("data_root")
            self._found[key] = search.find(name, root, records=key[1], allow_synthetic=allowed)
        return self._found[key]

    def run(self, study, *, arms=None, runs=RUNS, again=False):
        """Compute the runs of a study that have no result yet, and read the others: RunResults.

        Parameters
        ----------
        study, arms
            See `configs`.
        runs : path
            Folder of live results.
        again : bool
            Whether existing results of these runs are deleted first.
        """
        configs = self.configs(study, arms)
        sources, device = self.sources(configs), self.common("device")
        where = {"profile": self.profile, "device": device, "runs": Path(runs)}
        for config in configs if again else []:
            Worksite(sources, **where).path(config).unlink(missing_ok=True)
        return run_study(configs, sources, scheduler=self.common("scheduler"), **where)

    def on_cpu(self, config, runs=RUNS):
        """The `Run` of a configuration on the processor, which is not executed."""
        return Run(config, self.sources([config]), torch.device("cpu"), Path(runs))

    def data_identity(self):
        """Identity of all data that the plan's runs read, by which a change is noticed.

        Missing recordings are left out; a run that needs them raises an error later.
        """
        found = [self.source()]
        for name, records in self._needed(name for name in self.params if name != "common"):
            with contextlib.suppress(UserError):
                found.append(self._find(name, records))
        return " ".join(sorted({f"{source.sha256} {source.path}" for source in found}))
