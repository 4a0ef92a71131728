"""What a result file says about the machine, and which processors clip sums of bytes."""

import json
import subprocess
import sys

import pytest
import torch

from ecglib.system import machine
from ecglib.system.paths import REPO


def test_the_environment_names_machine_and_versions():
    environment = machine.describe_environment(torch.device("cpu"), REPO)
    names = {"device", "cpu", "cpu_flags", "threads", "torch", "python", "commit"}
    assert set(environment) == names
    assert environment["device"] == "cpu"
    assert environment["torch"] == torch.__version__
    assert environment["python"] == sys.version.split()[0]
    assert environment["threads"] == torch.get_num_threads()
    json.dumps(environment)


def test_the_commit_is_that_of_the_repository(tmp_path):
    def commit():
        return machine.describe_environment(torch.device("cpu"), tmp_path)["commit"]

    def git(*command):
        name = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(
            ["git", "-C", tmp_path, *name, *command], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "--quiet", "--message", "first")
    assert git("rev-parse", "HEAD").startswith(commit())
    assert len(commit()) >= 7
    clean = commit()
    (tmp_path / "file").write_text("2")
    assert commit() == f"{clean}+"


@pytest.mark.parametrize(
    ("architecture", "flags", "clips"),
    [
        ("x86_64", ["avx2", "fma"], True),
        ("AMD64", ["avx512bw"], True),
        ("x86_64", ["avx2", "avx_vnni"], False),
        ("x86_64", ["avx512_vnni"], False),
        ("aarch64", ["asimd", "asimddp"], False),
    ],
)
def test_only_x86_without_vnni_clips_sums_of_bytes(monkeypatch, architecture, flags, clips):
    monkeypatch.setattr(machine.platform, "machine", lambda: architecture)
    monkeypatch.setattr(machine, "simd_flags", lambda: flags)
    assert machine.saturates() == clips
