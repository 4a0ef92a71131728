"""A cache on disk for beats that were cut and recordings that were read."""

import hashlib
import os
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import numpy as np

from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import opened_npz, refused

VERSION = 1
"""Version of the code that makes beats and recordings; a new one makes old files unused."""

MAX_BYTES = 900_000_000
"""Largest size in bytes of the arrays in a file; larger ones are not kept in the cache."""


def directory():
    """Folder of the cache: `$ECGLIB_CACHE`, or the operating system's folder for caches."""
    if "ECGLIB_CACHE" in os.environ:
        return Path(os.environ["ECGLIB_CACHE"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("ecglib"))


def kept(table, checksums, arguments, make):
    """Beats or recordings from the cache; if they are not there, `make()` is called.

    Its result is then stored. `table` is the class of the result, `checksums` (list or dict)
    the SHA-256 of every file that is read, `arguments` a dict of everything else on which the
    result depends.
    """
    key = repr((VERSION, checksums, sorted(arguments.items())))
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    path = directory() / f"{table.__name__.lower()}-{digest}.npz"
    found = load(path, table)
    if found is None:
        found = make()
        store(path, found)
    return found


def load(path, table):
    """Beats or recordings (of class `table`) from `path`; None if missing or damaged."""
    try:
        with refused(f"{path} is missing or damaged"), opened_npz(path, MAX_BYTES) as stored:
            return table(**{f.name: _as(f.type, stored[f.name]) for f in fields(table)})
    except UserError:
        return None


def _as(kind, array):
    """The value of a field of this type, from the array in which it was stored."""
    if kind is np.ndarray:
        return array
    return kind(array) if kind in (int, float, str) else tuple(array.tolist())


def store(path, table):
    """Write beats or recordings whole or not at all; a failure to write is ignored."""
    arrays = {field.name: getattr(table, field.name) for field in fields(table)}
    with suppress(UserError), written(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
