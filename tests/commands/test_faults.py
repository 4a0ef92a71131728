"""Real commands that are killed, meet a full disk, damaged files, or each other;
`ECG_FAULTS=20` kills each command that often instead of once or twice."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecglib.data.beats import Beats
from ecglib.data.find import cache
from ecglib.training import checkpoints
from tests.commands.calls import assert_one_line, copy_library, runs_in, start
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2

KILLS = int(os.environ.get("ECG_FAULTS", "0"))
CHAPTER = """# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Does it survive?

# %% tags=["parameters"]
profile = "quick"
seeds = records = data_root = device = scheduler = None
overrides = {}

# %%
from ecglib.studies.plan import Plan

done = Plan.read(profile, seeds=seeds, **overrides).run("personalization")
print("macro-F1:", *(result.metrics["macro_f1"] for result in done))
"""
PARAMS = f"""
common:
  device: cpu
  seeds: [7, 21]
  records: {[*SYNTHETIC_DS1, *SYNTHETIC_DS2]}
  channels: [4, 4, 4, 4, 4]
  pretext_epochs: 1
  data_root: DATA_ROOT
personalization:
  - {{strategy: [none, adabn, head_only], epochs: 1, online_epochs: 1, train_share: 0.3}}
"""
STUDY = ("study", "personalization")
N_RUNS = 6


@pytest.fixture(scope="module")
def repository(synthetic_root, tmp_path_factory):
    files = {
        "chapters/02_chapter.py": CHAPTER,
        "params/quick.yaml": PARAMS.replace("DATA_ROOT", str(synthetic_root)),
    }
    return copy_library(tmp_path_factory.mktemp("faults"), files)


@pytest.fixture(scope="module")
def undisturbed(repository, tmp_path_factory):
    """Results of the study, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("undisturbed") / "runs"
    begin = time.monotonic()
    process = start(repository, "-m", "ecglib", *STUDY, "--out", folder)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert len(runs_in(folder)) == N_RUNS
    return runs_in(folder), time.monotonic() - begin


def killed_after(process, seconds):
    """Whether SIGKILL was needed to end it."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode < 0


def ended(*processes):
    """Each process with its stdout and stderr, when all have ended."""
    said = [process.communicate(timeout=180) for process in processes]
    return zip(processes, said, strict=True)


def assert_whole(folder):
    """No file under its proper name is broken."""
    for path in folder.rglob("*.npz"):
        assert path.name[0] == "." or checkpoints.load(path) is not None, path
    for path in folder.rglob("*.json"):
        assert isinstance(json.loads(path.read_text()), dict)


def kill_at_random(begin, forget, expected, seconds, n_kills):
    """Start a command until it was killed `n_kills` times, from anew whenever it was done, and
    not in the first third of its time, which Python and torch take."""
    rng = random.Random(0)
    for _ in range(n_kills):
        while not killed_after(begin(), rng.uniform(0.3, 1) * seconds):
            assert expected()
            forget()


@pytest.mark.parametrize("options", [(), ("--scheduler", "local")], ids=["alone", "workers"])
def test_a_killed_study_is_ended_by_two_at_once(repository, undisturbed, tmp_path, options):
    if options and not KILLS:
        pytest.skip("with ECG_FAULTS; a killed worker is a test of its own")
    results, seconds = undisturbed
    runs = tmp_path / "runs"

    def begin():
        return start(repository, "-m", "ecglib", *STUDY, *options, "--out", runs)

    def expected():
        return runs_in(runs) == results

    seconds += 5 * bool(options)
    kill_at_random(begin, lambda: shutil.rmtree(runs), expected, seconds, KILLS or 2)
    assert_whole(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in runs.rglob("*.json")}
    for process, (out, err) in ended(begin(), begin()):
        assert process.returncode == 0, err
        assert f"{N_RUNS} runs of study personalization" in out
    assert runs_in(runs) == results
    assert_whole(tmp_path)
    assert all(path.stat().st_mtime_ns == before for path, before in made.items())


def test_a_killed_chapter_is_run_once_by_two_at_once(repository, undisturbed, tmp_path):
    root = shutil.copytree(repository, tmp_path / "root", ignore=lambda *_: ["_build"])
    results, seconds = undisturbed
    notebook = root / "_build/book/chapters/02_chapter.ipynb"

    def begin():
        return start(root, "-m", "ecglib", "run", "02")

    def expected():
        printed = notebook.read_text()
        return runs_in(root / "_build/runs") == results and "macro-F1: 0" in printed

    def forget():
        shutil.rmtree(root / "_build")

    kill_at_random(begin, forget, expected, seconds + 6, KILLS or 1)
    assert_whole(root / "_build")
    n_unchanged = 0
    for process, (out, err) in ended(begin(), begin()):
        assert process.returncode == 0, err
        n_unchanged += "unchanged" in out
    assert n_unchanged > 0
    assert expected()


SHELL = """
import contextlib, io, json, resource, sys, traceback
from ecglib.__main__ import main
for line in sys.stdin:
    largest, command = json.loads(line)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            status = main(command)
        except BaseException:
            status = traceback.print_exc()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print(json.dumps([status, err.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def shell(repository):
    """A function that calls a command in a process that is there already; `largest` is the
    largest file in bytes that it can write, as if the disk were full then."""
    process = subprocess.Popen(
        [sys.executable, "-c", SHELL],
        cwd=repository,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def command(*typed, largest=resource.RLIM_INFINITY):
        print(json.dumps([largest, list(map(str, typed))]), file=process.stdin, flush=True)
        return json.loads(process.stdout.readline())

    yield command
    process.stdin.close()
    process.wait(timeout=20)


ONE = (*STUDY, "-p", "seeds=[7]", "-p", "personalization=[{epochs: 1, online_epochs: 1}]")


@pytest.fixture(scope="module")
def finished(shell, tmp_path_factory):
    """Folder of one finished run. Read-only by agreement."""
    folder = tmp_path_factory.mktemp("finished")
    assert shell(*ONE, "--out", folder / "runs") == [0, ""]
    return folder


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(shell, finished, tmp_path):
    runs = tmp_path / "runs"
    status, err = shell(*ONE, "--out", runs, largest=100_000)
    assert status == 1
    assert_one_line(err, "cannot write", "checkpoints", ".npz", "File too large")
    assert files(tmp_path) == []
    shutil.copytree(finished / "checkpoints", tmp_path / "checkpoints", dirs_exist_ok=True)
    before = files(tmp_path)
    status, err = shell(*ONE, "--out", runs, largest=1_000)
    assert status == 1
    assert_one_line(err, "cannot write", "runs", ".json", "File too large")
    assert files(tmp_path) == before
    assert shell(*ONE, "--out", runs) == [0, ""]
    assert runs_in(runs) == runs_in(finished / "runs")


def test_a_chapter_on_a_full_disk_is_one_line(shell, repository):
    status, err = shell("run", "02", largest=1_000)
    assert status == 1
    assert "Traceback" not in err
    assert_one_line(err.splitlines()[-1], "cannot write")
    assert not (repository / "_build/book/chapters").exists()


@pytest.mark.parametrize("place", ["occupied/runs", "/proc/nowhere/runs"])
def test_a_folder_that_takes_nothing_is_one_line(shell, tmp_path, place):
    (tmp_path / "occupied").write_text("a file where a folder should be")
    for options in ((), ("-p", "scheduler=local")):
        status, err = shell(*ONE, *options, "--out", tmp_path / place)
        assert status == 1
        assert_one_line(err, "cannot write", place.split("/")[-2])


def damaged(content):
    """The same bytes cut short, emptied, overwritten, and with one byte changed."""
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]
    return {"cut": content[:-100], "empty": b"", "foreign": b"\xff\x00PK", "changed": changed}


@pytest.mark.parametrize("how", ["cut", "empty", "foreign", "changed"])
def test_a_damaged_checkpoint_or_cache_is_made_again(shell, finished, tmp_path, how):
    shutil.copytree(finished / "checkpoints", tmp_path / "checkpoints")
    shared = Path(os.environ["ECGLIB_CACHE"]).glob("beats-*.npz")  # with what others left
    stored = [*tmp_path.rglob("*.npz"), *(path for path in shared if cache.load(path, Beats))]
    assert len(stored) >= 3
    for path in stored:
        path.write_bytes(damaged(path.read_bytes())[how])
    assert shell(*ONE, "--out", tmp_path / "runs") == [0, ""]
    assert runs_in(tmp_path / "runs") == runs_in(finished / "runs")
    assert_whole(tmp_path)


@pytest.mark.parametrize("how", ["cut", "empty", "foreign"])
def test_a_damaged_result_is_one_line(shell, finished, tmp_path, how):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    (path,) = (tmp_path / "runs").rglob("*.json")
    path.write_bytes(damaged(path.read_bytes())[how])
    runs = tmp_path / "runs"
    for command in ((*ONE, "--out", runs), ("report", "--results", runs)):
        status, err = shell(*command)
        assert status == 1
        assert_one_line(err, path.name, "delete it and rerun")
