"""Tables of 8-bit integers from hand-made results, cell by cell."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from ecglib.tables import arms, int8, latency
from tests.tables.made import MACRO, confusions, pairs_of, result, with_metrics

CONFUSION = {"100": [[5, 1, 0], [0, 2, 0], [1, 0, 3]]}


def test_a_coverage_table_has_every_layer_in_order():
    keys = ("name", "n_weights", "n_out", "weight_bits", "activation_bits", "levels")
    rows = [
        dict(zip((*keys, "sqnr_db", "n_bytes"), row, strict=True))
        for row in (
            ("conv1.conv", 48, 16, 8, 8, 3, 41.26, 181),
            ("out", 12345, 3, 32, 32, 256, None, 49392),
        )
    ]
    (found,) = with_metrics([result("int8", CONFUSION)], layers=[rows])
    table = int8.coverage_table(found)
    names = ["weights", "bits", "input bits", "levels", "SQNR, dB", "bytes"]
    assert list(table.columns) == names
    assert table.loc["conv1.conv"].tolist() == [48, 8, 8, 3, 41.26, 181]
    assert table.loc["out"].drop("SQNR, dB").tolist() == [12345, 32, 32, 256, 49392]
    assert np.isnan(table.loc["out", "SQNR, dB"])


def timed(runtime, p50, session="morning", **settings):
    """A result of study latency whose percentiles follow from its median."""
    found = result("latency", CONFUSION, runtime=runtime, **settings)
    times = {f"p{p}_ms": p50 * factor for p, factor in ((50, 1), (95, 2), (99, 3))}
    found.metrics.update(times, session=session)
    if runtime != "torch_fp32":
        found.metrics.update(file_bytes=1_234_567, agreement=0.99987)
    return found


INT8 = "ONNX Runtime, INT8"
NARROW = {"channels": (4, 4, 4, 4, 4)}
WIDE = {"channels": (8, 8, 8, 8, 16)}


def test_a_latency_table_by_hand():
    medians = {"ort_int8": 0.5, "torch_fp32": 4.0, "ort_fp32": 1.0}
    table = latency.latency_table([timed(*runtime) for runtime in medians.items()])
    assert list(table.index.names) == ["filters", "batch", "threads", "runtime"]
    first, second, third = (table.iloc[i].to_dict() for i in range(3))
    times = {"p50, ms": 0.5, "p95, ms": 1.0, "p99, ms": 1.5}
    assert third == times | {"speed": 2.0, "file, bytes": 1_234_567, "same class": 0.99987}
    assert (first["speed"], second["speed"]) == (0.25, 1)
    assert np.isnan([first["file, bytes"], first["same class"]]).all()


@pytest.mark.parametrize("elsewhere", [{"batch": 64}, {"threads": 2}, WIDE, {"seed": 21}])
def test_speed_is_against_fp32_of_the_same_network_and_call(elsewhere):
    rounded, other = timed("ort_int8", 0.5), timed("ort_fp32", 1.0, **elsewhere)
    speed = latency.latency_table([rounded, other])["speed"].xs(INT8, level="runtime")
    assert speed.isna().all()
    own = timed("ort_fp32", 2.0)
    speed = latency.latency_table([rounded, other, own])["speed"].xs(INT8, level="runtime")
    assert speed.tolist() == [4]


def test_speed_is_given_within_one_session_only():
    made = [timed("ort_int8", 0.5), timed("ort_fp32", 1.0, session="evening")]
    first, second = latency.latency_table(made)["speed"]
    assert (first, np.isnan(second)) == (1, True)
    assert latency.latency_table(made[:1])["speed"].isna().all()


def test_rows_of_a_latency_table_are_in_order():
    """Narrow before wide, one beat before many, one thread before two, PyTorch first."""
    runtimes = ("torch_fp32", "ort_fp32", "ort_int8")
    made = [
        timed(runtime, 1.0, batch=batch, threads=threads, **channels)
        for channels, batch, threads, runtime in product(
            (NARROW, WIDE), (1, 64), (1, 2), runtimes
        )
    ]
    table = latency.latency_table(made[::-1])
    names = list(latency.RUNTIMES.values())
    rows = product(("4…4", "8…16"), ("1 beat", "64 beats"), (1, 2), names)
    assert list(table.index) == list(rows)
    assert names == ["PyTorch, fp32", "ONNX Runtime, fp32", "ONNX Runtime, INT8"]


def int8_results(pipeline, *keys, seeds=(7, 21), **settings):
    """Results of the arms (scope, method) in the given order, each with numbers of its own."""
    how = {"pipeline": pipeline, **settings}
    return [
        result("int8", confusions(100 * i + seed), scope=scope, method=method, seed=seed, **how)
        for i, (scope, method) in enumerate(keys)
        for seed in seeds
    ]


KEYS = [("all_int8", "qat"), ("none", "qat"), ("head_int8", "ptq"), ("none", "ptq")]


def test_scopes_are_in_order_under_the_names_of_the_paper():
    made = [
        *int8_results("ssl", *KEYS[2:]),
        *int8_results("baseline", *KEYS),
        *int8_results("baseline", ("all_int8", "qat"), step="learned"),
        *int8_results("baseline", ("shallow_int8", "qat"), split="ds2_ds1"),
        *int8_results("baseline", ("none", "ptq"), channels=[4, 4, 4, 4, 8]),
    ]
    found = int8.by_scope(made)
    small, alone, ssl = "DS1 only, 4…8", "DS1 only, 64…512", list(found)[2]
    assert list(found) == [small, alone, "SSL + personalization, 64…512"]
    learned = ("all_int8", "qat, learned step")
    assert list(found[alone]) == [KEYS[3], KEYS[1], KEYS[2], KEYS[0], learned]
    assert list(found[ssl]) == [KEYS[3], KEYS[2]]
    assert found[alone]["all_int8", "qat"].results == made[4:6]
    assert found[alone][learned].results == made[12:14]
    assert list(found[small]) == [("none", "ptq")]


def test_rounding_is_charged_against_fp32_of_the_same_method():
    made = int8_results("baseline", *KEYS)
    named = {key: arms.pick(made, scope=key[0], method=key[1]) for key in KEYS}
    named["all_int8", "qat, learned step"] = named["head_int8", "ptq"]
    table = int8.cost_of_rounding(named)
    as_long, f1 = "fp32, trained as long", partial(f1_score, **MACRO)
    rows = {
        "head in INT8, PTQ": (2, 3, "fp32"),
        "all layers in INT8, QAT": (0, 1, as_long),
        "all layers in INT8, QAT, learned step": (2, 1, as_long),
    }
    assert table["minus"].to_dict() == {name: minus for name, (*_, minus) in rows.items()}
    for row, (i, control, _) in rows.items():
        for label, score in (("Δ accuracy", accuracy_score), ("Δ macro-F1", f1)):
            sides = [
                np.mean([score(*pairs_of(*confusions(100 * k + s).values())) for s in (7, 21)])
                for k in (i, control)
            ]
            assert table.loc[row, label] == pytest.approx(sides[0] - sides[1])


def test_costs_are_those_of_the_table():
    made = int8_results("baseline", *KEYS)
    named = {key: arms.pick(made, scope=key[0], method=key[1]) for key in KEYS}
    table, found = int8.cost_of_rounding(named), int8.costs(named)
    assert list(found) == [("all_int8", "qat"), ("head_int8", "ptq")]
    interval = found["head_int8", "ptq"]
    row = table.loc["head in INT8, PTQ"]
    assert interval.value == row["Δ macro-F1"]
    assert (interval.low, interval.high) == (row["Δ macro-F1 low"], row["Δ macro-F1 high"])
    with pytest.raises(LookupError):
        int8.cost_of_rounding({})


def test_folds_are_pooled_by_further_training():
    trained = {"qat_epochs": 1, "qat_learning_rate": 1e-5}
    made = [
        *int8_results("baseline", *KEYS[:2], seeds=(7,), split="ds1_fold0", **trained),
        *int8_results("baseline", *KEYS[:2], seeds=(8,), split="ds1_fold1", **trained),
        *int8_results("baseline", ("none", "ptq"), seeds=(9,), split="ds1_fold0"),
        *int8_results("baseline", *KEYS[:2], seeds=(10,)),
    ]
    table = int8.fold_table(made)
    assert list(table.index) == ["none", "1 epoch(s) more at 1e-05"]
    cells = (
        ("1 epoch(s) more at 1e-05", "all layers in INT8", 0, (7, 8)),
        ("1 epoch(s) more at 1e-05", "fp32", 1, (7, 8)),
        ("none", "fp32", 0, (9,)),
    )
    for row, name, i, seeds in cells:
        pooled = [m for s in seeds for m in confusions(100 * i + s).values()]
        expected = f1_score(*pairs_of(*pooled), **MACRO)
        assert table.loc[row, f"{name}: macro-F1"] == pytest.approx(expected)


def test_one_network_a_scope_and_one_file_a_size_are_found():
    made = int8_results("baseline", *KEYS, ("shallow_int8", "qat"), ("all_int8", "ptq"))
    (named,) = int8.by_scope(made).values()
    found = int8.coverages(named, seed=21)
    places = {scope: made.index(one) for scope, one in found.items()}
    assert places == {"head_int8": 5, "all_int8": 11}
    assert list(found) == ["head_int8", "all_int8"]
    files = [
        timed("ort_fp32", 1.0, **NARROW),
        timed("ort_int8", 1.0, batch=64, **NARROW),
        timed("ort_int8", 1.0, **WIDE),
        timed("ort_int8", 2.0, **NARROW),
    ]
    assert latency.int8_file(files, [4, 4, 4, 4, 4]) is files[3]
    assert latency.int8_file(files, (8, 8, 8, 8, 16)) is files[2]


def test_files_have_their_own_scores():
    made = [timed("ort_int8", 0.5), timed("torch_fp32", 4.0), timed("ort_fp32", 1.0)]
    made.append(timed("ort_int8", 0.1, threads=2))
    table = latency.file_table(made, {"64…512": "large"})
    assert list(table.index) == [("large", "fp32"), ("large", "INT8")]
    true, predicted = pairs_of(*CONFUSION.values())
    row = table.loc[("large", "INT8")]
    assert row["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert row["macro-F1"] == pytest.approx(f1_score(true, predicted, **MACRO))
    assert row[["one beat, ms", "speed", "file, MB"]].tolist() == [0.5, 2.0, 1.234567]
    with pytest.raises(LookupError):
        latency.file_table(made[1:2], {})


def test_sizes_are_files_beside_arithmetic():
    files = [timed("ort_fp32", 1.0, **NARROW), timed("ort_int8", 1.0, **NARROW)]
    files.append(timed("ort_int8", 1.0, **WIDE))  # has no fp32 file beside it
    with_metrics(files, file_bytes=[4000, 1600, 9])
    settings = {"scope": "all_int8", "method": "ptq"}
    rounded = [result("int8", confusions(7), **settings, **size) for size in (NARROW, WIDE)]
    table = latency.size_table(files, with_metrics(rounded, weight_bytes=[1000, 1000]))
    assert table.index.tolist() == ["4…4"]
    assert table.loc["4…4"].tolist() == [4000, 1600, 2.5, 1000, 600]
