"""The rendered book in a real browser: what a reader would stumble over. Runs where
`_build/html` and a Chromium are; `make test` calls it after the book."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import matplotlib.image
import pytest

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

FACTS = """async () => {
  await window.MathJax?.startup?.promise
  const all = selector => [...document.querySelectorAll(selector)]
  const shown = document.body.cloneNode(true)
  const other = 'pre, code, .sig, script, style, mjx-container'
  shown.querySelectorAll(other).forEach(e => e.remove())
  return {
    ids: all('[id]').map(e => e.id),
    links: all('a[href]').map(a => a.href),
    images: all('img').map(i => ({alt: i.alt, src: i.src, width: i.naturalWidth})),
    text: shown.textContent,
    code: all('.cell_output').map(e => e.textContent).join(' '),
    mathErrors: all('mjx-merror, [data-mjx-error]').length,
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
            page.set_viewport_size({"width": PHONE, "height": 844})
            found[path] = facts | {"phone": page.evaluate(WIDTHS), "problems": [*problems]}
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
    assert {"00_overview", "10_reproduce_and_extend", "glossary", "api"} <= chapters


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
