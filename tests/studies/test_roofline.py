"""Study roofline: a network's bound and its time on this processor."""

import pytest

from ecglib.studies.roofline import RooflineConfig
from ecglib.studies.run import run_study
from ecglib.tables import roofline as tables


def test_a_run_has_bound_and_time(mitdb, tmp_path):
    config = RooflineConfig(network="micronet", batch=2, calls=5)
    (result,) = run_study([config], mitdb, profile="tiny", device="cpu", runs=tmp_path / "runs")
    m = result.metrics
    assert m["macs"] == 55_216
    assert 0 < m["predicted_ms"] < m["p50_ms"] <= m["p99_ms"]
    row = tables.validation_table([result]).loc[("micronet", 2)]
    assert row["ratio"] == pytest.approx(m["predicted_ms"] / m["p50_ms"])
