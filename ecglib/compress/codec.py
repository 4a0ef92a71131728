"""Compressed networks as files, from which they are restored bit for bit.

A file consists of `MAGIC`, the SHA-256 of everything after it, the length of the header (4
bytes), the header (JSON with DEFLATE) and the streams. The entries have the order of the sorted
names of parameters and buffers. The names are not in the file but in the network for which it
is read; the header has a fingerprint of them.
"""

import hashlib
import json
import math

import numpy as np

from ecglib.compress import symbols
from ecglib.compress.coded import CodedModel, CodedTensor
from ecglib.compress.size import float_bits
from ecglib.compress.weights import MAX_BITS, UNCODED, layout
from ecglib.system.errors import UserError
from ecglib.system.files import written
from ecglib.system.untrusted import read_bytes, refused

MAGIC = b"ECGC\x01"

PREFIX = len(MAGIC) + 32 + 4
"""Number of bytes before the header."""

DTYPES = ("<f2", "<f4", "<f8", "<i8", "<i4", "<i2", "|i1", "|u1", "|b1")
"""Number formats that a file may hold."""

HEADER_BYTES = 512
"""Largest number of bytes of the header for each entry; a longer header is refused."""


def save_compressed(path, coded):
    """Write a compressed network; the file appears whole or not at all.

    Parameters
    ----------
    path : path
        File to write; folders above it are made. `UserError` if it cannot be written.
    coded : CodedModel
        From any method.

    Returns
    -------
    int
        Bytes of the file.
    """
    entries, streams = [], []
    for name in sorted(coded.tensors.keys() | coded.rest.keys()):
        if name in coded.tensors:
            entry, parts = _write_tensor(coded.tensors[name])
        else:
            entry, parts = _write_array(coded.rest[name])
        entries.append(entry | {"n": [len(part) for part in parts]})
        streams += parts
    shapes = {n: t.q.shape for n, t in coded.tensors.items()}
    shapes |= {n: array.shape for n, array in coded.rest.items()}
    header = {"model": _fingerprint(shapes), "entries": entries}
    packed = symbols.deflate(json.dumps(header, separators=(",", ":")).encode())
    payload = b"".join([len(packed).to_bytes(4, "little"), packed, *streams])
    content = MAGIC + hashlib.sha256(payload).digest() + payload
    with written(path) as temporary:
        temporary.write_bytes(content)
    return len(content)


def load_compressed(path, model):
    """Read what `save_compressed` wrote.

    Parameters
    ----------
    path : path
        The file.
    model : Module
        Network of the same structure, for names and shapes; it is not changed.

    Returns
    -------
    CodedModel
        The arrays that were saved, bit for bit.

    Raises
    ------
    UserError
        If the file is missing, cut short, changed, or belongs to another network.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in layout(model).items()}
    content = _read(path, shapes)
    with refused(f"{path} is not a valid compressed network: compress the network again"):
        header, body = _header(content, len(shapes))
        if header["model"] != _fingerprint(shapes):
            raise UserError(
                f"{path} holds another network than this {type(model).__name__}; build the "
                "one that was compressed, with the same sizes"
            )
        return _arrays(header["entries"], body, shapes)


def _fingerprint(shapes):
    """First 16 hexadecimal digits of the SHA-256 of all names and shapes."""
    listed = [[name, list(shape)] for name, shape in sorted(shapes.items())]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def _read(path, shapes):
    """Bytes of a file; it is refused if it is incomplete or too large for such a network."""
    largest = 4096 + sum(HEADER_BYTES + 9 * math.prod(shape) for shape in shapes.values())
    try:
        content = read_bytes(path, largest)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(
            f"{path} is larger than this network can be; is it another one?"
        ) from error
    if content[: len(MAGIC)] != MAGIC:
        raise UserError(f"{path} is not a compressed network of this version")
    digest = content[len(MAGIC) : PREFIX - 4]
    if hashlib.sha256(content[PREFIX - 4 :]).digest() != digest:
        raise UserError(f"{path} is cut short or changed: compress the network again")
    return content


def _header(content, n_entries):
    """The header and the bytes of all streams."""
    end = PREFIX + int.from_bytes(content[PREFIX - 4 : PREFIX], "little")
    limit = HEADER_BYTES * (n_entries + 1)
    return json.loads(symbols.inflate_up_to(content[PREFIX:end], limit)), content[end:]


def _arrays(entries, body, shapes):
    """The `CodedModel` that entries and streams describe."""
    tensors, rest, start = {}, {}, 0
    for name, entry in zip(sorted(shapes), entries, strict=True):
        streams = []
        for length in entry["n"]:
            if not 0 <= length <= len(body) - start:
                raise ValueError("a stream ends behind the file")
            streams.append(body[start : start + length])
            start += length
        if "bits" in entry:
            tensors[name] = _read_tensor(entry, streams, shapes[name])
        else:
            rest[name] = _read_array(entry, streams.pop(), shapes[name])
    if start != len(body):
        raise ValueError("there are bytes behind the last stream")
    return CodedModel(tensors, rest)


def _write_array(array):
    """Entry and stream of an array; half precision if that is exact."""
    dtype = array.dtype.newbyteorder("<")
    entry, stored = {"as": dtype.str}, array.astype(dtype)
    if np.issubdtype(array.dtype, np.floating) and float_bits(array) == 16:
        entry["in"], stored = "<f2", array.astype("<f2")
    return entry, [symbols.pack_floats(stored)]


def _read_array(entry, stream, shape):
    stored = entry.get("in", entry["as"])
    if stored not in DTYPES or entry["as"] not in DTYPES:
        raise ValueError(f"{stored} is no number format")
    flat = symbols.unpack_floats(stream, math.prod(shape), stored)
    return flat.astype(entry["as"]).reshape(shape)


def _write_tensor(tensor):
    """Entry and streams of a coded tensor; zeros are symbols or in a map, as is shorter."""
    scale = np.asarray(tensor.scale, np.float32)
    entry = {"bits": tensor.bits, "masked": tensor.masked, "shape": list(scale.shape)}
    entry["scale"], streams = _write_array(scale)
    flat = np.ascontiguousarray(tensor.q).reshape(-1)
    if tensor.bits == UNCODED:
        present = flat.view(np.uint32) != 0  # a negative zero counts as present
        return entry, [*streams, _write_map(present), symbols.pack_floats(flat[present])]
    low, high = int(flat.min()), int(flat.max())
    present = flat != 0
    forms = {
        "symbols": [symbols.pack_symbols(flat.astype(np.int32) - low, _base(low, high))],
        "map": [_write_map(present), _write_nonzero(flat[present], low, high)],
    }
    if present.all():
        forms = {"none": forms["map"][1:]}
    entry["zeros"] = min(forms, key=lambda form: sum(len(part) for part in forms[form]))
    return entry | {"range": [low, high]}, streams + forms[entry["zeros"]]


def _read_tensor(entry, streams, shape):
    bits, n, scale_shape = int(entry["bits"]), math.prod(shape), tuple(entry["shape"])
    if scale_shape and any(s not in (1, n) for s, n in zip(scale_shape, shape, strict=True)):
        raise ValueError("a scale does not fit its tensor")
    scale = _read_array(entry["scale"], streams[0], scale_shape)
    if bits == UNCODED:
        flat, present = np.zeros(n, np.float32), _read_map(streams[1], n)
        flat[present] = symbols.unpack_floats(streams[2], np.count_nonzero(present), "<f4")
    else:
        flat = _read_symbols(entry, bits, streams[1:], n)
    return CodedTensor(flat.reshape(shape), scale, bits, bool(entry["masked"]))


def _read_symbols(entry, bits, streams, n):
    """Flat array (n,) int8 or int16 of the integers that represent the weights."""
    low, high = (int(bound) for bound in entry["range"])
    limit = 2 ** max(bits - 1, 1) if 1 <= bits <= MAX_BITS else 0
    if not -limit <= low <= high < limit:
        raise ValueError(f"symbols from {low} to {high} do not fit {bits} bits")
    dtype = np.int8 if bits <= 8 else np.int16
    if entry["zeros"] == "symbols":
        index = symbols.unpack_symbols(streams[0], n, _base(low, high))
        return (index.astype(np.int32) + low).astype(dtype)
    present = _read_map(streams[0], n) if entry["zeros"] == "map" else np.ones(n, bool)
    flat = np.zeros(n, dtype)
    flat[present] = _read_nonzero(streams[-1], np.count_nonzero(present), low, high)
    return flat


def _base(low, high, *, without_zero=False):
    """Number of symbols from `low` to `high`, at least 2, since no base could write one."""
    return max(high - low + 1 - (without_zero and low <= 0 <= high), 2)


def _write_nonzero(values, low, high):
    """Stream of values that are never zero, so that no symbol is spent on it."""
    passed = (values > 0) if low <= 0 else 0
    base = _base(low, high, without_zero=True)
    return symbols.pack_symbols(values.astype(np.int32) - low - passed, base)


def _read_nonzero(stream, n, low, high):
    base = _base(low, high, without_zero=True)
    values = symbols.unpack_symbols(stream, n, base).astype(np.int32) + low
    return values + ((values >= 0) if low <= 0 else 0)


def _write_map(present):
    return symbols.deflate(np.packbits(present).tobytes())


def _read_map(stream, n):
    packed = np.frombuffer(symbols.inflate(stream, -(-n // 8)), np.uint8)
    return np.unpackbits(packed, count=n).astype(bool)
