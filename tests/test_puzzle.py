"""The puzzle against slicing by hand; its inverse bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecglib import puzzle
from ecglib.puzzle import PERMUTATIONS, junctions, permute, restore
from ecglib.system.errors import UserError

ANY_BITS = st.floats(width=32)  # NaN, infinities and negative zero among them


@st.composite
def cut_lengths(draw):
    """A length of at least 3 and cuts that leave three pieces."""
    length = draw(st.integers(3, 60))
    first = draw(st.integers(1, length - 2))
    return length, (first, draw(st.integers(first + 1, length - 1)))


@st.composite
def puzzles(draw):
    """Beats (n_beats, length), a label each, and cuts."""
    length, cuts = draw(cut_lengths())
    n_beats = draw(st.integers(1, 5))
    signal = draw(arrays(np.float32, (n_beats, length), elements=ANY_BITS))
    label = draw(arrays(np.int64, n_beats, elements=st.integers(0, 5)))
    return signal, label, cuts


def by_slicing(beat, label, cuts):
    """Oracle: the three slices of one beat, put together in the label's order."""
    pieces = (beat[: cuts[0]], beat[cuts[0] : cuts[1]], beat[cuts[1] :])
    return np.concatenate([pieces[i] for i in PERMUTATIONS[label]])


def bits(signal):
    """Samples as integers, so that NaN equals NaN and 0 differs from -0."""
    return np.asarray(signal).view(np.int32)


def test_permutations_are_those_of_the_paper_in_its_order_of_labels():
    assert PERMUTATIONS == ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def test_names_spell_the_permutations():
    waves = ("P", "QRS", "T")
    assert tuple("·".join(waves[i] for i in order) for order in PERMUTATIONS) == puzzle.NAMES


def test_cuts_are_thirds_or_around_the_qrs():
    assert puzzle.CUTS == {"thirds": (100, 200), "qrs": (90, 210)}


@given(puzzles())
def test_permute_agrees_with_slicing(puzzle):
    signal, label, cuts = puzzle
    expected = np.stack([by_slicing(b, i, cuts) for b, i in zip(signal, label, strict=True)])
    np.testing.assert_array_equal(bits(permute(signal, label, cuts)), bits(expected))
    on_torch = permute(torch.from_numpy(signal), torch.from_numpy(label), cuts)
    np.testing.assert_array_equal(bits(on_torch), bits(expected))
    one = permute(signal[0], int(label[0]), cuts)
    np.testing.assert_array_equal(bits(one), bits(expected[0]))


@given(puzzles())
def test_restore_undoes_permute_bit_for_bit(puzzle):
    signal, label, cuts = puzzle
    for kind in (np.asarray, torch.as_tensor):
        batch, labels = kind(signal), kind(label)
        whole = restore(permute(batch, labels, cuts), labels, cuts)
        np.testing.assert_array_equal(bits(whole), bits(signal))
        one = int(label[0])
        alone = restore(permute(batch[0], one, cuts), one, cuts)
        np.testing.assert_array_equal(bits(alone), bits(signal[0]))


def test_permute_leaves_its_argument_alone():
    signal = np.arange(12, dtype=np.float32).reshape(2, 6)
    permute(signal, np.array([5, 3]), (2, 4))
    np.testing.assert_array_equal(signal.ravel(), np.arange(12))


@given(cut_lengths())
def test_every_row_of_the_table_holds_every_sample_once(cut_length):
    length, cuts = cut_length
    table = puzzle.index_table(cuts, length)
    assert table.shape == (6, length)
    np.testing.assert_array_equal(np.sort(table, axis=1), np.tile(np.arange(length), (6, 1)))


@pytest.mark.parametrize("cuts", [(0, 100), (100, 100), (200, 100), (100, 300), (-1, 5)])
def test_cuts_that_leave_no_three_pieces_are_refused(cuts):
    with pytest.raises(UserError, match="300 samples into three pieces"):
        permute(np.zeros(300), 0, cuts)


def junctions_by_hand(cuts, length):
    """Oracle: where the piece that a sample belongs to changes, in any order."""
    piece = np.searchsorted(cuts, np.arange(length), side="right")
    places = set()
    for order in PERMUTATIONS:
        permuted = np.concatenate([piece[piece == i] for i in order])
        places |= set(np.flatnonzero(np.diff(permuted)) + 1)
    return sorted(places)


@given(cut_lengths())
def test_junctions_agree_with_brute_force(cut_length):
    length, cuts = cut_length
    assert junctions(cuts, length).tolist() == junctions_by_hand(cuts, length)


@given(cut_lengths(), st.integers(1, 8))
def test_views_agree_with_brute_force(cut_length, half_width):
    length, cuts = cut_length
    places = junctions_by_hand(cuts, length)
    near = [
        float(any(-half_width <= i - place < half_width for place in places))
        for i in range(length)
    ]
    seen = {
        view: puzzle.view_mask(view, cuts, length, half_width)
        for view in ("whole", "junctions", "masked")
    }
    assert seen["junctions"].tolist() == near
    assert seen["masked"].tolist() == [1 - value for value in near]
    assert seen["whole"].tolist() == [1.0] * length
    assert {mask.dtype for mask in seen.values()} == {np.dtype(np.float32)}
