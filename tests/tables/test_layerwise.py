"""Tables of what layer-wise methods chose."""

import pytest

from ecglib.commands import report
from ecglib.results import path_of, save
from ecglib.studies.registry import make_config
from ecglib.tables import layerwise, runs
from tests.tables.test_compression import made_result

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
    indices, bits = layerwise.layer_frames({"LAQ": laq})
    assert list(indices.index) == list(bits.index) == ["out", "stem.conv"]
    assert indices.loc["out"].to_dict() == {"PDI": 0.9, "PVI": 0.5, "KI": 1.0, "I": 0.94}
    assert bits["LAQ"].tolist() == [32, 3]


def test_a_trial_names_its_factors_and_counts_layers_in_fp32(laq):
    table = layerwise.factors_table([laq])
    assert list(table.index) == [("0.1", "0.1", "0.8")]
    assert table["layers left in fp32"].tolist() == ["1"]
    assert table["Δ accuracy, points"].tolist() == ["-0.51 [-0.92, +0.13]"]


def test_published_networks_are_printed_in_percent():
    table = layerwise.peers_table().sort_index()
    assert len(table) == 14
    assert table.loc[("CPSC 2018", "Ge 2021"), "accuracy"].tolist() == ["–"]
    assert table.loc[("CPSC 2018", "paper 2"), "CR"].tolist() == ["10.44"]


def test_the_report_sets_methods_beside_the_papers_rows(tmp_path):
    pooled = made_result("compression", method="laq")
    run = make_config("compression", **pooled.config)
    save(pooled, path_of(tmp_path, run, pooled.data))
    text, n_stale = report.report(tmp_path)
    row = next(line for line in text.splitlines() if line.split()[:2] == ["LAQ", "0.9551"])
    assert "12.1000" in row
    assert "8.0140" in row
    assert n_stale == 0


def test_pooling_folds_takes_no_time_of_its_own():
    folds = [made_result("compression", fold=fold) for fold in (0, 1, "all")]
    assert runs.study_times({"compression": folds}).loc["compression", "runs"] == "2"
