"""Counts agree with the annotations themselves and with what is known of the database."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.sets.mitdb import load_beats
from ecglib.metrics import ec57
from ecglib.results import RunResult, score_beats
from ecglib.studies.registry import make_config
from ecglib.tables import detection
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2

EMPTY = {"data": {}, "runtime_s": {}, "environment": {}}


@pytest.fixture(scope="module")
def synthetic_beats(synthetic_root):
    return load_beats(synthetic_root, SYNTHETIC_DS1 + SYNTHETIC_DS2, fusion="keep")


def result(study="baseline", **fields):
    config = make_config(study).to_dict()
    return RunResult(study=study, config=config, **({"metrics": {}} | EMPTY | fields))


def scored(beats):
    """A result whose predictions are arbitrary: counts must not depend on them."""
    predicted = np.random.default_rng(0).integers(3, size=len(beats))
    return result(**score_beats(beats, predicted))


def test_beats_of_a_record_are_those_of_its_annotation_file(synthetic_root, synthetic_beats):
    table = detection.of_beats(synthetic_beats)
    assert list(table.index) == sorted(SYNTHETIC_DS1 + SYNTHETIC_DS2)
    for record in table.index:
        symbols = wfdb.rdann(str(synthetic_root / str(record)), "atr").symbol
        kinds = Counter(SYMBOL_TO_AAMI[s] for s in symbols if s in SYMBOL_TO_AAMI)
        expected = [kinds["N"], kinds["S"], kinds["V"], kinds["F"] + kinds["Q"]]
        assert table.loc[record].tolist() == expected


def test_class_without_beats_has_a_column_of_zeros(synthetic_beats):
    table = detection.of_beats(synthetic_beats.select(synthetic_beats.label == 2))
    assert list(table.columns) == ["N", "S", "V", "F, Q"]
    assert table[["N", "S", "F, Q"]].to_numpy().sum() == 0 < table["V"].sum()


def test_results_hold_the_same_counts_as_the_beats(synthetic_beats):
    parts = [scored(synthetic_beats.of_records(r)) for r in (SYNTHETIC_DS2, SYNTHETIC_DS1)]
    assert detection.of_results(parts).equals(detection.of_beats(synthetic_beats))


def test_classes_add_up_the_records_of_a_side(synthetic_beats):
    counts = detection.of_beats(synthetic_beats)
    table = detection.class_table(counts)
    assert table.loc["S", "DS1"] == sum(counts.loc[record, "S"] for record in SYNTHETIC_DS1)
    assert table[["DS1", "DS2"]].to_numpy().sum() == len(synthetic_beats)
    assert table["share of DS2"].sum() == pytest.approx(1)
    assert table.loc["V", "symbols"] == "V E r"


def test_concentration_finds_the_record_with_most_beats():
    counts = pd.DataFrame({"S": [10, 0, 30], "V": [0, 0, 8]}, index=[100, 103, 232])
    table = detection.concentration(counts)
    assert table.loc["S"].tolist() == [40, 30, 232, 0.75, 1, 3]
    assert table.loc["V", "records without any"] == 2


def test_the_three_readings_count_what_the_annotations_say(synthetic_beats):
    beats = synthetic_beats.of_records(SYNTHETIC_DS2)
    rng = np.random.default_rng(0)
    run = scored(beats)
    counts = ec57(beats.symbol, rng.integers(3, size=len(beats)), beats.sample, beats.fs)
    run.metrics["ec57"] = {name: vars(getattr(counts, name)) for name in ("sveb", "veb")}
    table = detection.conventions(run)
    late = beats.sample >= 300 * beats.fs
    for row, kept in (("papers' classes, whole records", True), (detection.LATE, late)):
        assert table.loc[row, "S"] == np.sum((beats.label == 1) & kept)
        assert table.loc[row, "V"] == np.sum((beats.label == 2) & kept)
    escape = np.isin(beats.symbol, ["e", "j"]) & late
    assert detection.escape_beats(run) == escape.sum()
    assert table.loc[detection.BXB, "S"] == np.sum(((beats.label == 1) & late) | escape)


def test_recordings_are_counted_by_class():
    support = {"N": {"support": 5}, "A": {"support": 3}, "O": {"support": 2}}
    run = RunResult(study="rhythm", config={}, metrics={"per_class": support}, **EMPTY)
    row = detection.recordings_table({"cinc2017": run}).loc["CinC 2017"]
    assert row["in our runs"] == 10
    assert row["largest class"] == 0.5
    assert row["by class"] == "N 5, A 3, O 2"


def detections():
    rows = [
        {"record": 100, "n_beats": 10, "tp": 10, "fn": 0, "fp": 0, "se": 1.0, "ppv": 1.0},
        {"record": 232, "n_beats": 30, "tp": 15, "fn": 15, "fp": 5, "se": 0.5, "ppv": 0.75},
    ]
    metrics = {"per_record": {str(row["record"]): row for row in rows}}
    return detection.detections(result("rpeaks", metrics=metrics))


def test_gross_pools_beats_and_average_pools_records():
    table = detection.detection_table(detections())
    assert table.loc["gross"].tolist() == pytest.approx([40, 25 / 40, 25 / 30])
    assert table.loc["average"].tolist() == [20, 0.75, 0.875]
    assert table.loc[232].tolist() == [30, 0.5, 0.75]
