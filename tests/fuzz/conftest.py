"""Where readers meet their files."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Folder for a reader's files, the current one; nothing is cached."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("memory can be bounded on Linux only")
    monkeypatch.setenv("ECGLIB_CACHE", os.devnull)
    folder = tmp_path / "deep" / "files"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder
