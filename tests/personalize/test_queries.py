"""Which beats are asked for, against sorting and geometry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecglib.personalize.queries import QUERIES, ask


def drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (n, 3))
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probability, rng.normal(size=(n, 4)), rng


@pytest.mark.parametrize("query", QUERIES)
@given(n=st.integers(1, 40), budget=st.integers(1, 50), seed=st.integers(0, 9))
def test_beats_are_different_and_no_more_than_asked(query, n, budget, seed):
    found = ask(query, budget, *drawn(n, seed))
    assert len(found) == len(set(found.tolist())) <= min(n, budget)
    assert len(found) == min(n, budget) or query == "medoids"
    assert ((found >= 0) & (found < n)).all()
    assert found.dtype == np.int64


@pytest.mark.parametrize("query", QUERIES)
@given(kinds=st.lists(st.integers(0, 3), min_size=1, max_size=20), budget=st.integers(1, 20))
def test_beats_that_look_alike_can_be_asked(query, kinds, budget):
    """Beats of up to four kinds, those of a kind equal in all that a query sees."""
    kinds = np.array(kinds)
    embedding = np.array([[0.0, 0], [1, 0], [0, 5], [7, 7]])[kinds]
    probability = np.array([[0.6, 0.2, 0.2], [1, 0, 0], [0.4, 0.3, 0.3], [0, 0.5, 0.5]])[kinds]
    found = ask(query, budget, probability, embedding, np.random.default_rng(0))
    assert 1 <= len(found) == len(set(found.tolist())) <= min(len(kinds), budget)
    assert len(found) == min(len(kinds), budget) or query == "medoids"


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("budget", ["all", 7, 8, 10**6])
def test_all_means_all(query, budget):
    assert ask(query, budget, *drawn(7)).tolist() == list(range(7))


@pytest.mark.parametrize("query", QUERIES)
def test_the_same_draw_asks_the_same(query):
    first, second = (ask(query, 5, *drawn(40, 3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_uncertain_beats_against_sorting():
    probability, embedding, rng = drawn(50)
    least = ask("least_confidence", 6, probability, embedding, rng)
    np.testing.assert_array_equal(least, np.argsort(probability.max(axis=1))[:6])
    top = np.sort(probability, axis=1)
    close = ask("margin", 6, probability, embedding, rng)
    np.testing.assert_array_equal(close, np.argsort(top[:, 2] - top[:, 1])[:6])
    assert set(least) != set(close)  # else one oracle would do for both


def test_random_beats_are_all_as_likely():
    counts = np.zeros(10)
    probability, embedding, rng = drawn(10)
    for _ in range(2000):
        counts[ask("random", 3, probability, embedding, rng)] += 1
    assert np.abs(counts - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)


def clusters():
    rng = np.random.default_rng(1)
    centres = np.array([[0, 0], [50, 0], [0, 50], [50, 50]])
    kind = np.repeat(np.arange(4), 20)
    return kind, centres[kind] + rng.normal(size=(80, 2)), rng


def test_the_medoid_of_every_cluster():
    kind, embedding, rng = clusters()
    found = ask("medoids", 4, np.full((80, 3), 1 / 3), embedding, rng)
    expected = []
    for number in range(4):
        rows = np.flatnonzero(kind == number)
        off = np.linalg.norm(embedding[rows] - embedding[rows].mean(axis=0), axis=1)
        expected.append(rows[off.argmin()])
    assert sorted(found) == expected


@pytest.mark.parametrize("sure", [[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
@pytest.mark.parametrize(("query", "budget"), [("diverse", 4), ("mixed", 6)])
def test_every_kind_of_beat_is_seen_also_of_a_sure_patient(query, budget, sure):
    kind, embedding, rng = clusters()
    probability = np.tile(sure, (80, 1))
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
    assert found.tolist() == [0, 2]


def farthest_first(embedding, budget):
    """Oracle (Gonzalez 1985): the beat nearest the median, then those farthest from all."""
    chosen = [int(np.linalg.norm(embedding - np.median(embedding, 0), axis=1).argmin())]
    while len(chosen) < budget:
        near = [min(np.linalg.norm(e - embedding[c]) for c in chosen) for e in embedding]
        chosen.append(int(np.argmax(near)))
    return chosen


@pytest.mark.parametrize("budget", [1, 2, 5, 8])
def test_half_of_a_mixed_query_covers_what_the_patient_has(budget):
    probability, embedding, rng = drawn(40)
    found = ask("mixed", budget, probability, embedding, rng).tolist()
    n_diverse = (budget + 1) // 2
    diverse = ask("diverse", n_diverse, probability, embedding, rng).tolist()
    covering = [b for b in farthest_first(embedding, budget) if b not in diverse]
    assert found == (diverse + covering)[:budget]


def test_typical_beats_stand_for_the_largest_groups():
    """Groups of 30, 20 and 10 beats at 0, 10 and 20, and one beat far away, by hand."""
    rng = np.random.default_rng(0)
    centre = np.repeat([0.0, 10.0, 20.0], [30, 20, 10])
    embedding = np.append(centre + rng.normal(0, 0.1, 60), 12.0)[:, None]
    chosen = ask("typical", 3, np.full((61, 3), 1 / 3), embedding, rng)
    assert sorted(centre[chosen]) == [0, 10, 20]
    assert len(set(ask("typical", 40, np.full((61, 3), 1 / 3), embedding, rng))) == 40
