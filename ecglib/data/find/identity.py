"""Files of annotated records: which are there, and a hash that identifies their content."""

import hashlib
from pathlib import Path

from ecglib.system.errors import UserError

EXTENSIONS = ("hea", "dat", "atr")
"""The three files of an annotated WFDB record: header, signals, annotations."""

_PIECE = 1 << 20  # bytes


def record_files(folder, record):
    """Paths of a record's header, signals and annotations; `UserError` if one is missing."""
    paths = _paths(folder, record)
    for path in paths:
        if not path.is_file():
            raise UserError(
                f"{path} is missing: record {record} needs its .hea, .dat and .atr in one "
                "folder"
            )
    return paths


def sha256_of(path):
    """SHA-256 of a file's content, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # in pieces: an archive may be larger than the memory
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def identity(checksums):
    """One SHA-256, hexadecimal, of a dict from names of files to their checksums, sorted."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def is_complete(folder, record):
    """Whether all three files of a record lie in `folder`."""
    return all(path.is_file() for path in _paths(folder, record))


def _paths(folder, record):
    return [Path(folder) / f"{record}.{extension}" for extension in EXTENSIONS]


def identity_of(folder, records):
    """`identity` of the files of the given records in `folder`."""
    paths = [path for record in records for path in record_files(folder, record)]
    return identity({path.name: sha256_of(path) for path in paths})
