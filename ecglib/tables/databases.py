"""Two databases side by side: their beats, rates, rhythms and sizes of the QRS complex."""

from ecglib.aami import AAMI_CLASSES, DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.data import sets
from ecglib.tables import frames

SIDES = {"DS1": DS1, "DS2": DS2, "development": SVDB_DEV, "test": SVDB_TEST}


def by_record(results):
    """Facts of every record, from results of the study `databases`, one a data set.

    Index: title of the data set, record; columns as from `ecglib.studies.databases.facts`.
    """
    rows = {
        (sets.get(result.config["dataset"]).title, int(key.rpartition("/")[2])): facts
        for result in results
        for key, facts in result.metrics["per_record"].items()
    }
    return frames.of_rows(rows, ["dataset", "record"], missing="no run of databases")


def side_by_side(records):
    """Both databases and their sides, from `by_record`.

    Columns `records`; `N`, `S` and `V`, shares of all beats; `rate` and `QRS, mV`, medians over
    records between the 10th and 90th percentile; `AF` and `other` rhythms, shares of time.
    """
    rows = {}
    for title, found in records.groupby(level="dataset", sort=False):
        found = found.droplevel("dataset")
        rows[title] = _row(found)
        for side, wanted in SIDES.items():
            if found.index.isin(wanted).any():
                rows[f"{title}, {side}"] = _row(found[found.index.isin(wanted)])
    return frames.of_rows(rows)


def _row(found):
    beats = found[list(AAMI_CLASSES)].sum()
    row = {"records": len(found), **(beats / beats.sum())[["N", "S", "V"]]}
    for column, name in (("rate", "rate"), ("qrs_mv", "QRS, mV")):
        low, row[name], high = found[column].quantile([0.1, 0.5, 0.9])
        row |= {f"{name} low": low, f"{name} high": high}
    for column, name in (("rhythm", "AF"), ("other rhythm", "other")):
        row[name] = found[column].sum(min_count=1) / found["seconds"].sum()
    return row
