"""`predict` on invented WFDB records: any rate, lead and length; one sentence for bad ones."""

import numpy as np
import pandas as pd
import pytest
import torch
import wfdb

from ecglib.__main__ import main
from ecglib.commands.export import ship
from ecglib.data.inputs import Inputs
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.data.synthetic import write_records
from ecglib.deploy import shipped
from ecglib.holter.classify import predict_record
from ecglib.studies.plan import Plan
from ecglib.system.errors import UserError
from ecglib.training import checkpoints


@pytest.fixture(scope="module")
def network():
    return shipped.load()


@pytest.fixture(scope="module", params=[250, 360, 1000])
def record(request, tmp_path_factory):
    """Path of an invented record of two minutes."""
    folder = tmp_path_factory.mktemp(f"hz{request.param}")
    write_records(folder, [101], minutes=2, fs=request.param)
    return folder / "101"


def written(folder, name, signal, fs=360, leads=("MLII",)):
    """A record of the given samples (n_samples, n_leads), in mV."""
    wfdb.wrsamp(
        name,
        **{"fs": fs, "units": ["mV"] * len(leads), "sig_name": list(leads)},
        p_signal=np.asarray(signal, dtype=float).reshape(-1, len(leads)),
        fmt=["16"] * len(leads),
        write_dir=str(folder),
    )
    return folder / name


def without_beats(folder):
    """A record whose only annotation names the rhythm."""
    wfdb.wrann("calm", "atr", np.array([9]), ["+"], fs=360, write_dir=str(folder))
    return written(folder, "calm", np.arange(900))


def test_the_shipped_network_is_small_and_in_integers(network):
    assert shipped.WEIGHTS.stat().st_size < 64_000
    assert set(network.meta["bits"].values()) == {8}
    assert len(network.meta["config"]["records"]) == 44


def softmax(logits):
    """Rows of probabilities, in NumPy."""
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def test_annotated_beats_get_the_class_that_the_network_gives(record, network):
    found = predict_record(record, network, annotations="atr").beats
    inputs = micro_inputs(read_record(record.parent, 101), network.features)
    with torch.no_grad():
        logits = network.model(inputs.x, inputs.rr).double().numpy()
    expected = np.array(["N", "S", "V"])[logits.argmax(axis=1)]
    assert found["class"].tolist() == expected.tolist()
    assert len(set(expected)) > 1
    probability = found[["N", "S", "V"]]
    np.testing.assert_allclose(probability, softmax(logits), atol=1e-4)  # four digits
    assert probability.idxmax(axis=1).tolist() == expected.tolist()


@pytest.mark.parametrize("fs", [250, 360, 500, 1000, 1999.5])
def test_the_detector_finds_every_clear_beat_where_it_is(tmp_path, network, fs):
    rng = np.random.default_rng(2)
    at = np.cumsum(rng.uniform(0.7, 0.9, 145))  # seconds
    time = np.arange(int(120 * fs)) / fs
    signal = sum(np.exp(-(((time - beat) / 0.02) ** 2)) for beat in at)
    signal += 0.01 * rng.normal(size=len(time))
    found = predict_record(written(tmp_path, "clear", signal, fs=fs), network)
    at = at[at < 119.9]
    assert abs(len(found.beats) - len(at)) <= 1  # at the edges of the record
    nearest = np.abs(found.beats["seconds"].to_numpy()[:, None] - at).min(axis=1)
    assert nearest.max() < 0.05
    assert found.duration == pytest.approx(120, abs=0.01)
    counts = found.beats["class"].value_counts()
    said = ", ".join(f"{counts.get(name, 0)} {name}" for name in "NSV")
    assert f"{len(found.beats)} beats in 120 s ({said})" in found.summary()


@pytest.mark.parametrize("number", [100, 103, 119])
def test_beats_that_experts_marked_are_found(mitdb_root, network, number):
    symbol = wfdb.rdann(str(mitdb_root / str(number)), "atr").symbol
    n_beats = sum(mark in "NLRejAaJSVEF/fQ" for mark in symbol)
    found = predict_record(mitdb_root / str(number), network)
    assert len(found.beats) == pytest.approx(n_beats, rel=0.005)


def test_annotations_and_tables_can_be_read_again(record, tmp_path, capsys):
    assert main(["predict", str(record), "--out", str(tmp_path / "a.csv")]) == 0
    assert main(["predict", str(record), "--out", str(tmp_path / "a.ecg")]) == 0
    assert "not a medical device" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    read = wfdb.rdann(str(tmp_path / "a"), "ecg")
    assert read.sample.tolist() == table["sample"].tolist()
    assert read.symbol == table["class"].tolist()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv", "a.ecg"]


def test_real_beats_are_mostly_right(mitdb_root, network):
    found = predict_record(mitdb_root / "106", network, annotations="atr").beats["class"]
    symbol = read_record(mitdb_root, 106)
    truth = symbol.symbol[symbol.is_beat]
    assert np.mean(found.to_numpy() == truth) > 0.9  # it has seen this patient


@pytest.fixture(scope="module")
def ten_seconds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short")
    write_records(folder, [101], minutes=1)
    whole = wfdb.rdrecord(str(folder / "101"))
    return written(folder, "ten", whole.p_signal[:3600], leads=whole.sig_name)


def test_ten_seconds_are_enough(ten_seconds, network):
    found = predict_record(ten_seconds, network)
    assert 6 <= len(found.beats) <= 16
    assert found.beats[["N", "S", "V"]].notna().all(axis=None)


def test_leads_are_chosen_by_name_or_the_first(ten_seconds, tmp_path, network):
    assert predict_record(ten_seconds, network).lead == "MLII"
    assert predict_record(ten_seconds, network, lead="V1").lead == "V1"
    signal = wfdb.rdrecord(str(ten_seconds)).p_signal
    odd = written(tmp_path, "odd", signal, leads=("ECG1", "ECG2"))
    assert predict_record(odd, network).lead == "ECG1"
    two = written(tmp_path, "two", signal, leads=("V5", "II"))
    assert predict_record(two, network).lead == "II"


@pytest.mark.parametrize(("unit", "per_mv"), [("uV", 1e3), ("V", 1e-3)])
def test_other_units_give_the_same_beats(ten_seconds, tmp_path, network, unit, per_mv):
    signal = wfdb.rdrecord(str(ten_seconds)).p_signal[:, :1]
    names = {"fs": 360, "units": [unit], "sig_name": ["MLII"], "fmt": ["16"]}
    wfdb.wrsamp("other", p_signal=signal * per_mv, write_dir=str(tmp_path), **names)
    expected = predict_record(ten_seconds, network).beats
    found = predict_record(tmp_path / "other", network).beats
    pd.testing.assert_frame_equal(found, expected, atol=0.02)


def test_lead_without_a_name_gets_one(ten_seconds, tmp_path, network):
    header = written(tmp_path, "nameless", np.sin(np.arange(4000) / 9)).with_suffix(".hea")
    header.write_text(header.read_text().replace(" MLII", ""))
    with pytest.raises(UserError, match="has no lead II; it has signal 0"):
        predict_record(tmp_path / "nameless", network, lead="II")


def test_record_in_segments_is_refused(tmp_path, network):
    written(tmp_path, "part", np.arange(900))
    (tmp_path / "whole.hea").write_text("whole/1 1 360 900\npart 900\n")
    with pytest.raises(UserError, match="whole comes in segments, which are not read"):
        predict_record(tmp_path / "whole", network)


@pytest.mark.parametrize(
    ("make", "more", "message"),
    [
        (lambda f: f / "nothing", [], r"nothing\.hea is damaged, missing"),
        (lambda f: written(f, "flat", np.ones(4000)), [], "record flat is one flat line"),
        (lambda f: written(f, "slow", np.arange(900), fs=50), [], "50 Hz; 100 to 20,000 Hz"),
        (lambda f: written(f, "a", np.arange(900)), ["--lead", "II"], "no lead II; it has"),
        (
            lambda f: written(f, "b", np.arange(900)),
            ["--annotations", "atr"],
            "atr is damaged, missing or no annotation file",
        ),
        (without_beats, ["--annotations", "atr"], "no beat was found"),
        (lambda f: written(f, "tiny", np.arange(5) / 1000), [], "tiny"),
    ],
    ids=["absent", "flat", "slow", "lead", "annotations", "no beat", "five samples"],
)
def test_bad_records_get_one_sentence(tmp_path, capsys, make, more, message):
    out = ["--out", str(tmp_path / "out.csv")]
    assert main(["predict", str(make(tmp_path)), *more, *out]) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("ecglib: ")
    assert captured.count("\n") == 1
    assert message.replace("\\", "") in captured
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["noext", "out.123"])
def test_a_file_needs_an_extension(record, tmp_path, capsys, name):
    assert main(["predict", str(record), "--out", str(tmp_path / name)]) == 1
    assert "end it in .csv" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(record, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out.csv"
    assert main(["predict", str(record), "--out", str(out)]) == 1
    assert f"cannot write {out}" in capsys.readouterr().err


def test_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="missing or damaged"):
        shipped.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("no weights")
    with pytest.raises(UserError, match="missing or damaged"):
        shipped.load(tmp_path / "text.npz")
    checkpoints.save(tmp_path / "other.npz", {"w": torch.zeros(2)}, {"size": {}})
    with pytest.raises(UserError, match="no network of this version"):
        shipped.load(tmp_path / "other.npz")


def test_shipping_is_reproducible(synthetic_root, tmp_path):
    plan = Plan.read(
        "quick",
        data_root=str(synthetic_root),
        records=[101, 118, 100, 232],
        micro=[{"scope": "all_int8", "epochs": 2, "qat_epochs": 1}],
    )
    answers = []
    for name in ("a.npz", "b.npz"):
        said = ship(plan, tmp_path / name)
        assert "trained on" in said
        network = shipped.load(tmp_path / name)
        x = torch.randn(20, 2, 64, generator=torch.Generator().manual_seed(0))
        beats = Inputs(x, torch.zeros(20, 8), torch.zeros(20))
        answers.append(network.model(beats.x, beats.rr))
    torch.testing.assert_close(*answers, rtol=0, atol=0)
