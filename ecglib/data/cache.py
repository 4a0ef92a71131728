"""Cut beats, kept on disk between runs."""

import contextlib
import hashlib
import os
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from ecglib.data.beats import Beats
from ecglib.data.files import atomic

VERSION = 1
"""Raised when the way from records to beats changes its result."""


def directory():
    """Folder of the cache: `$ECGLIB_CACHE`, else where the operating system keeps caches."""
    if "ECGLIB_CACHE" in os.environ:
        return Path(os.environ["ECGLIB_CACHE"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("ecglib"))


def path_for(checksums, arguments):
    """File for the beats that come from these files with these arguments.

    Parameters
    ----------
    checksums : list of str
        SHA-256 of every file that is read, in order.
    arguments : dict
        Arguments of `load_beats` that shape its result.
    """
    key = repr((VERSION, checksums, sorted(arguments.items())))
    return directory() / f"beats-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"


def load(path):
    """Beats stored in `path`, or None if there are none or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            values = dict(stored)
        values["rr_names"] = tuple(values["rr_names"].tolist())
        values["fs"] = float(values["fs"])
        values["n_padded"] = int(values["n_padded"])
        return Beats(**values)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def store(path, beats):
    """Write beats to `path` whole or not at all; a cache that cannot be written is no error."""
    arrays = {field.name: getattr(beats, field.name) for field in fields(beats)}
    with contextlib.suppress(OSError), atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
