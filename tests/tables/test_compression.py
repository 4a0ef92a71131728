"""Tables of the study of paper 2 against scikit-learn and numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from ecglib.compress.methods import METHODS
from ecglib.metrics import scores
from ecglib.results import RunResult
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.registry import make_config
from ecglib.studies.transfer import CLASSES as RHYTHMS
from ecglib.tables import compression, paper2

CLASSES = ("N", "A", "O", "~")
CONFUSION = [[40, 5, 5, 0], [2, 18, 0, 0], [6, 4, 20, 0], [1, 0, 1, 8]]
DATA = {"name": "cinc2017", "sha256": "ab" * 32, "profile": "cpu"}
SIZES = {"ideal_ratio": 8.014, "overhead_ratio": 7.926, "file_ratio": 9.5, "file_bytes": 251600}
DIFFERENCE = {"difference": -0.0051, "difference_low": -0.0092, "difference_high": 0.0013}
NO_LOSS = {**DIFFERENCE, "no_loss": True}


def made_result(study, *, confusion=CONFUSION, classes=CLASSES, metrics=None, **settings):
    """A pooled result as a run would leave it."""
    own = scores(confusion, classes) | {"confusion": confusion}
    if study == "compression":
        own |= SIZES | NO_LOSS
    config = make_config(study, **{"fold": "all", **settings}).to_dict()
    return RunResult(study, config, DATA, own | (metrics or {}), {"train": 1.0}, {})


ARMS = [
    {"method": "joint", "bits": 3, "share": 0.9},
    {"method": "lap"},
    {"method": "fixed_quant", "bits": 1},
    {"method": "laq", "alpha": 1.0, "beta": 0.0, "gamma": 0.0},
    {"method": "laq"},
    {"method": "fixed_prune", "share": 0.9},
    {"method": "fixed_prune", "share": 0.1},
    {"method": "mse", "bits": 4},
    {"method": "laq_printed"},
    {"method": "fixed_quant", "bits": 8},
    {"method": "joint", "bits": 3, "share": 0.8},
]
ORDER = [
    *("8 bits", "1 bit", "10 % pruned", "90 % pruned", "LAQ", "LAP"),
    "LAQ, equation (3) as printed",
    "4 bits, clipped, by channel",
    *("80 % pruned, 3 bits, trained", "90 % pruned, 3 bits, trained"),
]


@pytest.fixture(scope="module")
def found():
    return [made_result("compression", **arm) for arm in ARMS]


def test_the_rows_of_the_paper_come_first_in_its_order(found):
    named = compression.by_method(found)
    assert [name for name in named if name in ORDER[:7]] == ORDER[:7]
    assert list(named)[:7] == ORDER[:7]
    assert set(named) == set(ORDER)
    ours = [name for name in named if name in ORDER[8:]]
    assert ours == ORDER[8:]  # the least pruned first


def test_a_row_holds_the_result_of_its_method(found):
    for name, result in compression.by_method(found).items():
        assert compression.method_name(result.config) == name
    assert compression.by_method(found)["LAQ"].config["alpha"] == 0.1  # the paper's weights
    assert compression.by_method(list(reversed(found)))["LAQ"].config["alpha"] == 0.1


def test_only_wanted_results_are_named(found):
    others = [
        made_result("compression", bits=5, fold=0),
        made_result("compression", bits=6, dataset="chapman"),
    ]
    assert list(compression.by_method([*found, *others])) == [
        *compression.by_method([*found, others[1]])
    ]
    assert list(compression.by_method([*found, *others], fold=0)) == ["5 bits"]
    assert list(compression.by_method([*found, *others], dataset="chapman")) == ["6 bits"]


def test_every_method_has_a_name_and_the_names_of_the_paper_are_its_own():
    settings = {"bits": 4, "share": 0.3}
    names = {
        method: compression.method_name(CompressionConfig(method=method, **settings).to_dict())
        for method in METHODS
    }
    assert len(set(names.values())) == len(METHODS)
    for model in paper2.TABLE_1.values():
        shared = {names[m] for m in compression.PAPER_METHODS if m != "laq_printed"}
        assert shared == {"4 bits", "30 % pruned", "LAQ", "LAP"} <= set(model)


def test_the_commonest_class_as_scikit_learn_scores_it():
    result = made_result("rhythm")
    true = np.repeat(range(4), np.sum(CONFUSION, axis=1))
    always = compression.trivial(result)
    zeros = np.zeros_like(true)
    assert always["accuracy"] == pytest.approx(50 / 110)
    assert always["macro_f1"] == pytest.approx(f1_score(true, zeros, average="macro"))
    assert always["sensitivity"] == pytest.approx(recall_score(true, zeros, average="macro"))


def test_networks_stand_below_the_commonest_class_of_their_data():
    chapman = {"dataset": "chapman", "classes": ("SB", "AFIB", "GSVT", "SR")}
    table = compression.networks_table(
        [
            made_result("rhythm"),
            made_result("rhythm", **chapman),
            made_result("rhythm", model="hubert", size="tiny", pretrain_epochs=6),
        ]
    )
    assert list(table.index) == [
        *(("chapman", "commonest class"), ("chapman", "ResNet1D small")),
        *(("cinc2017", "commonest class"), ("cinc2017", "ResNet1D small")),
        ("cinc2017", "HuBERT-ECG tiny, pretrained"),
    ]
    row = table.loc["cinc2017", "ResNet1D small"]
    assert row["accuracy"] == f"{86 / 110:.4f}"
    f1 = np.mean([2 * 40 / (50 + 49), 2 * 18 / (20 + 27), 2 * 20 / (30 + 26)])
    assert row["F1 of N, A, O"] == f"{f1:.3f}"
    assert table.loc["chapman", "ResNet1D small"]["F1 of N, A, O"] == "–"


def test_scores_stand_beside_those_of_the_paper(found):
    named, printed = compression.by_method(found), paper2.TABLE_1["resnet1d"]
    table = compression.scores_table(named, made_result("rhythm"), printed)
    assert list(table.index) == ["commonest class", "fp32", *named]
    assert table.loc["commonest class", ("ours", "accuracy")] == f"{50 / 110:.4f}"
    assert table.loc["LAQ", ("ours", "accuracy")] == f"{86 / 110:.4f}"
    assert table.loc["LAQ", "paper"].tolist() == ["0.9551", "0.9499", "0.9488", "0.9494"]
    assert table.loc["1 bit", ("paper", "recall")] == "0.1310"
    for ours in ("commonest class", "4 bits, clipped, by channel"):
        assert set(table.loc[ours, "paper"]) == {""}


def test_sizes_and_differences_as_text(found):
    named, printed = compression.by_method(found), paper2.TABLE_1["hubert"]
    table = compression.sizes_table(named, printed)
    assert list(table.index) == list(named)
    row = table.loc["LAQ"]
    assert (row["paper"], row["ideal"], row["all bits"], row["file"], row["kB"]) == (
        *("9.80", "8.01", "7.93", "9.50", "252"),
    )
    assert row["Δ accuracy, points"] == "-0.51 [-0.92, +0.13]"
    assert row["within 1 point"] == "yes"
    assert table.loc["4 bits, clipped, by channel", "paper"] == ""


def test_a_loss_is_said_in_words(found):
    loss = {"difference_low": -0.0101, "no_loss": False}
    worse = made_result("compression", bits=2, metrics=loss)
    table = compression.sizes_table({"2 bits": worse}, {})
    assert table.loc["2 bits", "within 1 point"] == "no"
    assert table.loc["2 bits", "Δ accuracy, points"] == "-0.51 [-1.01, +0.13]"


def test_the_best_is_the_smallest_that_loses_nothing():
    def sized(ratio, ideal, no_loss):
        more = {"file_ratio": ratio, "ideal_ratio": ideal, "no_loss": no_loss}
        return made_result("compression", metrics=more)

    named = {"a": sized(4, 9, True), "b": sized(20, 20, False), "c": sized(6, 5, True)}
    assert compression.best_without_loss(named) == ("c", named["c"])
    assert compression.best_without_loss(named, "ideal_ratio") == ("a", named["a"])
    assert compression.best_without_loss({"b": named["b"]}) is None
    assert compression.best_without_loss({}) is None


def test_classes_are_counted():
    table = compression.classes_table([made_result("rhythm")])
    assert table.loc["cinc2017"].tolist() == ["110", "N 50, A 20, O 30, ~ 10"]


def test_transfer_has_a_row_for_each_data_set():
    within = scores([[70, 10], [5, 15]], RHYTHMS)
    within |= {"confusion": [[70, 10], [5, 15]], "auc": 0.91234}
    across = scores([[900, 100], [150, 50]], RHYTHMS)
    across |= {"confusion": [[900, 100], [150, 50]], "auc": 0.7}
    result = made_result("transfer", fold=0, metrics={"within": within, "across": across})
    table = compression.transfer_table([result])
    assert list(table.index) == [("cinc2017", "cinc2017"), ("cinc2017", "chapman")]
    assert table.iloc[0].tolist() == ["100", "0.850", "0.750", "0.600", "0.667", "0.912"]
    assert table.iloc[1].tolist() == ["1,200", "0.792", "0.250", "0.333", "0.286", "0.700"]


def test_results_of_one_fold_or_all_are_picked():
    results = [made_result("rhythm", fold=fold) for fold in (0, 1, "all")]
    assert compression.pick(results) == results[2:]
    assert compression.pick(results, fold=1) == results[1:2]
    other = replace(results[2], config=results[2].config | {"dataset": "chapman"})
    assert compression.pick([*results, other], dataset="chapman") == [other]
