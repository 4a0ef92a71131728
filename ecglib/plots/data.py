"""Figures of the data chapter."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyBboxPatch

from ecglib.aami import CLASSES, DS1, DS1_VAL, DS2, PACED
from ecglib.data.signal.rr import RR_NAMES
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, PIECE_COLORS

SHOWN_BEATS = 30  # thin lines in a panel

_SETS = {
    "DS1, training": (tuple(r for r in DS1 if r not in DS1_VAL), "#88CCEE"),
    "DS1, validation": (DS1_VAL, "#44AA99"),
    "DS2, test": (DS2, "#DDCC77"),
    "paced, excluded": (PACED, "#BBBBBB"),
}
_ONE_MAN = (201, 202)
_LINK_COLOR = "#882255"


def split_map(used):
    """Every record of MIT-BIH in the set that it belongs to, those in `used` in full colour."""
    figure, axis = plt.subplots(figsize=(9.5, 2.6))
    axis.set(xlim=(0, len(DS2)), ylim=(len(_SETS) - 0.4, -0.6))
    centre = {}
    for row, (records, color) in enumerate(_SETS.values()):
        for column, record in enumerate(records):
            centre[record] = (column + 0.5, row)
            shade = to_rgba(color, 1 if record in used else 0.3)
            _record_box(axis, record, centre[record], shade)
    line = {"arrowstyle": "-", "color": _LINK_COLOR, "lw": 2, "shrinkA": 12, "shrinkB": 12}
    start, end = (centre[record] for record in _ONE_MAN)
    axis.annotate("", start, end, arrowprops=line)
    text = "201 and 202: the same man, on both sides"
    axis.text(10.6, 1, text, color=_LINK_COLOR, fontsize=9, va="center")
    axis.set_yticks(range(len(_SETS)), list(_SETS))
    axis.set_xticks([])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    return figure


def _record_box(axis, record, centre, color):
    """A record's number in a box around `centre`."""
    x, y = centre
    edge = _LINK_COLOR if record in _ONE_MAN else "none"
    corner = (x - 0.4, y - 0.28)
    box = FancyBboxPatch(corner, 0.8, 0.56, "round,pad=0.02", fc=color, ec=edge, lw=2)
    axis.add_patch(box)
    axis.text(x, y, str(record), ha="center", va="center", fontsize=8)


def beats_by_class(beats, before):
    """Beats of three classes (rows) of some patients (columns).

    Thin lines are up to `SHOWN_BEATS` beats over the whole record; the thick one is the beat
    nearest to the class's median.

    Parameters
    ----------
    beats : Beats
        Of the patients to show; windows not resampled.
    before : int
        Samples of a window before the R-peak.
    """
    records = list(dict.fromkeys(beats.record.tolist()))
    seconds = (np.arange(beats.signal.shape[1]) - before) / beats.fs
    grid, size = (len(CLASSES), len(records)), (0.8 + 2.2 * len(records), 5.8)
    figure, axes = plt.subplots(*grid, figsize=size, sharex=True, sharey="col", squeeze=False)
    for (row, column), axis in np.ndenumerate(axes):
        chosen = (beats.label == row) & (beats.record == records[column])
        _beats_of_one_kind(axis, seconds, beats.signal[chosen], CLASS_COLORS[CLASSES[row]])
        if row == 0:
            axis.set_title(f"record {records[column]}", loc="left")
        if column == 0:
            axis.set_ylabel(f"{CLASSES[row]}, mV")
    figure.supxlabel("time from the R-peak, s")
    return figure


def _beats_of_one_kind(axis, seconds, signal, color):
    """Some of the beats, a typical one, and how many there are."""
    axis.axvline(0, color=NEUTRAL, ls=":", lw=1)
    axis.set_title(f"{len(signal):,} beats", loc="right", fontsize=9, weight="normal")
    if len(signal) == 0:
        return
    some = np.unique(np.linspace(0, len(signal) - 1, SHOWN_BEATS).astype(int))
    axis.plot(seconds, signal[some].T, color=color, lw=0.5, alpha=0.3)
    distance = np.abs(signal - np.median(signal, axis=0)).sum(axis=1)
    axis.plot(seconds, signal[distance.argmin()], color=color, lw=2)


def ectopic_beats(counts):
    """S and V beats of every record on a logarithmic scale, DS1 above DS2.

    `counts` is a frame of `ecglib.tables.detection`: beats of each class by record.
    """
    figure, axes = plt.subplots(2, 1, figsize=(9.5, 5.4), sharey=True)
    for axis, (name, side) in zip(axes, (("DS1", DS1), ("DS2", DS2)), strict=True):
        rows = counts[counts.index.isin(side)]
        place = np.arange(len(rows))
        for offset, kind in ((-0.2, "S"), (0.2, "V")):
            axis.bar(place + offset, rows[kind], 0.4, color=CLASS_COLORS[kind], label=kind)
        axis.set_xticks(place, rows.index, fontsize=9)
        axis.grid(visible=False, axis="x")
        axis.margins(x=0.01)
        axis.set(yscale="log", ylim=(0.7, None), ylabel=f"beats in {name}")
    axes[0].legend(loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2)
    axes[1].set_xlabel("record")
    return figure


def rr_by_class(beats, names):
    """Distribution of ratios of RR intervals, every class with area 1 in the range shown.

    Parameters
    ----------
    beats : Beats
        With labels 0, 1, 2.
    names : sequence of str
        Columns of `rr` to show, of `ecglib.data.signal.rr.RR_NAMES`.
    """
    bins = np.linspace(0.3, 1.7, 71)
    figure, axes = plt.subplots(1, len(names), figsize=(9.5, 3.4), sharey=True, squeeze=False)
    for axis, name in zip(axes.flat, names, strict=True):
        ratio = beats.rr[:, RR_NAMES.index(name)]
        for label, kind in enumerate(CLASSES):
            axis.hist(
                ratio[beats.label == label],
                bins,
                density=True,
                histtype="step",
                lw=2,
                color=CLASS_COLORS[kind],
                label=kind,
            )
        axis.axvline(1, color=NEUTRAL, ls=":")
        axis.set_xlabel(name)
    axes[0, 0].set_ylabel("density")
    axes[0, -1].legend()
    return figure


def detection_quality(detections):
    """Sensitivity and positive predictivity of R-peak detection, worst record first.

    `detections` has the columns `se` and `ppv` of `ecglib.tables.detection.detections`.
    """
    order = detections[["se", "ppv"]].min(axis=1).sort_values().index
    rows = 100 * detections.loc[order, ["se", "ppv"]]
    place = np.arange(len(rows))
    figure, axis = plt.subplots(figsize=(9.5, 3.6))
    axis.vlines(place, rows.min(axis=1), 100, color=NEUTRAL, lw=0.8)
    axis.plot(place, rows["se"], "o", color=PIECE_COLORS[0], label="sensitivity")
    label = "positive predictivity"
    axis.plot(place, rows["ppv"], "D", ms=5, color=PIECE_COLORS[1], label=label)
    axis.set_xticks(place, order, rotation=90, fontsize=9)
    axis.set(xlabel="record", ylabel="%")
    axis.grid(visible=False, axis="x")
    axis.legend(loc="lower right")
    return figure
