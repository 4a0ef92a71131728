"""Learning from a patient's labels, and without: what changes and what stays."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.config import BudgetConfig
from ecglib.data.inputs import Inputs
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.personalize import label_free
from ecglib.personalize.budget import View, updated, with_prototypes
from ecglib.personalize.online import Stopwatch
from ecglib.personalize.stream import allowed, follow
from ecglib.quant import calibrate, freeze_ranges, quantize
from ecglib.quant.qat import activation_quantizers
from ecglib.studies.budget import MICRONET, Patient, personalize

SIZE = MicroNetConfig(2, 5, channels=(4, 4, 4))
KINDS = {"budget": 5, "query": "mixed", "update": "head"}


def beats(n, seed=0, classes=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, 64, generator=generator)
    y = torch.arange(n) % classes
    return Inputs(x, torch.randn(n, 5, generator=generator) + 3 * (y == 1)[:, None], y)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MicroNet(SIZE).eval()


def settings(**more):
    return BudgetConfig(**{**KINDS, "scope": "none", **more})


@pytest.mark.parametrize(
    ("update", "moves"),
    [
        ("head", {"hidden", "out"}),
        ("output", {"out"}),
        ("last_block", {"conv3", "rr", "hidden", "out"}),
    ],
)
def test_only_what_an_update_names_moves(model, update, moves):
    before = copy.deepcopy(model.state_dict())
    new = updated(model, MICRONET, settings(update=update), beats(60), beats(6, 1))
    moved = {
        name.split(".")[0]
        for name, value in new.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == moves
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not new.training


def test_labels_are_learnt(model):
    labelled = beats(12, 1)
    new = updated(
        model, MICRONET, settings(update_epochs=40, update_decay=0.99), beats(90), labelled
    )
    right = new(labelled.x, labelled.rr).argmax(1) == labelled.y
    assert right.float().mean() >= 0.9


@pytest.mark.parametrize(
    "label", [[1, 1, 1, 1], [0, 2, 0, 2], [0, 0, 4, 3]], ids=["one class", "two", "some F, Q"]
)
def test_any_answers_can_be_learnt_from(model, label):
    same = beats(1).x.repeat(
        4, 1, 1
    )  # contradictory where the labels differ: one beat, four times
    labelled = Inputs(same, torch.zeros(4, 5), torch.tensor(label))
    new = updated(model, MICRONET, settings(), beats(30), labelled)
    assert torch.isfinite(new(labelled.x, labelled.rr)).all()


def test_labels_of_no_class_teach_nothing(model):
    labelled = Inputs(torch.zeros(2, 2, 64), torch.zeros(2, 5), torch.tensor([3, 4]))
    assert updated(model, MICRONET, settings(), beats(30), labelled) is model


def test_a_rounded_network_stays_rounded(model):
    rounded = quantize(model, "all_int8")
    train = beats(60)
    calibrate(rounded, train.x, train.rr)
    freeze_ranges(rounded)
    new = updated(rounded, MICRONET, settings(scope="all_int8"), train, beats(6, 1))
    for name, quantizer in activation_quantizers(new).items():
        assert torch.equal(quantizer.scale, activation_quantizers(rounded)[name].scale)
    q, scale = new.out.weight_quantizer.integers(new.out.weight)
    used = new.out.weight_quantizer(new.out.weight)
    torch.testing.assert_close(used, q * scale[:, None])
    assert not torch.equal(new.out.weight, rounded.out.weight)


def test_prototypes_move_beats_towards_their_label(model):
    inputs = beats(20)
    view = View.of(model, MICRONET, inputs)
    wrong = (view.logits.argmax(1) + 1) % 3
    rows = torch.tensor([4])
    moved = with_prototypes(view, rows, wrong[rows], torch.arange(20))
    assert moved[4, wrong[4]] > view.logits[4, wrong[4]]
    nothing = with_prototypes(view, rows, torch.tensor([3]), torch.arange(20))
    torch.testing.assert_close(nothing, view.logits)


def patient(n=60, seconds=1200):
    return Patient(100, beats(n, 2), np.linspace(0, seconds, n))


def test_a_patient_without_early_beats_is_classified_as_without_labels(model):
    late = Patient(100, beats(20, 2), np.linspace(400, 800, 20))
    found = personalize(model, MICRONET, settings(), beats(30), late, Stopwatch())
    plain = model(late.inputs.x, late.inputs.rr).argmax(1).numpy()
    np.testing.assert_array_equal(found.predicted, plain)
    assert len(found.asked) == 0


@pytest.mark.parametrize("budget", [10**6, "all"])
def test_more_labels_than_beats_are_all_of_them(model, budget):
    asked = personalize(
        model, MICRONET, settings(budget=budget), beats(30), patient(), Stopwatch()
    ).asked
    assert asked.tolist() == np.flatnonzero(patient().seconds < 300).tolist()


@pytest.mark.parametrize(
    ("seconds", "labels"), [(0, 0), (1, 1), (300, 1), (301, 2), (3600, 12), (7200, 24)]
)
def test_labels_are_released_evenly(seconds, labels):
    assert allowed(12, seconds) == labels


def test_a_stream_asks_within_its_budget_and_predicts_before_it_asks(model):
    how = {"query": "margin", "asking": "stream", "budget": 12, "unsure": 1.0}
    one = patient()
    predicted, asked = follow(model, MICRONET, settings(**how), beats(30), one, Stopwatch())
    for number, beat in enumerate(asked, start=1):
        assert number <= allowed(12, one.seconds[beat])
    assert len(asked) == allowed(12, one.seconds[-1])
    other = Inputs(one.inputs.x, one.inputs.rr, one.inputs.y.clone())
    other.y[asked[1]] = (other.y[asked[1]] + 1) % 3  # another answer to the second question
    lied = Patient(100, other, one.seconds)
    again, _ = follow(model, MICRONET, settings(**how), beats(30), lied, Stopwatch())
    upto = asked[1] + 1
    np.testing.assert_array_equal(again[:upto], predicted[:upto])


def test_a_sure_network_never_asks(model):
    how = {"query": "margin", "asking": "stream", "budget": 12, "unsure": 1e-6}
    _, asked = follow(model, MICRONET, settings(**how), beats(30), patient(), Stopwatch())
    assert len(asked) == 0


def norms(model):
    return [m for m in model.modules() if isinstance(m, nn.BatchNorm1d)]


def test_statistics_lie_between_everybodys_and_the_patients(model):
    one = beats(50, 3)
    own = label_free.shrunk_adabn(model, one, prior_beats=0)
    first = model.conv1.conv(one.x)
    torch.testing.assert_close(norms(own)[0].running_mean, first.mean((0, 2)))
    half = label_free.shrunk_adabn(model, one, prior_beats=50)
    middle = (norms(model)[0].running_mean + norms(own)[0].running_mean) / 2
    torch.testing.assert_close(norms(half)[0].running_mean, middle)
    same = label_free.shrunk_adabn(model, one, prior_beats=1e12)
    torch.testing.assert_close(same(one.x, one.rr), model(one.x, one.rr))


def test_own_ratios_by_hand():
    inputs = Inputs(torch.zeros(5, 1, 64), torch.full((5, 5), 9.0), torch.zeros(5))
    found = label_free.own_ratios(inputs, np.array([0, 1, 2, 2.5, 4]), 3).rr
    assert found[1].tolist() == [0, 0, 0, 0, 9]
    assert found[3].tolist() == [-2, -2, 2, 2, 9]
    assert found[0, :4].tolist() == [*found[4, 2:4].tolist(), 0, 0] == [0, 0, 0, 0]


@torch.no_grad()
def entropy(model, inputs):
    p = torch.softmax(model(inputs.x, inputs.rr), dim=1)
    return float(-(p * p.log()).sum(1).mean())


def test_entropy_falls_unless_too_much_would_change(model, monkeypatch):
    one = beats(80, 4)
    monkeypatch.setattr(label_free, "SURE_ENOUGH", 2.0)
    monkeypatch.setattr(label_free, "LARGEST_MOVE", 1.0)
    new, taken_back = label_free.minimised_entropy(model, one)
    assert not taken_back
    assert entropy(new, one) < entropy(model, one)
    monkeypatch.setattr(label_free, "LARGEST_MOVE", -1.0)
    same, taken_back = label_free.minimised_entropy(model, one)
    assert taken_back
    assert same is model
