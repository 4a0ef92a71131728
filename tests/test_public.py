"""The flat public names: complete, documented, and loaded when they are used."""

import subprocess
import sys

import pytest

import ecglib


@pytest.mark.parametrize("name", ecglib.__all__)
def test_every_public_name_is_there_and_listed(name):
    assert getattr(ecglib, name) is not None
    assert name in dir(ecglib)


def test_a_public_name_is_that_of_its_room():
    from ecglib.data.sets.mitdb import load_beats
    from ecglib.metrics import macro_f1

    assert ecglib.macro_f1 is macro_f1
    assert ecglib.load_beats is load_beats


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'load_beat'"):
        ecglib.load_beat  # noqa: B018


def test_importing_the_library_loads_nothing_heavy():
    code = "import sys, ecglib; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "ecglib" in loaded
    heavy = "torch wfdb matplotlib numpy pandas IPython jupytext"
    assert not loaded & set(heavy.split())
