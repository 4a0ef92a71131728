"""What is in a database: facts of a made record, and the published counts in committed runs."""

import numpy as np
import pytest

from ecglib import results
from ecglib.aami import DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.data.records import Record
from ecglib.studies.databases import DatabasesConfig, facts
from ecglib.studies.run import run_study
from ecglib.system.paths import RESULTS
from ecglib.tables import databases


@pytest.fixture(scope="module")
def records():
    return databases.by_record(results.load_study(RESULTS, "databases"))


def test_facts_of_a_record():
    signal = np.zeros(3000, np.float32)
    signal[[495, 505]] = -0.5, 1.5  # one complex of 2 mV, one of 1 mV, and one at the edge
    signal[[1000, 1500]] = 1, 1
    sample, symbol = np.array([2, 500, 700, 1000, 1500]), np.array(["N", "N", "+", "V", "A"])
    record = Record(7, signal, 100, 200, 0, sample, symbol)
    found = facts(record, np.array([0, 700, 1000]), np.array(["N", "B", "AFIB"]))
    assert [found[kind] for kind in "NSVFQ"] == [2, 1, 1, 0, 0]
    assert found["seconds"] == 30
    assert found["rate"] == 60 / 5  # RR intervals of 4.98, 5 and 5 s
    assert found["qrs_mv"] == 1
    assert (found["rhythm"], found["other rhythm"]) == (20, 3)


def test_rhythms_that_begin_late_are_not_known():
    sample, symbol = np.array([500, 1000]), np.array(["N", "N"])
    record = Record(7, np.ones(3000, np.float32), 100, 200, 0, sample, symbol)
    assert "rhythm" not in facts(record, np.array([1500]), np.array(["N"]))


def test_a_run(source, tmp_path):
    configs = [DatabasesConfig(records=(100, 101))]
    (result,) = run_study(configs, source, profile="tiny", device="cpu", runs=tmp_path)
    assert set(result.metrics["per_record"]) == {"100", "101"}


@pytest.mark.parametrize(
    ("name", "side", "counts"),
    [
        ("MIT-BIH", None, {"N": 90_631, "S": 2_781, "V": 7_236, "F": 803, "Q": 8_043}),
        ("MIT-BIH", DS1, {"N": 45_866, "S": 944, "V": 3_788, "F": 415, "Q": 8}),
        ("MIT-BIH", DS2, {"N": 44_259, "S": 1_837, "V": 3_221, "F": 388, "Q": 7}),
        ("SVDB", None, {"N": 121_333, "S": 9_976, "V": 7_456, "F": 22, "Q": 51}),
        ("SVDB", SVDB_DEV, {"N": 63_848, "S": 5_969, "V": 2_969}),
        ("SVDB", SVDB_TEST, {"N": 57_485, "S": 4_007, "V": 4_487}),
    ],
)
def test_committed_counts_are_those_published(records, name, side, counts):
    found = records.loc[name]
    found = found if side is None else found.loc[list(side)]
    assert found[list(counts)].sum().to_dict() == counts


def test_records_without_a_class(records):
    svdb = records.loc["SVDB"]
    assert svdb.index[svdb["S"] == 0].tolist() == [802, 803, 804, 805, 893]
    assert (svdb["V"] == 0).sum() == 9


def test_both_stand_side_by_side(records):
    table = databases.side_by_side(records)
    assert table["records"].tolist() == [48, 22, 22, 58, 29, 29]
    few = table.loc["SVDB", ["N", "S", "V"]].sum()  # the rest are F and Q
    assert few == pytest.approx(1, abs=0.001)
    known = table["AF"].notna()
    assert known.tolist() == 3 * [True] + 3 * [False]  # SVDB has no annotations of rhythm
    assert (table["QRS, mV low"] < table["QRS, mV"]).all()
    assert (table["rate"] < table["rate high"]).all()


def test_without_runs_there_is_no_table():
    with pytest.raises(LookupError, match="databases"):
        databases.by_record([])
