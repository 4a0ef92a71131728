"""Classes of the beats of any recording, from its samples on, are those of the C code."""

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import tqdm
import wfdb

from ecglib.__main__ import main
from ecglib.aami import DS1, DS2, SVDB_DEV, SVDB_TEST
from ecglib.commands import predict
from ecglib.commands.export import ship
from ecglib.data.records import Record
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.signal.peaks import UNITS_PER_MV
from ecglib.data.synthetic import write_records
from ecglib.deploy import integers, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.streaming import classes_in_c, stream
from ecglib.holter.classify import classify, detected
from ecglib.holter.lead import Lead, read_lead
from ecglib.holter.open import open_recording
from ecglib.models.micronet import MicroNetConfig
from ecglib.studies.plan import Plan
from tests.deploy.networks import ALL_TIMING, micronet
from tests.tools import needs
from tests.traces import trace


@pytest.fixture(scope="module")
def program():
    return integers.read().program()


@pytest.fixture(scope="module")
def code(tmp_path_factory, program):
    folder = tmp_path_factory.mktemp("c")
    source, _ = write_c(program, folder, "micronet")
    return harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")


@pytest.fixture(scope="module", params=[250, 360, 1000])
def record(request, tmp_path_factory):
    """Path of an invented record of two minutes."""
    folder = tmp_path_factory.mktemp(f"hz{request.param}")
    write_records(folder, [101], minutes=2, fs=request.param)
    return folder / "101"


def written(folder, name, signal, fs=360):
    """A record of one lead of the given samples, in mV."""
    wfdb.wrsamp(
        name,
        fs=fs,
        units=["mV"],
        sig_name=["MLII"],
        p_signal=np.asarray(signal, dtype=float).reshape(-1, 1),
        fmt=["16"],
        write_dir=str(folder),
    )
    return folder / name


def lead_of(signal, fs):
    """A lead in memory, readable throughout."""
    signal = np.asarray(signal, dtype=np.float32)
    return Lead("invented", "MLII", fs, signal, np.zeros(-(-len(signal) // round(fs)), bool))


def answered(path, program, annotations=None):
    """The beats of a record, annotated or detected ones."""
    recording = open_recording(path)
    lead = read_lead(recording)
    sample = recording.annotations(annotations, lead.fs)[0] if annotations else detected(lead)
    return classify(lead, sample, program)


def without_beats(folder):
    """A record whose only annotation names the rhythm."""
    wfdb.wrann("calm", "atr", np.array([9]), ["+"], fs=360, write_dir=str(folder))
    return written(folder, "calm", np.arange(900))


def test_the_shipped_network_is_in_integers_of_8_bits():
    meta = integers.read().meta
    assert set(meta["bits"].values()) == {8}
    assert len(meta["trained_on"]) == len({*DS1, *DS2, *SVDB_DEV, *SVDB_TEST})


def softmax(logits):
    """Rows of probabilities, in NumPy."""
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def test_annotated_beats_get_the_class_that_pytorch_gives(record, program):
    found, network = answered(record, program, "atr").beats, shipped.load()
    inputs = micro_inputs(read_record(record.parent, 101), network.features)
    with torch.no_grad():
        logits = network.model(inputs.x, inputs.rr).double().numpy()
    expected = np.array(["N", "S", "V"])[logits.argmax(axis=1)]
    assert np.mean(found["class"] == expected) > 0.98  # integers round the input otherwise
    assert len(set(expected)) > 1
    probability = found[["N", "S", "V"]].to_numpy()
    assert np.abs(probability - softmax(logits)).mean() < 0.02
    assert ["NSV"[best] for best in probability.argmax(axis=1)] == found["class"].tolist()
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=2e-4)  # four digits each


def uneven(fs, seconds=150, seed=3):
    """A lead in mV: beats of two forms, premature ones, pauses, noise, drift, a gap."""
    rng = np.random.default_rng(seed)
    n, rr = round(seconds * fs), rng.choice([0.8, 0.5, 1.6], seconds * 2, p=[0.8, 0.15, 0.05])
    at = np.cumsum(rr * rng.uniform(0.95, 1.05, len(rr)))
    time_s = np.arange(n) / fs
    signal = 0.02 * rng.normal(size=n) + 0.3 * np.sin(time_s)
    for beat, wide in zip(at[at < seconds], rng.random(len(at)) < 0.15, strict=False):
        near = slice(max(0, int((beat - 0.4) * fs)), int((beat + 0.4) * fs))
        shape = ((time_s[near] - beat) / (0.05 if wide else 0.015)) ** 2
        signal[near] += rng.uniform(0.4, 1.5) * np.exp(-shape)
    signal[round(60.1 * fs) : round(61.7 * fs)] = np.nan
    return signal


def assert_as_in_c(code, program, lead):
    """The C code has the same classes: of a stream up to 500 Hz, else of the beats."""
    sample, units = detected(lead), lead.units
    beats = classify(lead, sample, program).beats
    found = beats[["N", "S", "V"]].idxmax(axis=1).tolist()  # of unreadable beats, too
    assert [c for c in beats["class"] if c != "?"] == [
        c for c, said in zip(found, beats["class"], strict=True) if said != "?"
    ]
    fs, names = round(lead.fs), np.array(["N", "S", "V"])
    millivolts = units / np.float32(UNITS_PER_MV)
    symbol = np.full(len(sample), "N")
    record = Record(1, millivolts, lead.fs, UNITS_PER_MV, 0, sample, symbol)
    assert names[classes_in_c(code, record)[0]].tolist() == found
    if fs <= 500:
        streamed = stream(code, units, fs, UNITS_PER_MV)
        assert streamed.sample.tolist() == sample.tolist()
        assert names[streamed.label].tolist() == found
    return found


@needs("gcc")
@pytest.mark.parametrize("fs", [100, 128.0, 199.6, 249.99987, 360, 500, 1000, 1999.5])
def test_classes_are_those_of_the_c_code(code, program, fs):
    found = assert_as_in_c(code, program, lead_of(uneven(fs), fs))
    assert len(found) > 150
    assert set(found) == {"N", "S", "V"}


@needs("gcc")
@pytest.mark.parametrize("number", [106, 208, 232])
def test_classes_of_real_records_are_those_of_the_c_code(mitdb_root, code, program, number):
    lead = read_lead(open_recording(mitdb_root / str(number)))
    assert len(assert_as_in_c(code, program, lead)) > 1000


@pytest.mark.parametrize("fs", [250, 360, 500, 1000, 1999.5])
def test_the_detector_finds_every_clear_beat_where_it_is(program, fs):
    rng = np.random.default_rng(2)
    at = np.cumsum(rng.uniform(0.7, 0.9, 145))  # seconds
    seconds = np.arange(int(120 * fs)) / fs
    signal = sum(np.exp(-(((seconds - beat) / 0.02) ** 2)) for beat in at)
    lead = lead_of(signal + 0.01 * rng.normal(size=len(seconds)), fs)
    found = classify(lead, detected(lead), program)
    at = at[at < 119.9]
    assert abs(len(found.beats) - len(at)) <= 1  # at the edges of the record
    nearest = np.abs(found.beats["seconds"].to_numpy()[:, None] - at).min(axis=1)
    assert nearest.max() < 0.05
    assert lead.seconds == pytest.approx(120, abs=0.01)
    counts = found.beats["class"].value_counts()
    said = ", ".join(f"{counts.get(name, 0)} {name}" for name in "NSV")
    assert f"{len(found.beats)} beats in 120 s ({said})" in found.summary()


@pytest.mark.parametrize("number", [100, 103, 119])
def test_beats_that_experts_marked_are_found(mitdb_root, number):
    symbol = wfdb.rdann(str(mitdb_root / str(number)), "atr").symbol
    n_beats = sum(mark in "NLRejAaJSVEF/fQ" for mark in symbol)
    lead = read_lead(open_recording(mitdb_root / str(number)))
    assert len(detected(lead)) == pytest.approx(n_beats, rel=0.005)


def test_units_are_counted_from_the_median_and_bridge_what_is_missing():
    rng = np.random.default_rng(0)
    signal = (0.5 + 0.1 * rng.normal(size=3_000_000)).astype(np.float32)
    signal[[0, 5, 6, 7, 1 << 20, (1 << 20) + 1, -1]] = np.nan
    valid = np.flatnonzero(np.isfinite(signal))
    whole = np.interp(np.arange(len(signal)), valid, signal[valid])
    expected = np.rint(1000 * (whole - np.median(whole[::16])))
    np.testing.assert_array_equal(lead_of(signal, 250).units, expected)


def test_units_beyond_16_bits_are_clipped():
    lead = lead_of([0, 0.001, -50, 50, 0], 250)
    assert lead.units.tolist() == [0, 1, -(2**15), 2**15 - 1, 0]


def test_annotations_and_tables_can_be_read_again(record, tmp_path, capsys):
    assert main(["predict", str(record), "--out", str(tmp_path / "a.csv")]) == 0
    assert main(["predict", str(record), "--out", str(tmp_path / "a.ecg")]) == 0
    said = capsys.readouterr()
    assert "not a medical device" in said.out
    assert said.err == ""
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    read = wfdb.rdann(str(tmp_path / "a"), "ecg")
    assert read.sample.tolist() == table["sample"].tolist()
    assert read.symbol == table["class"].tolist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.ecg"]


def test_what_takes_longer_than_two_seconds_shows_a_bar(record, tmp_path, monkeypatch, capsys):
    late = [0.0]

    def slowly(recording, wanted):
        late[0] = 3.0
        return read_lead(recording, wanted)

    monkeypatch.setattr(predict, "read_lead", slowly)
    monkeypatch.setattr(tqdm.std, "time", lambda: time.time() + late[0])
    assert main(["predict", str(record), "--out", str(tmp_path / "a.csv")]) == 0
    assert "1/2" in capsys.readouterr().err


def test_predict_loads_no_torch(tmp_path):
    record = written(tmp_path, "short", trace(70, 360, 10)[0])
    code = "import sys; from ecglib import __main__ as m; m.main(sys.argv[1:]); "
    arguments = ["predict", str(record), "--out", str(tmp_path / "a.csv")]
    command = [sys.executable, "-c", code + "print(*sys.modules)", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "numpy" in loaded
    assert (tmp_path / "a.csv").exists()
    heavy = "torch matplotlib scipy sklearn onnxruntime IPython jupytext sphinx"
    assert not loaded & set(heavy.split())


def test_real_beats_are_mostly_right(mitdb_root, program):
    found = answered(mitdb_root / "106", program, "atr").beats["class"]
    symbol = read_record(mitdb_root, 106)
    truth = symbol.symbol[symbol.is_beat]
    assert np.mean(found.to_numpy() == truth) > 0.9  # it has seen this patient


def test_ten_seconds_are_enough(program):
    lead, peaks = trace(70, 360, 10)
    lead = lead_of(lead, 360)
    found = classify(lead, detected(lead), program).beats
    assert abs(len(found) - len(peaks)) <= 1
    assert found[["N", "S", "V"]].notna().all(axis=None)


def test_beats_that_a_gap_cuts_get_no_class(program):
    signal, peaks = trace(70, 250, 30)
    signal = signal.astype(np.float32)
    signal[peaks[10] : peaks[12] + 5] = np.nan  # from the middle of one complex into another
    lead = Lead("invented", "II", 250, signal, np.zeros(30, dtype=bool))
    found = classify(lead, peaks, program).beats["class"]
    assert np.flatnonzero(found == "?").tolist() == [10, 11, 12]


def test_beats_in_unreadable_seconds_get_no_class(program):
    signal, peaks = trace(70, 250, 30)
    unreadable = np.arange(30) // 5 == 1
    lead = Lead("invented", "II", 250, signal.astype(np.float32), unreadable)
    found = classify(lead, peaks, program).beats
    inside = (found["seconds"] >= 5) & (found["seconds"] < 10)
    assert (found["class"] == "?").tolist() == inside.tolist()
    assert inside.any()


@pytest.mark.parametrize(
    ("make", "more", "message"),
    [
        (lambda f: written(f, "flat", np.ones(4000)), [], "MLII is one flat line"),
        (without_beats, ["--annotations", "atr"], "calm.atr marks no beat"),
        (lambda f: written(f, "tiny", np.arange(5) / 1000), [], "tiny"),
        (lambda f: written(f, "a", np.arange(900)), ["--weights", "none.npz"], "file none.npz"),
    ],
    ids=["flat", "no beat", "five samples", "no network"],
)
def test_bad_records_get_one_sentence(tmp_path, capsys, make, more, message):
    out = ["--out", str(tmp_path / "out.csv")]
    assert main(["predict", str(make(tmp_path)), *more, *out]) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("ecglib: ")
    assert captured.count("\n") == 1
    assert message in captured
    assert not (tmp_path / "out.csv").exists()


def test_a_network_that_reads_all_timing(record, tmp_path):
    """The probabilities of `predict` follow those of PyTorch with floats, beat by beat."""
    model, meta, _ = micronet(ALL_TIMING, MicroNetConfig(n_channels=2, n_rr=13))
    shipped.save(tmp_path / "all.npz", model, meta)
    words = [record, "--weights", tmp_path / "all.npz", "--annotations", "atr"]
    assert main(["predict", *map(str, words), "--out", str(tmp_path / "out.csv")]) == 0
    found = pd.read_csv(tmp_path / "out.csv")[["N", "S", "V"]].to_numpy()
    inputs = micro_inputs(read_record(record.parent, 101), ALL_TIMING)
    with torch.no_grad():
        expected = softmax(model(inputs.x, inputs.rr).double().numpy())
    for mine, reference in zip(found.T, expected.T, strict=True):
        assert np.corrcoef(mine, reference)[0, 1] > 0.999
        assert np.abs(mine - reference).mean() < reference.std() / 20


def test_weights_for_other_features_are_refused(record, tmp_path, capsys):
    network = integers.read()
    features = network.features.replace("derivative", "raw")
    meta = network.meta | {"features": features}
    integers.write(tmp_path / "raw.npz", network.layers, meta)
    assert main(["predict", str(record), "--weights", str(tmp_path / "raw.npz")]) == 1
    assert f"raw.npz reads {features}; only derivative" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["noext", "out.123"])
def test_a_file_needs_an_extension(record, tmp_path, capsys, name):
    assert main(["predict", str(record), "--out", str(tmp_path / name)]) == 1
    assert "end in .csv" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(record, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out.csv"
    assert main(["predict", str(record), "--out", str(out)]) == 1
    assert f"cannot write {out}" in capsys.readouterr().err


def test_shipping_is_reproducible(synthetic_root, tmp_path):
    plan = Plan.read(
        "quick",
        data_root=str(synthetic_root),
        records=[101, 118, 100, 232],
        micro=[{"scope": "all_int8", "epochs": 2, "qat_epochs": 1}],
    )
    one, two = (tmp_path / name / "net.npz" for name in ("a", "b"))
    for path in (one, two):
        path.parent.mkdir()
        assert "trained on" in ship(plan, path)
    assert one.read_bytes() == two.read_bytes()
    with torch.no_grad():
        network = shipped.load(one)
        assert network.model(
            torch.randn(20, 2, 64), torch.zeros(20, network.model.config.n_rr)
        ).shape == (20, 3)
