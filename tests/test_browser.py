"""The rendered book in a real browser: what a reader would stumble over. Runs where
`_build/html` and a Chromium are; `make test` calls it after the book."""

import json
import re
import shutil
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib.image
import pytest

from ecglib.book.say import NO_RUN
from ecglib.system.paths import HTML

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra dev")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
PAGES = sorted(p for p in HTML.rglob("*.html") if "_static" not in p.parts)
DESK, PHONE = 1280, 390  # px
QUIET = [f"--disable-{what}" for what in ("gpu", "quic", "sync", "component-update")]
QUIET += ["--disable-background-networking", "--no-first-run"]

pytestmark = [
    pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome"),
    pytest.mark.skipif(not PAGES, reason="needs the book: make book"),
]

CHAPTER = re.compile(r"(0[1-9]|10)_\w+")
MOST_TABLES, MOST_COLUMNS, MOST_ROWS = 45, 8, 15
PAPERS, ROWS_OF_PAPERS = "papers", 16  # that page has every row of the papers' tables
FIRST_FIGURE = 1200  # px from the top of the page

FACTS = """async () => {
  await window.MathJax?.startup?.promise
  const all = selector => [...document.querySelectorAll(selector)]
  const shown = document.body.cloneNode(true)
  const other = 'pre, code, .sig, script, style, mjx-container'
  shown.querySelectorAll(other).forEach(e => e.remove())
  const tables = all('article table.ecg-table').filter(t => t.querySelector('.caption-number'))
  return {
    ids: all('[id]').map(e => e.id),
    links: all('a[href]').map(a => a.href),
    images: all('img').map(i => ({alt: i.alt, src: i.src, width: i.naturalWidth})),
    text: shown.textContent,
    tables: tables.map(t => ({
      name: t.caption.textContent.slice(0, 60),
      columns: t.tHead.rows[0].cells.length,
      rows: [...t.tBodies[0].rows].filter(row => row.cells[1]?.textContent.trim()).length,
    })),
    figures: all('article figure img').length,
    cells: all('article table.ecg-table :is(th, td, caption)').map(e => e.textContent),
    code: all('.cell_output').map(e => e.textContent).join(' '),
    mathErrors: all('mjx-merror, [data-mjx-error]').length,
  }
}"""

# Where the answer ends and the first figure begins, and how wide figures are, in px.
PLACES = """() => {
  const box = e => e?.getBoundingClientRect()
  return {
    answer: box(document.querySelector('article .admonition.answer'))?.bottom,
    figure: box(document.querySelector('article figure'))?.top,
    widest: Math.max(0, ...[...document.querySelectorAll('article figure img')].map(
      e => box(e).right)),
  }
}"""

# Tables that a reader has to scroll, and those that stick out of the page.
WIDTHS = """() => {
  const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
  const facts = {page: document.documentElement.scrollWidth, scrolled: [], out: []}
  for (const table of document.querySelectorAll('article table')) {
    let box = table.parentElement
    while (box && !scrolls(box)) box = box.parentElement
    const name = (table.caption ?? table).textContent.trim().slice(0, 60)
    const edge = box ? box.getBoundingClientRect() : {right: innerWidth, width: innerWidth}
    if (edge.right > innerWidth + 1) facts.out.push(name)
    if (table.getBoundingClientRect().width > edge.width + 1)
      (box ? facts.scrolled : facts.out).push(name)
  }
  return facts
}"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        started = runner.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visits(browser):
    """Page -> what it holds and how wide it is, from one walk through the book."""
    page = browser.new_page(viewport={"width": DESK, "height": 900})
    found, problems = {}, []
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("file:", "data:", "blob:"))
            or problems.append(f"from outside: {request.url}")
        ),
    )
    page.on(
        "console",
        lambda said: (
            said.type in ("error", "warning") and problems.append(f"says: {said.text}")
        ),
    )
    for path in PAGES:
        if path != HTML / "index.html":  # it only leads to the first chapter
            problems.clear()
            page.set_viewport_size({"width": DESK, "height": 900})
            page.goto(path.as_uri())
            facts = page.evaluate(FACTS) | {"desk": page.evaluate(WIDTHS)}
            facts["desk"] |= page.evaluate(PLACES)
            page.set_viewport_size({"width": PHONE, "height": 844})
            phone = page.evaluate(WIDTHS) | page.evaluate(PLACES)
            found[path] = facts | {"phone": phone, "problems": [*problems]}
    page.close()
    return found


def listed(visits, complaints):
    """One line for each thing that a check found, with its page."""
    return [
        f"{path.relative_to(HTML)}: {complaint}"
        for path, facts in visits.items()
        for complaint in complaints(facts)
    ]


def test_every_chapter_was_visited(visits):
    chapters = {path.stem for path in visits if path.parent.name == "chapters"}
    assert {"00_overview", "10_reproduce_and_extend", PAPERS, "glossary", "api"} <= chapters


def test_first_page_leads_to_the_overview(browser):
    page = browser.new_page()
    page.goto((HTML / "index.html").as_uri())
    page.wait_for_url("**/chapters/00_overview.html", timeout=10_000)
    page.close()


def test_search_finds_the_page_on_a_word(browser):
    page = browser.new_page()
    page.goto(f"{(HTML / 'search.html').as_uri()}?q=kurtosis")
    page.locator("#search-results li a").first.wait_for(timeout=10_000)
    found = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
    assert any("06_layerwise_compression.html" in address for address in found)
    page.close()


def test_pages_load_without_failures_and_complaints(visits):
    assert listed(visits, lambda facts: facts["problems"]) == []


def test_links_and_anchors_resolve(visits):
    def broken(facts):
        for link in facts["links"]:
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme != "file":
                continue
            target = Path(unquote(urlsplit(address).path))
            here = visits.get(target)
            if not target.is_file() or (anchor and here and unquote(anchor) not in here["ids"]):
                yield link

    assert listed(visits, broken) == []


def test_images_are_there_and_say_what_they_show(visits):
    def poor(facts):
        for image in facts["images"]:
            if not image["width"]:
                yield f"{image['src']} is missing"
            if len(image["alt"]) < 10 or image["alt"].endswith((".png", ".svg")):
                yield f"{image['src']} says only {image['alt']!r}"

    assert listed(visits, poor) == []
    assert sum(len(facts["images"]) for facts in visits.values()) >= 40


def test_no_mathematics_is_left_raw(visits):
    raw = re.compile(r"\$\$|\\[a-zA-Z]+\{|\\\(|\\\[|\{(?:doc|ref|numref|term|cite(?::\w)?)\}`")

    def untypeset(facts):
        yield from raw.findall(facts["text"])
        if facts["mathErrors"]:
            yield f"{facts['mathErrors']} formulas that MathJax cannot read"

    assert listed(visits, untypeset) == []


def test_no_traceback(visits):
    assert listed(visits, lambda facts: re.findall(r"Traceback.*", facts["code"])) == []


def test_figures_are_not_blank():
    figures = sorted((HTML / "_images").glob("*.png"))
    blank = [f.name for f in figures if matplotlib.image.imread(f)[..., :3].std() < 0.02]
    assert blank == []
    assert len(figures) >= 40


def test_no_table_is_wider_than_the_page_on_a_desk(visits):
    assert listed(visits, lambda facts: facts["desk"]["out"] + facts["desk"]["scrolled"]) == []


@pytest.mark.parametrize(("device", "width"), [("desk", DESK), ("phone", PHONE)])
def test_page_itself_never_scrolls_sideways(visits, device, width):
    def wide(facts):
        if facts[device]["page"] > width:
            yield f"{facts[device]['page']} px"
        yield from facts[device]["out"]

    assert listed(visits, wide) == []


def test_figures_stand_on_white_in_dark_mode(browser):
    page = browser.new_page(color_scheme="dark")
    page.goto((HTML / "chapters" / "03_personalization.html").as_uri())
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    colours = page.evaluate(
        "[...document.querySelectorAll('article img')].map(i => "
        "getComputedStyle(i).backgroundColor)"
    )
    page.close()
    assert set(colours) == {"rgb(255, 255, 255)"}


def of_chapters(visits):
    """Visits of the pages of chapters 1 to 10, those of their appendix left out."""
    return {
        path: facts
        for path, facts in visits.items()
        if path.parent.name == "chapters" and CHAPTER.fullmatch(path.stem)
    }


@pytest.mark.parametrize(("device", "height"), [("desk", 800), ("phone", 844)])
def test_the_answer_is_seen_without_scrolling(visits, device, height):
    def low(facts):
        if not facts[device]["answer"] or facts[device]["answer"] > height:
            yield f"the answer ends at {facts[device]['answer']} px"
        if not facts[device]["figure"] or facts[device]["figure"] > FIRST_FIGURE:
            yield f"the first figure begins at {facts[device]['figure']} px"

    assert listed(of_chapters(visits), low) == []


def test_figures_fit_a_phone(visits):
    def wide(facts):
        if facts["phone"]["widest"] > PHONE:
            yield f"a figure reaches to {facts['phone']['widest']} px"

    assert listed(visits, wide) == []


def test_tables_are_few_and_small_and_figures_more(visits):
    pages = of_chapters(visits)

    def large(facts, most_rows=MOST_ROWS):
        for table in facts["tables"]:
            if table["columns"] > MOST_COLUMNS or table["rows"] > most_rows:
                yield f"{table['name']}: {table['rows']} rows, {table['columns']} columns"

    assert listed(pages, large) == []
    papers = {path: facts for path, facts in visits.items() if path.stem == PAPERS}
    assert listed(papers, partial(large, most_rows=ROWS_OF_PAPERS)) == []
    n_tables = sum(len(facts["tables"]) for facts in pages.values())
    assert n_tables <= MOST_TABLES
    assert n_tables < sum(facts["figures"] for facts in pages.values())


def test_no_name_of_the_code_stands_in_a_table(visits):
    slug = re.compile(r"\b[a-z]+\d*_[a-z0-9_]+\b(?!\.\w)")

    def slugs(facts):
        for cell in facts["cells"]:
            yield from slug.findall(cell)

    pages = {p: v for p, v in visits.items() if "_" in p.stem or p.stem == PAPERS}
    assert listed(pages, slugs) == []


def test_every_number_of_the_book_has_its_run():
    """Committed runs serve all pages: "no run" and a warning of it are for other folders."""
    for path in sorted((HTML.parent / "book").glob("*/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                said = "".join(output.get("text", "")) + "".join(
                    output.get("data", {}).get("text/markdown", "")
                )
                assert NO_RUN not in said, path.name


def test_solutions_of_exercises_ran():
    for path in sorted((HTML.parent / "book" / "chapters").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        solved = [c for c in cells if "solution" in c["metadata"].get("tags", [])]
        assert all(cell["outputs"] for cell in solved), path.name
        assert len(solved) >= 2 or path.stem == "00_overview"
