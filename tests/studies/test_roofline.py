"""Study roofline, its tables and figures."""

import numpy as np
import pytest

from ecglib.deploy.roofline import MACHINES, intensity, layer_work, our_stages, paper_stages
from ecglib.plots import devices as figures
from ecglib.studies.roofline import RooflineConfig, fresh_network
from ecglib.studies.run import run_study
from ecglib.tables import c99 as c99_tables


@pytest.fixture(scope="module")
def work():
    import torch

    found = {}
    for name in ("ecgnet", "micronet"):
        model, shapes = fresh_network(name)
        found[name] = layer_work(model, *(torch.zeros(1, *shape) for shape in shapes))
    return found


@pytest.fixture(scope="module")
def stages(work):
    side = {"n_online": 100, "n_test": 1000}
    paper = paper_stages(work["ecgnet"], epochs=10, n_train=1000, **side)
    return paper, our_stages(work["micronet"], steps=80, replayed=64, labels=5, **side)


def test_a_run_has_bound_and_time(mitdb, tmp_path):
    config = RooflineConfig(network="micronet", batch=2, calls=5)
    (result,) = run_study([config], mitdb, profile="tiny", device="cpu", runs=tmp_path / "runs")
    m = result.metrics
    assert m["macs"] == 55_216
    assert 0 < m["predicted_ms"] < m["p50_ms"] <= m["p99_ms"]
    row = c99_tables.validation_table([result]).loc[("micronet", 2)]
    assert row["ratio"] == pytest.approx(m["predicted_ms"] / m["p50_ms"])


def test_tables_leave_out_what_a_machine_lacks(work, stages):
    table = c99_tables.bound_table({"ECGNet": work["ecgnet"]})
    assert np.isnan(table.loc[("ECGNet", "int8"), "Jetson Nano"])
    assert table.loc[("ECGNet", "fp16"), "Jetson Nano"] > 0
    together = c99_tables.stage_table(stages[0]).loc["together"]
    nano = MACHINES["nano"].peak["fp16"]
    assert together["Jetson Nano"] == pytest.approx(2 * stages[0].sum() / nano)


def test_figures_hold_every_point(work, stages):
    at = intensity(work["ecgnet"], "fp16", 128)
    points = {"one": ("paper", at, 1e12), "two": ("reference", at, 1e10)}
    figure = figures.roofline(list(MACHINES.values()), "fp16", points)
    assert [t.get_text() for t in figure.axes[0].texts] == ["one", "two"]
    figure = figures.stages(*stages)
    assert len(figure.axes[0].patches) == len(stages[0]) + len(stages[1])
