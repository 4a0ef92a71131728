"""Two databases side by side: their beats, rates, rhythms and sizes of the QRS complex."""

import numpy as np

from ecglib.aami import AAMI_CLASSES, DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.data import sets
from ecglib.tables import frames

SIDES = {
    "mitdb": {"DS1": DS1, "DS2": DS2},
    "svdb": {"development": SVDB_DEV, "test": SVDB_TEST},
}
"""Data set -> name of a side -> its records."""

SINUS = ("N", "SBR")
"""Names of sinus rhythm, at a usual rate and a slow one, in annotations."""

LIMITS = (0.1, 0.9)
"""Between these shares of the records lie the bounds of a row."""


def by_record(results):
    """Facts of every record.

    Parameters
    ----------
    results : list of RunResult
        Of the study `databases`, one a data set.

    Returns
    -------
    DataFrame
        Index: data set, record; columns `seconds`, `N` to `Q` (beats), `rate`, `qrs_mv`,
        `fibrillation` and `other` than it and sinus rhythm (seconds; NaN where rhythms are not
        annotated).

    Raises
    ------
    LookupError
        If there is no result.
    """
    if not results:
        raise LookupError("no run of databases")
    rows = {}
    for result in results:
        for key, facts in result.metrics["per_record"].items():
            lasts = facts["rhythms"]
            known = sum(lasts.values()) > 0.99 * facts["seconds"]
            other = sum(s for name, s in lasts.items() if name not in (*SINUS, "AFIB"))
            rows[result.config["dataset"], int(key.rpartition("/")[2])] = {
                **{name: facts[name] for name in ("seconds", "rate", "qrs_mv")},
                **facts["beats"],
                "fibrillation": lasts.get("AFIB", 0.0) if known else np.nan,
                "other": other if known else np.nan,
            }
    return frames.of_rows(rows, ["dataset", "record"])


def side_by_side(records):
    """Both databases, and the sides of each on which choices are made and tested.

    Parameters
    ----------
    records : DataFrame
        From `by_record`.

    Returns
    -------
    DataFrame
        Columns `records`; `N`, `S`, `V` and `F, Q`, shares of the beats; `rate` (a minute) and
        `QRS, mV`, medians over records with the bounds of `LIMITS`; `fibrillation` and
        `other rhythm`, shares of the time, NaN where rhythms are not annotated.
    """
    rows = {}
    for name, found in records.groupby(level="dataset", sort=False):
        found, title = found.droplevel("dataset"), sets.get(name).title
        rows[title] = _row(found)
        for side, wanted in SIDES[name].items():
            rows[f"{title}, {side}"] = _row(found[found.index.isin(wanted)])
    return frames.of_rows(rows)


def _row(found):
    beats = found[list(AAMI_CLASSES)].sum()
    share = beats / beats.sum()
    row = {"records": len(found), **share[["N", "S", "V"]], "F, Q": share["F"] + share["Q"]}
    for column, name in (("rate", "rate"), ("qrs_mv", "QRS, mV")):
        low, high = found[column].quantile(LIMITS)
        row |= {name: found[column].median(), f"{name} low": low, f"{name} high": high}
    for column, name in (("fibrillation", "fibrillation"), ("other", "other rhythm")):
        row[name] = found[column].sum(min_count=1) / found["seconds"].sum()
    return row


def without(records, kind):
    """Data set -> how many of its records have no beat of a class."""
    return (records[kind] == 0).groupby(level="dataset").sum()
