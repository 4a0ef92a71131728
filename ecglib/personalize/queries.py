"""Queries: rules that choose the beats for which an expert is asked.

A query sees the class probabilities of a patient's unlabelled beats and the network's last
hidden layer, in which similar beats have similar vectors (Settles 2009, "Active Learning
Literature Survey").
"""

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist


def ask(query, budget, probability, embedding, rng):
    """Indices (≤ budget,) int of the beats to label, all different, the most important first.

    Parameters
    ----------
    query : str
        A key of `QUERIES`.
    budget : int or "all"
        Number of beats; if there are fewer, all of them.
    probability : ndarray, shape (n_beats, n_classes)
        Probabilities from the network for the beats that may be asked for.
    embedding : ndarray, shape (n_beats, n_units)
        Last hidden layer for these beats.
    rng : numpy.random.Generator
        Source of random numbers.
    """
    n_beats = len(probability)
    if budget == "all" or budget >= n_beats:
        return np.arange(n_beats)
    return np.asarray(QUERIES[query](budget, probability, embedding, rng), dtype=np.int64)


def confidence(probability):
    """Largest class probability of each beat, (n_beats,)."""
    return probability.max(axis=1)


def _random(budget, probability, embedding, rng):
    return rng.choice(len(probability), budget, replace=False)


def _least_confidence(budget, probability, embedding, rng):
    return np.argsort(confidence(probability), kind="stable")[:budget]


def _margin(budget, probability, embedding, rng):
    """The beats whose two largest class probabilities are the nearest to each other."""
    top = np.sort(probability, axis=1)
    return np.argsort(top[:, -1] - top[:, -2], kind="stable")[:budget]


def _medoids(budget, probability, embedding, rng):
    """The beats nearest to the centres of `budget` clusters; fewer if beats coincide."""
    _, different = np.unique(embedding, axis=0, return_index=True)
    if len(different) <= budget:  # there are too few different beats for so many clusters
        return different
    centres, _ = kmeans2(embedding, budget, minit="++", rng=rng, missing="warn")
    return np.unique(cdist(centres, embedding).argmin(axis=1))


MOST_COMPARED = 2000
"""Largest number of beats, evenly spaced in time, that `_typical` compares with each other."""


def _typical(budget, probability, embedding, rng):
    """Repeatedly the beat that most lowers the squared distance of all to the nearest one."""
    last = len(embedding) - 1
    some = np.unique(np.linspace(0, last, MOST_COMPARED).round().astype(np.int64))
    distance = cdist(embedding[some], embedding[some], "sqeuclidean")
    nearest, chosen = np.full(len(some), distance.max()), []
    for _ in range(min(budget, len(some))):
        gain = np.maximum(nearest[:, None] - distance, 0).sum(axis=0)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        nearest = np.minimum(nearest, distance[:, chosen[-1]])
    return some[chosen]


def _diverse(budget, probability, embedding, rng):
    """Repeatedly the most uncertain beat; being near to a chosen beat makes it count less."""
    doubt = 1 - confidence(probability)
    spread = np.median(np.linalg.norm(embedding - embedding.mean(axis=0), axis=1))
    chosen, novelty = [], np.ones(len(doubt))
    for _ in range(budget):
        gain = (doubt + LEAST_DOUBT) * novelty
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        distance = ((embedding - embedding[chosen[-1]]) ** 2).sum(axis=1)
        novelty = np.minimum(novelty, -np.expm1(-distance / (2 * max(spread, 1e-6) ** 2)))
    return chosen


LEAST_DOUBT = 1e-3
"""Doubt that is added to every beat, so that among sure beats the unusual ones come first."""


def _covering(budget, probability, embedding, rng):
    """The most usual beat, then repeatedly the beat that is farthest from all chosen ones."""
    middle = np.median(embedding, axis=0)
    chosen = [int(((embedding - middle) ** 2).sum(axis=1).argmin())]
    nearest = np.full(len(embedding), np.inf)
    for _ in range(budget - 1):
        distance = ((embedding - embedding[chosen[-1]]) ** 2).sum(axis=1)
        nearest = np.minimum(nearest, distance)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return chosen


def _mixed(budget, probability, embedding, rng):
    """Half of the beats from `_diverse`, the other half from `_covering`."""
    first = _diverse((budget + 1) // 2, probability, embedding, rng)
    covering = _covering(budget, probability, embedding, rng)
    return (first + [beat for beat in covering if beat not in first])[:budget]


QUERIES = {
    "random": _random,
    "least_confidence": _least_confidence,
    "margin": _margin,
    "medoids": _medoids,
    "typical": _typical,
    "diverse": _diverse,
    "mixed": _mixed,
}
"""Name -> function of (budget, probability, embedding, rng) to beats."""
