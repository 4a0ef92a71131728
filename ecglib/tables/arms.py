"""Arms of a study: results that differ in nothing but the seed, and their names."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.data.sets import patient_of
from ecglib.studies import registry
from ecglib.tables import names

BY_RECORD = ("per_record", "per_record_after_5min", "predictions")
"""Fields of a result that have an entry for each record."""

METRICS_BY_RECORD = ("asked", "online_macs", "detection")
"""Metrics that have one."""


@dataclass(frozen=True)
class Arm:
    """Results of one arm over its seeds.

    Attributes
    ----------
    settings : dict
        Configuration without the seed.
    results : list of RunResult
        One a seed.
    """

    settings: dict
    results: list

    @property
    def seeds(self):
        """Seeds of the results, as text."""
        return ", ".join(str(result.config["seed"]) for result in self.results)

    def matrices(self, *, after_5min=False):
        """Confusion matrices by record, one dict a seed."""
        return [result.matrix(after_5min=after_5min) for result in self.results]

    def values(self, statistic, *, after_5min=False, without=None):
        """A statistic of all beats pooled, one value a seed."""
        matrices = self.matrices(after_5min=after_5min)
        if without is not None:
            matrices = stats.without(matrices, without)
        return [float(statistic(stats.pool(m))) for m in matrices]

    def mean(self, statistic, *, after_5min=False):
        """Mean of `values` over seeds."""
        return float(np.mean(self.values(statistic, after_5min=after_5min)))


def group(results, **wanted):
    """Group results by everything but the seed.

    Parameters
    ----------
    **wanted
        Settings an arm must have, e.g. ``split="ds1_ds2"``.

    Returns
    -------
    list of Arm
        In order of first appearance, seeds ascending.
    """
    groups = {}
    for result in sorted(results, key=lambda r: r.config.get("seed", 0)):
        settings = {k: v for k, v in result.config.items() if k != "seed"}
        if all(settings.get(name) == value for name, value in wanted.items()):
            arm = groups.setdefault(str(sorted(settings.items())), Arm(settings, []))
            arm.results.append(result)
    return list(groups.values())


def on(arm, database):
    """An arm with the records of one data set only, for runs on several.

    Parameters
    ----------
    database : str
        Name of the data set.

    Returns
    -------
    Arm
        Its results keep matrices, predictions and metrics by record of this data set; their
        other metrics are of all records.

    Raises
    ------
    LookupError
        If it has no record of the data set.
    """

    def own(by_record):
        return {r: found for r, found in by_record.items() if patient_of(r)[0] == database}

    def part(result):
        mine = {name: own(getattr(result, name)) for name in BY_RECORD}
        metrics = {
            k: own(v) if k in METRICS_BY_RECORD else v for k, v in result.metrics.items()
        }
        if "in_noise" in metrics:
            metrics["in_noise"] = {k: own(v) for k, v in metrics["in_noise"].items()}
        if not mine["per_record"]:
            raise LookupError(f"an arm has no record of {database}")
        return replace(result, metrics=metrics, **mine)

    return replace(arm, results=[part(result) for result in arm.results])


def paired(arm, control, *, after_5min=False, without=None):
    """Confusion matrices of two arms with the same seeds: a pair of lists of dicts.

    Parameters
    ----------
    without : str, optional
        Record to leave out on both sides.

    Raises
    ------
    LookupError
        If their seeds differ: runs of one of them are missing.
    """
    if arm.seeds != control.seeds:
        raise LookupError(f"an arm has seeds {arm.seeds}, its control {control.seeds}")
    pair = [a.matrices(after_5min=after_5min) for a in (arm, control)]
    return pair if without is None else [stats.without(m, without) for m in pair]


def pooled(results, splits, **wanted):
    """One arm over several splits, each of which tests other records: its folds together.

    Parameters
    ----------
    splits : sequence of str
        One arm of each must have the settings `wanted`, all with the same seeds.

    Returns
    -------
    dict of str to list
        Record -> confusion matrix after 5:00, one dict a seed, as `ecglib.stats` takes them.

    Raises
    ------
    LookupError
        If a split has no such arm, or several.
    """
    folds = [pick(results, split=split, **wanted).matrices(after_5min=True) for split in splits]
    return [
        {r: m for fold in seed for r, m in fold.items()} for seed in zip(*folds, strict=True)
    ]


def pick(results, **wanted):
    """The one arm with these settings.

    Raises
    ------
    LookupError
        If there is none or more than one.
    """
    found = group(results, **wanted)
    if len(found) != 1:
        raise LookupError(f"{len(found)} arms have {wanted}; settings must point at one")
    return found[0]


def by(results, key, **wanted):
    """Arms with some settings in common, by the one setting in which they differ.

    Parameters
    ----------
    key : str
        Setting that names the arms.
    **wanted
        As for `group`.

    Returns
    -------
    dict of str to Arm

    Raises
    ------
    LookupError
        If two arms have the same value of `key`.
    """
    found = group(results, **wanted)
    named = {arm.settings[key]: arm for arm in found}
    if len(named) < len(found):
        raise LookupError(f"arms with {wanted} differ in more than {key}")
    return named


def data_name(result):
    """The data set of a result in words, plain if it is invented."""
    name = names.word(result.data["name"])
    return f"synthetic patients in place of {name}" if result.synthetic else name


def _listed(values, glue=", "):
    return glue.join(sorted(set(values)))


def where_made(results):
    """One sentence on data and machine of results, for captions."""
    if not results:
        return "no runs"
    where = pd.DataFrame([r.environment for r in results])
    on_cpu = "a processor (" + where["cpu"] + ", threads: " + where["threads"].astype(str) + ")"
    machines = on_cpu.where(where["device"] == "cpu", where["device"])
    data, torch = _listed(map(data_name, results)), _listed(where["torch"])
    return f"{data}, computed on {_listed(machines, ' and on ')} with PyTorch {torch}"


def by_name(results):
    """Arms of one study by readable names.

    An arm is named by the settings that name its study's arms. Where arms of one name differ
    in further settings, these join the name. Returns a dict from name to `Arm`.
    """
    alike = {}
    for arm in group(results):
        keys = registry.find(arm.results[0].study).config.arm_keys
        alike.setdefault(names.name_of(arm.settings, keys), []).append(arm)
    named = {}
    for name, found in alike.items():
        first = found[0].settings
        further = [k for k in first if any(arm.settings.get(k) != first[k] for arm in found)]
        for arm in found:
            settings = names.name_of(arm.settings, further)
            named[f"{name} ({settings})" if settings else name] = arm
    return named
