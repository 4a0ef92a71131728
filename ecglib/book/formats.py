"""How numbers look on a page and in a terminal: the one place where tables become text.

A format is a template of `str.format`, applied to a number and to its companions (see
`ecglib.tables.frames`), or a function of a number. A template that names columns,
`"{left out:,.0f} ({share left out:.1%})"`, joins these in one cell.
"""

import re
from fnmatch import fnmatchcase
from string import Formatter

import pandas as pd

from ecglib.tables.names import word

COUNT, WHOLE, SHARE_3, SHARE_4 = "{:,.0f}", "{:.0f}", "{:.3f}", "{:.4f}"
TENTHS, DIGITS_2, SIGNED_2, SIGNED_3 = "{:.1f}", "{:.2f}", "{:+.2f}", "{:+.3f}"
PERCENT_1, PERCENT_2, PERCENT_3 = "{:.1%}", "{:.2%}", "{:.3%}"
AS_PRINTED = "{:g}"
"""As many digits as a source prints."""

AS_PERCENT = dict.fromkeys(("accuracy", "precision", "recall", "F1"), DIGITS_2)
"""Scores that a source prints in percent."""


def short(value):
    """Two digits that count, and thousands with a comma.

    Examples
    --------
    >>> short(0.01234), short(5987.3)
    ('0.012', '5,987')
    """
    return COUNT.format(value) if abs(value) >= 10 else f"{value:.2g}"


def three_digits(value):
    """Three digits, and thousands with a comma.

    Examples
    --------
    >>> three_digits(0.00143), three_digits(40937.4)
    ('0.00143', '40,937')
    """
    return COUNT.format(value) if value >= 1000 else f"{value:.3g}"


def points(share):
    """A difference of shares in percentage points.

    Examples
    --------
    >>> points(0.0123)
    '+1.2'
    """
    return f"{100 * share:+.1f}"


BY_MACHINE = {"multiplications": "{:.2g}", "*": short}
"""Of columns that are named after machines."""

_COLUMNS = {
    COUNT: "beats; recordings; *bytes; * file; graph around it; seconds; × real time; "
    "beats/s, 64 at once",
    SHARE_3: "one beat, ms",
    WHOLE: "labels; patients; timed; minutes; kB; peak memory, MB; Gop/s",
    TENTHS: "*, s; *, MB; SQNR, dB",
    DIGITS_2: "all bits; file; paper; CR; printed; formula; ratio; median margin; "
    "macro-F1 by epoch",
    PERCENT_1: "accuracy; patient mean; Se; +P; beats, Se",
    SHARE_4: "median error; precision; recall; recall *; F1; macro-F1 of a constant answer",
    PERCENT_2: "activation; gradient*",
    PERCENT_3: "exact; exact while learning; same as QAT; same class",
    SIGNED_2: "Δ*points",
    SIGNED_3: "Δ*; by seed; over patients; over seeds",
    "{:.2f}×": "speed; smaller",
    "{:.3g}": "Mmult.; estimated, ms; measured, ms; usual, s; ours, s",
    "{:.2g}": "of peak, %",
    "{worst record, points:+.1f} ({its record})": "worst record, points",
    "{accuracy (patients):.1%} ({accuracy of patients:.1%})": "accuracy (patients)",
    "{left out:,.0f} ({share left out:.3%})": "left out",
    "{other class:,.0f} ({share of beats:.3%})": "other class",
    "{cost:.2f} s, {million multiplications:,.0f} M": "cost",
    "{classes:.0f} / {leads:.0f}": "classes",
}
FORMATS = {column: form for form, columns in _COLUMNS.items() for column in columns.split("; ")}
FORMATS["Δ accuracy"] = points
"""Column (or a pattern of columns) -> format, in the whole book; names count before patterns.

Columns that are not listed have thousands with commas if they are whole, else three digits.
"""

_COMPANION = re.compile(r"(.+?) (std|low|high|BCa low|BCa high|n|#\S+)")


def shown(frame, formats=None):
    """A table as text: a cell for every number with its companions.

    Parameters
    ----------
    frame : DataFrame
        Of numbers and names, see `ecglib.tables.frames`; the last level of the columns counts.
    formats : dict of str to (str or callable), optional
        Column (or a pattern of columns) -> format, before those of `FORMATS`.

    Returns
    -------
    DataFrame of str
        NaN is empty; labels of rows and columns are in plain words.
    """
    groups = {}
    for column in frame.columns:
        *above, name = column if isinstance(column, tuple) else (column,)
        split = _COMPANION.fullmatch(str(name))
        base, part = split.groups() if split else (name, "")
        groups.setdefault((*above, base), {})[part] = column
    cells, joined = {}, set()
    for key, parts in groups.items():
        *above, name = key
        form = _format_of(str(name), formats or {}, FORMATS)
        named = _columns_of(form)
        if named:
            columns = {n: frame[groups[(*above, n)][""]] for n in named}
            joined |= {(*above, n) for n in named if n != name}
            cells[key] = [_joined(form, row) for row in _rows(columns)]
        else:
            columns = {part: frame[column] for part, column in parts.items()}
            cells[key] = [_cell(row, form) for row in _rows(columns)]
    kept = [key for key in cells if key not in joined]
    columns = pd.MultiIndex.from_tuples(kept, names=frame.columns.names)
    if frame.columns.nlevels == 1:
        columns = columns.get_level_values(0)
    rows = list(zip(*(cells[key] for key in kept), strict=True))
    return pd.DataFrame(rows, _plain(frame.index), _plain(columns))


def stacked(frames, formats=None):
    """Tables under each other as text (DataFrame of str), each under its own heading.

    Parameters
    ----------
    frames : dict of str to DataFrame
        Heading -> table.
    formats : dict, optional
        As for `shown`; under a heading, formats of that table alone.
    """
    formats = formats or {}
    everywhere = {k: form for k, form in formats.items() if not isinstance(form, dict)}
    text = {h: shown(frame, formats.get(h, {}) | everywhere) for h, frame in frames.items()}
    return pd.concat(text).fillna("")


def in_terminal(frame, formats=None):
    """A table, or a dict of tables, as lines of text."""
    text = stacked(frame, formats) if isinstance(frame, dict) else shown(frame, formats)
    return text.to_string()


def _format_of(name, *tables):
    """The first format that fits a column, names before patterns; None if there is none."""
    for formats in tables:
        if name in formats:
            return formats[name]
        for pattern, form in formats.items():
            if fnmatchcase(name, pattern):
                return form
    return None


def _rows(columns):
    """Dicts of the cells of each row, in their own types."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _columns_of(form):
    """Names of the columns that a template joins."""
    if not isinstance(form, str):
        return []
    return [name for _, name, _, _ in Formatter().parse(form) if name]


def _joined(form, row):
    missing = any(pd.isna(value) for value in row.values())
    return "" if missing else _typeset(form.format_map(row))


def _cell(parts, form):
    """One number with what says how sure it is, or a row of numbers."""
    text = {part: _text(value, form) for part, value in parts.items() if part != "n"}
    several = [text[part] for part in text if part.startswith("#") and text[part]]
    words = [text.get("", ""), *several]
    if text.get("std"):
        words.append(f"± {text['std']}")
    if text.get("low"):
        words.append(f"[{text['low']}, {text['high']}]")
    cell = " ".join(word for word in words if word)
    if text.get("BCa low"):
        cell += f", BCa [{text['BCa low']}, {text['BCa high']}]"
    return cell + (f" ({parts['n']:.0f})" if "n" in parts and pd.notna(parts["n"]) else "")


def _text(value, form):
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if form is None:
        form = "{:,}" if pd.api.types.is_integer(value) else SHARE_3
    text = form(value) if callable(form) else form.format(value)
    return _typeset(text) if pd.api.types.is_number(value) else text


def _typeset(number):
    """A number with the signs that a typesetter would take."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", number).replace("%", "\u202f%")


def _plain(index):
    """Labels in plain words, and numbers as short as they are."""
    levels = [
        [_label(label) for label in index.get_level_values(i)] for i in range(index.nlevels)
    ]
    if index.nlevels == 1:
        return pd.Index(levels[0], dtype=object, name=index.name)
    return pd.MultiIndex.from_arrays(levels, names=index.names)


def _label(label):
    if isinstance(label, float):
        return "" if pd.isna(label) else f"{label:g}"
    return word(label)
