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
def written(path):
    """Path of a temporary file that takes the place of `path` if the block succeeds.

    Whoever reads `path` sees the old content or the new, never a part of it. The temporary
    name is random, since process numbers can be equal on two machines with a shared disk. A
    file that cannot be written is a `UserError`.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())  # else a power cut may leave the name without content
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _explained(path):
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def check_target(path, protected=(), *, force=False, ending=""):
    """Refuse, before work starts, an output file that cannot or must not be written.

    Parameters
    ----------
    path : path
        The output as the user named it; its folder must exist.
    protected : iterable of path
        Files of the recording, and others that the command reads. They are recognised under
        any name: by another path, another case of letters, a symbolic or a hard link.
    force : bool
        Whether the user allows to replace an existing file.
    ending : str
        How its name must end, if that matters, for instance ".npz".

    Raises
    ------
    UserError
        If the file is protected, is there already, ends otherwise, or cannot be written.
    """
    path = Path(path)
    if any(_same(path, file) for file in protected):
        raise UserError(
            f"{path} belongs to the recording or is read by this command, so it is never "
            "written over; name another file"
        )
    if not path.name.lower().endswith(ending):
        raise UserError(f"{path} must end in {ending}, as files of its kind do; name it so")
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write {path}: it is a folder or a device; name a file")
    if os.path.lexists(path) and not force:
        raise UserError(f"{path} exists; name another file, or add --force to replace it")
    if not path.parent.is_dir():
        raise UserError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    with _explained(path):
        _try(path.parent, path.name)


def check_targets(outputs, protected, *, force):
    """`check_target` for all output files of a command, which must differ from each other."""
    for number, path in enumerate(outputs):
        if any(_same(path, other) for other in outputs[:number]):
            raise UserError(f"{path} is named for two outputs; give each a name of its own")
        check_target(path, protected, force=force)


def check_folder(path):
    """Make a folder of outputs; a `UserError` before work starts if it cannot be written."""
    with _explained(path):
        for part in (Path(path), *Path(path).parents):
            if part.exists() and not part.is_dir():
                raise UserError(f"cannot write {path}: {part} is a file; name a folder")
        Path(path).mkdir(parents=True, exist_ok=True)
        _try(path)


def _try(folder, name=""):
    """Write an empty file, since what a system says of permissions may be wrong.

    Its name is as long as the one that `written` gives.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.", suffix=".tmp"):
        pass


def _same(path, other):
    try:
        return os.path.samefile(path, other)
    except OSError:  # one of them does not exist
        return os.path.realpath(path) == os.path.realpath(other)
