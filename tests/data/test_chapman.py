import importlib.util
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from ecglib.data.sets import load
from ecglib.data.sets.chapman import CODES, GROUP, N_PUBLISHED
from ecglib.system.errors import UserError

from .made import LEADS, csv_of, write_challenge, write_chapman, zipped

PUBLISHED = {"AFIB": 1780, "AF": 445, "SB": 3889, "SR": 1826, "SA": 399, "ST": 1568,
             "SVT": 587, "AT": 121, "AVNRT": 16, "AVRT": 8, "SAAWR": 7}  # fmt: skip
"""Recordings of each rhythm (Zheng et al. 2020)."""

FIRST = "MUSE_20180111_155500_19000"


def test_groups_hold_as_many_recordings_as_published():
    assert sum(PUBLISHED.values()) == N_PUBLISHED
    assert GROUP.keys() == PUBLISHED.keys() == set(CODES.values())
    count = dict.fromkeys(GROUP.values(), 0)
    for rhythm, n in PUBLISHED.items():
        count[GROUP[rhythm]] += n
    assert count == {"SB": 3889, "AFIB": 2225, "GSVT": 2307, "SR": 2225}


def test_diagnoses_at_hand_are_those_published(chapman_root):
    rhythm = pd.read_csv(chapman_root / "Diagnostics.csv")["Rhythm"].value_counts()
    assert rhythm.to_dict() == PUBLISHED


def test_counts_of_the_recordings_at_hand(chapman_root):
    recordings = load("chapman", chapman_root)
    assert recordings.classes == ("SB", "AFIB", "GSVT", "SR")
    assert np.bincount(recordings.label).tolist() == [473, 277, 256, 68]
    assert recordings.signal.shape == (1074, 5120)
    assert (recordings.fs, set(recordings.n_samples)) == (500.0, {5000})
    assert np.isfinite(recordings.signal).all()
    assert 0.1 < np.median(np.ptp(recordings.signal, axis=1)) < 5  # mV


def test_lead_that_only_some_recordings_have(chapman_root):
    with pytest.raises(UserError, match="has no lead 'V1'; it has II: leave the record"):
        load("chapman", chapman_root, lead="V1")


def test_physionet_form_agrees_with_wfdb(chapman_root):
    import wfdb

    recordings = load("chapman", chapman_root / "wfdb", lead="V3")
    assert np.bincount(recordings.label, minlength=4).tolist() == [6, 3, 0, 1]
    for name, signal in zip(recordings.recording, recordings.signal, strict=True):
        record = wfdb.rdrecord(str(chapman_root / "wfdb" / name))
        expected = record.p_signal[:, record.sig_name.index("V3")]
        np.testing.assert_allclose(signal[:5000], expected, atol=1e-6)


def test_lead_by_name_in_mv(tmp_path):
    signals = write_chapman(tmp_path, ["SB", "AF", "AVNRT", "SA"])
    recordings = load("chapman", tmp_path, lead="V1")
    assert [recordings.classes[i] for i in recordings.label] == ["SB", "AFIB", "GSVT", "SR"]
    assert recordings.recording.tolist() == list(signals)
    for row, name in enumerate(signals):
        expected = signals[name][:, 2] / 1000
        np.testing.assert_allclose(recordings.signal[row, :5000], expected, atol=1e-6)
        assert not recordings.signal[row, 5000:].any()
    cut = load("chapman", tmp_path, lead="V1", length=700)
    np.testing.assert_array_equal(cut.signal, recordings.signal[:, :700])
    assert cut.n_samples.tolist() == [700] * 4


def test_zip_is_the_same_and_flat_leads_are_kept(tmp_path):
    write_chapman(tmp_path / "set", ["SB", "SR"])
    flat = tmp_path / "set" / "ECGData" / f"{FIRST}.csv"
    flat.write_bytes(csv_of(np.zeros((5000, 3))))
    expected = load("chapman", tmp_path / "set")
    assert not expected.signal[0].any()
    zipped(tmp_path / "set" / "ECGData", tmp_path / "ECGData.zip", "ECGData/")
    shutil.copy(tmp_path / "set" / "Diagnostics.csv", tmp_path)
    recordings = load("chapman", tmp_path)
    np.testing.assert_array_equal(recordings.signal, expected.signal)
    np.testing.assert_array_equal(recordings.label, expected.label)


def cut_csv(path):
    path.write_bytes(path.read_bytes()[:30_000])


def with_gap(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\n,,\n", 1).rsplit(b"\n", 2)[0] + b"\n")


DAMAGE = {
    r"MUSE_\w+\.csv has 1,\d\d\d samples and not 5,000: it is truncated": cut_csv,
    "MUSE_20180111_155500_19000 has 1 samples that are NaN": with_gap,
    r"MUSE_\w+\.csv has rows unlike its header": lambda p: p.write_bytes(
        p.read_bytes().replace(b"I,", b"", 1)
    ),
    r"MUSE_\w+\.csv is damaged": lambda p: p.write_bytes(b"I,II,V1\n1,x,3\n"),
    "has no lead 'II'; it has :": lambda p: p.write_bytes(b""),
    "has no lead 'II'; it has I, V1": lambda p: p.write_bytes(b"I,V1\n1,2\n"),
    r"MUSE_\w+\.csv is damaged and cannot be read": lambda p: p.write_bytes(b"\xff\xfe\n1\n"),
}


@pytest.mark.parametrize("in_zip", [False, True])
@pytest.mark.parametrize("message", DAMAGE)
def test_damaged_recordings(tmp_path, message, in_zip):
    write_chapman(tmp_path, ["SB", "SR"])
    DAMAGE[message](tmp_path / "ECGData" / f"{FIRST}.csv")
    if in_zip:
        zipped(tmp_path / "ECGData", tmp_path / "ECGData.zip", "ECGData/")
    with pytest.raises(UserError, match=message):
        load("chapman", tmp_path)


@pytest.mark.parametrize(
    ("rhythm", "message"),
    [
        ("VT", r"155501_19000 has no known rhythm in .*Diagnostics\.csv .*SB, AFIB.*found: VT"),
        ("", r"155501_19000 has no known rhythm .*found: none"),
    ],
)
def test_unknown_or_missing_rhythm(tmp_path, rhythm, message):
    write_chapman(tmp_path, ["SB", rhythm])
    with pytest.raises(UserError, match=message):
        load("chapman", tmp_path)


def test_spaces_around_a_rhythm_are_no_part_of_it(tmp_path):
    write_chapman(tmp_path, ["SB ", " SR"])
    assert load("chapman", tmp_path).label.tolist() == [0, 3]


def test_a_table_that_went_through_a_spreadsheet(tmp_path):
    write_chapman(tmp_path, ["SB", "SR"])
    expected = load("chapman", tmp_path).label.tolist()
    table = tmp_path / "Diagnostics.csv"
    text = table.read_text()
    n_commas = text.splitlines()[0].count(",")
    table.write_bytes(("\ufeff" + text + "\n" + "," * n_commas + "\n\n").encode())
    assert load("chapman", tmp_path).label.tolist() == expected


def test_recording_that_the_table_lacks(tmp_path):
    write_chapman(tmp_path, ["SB", "SR"])
    table = tmp_path / "Diagnostics.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:2]))
    with pytest.raises(UserError, match=r"155501_19000 has no known rhythm .*found: no row"):
        load("chapman", tmp_path)
    table.write_text("something,else\n1,2\n")
    with pytest.raises(UserError, match="is no table with columns FileName and Rhythm"):
        load("chapman", tmp_path)
    table.unlink()
    with pytest.raises(UserError, match=r"no diagnoses: put Diagnostics\.csv or"):
        load("chapman", tmp_path)


def test_spreadsheet_needs_openpyxl(tmp_path):
    write_chapman(tmp_path, ["SB", "SR"])
    table = pd.read_csv(tmp_path / "Diagnostics.csv")
    (tmp_path / "Diagnostics.csv").unlink()
    if importlib.util.find_spec("openpyxl"):
        table.to_excel(tmp_path / "Diagnostics.xlsx", index=False)
        assert load("chapman", tmp_path).label.tolist() == [0, 3]
        return
    (tmp_path / "Diagnostics.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"needs the package openpyxl.*pip install"):
        load("chapman", tmp_path)


@pytest.mark.parametrize(
    ("codes", "group"),
    [
        ("164889003,59118001,164934002", "AFIB"),
        ("55827005, 164890007", "AFIB"),
        ("17366009", "GSVT"),
        ("427084000,426783006", "GSVT"),  # the first rhythm counts
        ("427393009", "SR"),
    ],
)
def test_first_rhythm_of_the_header_counts(tmp_path, codes, group):
    write_challenge(tmp_path / "g1", "JS00001", np.ones((12, 600)), fs=500, dx=codes)
    recordings = load("chapman", tmp_path)
    assert recordings.classes[recordings.label[0]] == group
    assert recordings.n_samples.tolist() == [600]


@pytest.mark.parametrize("codes", [None, "59118001", "UNKNOWN"])
def test_header_without_a_rhythm(tmp_path, codes):
    write_challenge(tmp_path, "JS00001", np.ones((12, 600)), fs=500, dx=codes)
    where = re.escape(str(tmp_path / "JS00001.hea"))
    found = f"JS00001 has no known rhythm in #Dx of {where} .*found: {codes or 'none'}"
    with pytest.raises(UserError, match=found):
        load("chapman", tmp_path)


@pytest.mark.parametrize(("there", "lacks"), [("hea", "mat"), ("mat", "hea")])
@pytest.mark.parametrize("in_zip", [False, True])
def test_no_recording_is_left_out_silently(tmp_path, there, lacks, in_zip):
    for name in ("JS00001", "JS00002"):
        write_challenge(tmp_path / "g1", name, np.ones((12, 9)), fs=500, dx="426177001")
    (tmp_path / "g1" / f"JS00002.{lacks}").unlink()
    if in_zip:
        zipped(tmp_path / "g1", tmp_path / "all.zip", "g1/")
    with pytest.raises(UserError, match=rf"JS00002\.{there}\)? has no JS00002\.{lacks} beside"):
        load("chapman", tmp_path / "all.zip" if in_zip else tmp_path)


def test_lead_that_no_header_names(tmp_path):
    write_challenge(tmp_path, "JS00001", np.ones((12, 600)), fs=500, dx="426177001")
    with pytest.raises(UserError, match=f"no lead 'MLII'; it has {', '.join(LEADS)}"):
        load("chapman", tmp_path, lead="MLII")


def test_authors_form_comes_first(tmp_path):
    write_chapman(tmp_path, ["SB"])
    write_challenge(tmp_path / "wfdb", "JS00001", np.ones((12, 600)), fs=500, dx="426783006")
    assert load("chapman", tmp_path).recording.tolist() == [FIRST]
    assert load("chapman", tmp_path / "wfdb").recording.tolist() == ["JS00001"]
