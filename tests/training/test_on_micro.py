"""Training of MicroNet on invented beats: what is drawn, learnt, rounded, with what bits."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ecglib.compress import allocate
from ecglib.compress.allocate import BITS, sensitivity
from ecglib.data.inputs import Inputs
from ecglib.models.layers import weight_layers
from ecglib.quant import coverage
from ecglib.quant.qat import activation_quantizers
from ecglib.studies.micro import MicroConfig
from ecglib.training import on_micro
from ecglib.training.loop import predict
from ecglib.training.on_micro import TrainingBeats
from tests.toys import same_state

LAYERS = ["conv1.conv", "conv2.conv", "conv3.conv", "rr.0", "hidden", "out"]
QUICK = {"features": "derivative+rr", "width": 0.5, "class_cap": 40, "augmentation": 0.1}
QUICK |= {"epochs": 8, "batch_size": 16, "learning_rate": 0.01, "qat_epochs": 2}


def config(**settings):
    return MicroConfig(**{**QUICK, **settings})


def rounding(**settings):
    return config(scope="all_int8", **settings)


def lead(seed, n=90, others=6):
    """Beats of one lead: N and S of one shape and two timings, V of another; then F and Q."""
    rng = np.random.default_rng(seed)
    y = np.r_[rng.choice(3, n, p=(0.6, 0.2, 0.2)), np.tile((3, 4), others // 2)]
    wide = np.where(y == 2, 7.0, 2.0)[:, None]
    bump = np.exp(-0.5 * ((np.arange(64) - 32) / wide) ** 2)
    x = 3 * bump + 0.2 * rng.normal(size=bump.shape)
    rr = 0.2 * rng.normal(size=(len(y), 5)) - np.where(y == 1, 1.5, 0)[:, None]
    x, rr = (torch.from_numpy(a.astype(np.float32)) for a in (x[:, None], rr))
    return Inputs(x, rr, torch.from_numpy(y))


@pytest.fixture(scope="module")
def beats():
    return TrainingBeats.of([lead(seed) for seed in range(4)])


@pytest.fixture(scope="module")
def trained(beats):
    return on_micro.train_fp32(config(), beats)


def accuracy(model, inputs):
    return (predict(model, inputs) == inputs.y).float().mean().item()


def logits(model, inputs):
    with torch.no_grad():
        return model(inputs.x, inputs.rr)


def test_training_beats_are_those_of_n_s_v_in_order_with_their_lead():
    leads = [lead(0), lead(1, n=0), lead(2)]  # the second has nothing to learn from
    joined = TrainingBeats.of(leads)
    assert joined.lead_of.tolist() == [0] * 90 + [2] * 90
    for number in (0, 2):
        mine = joined.inputs.select(torch.from_numpy(joined.lead_of == number))
        for name in ("x", "rr", "y"):
            assert torch.equal(getattr(mine, name), getattr(leads[number], name)[:90])


def test_typical_beats_are_different_ones_of_an_epoch_drawn_by_seed(beats, monkeypatch):
    def rows(inputs):
        return [tuple(row) for row in inputs.rr.tolist()]

    everything = beats.typical(config(class_cap=90))
    assert sorted(rows(everything)) == sorted(rows(beats.inputs))
    few = beats.typical(config(class_cap=5))
    assert torch.bincount(few.y).tolist() == [20, 20, 20]
    assert rows(few) == rows(beats.typical(config(class_cap=5)))
    assert rows(few) != rows(beats.typical(config(class_cap=5, seed=21)))
    monkeypatch.setattr(on_micro, "CALIBRATION_BEATS", 17)
    assert len(set(rows(beats.typical(config())))) == 17


def test_a_fresh_network_depends_on_the_seed_alone():
    first = on_micro.fresh(config())
    torch.manual_seed(5)
    assert same_state(on_micro.fresh(config()), first.state_dict())
    assert not same_state(on_micro.fresh(config(seed=21)), first.state_dict())
    assert not first.training


@pytest.mark.parametrize("features", ["raw", "derivative+template+causal", "raw+rr+rhythm"])
def test_the_size_follows_features_and_width(features):
    asked = config(features=features, width=1.5)
    size = on_micro.size_of(asked)
    whole = on_micro.size_of(config(features=features, width=1.0))
    assert (size.n_channels, size.n_rr) == (asked.n_channels, asked.n_rr)
    assert size.channels == tuple(round(1.5 * n) for n in whole.channels)
    assert size.hidden_units == round(1.5 * whole.hidden_units)


def test_shapes_and_timings_are_learnt(trained, beats):
    model, history = trained
    assert len(history.loss) == QUICK["epochs"]
    assert history.loss[-1] < 0.2 < history.loss[0]
    new = TrainingBeats.of([lead(77)]).inputs
    assert accuracy(on_micro.fresh(config()), new) < 0.8
    assert accuracy(model, new) > 0.95


@pytest.mark.parametrize(
    ("imbalance", "power"), [("none", None), ("sqrt", -0.5), ("balanced", -1)]
)
def test_classes_weigh_by_what_an_epoch_holds(beats, monkeypatch, imbalance, power):
    seen = []
    monkeypatch.setattr(on_micro, "fit", lambda model, parts, task, *_, **__: seen.append(task))
    on_micro.train_fp32(config(imbalance=imbalance, class_cap=15), beats)
    label = beats.inputs.y.numpy()
    there = [[((beats.lead_of == s) & (label == y)).sum() for y in range(3)] for s in range(4)]
    held = np.minimum(there, 15).sum(axis=0)
    assert len(seen[0]) == held.sum()
    if power is None:
        assert seen[0].weight is None
    else:
        expected = held.astype(float) ** power
        expected *= held.sum() / (expected * held).sum()
        np.testing.assert_allclose(seen[0].weight, expected, rtol=1e-5)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_all_layers_become_integers_of_the_bits_asked_for(trained, beats, bits):
    model, _ = trained
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    rows = coverage(allocate.rounded(model, rounding(bits=bits), beats))
    assert [row.name for row in rows] == LAYERS
    assert {(row.weight_bits, row.activation_bits) for row in rows} == {(bits, 8)}
    assert same_state(model, before)


def test_eight_bits_decide_like_fp32_even_before_further_training(trained, beats):
    model, _ = trained
    rounded = allocate.rounded(model, rounding(), beats)
    exact, rough = logits(model, beats.inputs), logits(rounded, beats.inputs)
    assert (exact - rough).abs().max() < 0.05 * exact.abs().max()


def test_ranges_are_those_of_typical_beats(trained, beats):
    asked = rounding(class_cap=5)  # fewer than one batch of the calibration
    ranges = activation_quantizers(allocate.rounded(trained[0], asked, beats))
    typical = beats.typical(asked)
    for name, read in (("conv1.conv", typical.x), ("rr.0", typical.rr)):
        low, high = ranges[name].low.item(), ranges[name].high.item()
        assert (low, high) == (read.min().item(), read.max().item())


@pytest.mark.parametrize("allocation", ["uniform", "milp"])
def test_training_after_rounding_recovers_what_few_bits_lost(trained, beats, allocation):
    asked = rounding(bits=3, allocation=allocation, qat_epochs=4, qat_learning_rate=3e-3)
    rounded = allocate.rounded(trained[0], asked, beats)
    bits = {row.name: row.weight_bits for row in coverage(rounded)}

    def loss():
        return F.cross_entropy(logits(rounded, beats.inputs), beats.inputs.y).item()

    before = loss()
    history = on_micro.train_rounded(rounded, asked, beats)
    assert loss() < before
    assert len(history.loss) == 4
    assert accuracy(rounded, TrainingBeats.of([lead(77)]).inputs) > 0.9
    assert {row.name: row.weight_bits for row in coverage(rounded)} == bits
    assert all(quantizer.frozen for quantizer in activation_quantizers(rounded).values())


def test_ranges_move_until_the_last_epoch(trained, beats, monkeypatch):
    rounded, freeze = allocate.rounded(trained[0], rounding(), beats), on_micro.freeze_ranges

    def ranges():
        return torch.stack([q.scale.clone() for q in activation_quantizers(rounded).values()])

    calibrated, at_freezing = ranges(), []

    def recorded(model):
        at_freezing.append(ranges())
        freeze(model)

    monkeypatch.setattr(on_micro, "freeze_ranges", recorded)
    on_micro.train_rounded(rounded, rounding(), beats)
    (frozen,) = at_freezing
    assert not torch.equal(frozen, calibrated)
    assert torch.equal(ranges(), frozen)


def test_uniform_bits_are_the_same_everywhere(trained, beats):
    found = allocate.bits_of(trained[0], rounding(bits=5), beats.inputs)
    assert found == dict.fromkeys(LAYERS, 5)


@pytest.mark.parametrize("bits", [2, 3, 4, 7, 8])
def test_placed_bits_are_the_best_of_all_within_their_mean(trained, beats, bits):
    model, typical = trained[0], beats.inputs
    placed = allocate.bits_of(model, rounding(bits=bits, allocation="milp"), typical)
    assert list(placed) == LAYERS
    sizes = np.array([layer.weight.numel() for layer in weight_layers(model).values()])
    assert sizes @ list(placed.values()) <= bits * sizes.sum()

    def loss(trial):
        return F.cross_entropy(logits(trial, typical), typical.y).item()

    names = [f"{name}.weight" for name in LAYERS]
    measured = sensitivity(model, names, loss, axis=0, scale_rule="mse")
    cost = np.array([list(of_width.values()) for of_width in measured.values()])
    choices = np.array(list(product(range(len(BITS)), repeat=len(LAYERS))))
    totals = cost[np.arange(len(LAYERS)), choices].sum(axis=1)
    fits = np.array(BITS)[choices] @ sizes <= bits * sizes.sum()
    mine = sum(cost[i, BITS.index(placed[name])] for i, name in enumerate(LAYERS))
    assert mine == pytest.approx(totals[fits].min(), abs=1e-5)
