"""The studies of the micro network on invented patients, from training to result."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

from ecglib import stats
from ecglib.aami import AAMI_CLASSES, DS1, DS2
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.detector import Matching
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.budget_ecgnet import EcgnetBudgetConfig
from ecglib.studies.micro import MicroConfig
from ecglib.studies.robustness import RobustnessConfig, detection_counts
from ecglib.studies.run import run_study
from ecglib.training import on_micro as training

RECORDS = (101, 118, 201, 100, 202, 232)
QUICK = {
    **{"epochs": 10, "qat_epochs": 1, "width": 0.5, "records": RECORDS},
    **{"batch_size": 32, "learning_rate": 0.01},
}
ROUNDED = {**QUICK, "scope": "all_int8"}
LABELS = {"query": "mixed", "update": "head", "update_epochs": 1, "online_seconds": 30}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("micro") / "runs"


@pytest.fixture(scope="module")
def execute(mitdb, runs):
    def run(*configs):
        return run_study(list(configs), mitdb, profile="tiny", device="cpu", runs=runs)

    return run


def test_every_patient_is_tested_once(execute, runs):
    left_out, standard = execute(MicroConfig(split="lopo", **ROUNDED), MicroConfig(**ROUNDED))
    assert set(left_out.per_record) == {str(r) for r in RECORDS}
    assert set(standard.per_record) == {"100", "202", "232"}
    for split, n_folds in (("lopo", 5), ("ds1_ds2", 1)):  # 201 and 202 are one man
        (folder,) = (runs.parent / "checkpoints" / "micro").glob(f"*all_int8*-{split}-*")
        assert len(list(folder.glob("*.npz"))) == n_folds


def test_everybody_is_left_out_in_turn(mitdb, tmp_path):
    config = MicroConfig(split="lopo", epochs=1, class_cap=2, width=0.5)
    (result,) = run_study([config], mitdb, profile="tiny", device="cpu", runs=tmp_path / "runs")
    assert set(result.per_record) == {str(r) for r in DS1 + DS2}
    assert len(list(tmp_path.glob("checkpoints/micro/*/*.npz"))) == 43
    for record in DS1 + DS2:
        label = load_beats(mitdb.path, (record,), fusion="keep").label
        counts = np.array(result.per_record[str(record)]).sum(axis=1)
        np.testing.assert_array_equal(counts, np.bincount(label, minlength=5)[:3])
    layers = result.metrics["layers"]
    assert {layer["weight_bits"] for layer in layers} == {32}
    assert result.metrics["weight_bytes"] == sum(layer["n_bytes"] for layer in layers)


@pytest.mark.parametrize("split", ["ds1_ds2", "lopo"])
def test_confidence_counts_every_scored_beat_once(execute, split):
    (result,) = execute(MicroConfig(**ROUNDED, split=split))
    counted = np.array(result.metrics["confidence"]["confusion"])
    pooled = stats.pool(result.matrix())
    np.testing.assert_array_equal(counted.sum(axis=0).reshape(3, 3), pooled)
    step = np.flatnonzero(counted.sum(axis=1))
    mean = np.array(result.metrics["confidence"]["total"])[step] / counted.sum(axis=1)[step]
    assert ((mean >= step / 100 - 1e-3) & (mean <= (step + 1) / 100 + 1e-3)).all()


def test_a_run_goes_on_from_the_networks_that_are_there(execute, monkeypatch):
    execute(MicroConfig(**ROUNDED))
    monkeypatch.setattr(training, "train_fp32", None)  # training again would fail
    monkeypatch.setattr(training, "train_rounded", None)
    execute(BudgetConfig(**ROUNDED), RobustnessConfig(**ROUNDED))


def test_a_run_that_was_cut_off_trains_only_what_is_missing(mitdb, tmp_path, monkeypatch):
    config = MicroConfig(split="lopo", **ROUNDED | {"epochs": 1})
    names = ("train_fp32", "train_rounded")
    spies = [Mock(wraps=getattr(training, name)) for name in names]
    for name, spy in zip(names, spies, strict=True):
        monkeypatch.setattr(training, name, spy)

    def trained(folder):
        """Result of a run without earlier results, and how often it trained so far."""
        (result,) = run_study(
            [config], mitdb, profile="tiny", device="cpu", runs=tmp_path / folder
        )
        return result.predictions, [spy.call_count for spy in spies]

    predictions, n_trained = trained("first")
    assert n_trained == [5, 5]  # 201 and 202 are one man
    assert trained("again") == (predictions, [5, 5])
    (fp32,) = tmp_path.glob("checkpoints/micro/*-none-8-*/2.npz")
    (rounded,) = tmp_path.glob("checkpoints/micro/*-all_int8-8-*/2.npz")
    rounded.unlink()
    assert trained("third") == (predictions, [5, 6])
    fp32.unlink()
    (fp32.parent / "4.npz").unlink()
    rounded.write_bytes(rounded.read_bytes()[:100])  # cut short
    assert trained("fourth") == (predictions, [7, 7])


@pytest.mark.parametrize(("bits", "allocation"), [(4, "uniform"), (4, "milp")])
def test_few_bits_are_the_bits_that_were_asked_for(execute, bits, allocation):
    (result,) = execute(MicroConfig(**ROUNDED, bits=bits, allocation=allocation))
    layers = result.metrics["layers"]
    n = sum(layer["n_weights"] for layer in layers)
    total = sum(layer["n_weights"] * layer["weight_bits"] for layer in layers)
    assert total <= bits * n
    if allocation == "uniform":
        assert {layer["weight_bits"] for layer in layers} == {bits}
    (whole,) = execute(MicroConfig(**ROUNDED))
    assert result.metrics["weight_bytes"] < whole.metrics["weight_bytes"]


def test_the_same_seed_gives_the_same_network(execute, mitdb, tmp_path):
    (first,) = execute(MicroConfig(**ROUNDED))
    again = run_study(
        [MicroConfig(**ROUNDED)], mitdb, profile="tiny", device="cpu", runs=tmp_path / "runs"
    )[0]
    assert first.predictions == again.predictions


def test_without_labels_nothing_changes(execute):
    plain, asked, worse = execute(
        MicroConfig(**ROUNDED), BudgetConfig(**ROUNDED), RobustnessConfig(**ROUNDED)
    )
    assert plain.predictions == asked.predictions == worse.predictions
    assert all(sum(counts) == 0 for counts in asked.metrics["asked"].values())
    assert set(asked.metrics["online_macs"].values()) == {0}


@pytest.mark.parametrize(
    "how",
    [
        {"budget": 5},
        {"budget": "all"},
        {"budget": 2, "query": "random"},
        {"budget": 5, "update": "prototypes"},
        {"budget": 5, "update": "output"},
        {"budget": 5, "update": "last_block"},
        {"budget": 60, "query": "margin", "asking": "stream", "unsure": 1.0},
    ],
    ids=str,
)
def test_labels_are_asked_counted_and_used(execute, how):
    (result,) = execute(BudgetConfig(**ROUNDED, **{**LABELS, **how}))
    asked = {r: sum(c) for r, c in result.metrics["asked"].items()}
    assert set(asked) == {"100", "202", "232"}
    if how["budget"] != "all":
        assert max(asked.values()) <= how["budget"]
    assert min(asked.values()) > 0
    assert len(result.metrics["asked"]["100"]) == len(AAMI_CLASSES)


@pytest.mark.parametrize("update", ["adabn", "own_rr", "entropy"])
def test_adapting_without_labels_runs(execute, update):
    (result,) = execute(BudgetConfig(**QUICK, update=update, online_seconds=30))
    assert 0 <= result.metrics["macro_f1"] <= 1


def test_ecgnet_takes_part_in_the_loop(execute):
    tiny = {"channels": (4,) * 5, "epochs": 1, "records": RECORDS}
    before, after = execute(
        EcgnetBudgetConfig(**tiny), EcgnetBudgetConfig(**tiny, **LABELS, budget=5)
    )
    assert before.metrics["asked"]["100"] == [0] * 5
    assert sum(after.metrics["asked"]["100"]) == 5
    assert after.metrics["online_macs"]["100"] > 10 * 5


@pytest.mark.parametrize(
    "how",
    [
        {"perturbation": "detected"},
        {"perturbation": "lead"},
        {"perturbation": "jitter", "level": 20},
        {"perturbation": "muscle", "level": 6},
        {"perturbation": "resampled", "level": 250},
    ],
    ids=str,
)
def test_worse_records_are_scored_beat_by_beat(execute, how):
    (result,) = execute(RobustnessConfig(**ROUNDED, **how))
    counts = np.array(result.metrics["detection"]["100"])
    n_beats = np.array(result.per_record["100"]).sum(axis=1)
    np.testing.assert_array_equal(counts[:, :2].sum(axis=1), n_beats)


def test_jitter_of_nothing_is_nothing(execute):
    plain, still = execute(
        RobustnessConfig(**ROUNDED), RobustnessConfig(**ROUNDED, perturbation="jitter")
    )
    assert plain.predictions == still.predictions


def test_missed_and_false_beats_counted_by_hand():
    label = np.array([0, 1, 2, 2, 3])  # N, S, V, V, F; the second V is missed
    found = np.array([0, 2, 2, 1, 2])  # detections; the fourth is no beat, the fifth is F
    matching = Matching(4, 1, 1, np.array([[0, 0], [1, 1], [2, 2], [4, 4]]))
    expected = [[1, 0, 0], [0, 1, 1], [1, 1, 1]]  # tp, fn, fp of N, S, V
    np.testing.assert_array_equal(detection_counts(label, found, matching), expected)


def test_both_leads_train_and_one_is_tested(execute):
    both, one = execute(MicroConfig(**ROUNDED), replace(MicroConfig(**ROUNDED), leads="MLII"))
    assert both.metrics["macro_f1"] > 0.35  # more than always N: something was learnt
    assert both.predictions != one.predictions
    assert both.per_record.keys() == one.per_record.keys()
