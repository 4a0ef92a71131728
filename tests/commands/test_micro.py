"""Reference figures of the micro network: who is shown, and what is computed anew."""

import dataclasses
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ecglib.commands import micro
from ecglib.data import sets
from ecglib.data.find.search import find
from ecglib.data.sets.mitdb import load_beats
from ecglib.data.signal.micro_input import widths
from ecglib.data.synthetic import write_records
from ecglib.deploy import shipped
from ecglib.personalize.budget import CHOSEN
from ecglib.results import encode_classes, load_study, save
from ecglib.studies.plan import expand
from ecglib.studies.run import run_study
from ecglib.system.errors import UserError

RECORDS = [100, 103, 209]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Invented patients of MIT-BIH, and beside them some of SVDB with the same leads."""
    folder = tmp_path_factory.mktemp("invented")
    write_records(folder / "mitdb", RECORDS, minutes=8)
    write_records(folder / "svdb", [802, 803], minutes=1, fs=128)
    with pytest.MonkeyPatch.context() as patch:
        svdb = replace(sets.get("svdb"), lead="MLII")
        joint = replace(sets.get("both"), members=(sets.get("mitdb"), svdb))
        patch.setitem(sets.SETS, "svdb", svdb)
        patch.setitem(sets.SETS, "both", joint)
        yield folder / "mitdb"


@pytest.fixture(scope="module")
def runs(root, tmp_path_factory):
    """Real runs of invented patients, every one left out once, and a stream that asks."""
    folder = tmp_path_factory.mktemp("runs")
    fast = {"dataset": "both", "split": "lopo2", "scope": "all_int8", "leads": "MLII"}
    fast |= {"epochs": 1, "qat_epochs": 1}
    stream = CHOSEN | {"query": "least_confidence", "update": "head", "asking": "stream"}
    stream |= {"budget": micro.AN_HOUR}
    table = [fast, fast | stream]
    configs = expand("budget", table, seeds=[micro.SEED], records=[*RECORDS, 802, 803])
    run_study(configs, find("both", root), profile="quick", device="cpu", runs=folder)
    return folder


def test_who_is_read_well_is_not_shown():
    before = {"1": 0.95, "2": 0.5, "3": 0.6, "4": 0.7}
    after = {"1": 0.2, "2": 0.9, "3": 0.65, "4": 0.9}
    assert micro.usual_gain(before, after) == "4"  # gains 0.4, 0.05, 0.2
    with pytest.raises(UserError, match="nobody is left"):
        micro.usual_gain({"1": 0.95}, {"1": 1.0})


def test_the_stream_of_the_committed_run_is_drawn(root, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(micro, "RUNS", tmp_path / "live")
    monkeypatch.setattr(micro, "BADLY_READ", 1.1)
    top, *_ = micro.timeline(root, runs).axes
    (streamed,) = [r for r in load_study(runs, "budget") if r.config["budget"]]
    number = top.get_title().removeprefix("record ")
    counts = streamed.metrics["asked"][number]
    letters = [text.get_text() for text in top.texts]
    assert len(letters) == sum(counts) > 0
    assert [letters.count(kind) for kind in "NSVFQ"] == counts
    plt.close("all")
    other = streamed.predictions | {
        r: encode_classes((streamed.classes(r) + 1) % 3) for r in map(str, RECORDS)
    }
    changed = tmp_path / "budget"
    for number, result in enumerate(load_study(runs, "budget")):
        asks = result.config["budget"] > 0
        new = dataclasses.replace(result, predictions=other) if asks else result
        save(new, changed / f"{number}.json")
    with pytest.raises(UserError, match="is not that of the committed run"):
        micro.timeline(root, tmp_path)


def test_every_record_weighs_the_same(root):
    found = micro.looks(root, RECORDS)
    alone = [micro.looks(root, [number])["N"] for number in RECORDS]
    for part in ("beat", "pieces", "timing"):
        mean = np.mean([getattr(looks, part) for looks in alone], axis=0)
        np.testing.assert_allclose(getattr(found["N"], part), mean, rtol=1e-5, atol=1e-7)
    assert found["N"].pieces.shape == (16,)
    assert found["N"].timing.shape == (1 + widths(shipped.load().features)[1],)


def test_a_class_that_nobody_has_is_left_out(root):
    label = load_beats(root, RECORDS).label
    shown = micro.looks(root, RECORDS)
    late = {name for index, name in enumerate("NSV") if np.sum(label == index)}
    assert set(shown) <= late
