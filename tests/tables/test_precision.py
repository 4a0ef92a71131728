"""Tables of number formats from hand-made results, cell by cell."""

import numpy as np
import pytest
import torch
from scipy.stats import t
from sklearn.metrics import f1_score, recall_score

from ecglib.metrics import macro_f1
from ecglib.stats import paired_difference
from ecglib.tables import arms, precision
from ecglib.tables.papers import Row
from ecglib.training.numerics import exponent_counts
from tests.tables.made import MACRO, matrices, pairs_of, seeds_of, with_metrics

SEEDS = (7, 21, 42)


def results_of(study="precision", *, seeds=SEEDS, **settings):
    return seeds_of(study, seeds=seeds, **settings)


def arm_of(**settings):
    return arms.pick(results_of(**settings))


def macro_scores(score, shift, *, after_5min=False):
    found = matrices(SEEDS, shift, after_5min)
    return [score(*pairs_of(*m.values()), **MACRO) for m in found]


def test_formats_come_in_order_with_fp32_first():
    made = [
        *results_of(precision="bf16", precision_impl="emulated"),
        *results_of(precision="fp16"),
        *results_of(precision="fp32"),
        *results_of(precision="fp16", precision_impl="emulated"),
        *results_of(precision="bf16", split="ds2_ds1"),
    ]
    found = precision.by_format(made)
    names = ["fp32", "fp16, native", "fp16, emulated", "bf16, emulated"]
    assert list(found) == names
    results = [arm.results for arm in found.values()]
    assert results == [made[6:9], made[3:6], made[9:12], made[:3]]


def test_formats_of_one_kind_end_with_fp32():
    made = [
        *results_of(precision="bf16", precision_impl="emulated"),
        *results_of(precision="fp32"),
        *results_of(precision="fp16", precision_impl="emulated"),
        *results_of(precision="bf16", split="ds2_ds1"),
        *results_of(precision="fp16"),
    ]
    found = precision.of_impl(made, "emulated")
    assert list(found) == ["FP16", "BF16", "fp32"]
    assert [arm.results for arm in found.values()] == [made[6:9], made[:3], made[3:6]]
    found = precision.of_impl(made, "native")
    assert {name: arm.results for name, arm in found.items()} == {
        "FP16": made[12:],
        "fp32": made[3:6],
    }
    assert precision.of_impl([], "native") == {}


def test_a_score_table_has_the_macro_sensitivity_of_scikit_learn():
    table = precision.score_table({"fp32": arm_of(), "bf16": arm_of(shift=5)})
    assert list(table.index) == ["always N", "fp32", "bf16"]
    for name, shift in (("fp32", 0), ("bf16", 5)):
        for column, values in (
            ("sensitivity", macro_scores(recall_score, shift)),
            ("macro-F1", macro_scores(f1_score, shift)),
            ("macro-F1 after 5:00", macro_scores(f1_score, shift, after_5min=True)),
        ):
            found = table.loc[name, [column, f"{column} std"]].tolist()
            assert found == pytest.approx([np.mean(values), np.std(values, ddof=1)])
    assert table.loc["always N", "sensitivity"] == pytest.approx(1 / 3)
    y_true, _ = pairs_of(*matrices((7,), 0, True)[0].values())
    trivial = f1_score(y_true, np.zeros_like(y_true), **MACRO)
    assert table.loc["always N", "macro-F1 after 5:00"] == pytest.approx(trivial)


def test_a_training_table_adds_up_steps_and_stages():
    counts = {"steps": (1000, 2000, 1000), "skipped": (3, 0, 2)}
    fp16 = with_metrics(results_of(precision="fp16"), **counts)
    fp16 = with_metrics(fp16, peak_memory_bytes=(400e6, 500e6, 303e6))
    fp32 = with_metrics(results_of(), steps=(10, 10, 10), skipped=(0, 0, 0))
    for result, seconds in zip(fp16, (10, 20, 30), strict=True):
        result.runtime_s.clear()
        result.runtime_s.update(pretrain=seconds, adapt=100.0, predict=0.0)
    table = precision.training_table({"fp16": arms.pick(fp16), "fp32": arms.pick(fp32)})
    expected = {"seconds": 120, "seconds std": 10, "steps": 4000, "left out": 5}
    expected |= {"share left out": 0.00125, "peak memory, MB": 401}
    assert table.loc["fp16"].to_dict() == expected
    assert table.loc["fp32", "left out"] == 0
    assert np.isnan(table.loc["fp32", "peak memory, MB"])


@pytest.mark.parametrize("after_5min", [False, True])
def test_pairs_are_first_minus_second_seed_by_seed(after_5min):
    shifts = {"fp32": 0, "fp16": 5, "bf16": 11}
    named = {name: arm_of(shift=shift) for name, shift in shifts.items()}
    table = precision.pairs_table(named, after_5min=after_5min)
    assert list(table.index) == ["fp32 − fp16", "fp32 − bf16", "fp16 − bf16"]
    for name, row in table.iterrows():
        a, b = (shifts[side] for side in name.split(" − "))
        scores = [macro_scores(f1_score, side, after_5min=after_5min) for side in (a, b)]
        by_seed = np.subtract(*scores)
        found = row[["by seed #1", "by seed #2", "by seed #3"]].tolist()
        assert found == pytest.approx(by_seed)
        bounds = t.interval(0.95, 2, by_seed.mean(), by_seed.std(ddof=1) / np.sqrt(3))
        found = row[["over seeds", "over seeds low", "over seeds high"]].tolist()
        assert found == pytest.approx([by_seed.mean(), *bounds])
        sides = [matrices(SEEDS, shift, after_5min) for shift in (a, b)]
        interval = paired_difference(*sides, macro_f1)
        assert row["over patients"] == interval.value == pytest.approx(by_seed.mean())
        found = row["over patients low"], row["over patients high"]
        assert found == (interval.low, interval.high)


def test_a_single_seed_has_no_interval_over_seeds():
    named = {"fp32": arm_of(seeds=(7,)), "fp16": arm_of(seeds=(7,), shift=5)}
    table = precision.pairs_table(named)
    row = table.loc["fp32 − fp16"]
    assert not any(column.startswith("over seeds") for column in table)
    assert row["by seed #1"] == pytest.approx(row["over patients"])


def layers(*errors):
    keys = ("name", "activation", "gradient", "scaled_gradient")
    return [dict(zip(keys, row, strict=True)) for row in errors]


def test_layer_errors_are_means_over_seeds():
    fp16 = with_metrics(
        results_of("numerics", seeds=(7, 21), precision="fp16"),
        layers=(
            layers(("conv1", 0.001, 0.5, 0.01), ("out", 0.002, 0.25, 0.02)),
            layers(("conv1", 0.003, 1.0, 0.02), ("out", 0.002, 0.75, 0.02)),
        ),
    )
    bf16 = with_metrics(
        results_of("numerics", seeds=(7,), precision="bf16"),
        layers=[layers(("conv1", 0.01, 0.04, 0.9), ("out", 0.02, 0.08, 0.9))],
    )
    table = precision.layer_error_table([bf16[0], *fp16])
    assert table["fp16"].columns.tolist() == ["activation", "gradient", "gradient, scaled"]
    assert table["fp16"].loc["conv1"].tolist() == pytest.approx([0.002, 0.75, 0.015])
    assert table["fp16"].loc["out"].tolist() == pytest.approx([0.002, 0.5, 0.02])
    assert table["bf16"].to_dict("index") == {  # its gradients are never scaled
        "conv1": {"activation": 0.01, "gradient": 0.04},
        "out": {"activation": 0.02, "gradient": 0.08},
    }


def test_a_decision_table_counts_all_beats():
    """Hand-made results have two predictions a record, and three records."""
    percentiles = np.linspace(0, 1, 101)
    made = [
        with_metrics(
            results_of("numerics", seeds=(7,), precision=precision),
            flips=[flips],
            error=[(percentiles / 10).tolist()],
            margin=[(percentiles**2).tolist()],
            saved_bytes=[{"fp32": 10_000_000, precision: 5_340_000}],
        )[0]
        for precision, flips in (("bf16", 3), ("fp16", 0))
    ]
    table = precision.decision_table(made)
    assert list(table.index) == [("fp16", 7), ("bf16", 7)]
    assert list(table.index.names) == ["format", "seed"]
    expected = {"beats": 6, "other class": 3, "share of beats": 0.5, "kept, MB": 5.34}
    expected |= {"median error": pytest.approx(0.05), "median margin": pytest.approx(0.25)}
    assert table.loc[("bf16", 7)].to_dict() == expected | {"fp32, MB": 10}
    assert table.loc[("fp16", 7), "other class"] == 0


def test_a_printed_gap_is_in_standard_errors():
    rows = [Row("made", "a", 0.9, 0.6, 0.01, 0.03), Row("made", "b", 0.9, 0.5, 0.01, 0.04)]
    gap, error = precision.printed_gap(*rows, n_seeds=4)
    assert (gap, error) == pytest.approx((0.1, 0.025))  # 3-4-5, over the root of 4


@pytest.mark.parametrize("value", [2.0**-26, 2.0**-24, 65504, 1e5])
def test_what_is_out_of_range_is_what_numpy_loses(value):
    with np.errstate(over="ignore"):
        lost = np.float32(value).astype(np.float16) in (0, np.inf)
    counts = exponent_counts([torch.tensor([value, 1.0, 1.0, 1.0, 0.0])])
    assert precision.out_of_range(counts) == lost / 4
