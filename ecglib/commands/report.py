"""Text reports: papers against ours, one results folder against another."""

from pathlib import Path

import pandas as pd

from ecglib import results
from ecglib.book import comparison
from ecglib.book.formats import TENTHS, in_terminal
from ecglib.studies import registry
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused
from ecglib.tables import arms, evidence, runs, speed


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


def _labels(folder):
    """Arms of the micro network in integers by labelled beats."""
    found = results.load_study(folder, "budget")
    named, _ = evidence.left_out(found)
    return evidence.labels_table(named) if named else pd.DataFrame()


def require_results(folder):
    """Raise a `UserError` if there is no such folder of results."""
    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {folder}; give one with results by study")


def report(folder):
    """The papers row by row, the micro network, speed, and which results are stale.

    Returns the text, and the number of stale files.
    """
    require_results(folder)
    stale = stale_files(folder)
    budget = "The micro network, every patient left out once, after 5:00, by labelled beats"
    sections = {budget: _labels(folder)}
    for title, where in (("seconds", folder), ("on an H200, seconds", Path(folder) / "h200")):
        table = speed.speed_table(results.load_study(where, "speed"))
        sections[f"The usual way and ours, {title}"] = table
    texts = comparison.as_text(folder)
    for title, table in sections.items():
        text = in_terminal(table, {"ratio": TENTHS}) if len(table) else "no runs yet"
        texts += [title, text]
    texts += [f"stale: {p} no longer fits its settings; delete it and rerun" for p in stale]
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
    require_results(mine)
    require_results(reference)
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
