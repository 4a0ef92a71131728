"""Labels asked for at any time of the day, against a loop over beats."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglib.personalize.budget import Retrained, updated
from ecglib.personalize.online import Stopwatch
from ecglib.personalize.stream import allowed, follow
from ecglib.studies.budget import MICRONET, Patient
from tests.personalize.patients import beats, lying, network, patient, settings

STREAM = {"query": "margin", "asking": "stream", "budget": 12, "unsure": 1.0}
REPLAY = beats(30)


def followed(one, **how):
    config = settings(**{**STREAM, **how})
    pupil = Retrained(network(), MICRONET, config, REPLAY, one.inputs)
    return follow(pupil, config, one, Stopwatch())


@pytest.mark.parametrize(
    ("seconds", "labels"), [(0, 0), (1, 1), (300, 1), (301, 2), (3600, 12), (7200, 24)]
)
def test_labels_are_released_evenly(seconds, labels):
    assert allowed(12, seconds) == labels


@given(st.integers(1, 500), st.integers(0, 90_000))
def test_every_hour_releases_its_budget(budget, seconds):
    assert allowed(budget, seconds + 3600) == allowed(budget, seconds) + budget
    assert allowed(budget, seconds) <= allowed(budget, seconds + 1)


def beat_by_beat(config, one):
    """Oracle: classify a beat, ask for it if unsure and allowed, learn, go on to the next."""
    everybody = current = network()
    predicted, asked = [], []
    for beat, second in enumerate(one.seconds):
        mine = one.inputs.select([beat])
        with torch.no_grad():
            probability = torch.softmax(current(mine.x, mine.rr), dim=1)[0]
        predicted.append(int(probability.argmax()))
        free = np.ceil(config.budget * second / 3600) - len(asked)
        if probability.max() < config.unsure and free > 0:
            asked.append(beat)
            answers = one.inputs.select(asked)
            current = updated(everybody, MICRONET, config, REPLAY, answers)
    return predicted, asked


@pytest.mark.parametrize("unsure", [1.0, 0.6, 0.45])
def test_the_stream_is_the_loop_over_beats(unsure):
    how, one = {"budget": 30, "unsure": unsure}, patient(40)
    config, (predicted, asked) = settings(**{**STREAM, **how}), followed(one, **how)
    oracle = beat_by_beat(config, one)
    assert predicted.tolist() == oracle[0]
    assert asked.tolist() == oracle[1]


@pytest.mark.parametrize("question", [0, 1, 3])
def test_no_prediction_depends_on_an_answer_that_comes_later(question):
    one = patient()
    predicted, asked = followed(one)
    again, asked_again = followed(lying(one, asked[question]))
    upto = asked[question] + 1
    np.testing.assert_array_equal(again[:upto], predicted[:upto])
    np.testing.assert_array_equal(asked_again[: question + 1], asked[: question + 1])


def test_one_beat_is_classified():
    one = Patient(100, beats(1), np.array([0.4]))
    predicted, asked = followed(one)
    assert len(predicted) == len(asked) == 1
