"""Sentences whose numbers come from runs.

A chapter writes a sentence with names in braces and gives a function for each of them:

    say("Five labels bring {gain:change}.", gain=lambda: difference(lopo[5], lopo[0]))

The page then shows the number in the one form that the book has for its kind (`KINDS`), and
"no run" where the function finds no runs.
"""

import math
import re

from markdown_it import MarkdownIt

from ecglib.book.formats import short
from ecglib.stats import Interval
from ecglib.tables.names import word

NO_RUN = "no run"
"""What stands in place of a number, table or figure without runs."""


KINDS = {
    "f1": ("{:.3f}", 1, ""),
    "change": ("{:+.3f}", 1, ""),
    "percent": ("{:.1f}", 100, "\u202f%"),
    "points": ("{:+.1f}", 100, " points"),
    "amount": (lambda x: f"{abs(x):.1f}", 100, " points"),
    "count": ("{:,.0f}", 1, ""),
    "digits": (short, 1, ""),
}
"""Kind of number -> format (or function), factor, unit: the only forms of numbers in prose.

`f1`: a macro-F1, or another score between 0 and 1; `change`: a difference of such; `percent`:
a share, such as an accuracy; `points`: a difference of accuracies, in percentage points, and
`amount`, the same without its sign, for "gains" and "loses";
`count`: a whole number; `digits`: anything else (seconds, ratios, kilobytes).
"""


def number(value, kind):
    """One number, or one interval with its bounds in brackets, as prose shows it.

    Parameters
    ----------
    value : float or Interval
    kind : str
        One of `KINDS`.

    Examples
    --------
    >>> number(0.9746, "percent"), number(-0.045, "points"), number(8528, "count")
    ('97.5\u202f%', '−4.5 points', '8,528')
    >>> number(Interval(0.1234, 0.035, 0.193), "change")
    '+0.123 [+0.035, +0.193]'
    """
    form, factor, unit = KINDS[kind]

    def text(x):
        return (form(factor * x) if callable(form) else form.format(factor * x)).replace(
            "-", "−"
        )

    if isinstance(value, Interval):
        bounds = f" [{text(value.low)}, {text(value.high)}]"
        return text(value.value) + unit + bounds
    return text(value) + unit


_FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}(?!`)")
"""A number's place: its name and kind. A role, `{numref}` before a backtick, is none."""


def fields(text):
    """Names of the numbers in a text, in their order."""
    return [name for name, _ in _FIELD.findall(text)]


def filled(text, **numbers):
    """A text with its numbers.

    Parameters
    ----------
    text : str
        With fields `{name:kind}`; without a kind a setting stands in plain words, anything
        else as it is. Names in braces before a backtick are roles of the book, and stay.
    **numbers
        Name -> value, or function without arguments that returns it; where that raises a
        LookupError, the text says "no run".

    Raises
    ------
    ValueError
        If the text has a field for which nothing is given.
    """

    def shown(match):
        name, kind = match.groups()
        if name not in numbers:
            raise ValueError(f"the sentence names {name!r}, for which nothing is given")
        try:
            value = numbers[name]() if callable(numbers[name]) else numbers[name]
        except LookupError:
            return NO_RUN
        if _is_nan(value):
            return NO_RUN
        return str(word(value)) if kind is None else number(value, kind)

    return _FIELD.sub(shown, text)


def _is_nan(value):
    """Whether a number, or the value of an interval, is missing."""
    value = value.value if isinstance(value, Interval) else value
    return isinstance(value, float) and math.isnan(value)


class Shown:
    """Something to show, for the book as Markdown with roles, for Jupyter as HTML.

    Attributes
    ----------
    markdown, html : str
    """

    def __init__(self, markdown, html=None):
        self.markdown = markdown
        self.html = _as_html(markdown) if html is None else html

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {
            "text/markdown": self.markdown,
            "text/html": self.html,
            "text/plain": self.markdown,
        }


def _as_html(markdown):
    """Markdown with the book's roles, for whoever does not know them: their text alone."""
    plain = re.sub(r"\{[\w:]+\}`([^`<]*?)\s*(?:<[^`>]*>)?`", r"\1", markdown)
    plain = re.sub(r"^:::\{admonition\} (.*)\n:class: .*$", r"**\1**\n", plain, flags=re.M)
    plain = re.sub(r"^:::$", "", plain, flags=re.M)
    return MarkdownIt("commonmark").render(plain)


def say(text, **numbers):
    """Markdown of a chapter whose numbers come from runs, as `Shown`; arguments of `filled`."""
    return Shown(filled(text, **numbers))


def answer(text, **numbers):
    """The answer of a chapter, in the box under its title, as `Shown`; arguments of `filled`.

    It has two or three sentences with at most three numbers, and how sure they are.
    """
    said = filled(text, **numbers)
    if NO_RUN in said:  # a verdict must not stand without its numbers
        said = "**No run:** the reference runs behind this answer are not all there."
    box = '<div style="border-left: 0.3em solid #009E73; padding-left: 1em">{}</div>'
    page = f":::{{admonition}} The answer\n:class: answer\n{said}\n:::"
    return Shown(page, box.format(_as_html(said)))
