"""Training MicroNet on invented beats: what is drawn, what is learnt, what is rounded."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ecglib import micro
from ecglib.compress.allocate import BITS, sensitivity
from ecglib.config import MicroConfig
from ecglib.data.inputs import Inputs
from ecglib.models.layers import weight_layers
from ecglib.quant import coverage
from ecglib.quant.qat import activation_quantizers
from tests.toys import copied_state, same_state

QUICK = {"features": "derivative+template+rr", "width": 0.25, "epochs": 8, "batch_size": 32}
QUICK |= {"learning_rate": 0.01, "qat_epochs": 2}


def lead(n, seed=0, classes=3):
    """Beats with a bump at one of three places, which is their class; F and Q have none."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    bump = np.exp(-0.5 * ((np.arange(64) - 15 - 15 * y[:, None]) / 3) ** 2) * (y < 3)[:, None]
    x = bump[:, None] + 0.2 * rng.normal(size=(n, 2, 64))
    rr = rng.normal(size=(n, 5))
    return Inputs(*(torch.tensor(a, dtype=torch.float32) for a in (x, rr)), torch.from_numpy(y))


@pytest.fixture(scope="module")
def beats():
    return micro.TrainingBeats.of([lead(90), lead(150, 1)])


@pytest.fixture(scope="module")
def trained(beats):
    return micro.train_fp32(MicroConfig(**QUICK), beats)


def test_only_known_classes_train_and_each_knows_its_lead():
    first, second = lead(10, 0, classes=5), lead(4, 1)
    joined = micro.TrainingBeats.of([first, second])
    kept = [0, 1, 2, 5, 6, 7]
    assert joined.inputs.y.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert joined.source.tolist() == [0] * 6 + [1] * 4
    assert torch.equal(joined.inputs.x, torch.cat([first.x[kept], second.x]))
    assert torch.equal(joined.inputs.rr, torch.cat([first.rr[kept], second.rr]))


@pytest.mark.parametrize(("cap", "n"), [(5, 6 * 5), (40, 3 * 30 + 3 * 40), (1000, 240)])
def test_typical_beats_are_those_of_an_epoch(beats, cap, n):
    config = MicroConfig(**QUICK, class_cap=cap)
    typical, again = beats.typical(config), beats.typical(config)
    assert len(typical) == n
    assert torch.equal(typical.x, again.x)
    assert typical.y.bincount().tolist() == [n // 3] * 3


def test_typical_beats_are_bounded(beats, monkeypatch):
    monkeypatch.setattr(micro, "CALIBRATION_BEATS", 50)
    assert len(beats.typical(MicroConfig(**QUICK))) == 50


def test_a_seed_is_a_network():
    one, same, other = (micro.fresh(MicroConfig(**QUICK, seed=s)) for s in (1, 1, 2))
    assert same_state(same, copied_state(one))
    assert not same_state(other, copied_state(one))
    assert not one.training


def test_features_and_width_set_the_size():
    size = micro.size_of(MicroConfig(features="raw+causal", width=0.5))
    assert (size.n_channels, size.n_rr, size.channels, size.hidden_units) == (
        1,
        2,
        (6, 8, 8),
        8,
    )


def accuracy(model, inputs):
    return float((model(inputs.x, inputs.rr).argmax(dim=1) == inputs.y).float().mean())


def test_beats_of_three_shapes_are_learnt(trained):
    model, history = trained
    unseen = lead(300, 9)
    assert len(history.loss) == 8
    assert history.loss[-1] < history.loss[0] / 2
    assert accuracy(micro.fresh(MicroConfig(**QUICK)), unseen) < 0.5
    assert accuracy(model, unseen) > 0.95


def test_training_again_gives_the_same_network(trained, beats):
    again, _ = micro.train_fp32(MicroConfig(**QUICK), beats)
    assert same_state(again, copied_state(trained[0]))


@pytest.mark.parametrize(
    ("imbalance", "power"), [("none", None), ("sqrt", 0.5), ("balanced", 1)], ids=str
)
def test_classes_weigh_by_what_an_epoch_holds(monkeypatch, imbalance, power):
    """Two leads, of 60 N, 4 S, 1 V each; of N no more than 10 of a lead are drawn."""
    y = torch.tensor([0] * 60 + [1] * 4 + [2])
    one = Inputs(torch.zeros(65, 2, 64), torch.zeros(65, 5), y)
    seen = []
    monkeypatch.setattr(micro, "fit", lambda *args, **_: seen.append(args[2]))
    config = MicroConfig(**QUICK, class_cap=10, imbalance=imbalance)
    micro.train_fp32(config, micro.TrainingBeats.of([one, one]))
    (task,) = seen
    assert len(task) == 2 * (10 + 4 + 1)
    if power is None:
        assert task.weight is None
        return
    count = np.array([20.0, 8.0, 2.0])
    expected = count**-power / (count * count**-power).sum() * count.sum()
    np.testing.assert_allclose(task.weight.numpy(), expected, rtol=1e-5)


def integers(bits, **more):
    return MicroConfig(**QUICK, scope="all_int8", bits=bits, **more)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_every_layer_is_rounded_to_the_bits(trained, beats, bits):
    model, _ = trained
    before = copied_state(model)
    rounded = micro.rounded(model, integers(bits), beats)
    micro.train_rounded(rounded, integers(bits), beats)
    assert same_state(model, before)
    rows = coverage(rounded)
    assert [row.name for row in rows] == list(weight_layers(model))
    assert {(row.weight_bits, row.activation_bits) for row in rows} == {(bits, 8)}
    assert all(row.levels <= 2**bits - 1 for row in rows)
    assert all(quantizer.frozen for quantizer in activation_quantizers(rounded).values())


def test_rounding_to_eight_bits_hardly_changes_a_logit(trained, beats):
    model, _ = trained
    rounded, unseen = micro.rounded(model, integers(8), beats), lead(300, 9)
    exact, near = (m(unseen.x, unseen.rr) for m in (model, rounded))
    assert not torch.equal(exact, near)
    assert (exact - near).abs().max() < 0.05 * exact.abs().max()


def test_training_further_wins_back_what_few_bits_lose(trained, beats):
    config = integers(2, qat_learning_rate=0.01)
    rounded, typical = micro.rounded(trained[0], config, beats), beats.typical(config)

    def loss():
        with torch.no_grad():
            return float(F.cross_entropy(rounded(typical.x, typical.rr), typical.y))

    before = loss()
    history = micro.train_rounded(rounded, config, beats)
    assert len(history.loss) == 2
    assert loss() < before


def test_ranges_move_until_the_last_epoch(trained, beats, monkeypatch):
    rounded = micro.rounded(trained[0], integers(8), beats)

    def ranges():
        return torch.stack([q.scale.clone() for q in activation_quantizers(rounded).values()])

    at_freezing, calibrated = [], ranges()
    freeze = micro.freeze_ranges
    monkeypatch.setattr(
        micro, "freeze_ranges", lambda model: (at_freezing.append(ranges()), freeze(model))
    )
    micro.train_rounded(rounded, integers(8), beats)
    (frozen,) = at_freezing
    assert not torch.equal(frozen, calibrated)
    assert torch.equal(ranges(), frozen)


def test_uniform_bits(trained, beats):
    config = integers(5)
    bits = micro.bits_of(trained[0], config, beats.typical(config))
    assert bits == dict.fromkeys(weight_layers(trained[0]), 5)


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_no_other_placement_of_bits_costs_less(trained, beats, bits):
    """Oracle: all 6**6 placements, for the costs that the program is given."""
    model, config = trained[0], integers(bits, allocation="milp")
    typical = beats.typical(config)
    sizes = {n: layer.weight.numel() for n, layer in weight_layers(model).items()}

    @torch.no_grad()
    def loss(trial):
        return float(F.cross_entropy(trial(typical.x, typical.rr), typical.y))

    cost = sensitivity(model, [f"{name}.weight" for name in sizes], loss)
    grid = np.array(list(itertools.product(range(len(BITS)), repeat=len(sizes))))
    weights = (np.array(BITS)[grid] * list(sizes.values())).sum(axis=1)
    table = np.array([[cost[f"{name}.weight"][b] for b in BITS] for name in sizes])
    total = table[np.arange(len(sizes)), grid].sum(axis=1)
    best = total[weights <= bits * sum(sizes.values())].min()

    found = micro.bits_of(model, config, typical)
    assert list(found) == list(sizes)
    assert sum(found[n] * sizes[n] for n in sizes) <= bits * sum(sizes.values())
    mine = sum(cost[f"{name}.weight"][found[name]] for name in sizes)
    assert mine == pytest.approx(best, abs=1e-4)
