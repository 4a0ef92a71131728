"""Study of what is in a database: beats, rate, rhythm and size of the QRS complex by record."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ecglib.aami import AAMI_CLASSES, SYMBOL_TO_AAMI
from ecglib.data.records import read_header, read_rhythms
from ecglib.data.split import RecordSettings
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError

QRS_S = 0.1
"""How far before and after the annotated R-peak the QRS complex is measured, s."""


@dataclass(frozen=True, kw_only=True)
class DatabasesConfig(RunConfig, RecordSettings):
    """Records of one data set, each in the lead that is usually read.

    Attributes
    ----------
    records : tuple of int
        None named: all that are there.
    """

    arm_keys = ("dataset",)


@study("databases", DatabasesConfig)
def run_databases(run):
    """Facts of every record, from its signals and annotations; nothing is trained.

    Metrics: `per_record`, with `leads` (their names), `seconds`, `beats` by AAMI class, `rate`
    (beats a minute, of the median RR interval), `qrs_mv` (the median over beats of what lies
    between the lowest and the highest sample of the complex) and `rhythms` (seconds of each).
    """
    path = Path(run.source.path)
    if path.is_file():
        raise UserError(f"{path} is packed and has no rhythms; name the folder of WFDB records")
    records = run.config.records or run.dataset.present(path)
    rows = {
        run.dataset.key(number): facts(
            run.dataset.read_record(path, number, run.dataset.usual_lead(path, number)),
            read_header(path / str(number)).sig_name,
            read_rhythms(path, number),
        )
        for number in tqdm(records, desc=run.config.slug, leave=False)
    }
    return {"metrics": {"per_record": rows}, "runtime_s": {}}


def facts(record, leads, rhythms):
    """What `run_databases` writes of a record.

    Parameters
    ----------
    record : ecglib.data.records.Record
    leads : list of str
    rhythms : tuple of ndarray
        As from `ecglib.data.records.read_rhythms`.

    Returns
    -------
    dict
    """
    sample, length = record.sample[record.is_beat], len(record.signal)
    found = Counter(SYMBOL_TO_AAMI[symbol] for symbol in record.symbol[record.is_beat])
    begins, names = rhythms
    seconds = Counter()
    for name, lasts in zip(names, np.diff([*begins, length]) / record.fs, strict=True):
        seconds[str(name)] += float(lasts)
    return {
        "leads": list(leads),
        "seconds": length / record.fs,
        "beats": {name: found[name] for name in AAMI_CLASSES},
        "rate": float(60 * record.fs / np.median(np.diff(sample))),
        "qrs_mv": _qrs(record.signal, sample, round(QRS_S * record.fs)),
        "rhythms": dict(seconds),
    }


def _qrs(signal, sample, reach):
    whole = sample[(sample >= reach) & (sample < len(signal) - reach)]
    complexes = signal[whole[:, None] + np.arange(-reach, reach + 1)]
    return float(np.nanmedian(np.ptp(complexes, axis=1)))
