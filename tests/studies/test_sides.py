"""Sides of the study of paper 2: who trains, who chooses, who is scored."""

from collections import Counter
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecglib.aami import CLASSES, DS1, DS1_VAL, DS2
from ecglib.data.inputs import normalize
from ecglib.data.samples import Samples
from ecglib.data.sets.mitdb import load_beats
from ecglib.studies.compression import CompressionConfig, beat_sides
from ecglib.studies.rhythm import RhythmConfig, recording_labels, recording_sides, split_sides
from ecglib.studies.run import Run

CPU = torch.device("cpu")
SIDES = ("train", "validation", "test")


def numbered(label):
    """Recordings whose only sample is their number, and their names."""
    x = torch.arange(len(label), dtype=torch.float32).unsqueeze(1)
    y = torch.from_numpy(label.astype(np.int64))
    samples = Samples(x, torch.ones(len(label), dtype=torch.int64), y)
    return samples, np.array([f"R{number}" for number in range(len(label))])


def split(label, **settings):
    return split_sides(*numbered(label), ("a", "b", "c"), RhythmConfig(**settings), CPU)


def rows_of(samples):
    """Numbers of the recordings of a side."""
    return samples.x[:, 0].int().tolist()


drawn_labels = arrays(np.int8, st.integers(16, 90), elements=st.integers(0, 2))


@settings(max_examples=40, deadline=None)
@given(drawn_labels, st.integers(0, 4), st.integers(0, 99))
def test_sides_are_a_stratified_partition(label, fold, seed):
    sides = split(label, fold=fold, seed=seed)
    rows = {name: rows_of(getattr(sides, name)) for name in SIDES}
    assert sorted(chain(*rows.values())) == list(range(len(label)))
    for name in SIDES:
        assert getattr(sides, name).y.tolist() == label[rows[name]].tolist()
    assert sides.test_id.tolist() == [f"R{row}" for row in rows["test"]]
    for value in np.unique(label):
        n, n_test = np.sum(label == value), np.sum(label[rows["test"]] == value)
        n_validation = np.sum(label[rows["validation"]] == value)
        assert abs(n_test - n / 5) < 1
        assert abs(n_validation - (n - n_test) / 8) < 1


@settings(max_examples=20, deadline=None)
@given(drawn_labels, st.integers(0, 99))
def test_test_sides_of_five_folds_are_a_partition(label, seed):
    tested = [rows_of(split(label, fold=fold, seed=seed).test) for fold in range(5)]
    assert sorted(chain(*tested)) == list(range(len(label)))


@settings(max_examples=30, deadline=None)
@given(drawn_labels, st.floats(0.05, 0.95), st.integers(0, 4))
def test_a_share_shrinks_training_and_validation_only(label, share, fold):
    whole, part = split(label, fold=fold), split(label, fold=fold, train_share=share)
    assert rows_of(part.test) == rows_of(whole.test)
    for name in ("train", "validation"):
        all_of, some = getattr(whole, name), getattr(part, name)
        assert set(rows_of(some)) <= set(rows_of(all_of))
        n_all, n_some = Counter(all_of.y.tolist()), Counter(some.y.tolist())
        assert n_some == {value: max(1, round(share * n)) for value, n in n_all.items()}


def test_another_seed_is_another_split():
    label = np.arange(60) % 3
    assert rows_of(split(label, seed=1).test) != rows_of(split(label, seed=2).test)


def run_of(config, source, folder="runs"):
    return Run(config, {source.name: source}, CPU, folder)


def test_recordings_keep_their_names_and_labels(cinc2017, labels):
    sides = recording_sides(run_of(RhythmConfig(fold=3), cinc2017))
    letters = [sides.classes[value] for value in sides.test.y]
    assert letters == [labels[name] for name in sides.test_id]
    numbers = recording_labels(run_of(RhythmConfig(fold="all"), cinc2017))
    assert {name: sides.classes[value] for name, value in numbers.items()} == labels


def test_every_study_of_a_fold_has_the_same_sides(cinc2017):
    first = recording_sides(run_of(RhythmConfig(fold=1), cinc2017))
    pruned = CompressionConfig(fold=1, method="fixed_prune", share=0.5, epochs=3)
    for config in (CompressionConfig(fold=1, bits=3), pruned):
        other = recording_sides(run_of(config, cinc2017))
        assert other.test_id.tolist() == first.test_id.tolist()
        for name in SIDES:
            assert torch.equal(getattr(other, name).x, getattr(first, name).x)
            assert torch.equal(getattr(other, name).y, getattr(first, name).y)


def test_hubert_gets_three_windows_of_the_same_recordings(cinc2017):
    whole = recording_sides(run_of(RhythmConfig(fold=2), cinc2017))
    windows = recording_sides(run_of(RhythmConfig(fold=2, model="hubert"), cinc2017))
    assert windows.test_id.tolist() == whole.test_id.tolist()
    assert windows.test.x.shape[:2] == (len(whole.test), 3)
    assert torch.equal(windows.train.y, whole.train.y)


@pytest.fixture(scope="module")
def on_beats(mitdb):
    return beat_sides(run_of(CompressionConfig(dataset="mitdb", model="ecgnet"), mitdb))


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("train", [record for record in DS1 if record not in DS1_VAL]),
        ("validation", DS1_VAL),
        ("test", DS2),
    ],
)
def test_beats_fall_by_patient(mitdb, on_beats, name, records):
    beats, side = load_beats(mitdb.path, records), getattr(on_beats, name)
    assert side.y.tolist() == beats.label.tolist()
    np.testing.assert_array_equal(side.x, normalize(beats.signal, beats.record, "zscore"))
    assert not side.rotates
    assert on_beats.classes == CLASSES
    if name == "test":
        assert on_beats.test_id.tolist() == [str(record) for record in beats.record]


def test_beats_do_not_depend_on_the_method(mitdb, on_beats):
    config = CompressionConfig(dataset="mitdb", model="ecgnet")
    pruned = replace(config, method="fixed_prune", share=0.9, seed=9)
    assert torch.equal(beat_sides(run_of(pruned, mitdb)).train.x, on_beats.train.x)
