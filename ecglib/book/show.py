"""What chapters show: tables, figures, the library's code, and where numbers come from.

A table or figure that needs runs is given as a function without arguments. Where that raises a
LookupError, since a run is missing, the page says "no run" in its place. What a function
returns is `Shown` unless it says otherwise.
"""

import ast
import base64
import html
import inspect
import textwrap
import warnings
from io import BytesIO

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image

from ecglib.book.formats import shown, stacked
from ecglib.book.say import NO_RUN, Shown
from ecglib.data import sets
from ecglib.studies.params import LAUNCH, load_params
from ecglib.system.errors import UserError
from ecglib.system.paths import FIGURES
from ecglib.tables import arms, downloads, frames
from ecglib.tables.names import word


def table(frame, caption, formats=None, *, columns=None, name=None, text=False, markup=False):
    """A table with its caption, ready for the page: here numbers become text.

    Parameters
    ----------
    frame : DataFrame, dict of str to DataFrame, or function that returns one
        Numbers and names, see `ecglib.tables.frames`; several tables by their headings stand
        under each other.
    caption : str
        What you see, and what it means; without a number.
    formats : dict of str to (str or callable), optional
        Column -> format, where that of `ecglib.book.formats` does not fit; see `shown` and
        `stacked` there.
    columns : list of str, optional
        Which columns to show, in this order, where there are such; all if not given.
    name : str, optional
        Makes it a numbered table of the chapter, for `{numref}`; without one it belongs to the
        page "All results" or to the fold at the end.
    text : bool
        Whether it holds sentences, which stand flush left.
    markup : bool
        Whether cells hold HTML, such as links.
    """
    try:
        frame = frame() if callable(frame) else frame
        if isinstance(frame, dict):
            frame = {heading: part for heading, part in frame.items() if not _is_blank(part)}
            missing = not frame
        else:
            missing = _is_blank(frame)
    except LookupError:
        missing = True
    if missing:
        warnings.warn(f"no run for the table: {caption}", stacklevel=2)
        frame = pd.DataFrame({"": [NO_RUN]}, index=[""])
    layout = stacked if isinstance(frame, dict) else shown
    cells = layout(frame, formats)
    if columns is not None:
        cells = cells[[c for c in map(word, columns) if c in cells]]
    look = "ecg-table ecg-text" if text else "ecg-table"
    body = cells.to_html(border=0, classes=look, escape=not markup)
    title = f"<caption>{html.escape(caption)}</caption>"
    body = body.replace("<thead>", f"{title}\n<thead>", 1)
    page = f'<div class="ecg-table-wrap">{body}</div>'
    return Shown(_numbered(cells, caption, name, look, markup) if name else page, page)


def _is_blank(frame):
    """Whether a table holds no number and no word."""
    return frame.empty or frame.isna().all(axis=None)


def _numbered(cells, caption, name, look, markup):
    """A table as a directive of MyST, which numbers it."""
    heads = ["", *(" · ".join(c) if isinstance(c, tuple) else c for c in cells.columns)]
    rows, above = [], ()
    for label, values in zip(cells.index, cells.values, strict=True):
        *heading, row = label if isinstance(label, tuple) else (label,)
        if heading != above and heading:  # on a line of its own, not on every row
            rows.append([f"**{_plain(', '.join(heading))}**", *[""] * len(values)])
        above = heading
        rows.append([_plain(row), *(value if markup else _plain(value) for value in values)])
    rule = [":---" if i == 0 or "ecg-text" in look else "---:" for i in range(len(heads))]
    lines = [map(_plain, heads), rule, *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    body = body.replace(", BCa", ",<br>BCa")  # two intervals in a cell stand under each other
    head = f":::{{table}} {_plain(caption)}\n:name: {name}\n:class: {look}\n"
    return f"{head}\n{body}\n:::"


def _plain(cell):
    """Text that Markdown is to leave as it is."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>|#$~" else c for c in str(cell))


def figure(draw):
    """The Figure of runs that `draw()` returns, or an empty one where there are no runs."""
    try:
        return draw()
    except LookupError as error:
        warnings.warn(f"no run for the figure: {error}", stacklevel=2)
        empty, axis = plt.subplots(figsize=(6, 1.2))
        axis.axis("off")
        axis.text(0.5, 0.5, NO_RUN, ha="center", va="center")
        return empty


def cards(*contents):
    """Cards side by side, each with a picture above a text.

    Parameters
    ----------
    *contents : tuple of (str, function, str, str)
        Title, function without arguments that draws a Figure, what the picture shows for
        whoever cannot see it, and text in Markdown.
    """
    parts = []
    for title, draw, alt, text in contents:
        image = base64.b64encode(_png(figure(draw))).decode()
        alt = html.escape(alt, quote=True)
        picture = f'<img class="ecg-card" src="data:image/png;base64,{image}" alt="{alt}">'
        parts.append(f":::{{grid-item-card}} {title}\n{picture}\n\n{text}\n:::")
    head = "::::{grid} 1 2 2 4\n:gutter: 2\n:class-container: ecg-cards"
    return Shown("\n\n".join([head, *parts, "::::"]))


def _png(drawn):
    """A figure as the bytes of a PNG."""
    memory = BytesIO()
    drawn.savefig(memory, format="png")
    return memory.getvalue()


def code(*objects):
    """The library's own source of functions or classes, docstrings cut to their first line.

    Each names itself and links to its place in the reference.
    """
    parts = []
    for item in objects:
        full = f"{item.__module__}.{item.__qualname__}"
        parts.append(f"{{py:obj}}`{full}`:\n\n```python\n{_source(item)}\n```")
    return Shown("\n\n".join(parts))


def _source(item):
    """Source of a function or class; of docstrings the summary."""
    text = textwrap.dedent(inspect.getsource(item))
    lines = text.splitlines()
    documented = (ast.FunctionDef, ast.ClassDef)
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, documented)]
    for node in sorted(found, key=lambda n: n.lineno, reverse=True):
        if ast.get_docstring(node):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            summary = lines[first].rstrip()
            summary += "" if last == first + 1 else '"""'
            lines[first:last] = [summary]
    return "\n".join(lines)


def reference_figure(name, caption):
    """A committed figure of real recordings, whatever data and profile the page has.

    On the page its number and caption are those of the cell's `mystnb` metadata, as for every
    figure; `classes: reference-figure` there makes it fit a phone.

    Parameters
    ----------
    name : str
        File in `results/figures`, without extension; `python -m ecglib figures` draws them.
    caption : str
        What it shows, for whoever cannot see it.

    Raises
    ------
    UserError
        If there is no such figure.
    """
    path = FIGURES / f"{name}.png"
    if not path.is_file():
        raise UserError(
            f"there is no reference figure {path.name}: draw it with `python -m ecglib figures`"
        )
    return Image(path.read_bytes(), format="png", alt=caption)


def this_run(plan, chapter, frame, caption, *studies, formats=None, columns=None):
    """What the page itself computed: data, parameters, table, and how to run it elsewhere.

    Parameters
    ----------
    plan : Plan
    chapter : int
        Its number.
    frame, caption, formats, columns
        The table of this run, as `table` takes it.
    *studies
        What the page ran, as `Plan.sources` takes it.
    """
    parameters = {"profile": plan.profile} | {name: plan.common(name) for name in LAUNCH}
    given = "; ".join(f"{name} {_short(value)}" for name, value in parameters.items())
    names = [study for study in studies if isinstance(study, str)]
    commands = [f"python -m ecglib run {chapter:02d} --params params/{plan.profile}.yaml"]
    commands += [f"python -m ecglib study {n} --params params/full.yaml" for n in names]
    lines = "\n".join(commands)
    found = table(frame, caption, formats, columns=columns)
    where = banner(plan.sources(*studies), plan.profile).markdown
    before = f"{where}\n\n*Parameters:* {given}.\n"
    after = f"```bash\n{lines}\n```"
    return Shown(f"{before}\n{found.html}\n\n{after}")


def _short(value):
    """A parameter in few characters."""
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(str, value)) if len(value) <= 8 else f"{len(value)} of them"
    return str(value)


def banner(sources, profile):
    """Which data and profile this run of the page used; a warning if any of it is invented.

    Parameters
    ----------
    sources : Source, or dict of str to Source
        All data of the live runs, as `Plan.sources` gives it.
    profile : str
        Name of the params file.
    """
    found = list(sources.values()) if isinstance(sources, dict) else [sources]
    recorded = " ".join(f"{s.describe()}." for s in found if not s.synthetic)
    if invented := [sets.get(s.name).title for s in found if s.synthetic]:
        kind, title = "warning", "The numbers of this run come from invented patients"
        text = (
            f"No recordings of {' and '.join(invented)} were found, so this run used "
            "synthetic ones where it needs them. They show that everything works, nothing "
            f"else. All other numbers of the page are those of committed runs. {recorded}"
        ).strip()
    else:
        kind, title = "note", f"Computed with profile {profile} on real recordings"
        text = f"{recorded} All other numbers of the page are those of committed runs."
    return Shown(f":::{{admonition}} {title}\n:class: {kind}\n{text}\n:::")


def provenance(reference):
    """One line of Markdown on where and how reference runs (RunResults) were made."""
    where = arms.where_made(reference)
    return Shown(f"*Reference runs:* {where}. Each is a row of a {{ref}}`CSV <downloads>`.")


def machine(results):
    """One line of Markdown on the processor of timed RunResults of one machine.

    Its flags decide what integers cost.
    """
    where = results[0].environment
    flags = [f for f in where["cpu_flags"] if f.startswith("avx") or "dot" in f]
    vnni = "with" if any("vnni" in flag for flag in flags) else "without"
    return Shown(
        f"*Timed on:* {where['cpu']}, {vnni} VNNI (flags: {', '.join(flags)}); speeds "
        f"compare runtimes within one session. {arms.where_made(results)}."
    )


def download_table(folder, caption):
    """Links (HTML) to the tables that the book has of all runs in a folder of results.

    See `ecglib.tables.downloads`; `ecglib.book.build` puts the tables beside the pages.
    """
    rows = {
        f'<a href="../_static/results/{name}.csv" download>{name}.csv</a>': {"runs": len(paths)}
        for name, paths in downloads.studies(folder).items()
    }
    return table(frames.of_rows(rows), caption, markup=True)


def profiles(folder):
    """What the params files in a folder (Path) ask for, a row each.

    Returns
    -------
    DataFrame
        `for`, the first comment of the file; `records`, `filters`, `seeds`, `device`.
    """
    rows = {}
    for path in sorted(folder.glob("*.yaml")):
        common = load_params(path)["common"]
        rows[path.name] = {
            "for": path.read_text(encoding="utf-8").splitlines()[0].lstrip("# "),
            "records": len(common["records"]),
            "filters": ", ".join(map(str, common["channels"])),
            "seeds": ", ".join(map(str, common["seeds"])),
            "device": common["device"],
        }
    return frames.of_rows(rows)
