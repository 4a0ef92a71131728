"""Published patient-specific classifiers of MIT-BIH beats, and ours on the same records.

They learn from beats of others and from the first five minutes of each patient. The rest of the
24 `RECORDS` tests them: ventricular beats (VEB) and supraventricular beats (SVEB), each against
all others. How a published row counts is up to its authors.

Ours is counted from a result file's confusion of N, S and V after 5:00, so beats annotated F or
Q do not count. For VEB this gives the hits, misses and false positives of EC57, which excuses F
and Q taken for V (`ecglib.metrics.ec57`). For SVEB, EC57 has F taken for S as errors too.
Escape beats (`j`, `e`) are N, as in the class table of this literature; `bxb` has them as S.
"""

from typing import NamedTuple

import numpy as np

from ecglib import stats
from ecglib.aami import CLASSES, DS1, DS2
from ecglib.tables import budget, evidence, frames

RECORDS = tuple(str(record) for record in sorted(DS1 + DS2) if record >= 200)
"""Records 200–234 without the paced one; 201 and 202 are one patient."""

KINDS = {"VEB": "V", "SVEB": "S"}
COMPUTED = "†"
"""Stands behind a method whose F1 is not printed, but computed from Se and +P."""


class Published(NamedTuple):
    """A method as printed.

    `cited` and `read_in` are entries of `chapters/references.bib`: the work, and the one in
    which its numbers were read. `labels` a patient: `ALL` of five minutes, None if not read.
    `records` that count: as said, or as the shares of VEB and SVEB tell that follow from
    reprinted specificities. `veb` and `sveb`: accuracy, Se, +P and perhaps F1, percent.
    """

    method: str
    cited: str
    read_in: str
    labels: int | str | None
    records: str
    veb: tuple
    sveb: tuple


ALL, LUO, WHOLE = "all", "luo2017", "entire database"

PUBLISHED = tuple(map(Published._make, (
    ("de Chazal & Reilly 2006", "dechazal2006", LUO, None, "DS2",
     (99.4, 94.3, 96.2), (95.9, 87.7, 47.0)),
    ("Jiang & Kong 2007", "jiang2007", LUO, ALL, "the 24",
     (97.7, 86.6, 89.4), (96.6, 50.6, 68.0)),
    ("Ince et al. 2009", "ince2009", LUO, ALL, WHOLE,  # kim2025 has +P 87.4 for VEB
     (98.0, 84.6, 86.7), (97.3, 63.5, 53.7)),
    ("Kiranyaz et al. 2016", "kiranyaz2016", LUO, ALL, "unknown",
     (98.6, 95.0, 89.5), (96.4, 64.6, 62.1)),
    ("Luo et al. 2017", "luo2017", LUO, 300, "unknown",
     (99.1, 93.3, 93.3), (98.8, 71.4, 94.4)),
    ("Zhai & Tin 2018", "zhai2018", "kim2025", ALL, "unknown",
     (None, 93.8, 92.4, 93.1), (None, 76.8, 74.0, 75.4)),
    ("Malik et al. 2022", "malik2022", "malik2022", ALL, WHOLE,
     (99.04, None, None, 93.7), (98.0, None, None, 76.6)),
)))  # fmt: skip


def published_table(five_minutes):
    """The published methods in shares; `five_minutes` is the number of beats in that time.

    Returns
    -------
    DataFrame
        `labels a patient`; `VEB Se`, `VEB +P`, `VEB F1`, `VEB accuracy`, and those of SVEB, NaN
        where they were not read; `records`, `cited`, `read in`. Index: method, see `COMPUTED`.
    """
    rows = {}
    for work in PUBLISHED:
        row = {"labels a patient": five_minutes if work.labels == ALL else work.labels}
        for kind, printed in zip(KINDS, (work.veb, work.sveb), strict=True):
            row |= {f"{kind} {score}": share for score, share in _shares(*printed).items()}
        row |= {"records": work.records, "cited": work.cited, "read in": work.read_in}
        rows[work.method + ("" if len(work.veb) > 3 else f" {COMPUTED}")] = row
    return frames.of_rows(rows)


def _shares(accuracy, se, ppv, f1=None):
    """Scores by name from percent; without a printed F1, the harmonic mean of Se and +P."""
    scores = {"Se": se, "+P": ppv, "F1": f1 or 2 * se * ppv / (se + ppv), "accuracy": accuracy}
    return {name: np.nan if x is None else x / 100 for name, x in scores.items()}


def our_arms(results):
    """INT8 arms of study "budget" by name: 0, 5, 20 and all labels of the first five minutes,
    and `an_hour` labels an hour, in doubt. A LookupError names those that have no runs."""
    start, stream = evidence.left_out(results)
    named = {f"ours, {k} labels": start.get(k) for k in (0, 5, 20, "all")}
    named["ours, in doubt"] = stream.get(budget.AN_HOUR)
    if missing := [name for name, arm in named.items() if arm is None]:
        raise LookupError(f"no runs of {'; '.join(missing)}")
    return named


def labels_of(arm):
    """Labels that an arm asked for in a record of `RECORDS`, mean over records and seeds."""
    return float(np.mean([sum(r.metrics["asked"][k]) for r in arm.results for k in RECORDS]))


def our_table(named):
    """Arms (by name) on `RECORDS` after 5:00, mean over seeds, counted as the module says.

    A network in doubt classifies a beat before it asks for it, so asked beats count too.
    Columns of `published_table` but the last three, and bounds of F1 over patients.
    """
    rows = {}
    for name, arm in named.items():
        row = rows[name] = {"labels a patient": labels_of(arm)}
        matrices = [{k: m[k] for k in RECORDS} for m in arm.matrices(after_5min=True)]
        for kind in KINDS:
            found = detection(np.array([stats.pool(m) for m in matrices]), kind)
            row |= {f"{kind} {score}": values.mean() for score, values in found.items()}
            f1 = stats.patient_bootstrap(matrices, lambda m, of=kind: detection(m, of)["F1"])
            row |= frames.bounds(f"{kind} F1", f1)
    return frames.of_rows(rows)


def detection(confusion, kind):
    """`Se`, `+P`, `F1` and `accuracy` of VEB or SVEB against the rest, each of shape (...).

    `confusion` has shape (..., 3, 3). A score without a denominator is 0.
    """
    index = CLASSES.index(KINDS[kind])
    hit = confusion[..., index, index]
    true, called = confusion[..., index, :].sum(axis=-1), confusion[..., index].sum(axis=-1)
    return {
        "Se": hit / np.maximum(true, 1),
        "+P": hit / np.maximum(called, 1),
        "F1": 2 * hit / np.maximum(true + called, 1),
        "accuracy": 1 - (true + called - 2 * hit) / confusion.sum(axis=(-2, -1)),
    }
