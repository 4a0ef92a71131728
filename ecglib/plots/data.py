"""Figures of the data chapter; without records they raise a LookupError."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ecglib.aami import AAMI_CLASSES, CLASSES, DS1, DS2, PACED
from ecglib.data.signal.rr import RR_NAMES
from ecglib.plots.architecture import blank, box, steps
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, ORIGIN_COLORS, WIDTH, name_rows

SHOWN_BEATS = 30
"""Thin lines in a panel."""

LETTER = 0.028
"""Share of a bar that a letter takes; what is too small for its name has none."""

SIDES = {"DS1, training": DS1, "DS2, test": DS2}
ONE_MAN = (201, 202)
"""Two recordings of one patient, one on each side of the split."""


def who_holds_what(counts):
    """Beats of both sides: of which class they are, and which records hold each class.

    Parameters
    ----------
    counts : DataFrame
        Beats of each class by record, from `ecglib.tables.detection`.
    """
    if counts.empty:
        raise LookupError("no record was counted")
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 4.6), sharex=True)
    for axis, (name, side) in zip(axes, SIDES.items(), strict=True):
        found = counts.loc[counts.index.isin(side), list(CLASSES)]
        total = found.sum()
        _slices(axis, 0, total / total.sum(), CLASS_COLORS)
        for row, kind in enumerate(CLASSES, start=1):
            shares = (found[kind] / max(total[kind], 1)).sort_values(ascending=False)
            _slices(axis, row, shares, dict.fromkeys(shares.index, CLASS_COLORS[kind]))
        rows = [f"all: {total.sum():,}", *(f"{kind}: {total[kind]:,}" for kind in CLASSES)]
        name_rows(axis, rows)
        axis.set_title(f"{name}: {len(found)} records", loc="left")
        axis.set(xlim=(0, 1))
        axis.grid(visible=False)
    axes[1].set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    axes[1].set_xlabel("share of the beats in the row")
    return figure


def _slices(axis, row, shares, colors):
    """A bar cut into shares (Series), the large ones named."""
    left = 0.0
    for name, share in shares.items():
        axis.barh(row, share, left=left, height=0.74, color=colors[name], ec="white", lw=0.7)
        if share >= LETTER * len(str(name)):
            place = (left + share / 2, row)
            ink = "black" if colors[name] == CLASS_COLORS["S"] else "white"
            axis.text(*place, name, ha="center", va="center", color=ink, fontsize=11)
        left += share


def side_by_side(records):
    """Four facts of the records of each database, from `ecglib.tables.databases.by_record`."""
    beats = records[list(AAMI_CLASSES)].sum(axis=1)
    shares = {f"{kind} beats, %": 100 * records[kind] / beats for kind in "SV"}
    shown = {"beats a minute": records["rate"], "QRS complex, mV": records["qrs_mv"], **shares}
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.2), sharey=True)
    for axis, (name, values) in zip(axes.flat, shown.items(), strict=True):
        color = CLASS_COLORS[name[0]] if name in shares else "#dddddd"
        sns.boxplot(x=values, y=values.index.get_level_values(0), ax=axis, color=color)
        axis.set(xlabel=name, ylabel="")
    return figure


def way_to_a_score():
    """From a recording to a score and its interval."""
    boxes = (
        ("recording, lead MLII", "annotated R-peaks"),
        ("300 samples each", "the network sees these"),
        ("N, S or V", "one answer a beat"),
        ("confusion matrix", "one a patient"),
        ("sum over patients", "accuracy, macro-F1"),
        ("2,000 drawn sums", "interval over patients"),
    )
    return steps(boxes, (1.85, 0.7))


def split_map():
    """Every record of MIT-BIH in the set that it belongs to; one man is on both sides."""
    sets = {**SIDES, "paced, left out": PACED}
    figure, axis = blank(3.1)
    step, y, centre = 0.53, 2.95, {}
    for name, records in sets.items():
        axis.text(0.3, y, name, va="center", weight="bold", fontsize=11)
        for start in range(0, len(records), 11):
            y -= 0.36
            for column, record in enumerate(records[start : start + 11]):
                centre[record] = (0.55 + step * column, y)
                one_man = record in ONE_MAN
                edge = ORIGIN_COLORS["ours"] if one_man else "none"
                box(axis, centre[record], (0.46, 0.28), str(record), fill="#eeeeee", edge=edge)
        y -= 0.38
    start, end = (
        (x, y + side)
        for (x, y), side in zip(map(centre.get, ONE_MAN), (-0.14, 0.14), strict=True)
    )
    line = {"arrowstyle": "<->", "color": ORIGIN_COLORS["ours"], "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", end, start, arrowprops=line)
    return figure


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
    grid, size = (len(CLASSES), len(records)), (WIDTH, 5.2)
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
    axis.set_title(f"{len(signal):,} beats", loc="right", fontsize=10, weight="normal")
    if len(signal) == 0:
        return
    some = np.unique(np.linspace(0, len(signal) - 1, SHOWN_BEATS).astype(int))
    axis.plot(seconds, signal[some].T, color=color, lw=0.5, alpha=0.3)
    distance = np.abs(signal - np.median(signal, axis=0)).sum(axis=1)
    axis.plot(seconds, signal[distance.argmin()], color=color, lw=2)


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
    figure, axes = plt.subplots(1, len(names), figsize=(WIDTH, 3), sharey=True, squeeze=False)
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
                label=None if name != names[0] else kind,
            )
        axis.axvline(1, color=NEUTRAL, ls=":")
        axis.set_xlabel(name)
    axes[0, 0].set_ylabel("density")
    figure.legend(loc="outside upper center", ncols=len(CLASSES))
    return figure


def detection_quality(detections, worst=10):
    """Sensitivity and positive predictivity of R-peak detection in the worst records.

    Parameters
    ----------
    detections : DataFrame
        Columns `se` and `ppv` of `ecglib.tables.detection.detections`.
    worst : int
        How many records, by the lower of the two ratios.
    """
    order = detections[["se", "ppv"]].min(axis=1).sort_values().index[:worst]
    rows = 100 * detections.loc[order, ["se", "ppv"]]
    place = np.arange(len(rows))
    figure, axis = plt.subplots(figsize=(WIDTH, 1 + 0.32 * len(rows)))
    axis.hlines(place, rows.min(axis=1), rows.max(axis=1), color=NEUTRAL, lw=0.8)
    color = ORIGIN_COLORS["ours"]
    axis.plot(rows["se"], place, "o", ms=8, color=color, label="peaks found")
    label = "detections that are right"
    axis.plot(rows["ppv"], place, "D", ms=7, mfc="white", color=color, label=label)
    name_rows(axis, order)
    axis.set(xlabel="share, %", ylabel="record", xlim=(None, 100.5))
    figure.legend(loc="outside upper center", ncols=2)
    return figure
