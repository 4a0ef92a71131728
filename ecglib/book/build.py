"""The book: chapters are executed with checked parameters, then rendered to HTML.

    chapters/NN_name.py --jupytext--> notebook --papermill--> _build/book/chapters/NN_name.ipynb
    its cells tagged "all-results" --> _build/book/all_results/NN_name.ipynb
    _build/book --Jupyter Book--> _build/html

Tags of a chapter's cells that this module knows: `parameters` (not on the page), `all-results`
(moved to the chapter's page in the appendix), `solution` and `run-it` (folded).

Everything lies below one `root`, the repository. The working directory of a running chapter
is `root` as well, but no chapter may rely on it: Jupyter starts it in `chapters/`.
"""

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import jupytext
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from ecglib.book import tryout
from ecglib.book.offline import external_loads
from ecglib.data.inputs import pick_device
from ecglib.studies import cluster
from ecglib.studies.params import LAUNCH
from ecglib.studies.plan import Plan
from ecglib.system.errors import UserError
from ecglib.system.files import alone
from ecglib.system.paths import PARAMS, REPO
from ecglib.tables import downloads

# Other users of the machine cannot listen in, and the kernel does not warn of it.
_KERNEL = Config(KernelManager={"transport_encryption": "auto"})
CELL_TIMEOUT = 12 * 3600  # s; a study at the papers' sizes on a slow device is one cell


FOLDED = {"solution": "Show the solution", "run-it": "Show how, and what this page computed"}
"""Tag of a cell that a reader opens -> what stands on its fold."""

APPENDIX = "all_results"
"""Folder of the pages that hold what chapters leave out."""


class ChapterError(UserError):
    """A chapter failed: one sentence that names the cell and where its traceback is."""


def list_chapters(folder):
    """Paths of the chapters in `folder`, in reading order."""
    return sorted(Path(folder).glob("*.py"))  # numbers stand before letters


def find_chapter(name, folder):
    """Path of the chapter in `folder` of this number (`03`, `3`), name or path; a UserError."""
    stem = Path(name).name.removesuffix(".py")
    for chapter in list_chapters(folder):
        number = chapter.stem.partition("_")[0]
        short = str(int(number)) if number.isdigit() else number
        if stem in (chapter.stem, number, short):
            return chapter
    known = ", ".join(chapter.stem for chapter in list_chapters(folder)) or "none"
    raise UserError(f"unknown chapter {name!r}; known are {known}")


def run_chapters(names, params_file, overrides=None, *, root=REPO):
    """Execute chapters whose source, parameters, library, results or data changed.

    Each executed notebook replaces its predecessor in `_build/book/chapters` only when all
    its cells ran.

    Parameters
    ----------
    names : sequence of str
        Chapters by number, name or path; empty means all.
    params_file : path
        See `ecglib.studies.params`.
    overrides : dict, optional
        Values that take precedence over the file, see `ecglib.studies.plan.Plan.read`.
    root : path
        Folder that holds `chapters`, `results` and `_build`.

    Returns
    -------
    list of str
        Names of the chapters that were executed.

    Raises
    ------
    UserError
        A chapter, section or parameter is unknown.
    ChapterError
        A cell raised, ran longer than `CELL_TIMEOUT`, or killed its kernel.
    """
    root, overrides = Path(root), overrides or {}
    folder = root / "chapters"
    chapters = [find_chapter(name, folder) for name in names] or list_chapters(folder)
    plan = Plan.read(params_file, **overrides)
    pick_device(plan.common("device"))  # both raise an error before any work
    cluster.check(plan.common("scheduler"))
    file = Path(params_file).resolve()  # a chapter may run in another folder
    parameters = {
        "profile": plan.profile if file.parent == PARAMS else str(file),
        **{name: plan.common(name) for name in LAUNCH},
        "overrides": {name: v for name, v in overrides.items() if name not in LAUNCH},
    }
    data = {
        "data": plan.data_identity(),
        "params": json.dumps(plan.params, sort_keys=True, default=str),
    }
    library, shown = REPO / "ecglib", root / "results"
    surroundings = {
        "library": _digest(library.rglob("*.py"), library.rglob("*.sha256")),
        "results": _digest(shown.rglob("*.json"), shown.rglob("*.png")),
    }
    executed = []
    with _building(root):
        for chapter in chapters:
            notebook, given, state = _read(chapter), {}, surroundings
            tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
            if "parameters" in tags:  # other chapters show committed runs alone
                given, state = parameters, surroundings | data
            if _refresh(chapter, notebook, given, state, root):
                executed.append(chapter.stem)
    return executed


@contextmanager
def _building(root):
    """`_build` for this process alone; a disk that refuses becomes one sentence."""
    build = root / "_build"
    try:
        build.mkdir(exist_ok=True)
        with alone(build / "book.lock", "works on the book"):
            yield
    except OSError as error:
        place, why = error.filename or build, error.strerror or error
        raise UserError(f"cannot write {place}: {why}") from error


def build_book(*, root=REPO):
    """Render the executed chapters; the last good pages stay if that fails.

    Parameters
    ----------
    root : path
        Folder that holds what Jupyter Book reads, `chapters` and `_build`.

    Returns
    -------
    Path
        The page to open, `_build/html/index.html`.

    Raises
    ------
    UserError
        Jupyter Book warned of something, or a page would load something from the network.
    """
    root = Path(root)
    with _building(root):
        return _render(root)


def _render(root):
    book = root / "_build" / "book"
    _copy_sources(root, book)
    print("Jupyter Book: rendering the pages", flush=True)
    # From scratch: a page that did not change since would keep its warnings to itself.
    shutil.rmtree(book / "_build", ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    options = ["--quiet", "--warningiserror", "--keep-going"]
    done = subprocess.run([*command, str(book), *options], capture_output=True, text=True)
    if done.returncode:
        problems = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr).strip()  # without colours
        raise UserError(f"Jupyter Book could not render the pages:\n{problems}")
    fresh, html = book / "_build" / "html", root / "_build" / "html"
    if external := external_loads(fresh):
        raise UserError("pages must not load anything from the network: " + ", ".join(external))
    shutil.rmtree(html, ignore_errors=True)
    fresh.replace(html)
    return html / "index.html"


def _read(chapter):
    """A chapter as a notebook."""
    notebook = jupytext.read(chapter)
    if "kernelspec" not in notebook.metadata:
        raise UserError(f"{chapter}: the header must name a kernelspec, as other chapters do")
    return notebook


def _refresh(chapter, source, parameters, surroundings, root):
    """Execute a chapter if anything it depends on changed; True if it was executed."""
    book = root / "_build" / "book"
    notebook, appendix = (
        book / folder / f"{chapter.stem}.ipynb" for folder in ("chapters", APPENDIX)
    )
    stamp = notebook.with_suffix(".json")
    state = surroundings | {"source": _digest([chapter])}
    last = _read_stamp(stamp)
    changed = sorted(part for part in state if state[part] != last.get(part))
    pages = [page for page in (notebook, appendix) if page.exists()]
    if not notebook.exists() or last.get("notebook") != _digest(pages):
        changed.append("notebook")
    if not changed:
        print(f"{chapter.stem}: unchanged", flush=True)
        return False
    why = f" ({', '.join(changed)} changed)" if last else ""
    print(f"{chapter.stem}: running{why}", flush=True)
    start = time.perf_counter()
    unfinished = _execute(chapter, source, parameters, root)
    stamp.unlink(missing_ok=True)  # no stamp may outlive the notebook that it describes
    appendix.unlink(missing_ok=True)
    pages = _split(unfinished, appendix)
    new_stamp = unfinished.with_suffix(".json")
    new_stamp.write_text(
        json.dumps(state | {"notebook": _digest(pages)}, indent=1), encoding="utf-8"
    )
    notebook.parent.mkdir(parents=True, exist_ok=True)
    unfinished.replace(notebook)
    new_stamp.replace(stamp)
    seconds = time.perf_counter() - start
    print(f"{chapter.stem}: done in {seconds:.0f} s, {notebook.relative_to(root)}", flush=True)
    return True


def _split(executed, appendix):
    """Move cells tagged `all-results` of an executed notebook to a page of their own.

    Returns
    -------
    list of Path
        The notebook, and the page if there is one.
    """
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    moved, kept = [], []
    for cell in notebook["cells"]:
        tags = cell["metadata"].setdefault("tags", [])
        if "injected-parameters" in tags:
            tags.append("remove-cell")
        (moved if "all-results" in tags else kept).append(cell)
    executed.write_text(json.dumps(notebook | {"cells": kept}), encoding="utf-8")
    if not moved:
        return [executed]
    chapter = int(executed.stem[:2])
    title = "".join(kept[0]["source"]).partition("\n")[0].lstrip("# ")
    link = f"{{doc}}`{title} <../chapters/{executed.stem}>`"
    head = f"# Chapter {chapter}: all results\n\nFurther results of the chapter: {link}"
    first = {"cell_type": "markdown", "metadata": {}, "source": head}
    if "id" in kept[0]:
        first["id"] = "title"
    _number_tables(moved, f"Table A{chapter}.")
    appendix.parent.mkdir(parents=True, exist_ok=True)
    page = json.dumps(notebook | {"cells": [first, *moved]})
    appendix.write_text(page, encoding="utf-8")
    return [executed, appendix]


def _number_tables(cells, start):
    """Number the captions of tables in the outputs of cells."""
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    tables = [data for data in outputs if "<caption>" in "".join(data.get("text/markdown", ""))]
    for number, data in enumerate(tables, 1):
        text = "".join(data["text/markdown"])
        data["text/markdown"] = text.replace("<caption>", f"<caption>{start}{number}: ")


def _read_stamp(path):
    """What an executed chapter depended on; empty if it is unknown."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _execute(chapter, notebook, parameters, root):
    """Execute a chapter into a notebook aside, whose path is returned."""
    _prepare(notebook)
    unfinished = root / "_build" / "book" / "unfinished" / f"{chapter.stem}.ipynb"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            notebook,
            unfinished,
            parameters,
            cwd=root,
            progress_bar=False,  # the bars of the chapter's own work are worth more:
            stderr_file=sys.stderr,
            execution_timeout=CELL_TIMEOUT,
            config=_KERNEL,
            extra_arguments=["--log-level=CRITICAL"],  # it logs its own regular end as an error
        )
    except (PapermillExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise ChapterError(_failure(chapter, unfinished, error)) from None
    return unfinished


def _prepare(notebook):
    """Set what the page needs and no author should have to write.

    A figure's caption stands for it where it cannot be seen, parameters are not shown, and
    solutions and runs are folded.
    """
    for cell in notebook.cells:
        options, tags = cell.metadata.get("mystnb", {}), cell.metadata.get("tags", [])
        if "figure" in options:
            image = options.setdefault("image", {})
            image.setdefault("alt", options["figure"]["caption"])
        if "parameters" in tags:
            tags.append("remove-cell")
        for tag in FOLDED.keys() & set(tags):
            tags.append("hide-cell")
            options.setdefault("image", {}).setdefault("alt", "What the code above draws")
            prompts = {"code_prompt_show": FOLDED[tag], "code_prompt_hide": "Hide it"}
            cell.metadata["mystnb"] = options | prompts


def _failure(chapter, unfinished, error):
    """Text of a `ChapterError`: which cell, where to look, and what went wrong."""
    cells = json.loads(unfinished.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    started = [c for c in code if c["metadata"].get("papermill", {}).get("start_time")]
    first_line = "".join(started[-1]["source"]).partition("\n")[0]
    what = str(error)
    if isinstance(error, PapermillExecutionError):
        kind = "" if error.ename == UserError.__name__ else f"{error.ename}: "
        what = f"{kind}{error.evalue}"
    return (
        f"chapter {chapter.stem} failed in its cell In [{len(started)}], `{first_line}`: "
        f"{' '.join(what.split())} (how far it came and where it failed: {unfinished})"
    )


def _copy_sources(root, book):
    """Copy what Jupyter Book needs beside the executed chapters."""
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, book / name)
    chapters = {chapter.stem for chapter in list_chapters(root / "chapters")}
    for page in [*book.glob("chapters/*.ipynb"), *book.glob(f"{APPENDIX}/*.ipynb")]:
        if page.stem not in chapters:  # renamed or gone
            page.unlink()
    for page in [*root.glob("chapters/*.md"), *root.glob("chapters/*.bib")]:
        shutil.copy(page, book / "chapters" / page.name)
    shutil.copytree(root / "_templates", book / "_templates", dirs_exist_ok=True)
    shutil.rmtree(book / "chapters" / "api", ignore_errors=True)  # autosummary fills it anew
    static = book / "_static"
    # Every page would load the scripts that lie in `_static` itself.
    shutil.copytree(
        root / "_static", static, dirs_exist_ok=True, ignore=shutil.ignore_patterns("try")
    )
    downloads.write_tables(root / "results", static / "results")
    # One self-contained file typesets the mathematics; the package would copy 24 MB. From
    # `_static` itself, pages with mathematics would load it twice.
    scripts = book / "_extra" / "_static"
    scripts.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(scripts / "try", ignore_errors=True)
    tryout.write_page(root / "_static" / "try", scripts / "try")
    (static / "mathjax.js").unlink(missing_ok=True)
    files = importlib.metadata.files("sphinx-mathjax-offline")
    mathjax = next(file for file in files if file.name == "tex-svg-full.js")
    shutil.copy(mathjax.locate(), scripts / "mathjax.js")


def _digest(*groups):
    """SHA-256 over the names and contents of files."""
    digest = hashlib.sha256()
    for file in sorted(file for group in groups for file in group):
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
