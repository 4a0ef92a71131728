"""Tables of number formats from hand-made results, cell by cell."""

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import f1_score, recall_score

from ecglib.metrics import macro_f1
from ecglib.stats import paired_difference
from ecglib.tables import arms
from ecglib.tables import precision as formats
from ecglib.tables.published import TABLE_1, TABLE_2
from tests.tables.test_scores import MACRO, confusions, pairs_of
from tests.test_results import made_result

SEEDS = (7, 21, 42)


def results_of(study="precision", *, seeds=SEEDS, shift=0, **settings):
    """Results whose confusion matrices follow from their seeds, later beats apart."""
    return [
        made_result(
            *(study, confusions(seed + shift)),
            after_5min=confusions(seed + shift + 1000),
            seed=seed,
            **settings,
        )
        for seed in seeds
    ]


def arm_of(**settings):
    return arms.pick(results_of(**settings))


def macro_scores(score, shift, seeds=SEEDS):
    return [score(*pairs_of(*confusions(seed + shift).values()), **MACRO) for seed in seeds]


def test_formats_come_in_order_with_fp32_first():
    made = [
        *results_of(precision="bf16", precision_impl="emulated"),
        *results_of(precision="fp16"),
        *results_of(precision="fp32"),
        *results_of(precision="fp16", precision_impl="emulated"),
        *results_of(precision="bf16", split="ds2_ds1"),
    ]
    found = formats.by_format(made)
    names = ["fp32", "fp16, native", "fp16, emulated", "bf16, emulated"]
    assert list(found) == names
    assert [arm.results for arm in found.values()] == [
        made[6:9],
        made[3:6],
        made[9:12],
        made[:3],
    ]
    (swapped,) = formats.by_format(made, split="ds2_ds1").values()
    assert swapped.results == made[12:]


def test_a_score_table_has_the_macro_sensitivity_of_scikit_learn():
    table = formats.score_table({"fp32": arm_of(), "bf16": arm_of(shift=5)})
    assert list(table.index) == ["always N", "fp32", "bf16"]
    assert list(table.columns)[:3] == ["accuracy", "macro-F1", "sensitivity"]
    for name, shift in (("fp32", 0), ("bf16", 5)):
        values = macro_scores(recall_score, shift)
        expected = f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
        assert table.loc[name, "sensitivity"] == expected
    y_true, _ = pairs_of(*confusions(7).values())
    trivial = recall_score(y_true, np.zeros_like(y_true), **MACRO)
    assert table.loc["always N", "sensitivity"] == f"{trivial:.3f}" == "0.333"


def test_printed_rows_say_what_the_paper_gives_and_no_more():
    first, second = formats.printed_rows(TABLE_1), formats.printed_rows(TABLE_2)
    assert first.loc["H200, FP16"].to_dict() == {
        **{"accuracy": "0.890 ± 0.021", "macro-F1": "0.525 ± 0.040", "seconds": "2,920"},
    }
    assert first.loc["Jetson Nano, FP16", "seconds"] == "60,048"
    assert second.loc["DS1 only, shallow_int8"].to_dict() == {
        "accuracy": "0.919 ± 0.004",
        "macro-F1": "0.630 ± 0.017",
        "sensitivity": "0.654 ± 0.013",
    }
    mixed = formats.printed_rows([TABLE_1[0], TABLE_2[0]])
    assert mixed.loc["H200, FP16", "sensitivity"] == ""
    assert mixed.loc["SSL + personalization, head_int8", "seconds"] == ""


def with_metrics(results, **columns):
    """The results, each with its own value of every metric."""
    for i, result in enumerate(results):
        result.metrics.update({name: values[i] for name, values in columns.items()})
    return results


def test_a_training_table_adds_up_steps_and_stages():
    fp16 = with_metrics(
        results_of(precision="fp16"),
        steps=(1000, 2000, 1000),
        skipped=(3, 0, 2),
        peak_memory_bytes=(400e6, 500e6, 303e6),
    )
    fp32 = with_metrics(results_of(), steps=(10, 10, 10), skipped=(0, 0, 0))
    for result, seconds in zip(fp16, (10, 20, 30), strict=True):
        result.runtime_s.clear()
        result.runtime_s.update(pretrain=seconds, adapt=100.0, predict=0.0)
    table = formats.training_table({"fp16": arms.pick(fp16), "fp32": arms.pick(fp32)})
    assert table.loc["fp16"].to_dict() == {
        **{"seconds": "120 ± 10", "steps": "4,000", "left out": "5 (0.125%)"},
        **{"peak memory": "401 MB"},
    }
    assert table.loc["fp32", "left out"] == "0 (0.000%)"
    assert table.loc["fp32", "peak memory"] == "no GPU"


@pytest.mark.parametrize(("after_5min", "offset"), [(False, 0), (True, 1000)])
def test_pairs_are_first_minus_second_seed_by_seed(after_5min, offset):
    shifts = {"fp32": 0, "fp16": 5, "bf16": 11}
    named = {name: arm_of(shift=shift) for name, shift in shifts.items()}
    table = formats.pairs_table(named, after_5min=after_5min)
    assert list(table.index) == ["fp32 − fp16", "fp32 − bf16", "fp16 − bf16"]
    for row in table.index:
        a, b = (shifts[name] + offset for name in row.split(" − "))
        by_seed = np.subtract(macro_scores(f1_score, a), macro_scores(f1_score, b))
        assert table.loc[row, "by seed"] == " ".join(f"{d:+.3f}" for d in by_seed)
        low, high = t.interval(0.95, 2, by_seed.mean(), by_seed.std(ddof=1) / np.sqrt(3))
        over_seeds = f"{by_seed.mean():+.3f} [{low:+.3f}, {high:+.3f}]"
        assert table.loc[row, "over seeds"] == over_seeds
        sides = [[confusions(seed + shift) for seed in SEEDS] for shift in (a, b)]
        over_patients = paired_difference(*sides, macro_f1)
        assert over_patients.value == pytest.approx(by_seed.mean())
        assert table.loc[row, "over patients"] == f"{over_patients:+.3f}"


def test_a_single_seed_has_no_interval_over_seeds():
    named = {"fp32": arm_of(seeds=(7,)), "fp16": arm_of(seeds=(7,), shift=5)}
    row = formats.pairs_table(named).loc["fp32 − fp16"]
    assert row["over seeds"] == "–"
    assert row["by seed"] == row["over patients"].split()[0]


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
    table = formats.layer_error_table([bf16[0], *fp16])
    assert table["fp16"].to_dict("index") == {
        "conv1": {"activation": "0.20%", "gradient": "75.00%", "gradient, scaled": "1.50%"},
        "out": {"activation": "0.20%", "gradient": "50.00%", "gradient, scaled": "2.00%"},
    }
    assert table["bf16"].to_dict("index") == {  # its gradients are never scaled
        "conv1": {"activation": "1.00%", "gradient": "4.00%"},
        "out": {"activation": "2.00%", "gradient": "8.00%"},
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
    table = formats.decision_table(made)
    assert list(table.index) == [("fp16", 7), ("bf16", 7)]
    assert list(table.index.names) == ["format", "seed"]
    assert table.loc[("bf16", 7)].to_dict() == {
        "beats": "6",
        "other class": "3 (50.000%)",
        "median error": "0.0500",
        "median margin": "0.25",
        **{"kept, MB": "5.3", "fp32, MB": "10.0"},
    }
    assert table.loc[("fp16", 7), "other class"] == "0 (0.000%)"
