"""WFDB records of any form, and files of other forms, against known samples."""

import gzip
import zipfile

import numpy as np
import pytest
import wfdb

from ecglib.data.records import read_wfdb
from ecglib.holter.open import open_recording
from ecglib.system.errors import UserError
from tests.holter.made import ecg, header, marks, predicted, record, refusal

N = 700_001
"""Frames; with two leads a file is read in two blocks, the second of which starts at an odd
place of the packed formats."""


def packed(fmt, flat):
    """Samples as bytes of the formats that wfdb does not write."""
    flat = np.append(flat, np.zeros(-len(flat) % 3, dtype=flat.dtype))
    if fmt == "8":
        frames = flat[: 2 * N].reshape(-1, 2)
        return np.diff(frames, axis=0, prepend=0).astype("i1").tobytes()
    if fmt == "61":
        return flat.astype(">i2").tobytes()
    if fmt == "160":
        return (flat + 2**15).astype("<u2").tobytes()
    one, two, three = (flat % 1024).reshape(-1, 3).T.astype(np.uint32)
    if fmt == "310":
        low, high = (one << 1) | ((three & 31) << 11), (two << 1) | ((three >> 5) << 11)
        return (low | (high << 16)).astype("<u4").tobytes()
    return (one | (two << 10) | (three << 20)).astype("<u4").tobytes()


@pytest.mark.parametrize(
    "fmt",
    ["8", "16", "24", "32", "61", "80", "160", "212", "310", "311", "508", "516", "524"],
)
def test_every_format_gives_the_samples_that_were_written(tmp_path, fmt):
    rng = np.random.default_rng(3)
    wave = np.cumsum(rng.integers(-3, 4, (N, 2)), axis=0)
    adc = np.abs((wave % 200) - 100) - 60  # a walk between two bounds, in steps of no jump
    if fmt in ("8", "61", "160", "310", "311"):
        (tmp_path / "r.dat").write_bytes(packed(fmt, adc.reshape(-1)))
        line = f"r.dat {fmt} 20(0)/mV 16 0 0 0 0"
        header(tmp_path, "r", f"r 2 250 {N}\n{line} V1\n{line} II\n")
    else:
        how = {"fs": 250, "units": ["mV"] * 2, "sig_name": ["V1", "II"], "fmt": [fmt] * 2}
        how |= {"adc_gain": [20] * 2, "baseline": [0] * 2, "write_dir": str(tmp_path)}
        wfdb.wrsamp("r", d_signal=adc, **how)
    recording = open_recording(tmp_path / "r")
    for lead in range(2):
        np.testing.assert_allclose(recording.read(lead), adc[:, lead] / 20, atol=1e-6)


def test_samples_that_are_marked_invalid_are_missing(tmp_path):
    lead, _ = ecg()
    path = record(tmp_path, "r", {"II": lead})
    adc = np.fromfile(tmp_path / "r.dat", "<i2")
    adc[100:110] = -(2**15)
    adc.tofile(tmp_path / "r.dat")
    assert np.flatnonzero(np.isnan(open_recording(path).read(0))).tolist() == [*range(100, 110)]


@pytest.mark.parametrize("frames", ["7500", "0", ""])
def test_several_samples_in_a_frame_and_a_shift(tmp_path, frames):
    """62.5 frames a second, one sample of breathing and four of the ECG, as MIMIC has them."""
    lead, peaks = ecg(seconds=120)
    breath = np.arange(7500) % 900
    adc = np.column_stack([breath, np.rint(lead * 1000).reshape(-1, 4)])
    adc.astype("<i2").tofile(tmp_path / "r.dat")
    path = header(
        tmp_path,
        "r",
        f"r 2 62.5/999.52(12) {frames}\nr.dat 16:3 1(0)/pm 16 0 0 0 0 RESP\n"
        "r.dat 16x4:5 1000(0)/mV 16 0 0 0 0 II\n",
    )
    recording = open_recording(path)
    assert [(s.fs, s.n_samples) for s in recording.signals] == [(62.5, 7500), (250, 30_000)]
    read = recording.read(1)
    np.testing.assert_allclose(read[:-20], lead[20:], atol=1e-6)
    assert np.isnan(read[-20:]).all()
    assert np.corrcoef(recording.read(0)[:-3], breath[3:])[0, 1] > 0.999999
    marks(path, "atr", peaks // 4)  # in frames
    at = recording.annotations("atr", 250)[0]
    assert np.array_equal(at, peaks // 4 * 4)
    assert len(predicted(path)) == pytest.approx(len(peaks), abs=1)


def test_a_length_that_the_header_leaves_out_is_that_of_flac(tmp_path):
    lead, _ = ecg()
    path = record(tmp_path, "r", {"II": lead, "V1": lead / 2}, fmt="516")
    text = (tmp_path / "r.hea").read_text()
    header(tmp_path, "r", text.replace("r 2 250 15000", "r 2 250 0"))
    np.testing.assert_allclose(open_recording(path).read(1), lead / 2, atol=6e-4)


@pytest.mark.parametrize(
    ("unit", "encoding", "per_mv"),
    [
        ("/\N{MICRO SIGN}V", "utf-8", 1e3),
        ("/\N{GREEK SMALL LETTER MU}V", "utf-8", 1e3),
        ("/\N{MICRO SIGN}V", "latin-1", 1e3),
        *(("/" + unit, "ascii", 1e3) for unit in ("uV", "uv", "UV", "microvolts", "MicroVolt")),
        *(("/" + unit, "ascii", 1) for unit in ("mV", "mv", "MV", "millivolt")),
        *(("/" + unit, "ascii", 1e-3) for unit in ("V", "volts")),
        ("/nV", "ascii", 1e6),
        ("", "ascii", 1),
    ],
)
def test_units_in_any_spelling(tmp_path, unit, encoding, per_mv):
    lead, _ = ecg()
    record(tmp_path, "r", {"II": lead})
    gain = f"{1000 / per_mv:.9f}"
    text = f"r 1 250 15000\nr.dat 16 {gain}(0){unit} 16 0 0 0 0 II\n"
    recording = open_recording(header(tmp_path, "r", text, encoding))
    np.testing.assert_allclose(recording.read(0), lead, rtol=1e-4, atol=1e-6)
    assert recording.notes == []


@pytest.mark.parametrize("line", ["r.dat 16", "r.dat 16 0", "r.dat 16 0(0)/mV 16 0 0 0 0 II"])
def test_without_a_gain_the_amplitude_is_called_a_guess(tmp_path, line, capsys):
    lead, _ = ecg()
    path = header(record(tmp_path, "r", {"II": lead}).parent, "r", f"r 1 250 15000\n{line}\n")
    np.testing.assert_allclose(open_recording(path).read(0), lead * 5, atol=1e-5)
    predicted(path)
    assert "amplitude is a guess" in capsys.readouterr().out


@pytest.mark.parametrize("scale", ["+1000", "1E3/mV", "1e6/V", "1000.0(0)", "1000(+0)/mV"])
@pytest.mark.parametrize("form", ["16", "16:-3"])
def test_gains_however_they_are_written(tmp_path, scale, form):
    lead, _ = ecg()
    path = record(tmp_path, "r", {"II": lead})
    header(tmp_path, "r", f"r 1 250\nr.dat {form} {scale} 16 0 0 0 0 II\n")
    recording = open_recording(path)
    np.testing.assert_allclose(recording.read(0), lead, atol=1e-5)
    assert recording.notes == []


@pytest.mark.parametrize(
    ("line", "fs"), [("r 1 5e2", 500), ("r 1 2.5E2/1000(7) 15000", 250), ("r 1", 250)]
)
def test_rates_however_they_are_written(tmp_path, line, fs):
    record(tmp_path, "r", {"II": ecg()[0]})
    path = header(tmp_path, "r", f"{line}\nr.dat 16 1000 16 0 0 0 0 II\n")
    recording = open_recording(path)
    assert (recording.signals[0].fs, recording.signals[0].n_samples) == (fs, 15_000)
    assert ("no samples a second" in str(recording.notes)) == (line == "r 1")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("r 1 fast 15000", "r.hea is damaged"),
        ("r 1 -500 15000", "-500 Hz; 100 to 20,000 Hz are read"),
        ("r 1 250 -5", "too short: -5 samples"),
        ("r 1 250 many", "r.hea is damaged"),
    ],
)
def test_impossible_rates_and_lengths_are_refused(tmp_path, capsys, line, message):
    record(tmp_path, "r", {"II": ecg()[0]})
    path = header(tmp_path, "r", f"{line}\nr.dat 16 1000 16 0 0 0 0 II\n")
    assert message in refusal(capsys, path)


def test_a_unit_that_is_no_voltage_is_said(tmp_path, capsys):
    lead, _ = ecg()
    predicted(record(tmp_path, "r", {"ECG": lead}, units="NU"))
    assert "ECG has the unit NU; by its size it is read as mV" in capsys.readouterr().out


def test_segments_with_gaps_and_leads_that_come_and_go(tmp_path):
    """A variable layout: lead II is second, absent, and first; its gain and unit differ."""
    lead, peaks = ecg(seconds=40)
    one, two, three = lead[:2500], lead[3000:5000], lead[5000:]
    record(tmp_path, "s1", {"V": one / 2, "II": one})
    record(tmp_path, "s2", {"V": two})
    record(tmp_path, "s3", {"II": three})
    text = (tmp_path / "s3.hea").read_text()
    header(tmp_path, "s3", text.replace("1000(0)/mV", "1(0)/\N{MICRO SIGN}V"))
    line = "~ 0 1000(0)/mV 16 0 0 0 0"
    header(tmp_path, "lay", f"lay 2 250 0\n{line} V\n{line} II\n")
    header(tmp_path, "all", "all/5 2 250 10000\nlay 0\ns1 2500\n~ 500\ns2 2000\ns3 5000\n")
    marks(tmp_path / "all", "atr", peaks)
    recording = open_recording(tmp_path / "all")
    assert [s.name for s in recording.signals] == ["V", "II"]
    expected = np.concatenate([one, np.full(2500, np.nan), three])
    np.testing.assert_allclose(recording.read(1), expected, atol=1e-6)
    assert np.isnan(recording.read(0)[[2500, 2999, 5000]]).all()
    files = {path.name for path in recording.files}
    assert files == {
        *("all.hea", "all.atr", "lay.hea", "s1.hea", "s1.dat", "s2.hea", "s2.dat"),
        *("s3.hea", "s3.dat"),
    }
    assert set(predicted(tmp_path / "all", "--annotations", "atr")["class"]) >= {"N", "?"}


def test_segments_of_a_fixed_layout(tmp_path):
    lead, _ = ecg(seconds=60)
    record(tmp_path, "s1", {"ECG": lead[:7000] / 9, "II": lead[:7000]})
    record(tmp_path, "s2", {"V": lead[7500:] / 9, "ii": lead[7500:]})
    header(tmp_path, "all", "all/3 2 250\ns1 7000\n~ 500\ns2 7500\n")
    expected = lead.copy()
    expected[7000:7500] = np.nan
    read = open_recording(tmp_path / "all").read(1)
    np.testing.assert_allclose(read, expected, atol=1e-6)
    record(tmp_path, "s2", {"II": lead[7500:], "ECG": lead[7500:] / 9})  # in another order
    read = open_recording(tmp_path / "all").read(1)
    np.testing.assert_allclose(read, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "s2.hea").unlink(), "s2.hea does not exist"),
        (lambda f: (f / "s2.dat").unlink(), "s2.dat is missing"),
        (lambda f: (f / "s2.dat").write_bytes(b"12"), "s2.dat is truncated"),
        (lambda f: header(f, "all", "all/2 1 250\ns1 5000\ns2 9000\n"), "s2.dat is truncated"),
        (lambda f: header(f, "all", "all/2 1 360\ns1 5000\ns2 5000\n"), "250 Hz"),
        (lambda f: header(f, "all", "all/2 1 250\ns1 5000\nall 5\n"), "comes in segments"),
        (
            lambda f: header(f, "all", "all/2 1 250\n~ 5000\n~ 5\n"),
            "no segment that has samples",
        ),
        (lambda f: header(f, "all", "all/2 1 250\ns1 5000\n~ 999999999999\n"), "gaps"),
    ],
    ids=["header", "signals", "short", "long", "rate", "nested", "gaps only", "endless gap"],
)
def test_segments_that_do_not_fit_are_named(tmp_path, capsys, change, message):
    lead, _ = ecg(seconds=40)
    record(tmp_path, "s1", {"II": lead[:5000]})
    record(tmp_path, "s2", {"II": lead[5000:]})
    header(tmp_path, "all", "all/2 1 250 10000\ns1 5000\ns2 5000\n")
    change(tmp_path)
    assert message in refusal(capsys, tmp_path / "all")


def test_annotations_in_their_own_resolution_are_at_the_same_beats(tmp_path):
    lead, peaks = ecg(seconds=120)
    path = record(tmp_path, "r", {"II": lead})
    marks(path, "atr", peaks)
    marks(path, "fine", peaks * 4 + 1, fs=1000)
    marks(path, "coarse", peaks // 2, fs=125)
    recording = open_recording(path)
    assert np.array_equal(recording.annotations("fine", 250)[0], peaks)
    assert np.array_equal(recording.annotations("coarse", 250)[0], peaks // 2 * 2)
    assert predicted(path, "--annotations", "fine").equals(
        predicted(path, "--annotations", "atr")
    )


@pytest.mark.parametrize("note", ["## by hand", "## time resolution: fine", "## end of defin"])
def test_a_note_that_wfdb_does_not_know_is_passed_over(tmp_path, note):
    lead, peaks = ecg(seconds=20)
    path = record(tmp_path, "r", {"II": lead})
    notes = [note, *[""] * len(peaks)]
    marks(path, "atr", [0, *peaks], ['"', *"N" * len(peaks)], aux_note=notes)
    assert np.array_equal(open_recording(path).annotations("atr", 250)[0], peaks)


def test_every_beat_code_is_a_beat_and_nothing_else_is(tmp_path):
    lead, _ = ecg(seconds=120)
    path = record(tmp_path, "r", {"II": lead})
    codes = list("NLRBAaJSVrFejnE/fQ?")
    others = ["+", "~", "|", "p", "t", "x", '"', "[", "]", "!"]
    at = np.arange(1, 1 + len(codes) + len(others)) * 200
    marks(path, "atr", at, codes + others)
    sample, symbol = open_recording(path).annotations("atr", 250)
    assert symbol.tolist() == codes
    assert np.array_equal(sample, at[: len(codes)])


def test_a_beat_on_several_signals_is_one_beat(tmp_path):
    lead, peaks = ecg(seconds=60)
    path = record(tmp_path, "r", {"II": lead, "V1": lead / 2})
    at = np.sort(np.concatenate([peaks, peaks, peaks[1::2] + 4, peaks[::3] + 2]))
    on, before = [], {}
    for place in at.tolist():
        near = min(peaks.tolist(), key=lambda peak: abs(peak - place))
        on.append(before.get(near, 0))
        before[near] = on[-1] + 1
    marks(path, "atr", at, chan=np.array(on))
    sample, _ = open_recording(path).annotations("atr", 250)
    assert np.array_equal(sample, peaks)


def test_beats_past_the_end_are_left_out_and_counted(tmp_path, capsys):
    lead, peaks = ecg(seconds=60)
    path = marks(record(tmp_path, "r", {"II": lead}), "atr", [*peaks, 15_000, 15_300, 99_999])
    assert len(predicted(path, "--annotations", "atr")) == len(peaks)
    assert "note: 3 beats of r.atr lie outside of the recording" in capsys.readouterr().out


def test_annotations_that_cannot_be_used(tmp_path, capsys):
    path = record(tmp_path, "r", {"II": ecg()[0]})
    assert "r.atr does not exist" in refusal(capsys, path, "--annotations", "atr")
    (tmp_path / "r.bad").write_bytes(b"\xff\xff\xff")
    assert "r.bad is damaged" in refusal(capsys, path, "--annotations", "bad")
    marks(path, "cut", [100, 300, 500])
    (tmp_path / "r.cut").write_bytes((tmp_path / "r.cut").read_bytes()[:-2])
    assert "r.cut is damaged" in refusal(capsys, path, "--annotations", "cut")
    back = np.array([[200, 4], [0, 59 << 2], [255, 255], [156, 255], [0, 4], [0, 0]])
    (tmp_path / "r.back").write_bytes(back.astype("u1").tobytes())
    assert "r.back is damaged" in refusal(capsys, path, "--annotations", "back")
    marks(path, "calm", [9], "+")
    assert "no beat" in refusal(capsys, path, "--annotations", "calm")


@pytest.mark.parametrize("name", ["r.csv", "r.dat", "r.edf"])
def test_a_record_whose_name_has_an_ending(tmp_path, name):
    record(tmp_path, "r", {"II": ecg()[0]})
    (tmp_path / "r.hea").rename(tmp_path / f"{name}.hea")
    assert open_recording(tmp_path / name).name == name


@pytest.mark.parametrize("ending", ["", ".hea", ".dat"])
def test_a_record_is_named_by_any_of_its_files(tmp_path, ending):
    path = record(tmp_path, "r", {"II": ecg()[0]})
    recording = open_recording(f"{path}{ending}")
    assert recording.name == "r"
    assert [f.name for f in recording.files] == ["r.dat", "r.hea"]


def test_files_of_a_record_are_all_that_it_is_made_of(tmp_path):
    path = record(tmp_path, "r", {"II": ecg()[0]})
    header(tmp_path, "r", "r 1 250\nother.dat 16 1000(0)/mV 16 0 0 0 0 II\n")
    (tmp_path / "r.dat").rename(tmp_path / "other.dat")
    marks(path, "qrs", [9])
    for name in ("r.csv", "r.html", "rr.hea", "stranger.dat"):
        (tmp_path / name).write_text("")
    assert [f.name for f in open_recording(path).files] == ["other.dat", "r.hea", "r.qrs"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "r.hea").unlink(), "r.hea does not exist"),
        (lambda f: (f / "r.dat").unlink(), "r.dat is missing, though the record's header"),
        (lambda f: (f / "r.dat").write_bytes(b"1"), "r.dat is truncated"),
        (lambda f: (f / "r.dat").write_bytes(b""), "r.dat is truncated"),
        (lambda f: header(f, "r", "who knows"), "r.hea is damaged"),
        (
            lambda f: header(f, "r", "r 1 250 9\n../r.dat 16 1/mV 0 0 0 0 0 II\n"),
            "r.hea is dam",
        ),
        (lambda f: header(f, "r", "r 1 250 900\nr.dat 77 1/mV 0 0 0 0 0 II\n"), "damaged"),
        (lambda f: header(f, "r", "r 1 50 9\nr.dat 16 1/mV 0 0 0 0 0 II\n"), "50 Hz; 100 to"),
        (lambda f: header(f, "r", "r 1 30000 9\nr.dat 16 1/mV 0 0 0 0 0 II\n"), "30000 Hz"),
        (lambda f: header(f, "r", "r 1 250 9\nr.dat 16 1/mV 0 0 0 0 0 II\n"), "too short"),
        (lambda f: header(f, "r", "r 0 250 9\n"), "r.hea lists no lead"),
    ],
)
def test_a_damaged_record_gets_one_sentence_and_is_not_fetched(
    tmp_path, capsys, change, message
):
    path = record(tmp_path, "r", {"II": ecg()[0]})
    change(tmp_path)
    said = refusal(capsys, path)
    assert message in said
    assert "fetch" not in said


def test_data_sets_read_shifted_and_unmeasured_records_too(tmp_path):
    lead, peaks = ecg()
    path = record(tmp_path, "100", {"MLII": lead})
    marks(path, "atr", peaks)
    header(tmp_path, "100", "100 1 250 0\n100.dat 16:4 1000(0)/mV 16 0 0 0 0 MLII\n")
    read = read_wfdb(tmp_path, 100, "MLII")
    np.testing.assert_allclose(read.signal[:-4], lead[4:], atol=1e-6)


def other(form):
    """Name and content of a file of another form."""
    zipped = {"rec.zip": b"PK\x03\x04 and so on", "rec.gz": gzip.compress(b"1\n2\n")}
    return {
        "BDF": ("rec.bdf", b"\xffBIOSEMI" + bytes(600)),
        "BDF as EDF": ("rec.edf", b"\xffBIOSEMI" + bytes(600)),
        "DICOM": ("rec.dcm", bytes(128) + b"DICM" + bytes(90)),
        "DICOM without an ending": ("rec", bytes(128) + b"DICM" + bytes(90)),
        "SCP-ECG": ("rec.scp", bytes(16) + b"SCPECG" + bytes(90)),
        "XML (HL7 aECG)": ("rec.xml", b"\xef\xbb\xbf<?xml version='1.0'?><AnnotatedECG/>"),
        "ISHNE": ("rec.ecg", b"ISHNE1.0" + bytes(600)),
        "MATLAB": ("rec.mat", b"MATLAB 5.0 MAT-file"),
        "zip": ("rec.zip", zipped["rec.zip"]),
        "gzip": ("rec.csv.gz", zipped["rec.gz"]),
        "PDF": ("rec.pdf", b"%PDF-1.7"),
    }[form]


@pytest.mark.parametrize(
    "form",
    ["BDF", "BDF as EDF", "DICOM", "DICOM without an ending", "SCP-ECG", "XML (HL7 aECG)",
     "ISHNE", "MATLAB", "zip", "gzip", "PDF"],
)  # fmt: skip
def test_other_forms_are_named_with_what_converts_them(tmp_path, capsys, form):
    name, content = other(form)
    (tmp_path / name).write_bytes(content)
    said = refusal(capsys, tmp_path / name)
    assert form.partition(" as ")[0].partition(" without ")[0] in said
    assert "which is not read: " in said


def test_a_sheet_of_excel_is_no_other_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    with pytest.raises(UserError, match="file of Excel, which is not read: save the sheet as"):
        open_recording(tmp_path / "a.xlsx")


def test_options_of_tables_are_refused_for_others(tmp_path, capsys):
    path = record(tmp_path, "r", {"II": ecg()[0]})
    assert "--fs and --units are for tables" in refusal(capsys, path, "--fs", 250)


def test_names_of_files_keep_their_letters(tmp_path):
    lead, peaks = ecg()
    made = record(tmp_path, "r", {"II": lead})
    text = made.with_suffix(".hea").read_text().replace("r.dat", "Übung.dat")
    made.with_suffix(".dat").rename(tmp_path / "Übung.dat")
    path = header(tmp_path, "Übung", text.replace("r 1", "Übung 1", 1))
    assert abs(len(predicted(path)) - len(peaks)) <= 1
