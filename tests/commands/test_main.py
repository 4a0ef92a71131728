"""The command line, in a repository of its own: a copy of the library and one chapter."""

import json

import pytest
import torch

from ecglib import results
from ecglib.__main__ import main
from ecglib.data.sets import get, load
from ecglib.data.synthetic_recordings import write_cinc2017
from tests.commands.calls import assert_one_line, call, copy_library
from tests.conftest import SYNTHETIC_DS1, SYNTHETIC_DS2
from tests.oracles import stored_bits
from tests.test_results import made_result, save_into

COMMANDS = "fetch pack study run book report compare bench figures export"
PARAMS = f"""
common:
  device: cpu
  seeds: [7]
  records: {[*SYNTHETIC_DS1, *SYNTHETIC_DS2]}
  channels: [4, 4, 4, 4, 4]
  pretext_epochs: 3
  data_root: DATA_ROOT
baseline:
  - {{epochs: 2, learning_rate: 3e-3, imbalance: balanced}}
personalization:
  - {{epochs: 1, online_epochs: 2}}
int8:
  - {{scope: [none, all_int8], epochs: 1, train_share: 0.2}}
latency:
  - {{runtime: [ort_fp32, ort_int8], norm: batch, epochs: 1, calls: 5}}
"""
CONFUSION = {
    "100": [[90, 5, 5], [1, 9, 0], [0, 0, 10]],
    "103": [[50, 0, 0], [0, 0, 0], [2, 0, 3]],
}


@pytest.fixture(scope="module")
def repository(synthetic_root, tmp_path_factory):
    """A repository with the library, params, and the synthetic records in one file."""
    root = tmp_path_factory.mktemp("repository")
    packed = root / "data.npz"
    get("mitdb").pack(synthetic_root, packed)
    files = {
        "params/quick.yaml": PARAMS.replace("DATA_ROOT", str(packed)),
        "params/misspelt.yaml": "common: {sedes: [7]}\n",
    }
    return copy_library(root, files)


@pytest.mark.parametrize("command", [(), *zip(COMMANDS.split())])
def test_help_of_every_command(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    assert caught.value.code == 0
    assert " ".join(("python -m ecglib", *command)) in capsys.readouterr().out


BAD_INPUT = {  # what is typed after `study`, and what the answer must name
    "baselines": ["'baselines'", "personalization"],
    "baseline --params params/mine.yaml": ["mine.yaml", "quick.yaml"],
    "baseline --params params/misspelt.yaml": ["'sedes'", "seeds"],
    "baseline -p sped=1": ["'sped'", "channels"],
    "baseline -p seeds": ["NAME=VALUE"],
    "baseline -p data_root=3": ["data_root is 3"],
    "baseline -p profile=full": ["'profile'"],
    "baseline -p seeds=[]": ["seeds is empty"],
    "baseline -p data_root=nowhere": ["data_root nowhere"],
    "baseline -p baseline=[{imbalance:focal}]": ["imbalance", "balanced"],
    "baseline -p baseline=[{speed:1}]": ["'speed'"],
    "personalization -p personalization=[{strategy:lora}]": ["'lora'", "head_only"],
    "baseline -p records=100": ["records"],
    "baseline -p baseline=3": ["baseline"],
    "baseline --scheduler lokal": ["'lokal'", "tcp://host:port"],
    "baseline -p scheduler=8786": ["8786", "local"],
}
ONE_BY_ONE = """
import contextlib, io, json, sys, traceback
from ecglib.__main__ import main
answers = {}
for typed in json.loads(sys.argv[1]):
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            status = main(["study", *typed.replace(":", ": ").split(maxsplit=2)])
        except Exception:
            status = traceback.print_exc()
    answers[typed] = status, err.getvalue()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(repository):
    """Exit status and stderr of every command in `BAD_INPUT`, from one process."""
    status, out, err = call(repository, "-c", ONE_BY_ONE, json.dumps(list(BAD_INPUT)))
    assert status == 0, err
    return json.loads(out)


@pytest.mark.parametrize("typed", BAD_INPUT)
def test_bad_input_is_one_line_and_status_1(answers, typed):
    status, err = answers[typed]
    assert_one_line(err, *BAD_INPUT[typed])
    assert status == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu_is_one_line_and_status_1(repository):
    command = ["-m", "ecglib", "study", "baseline", "-p", "device=cuda"]
    status, _, err = call(repository, *command)
    assert status == 1
    assert_one_line(err, "device is cuda")


WITHOUT_NOTEBOOKS = """
import sys
from ecglib.__main__ import main
for study in ("baseline", "personalization"):
    assert main(["study", study, *sys.argv[1:]]) == 0
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_study_needs_no_notebook_and_no_wfdb_reader(repository, tmp_path):
    """A machine that only trains has neither."""
    status, out, err = call(repository, "-c", WITHOUT_NOTEBOOKS, "--out", tmp_path / "runs")
    assert status == 0, err
    loaded = set(out.splitlines()[-1].split()[1:])
    assert {"torch", "ecglib"} <= loaded
    others = "onnx onnxruntime transformers wfdb matplotlib seaborn sklearn jupyter_core "
    others += "jupytext papermill nbformat nbclient IPython ipykernel jupyter_book sphinx"
    assert not loaded & set(others.split())
    for study in ("baseline", "personalization"):
        (path,) = (tmp_path / "runs" / study).glob("*.json")
        assert f"macro_f1 {results.load(path).metrics['macro_f1']:.4f}" in out


DEPLOY = """
import sys
from pathlib import Path
from ecglib.__main__ import main
export = ["export", "onnx", "--out", sys.argv[1]]
missing = [*export, "--force", "--scope", "head_int8"]
commands = [export, missing, ["study", "latency"], ["bench", "int8"]]
for command in commands:
    for damaged in Path("_build/runs/latency").glob("*.json") if "bench" in command else []:
        damaged.write_text("{")
    print("status:", main(command))
"""


def test_a_network_is_exported_and_timed_anew(repository, tmp_path):
    file, live = tmp_path / "network.onnx", repository / "_build" / "runs" / "latency"
    _, out, err = call(repository, "-c", DEPLOY, file)
    statuses = [line.split()[1] for line in out.splitlines() if line.startswith("status: ")]
    assert statuses == ["0", "1", "0", "0"], err
    (complaint,) = (line for line in err.splitlines() if line.startswith("ecglib: "))
    assert_one_line(complaint, "scope head_int8", "none, all_int8")
    assert f"{file}: " in out
    assert f"{file.stat().st_size:,} bytes, 8 layers in integers" in out
    assert set(stored_bits(file).values()) == {8}
    measured = [results.load(path) for path in live.glob("*.json")]
    assert [result.config["calls"] for result in measured] == [5, 5]
    table = out.rpartition("status: 0\n")[0].rpartition("status: 0\n")[2]
    for result in measured:
        assert f"{result.metrics['p50_ms']:.3f}" in table
        assert f"{result.metrics['file_bytes']:,}" in table


def test_a_report_fails_on_a_stale_file(tmp_path, capsys):
    path = save_into(tmp_path, made_result("baseline", CONFUSION))
    assert main(["report", "--results", str(tmp_path)]) == 0
    assert "0.9194" in capsys.readouterr().out
    path.rename(path.with_name("beat-s7-0123456789ab.json"))
    assert main(["report", "--results", str(tmp_path)]) == 1
    assert "stale: " in capsys.readouterr().out


def test_two_folders_are_compared(tmp_path, capsys):
    for name in ("mine", "reference"):
        save_into(tmp_path / name, made_result("baseline", CONFUSION))
    assert main(["compare", str(tmp_path / "mine"), str(tmp_path / "reference")]) == 0
    out = capsys.readouterr().out
    macro_f1 = made_result("baseline", CONFUSION).metrics["macro_f1"]
    assert out.count(f"{macro_f1:.3f}") == 2


@pytest.mark.parametrize("command", ["report --results", "compare"])
def test_a_broken_result_is_one_line(tmp_path, capsys, command):
    (tmp_path / "baseline").mkdir()
    (tmp_path / "baseline" / "broken.json").write_text("{")
    arguments = [*command.split(), str(tmp_path)]
    if command == "compare":
        arguments.append(str(tmp_path))
    assert main(arguments) == 1
    assert_one_line(capsys.readouterr().err, "broken.json")


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ecglib.commands.report.report", interrupted)
    assert main(["report"]) == 130
    assert_one_line(capsys.readouterr().err, "call again")


def test_recordings_are_packed_into_one_file(tmp_path, capsys):
    write_cinc2017(tmp_path / "cinc2017", 1, seed=2)
    packed = tmp_path / "packed.npz"
    arguments = ["pack", "cinc2017", "--out", str(packed), "--data-root", str(tmp_path)]
    assert main(arguments) == 0
    assert "4 of the 8,528 recordings published; 0." in capsys.readouterr().out
    assert len(load("cinc2017", packed)) == 4
    assert main([*arguments[:-1], str(tmp_path / "nowhere")]) == 1
    assert_one_line(capsys.readouterr().err, "nowhere does not exist")


@pytest.mark.parametrize("name", ["mitdb", "cinc2017", "chapman", "cpsc2018"])
def test_every_data_set_can_be_fetched(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ecglib.data.find.download.fetch", lambda asked, out: out / asked)
    assert main(["fetch", name, "--out", str(tmp_path)]) == 0
    assert f"{name} is complete and verified in {tmp_path / name}" in capsys.readouterr().out


def test_no_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: python -m ecglib" in capsys.readouterr().err
