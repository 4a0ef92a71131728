"""Chapters keep the form that the book, papermill and Jupyter rely on."""

import ast
import warnings

import jupytext
import pytest
import yaml

from ecglib.book.build import list_chapters
from ecglib.data.sets import SETS
from ecglib.models import MODELS
from ecglib.personalize.strategies import STRATEGIES
from ecglib.studies.params import LAUNCH
from ecglib.system import paths
from ecglib.system.paths import CHAPTERS, REPO

NO_QUESTION = {"00_overview", "papers"}
LONGEST_CELL = 25  # lines

each_chapter = pytest.mark.parametrize("chapter", list_chapters(CHAPTERS), ids=lambda p: p.stem)


def code_cells(chapter):
    return [cell for cell in jupytext.read(chapter).cells if cell.cell_type == "code"]


def test_chapters_are_those_of_the_table_of_contents():
    toc = yaml.safe_load((REPO / "_toc.yml").read_text(encoding="utf-8"))
    listed = [page for part in toc["parts"] for page in part["chapters"]]
    pages = [toc["root"], *(page["file"] for page in listed if "file" in page)]
    names = [f"chapters/{chapter.stem}" for chapter in list_chapters(CHAPTERS)]
    look_up = {f"chapters/{page.stem}" for page in CHAPTERS.glob("*.md")}
    assert [page for page in pages if page not in look_up] == names
    assert look_up <= set(pages)
    assert {"glob": "all_results/*"} in listed


@each_chapter
def test_header_names_the_python_kernel(chapter):
    kernel = jupytext.read(chapter).metadata.kernelspec
    assert (kernel.name, kernel.language) == ("python3", "python")


@each_chapter
def test_chapter_starts_with_its_question(chapter):
    first = jupytext.read(chapter).cells[0]
    title = first.source.splitlines()[0]
    assert first.cell_type == "markdown"
    assert title.startswith("# ")
    assert title.endswith("?") or chapter.stem in NO_QUESTION


@each_chapter
def test_cells_are_short(chapter):
    shown = [c for c in code_cells(chapter) if "remove-cell" not in c.metadata.get("tags", [])]
    lengths = [len(cell.source.splitlines()) for cell in shown]
    assert max(lengths, default=0) <= LONGEST_CELL


@each_chapter
def test_whatever_a_cell_makes_to_be_shown_is_its_last_value(chapter):
    """Jupyter shows the value of a cell's last line, and drops those before it."""
    for cell in code_cells(chapter):
        for statement in ast.parse(cell.source).body[:-1]:
            lost = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
            text = ast.unparse(statement)
            assert not (
                lost and text.startswith(("show.", "figures.", "tables.", "comparison."))
            ), text


@each_chapter
def test_parameters_are_those_that_the_book_sets(chapter):
    tagged = [c for c in code_cells(chapter) if "parameters" in c.metadata.get("tags", [])]
    for cell in tagged:
        declared = [statement.targets[0].id for statement in ast.parse(cell.source).body]
        assert declared == ["profile", *LAUNCH, "overrides"]
        assert all("  # type: " in line for line in cell.source.splitlines())
    assert len(tagged) <= 1


@each_chapter
def test_code_parses_and_reads_no_working_directory(chapter):
    for cell in code_cells(chapter):
        names = {n.attr for n in ast.walk(ast.parse(cell.source)) if hasattr(n, "attr")}
        assert not names & {"chdir", "getcwd", "cwd"}


@pytest.fixture
def _lists_as_they_were():
    """What a chapter adds to the library's lists is taken back."""
    lists = (STRATEGIES, MODELS, SETS)
    before = [dict(known) for known in lists]
    yield
    for known, old in zip(lists, before, strict=True):
        known.clear()
        known.update(old)


@each_chapter
@pytest.mark.usefixtures("_lists_as_they_were")
def test_without_any_run_a_chapter_says_so(chapter, tmp_path, monkeypatch):
    """No traceback and no old number: what stands below "no run" is nobody's result."""
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    skipped, names = {"run-it", "solution", "parameters"}, {"__name__": "__main__"}
    names |= {name: None for name in LAUNCH} | {"profile": "quick", "overrides": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each missing table and figure warns
        for cell in code_cells(chapter):
            if not skipped & set(cell.metadata.get("tags", [])):
                exec(compile(cell.source, chapter.name, "exec"), names)
