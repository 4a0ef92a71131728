"""Asking for labels of a recording, and learning from a table that somebody filled in."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
import wfdb

from ecglib import results
from ecglib.aami import CLASSES
from ecglib.commands import teach as commands
from ecglib.data.inputs import Inputs
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.micro_input import micro_inputs
from ecglib.deploy import integers, replay, shipped
from ecglib.holter import teach
from ecglib.holter.classify import classify
from ecglib.holter.lead import Lead
from ecglib.metrics import from_confusion
from ecglib.models.micronet import MicroNetConfig
from ecglib.studies.budget import BudgetConfig
from ecglib.studies.registry import make_config
from ecglib.system.errors import UserError
from ecglib.system.paths import RESULTS
from ecglib.training.loop import predict
from tests.deploy.networks import ALL_TIMING, micronet

from .teaching import assert_sentence, call, filled, truth_of

DS1_DS2 = shipped.WEIGHTS.with_name("ds1_ds2.npz")
FIVE = BudgetConfig(budget=5, query="mixed", update="head", scope="all_int8")


def committed(study, **wanted):
    wanted |= {"seed": 7, "split": "ds1_ds2", "scope": "all_int8"}
    wanted["features"] = shipped.load(DS1_DS2).features
    (row,) = [
        result
        for result in results.load_study(RESULTS, study)
        if all(result.config[name] == value for name, value in wanted.items())
    ]
    return row


@pytest.mark.parametrize("number", [117, 219])
def test_the_whole_loop_reaches_the_patients_row_of_the_study(mitdb_root, tmp_path, number):
    """They differ in integers in the input, and weights on a grid, from which learning starts.

    Three of 22 patients differ by more than these two: 231 by 0.002, 221 and 232 by 0.005.
    """
    row = committed("budget", budget=5)
    ask, mine, out = (tmp_path / name for name in ("ask.csv", "mine.npz", "out.csv"))
    same = ("--annotations", "atr", "--weights")
    record, truth = mitdb_root / str(number), truth_of(mitdb_root, number)
    assert call("ask", record, *same, DS1_DS2, "--out", ask) == 0
    asked = Counter(truth[sample] for sample in filled(ask, truth)["sample"])
    assert [asked[kind] for kind in "NSVFQ"] == row.metrics["asked"][str(number)]
    assert call("teach", record, ask, *same, DS1_DS2, "--update", "head", "--out", mine) == 0
    assert call("predict", record, *same, mine, "--out", out) == 0
    found = pd.read_csv(out, keep_default_na=False)
    late = found[found["seconds"] >= 300]
    pairs = Counter(zip(late["sample"].map(truth), late["class"], strict=True))
    matrix = np.array([[pairs[truly, said] for said in CLASSES] for truly in CLASSES])
    expected = np.array(row.per_record_after_5min[str(number)])
    assert matrix.sum() == expected.sum()
    accuracy, wanted = from_confusion(matrix).accuracy, from_confusion(expected).accuracy
    assert accuracy == pytest.approx(wanted, abs=0.002)
    untaught = from_confusion(
        committed("budget", budget=0).matrix(after_5min=True)[str(number)]
    )
    assert accuracy > untaught.accuracy + 0.003  # else the row would be reached without labels


def test_the_update_has_the_networks_own_size_of_a_batch():
    network = shipped.load(DS1_DS2)
    row = committed("budget", budget=5).config
    assert commands.settings(network, 5) == make_config("budget", **row)
    config = network.meta["config"] | {"batch_size": 77}
    other = dataclasses.replace(network, meta=network.meta | {"config": config})
    assert commands.settings(other, 5).batch_size == 77


@pytest.mark.parametrize("number", [100, 232])
def test_the_network_of_ds1_is_that_of_the_committed_runs(mitdb_root, number):
    network = shipped.load(DS1_DS2)
    inputs = micro_inputs(read_record(mitdb_root, number), network.features)
    expected = committed("budget", budget=0).classes(number)
    assert np.mean(predict(network.model, inputs) != expected) < 0.001


@pytest.mark.parametrize(
    ("update", "wrong"), [("kernel", {"S": "N"}), ("head", {"S": "V", "V": "N"})]
)
def test_predict_gives_the_classes_that_teach_announced(
    record, asked, tmp_path, capsys, update, wrong
):
    """Labels are wrong on purpose, so that many beats change."""
    ask, mine, out = (tmp_path / name for name in ("ask.csv", "mine.npz", "out.csv"))
    labels = pd.read_csv(asked / "ask.csv", keep_default_na=False)
    labels["label"] = labels["label"].replace(wrong)
    labels.to_csv(ask, index=False)
    how = ("--annotations", "atr", "--update", update)
    assert call("teach", record, ask, *how, "--out", mine) == 0
    said, tables = capsys.readouterr().out, []
    for weights in (shipped.WEIGHTS, mine):
        how = ("--annotations", "atr", "--weights", weights, "--out", out, "--force")
        assert call("predict", record, *how) == 0
        tables.append(pd.read_csv(out, keep_default_na=False))
    before, after = (table["class"] for table in tables)
    assert (before != after).any()
    assert f"{(before != after).sum():,} of {len(before):,} beats change class" in said
    for (was, now), n in Counter(zip(before, after, strict=True)).items():
        assert was == now or f"{n} from {was} to {now}" in said
    truth = tables[0]["sample"].map(truth_of(record.parent, 232))
    used = tables[0]["sample"].isin(labels["sample"][labels["label"] != "?"])
    others = truth.isin(CLASSES) & ~used
    right = [(classes == truth)[others].mean() for classes in (before, after)]
    assert f"{others.sum():,} other beats are annotated: {right[0]:.1%} had" in said
    assert f"{right[1]:.1%} have it now" in said
    assert ("better keep the old one" in said) == (right[1] < right[0])


@pytest.mark.parametrize("update", teach.UPDATES)
def test_a_taught_network_can_be_taught_again_from_another_folder(
    record, asked, tmp_path, update
):
    how = (record, asked / "ask.csv", "--annotations", "atr", "--update", update)
    assert call("teach", *how, "--out", tmp_path / "once.npz") == 0
    again = ("--weights", tmp_path / "once.npz", "--out", tmp_path / "twice.npz")
    assert call("teach", *how, *again) == 0


def test_the_page_shows_each_beat_and_asks_nobody(asked):
    page = (asked / "ask.html").read_text()
    table = pd.read_csv(asked / "ask.csv")
    assert page.count("<svg ") == len(table) == 8
    for row in table.itertuples():
        assert f"{row.time}, sample {row.sample}:" in page
    assert "not a medical device" in page
    for request in ("src=", "@import", "<link", "<script", 'href="http', "url(http"):
        assert request not in page


def test_the_page_of_a_gap_and_of_a_name_in_angle_brackets(lead, sample, network):
    from ecglib.commands.teach import page_of

    signal = lead.signal.copy()
    signal[sample[10] + 100 : sample[10] + 200] = np.nan
    odd = dataclasses.replace(lead, signal=signal, name="<b>II")
    classified = classify(odd, sample, network.program())
    table = classified.beats.iloc[[10]].assign(time="0:00:08", probability=0.5)
    page = page_of(classified, table)
    assert "&lt;b&gt;II" in page
    assert "<b>II" not in page
    assert "nan" not in page.lower()


def small(lead, sample, network, budget, **how):
    config = dataclasses.replace(FIVE, budget=budget)
    return teach.to_ask(classify(lead, sample, network.program()), network, config, **how)


def test_beats_that_cannot_be_read_are_never_asked(lead, sample, network):
    unreadable = np.zeros(len(lead.unreadable), dtype=bool)
    unreadable[:200] = True
    half = dataclasses.replace(lead, unreadable=unreadable)
    assert small(half, sample, network, 10**6)["seconds"].min() >= 200
    nothing = dataclasses.replace(lead, unreadable=np.ones(len(unreadable), dtype=bool))
    for anytime, where in ((False, "read in the first 300 s"), (True, "read;")):
        with pytest.raises(UserError, match=f"no beat of lead MLII can be {where}"):
            small(nothing, sample, network, 5, anytime=anytime)


def test_the_first_five_minutes_or_any_time(lead, sample, network):
    early, all_beats = (small(lead, sample, network, 10**6, anytime=a) for a in (False, True))
    assert len(all_beats) == len(sample)
    assert early["sample"].tolist() == sample[sample < 300 * lead.fs].tolist()
    late = sample[sample > 310 * lead.fs]
    assert len(small(lead, late, network, 3, anytime=True)) == 3
    with pytest.raises(
        UserError, match="232: no beat of lead MLII can be read in the first 300 s"
    ):
        small(lead, late, network, 3)


FILLED = (
    "record,lead,sample,label\n232,MLII,{0},N\n232,MLII,{1},?\n232,MLII,{2},v\n232,MLII,{3},\n"
)


@pytest.mark.parametrize(
    "saved_by",
    [
        lambda text: text.encode(),
        lambda text: text.replace(",", ";").encode("utf-8-sig"),
        lambda text: text.replace(",", "\t").encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: (text + ",,,\n\n").encode(),
        lambda text: text.replace("label", " Label ").replace("232,", " 232 ,").encode(),
        lambda text: text.replace("\n232", '\n"232"').encode(),
        lambda text: text.replace(",N", ".0,N").encode(),
        lambda text: (
            text.replace("label\n", "label,note\n").replace("N\n", "N,my note\n").encode()
        ),
        lambda text: (
            text.replace("label\n", "label,Anmerkung\n")
            .replace("v\n", "v,für\n")
            .encode("cp1252")
        ),
        lambda text: ("sep=;\n" + text.replace(",N", ".0,N").replace(",", ";")).encode(),
        lambda text: ("\n;;;\n" + text.replace(",", ";").replace(";N", ",0;N")).encode(
            "utf-8-sig"
        ),
        lambda text: (text + "\n".join(text.splitlines()[1:2])).encode(),  # a row twice
    ],
)
def test_tables_are_read_however_they_were_saved(tmp_path, lead, sample, saved_by):
    path = tmp_path / "ask.CSV"
    path.write_bytes(saved_by(FILLED.format(*sample[[40, 7, 300, 9]])))
    answers = teach.read_answers(path, lead, sample)
    assert answers.beat.tolist() == [40, 300]
    assert answers.label.tolist() == [0, 2]
    assert answers.n_left_out == 2


def test_zeros_that_a_spreadsheet_cuts_do_not_make_another_record(tmp_path, lead, sample):
    path = tmp_path / "ask.csv"
    path.write_text(FILLED.format(*sample[:4]))
    named = dataclasses.replace(lead, recording="0232")
    assert len(teach.read_answers(path, named, sample).beat) == 2


def table(*rows, columns="record,lead,sample,label"):
    return "\n".join([columns, *rows]) + "\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            table("232,MLII,{0},N", "232,MLII,{0},S"),
            "row 3: the beat at sample {0} has two labels",
        ),
        (table("232,MLII,{0},N", "232,MLII,{0},?"), "two labels, N and ?"),
        (table("232,MLII,{0},N", "232,MLII,17,S"), "row 3: no beat is at sample 17"),
        (table("232,MLII,{0},N", "232,MLII,-5,S"), "no beat is at sample -5"),
        (table("232,MLII,{0}.5,N"), "no beat is at sample {0}.5"),
        (table("232,MLII,nan,N"), "no beat is at sample nan"),
        (table("232,MLII,soon,N"), "sample is 'soon', no number"),
        (table("232,MLII,,N"), "sample is '', no number"),
        (table("100,MLII,{0},N"), "row 2 is about record 100, not 232"),
        (table("232,V1,{0},N"), "row 2 is about lead V1, not MLII"),
        (
            table("232,MLII,{0},X"),
            "row 2 has label 'X'; write N, S, V, or ? for any other beat",
        ),
        (table("232,MLII,{0},F"), "has label 'F'; write N, S, V, or ?"),
        (table("232,MLII,{0},Q"), "has label 'Q'"),
        (table("232,MLII,{0},N?"), "has label 'N?'"),
        (table("232,MLII,{0},"), "has no label to learn from"),
        (table("232,MLII,{0},?"), "has no label to learn from"),
        (table(), "has no label to learn from"),
        (table("232,MLII,{0},5", columns="record,lead,sample,answer"), "has no column label"),
        (
            table("232,MLII,{0},N,V", columns="record,lead,sample,label,label"),
            "one column label",
        ),
        ("", "has no column record"),
        ("PK\x03\x04\x00binary", "has no column record"),
    ],
)
def test_bad_tables_get_one_sentence(record, sample, tmp_path, capsys, content, said):
    ask, mine = tmp_path / "ask.csv", tmp_path / "mine.npz"
    ask.write_text(content.replace("{0}", str(sample[50])))
    assert call("teach", record, ask, "--annotations", "atr", "--out", mine) == 1
    assert_sentence(capsys, said.replace("{0}", str(sample[50])))
    assert not mine.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no table"),
        ("folder", "ask.csv is a folder; name the table"),
        (b"\xff\xfe\x00", "no table of text"),
        (b"a,\xe9", "has no column record"),
        (b"x" * 10_000_001, "of at most 10,000,000 bytes"),
    ],
)
def test_files_that_are_no_tables(record, tmp_path, capsys, content, said):
    ask = tmp_path / "ask.csv"
    if content == "folder":
        ask.mkdir()
    elif content is not None:
        ask.write_bytes(content)
    assert call("teach", record, ask, "--out", tmp_path / "mine.npz") == 1
    assert_sentence(capsys, said)


def test_labels_of_annotated_beats_do_not_fit_detected_ones(record, asked, tmp_path, capsys):
    assert call("teach", record, asked / "ask.csv", "--out", tmp_path / "mine.npz") == 1
    assert_sentence(capsys, "with the same --annotations or without")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "mine.csv"], "must end in .npz"),
        (["--out", "mine.npz", "--weights", "absent.npz"], "there is no file absent.npz"),
        (["--out", "mine.npz", "--update", "output"], "output; use kernel or head"),
    ],
)
def test_teach_refuses_other_files(record, asked, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    how = (record, asked / "ask.csv", "--annotations", "atr")
    assert call("teach", *how, *more) == 1
    assert_sentence(capsys, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--labels", "0"], "--labels is 0"),
        (["--labels", "-3"], "--labels is -3"),
        (["--out", "ask.txt"], "must end in .csv"),
        (["--annotations", "qrs"], "qrs"),
        (["--weights", "ask.npz"], "there is no file ask.npz"),
    ],
)
def test_ask_refuses_in_one_sentence(record, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    assert call("ask", record, "--out", "ask.csv", *more) == 1
    assert_sentence(capsys, said)
    assert list(tmp_path.iterdir()) == []


def test_three_seconds_give_all_their_beats(record, tmp_path, capsys):
    whole = wfdb.rdrecord(str(record), sampto=3 * 360)
    names = {"fs": 360, "units": ["mV"], "sig_name": ["MLII"], "fmt": ["16"]}
    signal = whole.p_signal[:, :1]
    wfdb.wrsamp("three", p_signal=signal, write_dir=str(tmp_path), **names)
    out = tmp_path / "ask.csv"
    if call("ask", tmp_path / "three", "--out", out) == 0:
        assert 1 <= len(pd.read_csv(out)) < 5
        assert "all that can be read" in capsys.readouterr().out
    else:
        assert_sentence(capsys, "three")


NONE = np.array([], dtype=int)


def test_what_changed_is_counted_and_doubted():
    before = np.array(["N", "N", "S", "V", "N"])
    new = teach.Taught(None, before, np.array(["N", "S", "N", "V", "S"]), NONE)
    one, ten = (teach.Answers(np.arange(n), np.zeros(n, int), 0) for n in (1, 10))
    line, many, few = new.changes(one)
    assert line == "3 of 5 beats change class: 2 from N to S, 1 from S to N"
    assert "60% of all beats change class" in many
    assert "fewer than 5 labels" in few
    same = teach.Taught(None, before, before, NONE)
    assert list(same.changes(ten)) == ["0 of 5 beats change class"]
    assert one.counts() == "1 N"


def test_held_back_beats_are_those_that_were_not_labelled():
    before, after = np.array(["N", "S", "V", "?", "N"]), np.array(["N", "N", "V", "?", "S"])
    answers = teach.Answers(np.array([0]), np.array([0]), 0)

    def said(symbols, old=before, new=after):
        return list(teach.Taught(None, old, new, NONE).changes(answers, symbols))[2:]

    symbol = np.array(["N", "L", "V", "N", "F"])  # the last is no N, S or V
    (line,) = said(symbol)[1:]
    assert (
        line == "2 other beats are annotated: 50.0% had that class before, 100.0% have it now"
    )
    assert "better keep the old one" in said(symbol, after, before)[-1]
    assert not any("annotated" in line for line in said(np.array(["N", *"FFFF"])))


def test_bytes_become_the_numbers_that_the_network_rounds_to(lead, sample, network):
    """The head reads from the device's bytes nearly what it reads from the study's floats."""
    inputs = micro_inputs(read_record_of(lead, sample), network.features)
    with torch.no_grad():
        expected = network.model.features(inputs.x, inputs.rr)
    found = teach.head_of(lead, sample, network).x
    step = float(network.model.hidden.input_quantizer.scale)
    assert (found - expected).abs().mean() < step / 2


@pytest.mark.parametrize("update", teach.UPDATES)
def test_a_network_that_reads_all_timing_learns(record, tmp_path, update):
    model, meta, read = micronet(ALL_TIMING, MicroNetConfig(n_channels=2, n_rr=13))
    mine, replayed = tmp_path / "all.npz", tmp_path / "all.replay.npz"
    shipped.save(mine, model, meta | {"replay": replayed.name})
    replay.save(replayed, model, [Inputs(*read, torch.arange(len(read[0])) % 3)])
    ask, out = tmp_path / "ask.csv", tmp_path / "taught.npz"
    assert call("ask", record, "--weights", mine, "--labels", 5, "--out", ask) == 0
    table = pd.read_csv(ask, keep_default_na=False)
    table.assign(label="V").to_csv(ask, index=False)
    how = ("--update", update, "--weights", mine)
    assert call("teach", record, ask, *how, "--out", out) == 0
    assert call("predict", record, "--weights", out, "--out", tmp_path / "out.csv") == 0
    found = pd.read_csv(tmp_path / "out.csv").set_index("sample")["class"]
    assert np.mean(found[table["sample"]] == "V") > 0.5


def read_record_of(lead: Lead, sample):
    from ecglib.data.records import Record

    symbol = np.full(len(sample), "N")
    return Record(0, lead.signal, lead.fs, 200, 0, sample, symbol)


OTHER = integers.read().features.replace("derivative", "raw")
"""Features of the same size as those of the shipped network."""


def test_a_network_of_other_features_is_refused(record, tmp_path, capsys):
    other, table = tmp_path / "other.npz", tmp_path / "ask.csv"
    network = shipped.load()
    shipped.save(other, network.model, network.meta | {"features": OTHER})
    table.write_text("record,lead,sample,label\n")
    for command in (("ask", record), ("teach", record, table), ("predict", record)):
        out = tmp_path / {"ask": "a.csv", "teach": "m.npz", "predict": "b.csv"}[command[0]]
        assert call(*command, "--weights", other, "--out", out) == 1
        assert "other.npz reads raw+template" in capsys.readouterr().err
        assert not out.exists()
