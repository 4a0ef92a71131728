"""How a table of samples is written: separators, decimal signs, columns, and what stands above.

The form is guessed from the first 200 lines. What stands above the first row of numbers is
searched for names, units and the sampling frequency, in whatever language; Apple writes it in
that of the watch, with decimal commas that are not quoted.
"""

import itertools
import re
from dataclasses import dataclass
from statistics import mode

import numpy as np
import pandas as pd

from ecglib.holter.recording import millivolts
from ecglib.system.errors import UserError

_HEAD, _MOST = 1 << 16, 200  # bytes and lines that are looked at
_SHOWN = 40  # rows of them

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|na|null|-", re.IGNORECASE)
_DATE = r"\d{4}[-/]\d\d?[-/]\d\d?|\d\d?[./]\d\d?[./]\d{4}"
_CLOCK = re.compile(
    rf"\[?({_DATE})?[T ]?(\d+:)?\d+:\d+(\.\d+)?( ?[AP]M|Z|[+-]\d\d:?\d\d)?\]?",
    re.IGNORECASE,
)
_PATTERNS = (_NUMBER, _CLOCK, re.compile(_DATE))
_RATE = re.compile(r"(\d[\d.,]*)\s*(k?hz|hertz|herc|герц|赫|ヘルツ|헤르츠)", re.IGNORECASE)
_RATE_BY_NAME = re.compile(r"(?:rate|freq\w*|fs)\b[^\d]*(\d[\d.,]*)()\s*$", re.IGNORECASE)
_LEAD = re.compile(r"(?:.*\s)?(?:I{1,3}|aV[RLF]|V[1-6])")
_TIME = re.compile(
    r"(elapsed |date ?)?(time|zeit|temps|tiempo|tempo|tid|tijd|t|date|timestamp|elapsed|"
    r"seconds?|sec|millis(econds?)?|ms|s|us)\b.*"
)
_INDEX = re.compile(r"(index|sample( ?(number|nr|no|#))?|nr|no|n|#|unnamed.*|)")
_WITH_UNIT = re.compile(r"(.*?)[\s_]*[\[(/,_ ]\s*([^\W\d]{1,12}|\?V)\s*[\])]?")
_PER_SECOND = {"s": 1, "sec": 1, "second": 1, "seconds": 1, "ms": 1e3, "msec": 1e3,
               "millis": 1e3, "milliseconds": 1e3, "us": 1e6, "µs": 1e6, "μs": 1e6,
               "ns": 1e9}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """How a table is written."""

    encoding: str
    separator: str | None  # None: white space, or a single column
    decimal: str  # "." or ","
    start: int  # lines before the first row of numbers
    names: list[str]  # of each column; "" if there is none
    units: list[str]
    fs: float | None  # samples a second, if a line above the rows says it
    time: int | None  # the column of times
    index: int | None  # a column that only counts rows, or repeats the date
    clock: bool  # whether times are of a clock, with a date or without

    @property
    def width(self):
        """Number of columns."""
        return len(self.names)

    def per_second(self, step):
        """How many units of time a second has; `step` of them lie between two rows."""
        if self.clock:
            return 1
        for text in (self.units[self.time], self.names[self.time]):
            if text.lower() in _PER_SECOND:
                return _PER_SECOND[text.lower()]
        # the unit that makes a rate of 100 Hz to 20 kHz; what lies between two is slow seconds
        return 1 if step < 0.05 else 1e3 if step <= 10 else 1e6 if step <= 1e4 else 1e9


def form_of(path):
    """Form of a table; `UserError` if there are no rows of numbers."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = encoding_of(head)
    lines = re.split(r"\r\n|\r|\n", head.decode(encoding, errors="replace"))
    lines = lines[: -1 if len(head) == _HEAD else None][:_MOST]  # the last may be cut in two
    found = None if "\0" in "".join(lines) else _rows(lines)
    if found is None:
        raise UserError(f"{path} has no rows of numbers that are alike; save it as CSV again")
    separator, decimal, start = found
    rows = [_split(clean(t, decimal), separator) for t in lines[start:] if t.strip()][:_SHOWN]
    width = mode(map(len, rows))
    rows = [row for row in rows if len(row) == width]
    above = [clean(line.lstrip("#%; "), decimal) for line in lines[:start] if line.strip()]
    if width > 1:
        names, units = _headed([_split(line, separator) for line in above[-2:]], width)
    else:
        names, units = _headed([[line] for line in above] if len(above) == 1 else [], 1)
    fs = _described(lines[:start], names, units)
    return Form(encoding, separator, decimal, start, names, units, fs,
                *_times(rows, names, units))  # fmt: skip


def clean(line, decimal):
    """A line without quotes, and with decimal points."""
    if '"' in line:  # a decimal comma in quotes does not separate
        line = re.sub(r'"([^"]*)"', lambda match: match[1].replace(",", "."), line)
    line = line.replace("'", "").replace("\N{MINUS SIGN}", "-").replace("\xa0", " ")
    return line.replace(",", ".") if decimal == "," else line


def encoding_of(head):
    """Encoding of a text that begins with these bytes."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return "latin-1"
    return "utf-8-sig"


def _split(line, separator):
    return [f.strip() for f in (line.split(separator) if separator else line.split())]


def _rows(lines):
    """Separator, decimal sign, and how many lines stand before the first row of numbers.

    Taken is the pair by which the largest share of fields are numbers or times, in rows of one
    length; among equals, one that separates. None if there are no such rows.
    """
    best, found = (0.5, False), None
    places = [i for i, line in enumerate(lines) if line.strip()]
    for separator, decimal in itertools.product(("\t", ";", ",", "|", None), ".,"):
        rows = [_numeric(_split(clean(lines[i], decimal), separator)) for i in places]
        first = _first_row(rows)
        if first is None or separator == decimal:
            continue
        rows, start = rows[first : first + _SHOWN], places[first]
        usual = mode(map(len, rows))
        alike = [np.mean([field is not False for field in r]) for r in rows if len(r) == usual]
        score = round(sum(alike) / len(rows), 2), usual > 1
        if score > best:
            if separator == "," and usual == 2 and _is_decimal(lines, start):
                return None, ",", start
            best, found = score, (separator, decimal, start)
    return found


def _numeric(fields):
    """Of each field, whether it is a number or a time; None if it is empty."""
    return [any(p.fullmatch(f) for p in _PATTERNS) if f else None for f in fields]


def _first_row(rows):
    """Place of the first row that begins with a number and after which most do; or None."""
    begins = [bool(row) and row[0] is not False and True in row for row in rows]
    for start, begin in enumerate(begins):
        if begin and np.mean(begins[start : start + 20]) >= 0.7:
            return start
    return None


def _is_decimal(lines, start):
    """Whether "-265,868" is one number in rows that might hold two."""
    rows = [line.strip() for line in lines[start:] if line.strip()][:_SHOWN]
    if not all(re.fullmatch(r"[+-]?\d+(,\d+)?", row) for row in rows):
        return False
    above = lines[start - 1].strip() if start else ""
    if above.count(",") == 1 and millivolts(above.split(",")[1]) is None:
        return False  # two names
    whole = [float(row.split(",")[0]) for row in rows]
    return any("," not in row for row in rows) or not np.all(np.diff(whole) > 0)


def _headed(above, width):
    """Names and units of the columns, from the fields of the last two lines above them."""
    above = [[*row, ""] if len(row) + 1 == width > 1 else row for row in above]
    above = [row for row in above if len(row) == width]
    names, units = [""] * width, [""] * width
    if len(above) > 1 and any(_is_unit(field) for field in above[-1]):
        units = [field if _is_unit(field) else "" for field in above.pop()]
    names = above[-1] if above else names
    for i, name in enumerate(names):
        match = _WITH_UNIT.fullmatch(name)
        if match and not units[i] and _is_unit(match[2]):
            names[i], units[i] = match[1], match[2]
        elif len(name) > 1 and millivolts(name) is not None:  # "V" is a lead
            names[i], units[i] = "", name
    return names, units


def _is_unit(text):
    text = text.strip(" ()[]")
    return millivolts(text) is not None or text.lower() in _PER_SECOND or "hh:mm" in text


def _described(above, names, units):
    """Samples a second by lines such as "Rate,512 Hz"; unit and lead of a single column."""
    fs = None
    for line in above:
        *_, value = re.split(r"[,;:=\t]", line.replace('"', "").strip("#%; "), maxsplit=1)
        value, rate = value.strip(), _RATE.search(line) or _RATE_BY_NAME.search(line)
        if rate:
            number = float(rate[1].rstrip(".,").replace(",", "."))
            fs = number * (1000 if rate[2].lower() == "khz" else 1)
        elif len(names) == 1 and millivolts(value) is not None:
            units[0] = units[0] or value
        elif len(names) == 1 and _LEAD.fullmatch(value):
            names[0] = value
    return fs


def _times(rows, names, units):
    """The columns of times and of numbers of rows, and whether times are of a clock."""
    index = None
    for i in range(len(names)):
        fields, name = [row[i] for row in rows], names[i].lower().strip()
        if all(_CLOCK.fullmatch(field) for field in fields):
            return i, index, True
        if all(re.fullmatch(_DATE, field) for field in fields):  # a clock stands beside it
            index = i
            continue
        steps = np.diff(pd.to_numeric(pd.Series(fields), errors="coerce"))
        if _TIME.fullmatch(name) or units[i].lower() in _PER_SECOND:
            return i, index, False
        first = i == 0 and len(names) > 1 and len(steps) > 2
        if first and np.all(steps == 1) and _INDEX.fullmatch(name):
            index = 0
        elif first and not name and np.all(steps > 0):
            return i, index, False
    return None, index, False
