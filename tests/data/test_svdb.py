"""The supraventricular database: its counts, its files, and annotations past the end."""

import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import wfdb

from ecglib.aami import SVDB_DEV, SVDB_TEST
from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.data.records import read_wfdb
from ecglib.data.sets import get
from ecglib.data.sets.svdb import BLIND
from ecglib.data.synthetic import write_records

SVDB = get("svdb")


@pytest.fixture(scope="module")
def root():
    found = Path(os.environ.get("ECG_DATA", "/nonexistent")) / "svdb"
    if not (found / "802.hea").is_file():
        pytest.skip("the supraventricular database is not at hand")
    return found


@pytest.fixture(scope="module")
def beats(root):
    return sets.load("svdb", root, records=SVDB_DEV + SVDB_TEST, fusion="keep")


def test_records_and_checksums():
    assert len(SVDB.records) == 78
    assert (SVDB.records[0], SVDB.records[-1], SVDB.fs) == (800, 894, 128)
    names = {f"{r}.{suffix}" for r in SVDB.records for suffix in ("atr", "dat", "hea")}
    assert SVDB.publisher.checksums.keys() == names
    assert all(re.fullmatch("[0-9a-f]{64}", d) for d in SVDB.publisher.checksums.values())
    assert SVDB.key(802) == "svdb/802"


def test_nobody_of_the_blind_test_belongs_to_a_side():
    assert len(BLIND) == 20
    assert sorted(BLIND + SVDB_DEV + SVDB_TEST) == list(SVDB.records)
    for name in ("mitdb", "both"):
        for folds in sets.get(name).folds_by_split.values():
            assert not {*BLIND} & {record for train, test in folds for record in train + test}


def test_sides():
    assert len(SVDB_DEV) == len(SVDB_TEST) == 29
    assert not set(SVDB_DEV) & set(SVDB_TEST)
    assert sorted(SVDB_DEV + SVDB_TEST)[::2] == list(SVDB_DEV)
    assert SVDB.folds("dev_test", SVDB.records) == [(SVDB_DEV, SVDB_TEST)]
    assert len(SVDB.folds("lopo", SVDB.records)) == 78


def test_files_are_the_publishers(root):
    for name in ("802.hea", "851.dat", "894.atr"):
        assert SVDB.publisher.checksums[name] == sha256_of(root / name)


def test_records_that_are_not_there_are_named(root):
    present = SVDB.present(root)
    missing = SVDB.missing(present)
    assert len(present) + len(missing) == 78
    text = SVDB.described(root, "")
    assert f"{len(present)} of the 78 records" in text
    assert not missing or text.endswith(", ".join(map(str, missing)))


@pytest.mark.parametrize(
    ("records", "counts"),
    [
        (SVDB_DEV + SVDB_TEST, [121_333, 9_976, 7_456, 22, 51]),
        (SVDB_DEV, [63_848, 5_969, 2_969]),
        (SVDB_TEST, [57_485, 4_007, 4_487]),
        ([865], [None, 1818]),
        ([802, 803, 804, 805, 893], [None, 0]),
    ],
)
def test_counts(beats, records, counts):
    found = np.bincount(beats.of_records(records).label, minlength=5)
    wanted = [n if count is None else count for n, count in zip(found, counts, strict=False)]
    assert found[: len(counts)].tolist() == wanted


def test_codes(beats):
    assert Counter(beats.symbol.tolist()).keys() == set("NSVFQJaB")
    assert [np.count_nonzero(beats.symbol == code) for code in "aBJ"] == [1, 1, 9]
    without_v = set(beats.record) - set(beats.record[beats.label == 2])
    assert len(without_v) == 9


def test_both_leads(root):
    first, second = (SVDB.read_record(root, 802, lead) for lead in ("ECG1", "ECG2"))
    assert (first.fs, len(first.signal), first.n_outside) == (128, 230_400, 0)
    assert SVDB.other_lead(root, 802) == "ECG2"
    assert not np.array_equal(first.signal, second.signal)
    assert np.array_equal(first.sample, second.sample)


def test_packed(root, tmp_path):
    for record in (802, 803):
        for suffix in ("hea", "dat", "atr"):
            (tmp_path / f"{record}.{suffix}").symlink_to(root / f"{record}.{suffix}")
    info = SVDB.pack(tmp_path, tmp_path / "svdb.npz")
    assert info.records == (802, 803)
    packed = SVDB.load(tmp_path / "svdb.npz")
    assert np.array_equal(packed.signal, SVDB.load(tmp_path).signal)


def test_annotations_past_the_end_are_left_out_and_counted(tmp_path):
    write_records(tmp_path, [100], minutes=1)
    inside = read_wfdb(tmp_path, 100, "MLII")
    n = len(inside.signal)
    sample, symbol = [*inside.sample, n, n + 40], [*inside.symbol, "N", "V"]
    wfdb.wrann("100", "atr", np.array(sample), symbol, write_dir=str(tmp_path))
    found = read_wfdb(tmp_path, 100, "MLII")
    assert (found.n_outside, inside.n_outside) == (2, 0)
    assert np.array_equal(found.sample, inside.sample)
    get("mitdb").pack(tmp_path, tmp_path / "mitdb.npz")
    assert get("mitdb").read_record(tmp_path / "mitdb.npz", 100).n_outside == 2
