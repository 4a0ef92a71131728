"""Real commands that are killed, meet a full disk or each other, or find damaged files.

`ECG_FAULTS=20 python -m pytest tests/test_faults.py` kills twenty times instead of once.
"""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.commands import call, copy_library, runs_in
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2

N_KILLS = int(os.environ.get("ECG_FAULTS", "1"))

CHAPTER = f"""\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
data_root = None  # type: str  where the records are
device = "cpu"  # type: str  device
seeds = [7]  # type: list  seeds
records = {[*SYNTHETIC_DS1, *SYNTHETIC_DS2]}  # type: list  record numbers
channels = [4, 4, 4, 4, 4]  # type: list  filters
pretext_epochs = 1  # type: int  epochs
personalization = [{{"strategy": ["none", "head_only", "full"], "train_share": 0.3}}]

# %%
from ecglib import plans
from ecglib.studies import run_study

parameters = {{name: globals()[name] for name in (
    "data_root", "seeds", "records", "channels", "pretext_epochs", "personalization")}}
source = plans.find_source(parameters, "quick")
found = run_study(plans.plan("personalization", parameters), source, profile="quick")
print([round(r.metrics["macro_f1"], 6) for r in found])
"""
STUDY = ("-m", "ecglib", "study", "personalization")
FULL_DISK = """
import resource, sys
from ecglib.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def repository(synthetic_root, tmp_path_factory):
    """A repository with the library and one chapter that runs a study on synthetic records."""
    files = {
        "chapters/02_chapter.py": CHAPTER,
        "params/quick.yaml": f"common: {{data_root: {synthetic_root}}}\n",
    }
    return copy_library(tmp_path_factory.mktemp("repository"), files)


@pytest.fixture(scope="module")
def undisturbed(repository, tmp_path_factory):
    """What the study comes to when nothing happens, and the seconds it takes."""
    out, start = tmp_path_factory.mktemp("undisturbed") / "runs", time.perf_counter()
    status, _, err = call(repository, *STUDY, "--out", out)
    assert status == 0, err
    found = runs_in(out)
    assert len(found) == 3
    return found, time.perf_counter() - start


def sentence(err):
    """What a command says went wrong, among what is left of progress bars."""
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if "ecglib: " in line]
    return line


def killed(repository, seconds, *command):
    """Start a command with all its children, and kill them after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=repository,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def test_a_study_killed_at_any_time_resumes_to_the_same_results(
    repository, undisturbed, tmp_path
):
    expected, seconds = undisturbed
    moments, statuses = random.Random(7), []
    for _ in range(N_KILLS):
        moment = moments.uniform(0.4, 1.0) * seconds  # the first part is spent on imports
        statuses.append(killed(repository, moment, *STUDY, "--out", tmp_path / "runs"))
    assert -signal.SIGKILL in statuses
    status, _, err = call(repository, *STUDY, "--out", tmp_path / "runs")
    assert status == 0, err
    assert runs_in(tmp_path / "runs") == expected


def test_a_chapter_killed_at_any_time_resumes_to_the_same_page(
    repository, undisturbed, tmp_path
):
    expected, seconds = undisturbed
    moments = random.Random(21)
    for _ in range(N_KILLS):
        killed(repository, moments.uniform(0.5, 1.5) * seconds, "-m", "ecglib", "run", "02")
    status, _, err = call(repository, "-m", "ecglib", "run", "02")
    assert status == 0, err
    assert runs_in(repository / "_build" / "runs") == expected
    page = (repository / "_build" / "book" / "chapters" / "02_chapter.ipynb").read_text()
    scores = [run["metrics"]["macro_f1"] for run in expected.values()]
    assert all(str(round(score, 6)) in page for score in scores)
    status, out, _ = call(repository, "-m", "ecglib", "run", "02")
    assert (status, "02_chapter: unchanged" in out) == (0, True)


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(
    repository, undisturbed, tmp_path
):
    study = ("study", "personalization", "--out", tmp_path / "runs")
    status, _, err = call(repository, "-c", FULL_DISK, *study)
    assert status == 1
    assert "cannot write" in sentence(err)
    assert "File too large" in sentence(err)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    status, _, err = call(repository, *STUDY, "--out", tmp_path / "runs")
    assert status == 0, err
    assert runs_in(tmp_path / "runs") == undisturbed[0]


def test_results_that_cannot_be_written_are_one_sentence(repository, tmp_path):
    (tmp_path / "file").write_text("where a folder should be")
    status, _, err = call(repository, *STUDY, "--out", tmp_path / "file" / "runs")
    assert status == 1
    assert "cannot write" in sentence(err)
    assert str(tmp_path / "file") in sentence(err)


def test_two_processes_on_one_study_do_not_disturb_each_other(
    repository, undisturbed, tmp_path
):
    command = [sys.executable, *STUDY, "--out", str(tmp_path / "runs")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    both = [subprocess.Popen(command, cwd=repository, **quiet) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert runs_in(tmp_path / "runs") == undisturbed[0]
    assert not list(tmp_path.rglob("*.tmp"))


def test_damaged_checkpoints_and_caches_are_made_again(
    repository, undisturbed, tmp_path, monkeypatch
):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    assert call(repository, *STUDY, "--out", tmp_path / "runs")[0] == 0
    damaged = [*(tmp_path / "cache").rglob("*.npz"), *tmp_path.glob("checkpoints/**/*.npz")]
    assert {path.relative_to(tmp_path).parts[0] for path in damaged} == {"cache", "checkpoints"}
    for path in damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for path in tmp_path.glob("runs/**/*.json"):
        path.unlink()
    status, _, err = call(repository, *STUDY, "--out", tmp_path / "runs")
    assert status == 0, err
    assert runs_in(tmp_path / "runs") == undisturbed[0]
