"""The studies of the micro network on invented patients, from training to result."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch

from ecglib import stats
from ecglib.aami import DS1, DS2
from ecglib.data.find.search import find
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.detector import Matching
from ecglib.data.synthetic_recordings import write_cinc2017
from ecglib.studies import micro
from ecglib.studies.registry import make_config
from ecglib.studies.robustness import detection_counts
from ecglib.studies.run import run_study
from ecglib.system.errors import UserError
from ecglib.training import on_micro as training

RECORDS = (101, 118, 201, 100, 202, 232)
QUICK = {"epochs": 10, "qat_epochs": 1, "width": 0.5, "records": RECORDS}
QUICK |= {"batch_size": 32, "learning_rate": 0.01}
ROUNDED = {**QUICK, "scope": "all_int8"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("micro") / "runs"


@pytest.fixture(scope="module")
def execute(mitdb, runs):
    def run(*configs):
        return run_study(list(configs), mitdb, profile="tiny", device="cpu", runs=runs)

    return run


def test_every_patient_is_tested_once(execute):
    lopo = make_config("micro", split="lopo", **ROUNDED)
    left_out, standard = execute(lopo, make_config("micro", **ROUNDED))
    assert set(left_out.per_record) == {str(r) for r in RECORDS}
    assert set(standard.per_record) == {"100", "202", "232"}


def test_everybody_is_left_out_in_turn(mitdb, tmp_path):
    config = make_config("micro", split="lopo", epochs=1, class_cap=2, width=0.5)
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
    (result,) = execute(make_config("micro", **ROUNDED, split=split))
    counted = np.array(result.metrics["confidence"]["confusion"])
    pooled = stats.pool(result.matrix())
    np.testing.assert_array_equal(counted.sum(axis=0).reshape(3, 3), pooled)
    step = np.flatnonzero(counted.sum(axis=1))
    mean = np.array(result.metrics["confidence"]["total"])[step] / counted.sum(axis=1)[step]
    assert ((mean >= step / 100 - 1e-3) & (mean <= (step + 1) / 100 + 1e-3)).all()


def test_a_run_goes_on_from_the_networks_that_are_there(execute, monkeypatch):
    execute(make_config("micro", **ROUNDED))
    monkeypatch.setattr(training, "train_fp32", None)  # training again would fail
    monkeypatch.setattr(training, "train_rounded", None)
    execute(make_config("budget", **ROUNDED), make_config("robustness", **ROUNDED))


def test_a_run_that_was_cut_off_trains_only_what_is_missing(mitdb, tmp_path, monkeypatch):
    config = make_config("micro", split="lopo", **ROUNDED | {"epochs": 1})
    names = ("train_fp32", "train_rounded")
    spies = [Mock(wraps=getattr(training, name)) for name in names]
    for name, spy in zip(names, spies, strict=True):
        monkeypatch.setattr(training, name, spy)

    def trained(folder):
        """Result of a run without earlier results, and how often it trained so far."""
        runs = tmp_path / folder
        (result,) = run_study([config], mitdb, profile="tiny", device="cpu", runs=runs)
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


def test_the_prior_moves_answers_towards_the_class_that_is_drawn_too_rarely(execute):
    """If few beats of each class and record are drawn, N are too few of them."""
    few = {**QUICK, "class_cap": 3, "epochs": 20}
    plain, half, whole = execute(
        *(make_config("micro", **few, prior=prior) for prior in (0.0, 0.5, 1.0))
    )
    share = [stats.pool(r.matrix())[:, 0].sum() for r in (plain, half, whole)]
    assert share[0] <= share[1] <= share[2]
    assert share[0] < share[2]


def test_smoothed_answers_are_those_of_mixed_logits():
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    found = micro._smoothed(logits, 0.5)
    np.testing.assert_allclose(found[1], [0.5 * 0 + 0.5 * 2.5, 0.5 * 1 + 0])
    np.testing.assert_allclose(found[0], [0.5 * 3 + 0.25 * (3 + 0), 0.25 * 1])


def test_one_database_teaches_without_the_other(execute, mitdb):
    """MIT-BIH alone is what there is; SVDB alone leaves nothing to learn from."""
    alone, everything = execute(
        make_config("micro", **QUICK, training_data="mitdb"), make_config("micro", **QUICK)
    )
    assert alone.predictions == everything.predictions
    with pytest.raises(UserError, match="training_data is svdb"):
        execute(make_config("micro", **QUICK, training_data="svdb"))


def test_weakly_labelled_recordings_teach_too(mitdb, tmp_path):
    root = tmp_path / "cinc2017"
    root.mkdir()
    write_cinc2017(root, 2, seed=1)
    sources = {"mitdb": mitdb, "cinc2017": find("cinc2017", root)}
    config = make_config("micro", **QUICK, training_data="all+af")
    (result,) = run_study(
        [config], sources, profile="tiny", device="cpu", runs=tmp_path / "runs"
    )
    assert result.data["name"] == "mitdb+cinc2017"


@pytest.mark.parametrize(("bits", "allocation"), [(4, "uniform"), (4, "milp")])
def test_few_bits_are_the_bits_that_were_asked_for(execute, bits, allocation):
    (result,) = execute(make_config("micro", **ROUNDED, bits=bits, allocation=allocation))
    layers = result.metrics["layers"]
    n = sum(layer["n_weights"] for layer in layers)
    total = sum(layer["n_weights"] * layer["weight_bits"] for layer in layers)
    assert total <= bits * n
    if allocation == "uniform":
        assert {layer["weight_bits"] for layer in layers} == {bits}
    (whole,) = execute(make_config("micro", **ROUNDED))
    assert result.metrics["weight_bytes"] < whole.metrics["weight_bytes"]


LEVELS = {"none": 0, "lead": 0, "jitter": 20, "muscle": 6, "resampled": 250}


@pytest.mark.parametrize("kind", LEVELS)
def test_worse_records_are_scored_beat_by_beat(execute, kind):
    config = make_config("robustness", **ROUNDED, perturbation=kind, level=LEVELS[kind])
    (result,) = execute(config)
    counts = np.array(result.metrics["detection"]["100"])
    n_beats = np.array(result.per_record["100"]).sum(axis=1)
    np.testing.assert_array_equal(counts[:, :2].sum(axis=1), n_beats)


def test_jitter_of_nothing_is_nothing(execute):
    plain, as_it_is, still = execute(
        make_config("micro", **ROUNDED),
        make_config("robustness", **ROUNDED),
        make_config("robustness", **ROUNDED, perturbation="jitter"),
    )
    assert plain.predictions == as_it_is.predictions == still.predictions


def test_missed_and_false_beats_counted_by_hand():
    label = np.array([0, 1, 2, 2, 3])  # N, S, V, V, F; the second V is missed
    found = np.array([0, 2, 2, 1, 2])  # detections; the fourth is no beat, the fifth is F
    matching = Matching(4, 1, 1, np.array([[0, 0], [1, 1], [2, 2], [4, 4]]))
    expected = [[1, 0, 0], [0, 1, 1], [1, 1, 1]]  # tp, fn, fp of N, S, V
    np.testing.assert_array_equal(detection_counts(label, found, matching), expected)


def test_both_leads_train_and_one_is_tested(execute):
    single = make_config("micro", leads="MLII", **ROUNDED)
    both, one = execute(make_config("micro", **ROUNDED), single)
    assert both.metrics["macro_f1"] > 0.35  # more than always N: something was learnt
    assert both.predictions != one.predictions
    assert both.per_record.keys() == one.per_record.keys()
