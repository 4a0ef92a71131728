"""The study of paper 2 on recordings from end to end, against predictions counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score

from ecglib import results, stats
from ecglib.compress import load_compressed
from ecglib.compress.methods import METHODS
from ecglib.data.sets.cinc2017 import CLASSES
from ecglib.studies import compression, rhythm
from ecglib.studies.compression import CompressionConfig
from ecglib.studies.registry import twin_of
from ecglib.studies.rhythm import RhythmConfig
from ecglib.studies.run import Run, run_study
from ecglib.training.on_recordings import build, predict

TINY = {"epochs": 10, "batch_size": 8, "learning_rate": 1e-2, "weight_decay": 1e-4}
SETTINGS = {"bits": 3, "share": 0.5, "mean_bits": 3.0, "tune_epochs": 2}
SETTINGS["tolerance"] = 0.3  # else four recordings decide nothing
POOLED = CompressionConfig(fold="all", method="fixed_quant", bits=2, **TINY)
SIZES = ("ideal_ratio", "overhead_ratio", "file_ratio", "file_bytes")


def of_method(method):
    settings = {n: value for n, value in SETTINGS.items() if n in METHODS[method].reads}
    return CompressionConfig(fold=0, method=method, **settings, **TINY)


def run_all(configs, source, folder):
    site = {"profile": "tiny", "device": "cpu", "runs": folder / "runs"}
    return run_study(configs, {source.name: source}, **site)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compression")


@pytest.fixture(scope="module")
def trainings():
    """Configurations whose fp32 networks were trained, in order."""
    return []


@pytest.fixture(scope="module")
def outcomes(cinc2017, folder, trainings):
    """Configuration -> result: all folds of one method, the first fold of all methods."""
    plain = rhythm.train_rhythm

    def counted(model, own, config):
        trainings.append(config)
        return plain(model, own, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rhythm, "train_rhythm", counted)
        run_all([POOLED], cinc2017, folder)  # everything else that it needs comes by itself
        configs = [replace(POOLED, fold=fold) for fold in range(5)]
        configs += [of_method(method) for method in METHODS]
        configs += [twin_of(config, RhythmConfig) for config in configs[:5]]
        configs += [POOLED, replace(twin_of(POOLED, RhythmConfig), fold="all")]
        return dict(zip(configs, run_all(configs, cinc2017, folder), strict=True))


def predictions(result):
    """Recording -> predicted class."""
    found = {}
    for encoded in result.predictions.values():
        decoded = results.decode_recordings(encoded)
        assert not decoded.keys() & found.keys()
        found |= decoded
    return found


def pair(result, labels):
    """Oracle: true and predicted classes, in order of the names."""
    found = predictions(result)
    return np.array([(CLASSES.index(labels[name]), found[name]) for name in sorted(found)]).T


def twin(config):
    return replace(twin_of(config, RhythmConfig), fold=config.fold)


def test_scores_follow_from_the_predictions(outcomes, labels):
    for result in outcomes.values():
        true, predicted = pair(result, labels)
        options = {"labels": range(4), "average": "macro", "zero_division": 0}
        metrics = result.metrics
        assert metrics["accuracy"] == pytest.approx(accuracy_score(true, predicted))
        assert metrics["macro_f1"] == pytest.approx(f1_score(true, predicted, **options))
        precision = precision_score(true, predicted, **options)
        assert metrics["macro_precision"] == pytest.approx(precision)
        expected = confusion_matrix(true, predicted, labels=range(4))
        assert metrics["confusion"] == expected.tolist()
        assert tuple(metrics["per_class"]) == CLASSES


def test_a_pooled_network_holds_the_classes_of_its_recordings(outcomes, labels):
    held = results.decode_recordings(outcomes[twin(POOLED)].metrics["labels"])
    assert {name: CLASSES[value] for name, value in held.items()} == labels


def test_networks_learnt_something(outcomes, labels):
    """The comparisons of this file would be worth little on constant answers."""
    fp32 = outcomes[twin(POOLED)]
    assert fp32.metrics["accuracy"] > 0.35  # the commonest class has 0.25
    assert set(predictions(fp32).values()) == {0, 1, 2, 3}
    assert predictions(outcomes[POOLED]) != predictions(fp32)


def test_one_network_of_a_fold_serves_all_methods(outcomes, trainings, folder):
    assert sorted(config.fold for config in trainings) == [0, 1, 2, 3, 4]
    assert {config.study for config in trainings} == {"rhythm"}
    assert len(list((folder / "checkpoints" / "rhythm").glob("*.npz"))) == 5


def test_all_recordings_are_pooled_each_from_its_own_fold(outcomes, labels):
    for pooled in (POOLED, twin(POOLED)):
        folds = [outcomes[replace(pooled, fold=fold)] for fold in range(5)]
        total = np.sum([result.metrics["confusion"] for result in folds], axis=0)
        assert outcomes[pooled].metrics["confusion"] == total.tolist()
        assert predictions(outcomes[pooled]).keys() == labels.keys()
        for fold, result in enumerate(folds):
            assert outcomes[pooled].predictions[str(fold)] == result.predictions[str(fold)]
        seconds = [sum(result.runtime_s.values()) for result in folds]
        assert sum(outcomes[pooled].runtime_s.values()) == pytest.approx(sum(seconds))


def test_pooled_sizes_are_means(outcomes):
    folds = [outcomes[replace(POOLED, fold=fold)].metrics for fold in range(5)]
    for name in SIZES:
        mean = sum(metrics[name] for metrics in folds) / 5
        assert outcomes[POOLED].metrics[name] == pytest.approx(mean)


def test_the_difference_is_paired_recording_by_recording(outcomes, labels):
    for config in [c for c in outcomes if c.study == "compression"]:
        right = [np.equal(*pair(outcomes[c], labels)) for c in (config, twin(config))]
        metrics, interval = outcomes[config].metrics, stats.paired_accuracy(*right)
        assert metrics["difference"] == pytest.approx(right[0].mean() - right[1].mean())
        assert metrics["difference_low"] == interval.low
        assert metrics["difference_high"] == interval.high
        assert metrics["no_loss"] is bool(metrics["difference_low"] > -0.01)
    verdicts = {r.metrics["no_loss"] for r in outcomes.values() if "no_loss" in r.metrics}
    assert verdicts == {True, False}


def test_five_folds_are_tested_with_mcnemar(outcomes, labels):
    right = [np.equal(*pair(outcomes[c], labels)) for c in (POOLED, twin(POOLED))]
    lost, won = np.sum(~right[0] & right[1]), np.sum(right[0] & ~right[1])
    expected = binomtest(int(lost), int(lost + won)).pvalue
    assert outcomes[POOLED].metrics["mcnemar_p"] == pytest.approx(expected)


@pytest.mark.parametrize("method", METHODS)
def test_sizes_are_those_of_the_file(outcomes, folder, method):
    config = of_method(method)
    metrics = outcomes[config].metrics
    (path,) = (folder / "checkpoints" / "compression").glob(f"{config.slug}-*.ecgc")
    assert metrics["file_bytes"] == path.stat().st_size
    stored = build(config, 5120, 4).state_dict().values()
    n_bytes = 4 * sum(tensor.numel() for tensor in stored if tensor.is_floating_point())
    assert metrics["file_ratio"] == pytest.approx(n_bytes / path.stat().st_size)
    coded = metrics["layers"]
    for name, layer in coded.items():
        assert layer["n_weights"] == build(config, 5120, 4).get_parameter(name).numel()
        if "bits" in METHODS[method].reads:
            assert layer["bits"] == 3
    if "share" in METHODS[method].reads:
        n = sum(layer["n_weights"] for layer in coded.values())
        kept = sum(layer["n_weights"] * layer["kept"] for layer in coded.values())
        assert kept / n == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("method", ["fixed_quant", "fixed_prune", "laq", "lap"])
def test_the_file_alone_gives_the_predictions(outcomes, cinc2017, folder, method):
    config = of_method(method)
    (path,) = (folder / "checkpoints" / "compression").glob(f"{config.slug}-*.ecgc")
    network = build(replace(config, seed=99), 5120, 4)
    load_compressed(path, network).load_into(network)
    run = Run(config, {cinc2017.name: cinc2017}, torch.device("cpu"), folder)
    own = rhythm.recording_sides(run)
    found = dict(zip(own.test_id.tolist(), predict(network, own.test).tolist(), strict=True))
    assert found == predictions(outcomes[config])


def test_results_come_from_what_was_read_back(outcomes, cinc2017, tmp_path, monkeypatch):
    def altered(path, network):
        coded = load_compressed(path, network)
        coded.rest["out.bias"][:] = 0, 0, 1e6, 0
        return coded

    monkeypatch.setattr(compression, "load_compressed", altered)
    (result,) = run_all([of_method("fixed_quant")], cinc2017, tmp_path)
    assert set(predictions(result).values()) == {2}
    unaltered = outcomes[of_method("fixed_quant")].metrics
    own = unaltered["accuracy"] - unaltered["difference"]  # that of the network in memory
    assert result.metrics["accuracy"] - result.metrics["difference"] == pytest.approx(own)


def test_choices_are_made_on_validation_recordings(outcomes, cinc2017, folder):
    """Accuracies that LAQ saw are shares of the validation side."""
    config = of_method("laq")
    run = Run(config, {cinc2017.name: cinc2017}, None, folder)
    n = len(rhythm.recording_sides(run).validation)
    steps = outcomes[config].metrics["decisions"]["steps"]
    assert all(round(step["accuracy"] * n, 6).is_integer() for step in steps)
    chosen = outcomes[config].metrics["decisions"]["bits"]
    bits = {name: layer["bits"] for name, layer in outcomes[config].metrics["layers"].items()}
    assert bits == {name: width for name, width in chosen.items() if width < 32}


def test_variances_of_outputs_are_reported_for_fixed_bits_only(outcomes):
    ratios = outcomes[of_method("fixed_quant")].metrics["output_variance"]
    assert {"stem.conv", "block1.first.conv", "out"} <= ratios.keys()
    assert all(ratio > 0 for ratio in ratios.values())
    assert "output_variance" not in outcomes[of_method("mse")].metrics


def test_the_story_of_a_training_is_told(outcomes):
    metrics = outcomes[twin(replace(POOLED, fold=2))].metrics
    assert len(metrics["loss"]) == len(metrics["validation_loss"]) == TINY["epochs"]
    assert min(metrics["validation_loss"]) > 0
    n = sum(p.numel() for p in build(RhythmConfig(), 5120, 4).parameters())
    assert metrics["n_parameters"] == n
