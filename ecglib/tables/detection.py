"""How many beats there are: of each class, and found by a detector of R-peaks."""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import CLASSES, DS1, DS2, SYMBOL_TO_AAMI
from ecglib.data import sets
from ecglib.tables import frames

COLUMNS = (*CLASSES, "F, Q")
"""The three classes that networks predict, and the beats that the literature drops."""

SIDES = {"DS1": DS1, "DS2": DS2}

MEANING = {
    "N": "normal, bundle branch block, escape beats",
    "S": "comes early, from above the ventricles",
    "V": "starts in the ventricles",
    "F, Q": "fusion of N and V; paced or unclassifiable",
}
"""Class -> what it is."""


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


def class_table(counts):
    """What the classes are, and their beats in DS1 and in DS2.

    Parameters
    ----------
    counts : DataFrame
        From `of_beats` or `of_results`.

    Returns
    -------
    DataFrame
        Rows: `COLUMNS`; columns `DS1`, `DS2`, `share of DS2`, among the beats that networks are
        scored on, `symbols` of the annotations, and `what it is`.
    """
    sides = {name: counts[counts.index.isin(side)] for name, side in SIDES.items()}
    scored = sides["DS2"][list(CLASSES)].to_numpy().sum()
    rows = {}
    for kind in COLUMNS:
        symbols = [s for s, aami in SYMBOL_TO_AAMI.items() if aami in kind.split(", ")]
        row = {name: found[kind].sum() for name, found in sides.items()}
        row["share of DS2"] = row["DS2"] / scored if kind in CLASSES else np.nan
        rows[kind] = row | {"symbols": " ".join(symbols), "what it is": MEANING[kind]}
    return frames.of_rows(rows)


def concentration(counts):
    """How the beats of each class are spread over records.

    Parameters
    ----------
    counts : DataFrame
        From `of_beats` or `of_results`, of one side of a split.

    Returns
    -------
    DataFrame
        Rows: classes; columns `beats`, `most in one record`, `record` that holds them,
        `share of that record`, `records without any`, `records`.
    """
    return pd.DataFrame(
        {
            "beats": counts.sum(),
            "most in one record": counts.max(),
            "record": counts.idxmax(),
            "share of that record": counts.max() / counts.sum(),
            "records without any": (counts == 0).sum(),
            "records": len(counts),
        }
    )


BXB = "EC57 as bxb counts"
"""Row of `conventions`."""

LATE = "papers' classes, after 5:00"
"""Row of `conventions`."""


def conventions(result):
    """S and V beats that count, by how the standard is read.

    Parameters
    ----------
    result : RunResult
        Of beats, with counts of EC57.

    Returns
    -------
    DataFrame of int
        Columns `S`, `V`; rows: the papers' classes on whole records and after 5:00, and as
        EC57's tool counts.
    """
    ec57 = (result.metrics["ec57"][name] for name in ("sveb", "veb"))
    rows = {
        "papers' classes, whole records": stats.pool(result.matrix()).sum(axis=1)[1:],
        LATE: stats.pool(result.matrix(after_5min=True)).sum(axis=1)[1:],
        BXB: [found["tp"] + found["fn"] for found in ec57],
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["S", "V"])


def escape_beats(result):
    """Beats after 5:00 that EC57's tool counts as S and the papers as N: escape beats."""
    counted = conventions(result)["S"]
    return counted[BXB] - counted[LATE]


def detections(result):
    """Detected, missed and invented R-peaks by record.

    Returns
    -------
    DataFrame
        Index: record number, ascending; columns `n_beats`, `tp`, `fn`, `fp`, `se`, `ppv`.
    """
    return pd.DataFrame(result.metrics["per_record"].values()).set_index("record").sort_index()


def detection_table(detections):
    """Sensitivity and positive predictivity of R-peak detection, by record and altogether.

    EC57 asks for both summaries: *gross* pools the beats, so long records weigh more;
    *average* gives every record the same weight.

    Parameters
    ----------
    detections : DataFrame
        From `detections`.

    Returns
    -------
    DataFrame
        Columns `beats`, `Se`, `+P`; rows: gross, average, then the records.
    """
    tp, fn, fp = detections[["tp", "fn", "fp"]].sum()
    gross = {"n_beats": tp + fn, "se": tp / (tp + fn), "ppv": tp / (tp + fp)}
    average = detections[["n_beats", "se", "ppv"]].mean()
    rows = pd.concat([pd.DataFrame({"gross": gross, "average": average}).T, detections])
    return rows[["n_beats", "se", "ppv"]].set_axis(["beats", "Se", "+P"], axis=1)


def recordings_table(results):
    """Recordings with one label each, the data of networks on rhythms.

    Parameters
    ----------
    results : dict of str to RunResult
        Data set -> a result that pools its folds.

    Returns
    -------
    DataFrame
        Index: title of the data set; columns `published`, `in our runs`, `largest class`,
        its share: the accuracy of always answering it, and `by class`.
    """
    rows = {}
    for name, result in results.items():
        data = sets.get(name)
        support = {k: v["support"] for k, v in result.metrics["per_class"].items()}
        rows[data.title] = {
            "published": data.n_published,
            "in our runs": sum(support.values()),
            "largest class": max(support.values()) / sum(support.values()),
            "by class": ", ".join(f"{k} {n:,}" for k, n in support.items()),
        }
    return frames.of_rows(rows)
