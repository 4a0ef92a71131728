"""Files that somebody else wrote: nothing in them is believed before it is checked.

A reader says in one sentence what it cannot read, takes no more bytes than it expects, and asks
for no memory that the file's own bytes do not vouch for. Nothing is ever unpickled.
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
"""Of a file of results or measurements; the largest here has some 0.1 MB."""

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How members of a zip may be packed: `zipfile` unpacks others to any size at once."""

_READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@contextmanager
def refused(sentence):
    """Turn whatever the block raises into a `UserError`; one raised already passes.

    Parsers raise nearly anything on bytes that they were not written for, from `IndexError` and
    `struct.error` to `RecursionError` and `MemoryError`; so all of it is caught, and the block
    should hold little but the call of the parser.

    Parameters
    ----------
    sentence : str
        Text of the error: names the file and says what to do.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(sentence) from error


def read_bytes(path, limit):
    """Content of a file of no more than `limit` bytes.

    Raises
    ------
    OSError
        If it is missing, or something that a reader might wait for without end.
    ValueError
        If it is larger.
    """
    with _opened(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path} has more than {limit:,} bytes")
    return content


def read_json(path):
    """What a JSON file holds.

    Raises
    ------
    OSError, ValueError, RecursionError
        If it is missing, longer than `MAX_JSON_BYTES`, no JSON, or nested without end.
    """
    return json.loads(read_bytes(path, MAX_JSON_BYTES))


def read_member(archive, member, limit):
    """Content of a member (its name) of a `ZipFile` of no more than `limit` bytes.

    What the zip says about its size is not believed. `ValueError` if it is larger, or packed in
    an unusual way; other exceptions if it is damaged.
    """
    check_members([archive.getinfo(member)], limit)
    with archive.open(member) as file:
        return file.read(limit)


def check_members(members, limit):
    """Raise `ValueError` if members (`ZipInfo`) have more than `limit` bytes in all."""
    if any(member.compress_type not in _PACKINGS for member in members):
        raise ValueError("a member is packed in an unusual way")
    if sum(member.file_size for member in members) > limit:
        raise ValueError(f"the members have more than {limit:,} bytes")


@contextmanager
def opened_npz(path, limit):
    """The arrays of an `.npz` file, of no more than `limit` bytes in all, as `NpzFile`.

    The header of every array is compared with the bytes that the zip has of it before NumPy
    makes room for what the header asks for.

    Raises
    ------
    ValueError
        If a header asks for more or less than there is, or for Python objects; other
        exceptions if the file is missing or damaged.
    """
    with _opened(path) as file:
        if file.read(2) != b"PK":  # else NumPy would take it for something else than a zip
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
    """A file to read; reading a pipe or a device might never end."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return path.open("rb")
