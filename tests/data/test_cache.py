"""A cache in which any bit may have turned over."""

import numpy as np
import pytest

from ecglib.data.beats import Beats
from ecglib.data.find import cache
from tests.toys import beats_with

SIGNAL = np.arange(8, dtype=np.float32).reshape(2, 4)
BEATS = beats_with(signal=SIGNAL, label=[0, 2], record=[100, 100])


@pytest.mark.parametrize("bit", range(8))
def test_a_bit_that_turned_over_is_noticed_or_mattered_to_nobody(tmp_path, bit):
    path = tmp_path / "beats.npz"
    cache.store(path, BEATS)
    whole, refused = path.read_bytes(), 0
    for place in range(bit % 3, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        found = cache.load(path, Beats)
        refused += found is None
        if found is not None:
            np.testing.assert_array_equal(found.signal, BEATS.signal)
            np.testing.assert_array_equal(found.label, BEATS.label)
            assert (found.fs, found.rr_names) == (BEATS.fs, BEATS.rr_names)
    assert refused > len(whole) / 6
