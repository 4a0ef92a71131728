"""The bundle on this machine, as a stranger would run it: no `ecglib`, another folder."""

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ecglib.deploy.bundle import measured as devices
from ecglib.deploy.bundle import write as bundle
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO
from tests.tools import package

FAST = ("--runtime", "onnxruntime", "--seconds", "0.01")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A bundle; not to be changed."""
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    bundle.export_bundle(folder)
    return folder


def test_its_c_code_learns(exported):
    assert "#define ECG_LEARNS 1" in (exported / "micronet.h").read_text()
    assert "ecg_label" in (exported / "README.md").read_text()


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def run(folder, script="nano_bench.py", *options):
    command = [sys.executable, "-S", "-c", _without_ecglib(), script, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def _without_ecglib():
    """Run a script with the installed packages but this project out of reach."""
    paths = [p for p in sys.path if (p and not p.startswith(str(REPO))) or ".venv" in p]
    return (
        f"import sys, runpy; sys.path[:0] = ['.', *{paths!r}]; sys.modules['ecglib'] = None; "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )


@pytest.fixture(scope="module")
def measured(exported, tmp_path_factory):
    folder = shutil.copytree(exported, tmp_path_factory.mktemp("measured") / "copy")
    done = run(folder, "nano_bench.py", *FAST)
    assert done.returncode == 0, done.stderr
    return folder / "device.json"


def changed(measured, tmp_path, change):
    content = json.loads(measured.read_text())
    change(content)
    path = tmp_path / "device.json"
    path.write_text(json.dumps(content))
    return path


def redigested(folder, name):
    """Let the manifest agree with a file that has been changed."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_every_network_and_batch_is_measured(measured):
    content = json.loads(measured.read_text())
    rows = {(r["network"], r["precision"], r["batch"]) for r in content["measured"]}
    formats = ("fp32", "fp16", "int8")
    wanted = {(n, p, b) for n in ("ecgnet", "micronet") for p in formats for b in (1, 16, 64)}
    assert rows == wanted
    assert content["bundle"] == bundle.identity()
    assert "reason" in content["power"] or content["power"]["rails"]


def test_pytorch_gives_the_expected_outputs_too(copied):
    options = ("--runtime", "torch", "--seconds", "0.01")
    done = run(copied, "nano_bench.py", *options)
    assert done.returncode == 0, done.stderr
    content = json.loads((copied / "device.json").read_text())
    assert {r["precision"] for r in content["measured"]} == {"fp32"}
    assert all(row["reason"] for row in content["unsupported"])


def test_both_online_stages_are_timed(copied):
    done = run(copied, "nano_online.py", "--beats", "20", "--steps", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads((copied / "online.json").read_text())
    seconds = found["measured"]
    assert min(seconds.values()) > 0
    step = seconds["paper_finetune_step_s"]
    stage = 22 * (seconds["paper_adapt_s"] + 10 * 395 * step)
    assert found["estimated"]["paper_stage_22_patients_s"] == pytest.approx(stage)
    kept = devices.import_device(copied / "online.json", copied / "devices")
    table = devices.learning_table(devices.load_devices(kept.parent))
    assert table["fine-tuning, one step"].iloc[0] == step
    assert table[devices.ESTIMATED].iloc[0] == pytest.approx(stage)
    found["measured"]["paper_adapt_s"] = -1
    (copied / "online.json").write_text(json.dumps(found))
    with pytest.raises(UserError, match="paper_adapt_s"):
        devices.import_device(copied / "online.json", copied / "devices")


def test_a_missing_file_is_named(copied):
    (copied / "micronet_int8.onnx").unlink()
    done = run(copied, "nano_bench.py", *FAST)
    assert done.returncode == 1
    assert "micronet_int8.onnx is missing" in done.stderr


def test_a_changed_file_is_named(copied):
    with (copied / "expected.npz").open("ab") as file:
        file.write(b"x")
    done = run(copied, "nano_bench.py", *FAST)
    assert done.returncode == 1
    assert "expected.npz" in done.stderr


def test_other_outputs_fail_and_the_difference_is_said(copied):
    expected = dict(np.load(copied / "expected.npz"))
    expected["ecgnet_fp32"] = expected["ecgnet_fp32"] * 1.5
    np.savez(copied / "expected.npz", **expected)
    redigested(copied, "expected.npz")
    (copied / "device.json").write_text("of an earlier run")
    done = run(copied, "nano_bench.py", *FAST)
    assert done.returncode == 1
    assert "ecgnet_fp32.onnx computes other logits" in done.stderr
    assert "0.33" in done.stderr
    assert not (copied / "device.json").exists()


def test_power_sensors_of_both_boards(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(REPO / "ecglib" / "deploy" / "bundle"))
    import nano_bench

    nano = tmp_path / "ina3221x" / "6-0040" / "iio:device0"
    orin = tmp_path / "ina3221" / "1-0040" / "hwmon" / "hwmon3"
    for folder, files in (
        (nano, {"in_power0_input": "2500", "rail_name_0": "POM_5V_IN"}),
        (orin, {"in1_input": "5000", "curr1_input": "800", "in1_label": "VDD_IN"}),
    ):
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
    with nano_bench.PowerMeter(str(tmp_path)) as meter:
        meter.done.wait(0.05)
    assert meter.summary() == {"rails": {"POM_5V_IN": 2500.0, "VDD_IN": 4000.0}}
    with nano_bench.PowerMeter(str(tmp_path / "none")) as meter:
        pass
    assert "no INA3221" in meter.summary()["reason"]


@pytest.mark.parametrize("script", bundle.SCRIPTS)
def test_scripts_run_on_python_3_6(script):
    package("vermin")
    path = REPO / "ecglib" / "deploy" / "bundle" / script
    command = [sys.executable, "-c", "from vermin import main; main()"]
    command += ["-t=3.6-", "--no-tips", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_folder_in_use_is_refused(exported):
    with pytest.raises(UserError, match="not empty"):
        bundle.export_bundle(exported)


def test_a_device_is_kept_and_shown(measured, tmp_path):
    kept = devices.import_device(measured, tmp_path / "devices")
    table = devices.device_table(devices.load_devices(kept.parent))
    assert (table["one beat, ms"] == "not measured").sum() == 2  # Nano and Orin
    assert len(table) == 8
    one_beat = devices.one_beat_table(devices.load_devices(kept.parent))
    assert (one_beat == "not measured").to_numpy().sum() == 6  # both in three formats
    assert np.array(one_beat.iloc[:2], float).min() > 0
    (tmp_path / "jetson.json").write_text(measured.read_text().replace("null", '"Jetson Nano"'))
    devices.import_device(tmp_path / "jetson.json", kept.parent)
    assert len(devices.load_devices(kept.parent)) == 2
    (tmp_path / "orin.json").write_text(measured.read_text().replace("null", '"Jetson Orin"'))
    devices.import_device(tmp_path / "orin.json", kept.parent)
    everywhere = devices.one_beat_table(devices.load_devices(kept.parent))
    assert np.array(everywhere, float).min() > 0  # nothing is left to be measured


def _first(name, value):
    return lambda content: content["measured"][0].update({name: value})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c: c.pop("machine"), "machine"),
        (lambda c: c.update(measured=[]), "no measurement"),
        (lambda c: c.update(bundle="0123456789abcdef"), "of bundle 0123456789abcdef"),
        (_first("p50_ms", -1.0), "p50_ms"),
        (_first("p99_ms", 1e9), "cannot be"),
        (_first("p95_ms", float("nan")), "p95_ms"),
        (_first("network", "resnet"), "no network"),
        (_first("precision", "int4"), "precision"),
        (_first("max_difference", 0.5), "max_difference"),
        (_first("batch", None), "batch"),
        (_first("network", []), "no network"),
        (_first("precision", {}), "precision"),
        (_first("calls", 10**400), "calls"),
        (lambda c: c.update(unsupported=[{"network": "resnet"}]), "unsupported network 0"),
        (lambda c: c.update(measured={"paper_adapt_s": 1}), "both of a runtime"),
    ],
)
def test_impossible_measurements_are_refused(measured, tmp_path, change, word):
    path = changed(measured, tmp_path, change)
    with pytest.raises(UserError, match=word):
        devices.import_device(path, tmp_path / "devices")
    assert not (tmp_path / "devices").exists()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\xff"])
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "device.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="device"):
        devices.import_device(path, tmp_path / "devices")
