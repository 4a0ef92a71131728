"""Files that are written: where they may be, and whole or not at all."""

import os
import secrets
import tempfile
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
        raise _unwritable(path, error) from error


def check_target(path, protected=(), *, force=False):
    """Refuse, before work starts, an output file that cannot or must not be written.

    Parameters
    ----------
    path : path
        The output as the user named it; its folder must exist.
    protected : iterable of path
        Files that the command reads, and its other outputs. They are recognised under any
        name: by another path, another case of letters, a symbolic or a hard link.
    force : bool
        Whether the user allows to replace an existing file.

    Raises
    ------
    UserError
        If the file is protected, is there already, or cannot be written.
    """
    path = Path(path)
    if any(_same(path, file) for file in protected):
        raise UserError(
            f"{path} is read by this command or is its other output, so it is never written "
            "over; name another file"
        )
    if path.is_dir():
        raise UserError(f"cannot write {path}: it is a folder; name a file")
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write {path}: it is a device or a pipe; name a file")
    if os.path.lexists(path) and not force:
        raise UserError(f"{path} exists; name another file, or add --force to replace it")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    _try(path.parent, path)


def check_ending(path, ending):
    """Raise a `UserError` unless the name of an output ends as files of its kind do."""
    if Path(path).suffix.lower() != ending:
        raise UserError(f"{path} must end in {ending}, as files of its kind do; name it so")


def check_folder(path):
    """Make a folder of outputs, and refuse it before work starts if it cannot be written.

    Raises
    ------
    UserError
        If the folder cannot be made, or takes no file.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    _try(path, Path(path))


def _try(folder, path):
    """Write an empty file, since what a system says of permissions may be wrong.

    Its name is as long as the one that `atomic` gives.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}.", suffix=".tmp"):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path, error):
    return UserError(f"cannot write {path}: {error.strerror or error}")


def _same(path, other):
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist
        return os.path.realpath(path) == os.path.realpath(other)
