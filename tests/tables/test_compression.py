"""Tables of the study of paper 2 against scikit-learn and numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from ecglib import results, stats
from ecglib.commands import report
from ecglib.compress.methods import METHODS
from ecglib.compress.weights import coded_names
from ecglib.metrics import scores
from ecglib.models.resnet1d import SIZES as SIZES_OF
from ecglib.models.resnet1d import ResNet1D
from ecglib.results import RunResult
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.registry import make_config
from ecglib.studies.transfer import CLASSES as RHYTHMS
from ecglib.system.paths import RESULTS
from ecglib.tables import compression, names, papers, runs
from tests.test_results import ENVIRONMENT, save_into

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
    return RunResult(study, config, DATA, own | (metrics or {}), {"train": 1.0}, ENVIRONMENT)


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
ORDER = ["8 bits", "1 bit", "10 % pruned", "90 % pruned", "LAQ", "LAP"]
ORDER += ["LAQ, equation (3) as printed", "4 bits, clipped, by channel"]
ORDER += [f"{share} % pruned, 3 bits, trained" for share in (80, 90)]


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
    others = [{"bits": 5, "fold": 0}, {"bits": 6, "dataset": "chapman"}]
    others = [made_result("compression", **settings) for settings in others]
    with_others = list(compression.by_method([*found, *others]))
    assert with_others == list(compression.by_method([*found, others[1]]))
    assert list(compression.by_method([*found, *others], fold=0)) == ["5 bits"]
    assert list(compression.by_method([*found, *others], dataset="chapman")) == ["6 bits"]


def test_every_method_has_a_name_and_the_names_of_the_paper_are_its_own():
    settings = {"bits": 4, "share": 0.3}
    named = {
        method: compression.method_name(CompressionConfig(method=method, **settings).to_dict())
        for method in METHODS
    }
    assert len(set(named.values())) == len(METHODS)
    for model in papers.PAPER2_TABLE_1.values():
        shared = {named[m] for m in compression.PAPER_METHODS if m != "laq_printed"}
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
    hubert = made_result("rhythm", model="hubert", size="tiny", pretrain_epochs=6)
    runs_of_both = [made_result("rhythm"), made_result("rhythm", **chapman), hubert]
    table = compression.networks_table(runs_of_both)
    rows = ["commonest class", "ResNet1D small", "HuBERT-ECG tiny, pretrained"]
    assert list(table.loc["chapman"].index) == rows[:2]
    assert list(table.loc["cinc2017"].index) == rows
    assert table.index.get_level_values(0).is_monotonic_increasing
    row = table.loc["cinc2017", "ResNet1D small"]
    assert row["accuracy"] == pytest.approx(86 / 110)
    f1 = np.mean([2 * 40 / (50 + 49), 2 * 18 / (20 + 27), 2 * 20 / (30 + 26)])
    assert row["F1 of N, A, O"] == pytest.approx(f1)
    assert np.isnan(table.loc["chapman", "ResNet1D small"]["F1 of N, A, O"])


def test_scores_stand_beside_those_of_the_paper(found):
    named, printed = compression.by_method(found), papers.PAPER2_TABLE_1["resnet1d"]
    table = compression.scores_table(named, made_result("rhythm"), printed)
    assert list(table.index) == ["commonest class", "fp32", *named]
    assert table.loc["commonest class", ("ours", "accuracy")] == pytest.approx(50 / 110)
    assert table.loc["LAQ", ("ours", "accuracy")] == pytest.approx(86 / 110)
    assert table.loc["LAQ", "paper"].tolist() == [0.9551, 0.9499, 0.9488, 0.9494]
    assert table.loc["1 bit", ("paper", "recall")] == 0.1310
    for ours in ("commonest class", "4 bits, clipped, by channel"):
        assert table.loc[ours, "paper"].isna().all()


def test_sizes_and_differences(found):
    named, printed = compression.by_method(found), papers.PAPER2_TABLE_1["hubert"]
    table = compression.sizes_table(named, printed)
    assert list(table.index) == list(named)
    row = table.loc["LAQ"]
    sizes = row[["paper", "CR", "all bits", "file", "kB"]].tolist()
    assert sizes == pytest.approx([9.80, 8.014, 7.926, 9.5, 251.6])
    assert difference_of(row) == pytest.approx([-0.51, -0.92, 0.13])
    assert row["within 1 point"]
    assert np.isnan(table.loc["4 bits, clipped, by channel", "paper"])
    assert "paper" not in compression.sizes_table(named)


def difference_of(row):
    name = "Δ accuracy, points"
    return row[[name, f"{name} low", f"{name} high"]].tolist()


def test_a_loss_is_said(found):
    loss = {"difference_low": -0.0101, "no_loss": False}
    worse = made_result("compression", bits=2, metrics=loss)
    row = compression.sizes_table({"2 bits": worse}).loc["2 bits"]
    assert not row["within 1 point"]
    assert difference_of(row) == pytest.approx([-0.51, -1.01, 0.13])


def sized(n_bytes, no_loss, difference=0.0, **settings):
    more = {"file_bytes": n_bytes, "no_loss": no_loss, "difference": difference}
    return made_result("compression", metrics=more, **settings)


def test_the_smallest_files_are_those_within_one_point():
    named = {
        "6 bits": sized(400, True, bits=6),
        "LAQ": sized(300, False, method="laq"),
        "4 bits, clipped, by channel": sized(350, True, method="mse", bits=4),
        "8 bits": sized(500, True, bits=8),
    }
    found = compression.smallest({"ResNet1D": named})
    assert list(found.values()) == [named["6 bits"], named["4 bits, clipped, by channel"]]
    assert all(label.startswith("ResNet1D, ") for label in found)
    for without in ({"LAQ": named["LAQ"]}, {}):
        with pytest.raises(LookupError, match="ResNet1D"):
            compression.smallest({"ResNet1D": without})


def test_the_front_has_what_nothing_beats_in_both():
    named = {
        "large, best": sized(900, True, 0.01),
        "small": sized(100, True, -0.02),
        "medium": sized(300, True, 0.0),
        "as large as medium, worse": sized(300, True, -0.01),
        "larger than medium, worse": sized(500, True, -0.001),
    }
    assert compression.pareto(named) == ["small", "medium", "large, best"]
    assert compression.pareto({}) == []


def test_bytes_in_fp32_follow_from_ratio_and_file(found):
    named = compression.by_method(found)
    assert compression.fp32_bytes(named) == pytest.approx(9.5 * 251600)


NAMES = np.array([f"A{number:03d}" for number in range(200)])
TRUE = np.arange(200) % 4


def answered(predicted, **settings):
    """A pooled result whose five folds have answered so."""
    result = made_result("compression", **settings)
    folds = {str(fold): slice(fold, None, 5) for fold in range(5)}
    encoded = {f: results.encode_recordings(NAMES[s], predicted[s]) for f, s in folds.items()}
    return replace(result, predictions=encoded)


def wrong(*rows):
    """The right answers, but not in these rows."""
    predicted = TRUE.copy()
    predicted[list(rows)] = (predicted[list(rows)] + 1) % 4
    return predicted


LABELS = dict(zip(NAMES.tolist(), TRUE.tolist(), strict=True))


def test_two_networks_are_paired_by_recording():
    better, worse = answered(wrong(0, 1)), answered(wrong(1, 2, 3, 4, 5, 6))
    found = compression.paired(worse, better, LABELS)
    gain = np.zeros(200)
    gain[0], gain[2:7] = 1, -1
    assert found.value == pytest.approx(gain.mean()) == pytest.approx(-0.02)
    drawn = np.random.default_rng(5).choice(gain, (4000, 200)).mean(axis=1)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx(expected, abs=0.006)
    same = compression.paired(better, better, LABELS)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_other_recordings_cannot_be_paired():
    fold = {"0": results.encode_recordings(NAMES[:100], TRUE[:100])}
    half = replace(answered(TRUE), predictions=fold)
    with pytest.raises(ValueError, match="same recordings"):
        compression.paired(half, answered(TRUE), LABELS)


def test_the_control_has_no_difference_to_itself():
    control = answered(wrong(0, 1), method="trained", bits=8)
    small = answered(wrong(*range(12)), method="joint", bits=3, share=0.9)
    labels = results.encode_recordings(NAMES, TRUE)
    fp32 = made_result("rhythm", metrics={"labels": labels})
    assert compression.labels_of(fp32) == LABELS
    table = compression.control_table({"8 bits": control, "small": small}, control, fp32)
    assert table["Δ control, points"].fillna(9).tolist() == pytest.approx([9, -5])
    assert table.loc["small", "Δ control, points high"] < 0
    assert table["Δ fp32, points"].tolist() == pytest.approx([-0.51, -0.51])


COMMITTED = [r for r in results.load_study(RESULTS, "rhythm") if r.config["fold"] == "all"]


@pytest.mark.parametrize("result", COMMITTED, ids=lambda r: names.network(r.config))
def test_committed_labels_and_answers_give_the_committed_confusion(result):
    labels, answers = compression.labels_of(result), {}
    for encoded in result.predictions.values():
        answers |= results.decode_recordings(encoded)
    pairs = [(labels[name], answers[name]) for name in labels]
    true, predicted = np.array(pairs).T
    assert confusion_matrix(true, predicted).tolist() == result.metrics["confusion"]


def test_within_one_point_is_the_criterion_of_result_files():
    for low, expected in ((-0.0099, True), (-0.0101, False)):
        interval = stats.Interval(-0.005, low, -0.001)
        assert compression.is_within_one_point(interval) == expected


def test_classes_are_counted():
    other = made_result("rhythm", dataset="chapman", classes=("SB", "AFIB", "GSVT", "SR"))
    table = compression.classes_table([made_result("rhythm"), other])
    counts = table.loc["cinc2017"].dropna().to_dict()
    assert counts == {"recordings": 110, "N": 50, "A": 20, "O": 30, "~": 10}
    counts = {"recordings": 110, "SB": 50, "AFIB": 20, "GSVT": 30, "SR": 10}
    assert table.loc["chapman"].dropna().to_dict() == counts


def test_transfer_has_a_row_for_each_data_set():
    within = scores([[70, 10], [5, 15]], RHYTHMS)
    within |= {"confusion": [[70, 10], [5, 15]], "auc": 0.91234}
    across = scores([[900, 100], [150, 50]], RHYTHMS)
    across |= {"confusion": [[900, 100], [150, 50]], "auc": 0.7}
    result = made_result("transfer", fold=0, metrics={"within": within, "across": across})
    table = compression.transfer_table([result])
    assert list(table.index) == [("cinc2017", "cinc2017"), ("cinc2017", "chapman")]
    expected = [100, 0.85, 0.75, 0.6, 2 / 3, 0.91234]
    assert table.iloc[0].tolist() == pytest.approx(expected)
    expected = [1200, 950 / 1200, 0.25, 1 / 3, 2 / 7, 0.7]
    assert table.iloc[1].tolist() == pytest.approx(expected)


def test_results_of_one_fold_or_all_are_picked():
    made = [made_result("rhythm", fold=fold) for fold in (0, 1, "all")]
    assert compression.pick(made) == made[2:]
    assert compression.pick(made, fold=1) == made[1:2]
    other = replace(made[2], config=made[2].config | {"dataset": "chapman"})
    assert compression.pick([*made, other], dataset="chapman") == [other]


INDICES = {
    "stem.conv.weight": {"pdi": 0.1, "pvi": 1.0, "ki": 0.2},
    "out.weight": {"pdi": 0.9, "pvi": 0.5, "ki": 1.0},
}
DECISIONS = {
    "indices": INDICES,
    "importance": {"stem.conv.weight": 0.27, "out.weight": 0.94},
    "bits": {"stem.conv.weight": 3, "out.weight": 32},
}


@pytest.fixture
def laq():
    return made_result("compression", fold=0, method="laq", metrics={"decisions": DECISIONS})


def test_layers_stand_in_order_of_importance_beside_their_bits(laq):
    indices, bits = compression.layer_frames({"LAQ": laq})
    assert list(indices.index) == list(bits.index) == ["output layer", "stem"]
    assert indices.loc["output layer"].to_dict() == {
        "PDI": 0.9,
        "PVI": 0.5,
        "KI": 1.0,
        "I": 0.94,
    }
    assert bits["LAQ"].tolist() == [32, 3]


def test_layers_of_the_network_have_names_of_their_own():
    found = [compression.layer_name(name) for name in coded_names(ResNet1D(SIZES_OF["small"]))]
    assert len(set(found)) == len(found) == 27
    assert sum(map(compression.is_gain, found)) == 13
    assert {"stem", "gains of stem"} & set(found) == {"stem"}
    assert "stem, gains" in found


def test_measured_rises_stand_by_layer_and_bits():
    rises = {"stem.conv.weight": {"2": 0.4, "3": 0.1}, "out.weight": {"2": 0.0, "3": -0.01}}
    measured = {"decisions": {"sensitivity": rises}}
    allocated = made_result("compression", fold=0, method="allocated", metrics=measured)
    by_bits = compression.sensitivity_table(allocated)
    assert by_bits.loc["stem"].to_dict() == {"2 bits": 0.4, "3 bits": 0.1}


def test_the_control_is_fp32_trained_as_long_where_it_was_run():
    eight = made_result("compression", method="trained", bits=8)
    longer = made_result("compression", method="longer")
    both = compression.by_method([eight, longer])
    assert both[compression.control_of(both)] is longer
    alone = compression.by_method([eight])
    assert alone[compression.control_of(alone)] is eight
    with pytest.raises(LookupError):
        compression.control_of({})


def test_shared_tolerances_are_told_apart():
    shares = [0.005, 0.02]
    made = [made_result("compression", method="laq_shared", tolerance=t) for t in shares]
    named = compression.by_method(made)
    assert [found.config["tolerance"] for found in named.values()] == shares


@pytest.mark.parametrize(
    ("low", "high", "loss_free"),
    [
        (-0.0092, 0.0013, True),
        (-0.009, -0.001, False),
        (-0.011, 0.2, False),
        (0.001, 0.2, True),
    ],
)
def test_no_loss_is_within_one_point_and_not_wholly_below_zero(low, high, loss_free):
    assert compression.is_no_loss(stats.Interval(0, low, high)) == loss_free


def test_the_report_sets_methods_beside_the_papers_rows(tmp_path):
    pooled = made_result("compression", dataset="chapman", size="paper", method="laq")
    save_into(tmp_path, pooled)
    text, n_stale = report.report(tmp_path)
    row = next(line for line in text.splitlines() if line.split()[:2] == ["LAQ", "0.9551"])
    assert {"12.10", "8.01", "9.50"} <= set(row.split())
    assert n_stale == 0


def test_pooling_folds_takes_no_time_of_its_own():
    folds = [made_result("compression", fold=fold) for fold in (0, 1, "all")]
    assert runs.study_times({"compression": folds}).loc["compression", "runs"] == 2
