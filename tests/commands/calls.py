"""Real commands in a repository of their own."""

import json
import os
import shutil
import subprocess
import sys

from ecglib.system.paths import REPO


def copy_library(root, files):
    """A repository with the library and these files, path -> text."""
    shutil.copytree(REPO / "ecglib", root / "ecglib")
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    return root


def start(repository, *command):
    """A process of the repository's own library, also in the kernels that it starts."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=repository,
        env=inherited | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(repository, *command):
    """Exit status, stdout, stderr of a Python process in the repository."""
    process = start(repository, *command)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def assert_one_line(err, *words):
    (line,) = err.splitlines()
    assert line.startswith("ecglib: ")
    for word in words:
        assert word in line


def runs_in(folder):
    """Results by file name, without what differs from machine to machine and day to day."""
    return {
        path.name: {
            key: value
            for key, value in json.loads(path.read_text()).items()
            if key not in ("runtime_s", "environment", "created")
        }
        for path in folder.rglob("*.json")
    }
