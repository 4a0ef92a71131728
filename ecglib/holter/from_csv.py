"""Tables of samples: Apple Watch's export, columns of times and samples, or samples alone.

A file is read in blocks of lines; `table_form` says how its rows are written.
"""

import io
import re

import numpy as np
import pandas as pd

from ecglib.data.records import MAX_FS
from ecglib.holter.recording import Recording, Signal, check_gaps, millivolts
from ecglib.holter.table_form import clean, form_of
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

_LINES = 1 << 16
"""Rows that are read at once, and letters of the longest line."""

_DAY_S = 86_400


class TableRecording(Recording):
    """A table; `fs` in Hz and `units` say what it leaves out."""

    def __init__(self, path, fs=None, units=None):
        super().__init__(path)
        if units is not None and millivolts(units) is None:
            raise UserError(f"--units is {units}; it must be one of nV, uV, mV, V")
        if fs is not None and not 0 < fs <= MAX_FS:
            raise UserError(f"--fs is {fs:g}; it must be above 0 and up to {MAX_FS:,} Hz")
        with refused(f"{path} cannot be read as a table of samples; save it as CSV again"):
            form = form_of(self.path)
            columns, self._bad = _columns(self.path, form)
        if form.fs is not None:
            _check_stated(path, "fs", fs)
        if any(form.units[i] for i in range(form.width) if i != form.time):
            _check_stated(path, "units", units)
        if form.time is not None and form.width == 1:
            raise UserError(f"{path} has times and no samples; save both as columns")
        if fs is None and form.time is not None:
            fs, self._to = self._timing(form, columns[form.time])
        else:
            if form.time is not None:
                self.note("the times of the table are not read, since --fs gives the rate")
            fs, self._to = fs or form.fs, None
        if fs is None:
            raise UserError(
                f"{path} does not say how many samples a second it has; say it by --fs, and "
                "its unit by --units"
            )
        self._columns = {
            i: values
            for i, values in enumerate(columns)
            if i not in (form.time, form.index)
            and (form.names[i] or self._bad[i] or np.isfinite(values).any())
        }
        if not self._columns:
            raise UserError(f"{path} has no column of samples; save it as CSV again")
        n_samples = len(columns[0]) if self._to is None else int(self._to[-1]) + 1
        self.signals = tuple(
            Signal(form.names[i] or f"signal {n}", units or form.units[i], float(fs), n_samples)
            for n, i in enumerate(self._columns)
        )

    def _timing(self, form, times):
        """Samples a second, and the place of every row (None if none is missing)."""
        if self._bad[form.time] or len(times) < 2:
            raise UserError(self._bad[form.time] or f"{self.path} has one row; more are needed")
        step = np.diff(times)
        if form.clock:  # which may start anew at midnight
            step = np.where((step > -_DAY_S) & (step < -_DAY_S / 2), step + _DAY_S, step)
        if np.any(wrong := ~(step > 0)):
            raise UserError(
                f"{self.path}, line {form.start + int(wrong.argmax()) + 2}: its time is "
                "missing or not later than the one before; mend it, or leave the times unread "
                "by giving the samples a second by --fs"
            )
        middle = np.median(step[:: 1 + len(step) // 100_000])
        fs = form.per_second(middle) / step.mean(where=step < 1.5 * middle)
        step /= form.per_second(middle)
        fs = round(fs) if abs(fs - round(fs)) < 5e-4 * fs else fs  # times are rounded, too
        jumps = np.maximum(np.rint(np.multiply(step, fs, out=step), out=step), 1, out=step)
        if np.mean(jumps > 1) > 0.1:
            raise UserError(
                f"{self.path}: the times of its rows are too irregular; leave them unread by "
                "giving the samples a second by --fs"
            )
        check_gaps(self.path, float(np.sum(jumps) - len(jumps)))
        if jumps.max() == 1:
            return fs, None
        return fs, np.concatenate([[0], np.cumsum(jumps)]).astype(np.int64)

    def read(self, index):
        about, column = self.signals[index], list(self._columns)[index]
        if self._bad[column]:
            raise UserError(self._bad[column])
        if self._to is None:
            signal = self._columns[column]
        else:
            signal = np.full(about.n_samples, np.nan, dtype=np.float32)
            signal[self._to] = self._columns[column]
        return self._in_millivolts(signal, about, about.unit)


def _check_stated(path, option, value):
    """Raise `UserError` if an option says what the table says itself."""
    if value is not None:
        raise UserError(f"{path} says itself what --{option} would say; leave it out")


def _columns(path, form):
    """Columns of a table, (n_rows,) float32, or float64 for times; what is wrong in each."""
    parts, bad, line = [[] for _ in range(form.width)], [None] * form.width, form.start + 1
    for block in _blocks(path, form):
        frame = _frame(path, form, block, line)
        for i, part in enumerate(parts):
            numbers = frame[i]
            if not pd.api.types.is_numeric_dtype(numbers):
                text = frame[i].astype(str).str.strip()
                clock = form.clock and i == form.time
                numbers = _times(text) if clock else pd.to_numeric(frame[i], errors="coerce")
                wrong = (numbers.isna() & frame[i].notna() & (text != "-")).to_numpy()
                if wrong.any() and not bad[i]:
                    at = int(wrong.argmax())
                    bad[i] = (
                        f"{path}, line {line + at}: {text.iloc[at][:30]!r} is no number; mend "
                        "it, or leave it empty where a sample is missing"
                    )
            with np.errstate(over="ignore"):  # what is too large becomes infinite
                part.append(numbers.to_numpy("f8" if i == form.time else "f4"))
        line += len(block)
    columns = []
    for part in parts:
        columns.append(np.concatenate(part) if part else np.zeros(0))
        part.clear()  # a day has 20 million rows
    return columns, bad


def _frame(path, form, block, line):
    """Rows of a block; `UserError` if one has another number of fields than the others."""
    if form.separator is None:
        block = [" ".join(text.split()) for text in block]
    separator = form.separator or " "
    for at, text in enumerate(block):
        if text and (count := text.count(separator) + 1) != form.width:
            raise UserError(
                f"{path}, line {line + at} has {count} fields and the others {form.width}; "
                "mend it"
            )
    empty = separator * (form.width - 1) or "nan"
    return pd.read_csv(
        io.StringIO("\n".join(text or empty for text in block)),
        sep=separator,
        header=None,
        names=range(form.width),
        quoting=3,
        skip_blank_lines=False,
        skipinitialspace=True,
        low_memory=False,
    )


def _times(text):
    """Times of a clock in seconds; dates are year first, day first, or with AM month first."""
    text = text.str.strip("[]")
    noon = re.search("[AP]M$", text.iloc[0], re.IGNORECASE)
    if noon or re.match(r"\d{4}[-/]|\d\d?[./]\d\d?[./]", text.iloc[0]):
        how = {"format": "ISO8601"} if text.iloc[0][4] == "-" else {"format": "mixed"}
        times = pd.to_datetime(text, utc=True, errors="coerce", dayfirst=not noon, **how)
        return (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    parts = text.str.split(":", expand=True).apply(pd.to_numeric, errors="coerce")
    return sum(parts[i] * 60.0 ** (parts.shape[1] - 1 - i) for i in parts)


def _blocks(path, form):
    """Clean lines from the first row on, in lists of many, without blank lines at the end."""
    with path.open(encoding=form.encoding, errors="replace") as file:
        for _ in range(form.start):
            file.readline(_LINES)
        block, blank = [], 0
        while text := file.readline(_LINES):
            if len(text) == _LINES:
                raise UserError(
                    f"{path} has a line of {_LINES:,} letters; save it as CSV again"
                )
            text = clean(text.strip("\n"), form.decimal).strip(" ")
            if not text:
                blank += 1
                continue
            block += [*[""] * blank, text]
            blank = 0
            if len(block) >= _LINES:
                yield block
                block = []
        if block:
            yield block
