"""Reference figures: what is committed, what the command writes, and what it refuses."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ecglib.__main__ import main
from ecglib.aami import DS1, DS2
from ecglib.commands import figures, micro
from ecglib.data.records import read_rhythms
from ecglib.data.sets import get
from ecglib.data.synthetic import write_records
from ecglib.metrics import confusion_matrix
from ecglib.personalize.budget import CHOSEN
from ecglib.plots import style
from ecglib.plots.style import CLASS_COLORS
from ecglib.results import RunResult, encode_classes, save
from ecglib.studies.registry import make_config
from ecglib.system.errors import UserError
from ecglib.system.paths import CHAPTERS, FIGURES, REPO, RESULTS
from tests.commands.calls import assert_one_line
from tests.tools import needs

NAMES = (
    "classes",
    "record_232",
    "fibrillation",
    "five_answers",
    "mistakes",
    "puzzle",
    "stream",
    "timeline",
    "learning",
    "saliency",
    "report",
)
PNG = b"\x89PNG\r\n\x1a\n"
RECORDS = (100, 103, 209, 232)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Invented patients under the numbers that the figures show."""
    folder = tmp_path_factory.mktemp("invented")
    write_records(folder, sorted({*RECORDS, 119, 213, 217, 219}), minutes=6)
    return folder


@pytest.fixture(scope="module")
def runs(root, tmp_path_factory):
    """Made predictions of invented patients: every third beat wrong, or none."""
    folder = tmp_path_factory.mktemp("runs")
    for budget in (0, 5):
        config = {"dataset": "both", "records": (), "scope": "all_int8", "split": "lopo2"}
        config |= {"update": "head", **CHOSEN} if budget else {}
        config = make_config("budget", budget=budget, **config).to_dict()
        matrices, predictions = {}, {}
        for number in RECORDS:
            beats = figures.Recorded.of(root, number).beats
            said = beats.label.copy()
            said[said > 2] = 0
            if budget == 0:
                said[::3] = (said[::3] + 1) % 3
            kept = (beats.label < 3) & ~beats.before(300)
            matrices[str(number)] = confusion_matrix(beats.label[kept], said[kept]).tolist()
            predictions[str(number)] = encode_classes(said)
        made = {"metrics": {}, "runtime_s": {}, "environment": {}, "data": {}}
        made |= dict.fromkeys(("per_record", "per_record_after_5min"), matrices)
        made |= {"predictions": predictions}
        result = RunResult(study="budget", config=config | {"seed": micro.SEED}, **made)
        save(result, folder / "budget" / f"{budget}.json")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_committed_figures_are_small_images(name):
    content = (FIGURES / f"{name}.png").read_bytes()
    assert content.startswith(PNG)
    assert len(content) < 200_000


def test_every_committed_figure_is_drawn_by_the_command_and_shown_with_its_source():
    assert sorted(path.stem for path in FIGURES.iterdir()) == sorted(NAMES)
    text = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS.glob("*.py"))
    source = "MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0"
    for name in set(NAMES) - {"report"}:
        shown = re.search(rf'show\.reference_figure\(\s*"{name}"', text)
        cell = text[: shown.start()].rpartition("# %%")[2]
        assert source in cell
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    below = readme.partition("(results/figures/report.png)")[2].partition("#")[0]
    assert source in below


def test_strips_follow_each_other(root):
    patient = figures.Recorded.of(root, 100)
    first, second = patient.strips(10, 4, 2)
    assert first.title == "record 100, MLII, from 0:10"
    assert second.title == "(goes on)"
    joined = np.concatenate([first.signal, second.signal])
    fs = patient.record.fs
    start = round(10 * fs)
    np.testing.assert_array_equal(joined, patient.record.signal[start : start + round(8 * fs)])
    at = [beat.at for beat in first.beats] + [4 + beat.at for beat in second.beats]
    seconds = patient.beats.sample / fs - 10
    inside = (seconds >= 0) & (seconds < 8)
    assert at == pytest.approx(seconds[inside].tolist())
    assert [b.kind for b in (*first.beats, *second.beats)] == patient.kinds[inside].tolist()


def test_a_strip_stays_inside_of_the_recording(root):
    patient = figures.Recorded.of(root, 100)
    for start in (-3, 1e6):
        assert patient.strip(start, 4).seconds == pytest.approx(4)


def test_a_part_is_as_the_whole(root):
    beats = figures.Recorded.of(root, 232).beats
    late = ~beats.before(60)
    is_n = (beats.label == 0)[None]
    start = figures.typical_start(beats, is_n, 60, late)
    time = beats.sample / beats.fs
    inside = (time >= start) & (time < start + 60)
    assert start > 59
    assert is_n[0, inside].mean() == pytest.approx(is_n[0, late].mean(), abs=0.02)


def test_examples_are_of_the_class_that_they_stand_for(root, monkeypatch):
    with pytest.raises(UserError, match=r"record 217 of .* has no Q beat to show"):
        figures.classes(root)  # nobody invents a pacemaker
    monkeypatch.delitem(figures.EXAMPLES, "Q")
    (axis,) = figures.classes(root).axes
    letters = [text.get_text() for text in axis.texts]
    for kind, (number, meaning) in figures.EXAMPLES.items():
        assert any(text.startswith(f"{kind}, {meaning}: record {number}") for text in letters)
    assert len(axis.patches) == 4
    shades = [to_hex(patch.get_facecolor()) for patch in axis.patches]
    assert shades == [CLASS_COLORS[kind].lower() for kind in "NSVF"]


def test_figures_of_invented_patients_hold_their_runs(root, runs, monkeypatch):
    monkeypatch.setattr(figures, "DS1", ())
    monkeypatch.setattr(figures, "DS2", RECORDS)
    style.use()
    drawn = {
        "record_232": figures.record_232(root, runs),
        "five_answers": figures.five_answers(root, runs),
        "mistakes": figures.mistakes(root, runs),
        "puzzle": figures.puzzle(root),
    }
    assert "called N" in drawn["record_232"].axes[1].get_title()
    assert any("100%" in text.get_text() for text in drawn["five_answers"].axes[0].texts)
    assert [len(drawn[name].axes) for name in ("record_232", "puzzle")] == [7, 6]


@needs("gcc")
def test_a_streamed_record_has_a_letter_for_each_beat(root):
    (axis,) = figures.streamed(root).axes
    said = [text.get_text() for text in axis.texts]
    assert len(said) > 5  # ten seconds of a heart
    assert set(said) <= {"N", "S", "V"}


def test_an_image_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "some.png"
    figures.save(plt.figure(), path)
    good = path.read_bytes()
    assert good.startswith(PNG)

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    figure = plt.figure()
    monkeypatch.setattr(figure, "savefig", fails)
    with pytest.raises(UserError, match=r"cannot write .*some.png: No space left"):
        figures.save(figure, path)
    assert path.read_bytes() == good
    assert [file.name for file in tmp_path.iterdir()] == ["some.png"]


def refusal(capsys, out, *options):
    """What the command says where it cannot draw; it writes nothing."""
    assert main(["figures", "--out", str(out), *map(str, options)]) == 1
    assert not out.exists()
    return capsys.readouterr().err


def test_invented_patients_never_become_reference_figures(tmp_path, root, capsys):
    err = refusal(capsys, tmp_path / "out", "--data-root", root)
    assert_one_line(err, "invented patients", "python -m ecglib fetch mitdb")


def test_a_missing_recording_is_named(tmp_path, root, capsys):
    for path in root.glob("100.*"):
        content = path.read_bytes()
        if path.suffix == ".hea":  # as if it had been recorded
            content = b"\n".join(line for line in content.splitlines() if b"#" not in line)
        (tmp_path / "mitdb" / path.name).parent.mkdir(exist_ok=True)
        (tmp_path / "mitdb" / path.name).write_bytes(content + b"\n" * (path.suffix == ".hea"))
    err = refusal(capsys, tmp_path / "out", "--data-root", tmp_path)
    assert_one_line(err, "lacks records", "(101, ", "fetch mitdb")


def test_a_packed_file_is_not_enough(tmp_path, root, capsys):
    packed = tmp_path / "mitdb.npz"
    get("mitdb").pack(root, packed)
    assert_one_line(refusal(capsys, tmp_path / "out", "--data-root", packed), "packed file")


def test_a_run_that_is_missing_or_of_another_recording_is_named(tmp_path, root, runs):
    with pytest.raises(UserError, match="lacks the run with 5 labels"):
        micro.predictions(tmp_path, 5)
    run = micro.predictions(runs, 5)
    assert run.config["budget"] == 5
    with pytest.raises(UserError, match="record 100 has 3 beats, the committed run"):
        figures.said_of(run, 100, figures.Recorded.of(root, 100).beats.select(slice(3)))


def test_rhythms_are_read(root):
    sample, name = read_rhythms(root, 100)
    assert name.tolist() == ["N"]
    assert len(sample) == 1


def test_the_command_draws_all_figures_of_the_real_database(tmp_path, mitdb_root, capsys):
    missing = [r for r in (*DS1, *DS2, 217) if not (mitdb_root / f"{r}.hea").is_file()]
    if missing:
        pytest.skip(f"the MIT-BIH database is there in part: without {missing}")
    out = tmp_path / "out"
    assert main(["figures", "--out", str(out), "--results", str(RESULTS)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(NAMES)
    for name in NAMES:
        content = (out / f"{name}.png").read_bytes()
        assert content.startswith(PNG)
        assert len(content) < 200_000
    _, name = read_rhythms(mitdb_root, figures.FIBRILLATION)
    assert "AFIB" in name
