from collections import Counter

import numpy as np
import pytest

from ecglib.data.sets import load
from ecglib.data.sets.cpsc2018 import CLASSES, CODES
from ecglib.system.errors import UserError

from .made import write_challenge


@pytest.fixture
def three(tmp_path):
    """Three recordings of 6 to 12 s with codes in their headers: (folder, ADC units)."""
    rng = np.random.default_rng(2)
    units = [rng.integers(-2000, 2000, (12, n)) for n in (3000, 5000, 6000)]
    codes = ("426783006", "59118001,164889003", "426177001,429622005")  # the third: SB, STD
    for number, (own, dx) in enumerate(zip(units, codes, strict=True), start=1):
        write_challenge(tmp_path / f"g{number}", f"A000{number}", own, fs=500, dx=dx)
    return tmp_path, units


def labels(recordings):
    return [recordings.classes[i] for i in recordings.label]


def test_codes_cover_the_classes_in_the_order_of_the_reference():
    assert tuple(CODES.values()) == CLASSES


def test_recordings_at_hand_agree_with_wfdb(cpsc2018_root):
    import wfdb

    recordings = load("cpsc2018", cpsc2018_root)
    first = "RBBB Normal AF AF PVC RBBB AF STD AF RBBB"
    assert labels(recordings)[:10] == first.split()
    named = Counter(labels(recordings)[10:])  # A0011 on: names instead of codes
    common = {"RBBB": 25, "AF": 20, "Normal": 19, "STD": 18, "PVC": 17, "STE": 13}
    assert named == common | {"PAC": 13, "LBBB": 8, "I-AVB": 7}
    assert (recordings.fs, recordings.signal.shape) == (500.0, (150, 5120))
    for row, name in enumerate(recordings.recording):
        n, signal = recordings.n_samples[row], recordings.signal[row]
        record = wfdb.rdrecord(str(cpsc2018_root / name))
        expected = record.p_signal[:, record.sig_name.index("II")][:5120]
        assert n == len(expected)
        np.testing.assert_allclose(signal[:n], expected, atol=1e-6)


def test_first_known_code_counts_and_lengths_are_cut_or_padded(three):
    folder, units = three
    recordings = load("cpsc2018", folder, lead="V6")
    assert labels(recordings) == ["Normal", "RBBB", "STD"]
    assert recordings.n_samples.tolist() == [3000, 5000, 5120]
    for signal, own, n in zip(recordings.signal, units, recordings.n_samples, strict=True):
        np.testing.assert_allclose(signal[:n], own[11, :n] / 1000, atol=1e-6)
        assert not signal[n:].any()


def write_reference(folder, *rows):
    text = "Recording,First_label,Second_label,Third_label\n" + "".join(f"{r}\n" for r in rows)
    (folder / "REFERENCE.csv").write_text(text)


def test_first_label_of_the_reference_counts(three):
    folder, _ = three
    write_reference(folder, "A0001,4,,", "A0002,9,2,7", "A0003,1,,")
    assert labels(load("cpsc2018", folder)) == ["LBBB", "STE", "Normal"]


def test_a_reference_that_went_through_a_spreadsheet(three):
    table = three[0] / "REFERENCE.csv"
    write_reference(three[0], "A0001,4,,", "A0002,9,2,7", "A0003,1,,")
    text = table.read_text()
    for changed in ("\ufeff" + text + "\n,,,\n", text.replace(",", ";").replace("\n", "\n\n")):
        table.write_bytes(changed.encode())
        assert labels(load("cpsc2018", three[0])) == ["LBBB", "STE", "Normal"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["A0001,4,,", "A0002,10,,"], r"REFERENCE\.csv is no table with .*1 to 9"),
        (["A0001,0,,"], r"REFERENCE\.csv is no table"),
        (["A0001,RBBB,,"], r"REFERENCE\.csv is no table"),
        (["A0001"], r"REFERENCE\.csv is no table"),
        (["A0001,4,,", "A0003,4,,"], r"A0002 has no known label in .*REFERENCE\.csv"),
    ],
)
def test_bad_reference(three, rows, message):
    write_reference(three[0], *rows)
    with pytest.raises(UserError, match=message):
        load("cpsc2018", three[0])


@pytest.mark.parametrize(
    ("dx", "found"),
    [("426177001", "426177001"), ("sinus, VT", "SINUS, VT"), (None, "none"), (" ", "none")],
)
def test_header_without_a_known_code(three, dx, found):
    write_challenge(three[0], "A0004", np.ones((12, 700)), fs=500, dx=dx)
    message = (
        rf"A0004 has no known label in #Dx of .*A0004.hea .*known: Normal.* found: {found}\)"
    )
    with pytest.raises(UserError, match=message):
        load("cpsc2018", three[0])


@pytest.mark.parametrize("mark", ["#Dx:", "# Dx:", "#DX :", "#dx:"])
@pytest.mark.parametrize("dx", ["RBBB", "rbbb , AF", "VT,RBBB,STE", "Rbbb,"])
def test_names_however_they_are_written(tmp_path, mark, dx):
    write_challenge(tmp_path, "A0001", np.ones((12, 700)), fs=500, dx=dx)
    header = tmp_path / "A0001.hea"
    header.write_text(header.read_text().replace("#Dx:", mark))
    assert labels(load("cpsc2018", tmp_path)) == ["RBBB"]


def test_missing_lead(three):
    with pytest.raises(UserError, match="A0001 has no lead 'V9'; it has I, II, III"):
        load("cpsc2018", three[0], lead="V9")


def test_baseline_and_gain_of_the_header(tmp_path):
    units = np.arange(24).reshape(2, 12)
    how = {"leads": ("I", "II"), "gain": "200(10)/mV", "dx": "426783006"}
    write_challenge(tmp_path, "A0001", units, fs=500, **how)
    signal = load("cpsc2018", tmp_path, length=12).signal[0]
    np.testing.assert_allclose(signal, (units[1] - 10) / 200, atol=1e-7)
