"""Learning as the device does it: the network stays, and labels correct its answers."""

import shutil

import numpy as np
import pandas as pd
import pytest

from ecglib.aami import CLASSES
from ecglib.book.tryout import FS, GAIN, PATIENTS, recording
from ecglib.data.signal.peaks import find
from ecglib.deploy import integers, replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.taught import own_logits
from ecglib.holter import teach
from ecglib.holter.classify import classify, inputs_of
from ecglib.personalize.learner import ONE, Learner, probabilities
from ecglib.studies.budget import BudgetConfig
from tests.deploy.learned import InC
from tests.tools import needs

from .teaching import assert_sentence, call


@pytest.fixture
def labelled(asked):
    """Those rows of the table that was filled in that have a label: seven, N before S and V."""
    table = pd.read_csv(asked / "ask.csv", keep_default_na=False)
    return table[table["label"] != "?"].sort_values("label", ignore_index=True)


def taught(record, labelled, out, *more):
    """The network (`Integers`) that learns a table and is written to `out`."""
    path = out.with_suffix(".csv")
    labelled.to_csv(path, index=False)
    assert call("teach", record, path, "--annotations", "atr", "--out", out, *more) == 0
    return integers.read(out)


def found_by(record, weights):
    """The table that `predict` writes."""
    out = weights.with_suffix(".found.csv")
    how = ("--annotations", "atr", "--weights", weights, "--out", out, "--force")
    assert call("predict", record, *how) == 0
    return pd.read_csv(out, keep_default_na=False)


def test_two_lessons_equal_one_and_need_the_replay_file_once(record, labelled, tmp_path):
    own, first, both, once = (tmp_path / f"{n}.npz" for n in ("own", "first", "both", "once"))
    replayed, network = tmp_path / "own.replay.npz", shipped.load()
    shipped.save(own, network.model, network.meta | {"replay": replayed.name})
    shutil.copyfile(shipped.WEIGHTS.with_name("micronet.replay.npz"), replayed)
    wrong = labelled.assign(label=labelled["label"].replace({"S": "N"}))
    expected = taught(record, wrong, once, "--weights", own)
    assert len(taught(record, wrong[:4], first, "--weights", own).labels.label) == 4
    replayed.unlink()
    found = taught(record, wrong[4:], both, "--weights", first)
    np.testing.assert_array_equal(found.labels.unit, expected.labels.unit)
    np.testing.assert_array_equal(found.labels.label, expected.labels.label)
    tables = [found_by(record, weights) for weights in (once, both, first)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not tables[0].equals(tables[2])


@needs("gcc")
def test_it_answers_as_the_device_that_was_told_the_same(
    record, lead, sample, labelled, tmp_path
):
    mine = taught(record, labelled.assign(label="N"), tmp_path / "mine.npz")
    network = shipped.load()
    prior = replay.prior_of(network, shipped.WEIGHTS)
    source, _ = write_c(network.program(), tmp_path, "learns", prior)
    device, plain = InC(harness.library(source)), integers.read().program()
    unit = plain.units(*inputs_of(lead, sample, plain))
    untaught = [device.decide(beat)[0] for beat in unit]
    for place in np.searchsorted(sample, labelled["sample"]):
        device.learn(unit[place], CLASSES.index("N"))
    answer, sure = zip(*[device.decide(beat) for beat in unit], strict=True)
    found = classify(lead, sample, mine.program()).beats
    assert found["class"].tolist() == [CLASSES[number] for number in answer]
    probability = found[list(CLASSES)].max(axis=1)
    np.testing.assert_allclose(probability, np.array(sure) / ONE, atol=0.003)
    assert list(answer) != untaught


def test_labels_that_are_nearly_impossible_are_named(record, labelled, tmp_path, capsys):
    """The network is sure of its N beats; a label S of one of them is a slip of the pen."""
    sure = labelled[labelled["class"] == "N"].nlargest(1, "probability")
    rest = labelled[~labelled.index.isin(sure.index)]
    taught(record, rest, tmp_path / "rest.npz")
    assert "without effect" not in capsys.readouterr().out
    taught(record, pd.concat([sure.assign(label="S"), rest]), tmp_path / "slip.npz")
    said = capsys.readouterr().out
    slip = (
        f"; 1 without effect yet, against a sure network: look again at {sure['time'].item()}"
    )
    (line,) = (line for line in said.splitlines() if " 7 labels (" in line)
    assert line.endswith(slip)  # nobody was left out
    tables = [found_by(record, tmp_path / f"{name}.npz") for name in ("rest", "slip")]
    pd.testing.assert_frame_equal(*tables)


def test_more_labels_than_are_remembered(record, lead, sample, network, capsys):
    """Of many labels against a sure network, the last ones are named."""
    found = classify(lead, sample, network.program()).beats
    sure = np.flatnonzero((found["class"] == "N") & (found["N"] > 0.999))[:40]
    answers = teach.Answers(sure, np.full(40, CLASSES.index("S")), 0)
    new = teach.teach(lead, sample, network, shipped.WEIGHTS, answers, "kernel", None)
    assert new.doubted.tolist() == sure[-24:].tolist()
    assert new.after.tolist() == new.before.tolist()


@pytest.mark.parametrize("label", CLASSES)
def test_labels_of_one_class_alone(record, labelled, tmp_path, label):
    mine = taught(record, labelled.assign(label=label), tmp_path / "mine.npz")
    assert mine.labels.label.tolist() == [CLASSES.index(label)] * len(labelled)
    assert set(found_by(record, tmp_path / "mine.npz")["class"]) <= set(CLASSES)


def test_a_beat_that_nobody_can_tell_teaches_nothing(record, labelled, tmp_path, capsys):
    rest = taught(record, labelled[1:], tmp_path / "rest.npz")
    labelled.loc[0, "label"] = "?"
    mine = taught(record, labelled, tmp_path / "mine.npz")
    assert "; 1 left out" in capsys.readouterr().out
    np.testing.assert_array_equal(mine.labels.unit, rest.labels.unit)
    np.testing.assert_array_equal(mine.labels.label, rest.labels.label)


def test_what_was_learned_from_whom_is_kept(record, labelled, tmp_path, capsys):
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    taught(record, labelled[:2].assign(label="N"), one)
    capsys.readouterr()
    both = taught(record, labelled[2:3].assign(label="V"), two, "--weights", one)
    printed = capsys.readouterr().out
    assert " 1 label (1 V)" in printed
    assert "note: " not in printed.replace("note: fewer than 5", "")
    assert both.meta["taught"]["labels"] == "2 N of 232, then 1 V"
    assert both.meta["taught"]["record"] == "232"
    taught(record, labelled[:3].assign(label="N"), tmp_path / "again.npz", "--weights", two)
    assert "note: 2 labels were learned before, and now count" in capsys.readouterr().out
    other = shipped.load(two)
    meta = other.meta | {"taught": other.meta["taught"] | {"record": "100"}}
    shipped.save(tmp_path / "his.npz", other.model, meta, other.labels)
    taught(record, labelled[4:5], tmp_path / "mixed.npz", "--weights", tmp_path / "his.npz")
    assert "his.npz has learned labels of 100 before" in capsys.readouterr().out


def test_its_head_is_not_trained(record, asked, labelled, tmp_path, capsys):
    mine = tmp_path / "mine.npz"
    taught(record, labelled, mine)
    capsys.readouterr()
    how = ("--annotations", "atr", "--update", "head", "--weights", mine)
    assert call("teach", record, asked / "ask.csv", *how, "--out", tmp_path / "new.npz") == 1
    said = "mine.npz was taught by kernel; use --update kernel, or the shipped network"
    assert_sentence(capsys, said)


def test_a_damaged_file_gets_one_sentence(record, asked, labelled, tmp_path, capsys):
    mine, wrong = tmp_path / "mine.npz", tmp_path / "wrong.npz"
    taught(record, labelled, mine)
    with np.load(mine) as stored:
        np.savez(wrong, **{name: stored[name] for name in stored.files if name != "near"})
    capsys.readouterr()
    outputs = {"ask": "a.csv", "teach": "m.npz", "predict": "b.csv"}
    for name, output in outputs.items():
        words = (name, record, *[asked / "ask.csv"] * (name == "teach"))
        assert call(*words, "--weights", wrong, "--out", tmp_path / output) == 1
        assert_sentence(capsys, "wrong.npz is no network of this version")
        assert not (tmp_path / output).exists()


def test_settings_of_another_version_are_said_with_the_file(record, asked, tmp_path, capsys):
    wrong, network = tmp_path / "wrong.npz", shipped.load()
    shipped.save(wrong, network.model, network.meta | {"config": {"seed": "x"}})
    for words in (("ask", record), ("teach", record, asked / "ask.csv")):
        out = tmp_path / f"out.{'csv' if words[0] == 'ask' else 'npz'}"
        how = ("--annotations", "atr", "--weights", wrong, "--out", out)
        capsys.readouterr()
        assert call(*words, *how) == 1
        assert "wrong.npz is no network of this version: seed is 'x'" in capsys.readouterr().err


def test_it_asks_where_it_is_unsure_now(lead, sample, network):
    config = BudgetConfig(budget=5, query="least_confidence", update="kernel", scope="all_int8")
    before = classify(lead, sample, network.program())
    beat = np.flatnonzero(before.beats["class"] == "S")
    answers = teach.Answers(beat, np.zeros(len(beat), dtype=int), 0)
    new = teach.teach(lead, sample, network, shipped.WEIGHTS, answers, "kernel", None).network
    after = classify(lead, sample, new.program())
    asked = teach.to_ask(after, new, config, anytime=True)
    sure = after.beats[list(CLASSES)].max(axis=1)
    assert sorted(asked["probability"]) == sorted(sure.nsmallest(5))
    earlier = teach.to_ask(before, network, config, anytime=True)
    assert set(asked["sample"]) != set(earlier["sample"])


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_right_answers_never_make_many_others_wrong(seed):
    """As on the page to try, the least sure beat is asked for."""
    network = shipped.load()
    program, prior = network.program(), replay.prior_of(network, shipped.WEIGHTS)
    samples, at, kind = recording(PATIENTS[1]._replace(seed=seed))
    found = find(samples, FS, GAIN)
    distance = np.abs(at[None] - found[:, None])
    known = distance.min(axis=1) < 0.15 * FS
    truth = kind[distance.argmin(axis=1)]
    unit = program.units(*network_inputs(program, samples, found, FS, GAIN))[known]
    truth, logits = truth[known], own_logits(program, unit)
    learner, asked, right = Learner(prior), [], []
    for _ in range(14):
        corrected = learner.corrected(unit, logits)
        right.append(np.mean(corrected.argmax(axis=1) == truth))
        sure = probabilities(corrected).max(axis=1)
        sure[asked] = ONE + 1
        asked.append(int(sure.argmin()))
        learner.learn(unit[asked[-1]], logits[asked[-1]], int(truth[asked[-1]]))
    assert min(right) > right[0] - 0.01
    assert right[-1] > right[0]
