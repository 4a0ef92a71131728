"""Reading files that somebody else wrote, which may be damaged or harmful.

A reader says in one sentence what it cannot read. It reads no more bytes than it expects, and
it reserves no more memory than the file has content for. Nothing is ever unpickled.
"""

import errno
import json
import math
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ecglib.system.errors import UserError

MAX_JSON_BYTES = 10_000_000
"""Largest size of a JSON file with results or measurements; ours have 0.1 MB at most."""

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Allowed compressions of zip members; `zipfile` cannot limit the size of the others."""

_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@contextmanager
def refused(sentence, *, because=False):
    """Turn every exception of the block into a `UserError`.

    A `UserError` stays as it is or, if `because` says so, is put behind the sentence.

    Parsers raise many kinds of exceptions on damaged files, from `IndexError` and
    `struct.error` to `RecursionError` and `MemoryError`. So all of them are caught, and the
    block should contain little more than the call of the parser.

    Parameters
    ----------
    sentence : str
        Text of the error; it names the file and says what to do.
    """
    try:
        yield
    except UserError as error:
        if because:
            raise UserError(f"{sentence}: {error}") from error
        raise
    except Exception as error:
        raise UserError(sentence) from error


def read_bytes(path, limit):
    """Content of a file of no more than `limit` bytes.

    Raises
    ------
    OSError
        If it is missing, or no regular file, such as a pipe on which reading may never end.
    ValueError
        If it is larger.
    """
    with _opened(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path} has more than {limit:,} bytes")
    return content


def read_json(path):
    """Content of a JSON file.

    Raises
    ------
    OSError, ValueError, RecursionError
        If it is missing, longer than `MAX_JSON_BYTES`, not JSON, or nested too deeply.
    """
    return json.loads(read_bytes(path, MAX_JSON_BYTES))


def read_member(archive, member, limit):
    """Content of a member (given by its name) of a `ZipFile`, of no more than `limit` bytes.

    Raises a `ValueError` if the member is larger or packed in an unusual way, and other
    exceptions if it is damaged. No more than `limit` bytes are read, whatever size the zip
    states.
    """
    check_members([archive.getinfo(member)], limit)
    with archive.open(member) as file:
        return file.read(limit)


def check_members(members, limit):
    """Raise `ValueError` if members (`ZipInfo`) have more than `limit` bytes together."""
    if any(member.compress_type not in _PACKINGS for member in members):
        raise ValueError("a member is packed in an unusual way")
    if sum(member.file_size for member in members) > limit:
        raise ValueError(f"the members have more than {limit:,} bytes")


@contextmanager
def opened_npz(path, limit):
    """The arrays of an `.npz` file of no more than `limit` bytes, as `NpzFile`.

    The size in the header of every array is compared with the bytes that are stored, before
    NumPy reserves memory for the array.

    Raises
    ------
    ValueError
        If a header states another size than is stored, or Python objects; other exceptions if
        the file is missing or damaged.
    """
    with _opened(path) as file:
        if file.read(2) != b"PK":  # NumPy would read such a file as another format
            raise ValueError("no zip")
        with zipfile.ZipFile(file) as archive:
            check_members(archive.infolist(), limit)
            for member in archive.infolist():
                _check_header(archive, member)
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            yield stored


def _check_header(archive, member):
    with archive.open(member) as file:
        shape, _, dtype = _READ_HEADER[np.lib.format.read_magic(file)](file)
        asked = file.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject or asked != member.file_size:
        raise ValueError(f"{member.filename} does not hold what its header says")


def _opened(path):
    """Open a regular file; others are refused, since reading a pipe might never end."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return path.open("rb")
