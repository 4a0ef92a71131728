"""Study of what is in a database: beats, rate, rhythm and size of the QRS complex by record."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglib.aami import AAMI_CLASSES, SYMBOL_TO_AAMI
from ecglib.data.records import read_rhythms
from ecglib.data.split import RecordSettings
from ecglib.studies.registry import RunConfig, study


@dataclass(frozen=True, kw_only=True)
class DatabasesConfig(RunConfig, RecordSettings):
    """Records of a data set, each in its usual lead; none named: all that are there."""

    arm_keys = ("dataset",)


@study("databases", DatabasesConfig)
def run_databases(run):
    """`facts` of every record as metric `per_record`; nothing is trained."""
    data, path, rows = run.dataset, Path(run.source.path), {}
    for number in run.config.records or data.present(path):
        record = data.read_record(path, number, data.usual_lead(path, number))
        rows[data.key(number)] = facts(record, *read_rhythms(path, number))
    return {"metrics": {"per_record": rows}, "runtime_s": {}}


def facts(record, begins, rhythms):
    """What is in a record, with rhythms as from `ecglib.data.records.read_rhythms`.

    Returns
    -------
    dict
        `seconds`; `rate`, beats a minute by the median RR interval; `qrs_mv`, the median over
        beats of what lies between the lowest and the highest sample within 100 ms of R; beats
        of each AAMI class. If rhythms are annotated, `rhythm`, seconds of atrial fibrillation,
        and `other rhythm`, seconds of what is neither that nor sinus rhythm (N, slow: SBR).
    """
    sample, length = record.sample[record.is_beat], len(record.signal)
    reach, lasts = round(0.1 * record.fs), np.diff([*begins, length]) / record.fs
    whole = sample[(sample >= reach) & (sample < length - reach)]
    complexes = record.signal[whole[:, None] + np.arange(-reach, reach + 1)]
    classes = [SYMBOL_TO_AAMI[symbol] for symbol in record.symbol[record.is_beat]]
    found = {"seconds": length / record.fs} | {k: classes.count(k) for k in AAMI_CLASSES}
    found["rate"] = float(60 * record.fs / np.median(np.diff(sample)))
    found["qrs_mv"] = float(np.nanmedian(np.ptp(complexes, axis=1)))
    if lasts.sum() > 0.99 * found["seconds"]:
        found["rhythm"] = float(lasts[rhythms == "AFIB"].sum())
        found["other rhythm"] = float(lasts[~np.isin(rhythms, ["AFIB", "N", "SBR"])].sum())
    return found
