"""Study of the frozen network on patients that were kept back: a blind test without labels."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from tqdm import tqdm

from ecglib.data.find.identity import record_files, sha256_of
from ecglib.data.sets.svdb import BLIND
from ecglib.data.signal.detector import match
from ecglib.deploy import integers
from ecglib.holter.classify import detected, inputs_of
from ecglib.holter.lead import Lead
from ecglib.personalize.online import Stopwatch
from ecglib.studies.registry import RunConfig, study
from ecglib.studies.robustness import detection_counts
from ecglib.system.errors import UserError
from ecglib.system.settings import setting


@dataclass(frozen=True, kw_only=True)
class BlindConfig(RunConfig):
    """The frozen network on all records of SVDB that were kept back.

    Attributes
    ----------
    network : str
        SHA-256 of the network's file, which can only be the frozen one.
    peaks : {"annotated", "detected"}
        R-peaks that the network is given.
    """

    arm_keys = ("peaks",)
    dataset: ClassVar[str] = "svdb"
    records: ClassVar[tuple[int, ...]] = BLIND

    network: str = integers.frozen()["sha256"]
    peaks: str = setting("annotated", one_of=("annotated", "detected"))

    def check(self):
        super().check()
        if self.network != (frozen := integers.frozen()["sha256"]):
            raise UserError(
                f"network is {self.network[:12]}; only the frozen one, {frozen[:12]}, is "
                "tested blind: leave it out"
            )

    def sides(self):
        """No training records, and those that are tested."""
        return (), self.records


@study("blind", BlindConfig)
def run_blind(run):
    """Score exactly the shipped file on all beats, in integers as `predict` computes.

    As in study "robustness", a beat that the detector missed is written as N, and `detection`
    counts it as missed.
    """
    _require_frozen(integers.WEIGHTS, run.config.network)
    _require_published(Path(run.source.path), run)
    program, watch, key = integers.read().program(), Stopwatch(), run.dataset.key
    classes, counts = {}, {}
    for number in tqdm(run.config.records, desc=run.config.slug, leave=False):
        record, label = run.lead(number), run.beats_of(number).label
        readable = np.zeros(1, dtype=bool)  # every beat gets a class
        lead = Lead(key(number), run.dataset.lead, record.fs, record.signal, readable)
        annotated = record.sample[record.is_beat]
        with watch.stage("predict"):
            sample = detected(lead) if run.config.peaks == "detected" else annotated
            found = program.run(*inputs_of(lead, sample, program)).argmax(axis=1)
        matching = match(annotated, sample, record.fs)
        beat, detection = matching.pairs.T
        classes[number] = np.zeros(len(label), dtype=np.int8)
        classes[number][beat] = found[detection]
        counts[key(number)] = detection_counts(label, found, matching).tolist()
    predicted = run.in_order(classes)
    ec57 = run.ec57(predicted)
    return run.outcome(predicted, dict(watch.seconds), ec57=ec57, detection=counts)


def _require_frozen(path, wanted):
    """Raise `UserError` if a file is not the network with this SHA-256."""
    found = sha256_of(path) if path.is_file() else "missing"
    if found != wanted:
        raise UserError(
            f"{path} is not the frozen network: its SHA-256 is {found[:12]} and should be "
            f"{wanted[:12]}; get it back by git checkout -- {path}"
        )


def _require_published(path, run):
    """Raise `UserError` if the records in a folder are not exactly those published."""
    if path.is_file():
        raise UserError(
            f"{path} is packed; set data_root to the folder that `fetch svdb` wrote"
        )
    published = run.dataset.publisher.checksums
    files = [file for number in run.config.records for file in record_files(path, number)]
    if other := [file.name for file in files if sha256_of(file) != published[file.name]]:
        raise UserError(
            f"{path} holds {', '.join(other)} with another content than was published; run "
            f"python -m ecglib fetch svdb --out {path}"
        )
