"""Beats that are called N because of their recording's rhythm."""

import numpy as np
import pytest

from ecglib.data import sets
from ecglib.data.recordings import Recordings
from ecglib.data.signal.detector import detect
from ecglib.data.synthetic_recordings import write_cinc2017
from ecglib.data.weak import FEWEST, weak_beats
from ecglib.system.errors import UserError

FEATURES = "derivative+template+rr"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    root = tmp_path_factory.mktemp("cinc2017")
    write_cinc2017(root, 3, seed=1)
    return sets.get("cinc2017").load(root)


def test_every_detected_beat_of_the_rhythm_is_normal(recordings):
    found = weak_beats(recordings, "A", FEATURES)
    own = recordings.label == recordings.classes.index("A")
    counts = [
        len(detect(signal[:n], recordings.fs))
        for signal, n in zip(recordings.signal[own], recordings.n_samples[own], strict=True)
    ]
    assert [len(inputs) for inputs in found] == [n for n in counts if n >= FEWEST]
    assert not any(inputs.y.any() for inputs in found)
    assert {inputs.x.shape[1:] for inputs in found} == {(2, 64)}


def test_without_a_recording_of_the_rhythm_nothing_is_learnt(recordings):
    others = recordings.select(recordings.label != recordings.classes.index("A"))
    with pytest.raises(UserError, match="no recording of class A"):
        weak_beats(others, "A", FEATURES)


def test_recordings_in_which_no_beat_is_found_are_left_out():
    flat = Recordings(
        np.zeros((2, 4500), np.float32), np.zeros(2, np.int8), np.array(["a", "b"]),
        np.full(2, 4500, np.int32), 150.0, ("A", "N"), "cinc2017",
    )  # fmt: skip
    with pytest.raises(UserError, match="in which beats are found"):
        weak_beats(flat, "A", FEATURES)
