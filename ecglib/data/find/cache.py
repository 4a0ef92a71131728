"""Cut beats and read recordings, kept on disk between runs."""

import contextlib
import hashlib
import os
from dataclasses import fields
from pathlib import Path

import numpy as np

from ecglib.system.errors import UserError
from ecglib.system.files import atomic
from ecglib.system.untrusted import opened_npz, refused

VERSION = 1
"""Raised when the way from files to beats or recordings changes its result."""

MAX_BYTES = 900_000_000
"""Of the arrays in a file; what is larger is computed anew each time."""


def directory():
    """Folder of the cache: `$ECGLIB_CACHE`, else where the operating system keeps caches."""
    if "ECGLIB_CACHE" in os.environ:
        return Path(os.environ["ECGLIB_CACHE"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("ecglib"))


def path_for(checksums, arguments, *, kind="beats"):
    """File for what comes from these files with these arguments.

    Parameters
    ----------
    checksums : list or dict of str
        SHA-256 of every file that is read, in order or by name.
    arguments : dict
        Arguments of the loading function that shape its result.
    kind : {"beats", "recordings"}
        What is stored.
    """
    key = repr((VERSION, checksums, sorted(arguments.items())))
    return directory() / f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"


def load(path, table):
    """Beats or recordings stored in `path`, or None if there are none or the file is damaged.

    Parameters
    ----------
    path : Path
        The file.
    table : type
        `Beats` or `Recordings`.
    """
    try:
        with refused(f"{path} is missing or damaged"), opened_npz(path, MAX_BYTES) as stored:
            return table(**{f.name: _as(f.type, stored[f.name]) for f in fields(table)})
    except UserError:
        return None


def _as(kind, array):
    """What a field of this type held."""
    if kind is np.ndarray:
        return array
    return kind(array) if kind in (int, float, str) else tuple(array.tolist())


def store(path, table):
    """Write beats or recordings to `path` whole or not at all.

    A cache that cannot be written is no error.
    """
    arrays = {field.name: getattr(table, field.name) for field in fields(table)}
    with contextlib.suppress(OSError), atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
