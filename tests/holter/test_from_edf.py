"""EDF files: written by edfio, or changed as exporters get them wrong."""

import edfio
import numpy as np
import pytest

from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from tests.holter.made import ecg, predicted, refusal

LEAD, PEAKS = ecg(seconds=60)


def signal(values, label="ECG II", unit="mV", fs=250, top=5):
    return edfio.EdfSignal(
        values, fs, label=label, physical_dimension=unit, physical_range=(-top, top)
    )


def written(folder, *signals, name="r.edf", plus=False, change=()):
    """An EDF file; `change` lists (place, bytes) of the header that are other ones."""
    notes = [edfio.EdfAnnotation(1, None, "a note")] if plus else None
    edfio.Edf(signals, annotations=notes, data_record_duration=1).write(folder / name)
    content = bytearray((folder / name).read_bytes())
    for place, new in change:
        content[place : place + len(new)] = new
    (folder / name).write_bytes(content)
    return folder / name


def test_signals_of_different_rates_and_annotations(tmp_path):
    breath = np.sin(np.arange(60 * 25) / 9)
    path = written(
        tmp_path, signal(breath, "Resp", "L", fs=25), signal(LEAD), name="r.EDF", plus=True
    )
    recording = open_recording(path)
    found = [(s.name, s.unit, s.fs, s.n_samples) for s in recording.signals]
    assert found == [("Resp", "L", 25, 1500), ("ECG II", "mV", 250, 15_000)]
    assert recording.files == (path,)
    np.testing.assert_allclose(recording.read(1), LEAD, atol=1e-4)
    assert len(predicted(path)) == pytest.approx(len(PEAKS), abs=1)


@pytest.mark.parametrize(("unit", "factor"), [("uV", 1e3), ("V", 1e-3), ("mV", 1)])
def test_units_of_voltage(tmp_path, unit, factor):
    path = written(tmp_path, signal(LEAD * factor, unit=unit, top=5 * factor))
    np.testing.assert_allclose(open_recording(path).read(0), LEAD, atol=2e-4)


HEADER = {
    "a date that is none": [(168, b"99.99.99")],
    "unknown number of records": [(236, b"-1      ")],
    "zeros in fields": [(8, bytes(80)), (255, b" ")],
    "a wrong size of the header": [(184, b"512     ")],
}


@pytest.mark.parametrize("wrong", HEADER)
def test_wrong_headers_of_exporters(tmp_path, wrong):
    path = written(tmp_path, signal(LEAD), change=HEADER[wrong])
    np.testing.assert_allclose(open_recording(path).read(0), LEAD, atol=1e-4)


@pytest.mark.parametrize("unit", ["µV".encode("latin-1") + b" ", "µV".encode(), b"\xb5v "])
def test_the_micro_sign_in_any_encoding(tmp_path, unit):
    change = [(256 + 16 + 80, unit)]
    path = written(tmp_path, signal(LEAD * 1e3, unit="uV", top=5e3), change=change)
    np.testing.assert_allclose(open_recording(path).read(0), LEAD, atol=2e-4)


@pytest.mark.parametrize("unit", ["", "uV"])
def test_amplitudes_that_are_not_given_are_called_a_guess(tmp_path, unit):
    change = [(256 + 104, b"0       0       ")] if unit else []
    path = written(tmp_path, signal(LEAD * 1e3, unit=unit, top=32768), change=change)
    lead = read_lead(open_recording(path))
    assert "guess" in lead.notes[0]
    np.testing.assert_allclose(lead.signal, LEAD, atol=2e-3)


def interrupted(path, pause, after=30):
    """Make an EDF+ file discontinuous: `pause` seconds before the record `after`."""
    content = bytearray(path.read_bytes())
    content[192:197] = b"EDF+D"
    start, count = int(content[184:192]), int(content[252:256])
    size = [int(content[256 + count * 216 + 8 * i :][:8]) * 2 for i in range(count)]
    for number in range(60):
        at = start + number * sum(size) + sum(size[:-1])
        field = bytes(content[at : at + size[-1]])
        rest = field.partition(b"\x14")[2]
        time = f"+{number + pause * (number >= after)}".encode()
        content[at : at + size[-1]] = (time + b"\x14" + rest)[: size[-1]].ljust(size[-1], b"\0")
    path.write_bytes(content)
    return path


def test_ranges_with_decimal_commas(tmp_path):
    change = [(360, b"-5,0    "), (368, b"5,0     ")]
    path = written(tmp_path, signal(LEAD), change=change)
    np.testing.assert_allclose(open_recording(path).read(0), LEAD, atol=1e-4)


def test_more_data_than_the_header_promises_is_said(tmp_path):
    path = written(tmp_path, signal(LEAD), change=[(236, b"50      ")])
    recording = open_recording(path)
    assert recording.signals[0].n_samples == len(LEAD)
    (note,) = recording.notes
    assert "promises 50 data records, the file has 60" in note
    assert open_recording(written(tmp_path, signal(LEAD))).notes == []


def test_what_a_discontinuous_file_leaves_out_is_missing(tmp_path):
    path = interrupted(written(tmp_path, signal(LEAD), plus=True), pause=5)
    read = open_recording(path).read(0)
    assert len(read) == 65 * 250
    np.testing.assert_allclose(read[:7500], LEAD[:7500], atol=1e-4)
    assert np.isnan(read[7500:8750]).all()
    np.testing.assert_allclose(read[8750:], LEAD[7500:], atol=1e-4)


def test_records_that_overlap_are_refused(tmp_path, capsys):
    path = interrupted(written(tmp_path, signal(LEAD), plus=True), pause=-9)
    assert "overlap in time or go backwards" in refusal(capsys, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello, this is text\n" * 90, "has no header of EDF"),
        (b"", "has no header of EDF"),
        (b"0       " + b" " * 400, "is no EDF file, or damaged"),
    ],
    ids=["text", "empty", "blank"],
)
def test_other_files_called_edf_are_refused(tmp_path, capsys, content, message):
    (tmp_path / "r.edf").write_bytes(content)
    assert message in refusal(capsys, tmp_path / "r.edf")


@pytest.mark.parametrize("cut", [-300, 20_000, 600, 300])
def test_a_truncated_file_is_refused(tmp_path, capsys, cut):
    path = written(tmp_path, signal(LEAD))
    path.write_bytes(path.read_bytes()[:cut])
    said = refusal(capsys, path)
    assert "truncated" in said or "damaged" in said


def test_annotation_files_belong_to_wfdb(tmp_path, capsys):
    path = written(tmp_path, signal(LEAD))
    assert "has no annotation files" in refusal(capsys, path, "--annotations", "atr")
