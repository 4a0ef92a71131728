"""Tables as watches, spreadsheets and scripts write them, against known samples."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.system.errors import UserError
from tests.holter.made import ecg, predicted, refusal

LEAD, PEAKS = ecg(fs=250, seconds=20)
TIME = np.arange(len(LEAD)) / 250


def table(folder, text, name="t.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def rows(*columns, separator=",", above=""):
    """Lines of columns, each a list of texts."""
    return above + "".join(separator.join(row) + "\n" for row in zip(*columns, strict=True))


def texts(values, form="{:.3f}", decimal="."):
    return [form.format(value).replace(".", decimal) for value in values]


def same(path, lead=LEAD, index=0, atol=2e-5, **how):
    recording = open_recording(path, **how)
    np.testing.assert_allclose(recording.read(index), lead, atol=atol)
    return recording


APPLE = """Name,Jo Doe
Date of Birth,"Jan 8, 2002"
Recorded Date,2026-05-30 16:32:18 -0700
Classification,Sinus Rhythm
Symptoms,
Software Version,1.90
Device,"Watch7,12"
Sample Rate,512 hertz


Lead,Lead I
Unit,µV

"""
APPLE_DE = """Name,Jo Doe
Geburtsdatum,08.01.2002
Aufzeichnungsdatum,2026-05-30 16:32:18 +0200
Klassifizierung,Sinusrhythmus
Symptome,
Softwareversion,1.90
Gerät,"Watch7,12"
Messrate,511,562\N{NO-BREAK SPACE}Hertz


Ableitung,Ableitung I
Einheit,µV

"""
WATCH, WATCH_PEAKS = ecg(fs=512, seconds=30)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_export_of_a_watch(tmp_path, encoding, end):
    text = rows(texts(WATCH * 1000), above=APPLE).replace("\n", end)
    path = table(tmp_path, text, encoding=encoding)
    recording = same(path, WATCH)
    about = recording.signals[0]
    assert (about.name, about.unit, about.fs) == ("Lead I", "µV", 512)
    assert recording.notes == []
    assert len(predicted(path)) == pytest.approx(len(WATCH_PEAKS), abs=1)


@pytest.mark.parametrize("form", ["{:.3f}", "{:g}", '"{:.3f}"'], ids=["all", "few", "quoted"])
def test_export_of_a_watch_with_decimal_commas(tmp_path, form):
    path = table(tmp_path, rows(texts(WATCH * 1000, form, ","), above=APPLE_DE))
    about = same(path, WATCH).signals[0]
    assert (about.name, about.unit, about.fs) == ("Ableitung I", "µV", 511.562)


@pytest.mark.parametrize(
    ("rate", "fs"), [("512 herci", 512), ("512 赫兹", 512), ("0.512 kHz", 512), ("500Hz", 500)]
)
def test_rates_in_other_words(tmp_path, rate, fs):
    text = rows(texts(WATCH * 1000), above=APPLE.replace("512 hertz", rate))
    assert open_recording(table(tmp_path, text)).signals[0].fs == fs


@pytest.mark.parametrize(
    ("separator", "decimal"),
    [
        (",", "."),
        (";", "."),
        (";", ","),
        ("|", "."),
        ("|", ","),
        ("\t", "."),
        ("\t", ","),
        (" ", "."),
        ("  ", ","),
    ],
)
@pytest.mark.parametrize("above", ["", "time,V5,II"], ids=["bare", "named"])
def test_separators_and_decimal_signs(tmp_path, separator, decimal, above):
    above = above.replace(",", separator) + "\n" if above else ""
    columns = (texts(values, decimal=decimal) for values in (TIME, LEAD / 2, LEAD))
    text = rows(*columns, separator=separator, above=above)
    recording = same(table(tmp_path, text, "t.TXT"), index=1)
    assert [s.fs for s in recording.signals] == [250, 250]
    assert [s.name for s in recording.signals] == (
        ["V5", "II"] if above else ["signal 0", "signal 1"]
    )


CLOCK = [datetime(2024, 3, 11, 23, 59, 50) + timedelta(seconds=t) for t in TIME.tolist()]
TIMES = {
    "s": ("time", texts(TIME)),
    "ms": ("t [ms]", texts(TIME * 1e3, "{:.0f}")),
    "unnamed ms": ("time", texts(TIME * 1e3, "{:.0f}")),
    "us": ("timestamp_us", texts(TIME * 1e6, "{:.0f}")),
    "since 1970": ("timestamp", texts(1.7e12 + TIME * 1e3, "{:.0f}")),
    "clock over midnight": ("Zeit", [f"{at:%H:%M:%S.%f}" for at in CLOCK]),
    "ISO": ("date", [f"{at.isoformat(timespec='milliseconds')}Z" for at in CLOCK]),
    "day first": ("Datum", [f"{at:%d.%m.%Y %H:%M:%S.%f}" for at in CLOCK]),
    "year first": ("time", [f"{at:%Y/%m/%d %H:%M:%S.%f}" for at in CLOCK]),
    "month first": ("time", [f"{at:%m/%d/%Y %I:%M:%S.%f %p}" for at in CLOCK]),
    "before and after noon": ("time", [f"{at:%I:%M:%S.%f %p}" for at in CLOCK]),
    "date beside it": ("date,time", [f"{at:%Y-%m-%d},{at:%H:%M:%S.%f}" for at in CLOCK]),
    "minutes": ("Elapsed time", [f"'{int(t // 60)}:{t % 60:06.3f}'" for t in TIME]),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_of_any_kind(tmp_path, kind):
    name, column = TIMES[kind]
    text = rows(column, texts(LEAD), above=f"{name},ECG (mV)\n")
    recording = same(table(tmp_path, text))
    assert (recording.signals[0].name, recording.signals[0].fs) == ("ECG", 250)
    assert recording.notes == []


def test_units_in_a_line_of_their_own(tmp_path):
    """As PhysioNet's pages export records."""
    above = "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n"
    time = [f"'0:{t:06.3f}'" for t in np.arange(len(LEAD)) / 360]
    recording = same(table(tmp_path, rows(time, texts(LEAD), texts(LEAD), above=above)))
    assert [(s.name, s.unit, s.fs) for s in recording.signals] == [
        ("MLII", "mV", 360),
        ("V5", "mV", 360),
    ]


def test_times_that_are_rounded_still_give_the_rate(tmp_path):
    lead, _ = ecg(fs=256, seconds=20)
    time = texts(np.arange(len(lead)) * 1000 / 256, "{:.0f}")
    assert (
        same(table(tmp_path, rows(time, texts(lead), above="ms,ecg\n")), lead).signals[0].fs
        == 256
    )


def test_rows_that_are_missing_leave_a_gap(tmp_path):
    kept = np.r_[:1000, 1020 : len(LEAD)]
    path = table(tmp_path, rows(texts(TIME[kept]), texts(LEAD[kept]), above="s,mV\n"))
    expected = LEAD.copy()
    expected[1000:1020] = np.nan
    same(path, expected)


@pytest.mark.parametrize("mark", ["", "NaN", "nan", "NA", "-", " "])
def test_samples_that_are_missing(tmp_path, mark):
    column = texts(LEAD)
    for i in range(500, 550):
        column[i] = mark
    expected = LEAD.copy()
    expected[500:550] = np.nan
    same(table(tmp_path, rows(texts(TIME), column)), expected)
    path = table(tmp_path, rows(column))  # an empty line is a sample, too
    same(path, expected, fs=250, units="mV")


@pytest.mark.parametrize(
    ("name", "unit"),
    [("ECG (mV)", "mV"), ("ECG [uV]", "uV"), ("ecg_mV", "mV"), ("II / µV", "µV"), ("mV", "mV")],
)
def test_units_in_names(tmp_path, name, unit):
    factor = 1 if unit == "mV" else 1000
    text = rows(texts(TIME), texts(LEAD * factor), above=f"time,{name}\n")
    assert same(table(tmp_path, text)).notes == []
    assert (
        same(table(tmp_path, rows(texts(LEAD * factor), above=f"{name}\n")), fs=250).notes == []
    )


@pytest.mark.parametrize(("factor", "unit"), [(1, "mV"), (1000, "uV")])
def test_a_unit_that_is_not_given_is_guessed_and_said(tmp_path, factor, unit, capsys):
    path = table(tmp_path, rows(texts(LEAD * factor)))
    recording = same(path, fs=250)
    assert f"read as {unit}, which is a guess" in recording.notes[0]
    assert same(path, fs=250, units=unit).notes == []
    predicted(path, "--fs", 250)
    assert "is a guess" in capsys.readouterr().out


def test_a_single_column_with_decimal_commas_needs_only_its_rate(tmp_path):
    same(table(tmp_path, rows(texts(LEAD, decimal=","))), fs=250, units="mV")


def test_a_column_that_counts_rows_is_no_lead(tmp_path):
    count = [str(i) for i in range(len(LEAD))]
    for name in ("", "sample", "Index"):
        path = table(tmp_path, rows(count, texts(LEAD), above=f"{name},ecg\n"))
        assert [s.name for s in same(path, fs=250).signals] == ["ecg"]
        with pytest.raises(UserError, match="how many samples a second"):
            open_recording(path)


def test_columns_of_whole_numbers(tmp_path):
    steps = [str(round(x)) for x in LEAD * 1000]
    path = table(tmp_path, rows(steps, steps, above="ch1,ch2\n"))
    assert len(same(path, fs=250, units="uV").signals) == 2


def test_a_rate_given_by_hand_leaves_times_unread(tmp_path):
    path = table(tmp_path, rows(["0"] * len(LEAD), texts(LEAD), above="time,mV\n"))
    assert same(path, fs=250).signals[0].fs == 250


def spoiled(at, new, column=1):
    """The table with another text in a line (the first is 1, which names columns)."""
    columns = [texts(TIME), texts(LEAD)]
    columns[column][at - 2] = new
    return rows(*columns, above="time,ECG (mV)\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (spoiled(52, "abc"), "t.csv, line 52: 'abc' is no number"),
        (spoiled(3, "abc"), "t.csv, line 3: 'abc' is no number"),
        (spoiled(52, "1,2"), "t.csv, line 52 has 3 fields and the others 2"),
        (spoiled(52, "9.0", 0), "t.csv, line 53: its time is missing or not later"),
        (spoiled(52, "0.196", 0), "t.csv, line 52: its time is missing or not later"),
        (spoiled(52, "", 0), "t.csv, line 52: its time is missing or not later"),
        (spoiled(52, "noon", 0), "t.csv, line 52: 'noon' is no number"),
        (spoiled(52, "x").replace(",x", ""), "t.csv, line 52 has 1 fields and the others 2"),
        (rows(texts(LEAD)), "t.csv does not say how many samples a second it has"),
        ("", "t.csv has no rows of numbers"),
        ("Dear reader,\nthis is text.\n" * 9, "t.csv has no rows of numbers"),
        ("time,ecg\n", "t.csv has no rows of numbers"),
        ("\0\1\2" * 900, "t.csv has no rows of numbers"),
        (spoiled(99, "1" * 300_000), "t.csv has a line of"),
        (rows(texts(TIME**2 / 9 + TIME), texts(LEAD)), "too irregular"),
        ("time,ecg\n0,1\n1e300,2\n2e300,3\n", "t.csv: lead"),
        (rows(texts(TIME), ["1e300"] * len(TIME), above="time,ecg\n"), "all invalid"),
        ("time,ecg\n0.000,1\n0.004,2\n0.008,3\n", "too short"),
    ],
)  # fmt: skip
def test_a_bad_table_gets_one_sentence_with_the_line(tmp_path, capsys, text, message):
    said = refusal(capsys, table(tmp_path, text))
    assert message in said or message == "t.csv: lead"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fs", "0"], "--fs is 0"),
        (["--fs", "nan"], "--fs is nan"),
        (["--fs", "90"], "90 Hz; 100 to"),
        (["--fs", "250", "--units", "bpm"], "--units is bpm; it must be one of"),
    ],
)
def test_options_that_make_no_sense(tmp_path, capsys, more, message):
    assert message in refusal(capsys, table(tmp_path, rows(texts(LEAD))), *more)


def test_leads_are_chosen_among_columns(tmp_path):
    pulse = texts(50 + 30 * np.sin(TIME))
    text = rows(texts(TIME), pulse, texts(LEAD), above="time,pleth,ecg lead II (mV)\n")
    path = table(tmp_path, text)
    assert read_lead(open_recording(path)).name == "ecg lead II"
    assert open_recording(path).files == (path,)


@pytest.mark.parametrize("text", ["time [s]\n{}", "12:00:{}"], ids=["seconds", "clock"])
def test_times_without_samples_are_refused(tmp_path, capsys, text):
    head, _, row = text.rpartition("\n")
    rows = [row.replace("{}", f"{n / 250:06.3f}") for n in range(1000)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([*filter(None, [head]), *rows]))
    assert "t.csv has times and no samples" in refusal(capsys, path)
    assert "t.csv has times and no samples" in refusal(capsys, path, "--fs", "250")
