"""Commands as a user mistypes them: no harm to what was read, and a sentence at the end."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import wfdb
from tqdm import tqdm

from ecglib.__main__ import main
from ecglib.book import build
from ecglib.commands import predict
from ecglib.data.sets import get
from ecglib.data.synthetic import write_records
from ecglib.deploy import shipped
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO
from tests.commands.calls import assert_one_line
from tests.test_results import made_result, save_into


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    write_records(folder, [100], minutes=1)
    return folder


@pytest.fixture
def folder(recorded, tmp_path, monkeypatch):
    """The current folder, with record 100 and its reference annotations."""
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(capsys, *command, words=()):
    """Status 1 and one line on stderr, with these words."""
    assert main([str(word) for word in command]) == 1
    said = capsys.readouterr()
    assert_one_line(said.err, *words)
    assert said.out == ""


@pytest.fixture
def no_work(monkeypatch):
    """Fails if a recording is read although the command should stop before."""

    def worked(*_):
        raise AssertionError("work has started")

    monkeypatch.setattr(predict, "read_lead", worked)


OWN = [
    "100.atr",
    "100.dat",
    "100.hea",
    "./100.atr",
    "sub/../100.dat",
    "symbolic.atr",
    "hard.csv",
]


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("out", OWN)
def test_no_file_of_the_record_is_written_over(folder, no_work, capsys, out, force):
    (folder / "sub").mkdir()
    (folder / "symbolic.atr").symlink_to("100.atr")
    os.link(folder / "100.dat", folder / "hard.csv")
    before = content(folder)
    for path in (out, folder / out):
        command = ("predict", "100", "--annotations", "atr", "--out", path, *force)
        refused(capsys, *command, words=[Path(out).name, "never written over"])
    assert content(folder) == before


def test_the_network_that_is_read_is_not_written_over(folder, no_work, capsys):
    for name in ("mine.npz", "mine.csv"):
        shutil.copy(shipped.WEIGHTS, folder / name)
        command = ("predict", "100", "--weights", name, "--out", name, "--force")
        refused(capsys, *command, words=[name, "never written over"])
        assert (folder / name).read_bytes() == shipped.WEIGHTS.read_bytes()


def test_an_existing_output_asks_for_force(folder, capsys):
    command = ["predict", "100", "--out", "beats.Csv"]
    assert main(command) == 0
    table = pd.read_csv("beats.Csv")
    assert table["class"].isin(["N", "S", "V", "?"]).all()
    (folder / "beats.Csv").write_text("filled in by hand")
    capsys.readouterr()
    refused(capsys, *command, words=["beats.Csv", "--force"])
    assert (folder / "beats.Csv").read_text() == "filled in by hand"
    assert main([*command, "--force"]) == 0
    assert pd.read_csv("beats.Csv").equals(table)
    assert main(["predict", "100", "--out", "beats.ecg"]) == 0
    assert wfdb.rdann("beats", "ecg").symbol == table["class"].tolist()
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    "out",
    [
        *("x.hea", "x.DAT", "x.mat", "x.edf", "x.xlsx", "x.html", "x", "x.a1", "x.é"),
        *("nodir/x.csv", "100.dat/x.csv", ".", "/proc/x.csv", "/dev/null", "y" * 300 + ".csv"),
    ],
)
def test_a_place_or_form_that_cannot_be_is_said_before_work_starts(
    folder, no_work, capsys, out
):
    before = content(folder)
    for force in ([], ["--force"]):
        refused(capsys, "predict", "100", "--out", out, *force, words=[Path(out).name[:100]])
    assert content(folder) == before


@pytest.mark.parametrize(
    ("files", "name"),
    [(["walk.hea", "walk.dat"], "walk.csv"), (["a/walk.CSV"], "walk.beats.csv")],
)
def test_the_table_is_never_called_as_the_recording_is(files, name):
    recording = SimpleNamespace(name="walk", files=tuple(map(Path, files)))
    assert predict.table_of(recording) == Path(name)


def test_packing_keeps_what_it_reads_and_what_is_there(folder, capsys):
    get("mitdb").pack(folder, folder / "packed.npz")
    pack = ("pack", "mitdb", "--data-root", folder, "--out")
    before = content(folder)
    again = ("pack", "mitdb", "--data-root", "packed.npz", "--out", "./packed.npz")
    refused(capsys, *again, "--force", words=["packed.npz", "never written over"])
    refused(capsys, *pack, "packed.npz", words=["packed.npz", "--force"])
    refused(capsys, *pack, "100.dat", "--force", words=["100.dat", ".npz"])
    for place in ("nodir/x.npz", "100.dat/x.npz", "/proc/x.npz"):
        refused(capsys, *pack, place, words=["cannot write", place])
    (folder / "folder.npz").mkdir()
    refused(capsys, *pack, "folder.npz", "--force", words=["folder.npz", "folder"])
    assert content(folder) == before
    assert main([*map(str, pack), "packed.npz", "--force"]) == 0


@pytest.mark.parametrize(
    ("form", "out", "word"),
    [
        ("onnx", "there.onnx", "--force"),
        ("onnx", "nodir/x.onnx", "nodir"),
        ("onnx", "x.npz", ".onnx"),
        ("micronet", "x.onnx", ".npz"),
        ("bundle", "there.onnx", "is a file; name a folder"),
        ("web", "there.onnx", "is a file; name a folder"),
        ("web", "site", "learner.wasm exists"),
        ("bundle", "there.onnx/bundle", "there.onnx"),
        ("bundle", ".", "not empty"),
    ],
)
def test_export_says_what_cannot_be_written_before_it_trains(
    folder, monkeypatch, capsys, form, out, word
):
    monkeypatch.setattr("ecglib.studies.plan.Plan.read", None)
    monkeypatch.setattr("ecglib.deploy.bundle.write._networks", None)
    monkeypatch.setattr("ecglib.deploy.c99.web.write_sources", None)
    (folder / "there.onnx").write_text("kept")
    (folder / "site").mkdir()
    (folder / "site" / "learner.wasm").write_text("kept")
    before = content(folder)
    refused(capsys, "export", form, "--out", out, words=[out, word])
    assert content(folder) == before


@pytest.mark.parametrize(
    ("form", "option"),
    [
        ("bundle", "--force"),
        ("web", "--scope=none"),
        ("onnx", "--split=ds1_ds2"),
        ("micronet", "--scope=none"),
        ("bundle", "--params=x.yaml"),
        ("web", "--set=seeds=[7]"),
    ],
)
def test_export_refuses_an_option_that_it_would_not_read(folder, capsys, form, option):
    words = [f"export {form} does not read {option.partition('=')[0]}; leave it out"]
    refused(capsys, "export", form, "--out", "new", option, words=words)
    assert not (folder / "new").exists()


@pytest.mark.parametrize("name", ["runs", "checkpoints"])
def test_a_study_tries_its_folders_before_it_trains(synthetic_root, tmp_path, capsys, name):
    (tmp_path / name).write_text("a file where a folder should be")
    command = ["study", "baseline", "--out", tmp_path / "runs", "-p", "baseline=[{epochs: 1}]"]
    command += ["-p", f"data_root={synthetic_root}", "-p", "records=[101, 106, 100, 103]"]
    assert main([str(word) for word in command]) == 1
    assert_one_line(capsys.readouterr().err, "cannot write", str(tmp_path / name))


@pytest.fixture
def given(monkeypatch):
    """Parameters that the first chapter would get; no chapter is run."""
    found = {}

    def start(chapter, notebook, parameters, *_):
        found.update(parameters, chapter=chapter.stem)
        raise UserError("a chapter starts")

    monkeypatch.setattr(build, "_refresh", start)
    return found


@pytest.mark.parametrize("chapter", ["03", "3", "03_personalization"])
def test_a_number_counts_as_a_list_of_one(given, synthetic_root, capsys, chapter):
    where = ["-p", f"data_root={synthetic_root}", "-p", "records=[101, 106, 100, 103]"]
    refused(capsys, "run", chapter, "-p", "seeds=21", *where, words=["a chapter starts"])
    assert given["seeds"] == [21]
    assert given["chapter"] == "03_personalization"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("seeds=[]", ["seeds", "empty"]),
        ("seeds=seven", ["seeds", "'seven'"]),
        ("seeds=[7.5]", ["seeds", "7.5"]),
        ("seeds={a: 1}", ["seeds"]),
        ("seeds=[-7]", ["seed", "-7"]),
        ("seeds=010", ["seeds", "010"]),
        ("records=[]", ["records", "empty"]),
        ("records=[100, x]", ["records", "'x'"]),
        ("channels=4", ["channels", "4"]),
        ("channels=[a, b]", ["channels", "'a'"]),
        ("pretext_epochs=[1, 2]", ["pretext_epochs"]),
        ("data_root=[a]", ["data_root"]),
        ("device=gpu", ["device", "gpu"]),
        ("scheduler=[local]", ["scheduler"]),
        ("personalization=3", ["personalization"]),
        ("personalization=[{epochs: []}]", ["epochs", "empty"]),
    ],
)
def test_a_wrong_parameter_is_named_before_a_chapter_starts(given, capsys, value, words):
    refused(capsys, "run", "03", "-p", value, words=words)
    assert given == {}


def called(*command, **environment):
    """A process of this command, to which nothing is known of the user's folders."""
    settings = ("XDG_", "MPL", "ORT_", "ECGLIB_", "PYTHONIO", "PYTHONUTF8", "LC_", "LANG")
    kept = {name: v for name, v in os.environ.items() if not name.startswith(settings)}
    kept |= {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


ASCII = {"PYTHONIOENCODING": "ascii"}
NO_LOCALE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize("environment", [ASCII, NO_LOCALE, {"PYTHONIOENCODING": "cp1252"}])
def test_letters_that_the_output_lacks_do_not_stop_a_command(environment):
    encoding = environment.get("PYTHONIOENCODING", "ascii")
    status, out, err = ended(called("-m", "ecglib", "study", "--help", **environment))
    assert (status, err) == (0, b"")
    expected = "int8, latency, …".encode(encoding, errors="replace")
    assert expected in b" ".join(out.split())


def test_a_report_in_a_narrow_encoding_loses_letters_only(tmp_path):
    for scope, right in (("none", 9), ("shallow_int8", 8)):  # a loss, so a minus sign
        matrix = [[right, 10 - right, 0], [0, 5, 0], [0, 0, 5]]
        found = {"100": matrix, "103": matrix}
        save_into(tmp_path, made_result("int8", found, scope=scope, method="qat"))
    command = ("-m", "ecglib", "report", "--results", tmp_path)
    wide, narrow = (called(*command, PYTHONIOENCODING=name) for name in ("utf-8", "cp1252"))
    (status, text, _), (narrow_status, lost, err) = ended(wide), ended(narrow)
    assert (status, narrow_status, err) == (0, 0, b"")
    assert lost == text.decode().encode("cp1252", errors="replace")
    assert b"?" in lost


@pytest.mark.parametrize("command", [["--help"], ["compare"]])
def test_a_closed_pipe_ends_quietly(command, tmp_path):
    save_into(tmp_path, made_result("baseline", {"100": [[9, 1, 0], [0, 5, 0], [0, 0, 5]]}))
    folders = [tmp_path, tmp_path] if "compare" in command else []
    process = called("-m", "ecglib", *command, *folders)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) in (0, 141)


def test_a_full_disk_behind_the_output_is_one_line():
    script = "from ecglib.system import console; console.run(lambda: print('x'))"
    with open("/dev/full", "w") as full:
        environment = {**os.environ, "PYTHONPATH": str(REPO)}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment)
    assert_one_line(done.stderr.decode(), "No space left")


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory"),
        (OSError(28, "No space left on device", "x.csv"), "x.csv: No space"),
        (IndexError("list index\nout of range"), "IndexError: list index out of range"),
    ],
)
def test_no_error_ends_in_a_traceback(monkeypatch, capsys, tmp_path, error, word):
    def fail(*_):
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("ecglib.commands.report.report", fail)
    refused(capsys, "report", words=[word])
    kept = list(tmp_path.glob("*.txt"))
    assert len(kept) == isinstance(error, IndexError)
    assert all("Traceback" in path.read_text() for path in kept)


def test_an_error_and_a_note_have_a_line_of_their_own(monkeypatch, capsys):
    """Even if a progress bar is on the screen, and held by the frame that fails."""

    def work(number):
        warnings.warn(f"run {number} lacks a class", stacklevel=1)
        return 1 / (1 - number)

    def fail(*_):
        bar = tqdm(range(2), desc="runs")
        return [work(number) for number in bar]

    monkeypatch.setattr("ecglib.commands.report.report", fail)
    assert main(["report"]) == 1
    lines = [line.rpartition("\r")[2] for line in capsys.readouterr().err.splitlines()]
    assert {"note: run 0 lacks a class", "note: run 1 lacks a class"} < set(lines)
    assert lines[-1].startswith("ecglib: ")
    assert "runs:" in lines[-2]


PLOTTED = """
import sys
from ecglib.__main__ import main
assert main(sys.argv[1:]) == 0
import matplotlib.font_manager
"""


def test_nothing_is_left_under_home(folder):
    """ONNX Runtime would keep a number of the device there, matplotlib its list of fonts."""
    bundle = folder / "bundle"
    fast = ("--runtime", "onnxruntime", "--seconds", "0.01")
    for command in (
        ("-m", "ecglib", "export", "bundle", "--out", bundle),
        (bundle / "nano_bench.py", *fast),
        ("-c", PLOTTED, "predict", "100"),
    ):
        home = folder / "home"
        home.mkdir(exist_ok=True)
        status, _, err = ended(called(*command, HOME=str(home)))
        assert status == 0, err
        assert list(home.rglob("*")) == []
    assert (folder / "100.csv").is_file()
