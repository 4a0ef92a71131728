"""Counts agree with the annotations themselves and with what is known of the database."""

from collections import Counter

import numpy as np
import pytest
import wfdb

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.sets.mitdb import load_beats
from ecglib.results import RunResult, score_beats
from ecglib.studies.registry import make_config
from ecglib.tables import detection
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2


@pytest.fixture(scope="module")
def synthetic_beats(synthetic_root):
    return load_beats(synthetic_root, SYNTHETIC_DS1 + SYNTHETIC_DS2, fusion="keep")


def result(study="baseline", **fields):
    config = make_config(study).to_dict()
    rest = {"data": {}, "metrics": {}, "runtime_s": {}, "environment": {}}
    return RunResult(study=study, config=config, **(rest | fields))


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


def test_sets_add_up_their_records(synthetic_beats):
    table = detection.of_beats(synthetic_beats)
    sets = detection.by_set(table)
    assert sets["records"].tolist() == [len(SYNTHETIC_DS1), len(SYNTHETIC_DS2)]
    assert sets.loc["DS1", "S"] == sum(table.loc[record, "S"] for record in SYNTHETIC_DS1)
    assert sets["all"].sum() == len(synthetic_beats)


def detections():
    rows = [
        {"record": 100, "n_beats": 10, "tp": 10, "fn": 0, "fp": 0, "se": 1.0, "ppv": 1.0},
        {"record": 232, "n_beats": 30, "tp": 15, "fn": 15, "fp": 5, "se": 0.5, "ppv": 0.75},
    ]
    metrics = {"per_record": {str(row["record"]): row for row in rows}}
    return detection.detections(result("rpeaks", metrics=metrics))


def test_gross_pools_beats_and_average_pools_records():
    table = detection.detection_table({"reference": detections()})["reference"]
    assert table.loc["gross"].tolist() == pytest.approx([40, 25 / 40, 25 / 30])
    assert table.loc["average"].tolist() == [20, 0.75, 0.875]
    assert table.loc[232].tolist() == [30, 0.5, 0.75]


def test_record_that_was_not_run_is_missing():
    both = {"reference": detections(), "this run": detections().loc[[100]]}
    table = detection.detection_table(both)
    assert table["this run"].loc[232].isna().all()
    assert table["this run"].loc["gross", "beats"] == 10
