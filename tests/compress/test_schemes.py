"""The methods of paper 2 with accuracies that are set by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ecglib.compress import ideal_ratio
from ecglib.compress.schemes import fixed_prune, lap, laq, laq_shared
from ecglib.system.errors import UserError

NAMES = ("0.weight", "1.weight", "2.weight")
IMPORTANCE = {"0.weight": 0.4, "1.weight": 0.8, "2.weight": 0.2}


@pytest.fixture
def three_layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20))


def bits_of(coded, name):
    return coded.bits().get(name, 32)


def needing(least, losses):
    """Accuracy 0.9 less what each layer loses with fewer bits than it needs."""

    def evaluate(coded):
        return 0.9 - sum(losses[n] for n in NAMES if bits_of(coded, n) < least[n])

    return evaluate


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_fixed_pruning_drops_the_smallest_of_each_layer(three_layers, share):
    coded = fixed_prune(three_layers, share)
    for name in NAMES:
        w = three_layers.get_parameter(name).detach().numpy()
        values = coded.tensors[name].values()
        kept = values != 0
        assert (~kept).sum() == round(share * w.size)
        np.testing.assert_array_equal(values[kept], w[kept])
        assert np.abs(w[~kept]).max() < np.abs(w[kept]).min()
    paper = ideal_ratio(three_layers, kept=1 - share)
    assert ideal_ratio(three_layers, coded.bits(), kept=coded.kept()) == pytest.approx(paper)


def test_shares_by_name_prune_each_its_own(three_layers):
    coded = fixed_prune(three_layers, {"0.weight": 0.25, "2.weight": 0})
    assert coded.kept() == {"0.weight": 0.75}
    assert {"1.weight", "2.weight"} < coded.rest.keys()


def test_nothing_or_all_is_pruned_at_the_ends(three_layers):
    assert fixed_prune(three_layers, 0.0).tensors == {}
    assert set(fixed_prune(three_layers, 1.0).kept().values()) == {0.0}


def test_equal_weights_are_pruned_together(net):
    net.norm.weight.data.fill_(1)
    assert fixed_prune(net, 0.1).kept()["norm.weight"] == 0


@pytest.mark.parametrize("share", [-0.1, 1.1, {"0.weight": 2}])
def test_shares_out_of_range_are_refused(three_layers, share):
    with pytest.raises(UserError, match=r"share of 0\.weight is .*between 0 and 1"):
        fixed_prune(three_layers, share)


def test_laq_finds_the_fewest_bits_of_every_layer(three_layers):
    least = {"0.weight": 3, "1.weight": 5, "2.weight": 1}
    evaluate = needing(least, dict.fromkeys(NAMES, 0.5))
    coded, decisions = laq(three_layers, IMPORTANCE, evaluate)
    assert coded.bits() == decisions["bits"] == least


def test_laq_takes_layers_by_ascending_importance_and_stops_at_the_first_failure(three_layers):
    least = {"0.weight": 7, "1.weight": 8, "2.weight": 6}
    _, decisions = laq(three_layers, IMPORTANCE, needing(least, dict.fromkeys(NAMES, 0.5)))
    tried = [(step["layer"][0], step["bits"]) for step in decisions["steps"]]
    assert tried == [("2", 8), ("2", 7), ("2", 6), ("2", 5), ("0", 8), ("0", 7), ("0", 6),
                     ("1", 8), ("1", 7)]  # fmt: skip
    failed = [step["accuracy"] < step["needed"] for step in decisions["steps"]]
    assert failed == [False, False, False, True, False, False, True, False, True]


def test_a_layer_that_fails_at_eight_bits_stays_in_fp32(three_layers):
    least = {"0.weight": 1, "1.weight": 32, "2.weight": 1}
    coded, decisions = laq(three_layers, IMPORTANCE, needing(least, dict.fromkeys(NAMES, 0.5)))
    assert decisions["bits"] == least
    assert coded.bits() == {"0.weight": 1, "2.weight": 1}
    w = three_layers[1].weight.detach().numpy()
    np.testing.assert_array_equal(coded.rest["1.weight"], w)


def test_earlier_layers_stay_at_their_bits(three_layers):
    seen = []

    def evaluate(coded):
        seen.append(coded.bits())
        return 0.9

    laq(three_layers, IMPORTANCE, evaluate)
    assert len(seen) == 1 + 3 * 8
    assert seen[0] == {}
    assert all(seen[i]["2.weight"] == 1 for i in range(9, 25))
    assert all(seen[i]["0.weight"] == 1 for i in range(17, 25))


@pytest.mark.parametrize(
    ("printed", "needed"),
    [
        (False, {"2.weight": 0.9 - 0.1 * 0.75, "0.weight": 0.9 - 0.1 * 0.5, "1.weight": 0.9}),
        (True, {"2.weight": 0.9 - 0.1 * 0.2, "0.weight": 0.9 - 0.1 * 0.4, "1.weight": 0.82}),
    ],
)
def test_bounds_follow_the_text_or_the_equation(three_layers, printed, needed):
    options = {"tolerance": 0.1, "printed": printed}
    _, decisions = laq(three_layers, IMPORTANCE, lambda coded: 0.9, **options)
    found = {step["layer"]: step["needed"] for step in decisions["steps"]}
    assert found == pytest.approx(needed)


@pytest.fixture
def three_sizes():
    """Layers of 10, 90 and 300 weights."""
    return nn.Sequential(nn.Linear(10, 1), nn.Linear(9, 10), nn.Linear(10, 30))


def test_a_shared_tolerance_grows_with_the_weights_that_are_coded(three_sizes):
    _, decisions = laq_shared(three_sizes, IMPORTANCE, lambda coded: 0.9, tolerance=0.1)
    found = {step["layer"]: step["needed"] for step in decisions["steps"]}
    needed = {"2.weight": 0.9 - 0.075, "0.weight": 0.9 - 0.0775, "1.weight": 0.9 - 0.1}
    assert list(found) == list(needed)
    assert found == pytest.approx(needed)


@pytest.mark.parametrize("seed", range(5))
def test_a_shared_tolerance_is_spent_as_a_search_of_all_bits_says(three_sizes, seed):
    random = np.random.default_rng(seed)
    steps = {name: random.uniform(0, 0.02, 32) for name in NAMES}  # what each bit less costs
    sizes = {"0.weight": 10, "1.weight": 90, "2.weight": 300}

    def score(bits):
        return -0.5 - sum(steps[name][width:].sum() for name, width in bits.items())

    fewest = {}
    for name in ("2.weight", "0.weight", "1.weight"):
        coded_until_now = sum(sizes[n] for n in (*fewest, name))
        least = score({}) - 0.6 * coded_until_now / 400
        good = [width for width in range(1, 9) if score(fewest | {name: width}) >= least]
        fewest[name] = min(good, default=32)  # no width helps where a wider one fails
    _, found = laq_shared(three_sizes, IMPORTANCE, lambda c: score(c.bits()), tolerance=0.6)
    assert found["bits"] == fewest


def pruned_share(coded):
    return sum(1 - share for share in coded.kept().values()) / 3


def test_lap_prunes_the_more_the_less_a_layer_matters(three_layers):
    coded, decisions = lap(three_layers, IMPORTANCE, lambda coded: 0.9, grid=(0.4, 0.8))
    assert decisions["p_max"] == 0.8
    shares = {"0.weight": 0.4, "1.weight": 0.0, "2.weight": 0.6}
    assert decisions["pruned"] == pytest.approx(shares)
    assert coded.kept() == pytest.approx({"0.weight": 0.6, "2.weight": 0.4}, abs=0.01)
    np.testing.assert_array_equal(coded.rest["1.weight"], three_layers[1].weight.detach())


def test_lap_takes_the_largest_share_that_holds(three_layers):
    def evaluate(coded):
        return 0.9 - (0.02 if pruned_share(coded) > 0.22 else 0.0)

    coded, decisions = lap(three_layers, IMPORTANCE, evaluate, grid=(0.2, 0.4, 0.6, 0.8))
    assert decisions["p_max"] == 0.4
    assert [step["p_max"] for step in decisions["steps"]] == [0.8, 0.6, 0.4]
    assert pruned_share(coded) == pytest.approx(0.4 * 1.25 / 3, abs=0.01)
    _, decisions = lap(three_layers, IMPORTANCE, evaluate, grid=(0.6, 0.8), tolerance=0.03)
    assert decisions["p_max"] == 0.8


@pytest.mark.parametrize(("accuracy", "pruned"), [(0.5, 0.8), (0.5 - 2**-30, 0)])
def test_lap_accepts_an_accuracy_exactly_at_its_bound(three_layers, accuracy, pruned):
    """0.75 less 0.25 is 0.5 without any rounding."""

    def evaluate(coded):
        return accuracy if coded.tensors else 0.75

    _, decisions = lap(three_layers, IMPORTANCE, evaluate, grid=(0.8,), tolerance=0.25)
    assert decisions["p_max"] == pruned


@pytest.mark.parametrize(("accuracy", "bits"), [(0.5, 1), (0.5 - 2**-30, 32)])
def test_laq_accepts_an_accuracy_exactly_at_its_bound(three_layers, accuracy, bits):
    """The equation as printed tolerates 0.25 of the one layer that matters fully."""

    def evaluate(coded):
        return accuracy if coded.tensors else 0.75

    options = {"tolerance": 0.25, "printed": True}
    _, decisions = laq(three_layers, {"0.weight": 1.0}, evaluate, **options)
    assert decisions["bits"] == {"0.weight": bits}


@pytest.mark.parametrize("scheme", [laq, lap])
def test_negative_tolerance_and_missing_importance_are_refused(three_layers, scheme):
    with pytest.raises(UserError, match=r"tolerance is -0\.1"):
        scheme(three_layers, IMPORTANCE, lambda coded: 0.9, tolerance=-0.1)
    for useless in ({}, {"0.weight": 0.0}):
        with pytest.raises(UserError, match="no layer has any importance"):
            scheme(three_layers, useless, lambda coded: 0.9)
    with pytest.raises(UserError, match="nowhere is not a weight"):
        scheme(three_layers, {"nowhere": 1.0, "0.weight": 0.5}, lambda coded: 0.9)
