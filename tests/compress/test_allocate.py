"""Bits by integer program against every possible choice, and costs against their definition."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglib.compress.allocate import allocate_bits, sensitivity
from ecglib.compress.coded import encode
from ecglib.compress.weights import matrix_names
from ecglib.system.errors import UserError
from tests.compress.conftest import build

COST = {"a": {2: 1.0, 4: 0.0}, "b": {2: 3.0, 4: 0.0}}
SIZES = {"a": 80, "b": 80}


def total(cost, bits):
    return sum(cost[name][width] for name, width in bits.items())


def n_bits(sizes, bits):
    return sum(sizes[name] * width for name, width in bits.items())


@st.composite
def problems(draw):
    """Sizes, costs and a budget in bits that at least the fewest bits fit."""
    names = "abcd"[: draw(st.integers(1, 4))]
    sizes = {name: draw(st.integers(1, 10**6)) for name in names}
    unit = draw(st.sampled_from([1e-7, 1.0, 1e3]))
    prices = st.floats(-1, 5, allow_subnormal=False).map(lambda price: round(price, 4) * unit)
    widths = st.lists(st.integers(1, 8), min_size=1, max_size=4, unique=True)
    cost = {name: {bits: draw(prices) for bits in draw(widths)} for name in names}
    low = sum(sizes[name] * min(cost[name]) for name in names)
    high = sum(sizes[name] * max(cost[name]) for name in names)
    return sizes, cost, draw(st.integers(low, high + 8)), unit


@settings(max_examples=100, deadline=None)
@given(problems())
def test_no_choice_within_the_budget_costs_less(problem):
    sizes, cost, available, unit = problem
    found = allocate_bits(sizes, cost, available / 8)
    assert list(found) == list(sizes)
    assert n_bits(sizes, found) <= available
    choices = [dict(zip(sizes, widths, strict=True)) for widths in product(*cost.values())]
    best = min(total(cost, bits) for bits in choices if n_bits(sizes, bits) <= available)
    assert total(cost, found) == pytest.approx(best, abs=1e-8 * unit)


def test_networks_of_a_hundred_layers_are_solved():
    random = np.random.default_rng(0)
    sizes = {f"{i}": int(n) for i, n in enumerate(random.integers(1e4, 1e6, 100))}
    cost = {name: {b: random.random() * 4.0**-b for b in (2, 3, 4, 5, 6, 8)} for name in sizes}
    budget = 4 * sum(sizes.values()) / 8
    found = allocate_bits(sizes, cost, budget)
    assert n_bits(sizes, found) <= 8 * budget
    uniform = sum(row[4] for row in cost.values())
    assert total(cost, found) < uniform


def test_a_budget_too_low_is_refused_with_the_least_that_would_do():
    with pytest.raises(UserError, match=r"budget of 39 bytes is too low: .* need 40 bytes"):
        allocate_bits(SIZES, COST, 39)
    assert allocate_bits(SIZES, COST, 40) == {"a": 2, "b": 2}


@pytest.mark.parametrize("cost", [{"a": {2: 1.0}}, {"a": {2: 1.0}, "b": {}}])
def test_a_layer_without_costs_is_refused(cost):
    with pytest.raises(UserError, match="b has no costs to choose from"):
        allocate_bits(SIZES, cost, 1000)


def test_costs_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="a cost is NaN or infinite"):
        allocate_bits({"a": 8}, {"a": {2: float("nan")}}, 1000)


def test_sensitivity_is_the_loss_with_one_layer_coded(net):
    x, names = torch.randn(4, 2, 40), matrix_names(net)
    before = net(x).detach()

    def loss(network):
        return float(torch.square(network(x) - before).mean().detach())

    cost = sensitivity(net, names, loss, bits=(2, 8), axis=0, scale_rule="mse")
    assert torch.equal(net(x), before)
    assert list(cost) == names
    for name, bits in product(names, (2, 8)):
        trial = build()
        encode(net, bits, names=[name], axis=0, scale_rule="mse").load_into(trial)
        assert cost[name][bits] == pytest.approx(loss(trial), rel=1e-5, abs=1e-12)
        assert cost[name][bits] > 0


def test_sensitivity_starts_from_the_loss_of_the_network(net):
    constant = sensitivity(net, ["conv.weight"], lambda network: 3.0, bits=(4,))
    assert constant == {"conv.weight": {4: 0.0}}


def test_sensitivity_of_unknown_layers_and_widths_is_refused(net):
    with pytest.raises(UserError, match="nowhere is not a weight"):
        sensitivity(net, ["nowhere"], lambda network: 0.0)
    with pytest.raises(UserError, match="bits is 17"):
        sensitivity(net, ["conv.weight"], lambda network: 0.0, bits=(17,))
