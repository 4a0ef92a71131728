"""Beats that a shipped network replays: stored as bytes, replayed as if they were whole."""

import dataclasses

import numpy as np
import pytest
import torch

from ecglib.data.inputs import Inputs
from ecglib.data.signal.micro_input import widths
from ecglib.deploy import replay, shipped
from ecglib.personalize.budget import CHOSEN, updated
from ecglib.studies.budget import MICRONET, BudgetConfig
from ecglib.studies.plan import Plan
from ecglib.system.errors import UserError

DS1_DS2 = shipped.WEIGHTS.with_name("ds1_ds2.npz")
CONFIG = BudgetConfig(budget=5, update="head", scope="all_int8", **CHOSEN)
FREE = dataclasses.replace(CONFIG, unsupported=1.0)  # no guard stops learning from noise


@pytest.fixture(scope="module")
def network():
    return shipped.load(DS1_DS2)


def beats(n, seed):
    """Invented whole beats."""
    generator = torch.Generator().manual_seed(seed)
    n_rr = widths(shipped.load(DS1_DS2).features)[1]
    x, rr = (torch.randn(n, *shape, generator=generator) for shape in ((2, 64), (n_rr,)))
    return Inputs(x, rr, torch.arange(n) % 3)


@pytest.fixture
def stored(network, tmp_path):
    """Copies of the weights and of a file of 300 beats, and the whole beats."""
    whole = beats(300, seed=1)
    weights = tmp_path / "own.npz"
    meta = network.meta | {"replay": "own.replay.npz"}
    shipped.save(weights, network.model, meta)
    replay.save(tmp_path / "own.replay.npz", network.model, [whole])
    return dataclasses.replace(network, meta=meta), weights, whole


def test_an_update_from_bytes_is_that_from_whole_beats_bit_for_bit(stored):
    network, weights, whole = stored
    own = beats(5, seed=2)
    expected = updated(network.model, MICRONET, FREE, whole, own)
    found = replay.load(network, weights)
    labelled = replay.head_inputs(network.model, own)
    new = updated(network.model, replay.FROM_HEAD, FREE, found.beats, labelled)
    for name, tensor in expected.state_dict().items():
        assert torch.equal(new.state_dict()[name], tensor), name
    assert not torch.equal(new.out.weight, network.model.out.weight)


def test_the_first_set_of_beats_that_fits_is_kept(network, tmp_path, monkeypatch):
    path, sizes = tmp_path / "few.npz", (3000, 2000, 1000, 500)
    monkeypatch.setattr(replay, "MAX_BYTES", 2**17)
    kept = replay.save(path, network.model, (beats(n, seed=n) for n in sizes))
    assert kept in sizes[1:]
    assert path.stat().st_size <= 2**17
    meta = network.meta | {"replay": "few.npz"}
    found = replay.load(dataclasses.replace(network, meta=meta), tmp_path / "weights.npz")
    assert (len(found.beats), found.n_wanted) == (kept, 3000)
    monkeypatch.setattr(replay, "MAX_BYTES", 100)
    with pytest.raises(UserError, match="replay fewer beats"):
        replay.save(path, network.model, [beats(10, seed=0)])


def test_fewer_beats_are_replayed_more_often():
    few = replay.Replay(beats(50, seed=0), n_wanted=100)
    settings = few.schedule(CONFIG)
    assert settings.update_epochs == 2 * CONFIG.update_epochs
    assert settings.update_decay**2 == pytest.approx(CONFIG.update_decay, abs=0.01)
    assert replay.Replay(beats(50, seed=0), n_wanted=50).schedule(CONFIG) == CONFIG


@pytest.mark.parametrize("weights", [shipped.WEIGHTS, DS1_DS2], ids=lambda path: path.stem)
def test_shipped_networks_learn_in_a_way_that_the_study_measured(weights):
    network = shipped.load(weights)
    found = replay.load(network, weights)
    assert weights.with_name(network.meta["replay"]).stat().st_size <= 256_000
    settings, arms = found.schedule(CONFIG), Plan.read("cpu").configs("budget")
    assert any(
        (arm.update_epochs, arm.update_decay) == (settings.update_epochs, settings.update_decay)
        and arm.budget == 5
        and (arm.replay_cap == CONFIG.replay_cap) == (len(found.beats) == found.n_wanted)
        for arm in arms
    )
    assert set(found.beats.y.tolist()) == {0, 1, 2}


def test_a_taught_network_keeps_its_body(stored):
    network, _, whole = stored
    new = updated(network.model, MICRONET, FREE, whole, beats(5, seed=2))
    assert replay.body_of(new) == replay.body_of(network.model)
    with torch.no_grad():
        new.conv3.conv.weight.mul_(-1)
    assert replay.body_of(new) != replay.body_of(network.model)


def changed(path, **arrays):
    with np.load(path) as file:
        arrays = {**file, **arrays}
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda path: path.unlink(),
            "is not beside it; use the shipped network, or make it anew",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "is damaged"),
        (lambda path: path.write_text("no beats"), "is damaged"),
        (
            lambda path: changed(path, body=np.array("0" * 16)),
            "cannot be taught: .* beats of another network.*use the shipped",
        ),
        (lambda path: changed(path, label=np.full(300, 7, np.uint8)), "is damaged"),
        (lambda path: changed(path, label=np.zeros(299, np.uint8)), "is damaged"),
        (lambda path: changed(path, head=np.zeros((79, 300), np.uint8)), "is damaged"),
        (lambda path: changed(path, head=np.zeros((80, 300))), "is damaged"),
        (lambda path: changed(path, n_wanted=np.array(10**9)), "is damaged"),
        (lambda path: changed(path, n_wanted=np.array(-1)), "is damaged"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_sentence(stored, damage, said):
    network, weights, _ = stored
    damage(weights.with_name("own.replay.npz"))
    with pytest.raises(UserError, match=said):
        replay.load(network, weights)


def test_weights_must_name_their_beats(network, tmp_path):
    meta = {name: value for name, value in network.meta.items() if name != "replay"}
    with pytest.raises(
        UserError,
        match=r"old\.npz cannot be taught: a file of beats to replay is not beside it",
    ):
        replay.load(dataclasses.replace(network, meta=meta), tmp_path / "old.npz")
    elsewhere = dataclasses.replace(
        network, meta=meta | {"replay": "../../x/ds1_ds2.replay.npz"}
    )
    assert len(replay.load(elsewhere, tmp_path / "a.npz").beats)  # only the name counts
