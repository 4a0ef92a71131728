"""Files that several processes may write at once."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ecglib.system.errors import UserError


@contextmanager
def alone(path, work):
    """Wait until no other process is in such a block; one that is killed leaves it, too.

    `path` stands for the block, its folder must be there; `work` is what another process does,
    for whoever waits.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process {work}; waiting for it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def atomic(path):
    """Path of a temporary file that takes the place of `path` if the block succeeds.

    Whoever reads `path` sees the old content or the new, never a part of it. The temporary
    name is drawn, since process numbers repeat from machine to machine on a shared disk.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())  # else a power cut may leave the name without content
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written(path):
    """As `atomic`, for a file that a user named: `UserError` if it cannot be written."""
    try:
        with atomic(path) as temporary:
            yield temporary
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
