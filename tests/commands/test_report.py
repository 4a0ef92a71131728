"""Reports on folders of made results: numbers, stale files, broken folders."""

import re

import pytest

from ecglib.book import comparison
from ecglib.commands.report import compare, report, stale_files
from ecglib.system.errors import UserError
from tests.test_results import made_result, save_into

GOOD = {"100": [[90, 5, 5], [1, 9, 0], [0, 0, 10]], "103": [[50, 0, 0], [0, 0, 0], [2, 0, 3]]}
BAD = {"100": [[60, 20, 20], [5, 5, 0], [5, 0, 5]], "103": [[40, 5, 5], [0, 0, 0], [5, 0, 0]]}


@pytest.fixture
def folder(tmp_path):
    """Two seeds of a baseline, a strategy, and a study without such scores."""
    save_into(tmp_path, made_result("baseline", GOOD, seed=7))
    save_into(tmp_path, made_result("baseline", BAD, seed=21))
    save_into(tmp_path, made_result("personalization", GOOD, strategy="head_only"))
    return tmp_path


def mean_of(name):
    values = [made_result("baseline", matrices).metrics[name] for matrices in (GOOD, BAD)]
    return f"{sum(values) / 2:.4f}"


def line_with(text, *words):
    (line,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return line


def test_a_report_prints_the_page_of_the_papers(folder):
    text, n_stale = report(folder)
    assert n_stale == 0
    assert all(part in text for part in comparison.as_text(folder))
    places = [text.index(part.title) for part in comparison.PARTS.values()]
    assert places == sorted(places)
    assert "The micro network" in text[places[-1] :]


def test_a_report_sets_means_over_seeds_beside_the_papers(folder):
    for seed, matrices in ((7, GOOD), (21, BAD)):
        arm = {"scope": "head_int8", "method": "qat", "seed": seed}
        save_into(folder, made_result("int8", matrices, **arm))
    text, n_stale = report(folder)
    assert n_stale == 0
    row = line_with(text, "DS1 only", "head in INT8", "0.9170").split()
    assert {"0.6261", "0.6530", mean_of("accuracy"), mean_of("macro_f1")} <= set(row)
    assert row[-1] == "2"  # seeds


def test_an_empty_folder_has_the_papers_numbers_only(tmp_path):
    text, n_stale = report(tmp_path)
    assert "0.9194" in text
    assert n_stale == 0


def test_a_file_under_a_wrong_name_is_stale(folder):
    path = next((folder / "baseline").iterdir())
    moved = path.rename(path.with_name(re.sub("-[0-9a-f]{12}", "-0123456789ab", path.name)))
    assert stale_files(folder) == [moved]
    text, n_stale = report(folder)
    assert n_stale == 1
    assert f"stale: {moved}" in text


def test_no_folder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        report(tmp_path / "nowhere")
    with pytest.raises(UserError, match="there is no folder"):
        compare(tmp_path, tmp_path / "nowhere")


def test_comparing_sets_runs_of_the_same_settings_side_by_side(folder, tmp_path_factory):
    reference = tmp_path_factory.mktemp("reference")
    save_into(reference, made_result("baseline", BAD, seed=7))
    text = compare(folder, reference)
    assert "personalization" not in text  # only one side has it
    row = line_with(text, "isolated beats", " 7 ").split()
    values = [made_result("baseline", m).metrics["macro_f1"] for m in (GOOD, BAD)]
    assert {f"{value:.3f}" for value in values} <= set(row)
    assert text.count("MIT-BIH, computed on") == 2
    assert line_with(text, "not compared", "seed: ", "21")  # it has no counterpart


def test_comparing_says_which_settings_differ_and_computes_nothing(folder, tmp_path_factory):
    reference = tmp_path_factory.mktemp("reference")
    other = {"records": (100, 101), "epochs": 3}
    for seed in (7, 21):
        save_into(reference, made_result("baseline", BAD, seed=seed, **other))
    timed = made_result("speed", GOOD)
    timed.metrics.clear()
    save_into(folder, timed)
    save_into(reference, timed)
    text = compare(folder, reference)
    assert "Δ" not in text
    for name, values in {"records": ("44 records", "2 records"), "epochs": ("8", "3")}.items():
        assert line_with(text, f"{name}: ", " | ", *values)
    assert "speed" in text.splitlines()[-1]  # it has no macro-F1, so no table


def test_nothing_in_common_is_one_sentence(folder, tmp_path_factory):
    with pytest.raises(UserError, match="no study in common"):
        compare(folder, tmp_path_factory.mktemp("empty"))


def test_results_of_one_patient_give_tables_without_intervals(tmp_path):
    for scope in ("none", "shallow_int8"):
        matrices = {"100": [[9, 1, 0], [0, 5, 0], [0, 0, 5]]}
        save_into(tmp_path, made_result("int8", matrices, scope=scope, method="qat"))
    text, _ = report(tmp_path)
    row = next(line for line in text.splitlines() if "fp32, DS1 only" in line)
    assert "0.9500" in row
    assert "trained as long (our seeds" not in text
