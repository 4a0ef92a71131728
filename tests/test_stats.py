"""Bootstrap against enumeration of all resamples, tests against hand-made examples."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, spearmanr, ttest_1samp

from ecglib import stats
from ecglib.metrics import accuracy, macro_f1
from ecglib.stats import (
    Interval,
    paired_accuracy,
    paired_difference,
    patient_bootstrap,
    pool,
    rank_correlation,
)

DS2_RECORDS = ("100", "103", "105", "111", "113", "117")


def random_results(seed, records=DS2_RECORDS, most=40):
    rng = np.random.default_rng(seed)
    return {record: rng.integers(1, most, (3, 3)).tolist() for record in records}


def right_and_wrong(right, wrong):
    """A confusion matrix with the given numbers of correct and wrong beats."""
    return [[right, wrong, 0], [0, 0, 0], [0, 0, 0]]


def exact_draws(per_record, statistic):
    """The statistic of every possible draw of patients, all equally likely."""
    matrices = [np.array(matrix) for matrix in per_record.values()]
    draws = product(matrices, repeat=len(matrices))
    return np.array([statistic(np.sum(draw, axis=0)) for draw in draws])


@pytest.mark.parametrize("statistic", [accuracy, macro_f1])
def test_bootstrap_agrees_with_all_possible_draws(statistic):
    per_record = random_results(1, DS2_RECORDS[:5])
    interval = patient_bootstrap(per_record, statistic, n_resamples=50_000, level=0.8)
    exact = exact_draws(per_record, statistic)
    # Equal draws make the exact distribution a staircase: a bound stands on the right step.
    for bound, tail in ((interval.low, 0.1), (interval.high, 0.9)):
        assert np.mean(exact < bound) < tail + 0.005
        assert np.mean(exact <= bound) > tail - 0.005
    assert interval.value == statistic(pool(per_record))


def test_bootstrap_is_reproducible_whatever_the_order_of_records():
    per_record = random_results(2)
    backwards = dict(reversed(per_record.items()))
    assert patient_bootstrap(per_record, macro_f1) == patient_bootstrap(backwards, macro_f1)
    other = patient_bootstrap(per_record, macro_f1, seed=1)
    assert patient_bootstrap(per_record, macro_f1) != other


def test_the_value_itself_is_no_draw():
    single = patient_bootstrap(random_results(2), accuracy, n_resamples=1)
    assert single.low == single.high != single.value


def test_records_of_one_patient_are_drawn_together():
    good, bad = right_and_wrong(100, 0), right_and_wrong(0, 100)
    balanced = {"201": good, "202": bad, "100": right_and_wrong(50, 50)}
    assert patient_bootstrap(balanced, accuracy) == Interval(0.5, 0.5, 0.5)
    strangers = {"203": good, "205": bad, "100": right_and_wrong(50, 50)}
    assert patient_bootstrap(strangers, accuracy) == Interval(0.5, 0.0, 1.0)


def test_seeds_are_averaged_within_each_draw():
    one, other = random_results(3), random_results(4)
    both = patient_bootstrap([one, other], accuracy)
    assert both.value == pytest.approx((accuracy(pool(one)) + accuracy(pool(other))) / 2)
    assert patient_bootstrap([one, one], accuracy) == patient_bootstrap(one, accuracy)
    # Seeds that err on opposite patients cancel only when both see the same draw.
    good, bad = right_and_wrong(1, 0), right_and_wrong(0, 1)
    opposed = [{"100": good, "103": bad}, {"100": bad, "103": good}]
    assert patient_bootstrap(opposed, accuracy) == Interval(0.5, 0.5, 0.5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_difference_of_a_result_to_itself_is_exactly_zero(seed):
    per_record = random_results(seed)
    assert paired_difference(per_record, per_record, macro_f1) == Interval(0, 0, 0)
    assert paired_difference([per_record], [per_record], accuracy) == Interval(0, 0, 0)
    assert paired_difference(per_record, per_record, accuracy, bca=True) == Interval(0, 0, 0)


def test_paired_difference_sees_the_same_patients_on_both_sides():
    # Patients differ by far more than the two methods: b errs once more in each of them.
    rights = dict(zip(DS2_RECORDS, (10, 30, 50, 70, 90, 99), strict=True))
    a = {record: right_and_wrong(right, 100 - right) for record, right in rights.items()}
    b = {record: right_and_wrong(right - 1, 101 - right) for record, right in rights.items()}
    difference = paired_difference(a, b, accuracy)
    assert [difference.value, difference.low, difference.high] == pytest.approx([0.01] * 3)
    alone = patient_bootstrap(a, accuracy)
    assert alone.high - alone.low > 0.3


def test_paired_difference_changes_sign_with_its_sides():
    a, b = [random_results(5), random_results(6)], [random_results(7), random_results(8)]
    there, back = paired_difference(a, b, macro_f1), paired_difference(b, a, macro_f1)
    expected = [-back.value, -back.high, -back.low]
    assert [there.value, there.low, there.high] == pytest.approx(expected)
    assert there.low < there.value < there.high


def test_different_records_or_seeds_cannot_be_compared():
    per_record = random_results(9)
    with pytest.raises(ValueError, match="Only some results hold 117"):
        paired_difference(per_record, stats.without(per_record, "117"), accuracy)
    with pytest.raises(ValueError, match="Only some results hold 100"):
        patient_bootstrap([stats.without(per_record, "100"), per_record], accuracy)
    with pytest.raises(ValueError, match="a has 2 seeds and b has 1"):
        paired_difference([per_record, per_record], per_record, accuracy)


@pytest.mark.parametrize("records", [["100"], ["201", "202"]])
def test_one_patient_has_no_interval(records):
    with pytest.raises(ValueError, match="at least two patients"):
        patient_bootstrap(random_results(10, records), accuracy)


def test_mean_over_patients_weighs_patients_alike():
    per_record = {
        "100": right_and_wrong(1000, 0),
        "201": right_and_wrong(1, 1),
        "202": right_and_wrong(0, 2),  # the same man as 201: 1 of 4 right
    }
    assert stats.mean_over_patients(per_record, accuracy) == (1 + 0.25) / 2
    all_wrong = {record: right_and_wrong(0, 1) for record in per_record}
    assert stats.mean_over_patients([per_record, all_wrong], accuracy) == (1 + 0.25) / 4


def test_pool_adds_and_without_leaves_out():
    per_record = {"100": np.eye(3, dtype=int).tolist(), "232": np.ones((3, 3), int).tolist()}
    np.testing.assert_array_equal(pool(per_record), [[2, 1, 1], [1, 2, 1], [1, 1, 2]])
    np.testing.assert_array_equal(pool(stats.without(per_record, 232)), np.eye(3))
    assert (
        stats.without([per_record, per_record], "232") == [stats.without(per_record, 232)] * 2
    )
    assert set(per_record) == {"100", "232"}
    with pytest.raises(ValueError, match="Record 101 is not among 100, 232"):
        stats.without(per_record, 101)


def disagreements(only_a, only_b, agree=50):
    correct_a = [True] * only_a + [False] * only_b + [True] * agree
    correct_b = [False] * only_a + [True] * only_b + [True] * agree
    return correct_a, correct_b


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (5, 0, 2 / 2**5),
        (1, 7, 2 * (1 + 8) / 2**8),
        (2, 8, 2 * (1 + 10 + 45) / 2**10),
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_against_binomial_sums_by_hand(only_a, only_b, p):
    assert stats.mcnemar(*disagreements(only_a, only_b)) == pytest.approx(p)
    assert stats.mcnemar(*disagreements(only_b, only_a, agree=0)) == pytest.approx(p)


def test_seed_spread_is_the_sample_standard_deviation():
    assert stats.seed_spread([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx((5, np.sqrt(32 / 7)))
    mean, std = stats.seed_spread([0.9])
    assert mean == 0.9
    assert np.isnan(std)


def test_interval_prints_as_value_and_bounds():
    assert str(Interval(0.63, 0.5118, 0.701)) == "0.630 [0.512, 0.701]"
    assert f"{Interval(0.01, -0.02, 0.04):+.2f}" == "+0.01 [-0.02, +0.04]"


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6, unique_by=lambda x: round(x, 3)),
    st.sampled_from([0.5, 0.8, 0.95, 0.99]),
)
def test_the_interval_over_seeds_is_that_of_the_t_test(values, level):
    interval = stats.seed_interval(values, level)
    expected = ttest_1samp(values, 0).confidence_interval(level)
    assert interval.value == pytest.approx(np.mean(values))
    assert [interval.low, interval.high] == pytest.approx(list(expected))


def test_equal_seeds_have_a_point_and_one_seed_has_no_interval():
    assert stats.seed_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5)
    interval = stats.seed_interval([0.7])
    assert interval.value == 0.7
    assert np.isnan([interval.low, interval.high]).all()


def right_or_wrong(n, seed):
    """Two classifiers on the same recordings, the first a little better."""
    rng = np.random.default_rng(seed)
    return rng.random(n) < 0.85, rng.random(n) < 0.75


def test_paired_accuracy_agrees_with_all_possible_draws():
    a, b = np.array([1, 1, 0, 1, 0, 1], bool), np.array([0, 1, 1, 0, 0, 0], bool)
    gain = a.astype(int) - b
    exact = np.array([np.mean(draw) for draw in product(gain, repeat=len(gain))])
    interval = paired_accuracy(a, b, n_resamples=100_000, level=0.8)
    for bound, tail in ((interval.low, 0.1), (interval.high, 0.9)):
        assert np.mean(exact < bound - 1e-9) < tail + 0.005
        assert np.mean(exact <= bound + 1e-9) > tail - 0.005
    assert interval.value == pytest.approx(1 / 3)


def test_paired_accuracy_of_equal_answers_is_exactly_zero():
    a, _ = right_or_wrong(50, 3)
    assert paired_accuracy(a, a) == Interval(0, 0, 0)
    assert paired_accuracy([True] * 9, [False] * 9) == Interval(1, 1, 1)


def test_paired_accuracy_turns_its_sign_with_the_sides():
    a, b = right_or_wrong(200, 4)
    one, other = paired_accuracy(a, b), paired_accuracy(b, a)
    assert other.value == -one.value
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=0.011)


def test_paired_accuracy_sees_only_recordings_that_differ():
    """Whether both are right or both are wrong changes nothing."""
    a, b = right_or_wrong(80, 5)
    same = a == b
    assert paired_accuracy(a | same, b | same) == paired_accuracy(a & ~same, b & ~same)


def test_paired_accuracy_is_reproducible_by_seed():
    a, b = right_or_wrong(150, 6)
    assert paired_accuracy(a, b) == paired_accuracy(a, b)
    few, others = (paired_accuracy(a, b, seed=seed, n_resamples=50) for seed in (0, 1))
    assert few != others


def test_paired_accuracy_needs_the_same_recordings():
    with pytest.raises(ValueError, match="broadcast"):
        paired_accuracy([True, False], [True, False, True])


def test_bca_is_that_of_scipy():
    """Patients with 100 beats each: the difference of accuracies is a mean over patients."""
    gained = np.array([0, 1, 0, 2, 1, 0, 3, 1, 0, 40, 2, 30])  # two patients gain most
    records = [*DS2_RECORDS, "121", "123", "200", "210", "212", "213"]
    before = {r: right_and_wrong(50, 50) for r in records}
    after = {r: right_and_wrong(50 + g, 50 - g) for r, g in zip(records, gained, strict=True)}
    kind = {"n_resamples": 20_000, "seed": 1}
    expected = bootstrap(
        (gained / 100,), np.mean, n_resamples=20_000, method="BCa", random_state=2
    ).confidence_interval
    found = paired_difference(after, before, accuracy, bca=True, **kind)
    plain = paired_difference(after, before, accuracy, **kind)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.004)
    assert found.value == plain.value == pytest.approx(gained.mean() / 100)
    assert found.low > plain.low + 0.002  # the skew moves it up


def layers(seed, n_networks=3, n_layers=9):
    """Two numbers of each layer that go together a little; some are equal."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 6, (n_networks, n_layers))
    return x, x + rng.normal(0, 2, x.shape)


def test_rank_correlation_is_the_mean_of_scipys():
    x, y = layers(1)
    expected = np.mean([spearmanr(a, b).statistic for a, b in zip(x, y, strict=True)])
    assert rank_correlation(x, y).value == pytest.approx(expected)
    assert rank_correlation(x, -y).value == pytest.approx(-expected)
    assert rank_correlation(x, np.exp(y)) == rank_correlation(x, y)  # ranks alone count


def test_rank_correlation_draws_the_same_layers_of_all_networks():
    """Against a bootstrap in which scipy ranks each drawn set of layers anew."""
    x, y = layers(2)
    rng = np.random.default_rng(5)

    def of_draw(rows):
        pairs = zip(x[:, rows], y[:, rows], strict=True)
        return np.mean([spearmanr(a, b).statistic if len({*a}) > 1 else 0 for a, b in pairs])

    drawn = [of_draw(rng.integers(9, size=9)) for _ in range(1500)]
    found = rank_correlation(x, y, n_resamples=20_000)
    assert (found.low, found.high) == pytest.approx(
        np.quantile(drawn, [0.025, 0.975]), abs=0.06
    )


def test_rank_correlation_of_equal_numbers_is_zero():
    assert rank_correlation([[1, 1, 1]], [[1, 2, 3]]) == Interval(0, 0, 0)
