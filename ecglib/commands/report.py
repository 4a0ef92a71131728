"""Text reports: papers against ours, one results folder against another."""

from pathlib import Path

import pandas as pd

from ecglib import results
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused
from ecglib.tables import (
    arms,
    compression,
    int8,
    paper2,
    precision,
    published,
    runs,
    speed,
)
from ecglib.tables import (
    budget as handful,
)

_METRICS = ("accuracy", "macro_f1")


def _table(rows):
    return pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:.4f}")


def stale_files(folder):
    """Committed results whose name no longer fits their configuration, data or protocol.

    Parameters
    ----------
    folder : Path
        Results by study, and folders of such results.

    Returns
    -------
    list of Path
    """
    names = registry.names()
    paths = [p for study in names for p in sorted(Path(folder).rglob(f"{study}/*.json"))]
    return [path for path in paths if not is_current(results.load(path), path)]


def is_current(result, path):
    """Whether a file's name still carries the hash of its configuration and data."""
    try:
        with refused(f"{path} is of an older version"):
            config = registry.make_config(result.study, **result.config)
            return path.stem.endswith(config.hash_with(result.data))
    except UserError:  # a study or a setting of an older version
        return False


def _table_3(folder):
    """Paper 1's table 3 (H200) beside ours on the same split."""
    found = results.load_study(folder, "personalization")
    rows = []
    for strategy in STRATEGIES:
        printed = published.TABLE_3.get(strategy)
        wanted = {"strategy": strategy, "split": "ds1_ds2", "online_seconds": 300}
        for arm in arms.group(found, **wanted):
            scores = {
                name: sum(r.metrics[name] for r in arm.results) / len(arm.results)
                for name in _METRICS
            }
            rows.append(
                {
                    "strategy": strategy,
                    "finetune": arm.settings["finetune"],
                    "share": arm.settings["train_share"],
                    "norm": arm.settings["norm"],
                    "paper accuracy": printed.accuracy if printed else float("nan"),
                    "ours accuracy": scores["accuracy"],
                    "paper macro-F1": printed.macro_f1 if printed else float("nan"),
                    "ours macro-F1": scores["macro_f1"],
                    "seeds": arm.seeds,
                }
            )
    return rows


def _baselines(folder):
    """Training on one side only, beside the paper's best row."""
    rows = [_printed(max(published.TABLE_2, key=lambda row: row.macro_f1))]
    for arm in arms.group(results.load_study(folder, "baseline")):
        rows.append(_mean(arms.arm_name(arm.results[0]), arm))
    return rows


def _formats(folder):
    """Paper 1's table 1 and ours, by number format."""
    rows = [_printed(row) for row in published.TABLE_1]
    for name, arm in precision.by_format(results.load_study(folder, "precision")).items():
        rows.append(_mean(f"ours: {name}", arm))
    return rows


def _integers(folder):
    """Paper 1's table 2 and ours, by pipeline, scope and method."""
    rows = [_printed(row) for row in published.TABLE_2]
    for pipeline, named in int8.by_scope(results.load_study(folder, "int8")).items():
        for key, arm in named.items():
            rows.append(_mean(f"ours: {pipeline}, {int8.row_name(*key)}", arm))
    return rows


def _compression(folder, model, dataset="cinc2017"):
    """Paper 2's table 1 (Chapman) and ours, five folds pooled."""
    found = results.load_study(folder, "compression")
    ours = compression.by_method(found, dataset=dataset, model=model)
    table = paper2.TABLE_1[model]
    rows = []
    for name in dict.fromkeys([*table, *ours]):
        row = {"method": name}
        if name in table:
            row |= {"paper accuracy": table[name].accuracy, "paper CR": table[name].ratio}
        if name in ours:
            m = ours[name].metrics
            row |= {"ours accuracy": m["accuracy"], "ideal": m["ideal_ratio"]}
            row |= {"file": m["file_ratio"], "Δ accuracy, points": compression.points(m)}
        rows.append(row)
    return rows


def _jetson(folder):
    """Paper 1's Jetson rows, and what the C code takes."""
    rows = [
        {
            "arm": f"paper 1: {row.arm}",
            "macro-F1": row.macro_f1,
            "what it takes": f"{row.runtime_s:,.0f} s",
        }
        for row in (published.TABLE_1[2], *published.TABLE_3_NANO)
    ]
    for result in results.load_study(folder, "c99"):
        m = result.metrics
        takes = (
            f"{m['us_per_beat']:.0f} µs a beat on this PC, {m['flash_bytes']:,} bytes of flash"
        )
        arm = f"ours: MicroNet in C, seed {result.config['seed']}"
        rows.append({"arm": arm, "macro-F1": m["macro_f1"], "what it takes": takes})
    return rows


def _speed(folder):
    """Ratios of study "speed"; nothing if it has not been run."""
    found = results.load_study(folder, "speed")
    return speed.speed_table(found).to_string() if found else "no runs yet"


def _labels(folder):
    """Arms of the micro network in integers by labelled beats."""
    found = results.load_study(folder, "budget")
    return handful.by_budget(found, split="lopo", scope="all_int8")


def _printed(row):
    return {"arm": f"paper 1: {row.arm}", "accuracy": row.accuracy, "macro-F1": row.macro_f1}


def _mean(name, arm):
    means = [sum(r.metrics[m] for r in arm.results) / len(arm.results) for m in _METRICS]
    return {"arm": name, "accuracy": means[0], "macro-F1": means[1], "seeds": arm.seeds}


def report(folder):
    """Papers' tables against committed results, and which of these are stale.

    Parameters
    ----------
    folder : Path
        Results by study.

    Returns
    -------
    tuple of (str, int)
        The text, and the number of stale files.
    """
    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {folder}; give one with results by study")
    stale, gpu = stale_files(folder), Path(folder) / "h200"
    labels = _labels(folder)
    sections = {
        "Training on one side only, against the best row of paper 1 (mean over seeds)": _table(
            _baselines(folder)
        ),
        "Personalization, against table 3 of paper 1 (H200; mean over seeds)": _table(
            _table_3(folder)
        ),
        "The same with 64 to 512 filters on an H200": _table(_table_3(gpu)),
        "Number formats, against table 1 of paper 1 (mean over seeds)": _table(
            _formats(folder)
        ),
        "The same with 64 to 512 filters on an H200, native": _table(_formats(gpu)),
        "Integers, against table 2 of paper 1 (mean over seeds)": _table(_integers(folder)),
        "The Jetson rows of paper 1's tables 1 and 3, and the C code": _table(_jetson(folder)),
        "ResNet1D, against table 1 of paper 2 (paper: Chapman; ours: CinC 2017, five folds)": (
            _table(_compression(folder, "resnet1d"))
        ),
        "HuBERT-ECG, likewise": _table(_compression(folder, "hubert")),
        "ResNet1D on a tenth of Chapman, likewise": _table(
            _compression(folder, "resnet1d", "chapman")
        ),
        "The micro network, every patient left out once, after 5:00, by labelled beats": (
            handful.budget_table(labels).to_string() if labels else "no runs yet"
        ),
        "The usual way and ours, seconds": _speed(folder),
        "The usual way and ours on an H200, seconds": _speed(gpu),
    }
    parts = [text for section in sections.items() for text in section]
    parts += [f"stale: {path} no longer matches its configuration" for path in stale]
    return "\n\n".join(parts), len(stale)


def compare(mine, reference):
    """Two folders of results, study by study and arm by arm.

    Parameters
    ----------
    mine, reference : Path
        Results by study.

    Returns
    -------
    str

    Raises
    ------
    UserError
        If a folder is missing or they have no study in common.
    """
    for folder in (mine, reference):
        if not Path(folder).is_dir():
            raise UserError(f"there is no folder {folder}; give one with results by study")
    parts = []
    for study in registry.names():
        sides = [results.load_study(folder, study) for folder in (mine, reference)]
        if all(sides):
            parts += [study, *(f"  {arms.where_made(side)}" for side in sides)]
            parts.append(runs.side_by_side(*sides).to_string())
    if not parts:
        raise UserError(f"{mine} and {reference} have no study in common")
    return "\n".join(parts)


def save_figure(folder, path):
    """Save the overview's figure of accuracy against bytes.

    Parameters
    ----------
    folder : Path
        Results by study.
    path : Path
        Image to write.
    """
    from ecglib.plots import overview, style

    style.use()
    studies = ("baseline", "personalization", "int8", "micro", "budget")
    *found, micro, budget = (results.load_study(folder, name) for name in studies)
    named = overview.headline_arms(*found)
    rows = pd.concat([overview.points(named), overview.micro_points(micro, budget)])
    figure = overview.landscape(rows, overview.trivial(named))
    figure.savefig(path, dpi=150)
