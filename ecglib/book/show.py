"""What chapters show besides figures: captioned tables, and where numbers come from."""

import html

import pandas as pd
from IPython.display import HTML, Markdown

from ecglib.data import sets
from ecglib.studies.params import load_params
from ecglib.tables import arms, downloads, published


def table(frame, caption, *, escape=True):
    """A table with its caption, ready for the page.

    Parameters
    ----------
    frame : DataFrame
        Cells are text already.
    caption : str
        Begins with its number, e.g. "Table 3.1"; states what the numbers are.
    escape : bool
        False if cells hold HTML, such as links.

    Returns
    -------
    HTML
    """
    body = frame.to_html(border=0, classes="ecg-table", na_rep="", escape=escape)
    text = html.escape(caption)
    body = body.replace("<thead>", f"<caption>{text}</caption>\n<thead>", 1)
    return HTML(f'<div class="ecg-table-wrap">{body}</div>')


def text_table(frame, caption):
    """A table of sentences instead of numbers: as `table`, but flush left.

    Parameters and result are those of `table`.
    """
    return HTML(table(frame, caption).data.replace('ecg-table"', 'ecg-table ecg-text"', 1))


def banner(sources, profile):
    """Which data and profile this page was rendered with, loud if any of it is invented.

    Parameters
    ----------
    sources : Source, or dict of str to Source
        All data of the live runs, as `find_source` or `find_sources` gives it.
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
    """One line on where and how the reference runs were made.

    Parameters
    ----------
    reference : list of RunResult
        Committed runs that the page shows.

    Returns
    -------
    Markdown
    """
    where = arms.where_made(reference)
    return Markdown(f"*Reference runs:* {where}. Each is a row of a {{ref}}`CSV <downloads>`.")


def machine(results):
    """One line on the processor of timed runs: its flags decide what integers cost.

    Parameters
    ----------
    results : list of RunResult
        Of one machine.

    Returns
    -------
    Markdown
    """
    where = results[0].environment
    flags = [f for f in where["cpu_flags"] if f.startswith("avx") or "dot" in f]
    vnni = "with" if any("vnni" in flag for flag in flags) else "without"
    return Markdown(
        f"*Timed on:* {where['cpu']}, {vnni} VNNI (flags: {', '.join(flags)}); speeds "
        f"compare runtimes within one session. {arms.where_made(results)}."
    )


def download_table(folder, caption):
    """Links to the tables that the book has of all runs in a folder of results.

    Parameters
    ----------
    folder : Path
        See `ecglib.tables.downloads`; `ecglib.book.build` puts the tables beside the pages.
    caption : str
        See `table`.

    Returns
    -------
    HTML
    """
    rows = {
        f'<a href="../_static/results/{name}.csv" download>{name}.csv</a>': {"runs": len(paths)}
        for name, paths in downloads.studies(folder).items()
    }
    return table(pd.DataFrame(rows).T, caption, escape=False)


def profiles(folder):
    """What the params files in a folder ask for, a row each.

    Parameters
    ----------
    folder : Path
        Folder of params files.

    Returns
    -------
    DataFrame
        First comment of the file, records, filters, seeds, device.
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
    return pd.DataFrame(rows).T


def peers():
    """Published inter-patient results on DS2, a row each, printed numbers only.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame(
        {
            row.source: {
                "method": row.arm,
                "accuracy": f"{row.accuracy:g}",
                "macro-F1": f"{row.macro_f1:g}",
            }
            for row in published.PEERS
        }
    ).T
