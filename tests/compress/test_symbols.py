"""Streams of symbols: back as they were, and near the entropy that bounds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from ecglib.compress import symbols

FEW = settings(max_examples=60, deadline=None)


@FEW
@given(st.integers(2, 65536), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_symbols_come_back(base, n, seed):
    index = np.random.default_rng(seed).integers(0, base, n)
    stream = symbols.pack_symbols(index, base)
    np.testing.assert_array_equal(symbols.unpack_symbols(stream, n, base), index)


@pytest.mark.parametrize("base", range(2, 257))
def test_as_many_symbols_share_a_byte_as_fit(base):
    count = symbols.symbols_per_byte(base)
    assert base**count <= 256 < base ** (count + 1)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8", "<i8", "|b1"])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_numbers_come_back_bit_for_bit(dtype, n):
    bits = np.random.default_rng(n).integers(0, 256, n * np.dtype(dtype).itemsize, np.uint8)
    array = (bits % 2 if dtype == "|b1" else bits).view(dtype)
    found = symbols.unpack_floats(symbols.pack_floats(array), n, dtype)
    assert (found.tobytes(), found.dtype) == (array.tobytes(), array.dtype)


@pytest.mark.parametrize("base", [2, 3, 7, 15, 63])
@pytest.mark.parametrize("spread", [0.5, 4])
def test_a_stream_is_close_to_its_entropy(base, spread):
    chance = np.exp(-np.abs(np.arange(base) - base // 2) / spread)
    index = np.random.default_rng(base).choice(base, 100_000, p=chance / chance.sum())
    bound = entropy(np.bincount(index), base=2) * len(index) / 8
    found = len(symbols.pack_symbols(index, base))
    assert bound <= found * 1.001
    if symbols.symbols_per_byte(base) > 1:  # else Huffman spends at least one bit on each
        assert found <= 1.03 * bound


def test_repeats_are_found():
    index = np.tile(np.random.default_rng(0).integers(0, 3, 500), 100)
    assert len(symbols.pack_symbols(index, 3)) < 500


@pytest.mark.parametrize("n", [9, 11, 0, 1000])
def test_a_stream_of_another_length_is_refused(n):
    stream = symbols.pack_symbols(np.arange(10), 200)
    with pytest.raises(ValueError, match=r"a stream"):
        symbols.unpack_symbols(stream, n, 200)


def test_symbols_that_are_too_large_are_refused():
    with pytest.raises(ValueError, match="a byte holds more than symbols below 3"):
        symbols.unpack_symbols(symbols.deflate(b"\xff"), 5, 3)
    with pytest.raises(ValueError, match="a symbol is not below 300"):
        symbols.unpack_symbols(symbols.pack_symbols(np.array([300]), 400), 1, 300)


def test_a_stream_that_swells_stops_at_its_limit():
    bomb = symbols.deflate(bytes(10_000_000))
    with pytest.raises(ValueError, match="a stream does not end after 100 bytes"):
        symbols.inflate(bomb, 100)


@pytest.mark.parametrize("spoil", [lambda s: s[:-1], lambda s: s + b"x", lambda s: b"\x07" + s])
def test_damaged_streams_are_refused(spoil):
    with pytest.raises(ValueError, match=r"\w"):
        symbols.inflate(spoil(symbols.deflate(b"some bytes of text")), 18)
