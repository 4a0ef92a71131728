"""Compressed files: the same bits back, and nothing from a file that is not whole."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglib import compress
from ecglib.compress import CodedModel, CodedTensor, encode, load_compressed, save_compressed
from ecglib.compress.codec import MAGIC, PREFIX
from ecglib.compress.weights import coded_names, matrix_names
from ecglib.system.errors import UserError
from tests.compress.conftest import build


def assert_same(found, coded):
    """Every array of two coded networks has the same type, shape and bits."""
    assert found.tensors.keys() == coded.tensors.keys()
    assert found.rest.keys() == coded.rest.keys()
    pairs = [(found.rest[n], array) for n, array in coded.rest.items()]
    for name, tensor in coded.tensors.items():
        other = found.tensors[name]
        assert (other.bits, other.masked) == (tensor.bits, tensor.masked)
        pairs += [(other.q, tensor.q), (other.scale, tensor.scale)]
    for one, other in pairs:
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 16) | st.just(32),
    st.sampled_from([None, 0]),
    st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]),
    st.booleans(),
)
def test_files_hold_every_bit(tmp_path_factory, bits, axis, kept, half):
    net, random = build(), np.random.default_rng(bits)
    mask = {}
    for name in matrix_names(net) if kept is not None else ():
        mask[name] = random.random(net.get_parameter(name).shape) < kept
    names = coded_names(net)
    coded = encode(net, bits, names=names, axis=axis, mask=mask, half_scales=half)
    path = tmp_path_factory.mktemp("codec") / "net.ecgc"
    assert save_compressed(path, coded) == path.stat().st_size
    found = load_compressed(path, net)
    assert_same(found, coded)
    first, second = build(seed=1), build(seed=2)
    coded.load_into(first)
    found.load_into(second)
    states = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)


@pytest.mark.parametrize(
    ("q", "bits"),
    [
        (np.int8([-128, 127, 0, 5]), 8),  # a learned step reaches the lowest integer
        (np.int8([-4, 3, 1, 1]), 3),
        (np.int8([1, 1, 1, 1]), 1),
        (np.int8([0, 0, 0, 0]), 4),
        (np.int8([3, 0, 1, 2]), 4),
        (np.int8([-3, 0, -1, -2]), 4),
        (np.int8([7, 5, 6, 7]), 4),
        (np.int16([-32768, 32767, 0, 1]), 16),
        (np.float32([-0.0, 0.0, 1e-45, np.nan]), 32),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_symbols_at_the_edges_come_back(tmp_path, q, bits, masked):
    net = torch.nn.Linear(4, 1, bias=False)
    scale = np.float32([[0.1]]) if bits < 32 else np.float32(1)
    tensor = CodedTensor(q.reshape(1, 4), np.asarray(scale), bits, masked)
    coded = CodedModel({"weight": tensor}, {})
    save_compressed(tmp_path / "net.ecgc", coded)
    assert_same(load_compressed(tmp_path / "net.ecgc", net), coded)


def test_other_numbers_of_a_network_come_back(tmp_path, net):
    net.register_buffer("mark", torch.tensor([True, False]))
    net.register_buffer("thirds", torch.tensor([1 / 3, -0.0], dtype=torch.float64))
    net.register_buffer("bounds", torch.tensor([0.5, float("inf")]))
    coded = encode(net, 4, names=["conv.weight"])
    save_compressed(tmp_path / "net.ecgc", coded)
    found = load_compressed(tmp_path / "net.ecgc", net)
    assert_same(found, coded)
    assert found.rest["norm.num_batches_tracked"] == 1


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("kept", [None, 0.1])
def test_a_large_network_needs_less_than_without_entropy_coding(tmp_path, bits, kept):
    torch.manual_seed(0)
    net = torch.nn.Linear(400, 300)
    w = net.weight.data.normal_().numpy()
    mask = None if kept is None else {"weight": np.abs(w) > np.quantile(np.abs(w), 1 - kept)}
    coded = encode(net, bits, names=["weight"], axis=0, mask=mask, half_scales=True)
    n_bytes = save_compressed(tmp_path / "net.ecgc", coded)
    q = coded.tensors["weight"].q
    shares = np.unique(q, return_counts=True)[1] / q.size
    bound = -(shares * np.log2(shares)).sum() * q.size / 8
    assert bound < n_bytes < 1.04 * bound + 300 * 4 + 300 * 2 + 350  # biases, scales, header
    if bits > 1:
        assert n_bytes < compress.overhead_bits(coded) / 8


@pytest.fixture
def file(tmp_path, net):
    path = tmp_path / "net.ecgc"
    save_compressed(path, encode(net, 4, names=coded_names(net)))
    return path


@pytest.mark.parametrize("left", [0, 3, PREFIX - 1, PREFIX, PREFIX + 9, -1])
def test_a_file_cut_short_is_refused(file, net, left):
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(UserError, match=r"net\.ecgc is (cut short|not a compressed network)"):
        load_compressed(file, net)


def test_any_changed_byte_is_noticed(file, net):
    content = file.read_bytes()
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1
        file.write_bytes(changed)
        with pytest.raises(UserError, match=r"net\.ecgc is (cut short|not a compressed)"):
            load_compressed(file, net)


def test_a_file_of_another_network_is_refused(file, net):
    message = "holds another network than this TinyNet; build the one that was compressed"
    net.out = torch.nn.Linear(5, 3)  # another shape
    with pytest.raises(UserError, match=message):
        load_compressed(file, net)
    net.out, net.another = torch.nn.Identity(), torch.nn.Linear(4, 3)  # another name
    with pytest.raises(UserError, match=message):
        load_compressed(file, net)


def test_a_file_of_a_much_larger_network_is_not_read(file):
    file.write_bytes(file.read_bytes() + bytes(20_000))
    with pytest.raises(UserError, match="is larger than this network can be"):
        load_compressed(file, torch.nn.Linear(1, 1))


def test_files_that_are_not_there_or_cannot_be_written(tmp_path, net):
    with pytest.raises(UserError, match=r"cannot read .*nothing\.ecgc: No such file"):
        load_compressed(tmp_path / "nothing.ecgc", net)
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"cannot write .*: "):
        save_compressed(tmp_path / "taken" / "net.ecgc", encode(net, 4, names=[]))


def test_a_file_appears_whole_or_not_at_all(file, net, monkeypatch):
    before = file.read_bytes()

    def fail(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match="No space left on device"):
        save_compressed(file, encode(net, 2, names=coded_names(net)))
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def forge(file, change):
    """Write another header into a file, with the checksum that belongs to it."""
    content = file.read_bytes()
    end = PREFIX + int.from_bytes(content[PREFIX - 4 : PREFIX], "little")
    header = json.loads(compress.symbols.inflate_up_to(content[PREFIX:end], 10**6))
    packed = compress.symbols.deflate(json.dumps(change(header)).encode())
    payload = len(packed).to_bytes(4, "little") + packed + content[end:]
    file.write_bytes(MAGIC + hashlib.sha256(payload).digest() + payload)


def changed(**fields):
    """Change to the entry of the convolution's weight, the first that is coded."""

    def change(header):
        entry = next(entry for entry in header["entries"] if "bits" in entry)
        entry |= fields
        return header

    return change


FORGED = {
    "no entries": lambda header: header | {"entries": []},
    "entries of nothing": lambda header: header | {"entries": [None] * len(header["entries"])},
    "lists for entries": lambda header: header | {"entries": [[]] * len(header["entries"])},
    "a list": lambda header: [header],
    "no fingerprint": lambda header: {"entries": header["entries"]},
    "long": lambda header: header | {"entries": ["x" * 100_000]},
    "streams behind the end": changed(n=[1, 10**12]),
    "negative lengths": changed(n=[-5, 5]),
    "fractions": changed(n=[1.5, 2]),
    "no streams": changed(n=[]),
    "17 bits": changed(bits=17),
    "no bits": changed(bits=0),
    "infinite bits": changed(bits=float("inf")),
    "bits of text": changed(bits="many"),
    "wide symbols": changed(range=[-100, 100]),
    "no range": changed(range=[1]),
    "an inverted range": changed(range=[7, -7]),
    "large scales": changed(shape=[10**6, 10**6, 10**6]),
    "a scale of other dimensions": changed(shape=[1]),
    "a scale that is none": changed(scale=[]),
    "objects": changed(scale={"as": "|O"}),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED.keys())
def test_headers_with_a_valid_checksum_are_not_trusted(file, net, change):
    forge(file, change)
    with pytest.raises(UserError, match=r"net\.ecgc is not a valid compressed network"):
        load_compressed(file, net)


def test_forging_without_a_change_gives_a_valid_file(file, net):
    forge(file, changed())
    assert load_compressed(file, net).bits() == dict.fromkeys(coded_names(net), 4)
