"""What a report says of a recording: rates, pauses, runs, and which beats are worth a look."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.holter.classify import UNREADABLE, Classified
from ecglib.system.errors import UserError

ECTOPIC = CLASSES[1:]
"""Classes whose runs and couplets are counted."""

RATE_BEATS = 8
"""RR intervals of which a heart rate is the median: one beat that is missed or found twice
hardly changes it, and where every second beat comes early both intervals count."""

PAUSE, RUN = 2.0, 3
"""Seconds without a beat that are counted as a pause; beats in a row that are a run."""

LONGEST_GAP = 0.1
"""Seconds of invalid samples from which on an RR interval is unknown."""

BEFORE, AFTER, BEATS_A_CLASS = 0.25, 0.45, 2000
"""Seconds around the R-peak that a mean beat shows; most beats of which it is made."""

MOST_HOURS, MOST_BINS = 26, 150
"""Most rows of the table of hours (a day often takes a little more), points of the trend."""

_WIDTHS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Facts:
    """What a report says of classified beats; rows are those of `classified.beats`.

    Attributes
    ----------
    classified : Classified
        At least one beat.
    """

    classified: Classified

    @cached_property
    def _sample(self):
        return self.classified.beats["sample"].to_numpy()

    @cached_property
    def kinds(self):
        """Class of each beat."""
        return self.classified.beats["class"].to_numpy(str)

    @cached_property
    def counts(self):
        """Beats of each class; "?" are those that cannot be read."""
        return {kind: int((self.kinds == kind).sum()) for kind in (*CLASSES, UNREADABLE)}

    @property
    def readable(self):
        """Seconds that can be read."""
        lead = self.classified.lead
        return min(float((~lead.unreadable).sum()), lead.seconds)

    @cached_property
    def intervals(self):
        """RR intervals (n_beats - 1,), s; NaN where the lead cannot be read in between."""
        lead, first, last = self.classified.lead, self._sample[:-1], self._sample[1:]
        invalid = _count(np.flatnonzero(np.isnan(lead.signal)), first, last)
        fs = round(lead.fs)
        unreadable = _count(np.flatnonzero(lead.unreadable), first // fs, last // fs)
        unknown = (invalid > LONGEST_GAP * lead.fs) | (unreadable > 0)
        return np.where(unknown, np.nan, (last - first) / lead.fs)

    @cached_property
    def rates(self):
        """Heart rate (n_beats - 1,), 1/min: median of the intervals that end there; or NaN."""
        rates = np.full(len(self.intervals), np.nan)
        if len(rates) >= RATE_BEATS:
            together = np.lib.stride_tricks.sliding_window_view(self.intervals, RATE_BEATS)
            rates[RATE_BEATS - 1 :] = 60 / np.median(together, axis=1)
        return rates

    @cached_property
    def slowest_mean_fastest(self):
        """Three heart rates, NaN if unknown; the outer ones are extremes of all `rates`."""
        known = self.intervals[np.isfinite(self.intervals)]
        mean = 60 / known.mean() if len(known) else np.nan
        rates = self.rates[np.isfinite(self.rates)]
        outer = (np.nan, np.nan) if len(rates) == 0 else (rates.min(), rates.max())
        return min(outer[0], mean), mean, max(outer[1], mean)

    @cached_property
    def sequences(self):
        """Beats of one class in a row with nothing unreadable between them.

        A row for each: `kind`, `first` (row of its first beat), `length` (beats), `rate`
        (1/min, 0 for a single beat); the longest first.
        """
        ends = (self.kinds[1:] != self.kinds[:-1]) | np.isnan(self.intervals)
        bounds = np.concatenate([[0], np.flatnonzero(ends) + 1, [len(self.kinds)]])
        first, length = bounds[:-1], np.diff(bounds)
        lasts = self._sample[first + length - 1] - self._sample[first]
        rate = 60 * (length - 1) * self.classified.lead.fs / np.maximum(lasts, 1)
        found = {"kind": self.kinds[first], "first": first, "length": length, "rate": rate}
        return pd.DataFrame(found).sort_values(["length", "rate"], ascending=False)

    def couplets(self, kind):
        """How often exactly two beats of a class come in a row."""
        return int((self.sequences["length"][self.sequences["kind"] == kind] == 2).sum())

    def runs(self, kind):
        """Rows of `sequences` that are runs of a class: the fastest, then the longest first."""
        of_kind = (self.sequences["kind"] == kind) & (self.sequences["length"] >= RUN)
        runs = self.sequences[of_kind]
        fastest = np.argmax([*runs["rate"], 0])
        return runs.iloc[np.argsort(np.arange(len(runs)) != fastest, kind="stable")]

    @property
    def hours(self):
        """`by_time` in hours, or several together."""
        n_hours = self.classified.lead.seconds / 3600
        return self.by_time(3600 * int(np.ceil(n_hours / MOST_HOURS)))

    @property
    def trend(self):
        """`by_time` in at most `MOST_BINS` parts."""
        finest = self.classified.lead.seconds / MOST_BINS
        return self.by_time(next((w for w in _WIDTHS if w >= finest), _WIDTHS[-1]))

    def by_time(self, width):
        """Rates and counts in parts of `width` seconds.

        A row for each: `seconds` (its beginning), `readable` (seconds), `rate`, `slowest` and
        `fastest` (1/min, NaN if unknown), and the beats of each class. `attrs` has `width`.
        """
        lead = self.classified.lead
        parts = pd.RangeIndex(int(np.ceil(lead.seconds / width)))
        part = (self._sample // (lead.fs * width)).astype(int)
        timing = pd.DataFrame({"rr": self.intervals, "rate": self.rates}).groupby(part[1:])
        of_second = np.minimum(np.arange(len(lead.unreadable)) // width, parts[-1])
        table = pd.DataFrame({"seconds": parts * width}, index=parts)
        table["readable"] = np.bincount(of_second, ~lead.unreadable, minlength=len(parts))
        table["rate"] = 60 / timing["rr"].mean()
        table["slowest"] = np.fmin(timing["rate"].min(), table["rate"])
        table["fastest"] = np.fmax(timing["rate"].max(), table["rate"])
        for kind in self.counts:
            table[kind] = np.bincount(part[self.kinds == kind], minlength=len(parts))
        table.attrs["width"] = width
        return table

    @cached_property
    def looks(self):
        """What beats of each class look like.

        Returns
        -------
        dict of str to (list of int, ndarray)
            Class -> rows of at most three typical beats: those most like the median, one from
            each third of its beats. And its shape (3, n_samples) in mV: mean, 10th and 90th
            percentile.
        """
        lead, looks = self.classified.lead, {}
        before, after = round(BEFORE * lead.fs), round(AFTER * lead.fs)
        whole = (self._sample >= before) & (self._sample + after < len(lead.signal))
        for kind in CLASSES:
            rows = np.flatnonzero((self.kinds == kind) & whole)
            rows = rows[:: len(rows) // BEATS_A_CLASS + 1]
            signal = lead.signal[self._sample[rows, None] + np.arange(-before, after + 1)]
            valid = np.isfinite(signal).all(axis=1)
            if not valid.any():
                continue
            rows, signal = rows[valid], signal[valid]
            signal = signal - np.median(signal, axis=1, keepdims=True)
            distance = np.abs(signal - np.median(signal, axis=0)).sum(axis=1)
            thirds = [third for third in np.array_split(np.arange(len(rows)), 3) if len(third)]
            typical = [int(rows[third[distance[third].argmin()]]) for third in thirds]
            spread = np.quantile(signal, [0.1, 0.9], axis=0)
            looks[kind] = typical, np.stack([signal.mean(axis=0), *spread])
        return looks

    @property
    def unsure(self):
        """The five beats whose class has the smallest probability, unreadable ones left out."""
        known = self.classified.beats[self.kinds != UNREADABLE]
        return known[list(CLASSES)].max(axis=1).sort_values(kind="stable").index[:5].tolist()


def _count(places, first, last):
    """How many of some ascending places lie in each span, both ends included."""
    return np.searchsorted(places, last, side="right") - np.searchsorted(places, first)


def clock(seconds):
    """A time of the recording.

    Examples
    --------
    >>> clock(3665.4)
    '1:01:05'
    """
    return f"{seconds // 3600:.0f}:{seconds // 60 % 60:02.0f}:{seconds // 1 % 60:02.0f}"


def seconds_of(text, option="--at"):
    """The seconds that H:MM:SS, MM:SS or a number of seconds means; else a `UserError`.

    Examples
    --------
    >>> seconds_of("0:12:30"), seconds_of("12:30"), seconds_of("750.5")
    (750.0, 750.0, 750.5)
    """
    parts = text.split(":")
    fits = re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", text, re.ASCII)
    if not fits or any(float(part) >= 60 for part in parts[1:]):
        raise UserError(f"{option} is {text!r}; write H:MM:SS, MM:SS or a number of seconds")
    return sum(60**power * float(part) for power, part in enumerate(reversed(parts)))
