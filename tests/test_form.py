"""Chapters answer first, in one form, and no result is typed in them."""

import ast
import re

import jupytext
import pytest

from ecglib.book import comparison
from ecglib.book.build import list_chapters
from ecglib.system.paths import CHAPTERS

SECTIONS = [
    "What the paper claims",
    "How it works",
    "What we saw",
    "What could be wrong",
    "Exercises",
    "Run it yourself",
]
OTHER_CLAIMS = {"What the papers claim", "What others report"}  # instead of the first
MOST_WORDS, LONGEST_MEAN_SENTENCE, MOST_TABLES = 1400, 20, 5

# A number that a run, or a paper, has given: a decimal, a share, a change, thousands, a ratio.
RESULT = re.compile(
    r"\d+\.\d+|\d{1,3}(?:,\d{3})+|[+−±]\s?\d|\d+\s?%"
    r"|\b\d+\s(?:times|points|kB|KB|MB|µs|minutes?|seconds?|s)\b|\d×"
)
# What looks like one and is none: the level of an interval, a time in a record, versions,
# licences, mathematics, code, and what stands in roles and links.
NO_RESULT = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|```.*?```|`[^`]*`|\]\([^)]*\)"
    r"|\b95\s%|\b\d+:\d\d\b|\d+\.\d+\.\d+"
    r"|doi:\S+|\b(?:ODC-By|CC BY|Python|JetPack|CUDA|TensorRT|PyTorch|torch) \d[\d.]*",
    re.DOTALL,
)
FIELD = re.compile(r"\{(\w+):\w+\}(?!`)")

pages = [c for c in list_chapters(CHAPTERS) if not c.stem.startswith("00")]
chapters = [page for page in pages if page.stem[0].isdigit()]
each_chapter = pytest.mark.parametrize("chapter", chapters, ids=lambda path: path.stem)
each_page = pytest.mark.parametrize("chapter", pages, ids=lambda path: path.stem)
PAPERS = CHAPTERS / "papers.py"  # it has no question, only all tables of the papers


def tags(cell):
    return set(cell.metadata.get("tags", []))


def cells_of(chapter):
    """Cells of the page, those of its appendix left out."""
    return [c for c in jupytext.read(chapter).cells if "all-results" not in tags(c)]


def calls(cell, *names):
    """Calls of functions of `say` and `show` in a code cell."""
    if cell.cell_type == "code":
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else called.id
                if name in names:
                    yield node


def literal(node):
    """Text of an argument, its fields left in place."""
    return "".join(
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def said(cell):
    """Prose of a cell: Markdown, or what `say` and `answer` are given."""
    if cell.cell_type == "markdown":
        return cell.source
    return "\n".join(literal(call.args[0]) for call in calls(cell, "say", "answer"))


def captions(cell):
    """Captions of a cell's figure and tables."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    place = {"table": 1, "this_run": 3, "download_table": 1}
    tables = [(c, place[getattr(c.func, "attr", "")]) for c in calls(cell, *place)]
    return [figure.get("caption", "")] + [
        literal(call.args[at]) for call, at in tables if len(call.args) > at
    ]


def prose(text):
    """Words as they are read: no code, mathematics, headings, roles, marks of a list."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$( \(eq-[\w-]+\))?", "", text, flags=re.DOTALL)
    text = re.sub(r"^\s*(#+ .*|[-*] |\d+\. |:::.*|\|.*)", "", text, flags=re.MULTILINE)
    text = re.sub(r"\{[\w:]+\}`[^`]*`|`[^`]*`|\$[^$]*\$|\{\w+(:\w+)?\}", "x", text)
    return re.sub(r"[*_]", "", text)


def sentences(text):
    """Sentences of some prose."""
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n|\n(?=- )", text)]
    parts = [part for block in blocks for part in re.split(r"(?<=[.?!:;])\s+", block)]
    return [part for part in parts if len(part.split()) > 1]


@each_chapter
def test_sections_stand_in_the_one_order(chapter):
    found = re.findall(r"^## (.*)$", "\n".join(map(said, cells_of(chapter))), re.MULTILINE)
    found = [SECTIONS[0] if name in OTHER_CLAIMS else name for name in found]
    if chapter.stem.startswith("10"):  # it tells how to rerun and extend
        assert found[-2:] == SECTIONS[-2:]
    else:
        assert found == SECTIONS


@each_chapter
def test_the_answer_and_its_figure_come_first(chapter):
    shown = [c for c in cells_of(chapter)[1:] if not tags(c) & {"parameters", "remove-cell"}]
    first, second = shown[:2]
    box = list(calls(first, "answer"))
    assert len(box) == 1, "the first thing below the title is the answer"
    assert len(FIELD.findall(literal(box[0].args[0]))) <= 3
    assert "figure" in second.metadata.get("mystnb", {}), "its figure follows at once"


@each_page
def test_no_result_is_typed(chapter):
    typed = [
        (match.group(), text[max(0, match.start() - 40) : match.end() + 20])
        for cell in cells_of(chapter)
        for text in (NO_RESULT.sub("", part) for part in (said(cell), *captions(cell)))
        for match in RESULT.finditer(text)
    ]
    assert typed == []


@each_chapter
def test_few_tables_more_figures(chapter):
    cells = cells_of(chapter)
    tables = [
        call
        for cell in cells
        for call in calls(cell, "table", "download_table")
        if any(key.arg == "name" for key in call.keywords)
    ]
    figures = [cell for cell in cells if "figure" in cell.metadata.get("mystnb", {})]
    assert len(tables) <= MOST_TABLES
    assert len(figures) > len(tables) or chapter.stem.startswith("10")


@each_page
def test_prose_is_short_and_plain(chapter):
    text = "\n\n".join(prose(said(cell)) for cell in cells_of(chapter))
    found = sentences(text)
    words = sum(len(sentence.split()) for sentence in found)
    assert words <= MOST_WORDS
    assert words / len(found) <= LONGEST_MEAN_SENTENCE


@each_page
def test_a_sentence_has_at_most_two_numbers(chapter):
    crowded = [
        sentence
        for cell in cells_of(chapter)
        for sentence in sentences(said(cell))
        if len(FIELD.findall(sentence)) > 2
    ]
    assert crowded == []


def test_the_page_of_the_papers_answers_and_has_every_table_with_its_line():
    cells = cells_of(PAPERS)
    boxes = [call for cell in cells for call in calls(cell, "answer")]
    assert len(boxes) == 1
    assert len(FIELD.findall(literal(boxes[0].args[0]))) <= 3
    shown = [(c.func.attr, c.args[0].value) for x in cells for c in calls(x, "table", "line")]
    assert shown == [(what, part) for part in comparison.PARTS for what in ("table", "line")]
    assert re.findall(r"^## (Paper \d)", "\n".join(map(said, cells)), re.MULTILINE) == (
        ["Paper 1"] * 3 + ["Paper 2"] * 2
    )


@pytest.mark.parametrize("part", comparison.PARTS.values(), ids=comparison.PARTS)
def test_no_result_is_typed_in_what_the_tables_of_the_papers_say(part):
    texts = [part.title, *(text for _, text in part.sentences)]
    assert not [t for t in texts if RESULT.search(NO_RESULT.sub("", t))]
    for text in texts[1:]:
        assert all(len(FIELD.findall(sentence)) <= 2 for sentence in sentences(text))


@each_chapter
def test_exercises_have_solutions_and_the_run_is_folded(chapter):
    cells = cells_of(chapter)
    assert len([c for c in cells if "solution" in tags(c)]) >= 2
    assert len([c for c in cells if "run-it" in tags(c)]) == 1


@each_chapter
def test_figures_say_what_they_show_to_whoever_cannot_see_them(chapter):
    for cell in cells_of(chapter):
        options = cell.metadata.get("mystnb", {})
        if "figure" in options:
            assert options["figure"]["caption"].count(".") >= 2, "what you see. What it means."
            assert len(options["image"]["alt"]) > 20
