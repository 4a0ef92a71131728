import re
import shutil
from collections import Counter

import numpy as np
import pytest
import wfdb

from ecglib.aami import DS1, DS2, PACED
from ecglib.data.find.identity import record_files
from ecglib.data.sets import dataset
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.rr import rr_features
from ecglib.data.synthetic import write_records
from ecglib.system.errors import UserError

ARRAYS = ("signal", "label", "symbol", "record", "sample", "rr")
NO_MLII = (102, 104)


def assert_same(one, other):
    for name in ARRAYS:
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert (one.fs, one.n_padded, one.rr_names) == (other.fs, other.n_padded, other.rr_names)


def with_loops(root, record, lead="MLII"):
    """Windows, symbols and R-peaks of a record, one beat at a time with wfdb alone."""
    data = wfdb.rdrecord(str(root / str(record)))
    signal = data.p_signal[:, data.sig_name.index(lead)]
    annotation = wfdb.rdann(str(root / str(record)), "atr")
    windows, symbols, peaks = [], [], []
    for peak, symbol in zip(annotation.sample, annotation.symbol, strict=True):
        if symbol in "NLRejAaJSVE":
            at = [min(max(i, 0), len(signal) - 1) for i in range(peak - 150, peak + 150)]
            windows.append(signal[at])
            symbols.append(symbol)
            peaks.append(peak)
    return np.array(windows, dtype=np.float32), symbols, peaks


@pytest.fixture
def one_record(tmp_path):
    """A folder of its own with record 100, to be damaged."""
    write_records(tmp_path, [100], minutes=1)
    return tmp_path


def rewrite(root, change):
    """Write record 100 again with `change` applied to its ADC values (n_samples, 2)."""
    data = wfdb.rdrecord(str(root / "100"), physical=False)
    change(data.d_signal)
    data.wrsamp(write_dir=str(root))


@pytest.mark.parametrize(
    ("records", "counts"),
    [(DS1, [45866, 944, 3788, 415, 8]), (DS2, [44259, 1837, 3221, 388, 7])],
)
def test_counts_of_both_sets(mitdb_root, records, counts):
    kept = load_beats(mitdb_root, records, fusion="keep")
    assert np.bincount(kept.label, minlength=5).tolist() == counts
    dropped = load_beats(mitdb_root, records)
    assert np.bincount(dropped.label, minlength=5).tolist() == [*counts[:3], 0, 0]


def test_counts_of_the_paced_records(mitdb_root):
    with_mlii = [record for record in PACED if record not in NO_MLII]
    found = [
        load_beats(mitdb_root, with_mlii, fusion="keep").label,
        load_beats(mitdb_root, NO_MLII, lead="V5", fusion="keep").label,
    ]
    assert np.bincount(np.concatenate(found)).tolist() == [506, 0, 227, 0, 8028]


def test_agrees_with_loops(synthetic_root):
    beats = load_beats(synthetic_root, [100, 223])
    for record in (100, 223):
        windows, symbols, peaks = with_loops(synthetic_root, record)
        mine = beats.of_records([record])
        np.testing.assert_array_equal(mine.signal, windows)
        assert mine.symbol.tolist() == symbols
        assert mine.sample.tolist() == peaks
        assert Counter(mine.label.tolist()).keys() == {0, 1, 2}


def test_record_114_has_mlii_as_its_second_signal(mitdb_root):
    assert wfdb.rdheader(str(mitdb_root / "114")).sig_name == ["V5", "MLII"]
    windows, symbols, peaks = with_loops(mitdb_root, 114)
    beats = load_beats(mitdb_root, [114])
    np.testing.assert_array_equal(beats.signal, windows)
    assert (beats.symbol.tolist(), beats.sample.tolist()) == (symbols, peaks)


def test_types_are_as_promised(synthetic_root):
    beats = load_beats(synthetic_root, (232, 100))
    assert beats.signal.dtype == beats.rr.dtype == np.float32
    assert beats.label.dtype == np.int8
    assert beats.sample.dtype == np.int64
    assert beats.fs == 360
    assert list(dict.fromkeys(beats.record.tolist())) == [232, 100]  # in the order asked for


def test_rr_is_computed_before_fusion_beats_are_dropped(synthetic_root):
    kept = load_beats(synthetic_root, [100], fusion="keep")
    dropped = load_beats(synthetic_root, [100])
    assert set(kept.symbol[kept.label == 3]) == {"F"}
    np.testing.assert_array_equal(kept.rr, rr_features(kept.sample))
    np.testing.assert_array_equal(dropped.rr, kept.rr[kept.label < 3])
    assert not np.array_equal(dropped.rr, rr_features(dropped.sample))


def test_lead_by_name_whatever_its_place(tmp_path):
    write_records(tmp_path, [114], minutes=1)
    windows, _, _ = with_loops(tmp_path, 114)
    np.testing.assert_array_equal(load_beats(tmp_path, [114]).signal, windows)


@pytest.mark.parametrize("extension", ["hea", "dat", "atr"])
def test_missing_file_is_named(one_record, extension):
    (one_record / f"100.{extension}").unlink()
    with pytest.raises(UserError, match=rf"100\.{extension} is missing"):
        load_beats(one_record, [100])


def test_truncated_signal(one_record):
    path = one_record / "100.dat"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    with pytest.raises(UserError, match=rf"100\.dat is truncated.* {len(whole):,} .* 1,000;"):
        load_beats(one_record, [100])


@pytest.mark.parametrize("extension", ["hea", "atr"])
def test_foreign_file(one_record, extension):
    (one_record / f"100.{extension}").write_bytes(b"\x93NUMPY\x01\x00\x76")
    with pytest.raises(UserError, match=rf"100\.{extension} is damaged"):
        load_beats(one_record, [100])


def test_header_that_names_another_signal_file(one_record):
    header = one_record / "100.hea"
    header.write_text(header.read_text().replace("100.dat", "999.dat"))
    with pytest.raises(UserError, match=r"999\.dat is missing"):
        load_beats(one_record, [100])


def test_record_without_the_lead(one_record):
    header = one_record / "100.hea"
    header.write_text(re.sub(r"MLII$", "V5", header.read_text(), flags=re.M))
    with pytest.raises(UserError, match="record 100 has no lead 'MLII'; it has V5, V1"):
        load_beats(one_record, [100])


def test_stretch_of_invalid_samples(one_record):
    peak = load_beats(one_record, [100]).sample[20]

    def lose_a_second(adc):
        adc[peak - 180 : peak + 180, 0] = -2048  # format 212's mark of an invalid sample

    rewrite(one_record, lose_a_second)
    with pytest.raises(UserError, match=r"record 100 has samples marked invalid in \d+ beat"):
        load_beats(one_record, [100])


def test_invalid_sample_outside_all_windows_does_no_harm(one_record):
    before = load_beats(one_record, [100], before=20, after=20, length=40)
    middle = int(before.sample[20:22].mean())

    def lose_one(adc):
        adc[middle, 0] = -2048

    rewrite(one_record, lose_one)
    assert_same(load_beats(one_record, [100], before=20, after=20, length=40), before)


def test_flat_record(one_record):
    def flatten(adc):
        adc[:, 0] = 1000

    rewrite(one_record, flatten)
    with pytest.raises(UserError, match="record 100 is one flat line"):
        load_beats(one_record, [100])


def test_flat_beat_is_kept(one_record):
    beats = load_beats(one_record, [100])
    peak = beats.sample[20]

    def flatten_a_stretch(adc):
        adc[peak - 200 : peak + 200, 0] = 1000

    rewrite(one_record, flatten_a_stretch)
    flat = load_beats(one_record, [100])
    assert len(flat) == len(beats)
    assert np.ptp(flat.signal[20]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"records": []}, "records is empty"),
        ({"records": [100], "before": 0}, "before is 0"),
        ({"records": [100], "length": -3}, "length is -3"),
        ({"records": [100], "fusion": "merge"}, "fusion is 'merge'.*'drop' or 'keep'"),
    ],
)
def test_arguments_that_make_no_sense(synthetic_root, arguments, message):
    with pytest.raises(UserError, match=message):
        load_beats(synthetic_root, **arguments)


@pytest.fixture
def cache_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_second_load_comes_from_the_cache(synthetic_root, cache_dir, monkeypatch):
    first = load_beats(synthetic_root, [100, 101])
    assert [path.suffix for path in cache_dir.iterdir()] == [".npz"]  # nothing temporary

    def no_reading(*_):
        raise AssertionError("read again")

    monkeypatch.setattr(dataset, "read_wfdb", no_reading)
    assert_same(load_beats(synthetic_root, [100, 101]), first)
    with pytest.raises(AssertionError, match="read again"):
        load_beats(synthetic_root, [100, 101], fusion="keep")


@pytest.mark.parametrize("content", [b"", b"not a zip file", b"PK\x03\x04", "half", "foreign"])
def test_damaged_or_foreign_file_in_the_cache_is_rebuilt(synthetic_root, cache_dir, content):
    first = load_beats(synthetic_root, [100])
    (stored,) = cache_dir.iterdir()
    whole = stored.read_bytes()
    if content == "foreign":
        np.savez(stored, something=np.arange(3))
    else:
        stored.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    assert_same(load_beats(synthetic_root, [100]), first)
    assert len(stored.read_bytes()) == len(whole)


def test_changed_file_is_read_again(one_record, cache_dir):
    before = load_beats(one_record, [100])

    def shift(adc):
        adc += 10

    rewrite(one_record, shift)
    after = load_beats(one_record, [100])
    np.testing.assert_allclose(after.signal, before.signal + 0.05, atol=1e-5)


def test_cache_that_cannot_be_written_is_no_error(synthetic_root, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ECGLIB_CACHE", str(tmp_path / "file"))
    assert len(load_beats(synthetic_root, [100])) > 0


def test_record_files_are_the_three(one_record):
    names = [path.name for path in record_files(one_record, 100)]
    assert names == ["100.hea", "100.dat", "100.atr"]
    shutil.rmtree(one_record)
    with pytest.raises(UserError, match=r"100\.hea is missing"):
        record_files(one_record, 100)
