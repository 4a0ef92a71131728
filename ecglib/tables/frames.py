"""How tables are made of numbers: rows, and columns that say how sure a number is.

A column `x` may have companions, which a page shows in the same cell: `x std` is the deviation
over seeds; `x low` and `x high` are the bounds of an interval, `x BCa low` and `x BCa high`
those of a second one; `x n` says of how many; `x #1`, `x #2` are values in a row.
"""

import pandas as pd

from ecglib import stats


def of_rows(rows, names=None, *, missing=None):
    """A table (DataFrame) of rows in their order; what a row lacks is NaN.

    Parameters
    ----------
    rows : dict of (str or tuple) to dict
        Label of a row -> column -> number or name.
    names : str or list of str, optional
        Of the levels of the index.
    missing : str, optional
        What is missing if there is no row, which then is a `LookupError`.

    Examples
    --------
    >>> of_rows({"a": {"n": 1}, "b": {"n": 2, "share": 0.5}}, "arm")["n"].tolist()
    [1, 2]
    """
    if missing and not rows:
        raise LookupError(missing)
    table = pd.DataFrame(list(rows.values()), index=pd.Index(list(rows)))
    return table if names is None else table.rename_axis(names)


def goals(rows):
    """Columns `wanted`, `reached` and `missed` (bool), from name -> (wanted, reached)."""
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["wanted", "reached"])
    return table.assign(missed=table["reached"] < table["wanted"])


def spread(name, values):
    """Columns `name` and `name std`: mean and deviation over seeds, NaN of one seed.

    Examples
    --------
    >>> {column: round(float(x), 3) for column, x in spread("F1", [0.5, 0.6]).items()}
    {'F1': 0.55, 'F1 std': 0.071}
    """
    mean, std = stats.seed_spread(values)
    return {name: mean, f"{name} std": std}


def bounds(name, interval):
    """Columns `name low` and `name high` of an `ecglib.stats.Interval`."""
    return {f"{name} low": interval.low, f"{name} high": interval.high}


def with_bounds(name, interval):
    """Columns `name`, `name low` and `name high` of an `ecglib.stats.Interval`."""
    return {name: interval.value} | bounds(name, interval)


def series(name, values):
    """Columns `name #1`, `name #2`, … of values that belong into one cell.

    Examples
    --------
    >>> series("by epoch", [0.1, 0.2])
    {'by epoch #1': 0.1, 'by epoch #2': 0.2}
    """
    return {f"{name} #{number}": value for number, value in enumerate(values, start=1)}
