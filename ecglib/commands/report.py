"""Text reports: papers against ours, one results folder against another."""

from pathlib import Path

import pandas as pd

from ecglib import results
from ecglib.book.formats import AS_PRINTED, COUNT, DIGITS_2, SHARE_4, TENTHS, in_terminal
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused
from ecglib.tables import (
    arms,
    compression,
    evidence,
    frames,
    int8,
    names,
    papers,
    precision,
    runs,
    speed,
)

_METRICS = {"accuracy": "accuracy", "macro-F1": "macro_f1"}
_FORMATS = {
    "*accuracy, points": "{:+.2f}",
    "*accuracy": SHARE_4,
    "*macro-F1": SHARE_4,
    "paper CR": DIGITS_2,
    "share of DS1": AS_PRINTED,
    "flash, bytes": COUNT,
    "µs a beat": "{:.0f}",
}


def stale_files(folder):
    """Result files below a folder whose name no longer fits their configuration or data."""
    studies = registry.names()
    paths = [p for study in studies for p in sorted(Path(folder).rglob(f"{study}/*.json"))]
    return [path for path in paths if not is_current(results.load(path), path)]


def is_current(result, path):
    """Whether a file's name still carries the hash of its configuration and data."""
    try:
        with refused(f"{path} is of an older version"):
            config = registry.make_config(result.study, **result.config)
            return path.stem.endswith(config.hash_with(result.data))
    except UserError:  # a study or a setting of an older version
        return False


def _beside(printed, named):
    """Rows of paper 1 as printed, and below them our arms, means over seeds."""
    rows = {}
    for row in printed:
        rows[f"paper 1: {row.arm}"] = {c: getattr(row, m) for c, m in _METRICS.items()}
    for name, arm in named.items():
        means = {c: frames.mean_of(arm.results, m) for c, m in _METRICS.items()}
        rows[f"ours: {name}"] = means | {"seeds": arm.seeds}
    return frames.of_rows(rows)


def _table_3(folder):
    """Paper 1's table 3 (H200) beside ours on the same split."""
    found = results.load_study(folder, "personalization")
    rows = []
    for strategy in STRATEGIES:
        printed = papers.PAPER1_TABLE_3.get(strategy)
        wanted = {"strategy": strategy, "split": "ds1_ds2", "online_seconds": 300}
        for arm in arms.group(found, **wanted):
            row = {
                "strategy": names.word(strategy),
                "arm": names.name_of(arm.settings, ("finetune", "norm")),
                "share of DS1": arm.settings["train_share"],
            }
            for column, metric in _METRICS.items():
                row[f"paper {column}"] = getattr(printed, metric, float("nan"))
                row[f"ours {column}"] = frames.mean_of(arm.results, metric)
            rows.append(row | {"seeds": arm.seeds})
    return pd.DataFrame(rows).set_index(["strategy", "arm"]) if rows else pd.DataFrame()


def _baselines(folder):
    """Training on one side only, beside the paper's best row."""
    named = arms.by_name(results.load_study(folder, "baseline"))
    return _beside([papers.PAPER1_BEST], named)


def _formats(folder):
    """Paper 1's table 1 and ours, by number format."""
    named = precision.by_format(results.load_study(folder, "precision"))
    return _beside(papers.PAPER1_TABLE_1, named)


def _integers(folder):
    """Paper 1's table 2 and ours, by pipeline, scope and method."""
    named = {
        f"{pipeline}, {names.rounded(*key)}": arm
        for pipeline, found in int8.by_scope(results.load_study(folder, "int8")).items()
        for key, arm in found.items()
    }
    return _beside(papers.PAPER1_TABLE_2, named)


def _compression(folder, model, dataset="cinc2017"):
    """Paper 2's table 1 (Chapman) and ours, five folds pooled."""
    found = results.load_study(folder, "compression")
    printed = papers.PAPER2_TABLE_1[model]
    rows = {
        name: {"paper accuracy": row.accuracy, "paper CR": row.ratio}
        for name, row in printed.items()
    }
    for name, result in compression.by_method(found, dataset=dataset, model=model).items():
        m = result.metrics
        ours = {"ours accuracy": m["accuracy"], "ideal": m["ideal_ratio"]}
        ours |= {"file": m["file_ratio"]} | compression.points(m)
        rows[name] = rows.get(name, {}) | ours
    return frames.of_rows(rows, "method")


def _jetson(folder):
    """Paper 1's Jetson rows, and what the C code takes on this PC."""
    rows = {
        f"paper 1: {row.arm}": {"macro-F1": row.macro_f1, "seconds": row.runtime_s}
        for row in (papers.PAPER1_TABLE_1[2], *papers.PAPER1_TABLE_3_NANO)
    }
    for result in results.load_study(folder, "c99"):
        m = result.metrics
        rows[f"ours: MicroNet in C, seed {result.config['seed']}"] = {
            "macro-F1": m["macro_f1"],
            "µs a beat": m["us_per_beat"],
            "flash, bytes": m["flash_bytes"],
        }
    return frames.of_rows(rows)


def _labels(folder):
    """Arms of the micro network in integers by labelled beats."""
    found = results.load_study(folder, "budget")
    named, _ = evidence.left_out(found)
    return evidence.labels_table(named) if named else pd.DataFrame()


def _require(folder):
    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {folder}; give one with results by study")


def report(folder):
    """Papers' tables against committed results, and which of these are stale.

    Returns
    -------
    tuple of (str, int)
        The text, and the number of stale files.
    """
    _require(folder)
    stale, gpu = stale_files(folder), Path(folder) / "h200"
    sections = {
        "Training on one side only, against the best row of paper 1 (mean over seeds)": (
            _baselines(folder)
        ),
        "Personalization, against table 3 of paper 1 (H200; mean over seeds)": _table_3(folder),
        "The same with 64 to 512 filters on an H200": _table_3(gpu),
        "Number formats, against table 1 of paper 1 (mean over seeds)": _formats(folder),
        "The same with 64 to 512 filters on an H200, native": _formats(gpu),
        "Integers, against table 2 of paper 1 (mean over seeds)": _integers(folder),
        "The Jetson rows of paper 1's tables 1 and 3, and the C code": _jetson(folder),
        "ResNet1D, against table 1 of paper 2 (paper: Chapman; ours: CinC 2017, five folds)": (
            _compression(folder, "resnet1d")
        ),
        "HuBERT-ECG, likewise": _compression(folder, "hubert"),
        "ResNet1D on a tenth of Chapman, likewise": _compression(folder, "resnet1d", "chapman"),
    }
    parts = [(title, table, _FORMATS) for title, table in sections.items()]
    title = "The micro network, every patient left out once, after 5:00, by labelled beats"
    parts.append((title, _labels(folder), None))
    title = "The usual way and ours, seconds"
    for where, name in ((folder, title), (gpu, title.replace(",", " on an H200,"))):
        table = speed.speed_table(results.load_study(where, "speed"))
        parts.append((name, table, {"ratio": TENTHS}))
    texts = [
        text
        for title, table, formats in parts
        for text in (title, in_terminal(table, formats) if len(table) else "no runs yet")
    ]
    texts += [f"stale: {path} no longer matches its configuration" for path in stale]
    return "\n\n".join(texts), len(stale)


def _not_compared(unlike):
    """Lines on arms from `runs.unlike`, together where the same settings differ."""
    alike = {}
    for arm, rows in unlike.groupby(level="arm", sort=False) if len(unlike) else ():
        values = [f"{at[1]}: {row['mine']} | {row['reference']}" for at, row in rows.iterrows()]
        alike.setdefault("; ".join(values), []).append(f"    {arm}")
    lines = ([f"  not compared (mine | reference): {k}", *found] for k, found in alike.items())
    return [line for group in lines for line in group]


def compare(mine, reference):
    """Text on two folders of results, study by study and arm by arm.

    Runs of the same settings stand in one row; of the others it says which settings differ, and
    their values in `mine` and in `reference`.
    Studies without macro-F1 are named alone.

    Raises
    ------
    UserError
        If a folder is missing or they have no study in common.
    """
    _require(mine)
    _require(reference)
    parts, other = [], []
    for study in registry.names():
        sides = [results.load_study(folder, study) for folder in (mine, reference)]
        if all(sides) and not any("macro_f1" in r.metrics for side in sides for r in side):
            other.append(study)
        elif all(sides):
            parts += [study, *(f"  {arms.where_made(side)}" for side in sides)]
            same, unlike = runs.side_by_side(*sides), runs.unlike(*sides)
            parts += [in_terminal(same)] if len(same) else []
            parts += _not_compared(unlike)
    if other:
        parts.append(f"studies without macro-F1, not compared: {', '.join(other)}")
    if not parts:
        raise UserError(f"{mine} and {reference} have no study in common")
    return "\n".join(parts)
