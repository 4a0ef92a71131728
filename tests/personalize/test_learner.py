"""The learner of the device and its rivals, against floating point and common sense."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from ecglib.personalize import learner
from ecglib.personalize.kalman import Kalman
from ecglib.personalize.learner import LOGIT, ONE, Learner, Prior
from ecglib.system.errors import UserError


def training_beats(n=600, n_units=6, seed=0):
    """Three clouds of beats, and the probabilities of a network that mostly knows them."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    centre = rng.integers(20, 200, (3, n_units))
    unit = np.clip(centre[label] + rng.normal(0, 25, (n, n_units)), 0, 255).astype(np.uint8)
    logits = 4 * np.eye(3)[label] + rng.normal(0, 1, (n, 3))
    return unit, softmax(logits, axis=1), label


UNIT, PROBABILITY, LABEL = training_beats()
PRIOR = Prior.of(UNIT, PROBABILITY, LABEL)


def unsure(n):
    """Logits of a network that hardly prefers N."""
    return np.tile(np.array([LOGIT // 2, 0, 0]), (n, 1))


def kernel(prior, unit):
    """The kernel between beats in floating point, both parts, from the prior's integers."""
    x = unit.astype(float)
    distance = ((x[:, None] - x[None]) ** 2 @ prior.near) / 2.0**prior.near_shift / 4096
    with_bias = np.column_stack([x, np.full(len(x), learner.BIAS)])
    wide = with_bias @ (prior.wide / 2.0**prior.wide_shift) @ with_bias.T
    return learner.NEAR / (1 + distance) + wide


def best_logits(prior, unit, logits, label):
    """Oracle: penalised maximum likelihood in floating point by SciPy."""
    gram = kernel(prior, unit)

    def loss(flat):
        effect = flat.reshape(-1, 3)
        fitted = logits / LOGIT + gram @ effect
        likelihood = log_softmax(fitted, axis=1)[np.arange(len(label)), label].sum()
        return 0.5 * np.sum(effect * (gram @ effect)) - likelihood

    start = np.zeros(3 * len(label))
    found = minimize(loss, start, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14})
    return logits / LOGIT + gram @ found.x.reshape(-1, 3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learning_nears_penalised_maximum_likelihood(seed):
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(UNIT), 6, replace=False)
    unit, label, logits = UNIT[rows], LABEL[rows], unsure(6)
    taught = Learner(PRIOR)
    for one in zip(unit, logits, label, strict=True):
        taught.learn(*one)
    found = softmax(taught.corrected(unit, logits) / LOGIT, axis=1)
    expected = softmax(best_logits(PRIOR, unit, logits, label), axis=1)
    assert np.abs(found - expected).max() < 0.1
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


@given(st.lists(st.integers(-40 * LOGIT, 40 * LOGIT), min_size=3, max_size=3))
def test_probabilities_are_those_of_softmax(logits):
    found = learner.probabilities(np.array(logits)) / ONE
    assert np.abs(found - softmax(np.array(logits) / LOGIT)).max() < 1e-3


def test_without_labels_nothing_is_corrected():
    logits = np.random.default_rng(0).integers(-LOGIT, LOGIT, (len(UNIT), 3))
    assert np.array_equal(Learner(PRIOR).corrected(UNIT, logits), logits)


@pytest.mark.parametrize(
    "make", [lambda: Learner(PRIOR), lambda: Kalman(UNIT, PROBABILITY, LABEL)]
)
def test_beats_like_a_labelled_one_get_its_class(make):
    """Labels turn a whole cloud of beats, which an unsure network calls N."""
    cloud, taught = UNIT[LABEL == 2], make()
    for unit in cloud[:3]:
        taught.learn(unit, unsure(1)[0], 2)
    after = taught.corrected(cloud, unsure(len(cloud))).argmax(axis=1)
    assert np.mean(after == 2) > 0.9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 599), st.integers(0, 2)), min_size=1, max_size=30))
def test_a_class_changes_only_if_the_nearest_label_has_the_new_one(said):
    taught, own = Learner(PRIOR), unsure(len(UNIT))
    for row, label in said:
        taught.learn(UNIT[row], own[row], label)
    found, kept = taught.corrected(UNIT, own), said[-learner.LABELS :]
    difference = UNIT[:, None].astype(int) - UNIT[[row for row, _ in kept]]
    nearness = 2**27 // (4096 + (difference**2 @ PRIOR.near >> PRIOR.near_shift))
    for beat in np.flatnonzero(found.argmax(axis=1) != own.argmax(axis=1)):
        nearest = np.flatnonzero(nearness[beat] == nearness[beat].max())
        assert found[beat].argmax() in {kept[label][1] for label in nearest}


def test_a_beat_whose_class_no_label_supports_keeps_the_networks_own_logits():
    """A label of V turns beats between it and a label of N, but not those nearer to N."""
    ends = np.zeros((2, UNIT.shape[1]), np.uint8), np.full((2, UNIT.shape[1]), 60, np.uint8)
    between = np.linspace(ends[0][0], ends[1][0], 61).round().astype(np.uint8)
    taught = Learner(PRIOR)
    taught.learn(ends[1][0], unsure(1)[0], 2)
    far = taught.corrected(between, unsure(61)).argmax(axis=1)
    taught.learn(ends[0][0], 6 * unsure(1)[0], 0)  # the network is sure: it changes little
    guarded = taught.corrected(between, unsure(61))
    assert (far[:30] == 2).any()
    assert np.array_equal(guarded[:30], unsure(30))


def test_a_label_against_a_sure_network_has_no_effect():
    taught, sure = Learner(PRIOR), np.array([12 * LOGIT, 0, 0])
    taught.learn(UNIT[0], sure, 2)
    assert not taught.effect.any()
    assert not taught.weight.any()


def test_a_lie_is_outvoted():
    """One wrong answer among right ones turns hardly a beat; some stay as the network says."""
    cloud, taught = UNIT[LABEL == 1], Learner(PRIOR)
    for unit, label in zip(cloud[:6], (1, 1, 2, 1, 1, 1), strict=True):
        taught.learn(unit, unsure(1)[0], label)
    after = taught.corrected(cloud, unsure(len(cloud))).argmax(axis=1)
    nearest = ((cloud[:, None].astype(int) - cloud[:6]) ** 2 @ PRIOR.near).argmin(axis=1)
    assert np.mean(after[nearest != 2] == 1) > 0.9
    assert np.mean(after == 2) < 0.05


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 599), st.integers(0, 2)), min_size=1, max_size=60))
def test_any_labels_keep_the_state_bounded(said):
    taught = Learner(PRIOR)
    for row, label in said:
        taught.learn(UNIT[row], unsure(1)[0], label)
    assert len(taught.label) == min(len(said), learner.LABELS)
    assert np.abs(taught.effect).max() <= ONE
    assert np.abs(taught.corrected(UNIT, unsure(len(UNIT)))).max() <= learner.LARGEST_LOGIT


def test_the_prior_fits_the_device():
    assert PRIOR.near.max() < 2**16
    assert PRIOR.near.sum() * 255**2 < 2**32
    assert np.abs(PRIOR.wide).max() < 2**15
    assert np.array_equal(PRIOR.wide, PRIOR.wide.T)


def test_units_that_are_never_active_reach_nothing():
    unit = UNIT.copy()
    unit[:, 2] = 0
    prior = Prior.of(unit, PROBABILITY, LABEL)
    assert not prior.wide[2].any()
    assert not prior.wide[:, 2].any()


def test_a_class_without_training_beats_is_named():
    kept = LABEL != 1
    with pytest.raises(UserError, match="N, S and V"):
        Prior.of(UNIT[kept], PROBABILITY[kept], LABEL[kept])
