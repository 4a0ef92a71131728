"""Result files: what is saved is loaded, what is broken is named, a kill harms nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecglib import results
from ecglib.aami import AAMI_CLASSES, CLASSES
from ecglib.commands import report
from ecglib.metrics import from_confusion
from ecglib.studies.registry import find, make_config
from ecglib.system.errors import UserError
from tests.toys import beats_with

DATA = {"name": "mitdb", "sha256": "ab" * 32, "profile": "cpu"}
ENVIRONMENT = {"device": "cpu", "cpu": "a processor", "threads": 1, "torch": "2.13.0"}


def made_result(study, per_record, *, after_5min=None, **settings):
    """A result as a run would leave it, with the given confusion matrices."""
    total = sum(np.array(matrix) for matrix in per_record.values())
    return results.RunResult(
        study=study,
        config=make_config(study, **settings).to_dict(),
        data=DATA,
        metrics=from_confusion(total).to_dict(),
        runtime_s={"train": 10.0 + settings.get("seed", 7), "predict": 0.5},
        environment=ENVIRONMENT,
        per_record=per_record,
        per_record_after_5min=after_5min or per_record,
        predictions={record: results.encode_classes(np.array([0, 1])) for record in per_record},
    )


def save_into(folder, result):
    """Save a made result where a run would have put it."""
    config = make_config(result.study, **result.config)
    name = f"{config.slug}-{config.hash_with(result.data)}.json"
    path = folder / result.study / name
    results.save(result, path)
    return path


RESULT = made_result("baseline", {"100": [[5, 1, 0], [0, 2, 0], [1, 0, 3]]})


@given(arrays(np.int8, st.integers(0, 200), elements=st.integers(0, 4)))
def test_predictions_survive_encoding(classes):
    text = results.encode_classes(classes)
    text.encode("ascii")  # JSON needs no escapes for it
    decoded = results.decode_classes(text)
    assert decoded.dtype == np.int8
    np.testing.assert_array_equal(decoded, classes)


recording_names = st.text("AJSMUE0123456789_", min_size=1, max_size=12)


@given(st.dictionaries(recording_names, st.integers(0, 8), min_size=1, max_size=50))
def test_classes_of_recordings_survive_encoding(predicted):
    names, classes = np.array(list(predicted)), np.array(list(predicted.values()))
    encoded = json.loads(json.dumps(results.encode_recordings(names, classes)))
    decoded = results.decode_recordings(encoded)
    assert decoded == predicted
    assert list(decoded) == list(predicted)  # in order


def test_recordings_and_classes_must_be_equally_many():
    encoded = results.encode_recordings(np.array(["A00001", "A00002"]), np.array([0, 1]))
    one = results.encode_recordings(np.array(["A00001"]), np.array([0]))
    with pytest.raises(UserError, match="predictions in a result file are damaged"):
        results.decode_recordings({**encoded, "classes": one["classes"]})


def test_what_is_saved_is_loaded(tmp_path):
    path = save_into(tmp_path / "new folder", RESULT)
    assert results.load(path) == RESULT
    assert results.load_study(tmp_path / "new folder", "baseline") == [RESULT]
    assert results.load_study(tmp_path / "new folder", "puzzle") == []


def test_a_file_is_plain_json_with_the_agreed_keys(tmp_path):
    content = json.loads(save_into(tmp_path, RESULT).read_text())
    assert set(content) == {
        "study", "config", "data", "metrics", "per_record", "per_record_after_5min",
        "predictions", "runtime_s", "environment", "selected", "created",
    }  # fmt: skip
    assert {"accuracy", "macro_f1", "sensitivity", "per_class"} <= set(content["metrics"])
    assert content["per_record"]["100"] == [[5, 1, 0], [0, 2, 0], [1, 0, 3]]


def test_a_file_is_named_by_study_arm_seed_and_hash(tmp_path):
    path = save_into(tmp_path, RESULT)
    config = make_config("baseline")
    assert path.parent == tmp_path / "baseline"
    assert path.name == f"{config.slug}-{config.hash_with(DATA)}.json"
    assert report.is_current(RESULT, path)


@pytest.mark.parametrize(
    "change",
    [
        {"config": RESULT.config | {"epochs": 99}},
        {"config": RESULT.config | {"momentum": 0.9}},  # a setting of the past
        {"data": DATA | {"sha256": "cd" * 32}},
        {"data": {"sha256": DATA["sha256"]}},
    ],
)
def test_a_file_is_stale_when_it_no_longer_fits_its_name(tmp_path, change):
    path = save_into(tmp_path, RESULT)
    assert not report.is_current(replace(RESULT, **change), path)


def test_a_file_is_stale_when_the_protocol_moved_on(tmp_path, monkeypatch):
    path = save_into(tmp_path, RESULT)
    cls = find("baseline").config
    monkeypatch.setattr(cls, "protocol", cls.protocol + 1)
    assert not report.is_current(RESULT, path)


def test_files_load_in_order_of_their_names(tmp_path):
    configs = [make_config("baseline", seed=s).to_dict() for s in (7, 42, 21)]
    saved = {}
    for result in (replace(RESULT, config=config) for config in configs):
        saved[save_into(tmp_path, result)] = result
    assert results.load_study(tmp_path, "baseline") == [saved[path] for path in sorted(saved)]


@pytest.mark.parametrize("content", [b"", b"{", b'{"study": "a"', b"\xff\xfe\x00", b"<html>"])
def test_a_corrupt_file_is_named(tmp_path, content):
    path = tmp_path / "baseline" / "broken.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.json") as caught:
        results.load_study(tmp_path, "baseline")
    assert "delete it and rerun" in str(caught.value)


WRONG = json.dumps(asdict(RESULT) | {"metrics": 3})  # all keys, but no metrics


@pytest.mark.parametrize("content", ["[]", "{}", "3", '"text"', "null", '{"study": 1}', WRONG])
def test_a_foreign_file_is_named(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_text(content)
    with pytest.raises(
        UserError, match=r"foreign\.json is no result, lacks.*delete it and rerun"
    ):
        results.load(path)


def test_a_file_of_another_version_is_named(tmp_path):
    path = save_into(tmp_path, RESULT)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"colour": "red"}))
    with pytest.raises(UserError, match=path.name):
        results.load(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere: run as another user")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match=f"cannot write {tmp_path}"):
        save_into(tmp_path, RESULT)


SAVE_FOR_EVER = """
import itertools, json, sys
from pathlib import Path
from ecglib.results import RunResult, save
content = json.loads(Path(sys.argv[1]).read_text())
for i in itertools.count():
    save(RunResult(**content), Path(sys.argv[2]) / f"{i % 5}.json")
"""


def test_a_kill_in_the_middle_of_saving_leaves_whole_files_only(tmp_path):
    """Five files are overwritten again and again; whenever the kill comes, all are whole."""
    large = replace(RESULT, predictions={str(r): "A" * 20_000 for r in range(40)})
    template, target = tmp_path / "template.json", tmp_path / "live"
    results.save(large, template)
    for delay in (0.0, 0.013, 0.031):
        writer = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, template, target])
        try:
            deadline = time.monotonic() + 30
            while not (target / "4.json").exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(delay)
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        files = sorted(target.glob("*.json"))
        assert len(files) == 5
        assert all(results.load(file) == large for file in files)
        for file in files:
            file.unlink()


def annotated_beats(label, record, minute):
    """Beats with classes (F and Q included), records and times; signals are empty."""
    sample = np.round(np.asarray(minute) * 60 * 360).astype(np.int64)
    return beats_with(label=label, record=record, sample=sample)


@st.composite
def scored_beats(draw):
    """Annotated beats of some records in order of record and time, and predictions."""
    rows = []
    for record in sorted(draw(st.sets(st.sampled_from([100, 103, 232]), min_size=1))):
        minutes = draw(st.lists(st.floats(0, 30), min_size=1, max_size=12))
        rows += [(record, minute) for minute in sorted(minutes)]
    record, minute = zip(*rows, strict=True)
    classes = arrays(np.int8, len(rows), elements=st.integers(0, 4))
    predicted = draw(arrays(np.int8, len(rows), elements=st.integers(0, 2)))
    return annotated_beats(draw(classes), record, minute), predicted


@given(scored_beats())
def test_scores_agree_with_counting_beat_by_beat(example):
    beats, predicted = example
    scored = results.score_beats(beats, predicted)
    records = set(beats.record.tolist())
    assert all(set(part) == {str(record) for record in records} for part in scored.values())
    for record in records:
        rows = [i for i in range(len(beats)) if beats.record[i] == record]
        counted = [i for i in rows if AAMI_CLASSES[beats.label[i]] in CLASSES]
        for name, since in (("per_record", 0), ("per_record_after_5min", 300 * 360)):
            late = [i for i in counted if beats.sample[i] >= since]
            pairs = Counter((beats.label[i], predicted[i]) for i in late)
            expected = [[pairs[t, p] for p in range(3)] for t in range(3)]
            assert scored[name][str(record)] == expected
        kept = results.decode_classes(scored["predictions"][str(record)])
        assert kept.tolist() == predicted[rows].tolist()  # F and Q beats included


def test_the_first_five_minutes_end_at_exactly_five():
    beats = annotated_beats([0, 0], [100, 100], [5 - 1 / 60 / 360, 5])
    late = results.score_beats(beats, np.array([1, 2]))["per_record_after_5min"]
    assert late["100"][0] == [0, 0, 1]


def test_a_result_gives_its_matrices_and_classes():
    result = replace(RESULT, per_record_after_5min={"100": [[1, 0, 0], [0, 0, 0], [0, 0, 0]]})
    assert result.matrix()["100"].sum() == 12
    assert result.matrix(after_5min=True)["100"].sum() == 1
    assert result.classes(100).tolist() == result.classes("100").tolist() == [0, 1]
