"""What chapters show besides figures: captioned tables, and where numbers come from."""

import html

from IPython.display import HTML, Image, Markdown

from ecglib.book.formats import shown, stacked
from ecglib.data import sets
from ecglib.studies.params import load_params
from ecglib.system.errors import UserError
from ecglib.system.paths import FIGURES
from ecglib.tables import arms, downloads, frames


def table(frame, caption, formats=None, *, columns=None, escape=True):
    """A table with its caption, ready for the page: here numbers become text.

    Parameters
    ----------
    frame : DataFrame or dict of str to DataFrame
        Numbers and names, see `ecglib.tables.frames`; several tables by their headings stand
        under each other.
    caption : str
        Begins with its number, e.g. "Table 3.1"; states what the numbers are.
    formats : dict of str to (str or callable), optional
        Column -> format, where that of `ecglib.book.formats` does not fit; see `shown` and
        `stacked` there.
    columns : list of str, optional
        Which columns of the page to show, in this order, where there are such; all if not
        given.
    escape : bool
        False if cells hold HTML, such as links.

    Returns
    -------
    HTML
    """
    layout = stacked if isinstance(frame, dict) else shown
    text = layout(frame, formats)
    text = text if columns is None else text[[c for c in columns if c in text]]
    body = text.to_html(border=0, classes="ecg-table", escape=escape)
    title = f"<caption>{html.escape(caption)}</caption>"
    body = body.replace("<thead>", f"{title}\n<thead>", 1)
    return HTML(f'<div class="ecg-table-wrap">{body}</div>')


def text_table(frame, caption):
    """A table of sentences instead of numbers: as `table`, but flush left."""
    return HTML(table(frame, caption).data.replace('ecg-table"', 'ecg-table ecg-text"', 1))


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

    Returns
    -------
    Image

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


def banner(sources, profile):
    """Which data and profile this page was rendered with, loud if any of it is invented.

    Parameters
    ----------
    sources : Source, or dict of str to Source
        All data of the live runs, as `Plan.sources` gives it.
    profile : str
        Name of the params file.

    Returns
    -------
    Markdown
    """
    found = list(sources.values()) if isinstance(sources, dict) else [sources]
    recorded = " ".join(s.describe() for s in found if not s.synthetic)
    if invented := [sets.get(s.name).title for s in found if s.synthetic]:
        kind, title = "warning", "Live numbers on this page come from invented patients"
        text = (
            f"No recordings of {' and '.join(invented)} were found, so the runs of this page "
            "that need them used synthetic ones. They show that everything works, nothing "
            "else. Columns called *reference* are committed runs on the real recordings. "
            f"{recorded}"
        ).strip()
    else:
        kind, title = "note", f"Rendered with profile {profile} on real recordings"
        text = (
            f"{recorded} Columns called *reference* are committed runs; "
            "*this run* is what this rendering computed."
        )
    return Markdown(f":::{{admonition}} {title}\n:class: {kind}\n{text}\n:::")


def provenance(reference):
    """One line of Markdown on where and how reference runs (RunResults) were made."""
    where = arms.where_made(reference)
    return Markdown(f"*Reference runs:* {where}. Each is a row of a {{ref}}`CSV <downloads>`.")


def machine(results):
    """One line of Markdown on the processor of timed RunResults of one machine.

    Its flags decide what integers cost.
    """
    where = results[0].environment
    flags = [f for f in where["cpu_flags"] if f.startswith("avx") or "dot" in f]
    vnni = "with" if any("vnni" in flag for flag in flags) else "without"
    return Markdown(
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
    return table(frames.of_rows(rows), caption, escape=False)


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
            "for": path.read_text().splitlines()[0].lstrip("# "),
            "records": len(common["records"]),
            "filters": ", ".join(map(str, common["channels"])),
            "seeds": ", ".join(map(str, common["seeds"])),
            "device": common["device"],
        }
    return frames.of_rows(rows)
