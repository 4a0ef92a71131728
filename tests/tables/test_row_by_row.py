"""Every row of the papers stands in their order, beside what our files hold."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from ecglib import results
from ecglib.models.ecgnet import ECGNetConfig
from ecglib.system.paths import RESULTS
from ecglib.tables import papers
from ecglib.tables import row_by_row as rows
from tests.tables.made import MACRO, confusions, matrices, pairs_of, seeds_of
from tests.tables.test_compression import CONFUSION
from tests.tables.test_compression import made_result as pooled

SIZE = ECGNetConfig().channels
CHAPMAN = {"dataset": "chapman", "classes": ("SB", "AFIB", "GSVT", "SR")}
METHODS = "fp32, 8 bits, 7 bits, 6 bits, 5 bits, 4 bits, 3 bits, 2 bits, 1 bit, 10 % pruned"
METHODS += ", 30 % pruned, 50 % pruned, 70 % pruned, 90 % pruned, LAQ, LAP"
TABLES = {
    "formats": (rows.formats, 3),
    "integers": (rows.integers, 4),
    "strategies": (rows.strategies, 4 * 2 + 3),
    "published": (rows.published, 14),
}


def load_of(**studies):
    """A reader of made runs; those of a GPU by the study's name with `_h200` behind it."""
    return lambda name: studies.get(
        f"{name.removeprefix('h200/')}{'_h200' * ('/' in name)}", []
    )


nothing = load_of()
committed = partial(results.load_study, RESULTS)


def printed_of(pairs):
    """Rows of a paper, without those that are ours alone."""
    return {key: pair for key, pair in pairs.items() if pair.printed}


def test_rows_of_paper_1_stand_in_its_order():
    first = ["H200, FP16", "H200, BF16", "Jetson Nano, FP16"]
    assert list(map(", ".join, printed_of(rows.formats(nothing)))) == first
    second = [
        "SSL + personalization, head in INT8",
        "SSL + personalization, head and shallow blocks in INT8",
        "DS1 only, head in INT8",
        "DS1 only, head and shallow blocks in INT8",
    ]
    assert list(map(", ".join, printed_of(rows.integers(nothing)))) == second
    tuned = ("head fine-tuned", "everything fine-tuned")
    third = [
        f"H200, {strategy}, {how}"
        for strategy in ("head only", "AdaBN", "adapters", "last blocks")
        for how in tuned
    ]
    third += [f"Jetson Nano, {strategy}" for strategy in ("head only", "AdaBN", "adapters")]
    assert list(map(", ".join, printed_of(rows.strategies(nothing)))) == third


def test_rows_of_paper_2_stand_in_its_order():
    for model in ("resnet1d", "hubert"):
        assert list(rows.compressed(nothing, model)) == METHODS.split(", ")
    authors = "Yildirim Baygin Murat Domazetoski Venkatesh paper paper"
    authors += " Zhang Ge Liu Li Dhyani Ji paper"
    assert [name.split()[0] for _, name in rows.published(nothing)] == authors.split()


@pytest.mark.parametrize(
    ("pairs", "row", "expected"),
    [
        (rows.formats(nothing), ("H200", "BF16"), "0.8890 0.0094 0.4969 0.0098 3003"),
        (rows.formats(nothing), ("Jetson Nano", "FP16"), "0.8941 0.0086 0.5104 0.0119 60048"),
        (
            rows.integers(nothing),
            ("SSL + personalization", "head and shallow blocks in INT8"),
            "0.9003 0.0248 0.5258 0.0408 0.5368 0.0365",
        ),
        (
            rows.strategies(nothing),
            ("Jetson Nano", "AdaBN"),
            "0.8667 0.0159 0.5211 0.0151 72776.07",
        ),
        (
            rows.strategies(nothing),
            ("H200", "last blocks, everything fine-tuned"),
            "0.8911 0.0351 0.5272 0.0250 2831.71",
        ),
        (rows.compressed(nothing, "resnet1d"), "3 bits", "0.9108 0.8941 10.58"),
        (rows.compressed(nothing, "hubert"), "90 % pruned", "0.2384 0.1514 9.86"),
        (
            rows.published(nothing),
            ("CPSC 2018", "paper 2, ResNet1D"),
            "9 1 0.9578 0.9568 10.44",
        ),
    ],
)
def test_printed_numbers_are_those_of_the_papers(pairs, row, expected):
    found = rows.numbers(pairs).loc[[row], "printed"].iloc[0]
    assert found.tolist() == pytest.approx([float(x) for x in expected.split()])


@pytest.mark.parametrize(("make", "n_rows"), TABLES.values(), ids=TABLES)
def test_a_row_without_runs_says_so(make, n_rows):
    pairs = make(nothing)
    table = rows.numbers(pairs)["ours"]
    assert len(printed_of(pairs)) == n_rows
    for key in printed_of(pairs):
        words = set(table.loc[[key]].drop(columns="seeds", errors="ignore").iloc[0])
        others = "paper 2" not in key[1] and make is rows.published
        expected = "–" if others else "not run"
        assert words == {"not measured" if "Jetson" in key[0] else expected}
    gone = rows.gaps(pairs)
    own = 3 if make is rows.published else len(rows.printed_rows(pairs))
    assert sum(gone.values()) == own
    assert gone.get("not measured", 0) == sum("Jetson" in group for group, _ in pairs)


def test_of_every_row_of_the_papers_it_is_known_whether_we_ran_it():
    assert rows.own_rows(nothing) == {"rows": 3 + 4 + 7 + 16 + 16 + 3, "ours": 0}
    how = {"strategy": "adabn", "channels": SIZE}
    both = [
        r
        for tuned in ("head", "all")
        for r in seeds_of("personalization", finetune=tuned, **how)
    ]
    load = load_of(personalization_h200=both, compression=[pooled("compression", **LAQ)])
    assert rows.own_rows(load)["ours"] == 3  # AdaBN once; LAQ in both tables of paper 2


LAQ = CHAPMAN | {"model": "resnet1d", "size": "paper", "method": "laq"}


def test_ours_are_means_over_seeds_of_all_beats_at_the_papers_size():
    arm = {"scope": "head_int8", "method": "qat", "pipeline": "baseline"}
    narrow = seeds_of("int8", shift=9, channels=(16, 32, 64, 128, 128), **arm)
    load = load_of(int8=[*narrow, *seeds_of("int8", channels=SIZE, **arm)])
    row = rows.numbers(rows.integers(load)).loc[("DS1 only", "head in INT8"), "ours"]
    found = [pairs_of(*m.values()) for m in matrices((7, 21), 0, after_5min=False)]
    accuracies = [accuracy_score(*pair) for pair in found]
    f1 = [f1_score(*pair, **MACRO) for pair in found]
    assert row["accuracy"] == pytest.approx(np.mean(accuracies))
    assert row["macro-F1"] == pytest.approx(np.mean(f1))
    assert row["macro-F1 std"] == pytest.approx(np.std(f1, ddof=1))
    assert row["seeds"] == 2
    trivial = rows.numbers(rows.integers(load)).iloc[-1]["ours"]
    beats = np.sum(list(confusions(7).values()), axis=0)
    assert trivial["accuracy"] == pytest.approx(beats[0].sum() / beats.sum())


@pytest.mark.parametrize(
    ("make", "row", "files"),
    [
        (rows.formats, ("H200", "FP16"), "precision/fp16-native-*"),
        (rows.strategies, ("H200", "AdaBN, head fine-tuned"), "personalization/adabn-head-*"),
    ],
)
def test_committed_runs_are_those_of_their_files(make, row, files):
    """Read as plain JSON."""
    content = [json.loads(p.read_text()) for p in (RESULTS / "h200").glob(f"{files}.json")]
    own = rows.numbers(make(committed)).loc[row, "ours"]
    assert len(content) == own["seeds"] == 3
    for column, metric in (("accuracy", "accuracy"), ("macro-F1", "macro_f1")):
        values = [run["metrics"][metric] for run in content]
        assert own[column] == pytest.approx(np.mean(values))
        assert own[f"{column} std"] == pytest.approx(np.std(values, ddof=1))
    seconds = [sum(run["runtime_s"].values()) for run in content]
    assert own["seconds"] == pytest.approx(np.mean(seconds))


def test_rows_of_recordings_have_the_interval_of_their_accuracy():
    eight = {"method": "fixed_quant", "bits": 8}
    small = pooled(
        "compression", confusion=np.eye(4, dtype=int).tolist(), **{**LAQ, "size": "small"}
    )
    made = [pooled("compression", **LAQ), pooled("compression", **(LAQ | eight)), small]
    load = load_of(compression=made, rhythm=[pooled("rhythm", **(CHAPMAN | {"size": "paper"}))])
    table = rows.numbers(rows.compressed(load, "resnet1d"))["ours"]
    expected = binomtest(86, 110).proportion_ci(method="wilson")
    for name, ratios in {"LAQ": [8.014, 9.5], "8 bits": [8.014, 9.5], "fp32": [1, 1]}.items():
        row = table.loc[name]
        assert row[["accuracy", "accuracy low", "accuracy high"]].tolist() == pytest.approx(
            [86 / 110, expected.low, expected.high]
        )
        assert row[["CR", "file"]].tolist() == ratios
    assert set(table.loc["4 bits"].dropna()) == {"not run"}
    assert np.trace(CONFUSION) == 86
    found = rows.kept(load, "resnet1d")
    assert (found["rows"], found["same"], found["shown"]) == (2, 2, 2)
    assert (found["cr"], found["printed"]) == (8.014, 12.10)
    assert rows.inside(load) == {"rows": 1, "inside": 0}  # 86 of 110 are far below 0.9551
    with pytest.raises(LookupError):
        rows.kept(nothing, "hubert")


def test_means_are_counted_by_printed_standard_deviations():
    def near(accuracy, f1):
        deviations = {"accuracy_std": 0.01, "macro_f1_std": 0.02}
        return papers.Row("paper 1", "a row", accuracy=accuracy, macro_f1=f1, **deviations)

    runs = seeds_of("baseline")
    found = [pairs_of(*m.values()) for m in matrices((7, 21), 0, after_5min=False)]
    accuracy = np.mean([accuracy_score(*pair) for pair in found])
    f1 = np.mean([f1_score(*pair, **MACRO) for pair in found])
    pairs = {
        "at": rows.Pair(near(accuracy + 0.009, f1 - 0.019), runs),
        "above": rows.Pair(near(accuracy - 0.011, f1 - 0.021), runs),
        "below": rows.Pair(near(accuracy + 0.011, f1), runs),
        "not run": rows.Pair(near(accuracy, f1), []),
        "ours alone": rows.Pair(None, runs),
    }
    found = rows.against_printed(pairs)
    assert [found[f"accuracy{where}"] for where in ("", "_above", "_below")] == [1, 1, 1]
    assert [found[f"f1{where}"] for where in ("", "_above", "_below")] == [2, 1, 0]
    assert found["rows"] == 3
    assert rows.against_printed(pairs, pairs)["rows"] == 6
    with pytest.raises(LookupError):
        rows.against_printed({"not run": pairs["not run"]})


def test_what_is_said_of_adabn_fits_the_committed_runs():
    found = rows.adabn(committed)
    first = above = 0
    for folder, tuned in (("h200", "all"), ("h200", "head"), ("", "head")):
        means = {}
        for path in (RESULTS / folder / "personalization").glob(
            f"*-{tuned}-300-batch-ds1_ds2-*"
        ):
            run = json.loads(path.read_text())
            kept = run["config"]["train_share"] == 1 and run["config"]["finetune"] == tuned
            if kept:
                key = run["config"]["strategy"]
                means.setdefault(key, []).append(run["metrics"]["macro_f1"])
        means = pd.DataFrame({name: pd.Series(values) for name, values in means.items()}).mean()
        first += means.drop("none").idxmax() == "adabn"
        above += means["adabn"] > means["none"]
    assert (found["first"], found["above"], found["settings"]) == (first, above, 3)
    assert found["head"].low < found["head"].value < found["head"].high


def test_only_what_was_trained_further_is_compared_with_the_longer_training():
    labels = {"labels": results.encode_recordings(["a", "b"], np.array([0, 1]))}
    answers = {"0": results.encode_recordings(["a", "b"], np.array([0, 0]))}
    kind = {**CHAPMAN, "size": "paper"}
    compressed = [
        replace(pooled("compression", **kind, **method), predictions=answers)
        for method in (
            {"method": "laq"},
            {"method": "mse", "bits": 4},
            {"method": "joint", "bits": 3, "share": 0.8},
            {"method": "longer"},
        )
    ]
    load = load_of(rhythm=[pooled("rhythm", metrics=labels, **kind)], compression=compressed)
    table = rows.beyond(load)["ResNet1D"]
    assert "LAQ" not in table.index
    known = table["Δ control, points"].notna()
    assert known[known].index.tolist() == ["80 % pruned, 3 bits, trained"]
    assert set(table["CR"]) == {8.014}
    with pytest.raises(LookupError):
        rows.beyond(nothing)


def test_both_readings_of_equation_3_are_compared_layer_by_layer():
    kind = {**CHAPMAN, "size": "paper", "fold": 0}
    made = [
        pooled("compression", **kind, method=method, metrics={"decisions": {"bits": bits}})
        for method, bits in (("laq", {"a": 3, "b": 8}), ("laq_printed", {"a": 3, "b": 4}))
    ]
    found = rows.equation_3(load_of(compression=made), "resnet1d")
    assert (found["same"], found["layers"], found["cr"]) == (1, 2, 8.014)
    with pytest.raises(LookupError):
        rows.equation_3(load_of(compression=made[:1]), "resnet1d")
