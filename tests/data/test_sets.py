"""Data sets by name, and one that is added."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st

from ecglib.aami import DS1, DS1_VAL, DS2, patient_of
from ecglib.data import sets
from ecglib.data.find.download import fetch
from ecglib.data.find.search import find
from ecglib.data.sets.dataset import BeatSet, RecordingSet, patients_apart
from ecglib.system.errors import UserError

from .test_mitdb import assert_same


def test_every_name_is_one_of_either_kind():
    recordings = {name for name, one in sets.SETS.items() if isinstance(one, RecordingSet)}
    assert {*sets.BEATS, *recordings, "nstdb"} == set(sets.NAMES)
    assert set(sets.BEATS) == {"mitdb", "svdb", "both"}
    assert recordings == {"cinc2017", "chapman", "cpsc2018"}
    assert all(sets.get(name).name == name for name in sets.NAMES)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    known = "mitdb, svdb, both, cinc2017, chapman, cpsc2018, nstdb"
    message = f"unknown data set 'ptbxl': known are {known}"
    for ask in (sets.get, find, lambda name: sets.load(name, tmp_path), fetch):
        with pytest.raises(UserError, match=message):
            ask("ptbxl")


def test_naming_a_data_set_imports_no_reader():
    code = """
import sys
for name in ("wfdb", "torch", "pandas", "scipy", "platformdirs"):
    sys.modules[name] = None  # importing it raises ImportError
from ecglib.data import sets
assert len(sets.get("mitdb").records) == 48
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


MITDB = sets.get("mitdb")


def test_what_is_known_about_mitdb():
    assert (len(MITDB.records), MITDB.lead, MITDB.fs) == (48, "MLII", 360)
    assert MITDB.key(100) == "100"
    assert [MITDB.patient_of(record) for record in (202, 201, 100)] == [201, 201, 100]
    folds = {f"ds1_fold{number}" for number in range(4)}
    assert set(MITDB.splits) == {"ds1_ds2", "ds2_ds1", "ds1_val", "ds1_cv", "lopo", *folds}


def test_folds_of_one_training():
    assert MITDB.folds("ds1_ds2", DS1 + DS2) == [(DS1, DS2)]
    assert MITDB.folds("ds2_ds1", (100, 101, 106)) == [((100,), (101, 106))]
    assert MITDB.folds("ds1_ds2", (101, 106)) == [((101, 106), ())]  # whoever asks complains
    ((train, test),) = MITDB.folds("ds1_val", DS1)
    assert test == DS1_VAL == (118, 124, 207, 223)
    assert set(train) == set(DS1) - {118, 124, 207, 223}
    ((train, test),) = MITDB.folds("ds1_fold1", DS1 + DS2)
    assert test == (106, 114, 119, 203, 209, 230)
    assert set(train) == set(DS1) - set(test)


@pytest.mark.parametrize(
    ("split", "n_folds", "tested"), [("lopo", 43, DS1 + DS2), ("ds1_cv", 11, DS1)]
)
def test_everybody_is_left_out_once(split, n_folds, tested):
    folds = MITDB.folds(split, DS1 + DS2)
    assert len(folds) == n_folds
    assert sorted(r for _, test in folds for r in test) == sorted(tested)


@given(st.sets(st.sampled_from(DS1 + DS2), min_size=1), st.sampled_from(["lopo", "ds1_cv"]))
def test_folds_of_some_records_hold_them_all_and_part_the_patients(records, split):
    used = records & set(DS1 + DS2 if split == "lopo" else DS1)
    folds = MITDB.folds(split, tuple(records))
    assert sorted(r for _, test in folds for r in test) == sorted(used)
    for train, test in folds:
        assert set(train) | set(test) == used
        assert len(train) + len(test) == len(used)
        assert not {patient_of(r) for r in train} & {patient_of(r) for r in test}
    if split == "lopo":
        assert len(folds) == len({patient_of(r) for r in used})


def test_folds_in_order():
    lopo = MITDB.folds("lopo", (100, 201, 202, 102))
    assert lopo == [((201, 202), (100,)), ((100,), (201, 202))]  # one man; 102 is paced
    assert [test for _, test in MITDB.folds("ds1_cv", DS1)][:2] == [(101, 124), (106, 201)]
    few = MITDB.folds("ds1_cv", (101, 106, 201))
    assert few == [((106, 201), (101,)), ((101,), (106, 201))]


@pytest.mark.parametrize(("split", "shared"), [("ds1_ds2", {201}), ("ds1_val", set())])
def test_the_standard_split_shares_one_man_and_that_of_ds1_nobody(split, shared):
    ((train, test),) = MITDB.folds(split, DS1 + DS2)
    assert {patient_of(r) for r in train} & {patient_of(r) for r in test} == shared


def test_an_unknown_split():
    with pytest.raises(UserError, match="split is 'ds3'; mitdb knows ds1_ds2, ds2_ds1"):
        MITDB.folds("ds3", DS1)


def test_load_of_all_that_is_there(synthetic_root):
    records = (100, 101, 103, 106, 118, 124, 202, 207, 223, 232)
    assert_same(sets.load("mitdb", synthetic_root), MITDB.load_beats(synthetic_root, records))
    one = sets.load("mitdb", synthetic_root, records=[232], lead="V1", fusion="keep", length=30)
    assert set(one.record) == {232}
    assert one.signal.shape[1] == 30


SYMBOLS = ["N", "V", "~", "A", "N"]
PEAKS = np.array([30, 200, 290, 310, 480])


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Two records at 100 Hz with leads of other names; where they lie."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    form = {"fs": 100, "sig_name": ["left", "right"], "write_dir": str(folder)}
    form |= {"units": ["mV"] * 2, "fmt": ["16"] * 2, "adc_gain": [100] * 2, "baseline": [0] * 2}
    for number in (7, 8):
        adc = np.random.default_rng(number).integers(-500, 500, (520, 2))
        wfdb.wrsamp(str(number), d_signal=adc, **form)
        wfdb.wrann(str(number), "atr", PEAKS, SYMBOLS, write_dir=str(folder))
    own = BeatSet(
        name="toy",
        title="the toy database",
        records=(7, 8, 9),
        lead="right",
        fs=100,
        folds_by_split={"lopo": patients_apart((7, 8, 9))},
    )
    monkeypatch.setitem(sets.SETS, "toy", own)
    return folder


def test_its_beats_are_loaded_by_name(toy):
    beats = sets.load("toy", toy)
    assert beats.record.tolist() == [7] * 4 + [8] * 4
    assert beats.symbol.tolist() == ["N", "V", "A", "N"] * 2
    assert beats.label.tolist() == [0, 2, 1, 0] * 2
    assert beats.sample.tolist() == [30, 200, 310, 480] * 2
    assert (beats.fs, beats.signal.shape, beats.n_padded) == (100, (8, 300), 4)
    beats = sets.load("toy", toy, records=[8], before=10, after=5, length=15)
    signal = wfdb.rdrecord(str(toy / "8")).p_signal[:, 1]
    expected = [signal[peak - 10 : peak + 5] for peak in (30, 200, 310, 480)]
    np.testing.assert_array_equal(beats.signal, np.array(expected, np.float32))
    left = sets.load("toy", toy, records=[8], lead="left", before=1, after=1, length=2)
    assert left.signal[0, 1] == np.float32(wfdb.rdrecord(str(toy / "8")).p_signal[30, 0])


def test_the_window_has_as_many_seconds_as_that_of_mitdb(toy):
    usual = sets.load("toy", toy, length=84)  # 150 samples at 360 Hz are 41.7 at 100 Hz
    assert_same(usual, sets.load("toy", toy, before=42, after=42, length=84))


def test_it_is_found_described_and_packed(toy, tmp_path):
    source = find("toy", tmp_path / "data", records=[7, 8])
    assert (source.path, source.synthetic) == (toy, False)
    assert source.describe().startswith(
        "the toy database, 2 of the 3 records published, without 9: "
    )
    with pytest.raises(UserError, match=r"lacks 1 of the records asked for: 9"):
        find("toy", tmp_path / "data", records=[7, 9])
    sets.get("toy").pack(toy, tmp_path / "toy.npz")
    packed = find("toy", tmp_path / "toy.npz")
    assert packed.sha256 == source.sha256
    assert_same(sets.load("toy", packed.path), sets.load("toy", toy))
    with pytest.raises(UserError, match=r"toy\.npz .*pack mitdb"):
        find("mitdb", tmp_path / "toy.npz", records=[100])
    with pytest.raises(UserError, match=r"the toy database was not found: run"):
        find("toy", records=[7])


def test_its_records_folds_and_keys(toy):
    own = sets.get("toy")
    record = own.read_record(toy, 7)
    np.testing.assert_array_equal(record.symbol, SYMBOLS)
    assert (own.other_lead(toy, 7), own.other_lead(toy, 7, "left")) == ("left", "right")
    assert own.key(7) == "toy/7"
    assert own.folds("lopo", (7, 8)) == [((8,), (7,)), ((7,), (8,))]


def test_records_of_several_rates_are_no_table(toy):
    header = toy / "8.hea"
    header.write_text(header.read_text().replace(" 100 520", " 125 520"))
    with pytest.raises(UserError, match="records have different sampling frequencies"):
        sets.load("toy", toy)


def test_a_set_without_splits(toy):
    with pytest.raises(UserError, match="split is 'lopo'; toy knows none"):
        replace(sets.get("toy"), folds_by_split={}).folds("lopo", (7,))
