"""Which beats are asked for, against sorting and geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.config.budget import QUERIES
from ecglib.personalize.queries import QUERY, ask


def drawn(n, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (n, 3))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probability, spread * rng.normal(size=(n, 4)), rng


def test_every_query_of_a_configuration_exists():
    assert set(QUERY) == set(QUERIES) - {"none"}


@pytest.mark.parametrize("query", QUERY)
@given(n=st.integers(1, 40), budget=st.integers(1, 50), seed=st.integers(0, 9))
def test_beats_are_different_and_no_more_than_asked(query, n, budget, seed):
    found = ask(query, budget, *drawn(n, seed))
    assert len(found) == len(set(found.tolist())) <= min(n, budget)
    assert len(found) == min(n, budget) or query == "medoids"
    assert ((found >= 0) & (found < n)).all()


@pytest.mark.parametrize("query", QUERY)
def test_all_means_all(query):
    assert ask(query, "all", *drawn(7)).tolist() == list(range(7))


def test_uncertain_beats_against_sorting():
    probability, embedding, rng = drawn(50)
    least = ask("least_confidence", 6, probability, embedding, rng)
    assert set(least) == set(np.argsort(probability.max(axis=1))[:6])
    top = np.sort(probability, axis=1)
    close = ask("margin", 6, probability, embedding, rng)
    assert set(close) == set(np.argsort(top[:, 2] - top[:, 1])[:6])


def clusters():
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [50, 0], [0, 50], [50, 50]])
    kind = np.repeat(np.arange(4), 20)
    return kind, centres[kind] + rng.normal(size=(80, 2)), rng


def test_one_medoid_a_cluster():
    kind, embedding, rng = clusters()
    found = ask("medoids", 4, np.full((80, 3), 1 / 3), embedding, rng)
    assert sorted(kind[found]) == [0, 1, 2, 3]


@pytest.mark.parametrize(("query", "budget"), [("diverse", 4), ("mixed", 6)])
def test_every_kind_of_beat_is_seen(query, budget):
    kind, embedding, rng = clusters()
    probability = np.tile([0.5, 0.3, 0.2], (80, 1))
    assert set(kind[ask(query, budget, probability, embedding, rng)]) == {0, 1, 2, 3}


def test_doubt_comes_before_distance():
    kind, embedding, rng = clusters()
    probability = np.tile([1.0, 0.0, 0.0], (80, 1))
    probability[kind == 2] = [0.4, 0.3, 0.3]
    assert kind[ask("diverse", 1, probability, embedding, rng)[0]] == 2


def test_two_equal_beats_are_not_both_asked_while_another_is_unsure():
    embedding = np.array([[0.0, 0], [0, 0], [9, 9], [1, 1], [4, 4]])
    probability = np.array([[0.4, 0.3, 0.3]] * 3 + [[0.9, 0.1, 0]] * 2)
    found = ask("diverse", 2, probability, embedding, np.random.default_rng(0))
    assert 2 in found


def test_beats_that_all_look_the_same_can_be_asked():
    same = np.zeros((12, 4)), np.tile([0.6, 0.2, 0.2], (12, 1))
    for query in QUERY:
        assert len(ask(query, 3, same[1], same[0], np.random.default_rng(0))) >= 1
