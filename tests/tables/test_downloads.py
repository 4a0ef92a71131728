"""Tables of runs say what the result files say, for every committed run."""

import csv
import json
import re
from pathlib import Path

import pytest

from ecglib.book import show
from ecglib.system.paths import RESULTS
from ecglib.tables import downloads


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Name of a table -> its rows, of all committed results, read by another program."""
    folder = tmp_path_factory.mktemp("tables")
    downloads.write_tables(RESULTS, folder)
    return {path.stem: list(csv.DictReader(path.open(newline=""))) for path in folder.iterdir()}


def committed():
    """Name of the table -> contents of the committed result files by run."""
    found = {}
    for path in RESULTS.rglob("*.json"):
        content = json.loads(path.read_text())
        if "study" in content:  # devices report in another form
            name = "-".join(path.parent.relative_to(RESULTS).parts)
            found.setdefault(name, {})[path.stem] = content
    return found


def test_a_row_for_every_committed_run(tables):
    files = committed()
    assert len(files) >= 19
    listed = {name: sorted(row["run"] for row in rows) for name, rows in tables.items()}
    assert listed == {name: sorted(runs) for name, runs in files.items()}


def test_cells_are_what_the_files_say(tables):
    files = committed()
    for name, rows in tables.items():
        for row in rows:
            run = files[name][row["run"]]
            for metric in {"accuracy", "macro_f1", "sensitivity"} & run["metrics"].keys():
                assert float(row[metric]) == run["metrics"][metric]
            assert float(row["seconds"]) == pytest.approx(sum(run["runtime_s"].values()))
            assert row["device"] == run["environment"]["device"]
            for key, value in run["config"].items():
                joined = " ".join(map(str, value)) if isinstance(value, list) else str(value)
                assert row[key] == ("" if value is None else joined)


def test_no_two_columns_have_one_name():
    others = {"run", "seconds", "device", "cpu", "data", "profile"}
    for runs in committed().values():
        for run in runs.values():
            assert not run["config"].keys() & (run["metrics"].keys() | others)
            if shared := run["metrics"].keys() & others:  # the same number then
                assert shared == {"seconds"}
                assert run["metrics"]["seconds"] == sum(run["runtime_s"].values())


def test_tables_of_earlier_calls_go(tmp_path):
    (tmp_path / "forgotten.csv").write_text("run\n")
    downloads.write_tables(tmp_path / "nothing", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_page_links_every_table(tables):
    page = show.download_table(RESULTS, "All runs.").html
    links = re.findall(r'href="\.\./_static/results/([^"]+)\.csv"', page)
    assert sorted(links) == sorted(tables)
    assert [Path(link).name for link in links] == links
