"""Studies on several Dask workers: the numbers of one process, whoever dies meanwhile."""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ecglib.studies import cluster, registry
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.int8 import Int8Config
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.probe import ProbeConfig
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.run import Worksite, run_study
from ecglib.system.errors import UserError
from tests.studies.test_paper1 import ONLINE, PUZZLE, TINY, same
from tests.tools import package

distributed = package("distributed")

FEW = {"train_share": 0.3}
CONFIGS = [BaselineConfig(seed=seed, **TINY | FEW) for seed in (7, 21, 42, 63, 84, 105)]
CONFIGS += [PersonalizationConfig(strategy=s, **ONLINE | FEW) for s in ("none", "head_only")]
CONFIGS += [ProbeConfig(source=s, **PUZZLE | FEW) for s in ("puzzle", "supervised")]
CONFIGS += [Int8Config(scope=s, **ONLINE | FEW, qat_epochs=2) for s in ("none", "all_int8")]


@pytest.fixture(scope="module")
def alone(source, tmp_path_factory):
    """Results of `CONFIGS` from this process."""
    runs = tmp_path_factory.mktemp("alone") / "runs"
    return run_study(CONFIGS, source, profile="tiny", device="cpu", runs=runs)


@pytest.fixture(scope="module")
def processes():
    """A scheduler with two workers, each a process."""
    options = {"memory_limit": 0, "dashboard_address": ":0", "silence_logs": 50}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as local:
        yield local.scheduler_address


@pytest.fixture
def threads():
    """A function that starts a scheduler with a worker in this process; its address."""
    started = []

    def start(**options):
        fixed = {"processes": False, "protocol": "tcp", "dashboard_address": ":0"}
        started.append(distributed.LocalCluster(**fixed, **options, silence_logs=50))
        return started[-1].scheduler_address

    yield start
    for local in started:
        local.close()


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_two_workers_come_to_the_numbers_of_one_process(source, alone, tmp_path, monkeypatch):
    monkeypatch.setattr("dask.system.CPU_COUNT", 2)
    monkeypatch.setattr(registry, "find", pytest.fail)  # nothing is computed here
    site = {"profile": "tiny", "device": "cpu", "runs": tmp_path / "runs"}
    found = run_study(CONFIGS, source, scheduler="local", **site)
    assert len(found) == len(CONFIGS) == 12
    for config, result, other in zip(CONFIGS, found, alone, strict=True):
        assert same(result, other), config.slug
        assert result.environment["threads"] == 1
    suffixes = {path.suffix for path in files(tmp_path)}
    assert suffixes == {".json", ".npz"}  # nothing half-written
    made = [path.stat().st_mtime_ns for path in files(tmp_path)]
    assert run_study(CONFIGS, source, scheduler="tcp://nobody:1", **site) == found
    assert [path.stat().st_mtime_ns for path in files(tmp_path)] == made


def test_a_killed_worker_loses_nothing(source, alone, processes, tmp_path):
    killed = []

    def kill():
        with distributed.Client(processes) as client:
            workers = list(client.run(os.getpid).values())
            while len(found := list((tmp_path / "runs").rglob("*.json"))) < 2:
                time.sleep(0.005)
            os.kill(workers[0], signal.SIGKILL)
            killed.append((workers[0], len(found)))

    thread = threading.Thread(target=kill)
    thread.start()
    site = {"profile": "tiny", "device": "cpu", "runs": tmp_path / "runs"}
    found = run_study(CONFIGS, source, scheduler=processes, **site)
    thread.join(timeout=60)
    ((victim, n_finished),) = killed
    assert n_finished < len(CONFIGS)
    with pytest.raises(ProcessLookupError):
        os.kill(victim, 0)
    for config, result, other in zip(CONFIGS, found, alone, strict=True):
        assert same(result, other), config.slug


def test_what_is_wrong_with_a_run_is_one_sentence(source, processes, tmp_path, capfd):
    hopeless = replace(CONFIGS[7], online_seconds=5)
    site = {"profile": "tiny", "device": "cpu", "runs": tmp_path / "runs"}
    with pytest.raises(UserError, match=r"record 100 has \d beats in its first 5 s"):
        run_study([hopeless, CONFIGS[0]], source, scheduler=processes, **site)
    assert "Traceback" not in capfd.readouterr().err


@dataclass(frozen=True)
class Errand:
    """A run that needs others."""

    name: str
    needs: tuple = ()

    def prerequisites(self):
        return list(self.needs)


@dataclass(frozen=True)
class Errands:
    """A site whose runs leave a file with the names of those that lay there before."""

    folder: Path

    def check_reach(self):
        pass

    def finished(self, errand):
        if errand.name == "impossible":
            raise UserError("this cannot be done")
        before = sorted(path.name for path in self.folder.iterdir())
        (self.folder / errand.name).write_text(" ".join(before))


def test_runs_wait_for_those_that_they_need_and_nobody_else(threads, tmp_path):
    address = threads(n_workers=1, threads_per_worker=1)
    twin = Errand("twin", (Errand("fold 3"),))
    pooled = Errand("pooled", (Errand("fold 1"), Errand("fold 2"), twin))
    runs = [pooled, Errand("fold 2"), Errand("alone")]
    cluster.execute(Errands(tmp_path), runs, address)
    everything = {"pooled", "fold 1", "fold 2", "fold 3", "twin", "alone"}
    assert {path.name for path in tmp_path.iterdir()} == everything
    for run in (pooled, twin):
        before = (tmp_path / run.name).read_text()
        assert all(other.name in before for other in run.needs)


def test_a_run_is_not_tried_where_one_that_it_needs_failed(threads, tmp_path):
    address = threads(n_workers=1, threads_per_worker=1)
    pooled = Errand("pooled", (Errand("impossible"),))
    with pytest.raises(UserError, match="this cannot be done"):
        cluster.execute(Errands(tmp_path), [pooled], address)
    assert not list(tmp_path.iterdir())


def test_a_pooled_run_needs_its_folds_and_its_twin():
    pooled = CompressionConfig(fold="all", method="fixed_quant", bits=4)
    *folds, twin = pooled.prerequisites()
    assert folds == [replace(pooled, fold=fold) for fold in range(5)]
    assert twin == RhythmConfig(fold="all")
    assert twin.prerequisites() == [RhythmConfig(fold=f) for f in range(5)]
    assert folds[0].prerequisites() == []
    assert CONFIGS[0].prerequisites() == []


def test_a_worker_with_several_threads_is_refused(threads, tmp_path):
    address = threads(n_workers=1, threads_per_worker=2)
    with pytest.raises(UserError, match="several threads; start workers with --nthreads 1"):
        cluster.execute(Errands(tmp_path), [Errand("alone")], address)
    assert not list(tmp_path.iterdir())


def test_nobody_at_an_address_and_nobody_behind_it_are_told_apart(threads, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    message = r"tcp://127\.0\.0\.1:9; start one with `dask scheduler`"
    with pytest.raises(UserError, match=message):
        cluster.execute(None, [Errand("alone")], "tcp://127.0.0.1:9")
    with pytest.raises(UserError, match="has no worker; start some with `dask worker tcp://"):
        cluster.execute(None, [Errand("alone")], threads(n_workers=0))


@pytest.mark.parametrize(
    "value", ["", "lokal", "tcp://", "tcp://host", "tcp://host:x", "http://host:1", 8786, ["a"]]
)
def test_a_value_that_names_no_scheduler(source, tmp_path, value):
    with pytest.raises(UserError, match="it must be null, local or tcp://host:port"):
        run_study(CONFIGS, source, profile="tiny", runs=tmp_path / "runs", scheduler=value)
    assert not list(tmp_path.iterdir())


def test_without_dask_a_scheduler_is_refused_and_none_is_no_matter(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"needs Dask.*pip install"):
        cluster.check("local")
    cluster.check(None)


def test_machines_that_share_no_disk_are_told_so(source, tmp_path):
    site = Worksite({"mitdb": source}, "tiny", "cpu", tmp_path / "runs")
    with pytest.raises(UserError, match=r"does not see .*runs; .* on a disk that all share"):
        site.check_reach()
    site.shared().check_reach()
    lost = {"mitdb": replace(source, path="nowhere")}
    elsewhere = Worksite(lost, "tiny", "cpu", tmp_path / "runs")
    with pytest.raises(UserError, match=r"does not see .*nowhere"):
        elsewhere.shared().check_reach()


def test_paths_are_absolute_before_they_travel(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    site = Worksite({"mitdb": replace(source, path="data")}, "tiny", "cpu", Path("runs"))
    shared = site.shared()
    assert shared.runs == tmp_path / "runs"
    assert shared.sources["mitdb"].path == tmp_path / "data"
