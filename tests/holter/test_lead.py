"""Which signal is read, and which seconds of it can be read."""

import numpy as np
import pytest

from ecglib.aami import DS1
from ecglib.data.records import read_wfdb
from ecglib.data.sets import get
from ecglib.data.signal.noise import electrode_motion, muscle
from ecglib.data.signal.stress import is_noisy, with_recorded_noise
from ecglib.holter import names, quality
from ecglib.holter.lead import choose, read_lead
from ecglib.holter.open import open_recording
from ecglib.holter.recording import Signal, millivolts
from ecglib.system.errors import UserError
from tests.holter.made import breathing, ecg, header, predicted, record, refusal


def kind(name, unit="mV"):
    return names.kind_of(Signal(name, unit, 250.0, 1000))


@pytest.mark.parametrize(
    "name",
    ["II", "ii", "MLII", "mlii", "ML2", "II,", "lead II", "Lead 2", "ECG lead II", "ECG II",
     "ECG-II", "EKG II", "DII", "D2", "MDC_ECG_LEAD_II", "modified lead II", "Ableitung II",
     "Dérivation II", "derivación II", "ECGII", "II (mV)", "RA-LL", "ecg_II", "Abl. II",
     "Standard II", "ECG II-REF", "ECG 2 (II)"],
)  # fmt: skip
def test_spellings_of_lead_two(name):
    assert kind(name) == names.LEAD_II
    assert names.plain(name) == "II"


@pytest.mark.parametrize(
    "name",
    ["I", "III", "MLI", "MLIII", "aVR", "aVF", "AVL", "V", "V1", "v5", "V5,", "MV1", "V4R",
     "D1", "Lead I", "lead 1", "ECG", "ecg", "EKG", "ECG1", "ECG2", "ECG 2", "EKG1",
     "ECG lead V3", "MDC_ECG_LEAD_V2", "MCL1", "CM5", "vx", "ECG L", "Ableitung I",
     "Elektrokardiogramm", "Electrocardiography", "CS12", "MV", "E-S", "A-I"],
)  # fmt: skip
def test_other_names_of_an_ecg(name):
    assert kind(name) == names.ECG


@pytest.mark.parametrize(
    "name",
    ["RESP", "RESP,", "Resp imp", "ECG-derived resp", "breathing", "thorax", "Abdomen",
     "Thor RES", "airflow", "Flow", "ABP", "ABP,", "ART", "PAP", "CVP", "ICP", "BP", "PPG",
     "PLETH", "PLETH,", "Pleth II", "SpO2", "SaO2", "EEG", "EEG F3-M2", "F3-M2", "C3-A2",
     "Fp1", "O1-A2", "Cz", "EOG", "EOG(L)", "EMG", "Chin", "EMG Chin1-Chin2", "Temp", "ACC_X",
     "accelerometer z", "noise", "marker", "Event", "QRS_SYNC", "Heart rate", "HR", "CO2",
     "EtCO2", "Pulse", "GSR", "EDA", "BVP", "PCG", "SCG", "EDR", "Pacemaker", "HeartRate",
     "TOCO", "CannulaFlow", "Lefteye", "LEGS", "BodyPos", "VTH", "RRI", "calibration"],
)  # fmt: skip
def test_names_of_what_is_no_ecg(name):
    assert kind(name) == names.OTHER


@pytest.mark.parametrize("name", ["signal 0", "chan 1", "ch2", "", "X", "data", "LED"])
def test_names_that_say_nothing(name):
    assert kind(name) == names.UNKNOWN
    assert kind(name, "") == names.UNKNOWN
    assert kind(name, "NU") == names.OTHER


@pytest.mark.parametrize("unit", ["mmHg", "pm", "bpm", "%", "L/min", "degC", "g"])
def test_a_unit_that_is_no_voltage_is_no_ecg(unit):
    assert millivolts(unit) is None
    assert kind("II", unit) == names.OTHER


@pytest.mark.parametrize(
    ("leads", "chosen"),
    [
        (("RESP", "ECG"), "ECG"),
        (("RESP,", "PLETH,", "V,", "II,"), "II,"),
        (("V5", "ii"), "ii"),
        (("ECG lead I", "ECG lead II"), "ECG lead II"),
        (("F3-M2", "ECG"), "ECG"),
        (("MLIII", "MLII"), "MLII"),
        (("chan 0", "V1"), "V1"),
        (("EMG", "lead"), "lead"),
    ],
)
def test_the_best_name_is_chosen_without_a_word(tmp_path, leads, chosen):
    lead, _ = ecg()
    path = record(tmp_path, "r", dict.fromkeys(leads, lead))
    index, guess = choose(open_recording(path))
    assert (leads[index], guess) == (chosen, None)


def test_the_first_of_equal_leads_is_said(tmp_path):
    lead, _ = ecg()
    path = record(tmp_path, "r", dict.fromkeys(("ECG1", "ECG2"), lead))
    index, guess = choose(open_recording(path))
    assert index == 0
    assert "0 = ECG1, 1 = ECG2" in guess


def test_a_lead_whose_name_says_nothing_is_a_guess(tmp_path, capsys):
    lead, peaks = ecg()
    path = record(tmp_path, "r", {"noise": breathing(), "chan 1": lead})
    assert len(predicted(path)) == pytest.approx(len(peaks), abs=1)
    assert "note: that chan 1 is an ECG is a guess" in capsys.readouterr().out


def test_a_lead_whose_rate_is_not_read_comes_last(tmp_path, capsys):
    lead, _ = ecg()
    frames = np.stack([lead[2::5], *(lead[i::5] for i in range(5))], axis=1)
    (tmp_path / "r.dat").write_bytes(np.rint(frames * 1000).astype("<i2").tobytes())
    lines = "r.dat 16 1000 16 0 0 0 0 II\nr.dat 16x5 1000 16 0 0 0 0 {}\n"
    path = header(tmp_path, "r", "r 2 50\n" + lines.format("V5"))
    assert read_lead(open_recording(path)).name == "V5"
    header(tmp_path, "r", "r 2 50\n" + lines.format("RESP"))
    assert "lead II has 50 Hz; 100 to 20,000 Hz are read" in refusal(capsys, path)


def test_nothing_that_looks_like_an_ecg(tmp_path, capsys):
    path = record(tmp_path, "r", {"RESP": breathing(), "ABP": breathing()})
    said = refusal(capsys, path)
    assert "no signal that looks like an ECG" in said
    assert "0 = RESP, 1 = ABP: name one by --lead" in said


@pytest.fixture
def same(tmp_path):
    """Two signals of one name; the first is the noise of a lead that fell off."""
    lead, _ = ecg()
    noise = np.round(np.random.default_rng(0).normal(0, 0.02, len(lead)), 3)
    record(tmp_path, "r", {"a": noise, "b": lead})
    text = (tmp_path / "r.hea").read_text().replace(" a\n", " ECG\n").replace(" b\n", " ECG\n")
    return header(tmp_path, "r", text)


def test_a_name_that_means_several(same, capsys):
    said = refusal(capsys, same, "--lead", "ECG")
    assert "several leads ECG: 0 = ECG, 1 = ECG" in said
    assert len(predicted(same, "--lead", "1")) == 75
    assert len(predicted(same)) == 75
    assert (
        "note: ECG (number 1) is read, the one of 0 = ECG, 1 = ECG" in capsys.readouterr().out
    )
    assert "no lead 2; it has 0 = ECG" in refusal(capsys, same, "--lead", "2")


def test_leads_are_named_in_any_spelling_or_numbered(tmp_path):
    lead, _ = ecg()
    path = record(tmp_path, "r", {"V5": lead, "MLII": lead, "1": lead, "RESP": breathing()})
    recording = open_recording(path)
    found = {
        wanted: choose(recording, wanted)[0] for wanted in ("ii", "lead II", "v5,", "1", "0")
    }
    assert found == {"ii": 1, "lead II": 1, "v5,": 0, "1": 2, "0": 0}
    index, note = choose(recording, "RESP")
    assert index == 3
    assert "does not look like an ECG" in note
    for wanted in ("aVF", "", "-1", "4", "²"):
        with pytest.raises(UserError, match="it has 0 = V5, 1 = MLII"):
            choose(recording, wanted)


def shares(signal, fs=250):
    """Share of seconds of each kind, by its name; those that can be read are "read"."""
    found = quality.kinds(np.asarray(signal, dtype=np.float32), fs)
    every = ("read", *quality.KINDS)
    return {name: np.mean(found == i) for i, name in enumerate(every) if np.any(found == i)}


@pytest.mark.parametrize("bpm", [25, 30, 45, 75, 120, 180, 220, 250])
@pytest.mark.parametrize("fs", [100, 128, 360, 1000])
def test_clean_beats_at_any_rate_can_be_read(bpm, fs):
    assert shares(ecg(bpm, fs, 60, noise=0.02)[0], fs) == {"read": 1}


@pytest.mark.parametrize("factor", [0.1, 0.3, -1, 20])
def test_amplitude_does_not_matter(factor):
    assert shares(ecg(seconds=60)[0] * factor) == {"read": 1}


def test_wide_complexes_and_waves_of_a_flutter_can_be_read():
    time = np.arange(15_000) / 250
    wide = sum(np.exp(-(((time - at) / 0.06) ** 2)) for at in np.arange(0.3, 60, 0.4))
    assert shares(wide) == {"read": 1}
    waves = 0.8 * np.sin(2 * np.pi * 4.5 * time) * (1 + 0.2 * np.sin(time))
    assert shares(waves) == {"read": 1}


def test_kinds_of_seconds_that_cannot_be_read():
    lead, _ = ecg(fs=250, seconds=100, noise=0.02)
    lead[2000:4500] = 0.3  # ten seconds of a flat line
    lead[6000:6600] = np.nan
    rough = lead.copy()
    rough[10_000:12_500] = np.clip(6 * np.sin(np.arange(2500) / 40), -2, 2)  # clipped swings
    rough[17_500:22_500] += np.random.default_rng(0).normal(0, 0.8, 5000)
    found = quality.kinds(rough.astype(np.float32), 250)
    assert (found[8:18] == 2).all()
    assert (found[24:26] == 1).all()
    assert (found[40:50] == 3).all()
    assert np.mean(found[72:88] == 4) > 0.7
    assert (found[[*range(8), *range(30, 38), *range(53, 67), *range(94, 100)]] == 0).all()


def test_a_pause_is_no_flat_line():
    lead, _ = ecg(seconds=60, noise=0.002)
    lead[5000:6000] = 0.001
    assert shares(lead) == {"read": 1}


@pytest.mark.parametrize("noise", [electrode_motion, muscle])
def test_heavy_noise_is_mostly_found(noise):
    lead, _ = ecg(seconds=300)
    noisy = lead + 1.5 * noise(len(lead), 250, np.random.default_rng(0))
    assert shares(noisy)["too noisy"] > 0.6


def test_real_beats_can_be_read_and_real_noise_cannot(mitdb_root):
    noise = get("nstdb").load(mitdb_root.parent / "nstdb", half="development")
    clean, heavy = [], {"em": [], "ma": []}
    for number in DS1[::4]:
        read = read_wfdb(mitdb_root, number, "MLII")
        clean.append(quality.kinds(read.signal, 360))
        for name, found in heavy.items():
            stressed = with_recorded_noise(read, noise[name][:, 0], -6)
            seconds = quality.kinds(stressed.signal, 360)
            found.append(seconds[is_noisy(np.arange(len(seconds)) * 360 + 180, 360)])
    assert np.mean(np.concatenate(clean) > 0) < 0.01
    assert np.mean(np.concatenate(heavy["em"]) > 0) > 0.7
    assert np.mean(np.concatenate(heavy["ma"]) > 0) > 0.5


def test_the_command_says_how_well_the_lead_can_be_read(tmp_path, capsys):
    lead, _ = ecg(seconds=100)
    lead[5000:6250] = 0.2
    path = record(tmp_path, "r", {"II": lead})
    predicted(path)
    assert "quality: 95.0% readable; 5.0% flat\n" in capsys.readouterr().out
    read = read_lead(open_recording(path))
    assert np.flatnonzero(read.unreadable).tolist() == [20, 21, 22, 23, 24]


@pytest.mark.parametrize("value", [0, -2.5, np.nan], ids=["zero", "rail", "invalid"])
def test_twenty_hours_of_a_flat_line(tmp_path, capsys, value):
    path = tmp_path / "r"
    np.full(20 * 3600 * 250, np.nan_to_num(value * 1000, nan=-(2**15)), "<i2").tofile(
        path.with_suffix(".dat")
    )
    header(tmp_path, "r", "r 1 250\nr.dat 16 1000(0)/mV 16 0 0 0 0 II\n")
    assert "lead II is one flat line or all invalid (100.0%" in refusal(capsys, path)


def test_three_seconds_are_enough_and_five_samples_are_not(tmp_path, capsys):
    lead, peaks = ecg(seconds=3)
    assert len(predicted(record(tmp_path, "r", {"II": lead}))) == len(peaks)
    assert "tiny is too short" in refusal(capsys, record(tmp_path, "tiny", {"II": lead[:5]}))


def test_notes_are_about_the_lead_that_is_read(tmp_path):
    lead, _ = ecg()
    path = record(tmp_path, "r", {"V1": breathing() / 50, "V5": lead}, units="NU")
    read = read_lead(open_recording(path))
    assert read.name == "V5"
    assert not [note for note in read.notes if note.startswith("V1")]
