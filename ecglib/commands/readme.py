"""README's numbers: its findings and its figure, written from the reference runs."""

from functools import partial
from pathlib import Path

from ecglib import results
from ecglib.book import claims
from ecglib.system.errors import UserError
from ecglib.system.files import written

START, END = "<!-- written by `python -m ecglib readme` -->", "<!-- end -->"
"""Lines of README.md between which the findings stand."""


def findings(folder):
    """The findings as Markdown, with their numbers.

    Parameters
    ----------
    folder : path
        Holds the reference runs.

    Returns
    -------
    str
    """
    load = partial(results.load_study, folder)
    answers = zip(claims.ANSWERS, claims.answers(load), strict=True)
    lines = [f"- *{answer.question}* {text}" for answer, text in answers]
    lines += ["", "What speaks against us:", ""]
    lines += [f"- {sentence}" for sentence in claims.against(load)]
    return "\n".join(lines)


def with_findings(text, folder):
    """The text of a README with the findings of a folder of results in their place.

    Raises
    ------
    UserError
        If the lines `START` and `END` are not there once, in this order.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end) or START in rest or END in after:
        raise UserError(f"README.md must hold the lines {START} and {END} once, in this order")
    return f"{before}{START}\n\n{findings(folder)}\n\n{END}{after}"


def write(folder, readme, figure):
    """Write the findings into a README, and the landscape beside it.

    Parameters
    ----------
    folder, readme, figure : path
        Reference runs; Markdown file to change; image to write.
    """
    from ecglib.plots import overview, style

    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {folder}; give one with results by study")
    readme, load = Path(readme), partial(results.load_study, folder)
    text = with_findings(readme.read_text(encoding="utf-8"), folder)
    style.use()
    drawn = overview.landscape(overview.points(load), overview.trivial(load))
    with written(figure) as unfinished:
        drawn.savefig(unfinished, format="png", dpi=110)
    with written(readme) as unfinished:
        Path(unfinished).write_text(text, encoding="utf-8")
