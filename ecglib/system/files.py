"""Files that several processes may write at once."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ecglib.system.errors import UserError


@contextmanager
def alone(path, work):
    """Let only one process at a time into a block of code; the others wait.

    `path` is the file of the lock, whose folder must exist. `work` says what the other process
    does, for the message to whoever waits. The lock of a killed process is released.
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
    name is random, since process numbers can be equal on two machines with a shared disk.
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
    """Do the same as `atomic`, but raise a `UserError` if the file cannot be written."""
    try:
        with atomic(path) as temporary:
            yield temporary
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
