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


def kept(table, checksums, arguments, make):
    """Beats or recordings from the cache, or else from `make()`, and stored then.

    `table` is their class, `checksums` (list or dict) the SHA-256 of every file that is read,
    `arguments` the dict of all that shapes the result.
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
    """Beats or recordings (`table`) stored in `path`; None if missing or damaged."""
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
    """Write beats or recordings whole or not at all; one that cannot be written is no error."""
    arrays = {field.name: getattr(table, field.name) for field in fields(table)}
    with contextlib.suppress(OSError), atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
