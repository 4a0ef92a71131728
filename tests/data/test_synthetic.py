import numpy as np
import pytest
import wfdb

from ecglib.data.find.identity import EXTENSIONS
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.synthetic import is_synthetic, write_records

N, S, V = range(3)


@pytest.fixture(scope="module")
def beats(synthetic_root):
    records = [101, 106, 118, 124, 207, 223, 100, 103, 202, 232]
    return load_beats(synthetic_root, records, fusion="keep")


def rows(beats):
    """One record's beats at a time."""
    for record in np.unique(beats.record):
        yield beats.of_records([record])


def test_same_bytes_whatever_else_is_written(tmp_path):
    write_records(tmp_path / "a", [101, 223], minutes=1)
    write_records(tmp_path / "b", [223], minutes=1)
    write_records(tmp_path / "c", [223], minutes=1, seed=1)
    for extension in EXTENSIONS:
        name = f"223.{extension}"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes()
    assert len(list((tmp_path / "a").iterdir())) == 6  # nothing temporary is left


def test_intervals_a_heart_could_have(beats):
    for one in rows(beats):
        rr = np.diff(one.sample) / one.fs
        assert rr.min() > 0.3
        assert rr.max() < 2.0
        assert 50 < 60 / rr.mean() < 110
        assert rr[one.label[1:] == N].std() > 0.01  # no metronome


def test_every_class_before_and_after_five_minutes(beats):
    for one in rows(beats):
        for part in (one.before(300), ~one.before(300)):
            assert (np.bincount(one.label[part], minlength=4)[[S, V]] >= 2).all()


def test_proportions(beats):
    share = np.bincount(beats.label, minlength=4) / len(beats)
    np.testing.assert_allclose(share, [0.85, 0.05, 0.083, 0.017], atol=0.01)


def test_ectopic_beats_come_early_and_a_pause_follows(beats):
    for one in rows(beats):
        rr = np.diff(one.sample) / one.fs
        usual = np.median(rr)
        inner = one.label[1:-1]
        before, after = rr[:-1], rr[1:]
        early = (inner == S) | (inner == V)
        assert (before[early] < 0.9 * usual).all()
        full = (before + after)[inner == V] / usual
        assert np.abs(full - 2).max() < 0.35
        assert np.median(full) == pytest.approx(2, abs=0.1)  # fully compensated
        assert np.median((before + after)[inner == S] / usual) < 1.9  # not so after S


def half_height_width(signal):
    """Samples at which the mean beat is beyond half its largest deflection, around R."""
    mean = signal.mean(axis=0)
    mean = np.abs(mean - np.median(mean))[110:190]
    return np.count_nonzero(mean > mean.max() / 2)


def test_ventricular_beats_are_broad(beats):
    for one in rows(beats):
        broad = half_height_width(one.signal[one.label == V])
        assert broad > 1.5 * half_height_width(one.signal[one.label == N])


def test_patients_differ_more_than_beats_of_a_patient(beats):
    for label in (N, V):
        means, within = [], []
        for one in rows(beats):
            signal = one.signal[one.label == label][:, 110:190]
            signal = signal - signal.mean(axis=1, keepdims=True)  # without baseline wander
            means.append(signal.mean(axis=0))
            within.append(signal.std(axis=0).mean())
        assert np.std(means, axis=0).mean() > np.mean(within)


def test_leads_are_named_and_114_has_them_the_other_way_round(tmp_path):
    write_records(tmp_path, [100, 114], minutes=1)
    assert wfdb.rdheader(str(tmp_path / "100")).sig_name == ["MLII", "V1"]
    assert wfdb.rdheader(str(tmp_path / "114")).sig_name == ["V1", "MLII"]


def test_header_says_what_it_is(synthetic_root):
    assert is_synthetic(synthetic_root / "100.hea")


def test_real_header_does_not(mitdb_root):
    assert not is_synthetic(mitdb_root / "100.hea")


def test_length_and_sampling_frequency(tmp_path):
    write_records(tmp_path, [100], minutes=0.5, fs=250)
    header = wfdb.rdheader(str(tmp_path / "100"))
    assert (header.fs, header.sig_len) == (250, 7500)
