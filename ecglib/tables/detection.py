"""How many beats there are: of each class, and found by a detector of R-peaks."""

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES, DS1, DS2
from ecglib.tables import frames

COLUMNS = (*CLASSES, "F, Q")
"""The three classes that networks predict, and the beats that the literature drops."""


def of_beats(beats):
    """Beats of each class by record.

    Parameters
    ----------
    beats : Beats
        Loaded with ``fusion="keep"``, else there is nothing to count under "F, Q".

    Returns
    -------
    DataFrame of int
        Index: record number; columns: `COLUMNS`.
    """
    column = np.minimum(beats.label, len(CLASSES))
    table = pd.crosstab(beats.record, column).reindex(columns=range(len(COLUMNS)), fill_value=0)
    return table.set_axis(list(COLUMNS), axis=1).rename_axis("record")


def of_results(results):
    """Beats of each class by record, without the recordings.

    Rows of a confusion matrix add up to the beats of a class; the predictions of a result
    cover F and Q beats as well.

    Returns
    -------
    DataFrame of int
        As from `of_beats`.
    """
    rows = {}
    for result in results:
        for record, matrix in result.matrix().items():
            dropped = len(result.classes(record)) - matrix.sum()
            rows[int(record)] = [*matrix.sum(axis=1), dropped]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))
    return table.sort_index().rename_axis("record")


def by_set(counts):
    """Beats of each class in DS1 and in DS2, from the counts of `of_beats` or `of_results`.

    Returns
    -------
    DataFrame of int
        Rows "DS1" and "DS2"; columns: records, `COLUMNS` and their sum "all".
    """
    rows = {}
    for name, side in (("DS1", DS1), ("DS2", DS2)):
        found = counts[counts.index.isin(side)]
        total = found.sum()
        rows[name] = {"records": len(found), **total, "all": total.sum()}
    return frames.of_rows(rows)


def detections(result):
    """Detected, missed and invented R-peaks by record.

    Returns
    -------
    DataFrame
        Index: record number, ascending; columns `n_beats`, `tp`, `fn`, `fp`, `se`, `ppv`.
    """
    return pd.DataFrame(result.metrics["per_record"].values()).set_index("record").sort_index()


def detection_table(origins):
    """Sensitivity and positive predictivity of R-peak detection, by record and altogether.

    EC57 asks for both summaries: *gross* pools the beats, so long records weigh more;
    *average* gives every record the same weight.

    Returns
    -------
    DataFrame
        Columns `beats`, `Se`, `+P` of each of `origins`, as from `detections`; rows: gross,
        average, then the records.
    """
    columns = {}
    for origin, frame in origins.items():
        tp, fn, fp = frame[["tp", "fn", "fp"]].sum()
        gross = {"n_beats": tp + fn, "se": tp / (tp + fn), "ppv": tp / (tp + fp)}
        average = frame[["n_beats", "se", "ppv"]].mean()
        rows = pd.concat([pd.DataFrame({"gross": gross, "average": average}).T, frame])
        columns[origin] = rows[["n_beats", "se", "ppv"]].set_axis(["beats", "Se", "+P"], axis=1)
    return pd.concat(columns, axis=1)
