"""Printed numbers agree with the papers and with the arithmetic behind them."""

import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from ecglib.compress import ideal_ratio
from ecglib.models import hubert, resnet1d
from ecglib.models.hubert import HubertECG
from ecglib.models.resnet1d import ResNet1D
from ecglib.tables import frames, papers

ROWS = [(model, name) for model, table in papers.PAPER2_TABLE_1.items() for name in table]
FP32_SHARE = {"resnet1d": 8.7e-4, "hubert": 1.596e-3}
"""Share of the parameters that stay in fp32."""

CONSTANT = {  # recordings of a class -> collapsed rows whose accuracy is its share
    457: [("resnet1d", "2 bits"), ("resnet1d", "70 % pruned")],
    464: [("resnet1d", "1 bit"), ("hubert", "70 % pruned")],
    752: [("resnet1d", "90 % pruned")],
    445: [("hubert", "2 bits"), ("hubert", "1 bit")],
}


def printed(rows):
    """Columns of rows of paper 1, by their names."""
    return frames.of_rows({row.arm: papers.columns(row) for row in rows})


def test_rows_of_paper_1_are_as_printed_and_no_more():
    first = printed(papers.PAPER1_TABLE_1)
    names = ["accuracy", "accuracy std", "macro-F1", "macro-F1 std"]
    assert list(first) == [*names, "seconds"]
    assert first.loc["H200, FP16"].tolist() == [0.8904, 0.0211, 0.5252, 0.0398, 2920]
    assert first.loc["Jetson Nano, FP16", "seconds"] == 60048
    second = printed(papers.PAPER1_TABLE_2)
    assert list(second) == [*names, "sensitivity", "sensitivity std"]
    best = second.loc["DS1 only, head and shallow blocks in INT8"].tolist()
    assert best == [0.9194, 0.0042, 0.6303, 0.0165, 0.6542, 0.0125]
    mixed = printed([papers.PAPER1_TABLE_1[0], papers.PAPER1_TABLE_2[0]])
    missing = mixed[["sensitivity", "seconds"]].isna().to_numpy().tolist()
    assert papers.columns(None) == {}
    assert missing == [[True, False], [False, True]]


def test_the_best_row_of_paper_1_has_the_largest_macro_f1():
    scores = printed(papers.PAPER1_TABLE_2)["macro-F1"]
    assert papers.PAPER1_BEST.arm == scores.idxmax()
    assert papers.PAPER1_BEST.macro_f1 == scores.max() == 0.6303


def test_strategies_of_table_3_are_as_printed():
    rows = papers.PAPER1_TABLE_3.items()
    assert {name: (row.accuracy, row.macro_f1, row.runtime_s) for name, row in rows} == {
        "head_only": (0.8911, 0.5272, 2826.54),
        "adabn": (0.8776, 0.5410, 3254.31),
        "adapters": (0.8455, 0.5095, 2828.55),
        "last_blocks": (0.8911, 0.5272, 2831.71),
    }


def test_peers_are_the_published_rows():
    table = papers.peers()
    assert list(table.index) == [row.source for row in papers.PEERS]
    assert table.loc["Farag 2023", ["accuracy", "macro-F1"]].tolist() == [0.982, 0.9217]


def test_both_networks_have_all_rows():
    assert list(papers.PAPER2_TABLE_1["resnet1d"]) == list(papers.PAPER2_TABLE_1["hubert"])
    assert len(ROWS) == 2 * 16


def is_share_of(accuracy, n):
    return f"{round(accuracy * n) / n:.4f}" == f"{accuracy:.4f}"


def test_one_size_of_the_test_set_fits_every_accuracy():
    accuracies = [papers.PAPER2_TABLE_1[model][name].accuracy for model, name in ROWS]
    fitting = [n for n in range(1500, 2601) if all(is_share_of(a, n) for a in accuracies)]
    assert fitting == [papers.PAPER2_N_TEST] == [2118]


def test_the_standard_error_is_that_of_a_binomial_share():
    row = papers.PAPER2_TABLE_1["resnet1d"]["fp32"]
    expected = binom(papers.PAPER2_N_TEST, row.accuracy).std() / papers.PAPER2_N_TEST
    assert papers.standard_error(row) == pytest.approx(expected)


FIXED = [(model, name) for model, name in ROWS if name not in ("fp32", "LAQ", "LAP")]


@pytest.mark.parametrize(("model", "name"), FIXED)
def test_ratios_count_bits_of_weights_and_nothing_else(model, name):
    f, number = FP32_SHARE[model], int(name.split()[0])
    share_left = 1 - number / 100 if name.endswith("pruned") else number / 32
    expected = 1 / ((1 - f) * share_left + f)
    assert papers.PAPER2_TABLE_1[model][name].ratio == pytest.approx(expected, abs=0.0051)


def test_layer_wise_ratios_say_how_much_is_left():
    left = {
        (model, name): (1 / table[name].ratio - FP32_SHARE[model]) / (1 - FP32_SHARE[model])
        for model, table in papers.PAPER2_TABLE_1.items()
        for name in ("LAQ", "LAP")
    }
    bits = [32 * left[model, "LAQ"] for model in papers.PAPER2_TABLE_1]
    assert bits == pytest.approx([2.62, 3.22], abs=0.006)
    kept = [left[model, "LAP"] for model in papers.PAPER2_TABLE_1]
    assert kept == pytest.approx([0.599, 0.415], abs=0.002)
    assert all(table["fp32"].ratio == 1 for table in papers.PAPER2_TABLE_1.values())


def test_collapsed_rows_are_constant_answers():
    """Their counts are the classes of the test set, and add up to it."""
    assert sum(CONSTANT) == papers.PAPER2_N_TEST
    for n, rows in CONSTANT.items():
        for model, name in rows:
            printed = papers.PAPER2_TABLE_1[model][name].accuracy
            assert f"{n / papers.PAPER2_N_TEST:.4f}" == f"{printed:.4f}"


def test_constants_are_the_collapsed_rows():
    found = papers.constants_table()["recordings"].to_dict()
    assert found == {row: n for n, rows in CONSTANT.items() for row in rows}


def test_constants_have_the_f1_of_scikit_learn():
    true = [value for value, n in enumerate(CONSTANT) for _ in range(n)]
    table = papers.constants_table()
    for _, row in table.iterrows():
        value = list(CONSTANT).index(row["recordings"])
        f1 = f1_score(true, [value] * len(true), average="macro")
        assert row["macro-F1 of a constant answer"] == pytest.approx(f1)
    assert table.loc[("resnet1d", "2 bits"), "printed as"] == "precision"
    assert table.loc[("hubert", "2 bits"), "printed as"] == "precision, recall, f1"


def test_table_2_repeats_the_best_rows_of_table_1():
    own = papers.rhythm_peers().loc[[("Chapman", "paper 2")]]
    for (_, peer), model in zip(own.iterrows(), ("resnet1d", "hubert"), strict=True):
        row = papers.PAPER2_TABLE_1[model]["LAQ"]
        scores = peer[["accuracy", "precision", "recall", "F1"]].tolist()
        assert scores == [round(100 * value, 2) for value in row[:4]]
        assert peer["CR"] == row.ratio


def test_what_table_2_does_not_give_is_missing():
    table = papers.rhythm_peers().sort_index()
    assert len(table) == 14
    assert table.loc[("CPSC 2018", "Ge 2021"), "accuracy"].isna().all()
    assert table.loc[("CPSC 2018", "paper 2"), "CR"].tolist() == [10.44]


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("resnet1d", ResNet1D(resnet1d.SIZES["paper"])),
        ("hubert", HubertECG(hubert.SIZES["small"])),
    ],
)
def test_every_printed_ratio_is_that_of_the_formula_at_our_sizes(name, network):
    """The sizes that we take for the paper's are those that its ratios imply."""
    for method, row in papers.PAPER2_TABLE_1[name].items():
        number, _, what = method.partition(" ")
        if what in ("bits", "bit"):
            assert ideal_ratio(network, int(number)) == pytest.approx(row.ratio, abs=0.02)
        elif what == "% pruned":
            kept = 1 - int(number) / 100
            assert ideal_ratio(network, kept=kept) == pytest.approx(row.ratio, abs=0.02)
