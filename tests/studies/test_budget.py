"""The human in the loop on invented patients: whom it asks, what it may see, what comes out."""

from collections import namedtuple

import numpy as np
import pytest

from ecglib import results
from ecglib.data.sets.mitdb import load_beats
from ecglib.studies import budget
from ecglib.studies.registry import make_config
from ecglib.studies.run import run_study

from .test_micro import QUICK, RECORDS

ASKED = {"query": "mixed", "update": "head", "update_epochs": 1, "online_seconds": 30}
ASKED |= {"budget": 5}
TINY_ECGNET = {"channels": (4,) * 5, "epochs": 1, "records": RECORDS}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("budget") / "runs"


@pytest.fixture
def execute(mitdb, runs):
    """Runs configurations anew, on networks that all tests share."""

    def run(*configs):
        for old in runs.rglob("*.json"):
            old.unlink()
        return run_study(list(configs), mitdb, profile="tiny", device="cpu", runs=runs)

    run.source = mitdb
    return run


Outcome = namedtuple("Outcome", ("predicted", "asked"))


@pytest.fixture
def looped(monkeypatch):
    """What every patient was personalized with: record -> (replay, patient, outcome)."""
    seen, plain = {}, budget.personalize

    def recorded(model, anatomy, config, replay, patient, watch):
        outcome = plain(model, anatomy, config, replay, patient, watch)
        seen[patient.record] = (replay, patient, Outcome(*outcome))
        return outcome

    monkeypatch.setattr(budget, "personalize", recorded)
    return seen


@pytest.mark.parametrize("scope", ["none", "all_int8"])
@pytest.mark.parametrize("split", ["ds1_ds2", "lopo"])
def test_no_label_is_the_plain_network(execute, scope, split):
    common = {**QUICK, "scope": scope, "split": split}
    plain, unasked = execute(make_config("micro", **common), make_config("budget", **common))
    assert {sum(counts) for counts in unasked.metrics["asked"].values()} == {0}
    assert set(unasked.metrics["online_macs"].values()) == {0}
    assert plain.predictions == unasked.predictions
    assert plain.metrics["macro_f1"] > 0.35  # more than always N: something was learnt


def rows(x):
    return {beat.numpy().tobytes() for beat in x}


@pytest.mark.parametrize("split", ["ds1_ds2", "lopo"])
def test_no_beat_of_a_patient_is_replayed(execute, looped, split):
    execute(make_config("budget", **QUICK, **ASKED, split=split))
    assert set(looped) == set(RECORDS[3:] if split == "ds1_ds2" else RECORDS)
    for replay, patient, _ in looped.values():
        assert not rows(replay.x) & rows(patient.inputs.x)
    if split == "lopo":  # 201 and 202 are one man
        for one, other in ((201, 202), (202, 201)):
            assert not rows(looped[one][0].x) & rows(looped[other][1].inputs.x)
        assert rows(looped[100][0].x) & rows(looped[201][1].inputs.x)


@pytest.mark.parametrize("study", ["budget", "budget_ecgnet"])
def test_no_record_gives_more_replayed_beats_of_a_class_than_the_cap(execute, looped, study):
    """Both leads of a record teach the micro network, and each has its own cap."""
    more = TINY_ECGNET if study == "budget_ecgnet" else QUICK
    execute(make_config(study, **more, **ASKED, replay_cap=4))
    (replay, _, _), *others = looped.values()
    assert all(len(other) == len(replay) for other, _, _ in others)
    n_leads = 2 if study == "budget" else 1
    expected = np.zeros(3, int)
    for record in RECORDS[:3]:
        label = load_beats(execute.source.path, (record,)).label
        expected += n_leads * np.minimum(np.bincount(label, minlength=3), 4)
    assert np.bincount(replay.y, minlength=3).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "how",
    [
        {"budget": 5},
        {"budget": 2, "query": "random", "scope": "all_int8"},
        {"budget": 3, "update": "prototypes"},
        {"budget": 4, "update": "output", "scope": "all_int8"},
        {"budget": 6, "update": "last_block"},
    ],
    ids=str,
)
def test_patients_are_asked_as_often_as_their_budget_says(execute, looped, mitdb, how):
    (result,) = execute(make_config("budget", **QUICK, **{**ASKED, **how}))
    for record, (_, patient, outcome) in looped.items():
        beats = load_beats(mitdb.path, (record,), fusion="keep")
        np.testing.assert_array_equal(patient.inputs.y.numpy(), beats.label)
        np.testing.assert_allclose(patient.seconds, beats.sample / 360)
        assert (patient.seconds[outcome.asked] < 30).all()
        assert len(outcome.asked) == len(set(outcome.asked)) == how["budget"]
        by_class = np.bincount(beats.label[outcome.asked], minlength=5)
        assert result.metrics["asked"][str(record)] == by_class.tolist()
        decoded = results.decode_classes(result.predictions[str(record)])
        np.testing.assert_array_equal(decoded, outcome.predicted)


@pytest.mark.parametrize("scope", ["none", "all_int8"])
def test_a_stream_asks_within_its_hourly_budget(execute, looped, scope):
    how = {"asking": "stream", "query": "margin", "unsure": 1.0, "budget": 240}
    (result,) = execute(make_config("budget", **QUICK, **{**ASKED, **how}, scope=scope))
    for record, (_, patient, outcome) in looped.items():
        number = np.arange(1, len(outcome.asked) + 1)
        assert (number <= np.ceil(240 * patient.seconds[outcome.asked] / 3600)).all()
        assert sum(result.metrics["asked"][str(record)]) == len(number) > 0
    assert any((p.seconds[o.asked] >= 30).any() for _, p, o in looped.values())


def test_ecgnet_without_labels_is_its_plain_network(execute):
    (result,) = execute(make_config("budget_ecgnet", **TINY_ECGNET))
    assert all(sum(counts) == 0 for counts in result.metrics["asked"].values())
    (plain,) = execute(make_config("baseline", **TINY_ECGNET, features="beat+rr"))
    assert result.predictions == plain.predictions


def test_ecgnet_is_asked_like_the_micro_network(execute, looped):
    (result,) = execute(make_config("budget_ecgnet", **TINY_ECGNET, **ASKED))
    assert all(sum(counts) == 5 for counts in result.metrics["asked"].values())
    for replay, patient, outcome in looped.values():
        assert not rows(replay.x) & rows(patient.inputs.x)
        assert (patient.seconds[outcome.asked] < 30).all()
