"""What a report says of a recording: rates, pauses, runs, and which beats are worth a look."""

import re
from dataclasses import dataclass

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

BEFORE, AFTER = 0.25, 0.45
"""Seconds around the R-peak that a mean beat shows."""

BEATS_A_CLASS = 2000
"""Most beats of a class, evenly spread, of which a mean is made."""

MOST_HOURS, MOST_BINS = 24, 150
"""Most rows of the table of hours, most points of the trend."""

_WIDTHS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True)
class Facts:
    """What a report says.

    Attributes
    ----------
    classified : Classified
        The beats, whose rows are meant below.
    counts : dict of str to int
        Beats of each class, "?" included.
    readable : float
        Seconds that can be read.
    mean, slowest, fastest : float
        Heart rates, 1/min; NaN if there are too few intervals. The mean is that of all known
        RR intervals, the others are extremes of it and of the medians of `RATE_BEATS` known
        intervals in a row.
    fastest_end : int or None
        Beat with which the fastest intervals end.
    intervals : ndarray, shape (n_beats - 1,)
        RR intervals in seconds; NaN where the lead cannot be read in between.
    runs : DataFrame
        A row for each run of S or V, the longest first: `kind` (class), `first` (row of its
        first beat), `length` (beats), `rate` (1/min).
    couplets : dict of str to int
        Two S, or two V, in a row, and no more.
    hours, trend : DataFrame
        From `by_time`: in hours (or several together), and in at most `MOST_BINS` parts.
    typical : dict of str to list of int
        Beats of each class that are most like its median, from the first, the middle and the
        last third of the class.
    unsure : list of int
        The five readable beats with the smallest probability of their class.
    shapes : dict of str to ndarray, shape (3, n_samples)
        Of each class that has beats: mean beat, and the 10th and 90th percentile, mV.
    """

    classified: Classified
    counts: dict
    readable: float
    mean: float
    slowest: float
    fastest: float
    fastest_end: int | None
    intervals: np.ndarray
    runs: pd.DataFrame
    couplets: dict
    hours: pd.DataFrame
    trend: pd.DataFrame
    typical: dict
    unsure: list
    shapes: dict

    @property
    def pause(self):
        """Row of the beat before the longest known interval, or None."""
        return None if np.isnan(self.intervals).all() else int(np.nanargmax(self.intervals))

    def runs_of(self, kind):
        """Runs of a class: the fastest one first, then the others, the longest first."""
        runs = self.runs[self.runs["kind"] == kind]
        is_fastest = runs.index == runs["rate"].idxmax() if len(runs) else []
        return pd.concat([runs[is_fastest], runs[np.logical_not(is_fastest)]])

    @property
    def n_intervals(self):
        """Known intervals."""
        return int(np.isfinite(self.intervals).sum())

    @property
    def n_pauses(self):
        """Known intervals longer than `PAUSE`."""
        return int((self.intervals > PAUSE).sum())


def facts(classified):
    """What a report says of the classified beats of a lead.

    Parameters
    ----------
    classified : Classified
        At least one beat.

    Returns
    -------
    Facts
    """
    lead, beats = classified.lead, classified.beats
    kinds = beats["class"].to_numpy()
    known = kinds != UNREADABLE
    interval = _intervals(lead, beats["sample"].to_numpy())
    rates = _rates(interval)
    mean = 60 / np.nanmean(interval) if np.isfinite(interval).any() else np.nan
    some = not np.isnan(rates).all()
    sequences = _sequences(kinds, interval)
    runs = sequences[sequences["length"] >= RUN]
    pairs = sequences.loc[sequences["length"] == 2, "kind"]
    looks = {kind: _look(lead, beats["sample"].to_numpy(), kinds == kind) for kind in CLASSES}
    finest = lead.seconds / MOST_BINS
    sure = beats[list(CLASSES)].max(axis=1).to_numpy()[known].argsort(kind="stable")
    return Facts(
        classified=classified,
        counts={kind: int((kinds == kind).sum()) for kind in (*CLASSES, UNREADABLE)},
        readable=min(float((~lead.unreadable).sum()), lead.seconds),
        mean=mean,
        slowest=np.nanmin([*rates, mean]) if some else np.nan,
        fastest=np.nanmax([*rates, mean]) if some else np.nan,
        fastest_end=int(np.nanargmax(rates)) + 1 if some else None,
        intervals=interval,
        runs=runs.sort_values(["length", "rate"], ascending=False),
        couplets={kind: int((pairs == kind).sum()) for kind in ECTOPIC},
        hours=by_time(classified, 3600 * int(np.ceil(lead.seconds / 3600 / MOST_HOURS))),
        trend=by_time(classified, next((w for w in _WIDTHS if w >= finest), _WIDTHS[-1])),
        typical={kind: typical for kind, (typical, shape) in looks.items()},
        unsure=np.flatnonzero(known)[sure[:5]].tolist(),
        shapes={kind: shape for kind, (_, shape) in looks.items() if shape is not None},
    )


def by_time(classified, width):
    """Rates and counts in parts of a recording.

    Parameters
    ----------
    classified : Classified
    width : int
        Seconds of a part.

    Returns
    -------
    DataFrame
        A row a part: `seconds` (its beginning), `readable` (seconds), `rate`, `slowest` and
        `fastest` (as in `Facts`, NaN without), and the number of beats of each class. Its
        `attrs["width"]` is `width`.
    """
    lead, beats = classified.lead, classified.beats
    parts = range(int(np.ceil(lead.seconds / width)))
    interval = _intervals(lead, beats["sample"].to_numpy())
    part = (beats["sample"].to_numpy() // (lead.fs * width)).astype(int)
    paced = pd.DataFrame({"rr": interval, "rate": _rates(interval)}).groupby(part[1:])
    counts = pd.crosstab(part, beats["class"])
    of_second = np.minimum(np.arange(len(lead.unreadable)) // width, len(parts) - 1)
    table = {
        "seconds": np.array(parts) * width,
        "readable": np.bincount(of_second, ~lead.unreadable, minlength=len(parts)),
        "rate": (60 / paced["rr"].mean()).reindex(parts),
        "slowest": paced["rate"].min().reindex(parts),
        "fastest": paced["rate"].max().reindex(parts),
    }
    kinds = (*CLASSES, UNREADABLE)
    counts = counts.reindex(parts, columns=kinds).fillna(0).astype(int)
    joined = pd.DataFrame(table, index=parts).join(counts)
    joined.attrs["width"] = width
    return joined


def _count(places, first, last):
    """How many of some ascending places lie in each span, both ends included."""
    return np.searchsorted(places, last, side="right") - np.searchsorted(places, first)


def _intervals(lead, sample):
    """RR intervals in seconds, NaN where the lead cannot be read in between."""
    first, last = sample[:-1], sample[1:]
    invalid = _count(np.flatnonzero(np.isnan(lead.signal)), first, last)
    fs = round(lead.fs)
    unreadable = _count(np.flatnonzero(lead.unreadable), first // fs, last // fs)
    unknown = (invalid > LONGEST_GAP * lead.fs) | (unreadable > 0)
    return np.where(unknown, np.nan, (last - first) / lead.fs)


def _rates(interval):
    """Heart rate at the end of each interval, NaN where too few known ones precede it."""
    rates = np.full(len(interval), np.nan)
    if len(interval) >= RATE_BEATS:
        together = np.lib.stride_tricks.sliding_window_view(interval, RATE_BEATS)
        rates[RATE_BEATS - 1 :] = 60 / np.median(together, axis=1)
    return rates


def _sequences(kinds, interval):
    """Beats of one ectopic class in a row, nothing unreadable between them."""
    ends = (kinds[1:] != kinds[:-1]) | np.isnan(interval)
    bounds = np.concatenate([[0], np.flatnonzero(ends) + 1, [len(kinds)]])
    first, length = bounds[:-1], np.diff(bounds)
    time = np.concatenate([[0], np.nancumsum(interval)])
    lasts = time[first + length - 1] - time[first]
    rate = np.divide(60 * (length - 1), lasts, np.zeros(len(first)), where=lasts > 0)
    found = {"kind": kinds[first], "first": first, "length": length, "rate": rate}
    return pd.DataFrame(found)[np.isin(kinds[first], ECTOPIC)]


def _look(lead, sample, of_class):
    """Typical beats of a class, and its mean shape (None if no beat is whole)."""
    before, after = round(BEFORE * lead.fs), round(AFTER * lead.fs)
    whole = (sample >= before) & (sample + after < len(lead.signal))
    rows = np.flatnonzero(of_class & whole)
    rows = rows[:: max(1, -(-len(rows) // BEATS_A_CLASS))]
    signal = lead.signal[sample[rows, None] + np.arange(-before, after + 1)]
    valid = np.isfinite(signal).all(axis=1)
    rows, signal = rows[valid], signal[valid]
    if len(rows) == 0:
        return [], None
    signal = signal - np.median(signal, axis=1, keepdims=True)
    distance = np.abs(signal - np.median(signal, axis=0)).sum(axis=1)
    thirds = [third for third in np.array_split(np.arange(len(rows)), 3) if len(third)]
    typical = [int(rows[third[distance[third].argmin()]]) for third in thirds]
    return typical, np.stack([signal.mean(axis=0), *np.quantile(signal, [0.1, 0.9], axis=0)])


def clock(seconds):
    """A time of the recording.

    Examples
    --------
    >>> clock(3665.4)
    '1:01:05'
    """
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def seconds_of(text):
    """The seconds that a time of a recording means.

    Parameters
    ----------
    text : str
        H:MM:SS, MM:SS or seconds, perhaps with a decimal fraction.

    Raises
    ------
    UserError
        If it is something else.

    Examples
    --------
    >>> seconds_of("0:12:30"), seconds_of("12:30"), seconds_of("750.5")
    (750.0, 750.0, 750.5)
    """
    parts = text.split(":")
    fits = re.fullmatch(r"(\d+:){0,2}\d+(\.\d+)?", text, re.ASCII)
    if not fits or any(float(part) >= 60 for part in parts[1:]):
        raise UserError(f"{text} is no time of a recording; write H:MM:SS, MM:SS or seconds")
    return sum(60**power * float(part) for power, part in enumerate(reversed(parts)))
