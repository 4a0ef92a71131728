"""The blind test: which network and which records it refuses, and that it scores them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import wfdb

from ecglib import stats
from ecglib.__main__ import main
from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.data.sets.svdb import BLIND
from ecglib.data.synthetic import write_records
from ecglib.deploy import integers
from ecglib.metrics import macro_f1
from ecglib.results import load_study
from ecglib.studies.blind import BlindConfig
from ecglib.studies.plan import Plan
from ecglib.system.errors import UserError


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    """The twenty records as invented ones of half a minute, or longer, in a folder."""
    folder = tmp_path_factory.mktemp("blind") / "svdb"
    write_records(folder, BLIND, minutes=0.5, fs=128)
    write_records(folder, BLIND[:2], seed=1, minutes=6, fs=128)
    return folder


@pytest.fixture
def kept_back(invented, monkeypatch):
    """The same, as if they were what the publisher offers."""
    own = {path.name: sha256_of(path) for path in invented.iterdir()}
    published = sets.get("svdb")
    publisher = replace(published.publisher, checksums=own)
    lead = "MLII"  # as invented patients have it
    monkeypatch.setitem(sets.SETS, "svdb", replace(published, publisher=publisher, lead=lead))
    return invented


def run(folder, runs, **arm):
    """Results of the study on the records in a folder."""
    return Plan.read("cpu", data_root=str(folder)).run("blind", arms=[arm], runs=runs)


def test_all_records_are_scored_as_predict_classifies_them(kept_back, tmp_path):
    (result,) = run(kept_back, tmp_path)
    assert result.synthetic
    assert set(result.per_record) == {f"svdb/{number}" for number in BLIND}
    assert result.config == {"network": sha256_of(integers.WEIGHTS), "peaks": "annotated"}
    record, out = kept_back / str(BLIND[0]), tmp_path / "beats.atr"
    lead = ["--lead", "MLII", "--annotations", "atr"]
    assert main(["predict", str(record), "--out", str(out), *lead]) in (0, None)
    theirs = wfdb.rdann(str(out.with_suffix("")), "atr").symbol
    ours = np.array(list("NSV"))[result.classes(f"svdb/{BLIND[0]}")]
    assert len(ours) > 300
    assert ours.tolist() == theirs
    late = result.matrix(after_5min=True)[f"svdb/{BLIND[0]}"].sum()
    assert 0 < late < result.matrix()[f"svdb/{BLIND[0]}"].sum()


def test_runs_are_equal_and_detected_beats_are_counted(kept_back, tmp_path):
    first, second = (run(kept_back, tmp_path / k, peaks="detected")[0] for k in "ab")
    assert first.predictions == second.predictions
    assert first.metrics == second.metrics
    counts = np.sum(list(first.metrics["detection"].values()), axis=0)
    beats = np.sum(list(first.matrix().values()), axis=(0, 2))
    assert counts[:, :2].sum(axis=1).tolist() == beats.tolist()


def test_the_command_prints_an_interval_over_patients(kept_back, tmp_path, capsys):
    root = ["-p", f"data_root={kept_back}", "--out", str(tmp_path)]
    assert main(["study", "blind", *root]) in (0, None)
    said, found = capsys.readouterr().out, load_study(tmp_path, "blind")
    assert len(found) == 2
    for result in found:
        interval = stats.patient_bootstrap(result.matrix(), macro_f1)
        bounds = f"[{interval.low:.4f}, {interval.high:.4f}]"
        assert f"{result.config['peaks']}: accuracy" in said
        assert f"macro_f1 {interval.value:.4f} {bounds}" in said


@pytest.mark.parametrize("n_there", [0, 19])
def test_a_part_of_the_records_is_not_enough(kept_back, tmp_path, n_there, capsys, monkeypatch):
    part = tmp_path / "data" / "svdb"
    part.mkdir(parents=True)
    shutil.copy(kept_back / f"{BLIND[0]}.hea", part / "803.hea")  # another record, of no use
    for number in BLIND[:n_there]:
        for suffix in ("hea", "dat", "atr"):
            shutil.copy(kept_back / f"{number}.{suffix}", part)
    monkeypatch.setenv("ECG_DATA", str(part.parent))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nobody"))
    assert main(["study", "blind", "--out", str(tmp_path / "runs")]) == 1
    (line,) = capsys.readouterr().err.replace(str(tmp_path), "").splitlines()
    assert "python -m ecglib fetch svdb" in line
    assert all(str(number) in line for number in BLIND[n_there:])
    assert not any(str(number) in line for number in BLIND[:n_there])
    assert not (tmp_path / "runs").exists()


def test_records_that_were_not_published_are_refused(kept_back, tmp_path):
    other = shutil.copytree(kept_back, tmp_path / "svdb")
    with open(other / f"{BLIND[3]}.dat", "ab") as file:
        file.write(b"\0")
    with pytest.raises(UserError, match=f"holds {BLIND[3]}.dat with another content .* fetch"):
        run(other, tmp_path / "runs")


def test_a_packed_file_is_refused(kept_back, tmp_path):
    sets.get("svdb").pack(kept_back, tmp_path / "svdb.npz")
    with pytest.raises(UserError, match=r"svdb\.npz is packed; set data_root"):
        run(tmp_path / "svdb.npz", tmp_path / "runs")


@pytest.mark.parametrize("other", ["ds1_ds2.npz", "nothing.npz"])
def test_another_network_is_refused(kept_back, tmp_path, monkeypatch, other):
    wanted = sha256_of(integers.WEIGHTS)[:12]
    path = integers.WEIGHTS.with_name(other)
    found = sha256_of(path)[:12] if path.exists() else "missing"
    monkeypatch.setattr(integers, "WEIGHTS", path)
    text = (
        f"{other} is not the frozen network: .* {found} and should be {wanted}; .*git checkout"
    )
    with pytest.raises(UserError, match=text):
        run(kept_back, tmp_path)
    assert list(tmp_path.rglob("*.json")) == []


def test_another_network_cannot_be_named():
    with pytest.raises(UserError, match="network is 0123456789ab; only the frozen one"):
        BlindConfig(network="0123456789abcdef")


def test_the_shipped_network_is_the_frozen_one():
    content = json.loads(integers.FROZEN.read_text())
    assert content["sha256"] == sha256_of(integers.WEIGHTS)
    assert BlindConfig().network == content["sha256"]
