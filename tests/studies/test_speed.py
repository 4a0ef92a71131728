"""Study speed does every task both ways; how fast is for the benchmark to say."""

import statistics
import sys

import numpy as np
import pytest
import torch

from ecglib import results
from ecglib.__main__ import main
from ecglib.deploy import forms
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.plots.speed import growth
from ecglib.studies import plan
from ecglib.studies.params import load_params
from ecglib.studies.run import run_study
from ecglib.studies.speed import SpeedConfig
from ecglib.system.paths import PARAMS, RESULTS
from ecglib.tables import speed
from tests.tools import needs

SMALL = {"channels": (2, 2, 2, 2, 2), "records": (101, 106, 100, 103), "train_share": 0.2}
SMALL |= {"epochs": 1, "online_epochs": 2, "patients": 2, "usual_patients": 2}


def speed_of(mitdb, folder, **settings):
    config = SpeedConfig(**(SMALL | settings))
    (result,) = run_study([config], mitdb, profile="tiny", device="cpu", runs=folder / "runs")
    return result


TASKS = ["windows", "recording", "pretraining", "training", "online"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.filterwarnings("ignore")  # of NeuroKit2 about NumPy
def test_a_task_has_two_times_and_their_ratio(mitdb, tmp_path, task):
    if task == "recording":
        pytest.importorskip("neurokit2")
    result = speed_of(mitdb, tmp_path, task=task)
    usual, ours = result.runtime_s["usual"], result.runtime_s["ours"]
    assert min(usual, ours) > 0
    assert result.metrics["ratio"] == pytest.approx(usual / ours)
    assert result.metrics["n_beats"] > 0
    row = speed.speed_table([result]).iloc[0]
    assert row["ratio"] == pytest.approx(usual / ours)
    if task not in ("windows", "recording"):
        m = result.metrics
        assert m["share_of_peak"] == pytest.approx(m["flops"] / m["peak_flops"])
        assert 0 < m["share_of_peak"] < 1


def test_without_neurokit_a_record_has_no_row_and_the_command_says_so(
    mitdb, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "neurokit2", None)
    result = speed_of(mitdb, tmp_path, task="recording")
    assert list(result.runtime_s) == ["ours"]
    assert speed.speed_table([result]).empty
    monkeypatch.setattr(plan.Plan, "run", lambda *_, **__: [result])
    assert main(["bench"]) == 0
    assert "pip install -e '.[peers]'" in capsys.readouterr().out


def test_seconds_of_few_patients_are_scaled_to_all_and_said_to_be(mitdb, tmp_path):
    result = speed_of(mitdb, tmp_path, usual_patients=1)
    both = speed_of(mitdb, tmp_path)
    table = speed.speed_table([result, both])
    assert (table["timed"] < table["patients"]).tolist() == [True, False]


def test_operations_of_a_head_are_counted_by_hand(mitdb, tmp_path):
    """Of an epoch in which only the head of one network learns, on cached features."""
    m = speed_of(mitdb, tmp_path, strategy="none")
    flops = m.metrics["flops"] * m.metrics["stages"]["finetune"]
    forward = 18 * 512 + 512 * 256 + 256 * 3  # 2 channels × 9 samples before the head
    backward = forward + 512 * 256 + 256 * 3  # weights, and inputs of all but the first
    assert flops == pytest.approx(2 * (forward + backward) * m.metrics["n_beats"], rel=1e-6)


def test_a_table_tells_formats_and_threads_apart(mitdb, tmp_path):
    rows = [speed_of(mitdb, tmp_path, threads=n) for n in (1, 2)]
    found = [", 2 threads" in name for name in speed.speed_table(rows).index]
    assert found == [False, True]


def test_seconds_of_compressing_are_medians_of_the_folds():
    table = speed.compression_table(results.load_study(RESULTS, "compression"))
    runs = [
        r.runtime_s["compress"]
        for r in results.load_study(RESULTS, "compression")
        if (r.config["dataset"], r.config["method"], r.config["model"])
        == ("cinc2017", "laq", "resnet1d")
        and r.config["fold"] != "all"
    ]
    found = table.loc["LAQ", ["ResNet1D", "ResNet1D n"]].tolist()
    assert found == [statistics.median(runs), len(runs)]


def test_growth_joins_runs_that_differ_in_one_thing(mitdb, tmp_path):
    runs = [speed_of(mitdb, tmp_path, patients=n, usual_patients=1) for n in (1, 2)]
    runs += [speed_of(mitdb, tmp_path, train_share=0.4, usual_patients=1)]
    patients, beats, _ = growth(runs).axes
    for panel, values in (
        (patients, [1, 2]),
        (beats, sorted({r.metrics["n_beats"] for r in runs})),
    ):
        usual, ours = panel.lines
        assert usual.get_xdata().tolist() == ours.get_xdata().tolist() == values
    assert ours.get_ydata().tolist()[-1] == runs[2].runtime_s["ours"]


def test_every_profile_names_arms_that_are_possible():
    for path in PARAMS.glob("*.yaml"):
        arms = load_params(path)["speed"]
        configs = plan.expand("speed", arms, channels=(4, 4, 4, 4, 4))
        assert {config.task for config in configs} >= {"pretraining", "training", "online"}


@needs("gcc")
def test_every_form_of_a_network_is_timed_and_c_is_numpy(tmp_path):
    beats = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 64)).astype(np.float32))
    model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=64)).eval()
    row = forms.every_form(model, [beats], tmp_path)
    assert row.pop("C as NumPy, %") == 100
    assert len(row) == 4
    assert min(row.values()) > 0
