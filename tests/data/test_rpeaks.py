import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.detector import detect, match, score_record

peaks = st.lists(st.integers(0, 1500), max_size=25).map(sorted)


@given(peaks, peaks)
def test_no_matching_has_more_pairs(reference, detected):
    found = match(reference, detected, fs=360)
    distance = np.abs(np.subtract.outer(reference, detected))
    allowed = csr_matrix((distance <= 54).reshape(len(reference), len(detected)))
    most = np.count_nonzero(maximum_bipartite_matching(allowed) >= 0) if allowed.nnz else 0
    assert found.tp == most


@given(peaks, peaks)
def test_pairs_are_one_to_one_and_close(reference, detected):
    found = match(reference, detected, fs=360)
    beats, detections = found.pairs.T
    assert len(set(beats)) == len(set(detections)) == found.tp
    assert found.tp + found.fn == len(reference)
    assert found.tp + found.fp == len(detected)
    for beat, detection in found.pairs:
        assert abs(reference[beat] - detected[detection]) <= 54


@pytest.mark.parametrize(("distance", "tp"), [(54, 1), (55, 0), (-54, 1), (-55, 0)])
def test_the_limit_of_150_ms_is_included(distance, tp):
    assert match([1000], [1000 + distance], fs=360).tp == tp


def test_shares():
    found = match([100, 500, 900, 1300], [100, 500, 700], fs=360)
    assert found.se == 2 / 4
    assert found.ppv == 2 / 3
    assert np.isnan(match([], [5], fs=360).se)
    assert np.isnan(match([5], [], fs=360).ppv)


def test_detector_finds_synthetic_beats(synthetic_root):
    record = read_record(synthetic_root, 100)
    minute = record.signal[: 60 * 360]
    beats = record.sample[record.is_beat]
    found = match(beats[beats < len(minute)], detect(minute, record.fs), record.fs)
    assert found.se > 0.9
    assert found.ppv > 0.95


def test_row_of_a_record(synthetic_root):
    row = score_record(synthetic_root, 100)
    record = read_record(synthetic_root, 100)
    assert row["n_beats"] == record.is_beat.sum() == row["tp"] + row["fn"]
    assert row["se"] == row["tp"] / row["n_beats"]
    assert row["ppv"] == row["tp"] / (row["tp"] + row["fp"])
    assert row["record"] == 100
