"""Study of R-peaks: detections of our detector, compared with the annotations."""

import time
from dataclasses import dataclass

from tqdm import tqdm

from ecglib.data.signal.detector import score_record
from ecglib.data.split import RecordSettings
from ecglib.studies.registry import RunConfig, study
from ecglib.system.settings import setting


@dataclass(frozen=True, kw_only=True)
class RpeaksConfig(RunConfig, RecordSettings):
    """Detection of R-peaks, scored against the annotations within 150 ms."""

    protocol = 2  # another detector
    arm_keys = ("detector",)

    detector: str = setting("ours", one_of=("ours",))


@study("rpeaks", RpeaksConfig)
def run_rpeaks(run):
    """Compare the detections of every record with its annotations."""
    start = time.perf_counter()
    per_record = {
        run.dataset.key(record): score_record(run.source.path, record, run.dataset.name)
        for record in tqdm(run.config.records, desc="detecting", leave=False)
    }
    seconds = {"detect": time.perf_counter() - start}
    return {"metrics": {"per_record": per_record}, "runtime_s": seconds}
