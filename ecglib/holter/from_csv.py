"""Tables of samples: Apple Watch's export, columns of times and samples, or samples alone.

A file is read in blocks of lines. What stands before the first row of numbers is searched for
names of columns, units and the sampling frequency, in whatever language. Text is cleaned so
that pandas reads it the same way whatever its separators and decimal signs.
"""

import io
import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd

from ecglib.data.records import MAX_FS
from ecglib.holter.recording import MAX_GAP, Recording, Signal, check_gaps, millivolts
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

_HEAD = 1 << 16  # bytes of which the form is guessed
_LINES = 1 << 18  # rows that are read at once, and the longest line
_SHOWN = 40  # rows of the head that must be alike

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|na|null|-", re.IGNORECASE)
_CLOCK = re.compile(r"\[?(\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{4})?[T ]?"
                    r"(\d+:)?\d+:\d+(\.\d+)?(Z|[+-]\d\d:?\d\d)?\]?")  # fmt: skip
_RATE = re.compile(r"(\d[\d.,]*)\s*(k?hz|hertz|herc|герц|赫|ヘルツ|헤르츠)", re.IGNORECASE)
_RATE_NAMED = re.compile(r"(rate|freq|fs)\b.*?(\d[\d.,]*)\s*$", re.IGNORECASE)
_LEAD = re.compile(r"(?:.*\s)?(?:I{1,3}|aV[RLF]|V[1-6])")
_TIME_NAME = re.compile(
    r"(elapsed )?(time|zeit|temps|tiempo|tempo|tid|tijd|t|date ?time|date|timestamp|elapsed|"
    r"seconds?|sec|millis(econds?)?|microseconds?|ms|s|us)\b.*"
)
_INDEX_NAME = re.compile(r"(index|sample( ?(number|nr|no|#))?|nr|no|n|#|unnamed.*|)")
_UNIT_IN_NAME = re.compile(r"(.*?)[\s_]*[\[(/,_ ]\s*([^\W\d]{1,12}|µs|\?V)\s*[\])]?")
_PER_SECOND = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "second": 1.0, "millis": 1e3, "ms": 1e3,
               "msec": 1e3, "milliseconds": 1e3, "us": 1e6, "µs": 1e6, "μs": 1e6,
               "microseconds": 1e6, "ns": 1e9}  # fmt: skip
_DAY = 86_400


class TableRecording(Recording):
    """A table; `fs` in Hz and `units` say what it leaves out."""

    def __init__(self, path, fs=None, units=None):
        self.path, self.name, self.notes = Path(path), Path(path).stem, []
        self.files = (self.path,)
        if units is not None and millivolts(units) is None:
            raise UserError(f"--units is {units}; it must be one of nV, uV, mV, V")
        if fs is not None and not 0 < fs <= MAX_FS:
            raise UserError(f"--fs is {fs:g}; it must be above 0 and up to {MAX_FS:,} Hz")
        with refused(f"{path} cannot be read as a table of samples; save it as CSV again"):
            form = _Form(self.path)
            columns, self._bad = _columns(self.path, form)
        self._fs, self._to = self._timing(form, columns, fs or form.fs, given=fs is not None)
        leads = [
            i
            for i in range(form.width)
            if i not in (form.time, form.index)
            and (form.names[i] or self._bad[i] or np.isfinite(columns[i]).any())
        ]
        if not leads or not len(columns[0]):
            raise UserError(f"{path} has no column of samples; save it as CSV again")
        self._values = [columns[i] for i in leads]
        self._bad = [self._bad[i] for i in leads]
        n_samples = len(columns[0]) if self._to is None else int(self._to[-1]) + 1
        self.signals = tuple(
            Signal(form.names[i] or f"signal {n}", units or form.units[i], self._fs, n_samples)
            for n, i in enumerate(leads)
        )

    def _timing(self, form, columns, fs, given):
        """Samples a second, and the place of every row (None if they are equally spaced)."""
        if form.time is None or given:
            if fs is None:
                raise UserError(
                    f"{self.path} does not say how many samples a second it has; say it by --fs "
                    "and its unit by --units"
                )
            return float(fs), None
        bad = self._bad[form.time]
        if bad or len(columns[0]) < 2:
            raise UserError(bad or f"{self.path} has one row; more are needed")
        step = np.diff(columns[form.time])
        if form.clock == "of the day":  # it starts anew at midnight
            step = np.where(step < -_DAY / 2, step + _DAY, step)
        if np.any(wrong := ~(step > 0)):
            raise UserError(
                f"{self.path}, line {form.start + int(wrong.argmax()) + 2}: its time is missing "
                "or not later than the one before; mend it, or leave the times unread and give "
                "the samples a second by --fs"
            )
        return self._places(step / _per_second(form, np.median(step)))

    def _places(self, step):
        usual = step < 1.5 * np.median(step)
        fs = 1 / step[usual].mean()
        fs = float(round(fs)) if abs(fs - round(fs)) < 5e-4 * fs else float(fs)
        jumps = np.maximum(np.rint(step * fs), 1)
        check_gaps(self.path, min(float(jumps.sum()) - len(jumps), 2.0**62))
        if np.mean(jumps > 1) > 0.1:
            raise UserError(
                f"{self.path}: the times of its rows are too irregular; give the samples a second "
                "by --fs, and they are not read"
            )
        if jumps.max() == 1:
            return fs, None
        return fs, np.concatenate([[0], np.cumsum(jumps)]).astype(np.int64)

    def read(self, index):
        about = self.signals[index]
        if self._bad[index]:
            raise UserError(self._bad[index])
        signal = self._values[index].astype(np.float32, copy=True)
        if self._to is not None:
            signal = np.full(about.n_samples, np.nan, dtype=np.float32)
            signal[self._to] = self._values[index]
        return self._in_millivolts(signal, about, about.unit)


def _per_second(form, step):
    """How many units of the time column a second has."""
    unit = form.units[form.time].lower() or form.names[form.time].lower()
    if form.clock:
        return 1.0
    if unit in _PER_SECOND:
        return _PER_SECOND[unit]
    # the unit that makes a rate of 100 Hz to 20 kHz; what lies between two is slow seconds
    return 1.0 if step < 0.05 else 1e3 if step <= 10 else 1e6 if step <= 1e4 else 1e9


class _Form:
    """What the head of a table says.

    `encoding`; `separator` (None: white space) and `decimal`; `start`, the number of lines
    before the first row; `width`, the number of columns; `names` and `units` of the columns;
    `fs`, Hz, or None; `time` and `index`, the columns that hold times or count rows, or None;
    `clock`, "" unless times are of a clock.
    """

    def __init__(self, path):
        with path.open("rb") as file:
            head = file.read(_HEAD)
        self.encoding = _encoding(head)
        # the last line may be cut in two
        lines = head.decode(self.encoding, errors="replace").removeprefix("\ufeff")
        lines = re.split(r"\r\n|\r|\n", lines)
        lines = lines[:-1] if len(head) == _HEAD else lines
        if b"\0" in head and not self.encoding.startswith("utf-16"):
            raise UserError(f"{path} holds no text, so it is no table; save it as CSV")
        found = _guess(lines)
        if found is None:
            raise UserError(
                f"{path} has no rows of numbers that are alike; save it as CSV again"
            )
        self.separator, self.decimal, self.start = found
        self.width = 0
        rows = [self.split(line) for line in lines[self.start :] if line.strip()][:_SHOWN]
        sizes = [len(row) for row in rows]
        self.width = max(sizes, key=sizes.count)
        rows = [row for row in rows if len(row) == self.width]
        self.before = lines[: self.start]
        self.names, self.units = self._named()
        self._described()
        self._find_times(rows)

    def split(self, line):
        """Fields of a line; a line above a single column is one field."""
        line = _clean(line, self.decimal)
        fields = line.split(self.separator) if self.separator else line.split()
        return [line.strip()] if self.width == 1 else [f.strip() for f in fields]

    def _named(self):
        """Names and units of the columns, from the lines above them."""
        above = [self.split(line.lstrip("#%; ")) for line in self.before if line.strip()][-2:]
        above = (
            [row + [""] for row in above]
            if above and len(above[-1]) + 1 == self.width
            else above
        )
        above = [row for row in above if len(row) == self.width]
        names, units = [""] * self.width, [""] * self.width
        if self.width > 1 or (above and len(self.before) <= 2):
            if above and any(_is_unit(field) for field in above[-1]):
                units = [field if _is_unit(field) else "" for field in above.pop()]
            names = above[-1] if above else names
        for i, name in enumerate(names):
            match = _UNIT_IN_NAME.fullmatch(name)
            if match and not units[i] and _is_unit(match[2]):
                names[i], units[i] = match[1], match[2]
            elif _is_unit(name) and millivolts(name) is not None:
                names[i], units[i] = ("" if len(name) > 1 else name), units[i] or name
        return names, units

    def _described(self):
        """Look for the rate, the unit and the lead in lines such as "Unit,µV"."""
        self.fs = None
        for line in self.before:
            key, *rest = re.split(r"[,;:=\t]", line.replace('"', "").strip("#%; "), maxsplit=1)
            value = rest[0].strip() if rest else ""
            rate = _RATE.search(value) or _RATE.search(line)
            named = _RATE_NAMED.search(line)
            if rate or named:
                number = float((rate[1] if rate else named[2]).rstrip(".,").replace(",", "."))
                self.fs = number * (1000 if rate and rate[2].lower() == "khz" else 1)
            elif self.width == 1 and value and millivolts(value) is not None and len(value) > 1:
                self.units = [self.units[0] or value]
            elif self.width == 1 and value and _LEAD.fullmatch(value):
                self.names = [value]

    def _find_times(self, rows):
        self.time = self.index = None
        self.clock = ""
        for i in range(self.width if self.width > 1 else 0):
            fields, name = [row[i] for row in rows], self.names[i].lower().strip()
            if all(_CLOCK.fullmatch(field) for field in fields):
                self.time, dated = (
                    i,
                    re.match(r"\[?(\d{4}-|\d\d?[./]\d\d?[./]\d{4})", fields[0]),
                )
                self.clock = "with a date" if dated else "of the day"
                return
            steps = np.diff(pd.to_numeric(pd.Series(fields), errors="coerce"))
            counts = len(steps) and np.all(steps == 1)
            if _TIME_NAME.fullmatch(name) or self.units[i].lower() in _PER_SECOND:
                self.time = i
                return
            if counts and (self.index is None and i == 0) and _INDEX_NAME.fullmatch(name):
                self.index = i
            elif i == 0 and not name and len(steps) > 2 and np.all(steps > 0):
                self.time = i
                return


def _is_unit(text):
    text = text.strip(" ()[]")
    return millivolts(text) is not None or text.lower() in _PER_SECOND or "hh:mm" in text


def _encoding(head):
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    zeros = head[1:400:2].count(0), head[0:400:2].count(0)
    if max(zeros) > 100:
        return "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
    try:
        head[: -4 if len(head) == _HEAD else None].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return "latin-1"
    return "utf-8-sig"


def _clean(line, decimal):
    """A line without quotes, and with decimal points."""
    if '"' in line:  # a decimal comma in quotes does not separate
        line = re.sub(r'"([^"]*)"', lambda match: match[1].replace(",", "."), line)
    line = line.replace("'", "").replace("\N{MINUS SIGN}", "-").replace("\xa0", " ")
    return line.replace(",", ".") if decimal == "," else line


def _guess(lines):
    """Separator, decimal sign, and how many lines stand before the first row of numbers.

    Taken is the pair by which the largest share of fields are numbers or times, in rows of one
    length; among equals, one that separates. None if there are no such rows.
    """
    best, found = (0.5, False), None
    for separator, decimal in itertools.product(("\t", ";", ",", None), ".,"):
        if separator == decimal:
            continue
        rows = [_numeric(_clean(line, decimal), separator) for line in lines if line.strip()]
        first = _first_row(rows)
        if first is None:
            continue
        sizes = [len(row) for row in rows[first : first + _SHOWN]]
        usual = max(sizes, key=sizes.count)
        alike = [row for row in rows[first : first + _SHOWN] if len(row) == usual]
        share = sum(np.mean([f is not False for f in row]) for row in alike) / len(sizes)
        if (score := (round(share, 2), usual > 1)) > best:
            start = [i for i, line in enumerate(lines) if line.strip()][first]
            best, found = score, (separator, decimal, start)
            if separator == "," and usual == 2 and _is_decimal(lines, start):
                return None, ",", start
    return found


def _numeric(line, separator):
    """Of each field of a line, whether it is a number or a time; None if it is empty."""
    fields = [f.strip() for f in (line.split(separator) if separator else line.split())]
    return [bool(_NUMBER.fullmatch(f) or _CLOCK.fullmatch(f)) if f else None for f in fields]


def _first_row(rows):
    """Place of the first row that begins with a number and after which most do; or None."""
    begins = [row[0] is not False and True in row for row in rows]
    for start, numeric in enumerate(begins):
        if numeric and np.mean(begins[start : start + 20]) >= 0.7:
            return start
    return None


def _is_decimal(lines, start):
    """Whether "-265,868" is one number in rows that might hold two."""
    rows = [line.strip() for line in lines[start:] if line.strip()][:_SHOWN]
    if any(not re.fullmatch(r"[+-]?\d+(,\d+)?", row) for row in rows):
        return False
    above = lines[start - 1].strip() if start else ""
    if above.count(",") == 1 and millivolts(above.split(",")[1]) is None:
        return False  # two names
    whole, part = zip(*[row.split(",") for row in rows if "," in row], strict=True)
    counts = np.all(np.diff(np.array(whole, dtype=float)) > 0)
    return any("," not in row for row in rows) or not counts


def _columns(path, form):
    """Columns of a table: (n_rows,) float32, or float64 for times; what is wrong in each."""
    parts, bad, line = [[] for _ in range(form.width)], [None] * form.width, form.start
    for block in _blocks(path, form):
        frame = _frame(path, form, block, line)
        for i in range(form.width):
            numbers = _numbers(frame[i], form.clock if i == form.time else "")
            wrong = (
                numbers.isna() & frame[i].notna() & (frame[i].astype(str).str.strip() != "-")
            )
            if wrong.any() and not bad[i]:
                at = int(wrong.to_numpy().argmax())
                bad[i] = (
                    f"{path}, line {line + at + 1}: {str(frame[i].iloc[at])[:30]!r} is no number; "
                    "mend it, or leave it empty where a sample is missing"
                )
            parts[i].append(numbers.to_numpy("f8" if i == form.time else "f4"))
        line += len(block)
    return [np.concatenate(p) if p else np.zeros(0) for p in parts], bad


def _frame(path, form, block, line):
    """Rows of a block; `UserError` if one has another number of fields than the others."""
    if form.separator:
        count = np.array([text.count(form.separator) + 1 for text in block])
    else:
        block = [" ".join(text.split()) for text in block]
        count = np.array([text.count(" ") + 1 for text in block])
    blank = np.array([not text for text in block])
    if np.any(wrong := (count != form.width) & ~blank):
        at = int(wrong.argmax())
        raise UserError(
            f"{path}, line {line + at + 1} has {count[at]} fields and the others {form.width}; "
            "mend it"
        )
    empty = (form.separator or " ") * (form.width - 1) or "nan"
    text = "\n".join(empty if b else t for t, b in zip(block, blank, strict=True))
    return pd.read_csv(
        io.StringIO(text), sep=form.separator or " ", header=None, names=range(form.width),
        skip_blank_lines=False, skipinitialspace=True, low_memory=False, quoting=3,
    )  # fmt: skip


def _numbers(column, clock):
    """A column as floats; a clock's times in seconds."""
    if not clock:
        return pd.to_numeric(column, errors="coerce")
    text = column.astype(str).str.strip(" []")
    if clock == "with a date":
        first_day = bool(re.match(r"\d\d?[./]", text.iloc[0]))
        form = {"dayfirst": True, "format": "mixed"} if first_day else {"format": "ISO8601"}
        times = pd.to_datetime(text, utc=True, errors="coerce", **form)
        return (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    parts = text.str.split(":", expand=True).apply(pd.to_numeric, errors="coerce")
    return sum(parts[i] * 60.0 ** (parts.shape[1] - 1 - i) for i in parts)


def _blocks(path, form):
    """Cleaned lines after the head, in lists of many; blank lines at the end are left out."""
    with path.open(encoding=form.encoding, errors="replace", newline=None) as file:
        for _ in range(form.start):
            file.readline(_LINES)
        block, blank = [], 0
        while text := file.readline(_LINES):
            if len(text) == _LINES:
                raise UserError(
                    f"{path} has a line of more than {_LINES:,} letters; save it anew"
                )
            text = _clean(text.strip("\n"), form.decimal).strip(" ")
            if not text:
                blank += 1
                continue
            block += [""] * blank + [text]
            blank = 0
            if len(block) >= _LINES:
                yield block
                block = []
        if block:
            yield block
