"""The learner in C: equal to NumPy bit for bit, and safe from power cuts."""

import numpy as np
import pytest
import torch

from ecglib.deploy import replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.learning import units_of
from ecglib.deploy.c99.taught import Labels, own_logits
from ecglib.personalize import learner
from ecglib.personalize.learner import Learner, Prior
from ecglib.system.errors import UserError
from tests.tools import needs

from .learned import InC

pytestmark = needs("gcc")


@pytest.fixture(scope="module")
def network():
    return shipped.load()


@pytest.fixture(scope="module")
def prior(network):
    return replay.prior_of(network, shipped.WEIGHTS)


@pytest.fixture(scope="module")
def source(network, prior, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learns")
    return write_c(network.program(), folder, "learns", prior)[0]


@pytest.fixture(scope="module")
def code(source):
    return harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")


@pytest.fixture
def in_c(code):
    return InC(code)


def some_beats(n, seed=0):
    """Random bytes of the last hidden layer, many of them zero as behind a ReLU."""
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, 256, (n, 16)) * (rng.random((n, 16)) < 0.6)
    return unit.astype(np.uint8), rng.integers(0, 3, n)


def test_a_program_gives_the_units_that_pytorch_computes(network):
    rng = np.random.default_rng(5)
    inputs = [
        rng.integers(-128, 128, (400, *network.program().shapes[name][::-1]), dtype=np.int8)
        for name in ("beat", "rr")
    ]
    program, rr = network.program(), inputs[1][:, :, 0]
    steps = (program.scales[name] for name in ("beat", "rr"))
    zeros = (program.reader(name).zero_in for name in ("beat", "rr"))
    beat, timing = (
        torch.from_numpy((q.astype(np.float32) - zero) * np.float32(step))
        for q, zero, step in zip((inputs[0], rr), zeros, steps, strict=True)
    )
    with torch.no_grad():
        expected = units_of(network.model, network.model.features(beat, timing))
    found = program.units(inputs[0], rr)
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 2
    assert np.mean(difference == 0) > 0.95
    assert np.ptp(expected.astype(int)) > 100


@pytest.mark.parametrize("n_labels", [1, 5, learner.LABELS, learner.LABELS + 7])
def test_answers_and_effects_are_those_of_numpy(network, prior, in_c, n_labels):
    program, numpy = network.program(), Learner(prior)
    units, labels = some_beats(n_labels)
    for unit, label in zip(units, labels, strict=True):
        in_c.learn(unit, label)
        numpy.learn(unit, own_logits(program, unit[None])[0], label)
        assert np.array_equal(in_c.effect(), numpy.effect)
        assert np.array_equal(np.array(in_c.state.weight), numpy.weight)
    asked, _ = some_beats(300, seed=1)
    logits = numpy.corrected(asked, own_logits(program, asked))
    probability = learner.probabilities(logits).max(axis=1)
    expected = list(zip(logits.argmax(axis=1).tolist(), probability.tolist(), strict=True))
    assert [in_c.decide(unit) for unit in asked] == expected


def test_a_label_teaches_its_own_beat(network, in_c):
    """Where the network is in doubt, one label decides."""
    units, _ = some_beats(400, seed=4)
    logits = own_logits(network.program(), units)
    order = np.argsort(logits, axis=1)
    likely = np.take_along_axis(learner.probabilities(logits), order, axis=1)[:, 1]
    beat = int(likely.argmax())
    assert in_c.decide(units[beat])[0] == order[beat, 2]
    in_c.learn(units[beat], order[beat, 1])
    assert in_c.decide(units[beat])[0] == order[beat, 1]


def test_ten_thousand_labels_of_one_class(code, in_c):
    units, _ = some_beats(10_000, seed=2)
    for unit in units:
        in_c.learn(unit, 1)
    assert in_c.state.n == learner.LABELS
    assert np.abs(in_c.effect()).max() <= learner.ONE


def test_what_was_kept_comes_back(code, in_c):
    units, labels = some_beats(6)
    kept = np.full(in_c.n_kept, 0xFF, np.uint8)  # erased flash memory
    assert in_c.load(kept) == -1
    for unit, label in zip(units, labels, strict=True):
        in_c.learn(unit, label)
        in_c.save(kept)
        again = InC(code)
        assert again.load(kept) == 0
        assert bytes(again.state) == bytes(in_c.state)


def test_an_unknown_class_is_ignored(in_c):
    units, _ = some_beats(1)
    for label in (-1, 3):
        in_c.learn(units[0], label)
    assert in_c.state.n == 0


def test_slots_may_lie_on_pages_of_their_own(network, prior, in_c, tmp_path):
    source, _ = write_c(network.program(), tmp_path, "paged", prior)
    paged = InC(harness.library(source, "-DECG_PAGE=2048"))
    kept = np.full(2048 + in_c.n_kept // 2, 0xFF, np.uint8)
    units, labels = some_beats(2)
    for unit, label in zip(units, labels, strict=True):
        paged.learn(unit, label)
        paged.save(kept)
    assert (kept[in_c.n_kept // 2 : 2048] == 0xFF).all()
    kept[2048:] = 0xFF  # the page of the second save is erased
    assert paged.load(kept) == 0
    assert paged.state.n == 1


def test_a_power_cut_at_any_byte_leaves_the_state_before_or_after(code, in_c):
    units, labels = some_beats(3)
    in_c.learn(units[0], labels[0])
    kept = np.full(in_c.n_kept, 0xFF, np.uint8)
    in_c.save(kept)
    for turn in (1, 2):  # each slot once
        before = bytes(in_c.state)
        in_c.learn(units[turn], labels[turn])
        after, n_bytes = bytes(in_c.state), in_c.save(kept.copy())
        for dies_after in range(n_bytes + 1):
            cut, again = kept.copy(), InC(code)
            in_c.save(cut, dies_after=dies_after)
            assert again.load(cut) == 0
            assert bytes(again.state) == (after if dies_after == n_bytes else before)
        in_c.save(kept)


def test_a_changed_byte_is_noticed(code, in_c):
    units, labels = some_beats(1)
    in_c.learn(units[0], labels[0])
    kept = np.full(in_c.n_kept, 0xFF, np.uint8)
    in_c.save(kept)
    for place in range(in_c.n_kept // 2):
        damaged = kept.copy()
        damaged[place] ^= 0x10
        assert InC(code).load(damaged) == -1


def test_a_prior_of_another_network_is_refused(network, prior, tmp_path):
    other = Prior(prior.near[:8], prior.near_shift, prior.wide[:9, :9], prior.wide_shift)
    with pytest.raises(UserError, match="prior is of 8"):
        write_c(network.program(), tmp_path, "learns", other)


@needs("arm-none-eabi-gcc")
def test_a_cortex_m4_has_room_to_learn(source):
    memory = harness.cortex_m4(source, "device")
    assert memory["flash_bytes"] <= 32 * 1024
    assert memory["ram_bytes"] <= 8 * 1024


def test_a_network_that_has_learned_is_not_written_as_an_untaught_one(network, prior, tmp_path):
    taught = Labels(prior, *some_beats(2)).taught(network.program())
    with pytest.raises(UserError, match="has learned"):
        write_c(taught, tmp_path, "taught", prior)
    assert not list(tmp_path.iterdir())
