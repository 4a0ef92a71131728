"""Which beats to ask an expert for: a handful that the network learns most from.

A query sees a patient's unlabelled beats as the network does: class probabilities, and the last
hidden layer, in which similar beats are near (Settles 2009, "Active Learning Literature
Survey").
"""

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist


def ask(query, budget, probability, embedding, rng):
    """Beats to have labelled, (≤ budget,) int, as places among those given; different ones, the
    most important first.

    Parameters
    ----------
    query : str
        A key of `QUERIES`.
    budget : int or "all"
        How many; all of them if there are no more.
    probability : ndarray, shape (n_beats, n_classes)
        The network's, of the beats that may be asked for.
    embedding : ndarray, shape (n_beats, n_units)
        Their last hidden layer.
    rng : numpy.random.Generator
        For what is drawn.
    """
    n_beats = len(probability)
    if budget == "all" or budget >= n_beats:
        return np.arange(n_beats)
    return np.asarray(QUERIES[query](budget, probability, embedding, rng), dtype=np.int64)


def confidence(probability):
    """Largest class probability of each beat, (n_beats,)."""
    return probability.max(axis=1)


def margin(probability):
    """Distance between the two largest class probabilities of each beat, (n_beats,)."""
    top = np.sort(probability, axis=1)
    return top[:, -1] - top[:, -2]


def _random(budget, probability, embedding, rng):
    return rng.choice(len(probability), budget, replace=False)


def _least_confidence(budget, probability, embedding, rng):
    return np.argsort(confidence(probability), kind="stable")[:budget]


def _margin(budget, probability, embedding, rng):
    return np.argsort(margin(probability), kind="stable")[:budget]


def _medoids(budget, probability, embedding, rng):
    """The beat nearest to the centre of each of as many clusters; fewer if some coincide."""
    _, different = np.unique(embedding, axis=0, return_index=True)
    if len(different) <= budget:  # as many clusters cannot be found
        return different
    centres, _ = kmeans2(embedding, budget, minit="++", rng=rng, missing="warn")
    return np.unique(cdist(centres, embedding).argmin(axis=1))


def _diverse(budget, probability, embedding, rng):
    """One after the other the most uncertain beat, less so the nearer it is to a chosen one."""
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
"""Added to every beat's doubt, so that among sure beats the new ones come first."""


def _covering(budget, probability, embedding, rng):
    """The most usual beat, then one after the other the farthest from all chosen ones."""
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
    """Half of them diverse and uncertain, the others to cover what the patient has."""
    first = _diverse((budget + 1) // 2, probability, embedding, rng)
    covering = _covering(budget, probability, embedding, rng)
    return (first + [beat for beat in covering if beat not in first])[:budget]


QUERIES = {
    "random": _random,
    "least_confidence": _least_confidence,
    "margin": _margin,
    "medoids": _medoids,
    "diverse": _diverse,
    "mixed": _mixed,
}
"""Name -> function of (budget, probability, embedding, rng) to beats."""
