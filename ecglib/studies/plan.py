"""From parameters to runs: which configurations a study has, and where its data is."""

import contextlib
import dataclasses
import itertools

from ecglib.config import CONFIGS, config_class, make_config
from ecglib.data.find import search as sources
from ecglib.studies.params import declared_parameters, list_chapters, parameters_for
from ecglib.studies.worksite import Worksite, run_study
from ecglib.system.errors import UserError
from ecglib.system.paths import RUNS

COMMON = ("channels", "records", "pretext_epochs")
"""Parameters that go into every configuration of a study that knows them."""


def expand(study, arms, *, seeds=(), **shared):
    """Configurations of a study from a table of arms.

    Parameters
    ----------
    study : str
        Name of the study.
    arms : list of dict
        Settings of each arm; a setting with a list of values stands for one arm a value.
    seeds : list of int
        Seeds of every arm that does not name its own under `seed`.
    **shared
        Settings that all arms have in common.

    Returns
    -------
    list of RunConfig
        In order of the arms, without repetition.

    Examples
    --------
    >>> [c.slug for c in expand("personalization", [{"strategy": ["none", "full"]}], seeds=[7])]
    ['none-head-300-batch-ds1_ds2-s7', 'full-head-300-batch-ds1_ds2-s7']
    """
    configs = []
    has_seed = "seed" in {field.name for field in dataclasses.fields(config_class(study))}
    for arm in arms:
        grid = {"seed": seeds, **arm} if has_seed else arm
        values = [v if isinstance(v, list) else [v] for v in grid.values()]
        for combination in itertools.product(*values):
            settings = shared | dict(zip(grid, combination, strict=True))
            configs.append(make_config(study, **settings))
    return list(dict.fromkeys(configs))


def plan(study, parameters):
    """Configurations of a study from the parameters of its chapter.

    Parameters
    ----------
    study : str
        Name of the study; the parameter of the same name is its table of arms.
    parameters : dict
        `seeds`, the table of arms, and any of `COMMON`.

    Returns
    -------
    list of RunConfig

    Raises
    ------
    UserError
        If the table of arms has another form, or a setting is unknown or impossible.
    """
    table = parameters[study]
    if not (isinstance(table, list) and all(isinstance(arm, dict) for arm in table)):
        raise UserError(f"{study} is {table!r}; it must be a list of arms, each with settings")
    known = {field.name for field in dataclasses.fields(config_class(study))}
    shared = {name: parameters[name] for name in COMMON if name in parameters and name in known}
    return expand(study, table, seeds=parameters.get("seeds", ()), **shared)


def find_source(parameters, profile):
    """The data that a chapter's parameters ask for; only quick may invent patients.

    Parameters
    ----------
    parameters : dict
        `data_root` and `records` are read.
    profile : str
        Name of the params file.

    Returns
    -------
    Source
    """
    if not isinstance(parameters["records"], list):
        raise UserError(f"records is {parameters['records']!r}; it must be a list of numbers")
    return sources.find(
        data_root=parameters["data_root"],
        records=parameters["records"],
        allow_synthetic=profile == "quick",
    )


def find_sources(configs, parameters, profile):
    """The data sets that runs on recordings read; only quick may invent some.

    Parameters
    ----------
    configs : list of RunConfig
        Their `data_name` and, if they have one, `target` are read.
    parameters : dict
        `data_root`, and `records` if MIT-BIH is among them.
    profile : str
        Name of the params file.

    Returns
    -------
    dict of str to Source
    """
    return {name: _source_of(name, parameters, profile) for name in _data_sets(configs)}


def _data_sets(configs):
    """Names of the data sets that runs read, in order of the runs."""
    return dict.fromkeys(
        name for c in configs for name in (c.data_name, getattr(c, "target", None)) if name
    )


def _source_of(name, parameters, profile):
    if name == "mitdb":
        return find_source(parameters, profile)
    invented = profile == "quick"
    return sources.find(name, parameters["data_root"], allow_synthetic=invented)


def data_identity(params, profile, overrides):
    """Identity of the data that the chapters of a book read, to tell when it has changed.

    Parameters
    ----------
    params : dict
        From `ecglib.studies.params.load_params`.
    profile : str
        Name of the params file.
    overrides : dict
        Parameters set on the command line.

    Returns
    -------
    str
    """
    identities = set()
    for path in list_chapters():
        declared = declared_parameters(path)
        if {"data_root", "records"} <= declared.keys():
            mine = {name: overrides[name] for name in overrides.keys() & declared.keys()}
            parameters = parameters_for(params, path, mine)
            studies = CONFIGS.keys() & declared.keys()
            planned = [config for name in studies for config in plan(name, parameters)]
            found = [find_source(parameters, profile), *_others(planned, parameters, profile)]
            identities |= {f"{source.sha256} {source.path}" for source in found}
    return " ".join(sorted(identities))


def _others(planned, parameters, profile):
    """Data sets besides MIT-BIH that are there; only a chapter that needs one may complain."""
    found = []
    for name in _data_sets(planned).keys() - {"mitdb"}:
        with contextlib.suppress(UserError):
            found.append(_source_of(name, parameters, profile))
    return found


def run_from_params(study, params, profile, *, overrides, runs=RUNS, again=False):
    """Run a study as its chapter would, without the chapter.

    Parameters
    ----------
    study : str
        Name of the study.
    params : dict
        From `ecglib.studies.params.load_params`.
    profile : str
        Name of the params file.
    overrides : dict
        Parameters set on the command line.
    runs : Path
        Folder of live results.
    again : bool
        Forget the results that these runs have already.

    Returns
    -------
    list of RunResult

    Raises
    ------
    UserError
        If there is no study of this name, or no chapter that declares its arms.
    """
    config_class(study)
    owner = next((p for p in list_chapters() if study in declared_parameters(p)), None)
    if owner is None:
        raise UserError(f"no chapter declares arms of study {study}; add a parameter {study}")
    parameters = parameters_for(params, owner, overrides)
    configs = plan(study, parameters)
    found = find_sources(configs, parameters, profile)
    for source in found.values():
        print(source.describe())
    where = {"profile": profile, "device": parameters["device"], "runs": runs}
    for config in configs if again else []:
        Worksite(found, **where).path(config).unlink(missing_ok=True)
    return run_study(configs, found, **where, scheduler=parameters.get("scheduler"))
