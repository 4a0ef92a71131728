"""The printed tables of paper 2 agree with the arithmetic behind them."""

import pytest

from ecglib.tables import paper2

ROWS = [(model, name) for model, table in paper2.TABLE_1.items() for name in table]
FP32_SHARE = {"resnet1d": 8.7e-4, "hubert": 1.596e-3}
"""Share of the parameters that stay in fp32."""

CONSTANT = {  # recordings of a class -> collapsed rows whose accuracy is its share
    457: [("resnet1d", "2 bits"), ("resnet1d", "70 % pruned")],
    464: [("resnet1d", "1 bit"), ("hubert", "70 % pruned")],
    752: [("resnet1d", "90 % pruned")],
    445: [("hubert", "2 bits"), ("hubert", "1 bit")],
}


def test_both_networks_have_all_rows():
    assert list(paper2.TABLE_1["resnet1d"]) == list(paper2.TABLE_1["hubert"])
    assert len(ROWS) == 2 * 16


def is_share_of(accuracy, n):
    return f"{round(accuracy * n) / n:.4f}" == f"{accuracy:.4f}"


def test_one_size_of_the_test_set_fits_every_accuracy():
    accuracies = [paper2.TABLE_1[model][name].accuracy for model, name in ROWS]
    fitting = [n for n in range(1500, 2601) if all(is_share_of(a, n) for a in accuracies)]
    assert fitting == [paper2.N_TEST] == [2118]


FIXED = [(model, name) for model, name in ROWS if name not in ("fp32", "LAQ", "LAP")]


@pytest.mark.parametrize(("model", "name"), FIXED)
def test_ratios_count_bits_of_weights_and_nothing_else(model, name):
    f, number = FP32_SHARE[model], int(name.split()[0])
    share_left = 1 - number / 100 if name.endswith("pruned") else number / 32
    expected = 1 / ((1 - f) * share_left + f)
    assert paper2.TABLE_1[model][name].ratio == pytest.approx(expected, abs=0.0051)


def test_layer_wise_ratios_say_how_much_is_left():
    left = {
        (model, name): (1 / table[name].ratio - FP32_SHARE[model]) / (1 - FP32_SHARE[model])
        for model, table in paper2.TABLE_1.items()
        for name in ("LAQ", "LAP")
    }
    bits = [32 * left[model, "LAQ"] for model in paper2.TABLE_1]
    assert bits == pytest.approx([2.62, 3.22], abs=0.006)
    kept = [left[model, "LAP"] for model in paper2.TABLE_1]
    assert kept == pytest.approx([0.599, 0.415], abs=0.002)
    assert all(table["fp32"].ratio == 1 for table in paper2.TABLE_1.values())


def test_collapsed_rows_are_constant_answers():
    """Their counts are the classes of the test set, and add up to it."""
    assert sum(CONSTANT) == paper2.N_TEST
    for n, rows in CONSTANT.items():
        for model, name in rows:
            assert f"{n / paper2.N_TEST:.4f}" == f"{paper2.TABLE_1[model][name].accuracy:.4f}"


def test_table_2_repeats_the_best_rows_of_table_1():
    own = [p for p in paper2.TABLE_2 if (p.dataset, p.source) == ("Chapman", "paper 2")]
    for peer, model in zip(own, ("resnet1d", "hubert"), strict=True):
        row = paper2.TABLE_1[model]["LAQ"]
        percent = [round(100 * value, 2) for value in row[:4]]
        assert list(peer[5:9]) == percent
        assert peer.ratio == row.ratio
