"""Two databases that studies read as one: their folds, keys and times."""

import numpy as np
import pytest
import wfdb
from scipy.signal import resample_poly

from ecglib.aami import DS1, DS2, SVDB_DEV, SVDB_TEST, patient_of
from ecglib.data import sets
from ecglib.data.find.search import find
from ecglib.data.sets.dataset import BeatSet, JointSet
from ecglib.data.synthetic import write_records
from ecglib.system.errors import UserError

EVERYBODY = {*DS1, *DS2, *SVDB_DEV, *SVDB_TEST}


def patients(records):
    return {patient_of(record) for record in records}


@pytest.mark.parametrize("split", sets.get("both").splits)
def test_nobody_is_trained_on_and_tested(split):
    for train, test in sets.get("both").folds(split, ()):
        assert train
        assert test
        if split == "dev_test":  # the literature's sides share one man, 201 and 202
            assert patients(train) & patients(test) == {201}
        else:
            assert not patients(train) & patients(test)


def test_everybody_is_left_out_once():
    folds = sets.get("both").folds("lopo2", ())
    assert len(folds) >= 20
    tested = [record for _, test in folds for record in test]
    assert sorted(tested) == sorted(EVERYBODY)
    assert len(patients(tested)) == 43 + 58
    for train, test in folds:
        assert {*train, *test} == EVERYBODY


def test_choices_are_made_on_development_patients_only():
    for train, test in sets.get("both").folds("dev_cv", ()):
        assert {*train, *test} == {*DS1, *SVDB_DEV}
        assert {*test} & {*DS1}
        assert {*test} & {*SVDB_DEV}


def test_one_database_trains_and_the_other_is_tested():
    ((train, test),) = sets.get("both").folds("mit_svdb", ())
    assert ({*train}, {*test}) == ({*DS1, *DS2}, {*SVDB_DEV, *SVDB_TEST})
    assert sets.get("both").folds("svdb_mit", ()) == [(test, train)]


def test_records_keep_the_keys_of_their_database():
    both = sets.get("both")
    assert [both.key(record) for record in (100, 803)] == ["100", "svdb/803"]


@pytest.fixture
def joined(tmp_path):
    """Two invented databases of one record each, at 360 and at 128 Hz, and their folder."""
    for name, record, fs in (("one", 101, 360), ("two", 118, 128)):
        (tmp_path / name).mkdir()
        write_records(tmp_path / name, [record], minutes=1, fs=fs)
    members = (
        BeatSet(name="one", title="One", records=(101,), lead="MLII", prefix=""),
        BeatSet(name="two", title="Two", records=(118, 119), lead="MLII", fs=128.0),
    )
    pair = JointSet(name="pair", title="Pair", members=members, records=(101, 118, 119))
    return pair, tmp_path


def test_each_missing_database_is_to_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("ECG_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"ecglib fetch mitdb` and .*ecglib fetch svdb`"):
        find("both")


def test_times_are_those_of_the_first_database(joined):
    pair, folder = joined
    beats = pair.load_beats(folder, (101, 118))
    own = pair.members[1].load_beats(folder / "two", (118,))
    found = beats.of_records([118])
    assert beats.fs == 360
    np.testing.assert_allclose(found.sample / 360, own.sample / 128, atol=1 / 720)
    assert (found.symbol == own.symbol).all()
    assert pair.read_record(folder, 118).fs == 128
    assert pair.other_lead(folder, 118) == "V1"


def test_windows_are_those_of_the_record_at_the_other_rate(joined):
    pair, folder = joined
    beats = pair.load_beats(folder, (118,), fusion="keep")
    record = pair.read_record(folder, 118)
    peaks = record.sample[record.is_beat]
    inside = (peaks > 128) & (peaks < len(record.signal) - 128)
    assert inside.sum() > 50
    for peak, window in zip(peaks[inside], beats.signal[inside], strict=True):
        start = peak % 16  # 16 samples at 128 Hz are 45 at 360 Hz
        whole = resample_poly(record.signal[start:], 45, 16)
        at = (peak - start) // 16 * 45
        np.testing.assert_allclose(window, whole[at - 150 : at + 150], atol=0.003)
        assert window[150] == pytest.approx(record.signal[peak], abs=0.003)


def test_windows_of_the_same_rate_are_left_as_they_are(joined):
    pair, folder = joined
    beats = pair.load_beats(folder, (101, 118), before=90, after=60, fusion="keep")
    own = pair.members[0].load_beats(
        folder / "one", (101,), before=90, after=60, length=150, fusion="keep"
    )
    np.testing.assert_array_equal(beats.of_records([101]).signal, own.signal)
    usual = pair.load_beats(folder, (118,), fusion="keep").signal
    np.testing.assert_allclose(beats.of_records([118]).signal, usual[:, 60:210], atol=0.003)


@pytest.mark.parametrize("fs", [100, 128, 250, 500, 1000])
def test_a_wave_keeps_its_phase_at_every_rate(fs, tmp_path):
    n_samples, peaks = 20 * fs, np.array([3, 7, 11]) * fs + 5
    wave = np.sin(2 * np.pi * 5 * np.arange(n_samples) / fs)
    wfdb.wrsamp("1", fs, ["mV"], ["I"], wave[:, None], fmt=["16"], write_dir=str(tmp_path))
    wfdb.wrann("1", "atr", peaks, ["N"] * 3, write_dir=str(tmp_path))
    member = BeatSet(name="wave", title="Wave", records=(1,), lead="I", fs=float(fs))
    pair = JointSet(name="pair", title="Pair", members=(member,), records=(1,))
    seconds = peaks[:, None] / fs + np.arange(-150, 150) / 360
    found = pair.load_beats(tmp_path, (1,)).signal
    np.testing.assert_allclose(found, np.sin(2 * np.pi * 5 * seconds), atol=0.003)


def test_without_records_all_are_loaded_that_have_the_lead(joined, monkeypatch):
    pair, folder = joined
    monkeypatch.setitem(sets.SETS, "pair", pair)
    assert set(sets.load("pair", folder).record) == {101, 118}
    assert pair.with_lead(folder, "V1") == (101, 118)
    assert pair.with_lead(folder, "aVR") == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"before": 0}, "before is 0: it must be at least 1"),
        ({"records": ()}, "records is empty"),
    ],
)
def test_a_window_or_records_that_make_no_sense(wrong, message, joined):
    pair, folder = joined
    with pytest.raises(UserError, match=message):
        pair.load_beats(**{"root": folder, "records": (118,)} | wrong)


def test_it_is_found_where_all_of_it_lies(joined, monkeypatch):
    pair, folder = joined
    monkeypatch.setitem(sets.SETS, "pair", pair)
    source = find("pair", folder, records=(101, 118))
    assert (source.path, source.synthetic) == (folder, True)
    assert pair.present(folder) == (101, 118)
    with pytest.raises(UserError, match="lacks 1 of the records asked for"):
        find("pair", folder, records=(101, 119))
    assert find("pair", folder / "one", records=(101, 118)).path == folder
    (folder / "two").rename(folder / "three")
    with pytest.raises(UserError, match="holds no record of Pair"):
        find("pair", folder)
