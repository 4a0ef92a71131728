"""Small files that ask for gigabytes or for ever: refused before anything is allocated."""

import io
import os
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest

from ecglib.data.find.archive import MAX_BYTES, Files, find_files
from ecglib.system.errors import UserError
from ecglib.system.untrusted import opened_npz

from .bounds import bounded, causes, complaint, paths_beside
from .readers import READERS

ZEROS = 3_000_000_000  # bytes that a bomb unpacks to


def zeros_deflated():
    """A DEFLATE stream of so many zero bytes: one flushed piece of it again and again."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = coder.compress(bytes(1 << 24)) + coder.flush(zlib.Z_FULL_FLUSH)
    return piece * (ZEROS >> 24) + coder.flush()


def zip_of(name, stream, claimed, method=zipfile.ZIP_DEFLATED):
    """A zip of one member whose directory claims another size than it unpacks to."""
    name, sizes = name.encode(), struct.pack("<III", 0, len(stream), claimed)
    fields = struct.pack("<HHHHH", 20, 0, method, 0, 33) + sizes
    fields += struct.pack("<HH", len(name), 0)
    local = b"PK\3\4" + fields + name + stream
    directory = b"PK\1\2" + struct.pack("<H", 20) + fields + bytes(14) + name
    # the last 14 bytes: comment, disk, attributes, and 0, where the member begins
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)
    return local + directory + b"PK\5\6" + end


def npy_header(shape, dtype="<i2"):
    file = io.BytesIO()
    said = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, said)
    return file.getvalue()


def refuses(reader, place):
    """A reader complains in one sentence, and not because memory ran out."""
    with bounded():
        assert complaint(reader.read, place) is None
        with pytest.raises(UserError) as caught:
            reader.read(place)
    return str(caught.value)


def other_lines(pattern, new):
    """Change of a text file by a regular expression that must be found in it."""

    def change(path):
        text, count = re.subn(pattern, new, path.read_text(), count=1)
        assert count
        path.write_text(text)

    return change


WFDB = {
    "samples": other_lines(r" 360 \d+", " 360 900000000000"),
    "samples of FLAC": other_lines(r" 212 ", " 516 "),
    "samples per frame": other_lines(r" 212 ", " 212x2000000000 "),
    "shift": other_lines(r" 212 ", " 212:1500000000 "),
    "offset": other_lines(r" 212 ", " 212+99999999999 "),
    "rate": other_lines(r" 360 ", " 36000000000 "),
    "leads": other_lines(r"100 2 ", "100 2000000000 "),
    "segments": other_lines(r"100 2 ", "100/2000000000 2 "),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WFDB)
@pytest.mark.parametrize("reader", ["mitdb", "detector"])
def test_headers_of_wfdb(reader, name, place):
    READERS[reader].make(place)
    WFDB[name](place / "100.hea")
    assert "100" in refuses(READERS[reader], place)


def bomb_mat(place):
    """MATLAB's version 5 can be compressed; a matrix of three gigabytes in three megabytes."""
    stream = b"\x78\xda" + zeros_deflated()
    head = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + struct.pack("<HH", 0x0100, 0x4D49)
    (place / "A00001.mat").write_bytes(head + struct.pack("<II", 15, len(stream)) + stream)


def bomb_large(place):
    (place / "A00001.mat").write_bytes(bytes(MAX_BYTES + 1))


def bomb_slip(place):
    with zipfile.ZipFile(place / "training2017.zip", "w") as archive:
        for name in ("A00001.hea", "A00001.mat", "../../A00002.mat"):
            archive.writestr(name, "x")


RECORDINGS = {
    "compressed matrix": (bomb_mat, r"A00001\.mat has [\d,]+ bytes, but by its header"),
    "large file": (bomb_large, r"A00001\.mat has more than 8,000,000 bytes"),
    "leading out": (bomb_slip, r"A00002\.mat', whose path leads out of it"),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings(name, place):
    READERS["cinc2017"].make(place)
    change, message = RECORDINGS[name]
    change(place)
    beside = paths_beside(place)
    assert re.search(message, refuses(READERS["cinc2017"], place))
    assert paths_beside(place) == beside


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_member_that_unpacks_to_more_than_it_says(tmp_path, method):
    (tmp_path / "a.zip").write_bytes(zip_of("a", zeros_deflated(), 1000, method))
    with (
        bounded(),
        Files({"a": "a"}, archive=tmp_path / "a.zip").opened() as at,
        pytest.raises(UserError, match=r"a in .*a\.zip is damaged") as caught,
    ):
        at("a")
    assert not any(isinstance(cause, MemoryError) for cause in causes(caught.value))


def test_the_zip_of_a_bomb_is_one_that_zipfile_unpacks(tmp_path):
    data = b"zeros" * 9
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = coder.compress(data) + coder.flush()
    path = tmp_path / "a.zip"
    content = zip_of("a", stream, len(data))
    path.write_bytes(content.replace(bytes(4) + struct.pack("<I", len(stream)),
                     struct.pack("<II", zlib.crc32(data), len(stream))))  # fmt: skip
    assert zipfile.ZipFile(path).read("a") == data
    assert find_files(path, "b", ("mat",), ["a"]).members == {"a": "a"}
    with Files({"a": "a"}, archive=path).opened() as at:
        assert at("a").read_bytes() == data


def array_that_claims(shape, n_bytes):
    """A packed array: what its header says, and how many zeros there are."""

    def change(path):
        header = npy_header(shape)
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = stream.compress(header)
        for _ in range(n_bytes >> 24):
            data += stream.compress(bytes(1 << 24))
        path.write_bytes(zip_of("x.npy", data + stream.flush(), len(header) + n_bytes))

    return change


@pytest.mark.parametrize("name", [n for n, r in READERS.items() if r.targets.endswith("npz")])
def test_arrays(name, place):
    reader = READERS[name]
    reader.make(place)
    (path,) = place.glob(reader.targets)
    array_that_claims((1 << 40,), 1 << 24)(path)
    with bounded():
        assert complaint(reader.read, place) is None


@pytest.mark.parametrize(
    ("shape", "n_bytes"),
    [((1 << 40,), 1 << 24), ((-1, -(1 << 23)), 1 << 25), ((1 << 27,), 1 << 28)],
    ids=["header of more than there is", "negative lengths", "more than the limit"],
)
def test_npz_is_refused_before_memory_is_asked_for(tmp_path, shape, n_bytes):
    array_that_claims(shape, n_bytes)(tmp_path / "a.npz")
    with (
        bounded(),
        pytest.raises(ValueError, match=r"what its header says|more than"),
        opened_npz(tmp_path / "a.npz", 100_000_000),
    ):
        pass


@pytest.mark.parametrize(
    ("reader", "name"),
    [(r, n) for r, n in (("mitdb", "100.hea"), ("mitdb", "100.atr"), ("predict", "odd.hea"),
     ("mitdb", "100.dat"), ("predict", "odd.atr"), ("cpsc2018", "A0001.hea"),
     ("device", "device.json"), ("compressed", "net.ecgc"), ("result", "r.json"),
     ("weights", "w.npz"), ("pack mitdb", "p.npz"))],
)  # fmt: skip
def test_a_pipe_that_nobody_writes_to(reader, name, place):
    READERS[reader].make(place)
    (place / name).unlink()
    os.mkfifo(place / name)
    refuses(READERS[reader], place)
