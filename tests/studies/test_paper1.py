"""Every study from end to end on invented patients, with tiny networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import wfdb
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from ecglib.aami import CLASSES
from ecglib.data.sets.mitdb import load_beats
from ecglib.models.ecgnet import ECGNet
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies import registry
from ecglib.studies.baseline import BaselineConfig
from ecglib.studies.personalization import PersonalizationConfig
from ecglib.studies.probe import ProbeConfig
from ecglib.studies.puzzle import PuzzleConfig
from ecglib.studies.registry import twin_of
from ecglib.studies.rpeaks import RpeaksConfig
from ecglib.studies.run import Run, run_study
from ecglib.studies.selection import SelectionConfig
from ecglib.system.errors import UserError
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2

TINY = {"channels": (4, 4, 4, 4, 4), "records": SYNTHETIC_DS1 + SYNTHETIC_DS2, "epochs": 1}
TINY |= {"learning_rate": 3e-3, "imbalance": "balanced"}
PUZZLE = {**TINY, "pretext_epochs": 2}
OFFLINE = {k: v for k, v in PUZZLE.items() if k not in ("epochs", "imbalance")}
ONLINE = {**PUZZLE, "online_epochs": 3}
RUNS = {
    "baseline": BaselineConfig(**TINY),
    "baseline with RR": BaselineConfig(features="beat+rr", **TINY),
    "baseline, swapped": BaselineConfig(split="ds2_ds1", train_share=0.5, **TINY),
    "selection": SelectionConfig(pipeline="baseline", **PUZZLE),
    "selection after the puzzle": SelectionConfig(pipeline="ssl", finetune="head", **PUZZLE),
    "puzzle": PuzzleConfig(**OFFLINE),
    "puzzle, junctions": PuzzleConfig(view="junctions", cuts="thirds", **OFFLINE),
    **{
        f"probe, {s}": ProbeConfig(source=s, probe_epochs=4, **PUZZLE)
        for s in ("random", "puzzle", "supervised")
    },
    **{s: PersonalizationConfig(strategy=s, **ONLINE) for s in STRATEGIES},
    "full, all": PersonalizationConfig(
        strategy="full", finetune="all", online_seconds="all", train_share=0.3, **ONLINE
    ),
}
SCORED = [name for name, config in RUNS.items() if config.study != "puzzle"]


def run_all(configs, source, folder):
    return run_study(list(configs), source, profile="tiny", device="cpu", runs=folder / "runs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("first")


@pytest.fixture(scope="module")
def outcomes(source, folder):
    """Result of every run in `RUNS`, by its name."""
    return dict(zip(RUNS, run_all(RUNS.values(), source, folder), strict=True))


def annotated(source, config):
    """Oracle: all annotated beats of the run's test side."""
    return load_beats(source.path, config.sides()[1], fusion="keep")


def same(result, other):
    """Whether two runs came to the same numbers, whatever time and machine they took."""
    names = ("study", "config", "data", "metrics", "per_record", "per_record_after_5min")
    names += ("predictions",)
    return all(getattr(result, name) == getattr(other, name) for name in names)


def assert_every_beat_is_scored_once(result, source, config):
    beats = annotated(source, config)
    assert set(result.per_record) == {str(record) for record in config.sides()[1]}
    for record in config.sides()[1]:
        own = beats.record == record
        n_beats = [np.sum(own & (beats.label == label)) for label in range(len(CLASSES))]
        assert result.matrix()[str(record)].sum(axis=1).tolist() == n_beats
        assert len(result.classes(record)) == own.sum()
        n_right = np.sum(result.classes(record) == beats.label[own])  # no answer is F or Q
        assert np.trace(result.matrix()[str(record)]) == n_right


@pytest.mark.parametrize("name", SCORED)
def test_every_beat_of_the_test_side_is_scored_once(outcomes, source, name):
    assert_every_beat_is_scored_once(outcomes[name], source, RUNS[name])


@pytest.mark.parametrize("name", SCORED)
def test_scores_follow_from_the_predictions(outcomes, source, name):
    beats, result = annotated(source, RUNS[name]), outcomes[name]
    predicted = np.concatenate([result.classes(r) for r in RUNS[name].sides()[1]])
    scored = beats.label < len(CLASSES)
    y_true, y_pred = beats.label[scored], predicted[scored]
    macro = {"labels": [0, 1, 2], "average": "macro", "zero_division": 0}
    assert result.metrics["accuracy"] == pytest.approx(accuracy_score(y_true, y_pred))
    assert result.metrics["macro_f1"] == pytest.approx(f1_score(y_true, y_pred, **macro))
    late = scored & (beats.sample >= 300 * 360)
    total = sum(result.matrix(after_5min=True).values())
    expected = confusion_matrix(beats.label[late], predicted[late], labels=[0, 1, 2])
    np.testing.assert_array_equal(total, expected)
    assert 0 < total.sum() < scored.sum()


@pytest.mark.parametrize("name", ["baseline with RR", *STRATEGIES])
def test_networks_learnt_something(outcomes, name):
    """The comparisons of this file would be worth little on constant answers."""
    result = outcomes[name]
    assert set(np.concatenate([result.classes(r) for r in SYNTHETIC_DS2])) == {0, 1, 2}
    assert result.metrics["macro_f1"] > 0.45  # always N has 0.31


@pytest.mark.parametrize("name", ["puzzle", "puzzle, junctions"])
def test_the_puzzle_is_scored_on_every_normal_beat(outcomes, source, name):
    metrics = outcomes[name].metrics
    confusion = np.array(metrics["confusion"])
    n_normal = np.sum(annotated(source, RUNS[name]).label == 0)
    assert confusion.shape == (6, 6)
    assert confusion.sum() == n_normal
    assert confusion.sum(axis=1).min() > n_normal / 8  # labels are drawn evenly
    assert metrics["accuracy"] == pytest.approx(np.trace(confusion) / n_normal)


def test_the_puzzle_of_the_test_side_depends_on_the_seed(outcomes, source, tmp_path):
    config = RUNS["puzzle"]
    same, other = run_all([config, replace(config, seed=21)], source, tmp_path)
    results = outcomes["puzzle"], same, other
    drawn = [np.sum(result.metrics["confusion"], axis=1).tolist() for result in results]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_selection_trial_reports_its_best_epoch(outcomes):
    for name in ("selection", "selection after the puzzle"):
        metrics = outcomes[name].metrics
        assert len(metrics["validation_macro_f1"]) == TINY["epochs"]
        best = max(metrics["validation_macro_f1"])
        assert metrics["macro_f1"] == pytest.approx(best)  # scored on the same records
        assert metrics["validation_macro_f1"][metrics["best_epoch"] - 1] == best
        kept = metrics["validation_confusion"][metrics["best_epoch"] - 1]
        assert np.array(kept).tolist() == sum(outcomes[name].matrix().values()).tolist()


def test_test_patients_choose_no_epoch(source, tmp_path):
    alike = {**TINY, "epochs": 2, "norm": "none", "split": "ds1_ds2"}
    configs = [SelectionConfig(pipeline="baseline", **alike), BaselineConfig(**alike)]
    trial, last_epoch = run_all(configs, source, tmp_path)
    assert trial.per_record == last_epoch.per_record
    assert trial.metrics["validation_confusion"] == []


@pytest.mark.parametrize("name", ["baseline", "none", "adabn"])
def test_ec57_counts_every_beat_after_five_minutes(outcomes, source, name):
    beats = annotated(source, RUNS[name])
    late = beats.sample >= 300 * beats.fs
    counts = outcomes[name].metrics["ec57"]["veb"]
    assert counts["tp"] + counts["fn"] == np.sum(beats.symbol[late] == "V")
    fusion = np.sum(late & (beats.symbol == "F"))
    n_counted = sum(counts.values())
    assert late.sum() - fusion <= n_counted <= late.sum()


def test_r_peaks_are_scored_record_by_record(source, tmp_path):
    (result,) = run_all([RpeaksConfig(records=(100,))], source, tmp_path)
    assert set(result.metrics["per_record"]) == {"100"}


def test_results_say_on_which_data_and_where_they_were_made(outcomes, source):
    for result in outcomes.values():
        data = {"name": "mitdb", "sha256": source.sha256, "profile": "tiny"}
        assert result.data == data | {"synthetic": True}  # these patients are invented
        assert result.synthetic
        assert result.environment["torch"] == torch.__version__
        assert result.runtime_s
        assert all(seconds >= 0 for seconds in result.runtime_s.values())
        assert result.selected == (result is outcomes["head_only"])


def test_a_result_is_never_computed_twice(outcomes, source, folder, monkeypatch):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    times = [file.stat().st_mtime_ns for file in files]
    monkeypatch.setattr(registry, "find", pytest.fail)
    again = run_all(RUNS.values(), source, folder)
    assert again == list(outcomes.values())
    assert [file.stat().st_mtime_ns for file in files] == times
    assert sorted(file for file in folder.rglob("*") if file.is_file()) == files


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("baseline", {"seed": 21}),
        ("baseline", {"epochs": 2}),
        ("probe, random", {"probe_epochs": 1}),
        ("probe, supervised", {"epochs": 2}),
    ],
)
def test_another_setting_is_another_network(outcomes, source, tmp_path, name, change):
    (other,) = run_all([replace(RUNS[name], **change)], source, tmp_path)
    assert other.metrics != outcomes[name].metrics


def test_strategies_share_the_offline_stage(source, tmp_path):
    for name in ("none", "adapters", "probe, puzzle"):
        run_all([RUNS[name]], source, tmp_path)
        (checkpoint,) = (tmp_path / "checkpoints" / "puzzle").glob("*.npz")
        if name == "none":
            made = checkpoint.stat().st_mtime_ns
    assert checkpoint.stat().st_mtime_ns == made


def test_a_live_result_of_another_run_is_named(source, tmp_path):
    run_all([RUNS["baseline"]], source, tmp_path)
    (path,) = (tmp_path / "runs" / "baseline").iterdir()
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 8'))
    with pytest.raises(UserError, match=f"{path.name} holds another run than its name says"):
        run_all([RUNS["baseline"]], source, tmp_path)


def test_a_patient_with_too_few_beats_is_named(source, tmp_path):
    with pytest.raises(UserError, match=r"record 100 has \d beats in its first 5 s"):
        run_all([replace(RUNS["head_only"], online_seconds=5)], source, tmp_path)


def test_an_unknown_model_is_named_with_the_known_ones(source, tmp_path):
    with pytest.raises(UserError, match="model is 'resnet'; it must be one of: ecgnet"):
        run_all([replace(RUNS["baseline"], model="resnet")], source, tmp_path)


def test_a_share_of_the_training_beats(source, tmp_path):
    """The fine-tuning gets its share; the puzzle all normal beats."""
    whole, part = (
        Run(RUNS[name], {source.name: source}, torch.device("cpu"), tmp_path).train.beats
        for name in ("full", "full, all")
    )
    for label in range(len(CLASSES)):
        n_beats = np.sum(whole.label == label)
        assert np.sum(part.label == label) == round(0.3 * n_beats)
    assert set(part.record) <= set(SYNTHETIC_DS1)
    assert twin_of(RUNS["full, all"], PuzzleConfig).train_share == 1


@pytest.mark.parametrize("name", ["baseline", "probe, random"])
def test_a_last_batch_of_one_beat_is_no_problem(source, tmp_path, name):
    n_beats = len(load_beats(source.path, SYNTHETIC_DS1))
    (result,) = run_all([replace(RUNS[name], batch_size=n_beats - 1)], source, tmp_path)
    assert sum(result.matrix().values()).sum() == len(load_beats(source.path, SYNTHETIC_DS2))


def test_a_probe_does_not_depend_on_the_scale_of_features(source, tmp_path, monkeypatch):
    """Features of a random network are tiny; compared fairly, that must not count."""
    config = replace(RUNS["probe, random"], epochs=3)
    (as_they_are,) = run_all([config], source, tmp_path / "1")
    plain = ECGNet.features
    monkeypatch.setattr(ECGNet, "features", lambda self, x: 1000 * plain(self, x))
    (magnified,) = run_all([config], source, tmp_path / "2")
    expected = pytest.approx(magnified.metrics["accuracy"], abs=0.005)
    assert as_they_are.metrics["accuracy"] == expected


@pytest.mark.parametrize(("lead", "name"), [("usual", "MLII"), ("other", "V1")])
def test_a_trial_reads_the_window_and_the_lead_that_it_names(source, tmp_path, lead, name):
    """Against beats that are cut from the record by hand."""
    config = SelectionConfig(lead=lead, before=100, after=200, **PUZZLE)
    run = Run(config, {"mitdb": source}, torch.device("cpu"), tmp_path)
    record = wfdb.rdrecord(str(source.path / "118"))
    samples = record.p_signal[:, record.sig_name.index(name)]
    own = run.test_beats.select(run.test_beats.record == 118)
    assert len(own) > 20
    for row in (1, 5, 20):
        at = own.sample[row]
        np.testing.assert_allclose(own.signal[row], samples[at - 100 : at + 200], atol=1e-5)
