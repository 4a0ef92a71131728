"""Files that several processes may write at once."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path


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
        with temporary.open("r+b") as written:
            os.fsync(written.fileno())  # else a power cut may leave the name without content
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
