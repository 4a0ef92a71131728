"""A book of two tiny chapters, from their source to pages that load nothing from outside."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecglib.book.build import (
    ChapterError,
    build_book,
    find_chapter,
    list_chapters,
    run_chapters,
)
from ecglib.book.offline import external_loads
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO

HEADER = """# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
"""
FIRST = f"""{HEADER}
# %% [markdown]
# # Does it work?
#
# As {{cite:t}}`moody2001` say, $e = mc^2$; {{numref}}`fig-line` shows a line.

# %% tags=["parameters"]
profile = "quick"  # type: str
seeds = None  # type: list
records = None  # type: list
data_root = None  # type: str
device = None  # type: str
scheduler = None  # type: str
overrides = {{}}  # type: dict

# %%
import os
import sys

print(profile, seeds, records, device, overrides, os.getcwd(), sys.executable)
print("a progress", "bar", file=sys.stderr)

# %% mystnb={{"figure": {{"caption": "A line.", "name": "fig-line"}}}}
import matplotlib.pyplot as plt

_ = plt.plot([1, 2])

# %% tags=["solution"]
print("solved")

# %% [markdown]
# {{numref}}`tab-one` is in the chapter.

# %% tags=["remove-input"]
import pandas as pd

from ecglib.book import show

show.table(pd.DataFrame({{"n": [1]}}), "One row.", name="tab-one")

# %% tags=["all-results", "remove-input"]
show.table(pd.DataFrame({{"n": [2]}}), "Two rows.")

# %% tags=["all-results", "remove-input"]
show.table(pd.DataFrame({{"n": [3]}}), "Three rows.")
"""
SECOND = f"""{HEADER}
# %% [markdown]
# # And this?

# %%
print("second")
"""
TOC = """format: jb-book
root: chapters/01_first
chapters: [{file: chapters/02_second}, {file: chapters/references}, {glob: all_results/*}]
"""


def make_book(root, data_root):
    """Sources of the book in an empty folder."""
    for folder in ("chapters", "results"):
        (root / folder).mkdir()
    for name in ("_config.yml", "chapters/references.bib"):
        shutil.copy(REPO / name, root / name)
    (root / "chapters/references.md").write_text("# References\n\n```{bibliography}\n```\n")
    for folder in ("_static", "_templates"):
        shutil.copytree(REPO / folder, root / folder)
    one_run = next((REPO / "results/puzzle").glob("*.json"))
    (root / "results/puzzle").mkdir()
    shutil.copy(one_run, root / "results/puzzle")
    (root / "_toc.yml").write_text(TOC)
    (root / "chapters/01_first.py").write_text(FIRST)
    (root / "chapters/02_second.py").write_text(SECOND)
    data = f"data_root: {data_root}, records: [100, 101]"
    (root / "some.yaml").write_text(f"common: {{seeds: [7, 21], {data}}}\n")
    return root


def run(book, *names, **overrides):
    return run_chapters(names, book / "some.yaml", overrides, root=book)


def text_of(notebook):
    """All that the cells of an executed notebook printed."""
    cells = json.loads(notebook.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join("".join(output.get("text", "")) for output in outputs)


@pytest.fixture(scope="module")
def built(tmp_path_factory, synthetic_root):
    """A book that was run and rendered once; tests only read it."""
    root = make_book(tmp_path_factory.mktemp("built"), synthetic_root)
    assert run(root) == ["01_first", "02_second"]
    assert build_book(root=root) == root / "_build/html/index.html"
    return root


@pytest.fixture
def book(built, tmp_path):
    """A copy of the built book to change."""
    return shutil.copytree(built, tmp_path / "book")


def test_chapter_runs_with_its_parameters_and_this_python_in_the_root(built):
    printed = text_of(built / "_build/book/chapters/01_first.ipynb")
    assert f"some.yaml [7, 21] [100, 101] auto {{}} {built} {sys.executable}" in printed


def test_change_of_a_parameter_runs_only_chapters_that_take_some(book):
    assert run(book, seeds=[42], baseline=[{"epochs": 3}]) == ["01_first"]
    printed = text_of(book / "_build/book/chapters/01_first.ipynb")
    assert "[42] [100, 101] auto {'baseline': [{'epochs': 3}]}" in printed


def test_change_of_source_and_nothing_else_runs_the_chapter_again(book):
    assert run(book) == []
    (book / "chapters/02_second.py").write_text(SECOND.replace('"second"', '"changed"'))
    assert run(book) == ["02_second"]
    assert run(book) == []


def test_change_of_results_library_or_data_runs_again(book, monkeypatch):
    (book / "results/one.json").write_text("{}")
    assert run(book) == ["01_first", "02_second"]
    assert run(book, records=[100, 103]) == ["01_first"]
    (book / "ecglib/data/find").mkdir(parents=True)
    (book / "ecglib/data/find/mitdb.sha256").write_text("")
    monkeypatch.setattr("ecglib.book.build.REPO", book)
    assert run(book, "02") == ["02_second"]
    assert run(book, "02") == []


@pytest.mark.parametrize("suffix", [".json", ".ipynb"])
def test_a_damaged_notebook_or_its_stamp_runs_the_chapter_again(book, suffix):
    path = book / "_build/book/chapters/02_second.ipynb"
    damaged = path.with_suffix(suffix)
    damaged.write_bytes(damaged.read_bytes()[:100])
    assert run(book) == ["02_second"]
    assert text_of(path) == "second\n"


def test_a_folder_that_cannot_be_written_is_named(book):
    shutil.rmtree(book / "_build")
    (book / "_build").write_text("a file where a folder should be")
    for work in (lambda: run(book), lambda: build_book(root=book)):
        with pytest.raises(UserError, match=r"cannot write .*_build: File exists"):
            work()


def test_failing_chapter_names_the_cell_and_keeps_the_last_good_version(book):
    good = (book / "_build/book/chapters/02_second.ipynb").read_bytes()
    cell = "\n# %%\nx = 0\n1 / x\n"
    (book / "chapters/02_second.py").write_text(SECOND + cell)
    for _ in range(2):  # the failure is no success to be skipped the next time
        with pytest.raises(ChapterError) as error:
            run(book)
        sentence = str(error.value)
        assert "chapter 02_second failed in its cell In [2], `x = 0`: ZeroDivision" in sentence
        assert "\n" not in sentence
        unfinished = Path(re.search(r"\S+\.ipynb", sentence)[0])
        assert "Traceback" in unfinished.read_text(encoding="utf-8")
    assert (book / "_build/book/chapters/02_second.ipynb").read_bytes() == good


def test_killed_kernel_names_the_cell(book):
    (book / "chapters/02_second.py").write_text(SECOND + "\n# %%\nimport os; os._exit(1)\n")
    message = r"02_second failed in its cell In \[2\], `import os"
    with pytest.raises(ChapterError, match=message):
        run(book, "02")


def test_header_without_kernelspec(book):
    (book / "chapters/02_second.py").write_text(SECOND.removeprefix(HEADER))
    with pytest.raises(UserError, match=r"02_second\.py: the header must name a kernelspec"):
        run(book, "02")


def test_pages_are_complete_without_a_network(built):
    html = built / "_build/html"
    page = (html / "chapters/01_first.html").read_text()
    assert external_loads(html) == []
    assert "chapters/01_first.html" in (html / "index.html").read_text()
    assert "../_static/mathjax.js" in page
    assert (html / "_static/mathjax.js").stat().st_size > 1e6
    assert page.count("mathjax.js") == 1  # a second time is an error in the browser
    assert "mathjax.js" not in (html / "chapters/02_second.html").read_text()
    images = re.findall(r'<img [^>]*src="([^"]+)"', page)
    assert len(images) == 1
    assert all((html / "chapters" / image).resolve().is_file() for image in images)
    assert re.findall(r'<img [^>]*alt="([^"]*)"', page) == ["A line."]


def test_what_a_chapter_leaves_out_is_a_page_of_its_own(built):
    page = (built / "_build/html/chapters/01_first.html").read_text()
    appendix = (built / "_build/html/all_results/01_first.html").read_text()
    assert "One row." in page
    assert re.search(r'class="caption-number">Table 1 ?</span>', page)
    assert re.search(r'href="#tab-one"[^>]*><span class="std std-numref">Table 1<', page)
    assert "Two rows." not in page
    captions = re.findall(r"<caption>(.*?)</caption>", appendix)
    assert captions == ["Table A1.1: Two rows.", "Table A1.2: Three rows."]
    assert "Chapter 1: all results" in appendix
    assert not (built / "_build/html/all_results/02_second.html").exists()


def test_parameters_are_not_shown_and_solutions_are_folded(built):
    page = (built / "_build/html/chapters/01_first.html").read_text()
    assert "# type: str" not in page
    assert "Show the solution" in page


def test_a_chapter_that_is_gone_leaves_the_book(book):
    notebook = book / "_build/book/chapters/09_gone.ipynb"
    shutil.copy(book / "_build/book/chapters/02_second.ipynb", notebook)
    build_book(root=book)
    assert not notebook.exists()


def test_the_page_to_try_is_there_and_its_scripts_are_its_own(built):
    html = built / "_build/html"
    assert (html / "_static/try/embedded.js").stat().st_size > 1e6
    assert "../../index.html" in (html / "_static/try/index.html").read_text()
    page = (html / "chapters/01_first.html").read_text()
    assert not re.search(r"try/\w+\.(js|css)", page)


def test_runs_lie_beside_the_pages_as_tables(built):
    rows = (built / "_build/html/_static/results/puzzle.csv").read_text().splitlines()
    assert rows[0].startswith("run,")
    assert len(rows) == 2


def test_pages_hold_text_and_no_progress_bars(built):
    page = (built / "_build/html/chapters/01_first.html").read_text()
    assert "Moody and Mark" in page
    assert "Fig. 1" in page
    assert "[7, 21] [100, 101] auto {}" in page
    assert "a progress bar" not in page
    assert "Traceback" not in page


def test_warning_of_jupyter_book_is_an_error_and_keeps_the_last_pages(book):
    notebook = book / "_build/book/chapters/02_second.ipynb"
    notebook.write_text(notebook.read_text().replace("And this?", "{cite:t}`nobody`?"))
    for _ in range(2):
        with pytest.raises(UserError, match="could not find bibtex key") as error:
            build_book(root=book)
        assert "\x1b" not in str(error.value)
    assert "And this?" in (book / "_build/html/chapters/02_second.html").read_text()


@pytest.mark.parametrize(
    ("name", "text", "address"),
    [
        ("a.html", '<script src="https://cdn.org/x.js"></script>', "https://cdn.org/x.js"),
        ("a.html", '<link rel="stylesheet" href="//cdn.org/x.css">', "//cdn.org/x.css"),
        ("a.html", '<img src="http://cdn.org/x.png"/>', "http://cdn.org/x.png"),
        ("a.html", '<p style="background: url(//cdn.org/x)">', "//cdn.org/x"),
        ("a.css", '@import "https://cdn.org/x.css";', "https://cdn.org/x.css"),
        ("a.css", "@font-face {src: url('https://cdn.org/x')}", "https://cdn.org/x"),
    ],
)
def test_external_loads_are_found(tmp_path, name, text, address):
    (tmp_path / name).write_text(text)
    assert external_loads(tmp_path) == [f"{name}: {address}"]


def test_links_for_the_reader_are_no_loads(tmp_path):
    text = '<a href="https://doi.org/1"></a><img src="data:image/png;base64,//">'
    (tmp_path / "a.html").write_text(text + '<link rel="canonical" href="https://a.org/">')
    assert external_loads(tmp_path) == []


def test_plain_papermill_runs_a_chapter(book):
    folder = book / "chapters"  # where Jupyter would start it

    def tool(*command, given=None):
        command, how = [sys.executable, "-m", *command], {"capture_output": True, "check": True}
        return subprocess.run(command, cwd=folder, input=given, **how).stdout

    chapter = tool("jupytext", "--to", "ipynb", "--output", "-", "01_first.py")
    tool("papermill", "-", "out.ipynb", "-y", "seeds: [9]", given=chapter)
    assert "quick [9] None None {}" in text_of(folder / "out.ipynb")


@pytest.mark.parametrize("name", ["02", "02_second", "chapters/02_second.py"])
def test_a_chapter_is_found_by_number_name_and_path(book, name):
    assert find_chapter(name, book / "chapters") == book / "chapters/02_second.py"


def test_a_page_without_a_number_stands_last_and_is_found_by_name(tmp_path):
    for name in ("papers", "02_second", "10_last"):
        (tmp_path / f"{name}.py").touch()
    assert [page.stem for page in list_chapters(tmp_path)] == ["02_second", "10_last", "papers"]
    assert find_chapter("papers", tmp_path) == tmp_path / "papers.py"
    assert find_chapter("2", tmp_path) == tmp_path / "02_second.py"


@pytest.mark.parametrize("name", ["4", "04", "second", "chapters/02_other.py"])
def test_an_unknown_chapter_lists_the_known(book, name):
    with pytest.raises(UserError, match="known are 01_first, 02_second"):
        find_chapter(name, book / "chapters")
