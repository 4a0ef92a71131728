"""Committed runs as tables for other programs: a CSV file a study, a row a run."""

from pathlib import Path

import pandas as pd

from ecglib import results
from ecglib.studies import registry


def studies(folder):
    """Result files below a folder, sorted, by the name that their table gets.

    Folders of studies may lie in folders of their own: "h200-baseline" is that of
    `h200/baseline`. A study without results is left out.
    """
    folder = Path(folder)
    found = {
        "-".join(place.relative_to(folder).parts): sorted(place.glob("*.json"))
        for place in sorted(folder.rglob("*"))
        if place.is_dir() and place.name in registry.names()
    }
    return {name: paths for name, paths in found.items() if paths}


def _runs_table(paths):
    """One row a run: settings, single numbers that came out, seconds, and where."""
    rows = []
    for path in paths:
        result = results.load(path)
        settings = {
            name: " ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in result.config.items()
        }
        scalars = {k: v for k, v in result.metrics.items() if not isinstance(v, dict | list)}
        rows.append(
            {"run": path.stem}
            | settings
            | scalars
            | {"seconds": sum(result.runtime_s.values())}
            | {key: result.environment.get(key) for key in ("device", "cpu")}
            | {"data": result.data["name"], "profile": result.data["profile"]}
        )
    return pd.DataFrame(rows, dtype=object)  # a column of integers with gaps keeps them


def write_tables(source, target):
    """Write a table of every study, `<name>.csv`, a row a run; tables of earlier calls go.

    Lists are joined by spaces; metrics that are no single number (by class, by layer) are left
    to the result files.

    Parameters
    ----------
    source : path
        Folder of results, see `studies`.
    target : path
        Folder of the tables; may be missing.

    Raises
    ------
    UserError
        If a file is no result.
    """
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.csv"):
        old.unlink()
    for name, paths in studies(source).items():
        _runs_table(paths).to_csv(target / f"{name}.csv", index=False)
