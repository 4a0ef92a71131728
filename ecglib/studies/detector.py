"""Study of detectors of R-peaks: ours beside published ones, on clean and noisy recordings."""

import importlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ecglib.aami import DS1, DS2, PACED, SVDB_DEV, SVDB_TEST, SYMBOL_TO_AAMI
from ecglib.data.sets import nstdb
from ecglib.data.signal.detector import detect, match, without_flutter
from ecglib.data.signal.micro_input import bridged
from ecglib.data.split import RecordSettings
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.system.untrusted import refused

SLOW_HZ = 200
"""Rate at which the wavelet of XQRS, four samples wide at any rate, suits a QRS complex."""

SIDES = {
    "mitdb": {"DS1": DS1, "DS2": DS2, "paced": PACED},
    "svdb": {"SVDB_DEV": SVDB_DEV, "SVDB_TEST": SVDB_TEST},
}
"""Records on which our detector was developed, and others, by data set."""


def xqrs(signal, fs):
    """XQRS of wfdb at the recording's own rate."""
    from wfdb.processing import xqrs_detect

    return xqrs_detect(signal, fs, verbose=False)


def xqrs_slow(signal, fs):
    """XQRS of wfdb at 200 Hz."""
    from scipy.signal import resample_poly

    found = xqrs(resample_poly(signal, SLOW_HZ, round(fs)), SLOW_HZ)
    return np.rint(np.asarray(found) * fs / SLOW_HZ)


def sleepecg(signal, fs):
    """The detector of sleepecg, after Pan and Tompkins, in C."""
    return _peer("sleepecg").detect_heartbeats(signal, fs)


def neurokit(signal, fs):
    """The own method of NeuroKit2 on what its own filter leaves."""
    peer = _peer("neurokit2")
    clean = peer.ecg_clean(signal, sampling_rate=round(fs), method="neurokit")
    _, found = peer.ecg_peaks(clean, sampling_rate=round(fs), method="neurokit")
    return found["ECG_R_Peaks"]


DETECTORS = {
    "ours": detect,
    "xqrs": xqrs,
    "xqrs_200hz": xqrs_slow,
    "sleepecg": sleepecg,
    "neurokit2": neurokit,
}
"""Name -> function from a lead in mV (float64, no invalid samples) and its rate to R-peaks."""

NOISES = ("none", *nstdb.DATASET.names)
"""Recordings of the noise stress test database, or none of them."""


@dataclass(frozen=True, kw_only=True)
class DetectorConfig(RunConfig, RecordSettings):
    """One detector on all records of a data set, clean or with recorded noise.

    Attributes
    ----------
    detector : str
        One of `DETECTORS`.
    records : tuple of int
        None named: all that are there.
    noise : str
        One of `NOISES`.
    snr_db : float
        Signal-to-noise ratio, dB; 0 without noise.
    """

    timed = True
    arm_keys = ("detector", "dataset", "noise", "snr_db")

    detector: str = setting("ours", one_of=DETECTORS)
    noise: str = setting("none", one_of=NOISES)
    snr_db: float = 0.0

    def check(self):
        super().check()
        if self.noise == "none" and self.snr_db != 0:
            raise UserError(f"snr_db is {self.snr_db}; without noise it must be 0")

    @property
    def data_sets(self):
        noise = {} if self.noise == "none" else {"nstdb": ()}
        return {self.dataset: self.records} | noise


@study("detector", DetectorConfig)
def run_detector(run):
    """Detections of every record against its annotations, within 150 ms.

    All beats of a record count, but for those in ventricular flutter. Metrics: `se` and `ppv`,
    `se_v` and `se_s` of beats of these classes, over all records; `seconds` of the processor
    that detection took; `sides` has the first four for each of `SIDES`; `per_record` the
    counts.
    """
    bench = _Bench(run)
    DETECTORS[run.config.detector](*bench.warm_up())  # imports and compiles
    rows = {r: bench.row(r) for r in tqdm(bench.records, desc=run.config.slug, leave=False)}
    sides = SIDES.get(run.config.dataset, {})
    of_side = {name: [rows[r] for r in side if r in rows] for name, side in sides.items()}
    seconds = sum(row.pop("seconds") for row in rows.values())
    metrics = shares(rows.values()) | {
        "seconds": seconds,
        "sides": {name: shares(side) for name, side in of_side.items() if side},
        "per_record": {run.dataset.key(record): row for record, row in rows.items()},
    }
    return {"metrics": metrics, "runtime_s": {"detect": seconds}}


class _Bench:
    """The records of a run, with noise if it asks for some."""

    def __init__(self, run):
        self.run, self.path = run, Path(run.source.path)
        self.records = run.config.records or run.dataset.present(self.path)

    def warm_up(self):
        """Ten seconds of the first record, and their rate."""
        record = self.record(self.records[0])
        return np.asarray(bridged(record), dtype=np.float64)[: round(10 * record.fs)], record.fs

    def record(self, number):
        """A record as the detectors get it."""
        data, config = self.run.dataset, self.run.config
        record = self.run.lead(number, data.usual_lead(self.path, number))
        if config.noise == "none":
            return record
        root = self.run.sources["nstdb"].path
        return nstdb.stressed(record, root, config.noise, config.snr_db)

    def row(self, number):
        """Counts of a record, and the processor's seconds that detection took."""
        record = self.record(number)
        signal = np.asarray(bridged(record), dtype=np.float64)
        with refused(f"{self.run.config.detector} fails on record {number}"):
            start = time.process_time()  # others may share the processor
            found = DETECTORS[self.run.config.detector](signal, record.fs)
            seconds = time.process_time() - start
        return counts(record, np.asarray(found)) | {"seconds": seconds}


COUNTS = ("tp", "fn", "fp", "n_v", "tp_v", "n_s", "tp_s")


def counts(record, found):
    """Beats of a record that were found and missed, and detections that are none.

    Returns
    -------
    dict of str to int
        `tp`, `fn`, `fp`; beats of V and S, `n_v`, `n_s`, and how many of them were found,
        `tp_v`, `tp_s`.
    """
    kept = record.is_beat & without_flutter(record, record.sample)
    sample, symbol = record.sample[kept], record.symbol[kept]
    matching = match(sample, found[without_flutter(record, found)], record.fs)
    hit = np.zeros(len(sample), dtype=bool)
    hit[matching.pairs[:, 0]] = True
    row = {name: int(getattr(matching, name)) for name in ("tp", "fn", "fp")}
    classes = np.array([SYMBOL_TO_AAMI[s] for s in symbol], dtype="U1")
    for name in "VS":
        row[f"n_{name.lower()}"] = int(np.count_nonzero(classes == name))
        row[f"tp_{name.lower()}"] = int(np.count_nonzero(hit[classes == name]))
    return row


def shares(rows):
    """Sensitivity and positive predictivity over the rows of several records, pooled.

    Returns
    -------
    dict of str to (float or None)
        `se`, `ppv`, `se_v`, `se_s`; None where there is nothing to count.
    """
    total = {name: sum(row[name] for row in rows) for name in COUNTS}
    pairs = {
        "se": (total["tp"], total["tp"] + total["fn"]),
        "ppv": (total["tp"], total["tp"] + total["fp"]),
        "se_v": (total["tp_v"], total["n_v"]),
        "se_s": (total["tp_s"], total["n_s"]),
    }
    return {name: hits / n if n else None for name, (hits, n) in pairs.items()}


def _peer(name):
    """A package that only this study needs."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"this arm needs {name}: install it (pip install -e '.[peers]'), or leave it out"
        ) from error
