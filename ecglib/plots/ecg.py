"""Recordings on ECG paper: strips with their beats, and what a network says of them."""

from dataclasses import dataclass, field

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle
from matplotlib.path import Path

from ecglib.aami import CLASSES
from ecglib.data.signal.micro_input import BEFORE, FS
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, WIDTH

MM_PER_S, MM_PER_MV = 25, 10
"""The usual speed and gain of ECG paper."""

_PAPER, _THIN, _THICK = "#FFFBFA", "#FADFDC", "#EFB5B0"
_TITLE, _ROW, _GAP = 6, 5, 4  # mm: heights of a title, of a row of letters, below a strip
_EDGE = 3  # mm: paper beyond a strip, so that a letter at its end has room
_FOOT = 0.55  # inches below the paper, for its axis
SHOWN_BEATS = 4000
"""Points of a class in a cloud."""

_RATIOS = (0.3, 2.0)  # of RR intervals, as far as they are shown


@dataclass(frozen=True)
class Beat:
    """One beat of a strip.

    Attributes
    ----------
    at : float
        Seconds from the strip's beginning to the R-peak.
    kind : str
        Annotated class.
    rr : float, optional
        Seconds since the beat before, which may lie outside of the strip.
    said : tuple of str
        Classes that networks gave it, one for each further row of letters.
    marked : bool
        Whether the beat itself is shaded.
    """

    at: float
    kind: str
    rr: float | None = None
    said: tuple = ()
    marked: bool = False


@dataclass(frozen=True)
class Strip:
    """A few seconds of one lead.

    Attributes
    ----------
    signal : ndarray, shape (n_samples,)
        mV; NaN where nothing is drawn, but not everywhere.
    fs : float
        Hz.
    title : str
        Record, lead and time.
    beats : list of Beat
        In order of time.
    """

    signal: np.ndarray
    fs: float
    title: str
    beats: list = field(default_factory=list)

    @property
    def seconds(self):
        """Length of the strip."""
        return len(self.signal) / self.fs

    @property
    def rest(self):
        """mV where the trace is most of the time."""
        return float(np.nanmedian(self.signal))

    @property
    def top(self):
        """mV at the upper edge: of the trace, or of a pulse of 1 mV beside it."""
        return max(float(np.nanmax(self.signal)), self.rest + 1)

    @property
    def height(self):
        """Millimetres of paper that trace and pulse take."""
        return MM_PER_MV * (self.top - min(float(np.nanmin(self.signal)), self.rest - 0.4))


def page(strips, *, rows=("",), intervals=False, below=0):
    """Strips under each other on one sheet of ECG paper.

    Parameters
    ----------
    strips : list of Strip
        From top to bottom.
    rows : sequence of str
        Name of each row of letters above the trace: the annotation, then what `Beat.said`
        holds.
    intervals : bool
        Whether the RR intervals are written below each trace, in ms.
    below : float
        Inches that stay empty under the sheet.
    """
    margin = 13 if not any(rows) else 3 + 2.1 * max(map(len, rows))
    right = MM_PER_S * max(strip.seconds for strip in strips) + _EDGE
    heights = [_height(strip, rows, intervals) for strip in strips]
    inch = WIDTH / (margin + right)
    size = sum(heights) * inch + _FOOT + below
    figure = plt.figure(figsize=(WIDTH, size), layout="none")
    high = sum(heights) * inch / size
    axis = figure.add_axes([0, 1 - high, 1, high])
    _sheet(axis, -margin, right, sum(heights))
    y = 0
    for strip, height in zip(strips, heights, strict=True):
        _draw(axis, strip, y, rows, intervals)
        _pulse(axis, strip, y - _TITLE - _ROW * len(rows), margin)
        names = {_TITLE + _ROW * (row + 0.5): name for row, name in enumerate(rows)}
        if intervals:
            names[height - _GAP - _ROW / 2] = "RR, ms"
        for depth, name in names.items():
            axis.text(1.5 - margin, y - depth, name, fontsize=10, va="center", color="black")
        y -= height
    _seconds(axis, right)
    return figure


def at_true_size(strip, *, pulse=True):
    """One strip whose millimetres are those of a ruler; a strip without a title takes less."""
    top = 0 if strip.title else _TITLE  # above the edge of the paper
    margin = 13 if pulse else _EDGE
    right, height = MM_PER_S * strip.seconds + _EDGE, _height(strip, ("",), False) - top
    figure = plt.figure(figsize=((margin + right) / 25.4, height / 25.4), layout="none")
    axis = figure.add_axes([0, 0, 1, 1])
    _sheet(axis, -margin, right, height)
    _draw(axis, strip, top, ("",), False)
    if pulse:
        _pulse(axis, strip, top - _TITLE - _ROW, margin)
    return figure


def against_template(strips, patients, skipped=300):
    """A patient's strips, and the beats against the running template, beside another patient.

    Parameters
    ----------
    strips : list of Strip
        Of the first patient.
    patients : dict of str to (Inputs, ndarray)
        Title -> what the micro network reads of all beats, with its template, and the RR
        interval of each beat as a multiple of the patient's slow baseline.
    skipped : int
        First beats that are not shown: the template has hardly formed.
    """
    figure, axes = _panels_below(strips, 3, len(patients), 6.9)
    for column, (title, (inputs, ratio)) in enumerate(patients.items()):
        label, x = inputs.y.numpy()[skipped:], inputs.x.numpy()[skipped:]
        _medians(axes[0, column], label, x[:, 0], x[:, 0] - x[:, 1])
        _medians(axes[1, column], label, x[:, 1])
        _ratios(axes[2, column], label, ratio[skipped:])
        axes[0, column].set_title(title, fontsize=11)
    axes[1, 0].set_ylim(-0.45, 0.45)
    axes[0, 0].set_ylabel("beat (derivative),\nrunning amplitudes", fontsize=10)
    axes[1, 0].set_ylabel("less the template,\nrunning amplitudes", fontsize=10)
    axes[2, 0].set_ylabel("% of the class's\nbeats", fontsize=10)
    axes[0, 0].legend(fontsize=10, handlelength=1.4, borderpad=0.1, loc="lower right")
    return figure


def _medians(axis, label, rows, template=None):
    """Median and middle 80 % of the N and S beats, and the template's median."""
    time = (np.arange(rows.shape[1]) - BEFORE) / FS * 1000
    for index, kind in enumerate("NS"):
        low, middle, high = _quantiles(rows[label == index])
        axis.fill_between(time, low, high, color=CLASS_COLORS[kind], alpha=0.15, lw=0)
        axis.plot(time, middle, color=CLASS_COLORS[kind], lw=2, label=kind)
    if template is not None:
        usual = np.median(template, axis=0)
        axis.plot(time, usual, color="black", lw=1.4, ls=(0, (2, 1.5)), label="template")
    axis.set_xlabel("time from R, ms", fontsize=10)


def _quantiles(rows):
    """Deciles 1, 5 and 9 of each column; NaN without rows."""
    if len(rows) == 0:
        return np.full((3, rows.shape[1]), np.nan)
    return np.quantile(rows, [0.1, 0.5, 0.9], axis=0)


def _ratios(axis, label, ratio):
    """How RR ratios of the N and S beats are spread, each class with 100 %."""
    bins = np.linspace(0.2, 3, 57)
    for index, kind in enumerate("NS"):
        values = np.clip(ratio[label == index].astype(float), bins[0], bins[-1])
        share = np.full(len(values), 100 / max(len(values), 1))
        color = CLASS_COLORS[kind]
        axis.hist(values, bins, weights=share, histtype="stepfilled", alpha=0.3, color=color)
        axis.hist(values, bins, weights=share, histtype="step", color=color, lw=1.5)
    axis.axvline(1, color=NEUTRAL, ls=":")
    axis.set_xticks([1, 2, 3], ["1", "2", "3+"])
    axis.set_xlabel("RR / slow baseline", fontsize=10)


def irregular(strips, rhythms, early):
    """Strips with their RR intervals, and how early beats come in two rhythms.

    Parameters
    ----------
    strips : list of Strip
        Atrial fibrillation.
    rhythms : dict of str to (dict of str to ndarray, shape (n_beats, 2))
        Name of a rhythm -> class -> RR ratios of each beat's predecessor and of itself. Of more
        than `SHOWN_BEATS` every k-th is drawn.
    early : float
        Ratio below which a beat comes early.
    """
    figure, axes = _panels_below(strips, 1, len(rhythms), 3.5)
    for axis, (name, kinds) in zip(axes[0], rhythms.items(), strict=True):
        share = np.mean(kinds["N"][:, 1] < early) if len(kinds["N"]) else 0
        axis.set_title(f"{name}:\n{share:.0%} of N beats below {early:g}", fontsize=11)
        for kind, ratios in kinds.items():
            shown = ratios[:: max(1, -(-len(ratios) // SHOWN_BEATS))].clip(*_RATIOS)
            look = {"ms": 2 if kind == "N" else 3.5, "alpha": 0.4 if kind == "N" else 0.9}
            axis.plot(*shown.T, "o", mew=0, color=CLASS_COLORS[kind], **look)
            axis.plot([], [], "o", color=CLASS_COLORS[kind], label=f"{kind} ({len(ratios):,})")
        axis.axhline(early, color="black", ls=":", lw=1.2)
        axis.set(xlim=_RATIOS, ylim=_RATIOS)
        axis.set_xlabel("RR ratio, beat before", fontsize=10)
        place = {"loc": "upper right", "handletextpad": 0.1, "borderpad": 0.1}
        axis.legend(fontsize=10, frameon=True, framealpha=0.9, edgecolor="none", **place)
    axes[0, 0].set_ylabel("RR ratio, this beat", fontsize=10)
    return figure


def gallery(rows):
    """Short strips in a grid, a row a kind of mistake.

    Parameters
    ----------
    rows : dict of str to list of Strip
        Title of a row -> its strips, all of one length; of the two letters of a beat the upper
        one is the annotation.
    """
    letters, between = ("", ""), 2 * _EDGE + 1.5
    n_columns = max(map(len, rows.values()))
    heights = [max(_height(s, letters, False) for s in strips) for strips in rows.values()]
    longest = max(strip.seconds for strips in rows.values() for strip in strips)
    inch = (WIDTH - 0.1) / n_columns / (longest * MM_PER_S + between)  # of a millimetre
    size = sum(heights) * inch + 0.36 * len(rows) + 0.3
    figure = plt.figure(figsize=(WIDTH, size), layout="none")
    foot = "a large square is 0.2 s and 0.5 mV; above: annotated, below: said"
    figure.text(0.5, 0.1 / size, foot, fontsize=10, ha="center")
    y = size
    for height, (name, strips) in zip(heights, rows.items(), strict=True):
        y -= 0.36 + height * inch
        figure.text(0.01, (y + height * inch + 0.09) / size, name, fontsize=11, weight="bold")
        for column, strip in enumerate(strips):
            wide = (strip.seconds * MM_PER_S + 2 * _EDGE) * inch
            left = 0.05 + column * (wide + 1.5 * inch)
            box = [left / WIDTH, y / size, wide / WIDTH, height * inch / size]
            axis = figure.add_axes(box)
            _sheet(axis, -_EDGE, strip.seconds * MM_PER_S + _EDGE, height)
            _draw(axis, strip, 0, letters, False)
    return figure


def _panels_below(strips, n_rows, n_columns, below):
    """A sheet with RR intervals, and axes (n_rows, n_columns) in `below` inches under it."""
    figure = page(strips, intervals=True, below=below)
    size = figure.get_size_inches()[1]
    place = {"left": 0.15, "right": 0.97, "bottom": 0.55 / size, "top": (below - 0.6) / size}
    grid = figure.add_gridspec(n_rows, n_columns, hspace=0.42, wspace=0.12, **place)
    axes = grid.subplots(sharey="row", squeeze=False)
    for axis in axes.flat:
        axis.tick_params(labelsize=10)
    return figure, axes


def _height(strip, rows, intervals):
    """Millimetres that a strip takes."""
    return _TITLE + _ROW * (len(rows) + intervals) + strip.height + _GAP


def _sheet(axis, left, right, height):
    """Empty paper, in millimetres; the axis shows nothing else."""
    axis.set(xlim=(left, right), ylim=(-height, 0), facecolor=_PAPER, yticks=[], xticks=[])
    axis.spines[:].set_visible(False)
    axis.grid(visible=False)
    for step, color, lw in ((1, _THIN, 0.4), (5, _THICK, 0.7)):
        x = np.arange(np.ceil(left / step), right / step + 1e-9) * step
        y = -np.arange(0, height / step + 1e-9) * step
        lines = [[(a, -height), (a, 0)] for a in x] + [[(left, a), (right, a)] for a in y]
        whole = Path.make_compound_path(*map(Path, lines))  # a short element of an SVG
        look = {"facecolors": "none", "edgecolors": color, "linewidths": lw, "zorder": 0}
        axis.add_collection(PathCollection([whole], **look))


def _draw(axis, strip, top, rows, intervals):
    """Title, letters, trace and intervals of a strip whose upper edge is at `top`."""
    plain = {"fontsize": 10, "va": "center", "parse_math": False}  # a "$" is no formula
    axis.text(1, top - _TITLE / 2, strip.title, **plain)
    high = top - _TITLE - _ROW * len(rows)
    zero = high - MM_PER_MV * strip.top
    time = MM_PER_S * np.arange(len(strip.signal)) / strip.fs
    axis.plot(time, zero + MM_PER_MV * strip.signal, color="black", lw=1.1)
    for beat in strip.beats:
        x = MM_PER_S * beat.at
        for row, kind in enumerate((beat.kind, *beat.said)):
            place = (x, top - _TITLE - _ROW * (row + 0.5))
            _letter(axis, place, kind, wrong=kind != beat.kind in CLASSES)
        if beat.marked:
            corner, size = (x - 5, high - strip.height - 1), (13, strip.height + 2)
            look = {"fc": CLASS_COLORS[beat.kind], "alpha": 0.22, "lw": 0}
            axis.add_patch(Rectangle(corner, *size, **look))
    if intervals:
        y = high - strip.height - _ROW / 2
        before = [0, *(beat.at for beat in strip.beats)]
        for beat, last in zip(strip.beats, before, strict=False):
            middle = MM_PER_S * (beat.at + last) / 2
            if beat.rr is not None and (last or middle > 4):
                style = {"ha": "center", "va": "center"}
                axis.text(middle, y, f"{1000 * beat.rr:.0f}", fontsize=10, **style)


def _letter(axis, place, kind, *, wrong):
    """A class in its colour; a wrong one in a thick black frame."""
    frame = {"ec": "black", "lw": 2} if wrong else {"ec": "none", "lw": 0}
    box = {"boxstyle": "square,pad=0.18", "fc": CLASS_COLORS.get(kind, NEUTRAL), **frame}
    color = "black" if kind == "S" else "white"
    style = {"ha": "center", "va": "center", "fontsize": 10, "weight": "bold"}
    axis.text(*place, kind, **style, color=color, bbox=box, clip_on=True)


def _pulse(axis, strip, high, margin):
    """The recorder's mark of 1 mV and 0.2 s, left of a trace."""
    zero = high - MM_PER_MV * (strip.top - strip.rest)
    x = 1.5 - margin + np.array([0, 2, 2, 7, 7, 9])
    axis.plot(x, zero + MM_PER_MV * np.array([0, 0, 1, 1, 0, 0]), color="black", lw=1.1)
    axis.text(6 - margin, zero - 2.4, "1 mV", fontsize=10, ha="center", va="center")


def _seconds(axis, right):
    """Seconds below the paper."""
    ticks = np.arange(int(right / MM_PER_S) + 1)
    axis.set_xticks(ticks * MM_PER_S, ticks)
    axis.tick_params(axis="x", labelsize=10, length=3, bottom=True, pad=2)
    name = "seconds; a large square is 0.2 s and 0.5 mV"
    axis.set_xlabel(name, fontsize=10, labelpad=2)
