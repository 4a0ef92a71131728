"""Figures of the micro network: what it is, what labels bring, what noise takes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.aami import AAMI_CLASSES, CLASSES
from ecglib.data.signal.micro_input import BEFORE, FS
from ecglib.metrics import macro_f1
from ecglib.models.micronet import BLOCKS, MicroNet, MicroNetConfig
from ecglib.plots.architecture import arrow, blank, box
from ecglib.plots.style import CLASS_COLORS, NEUTRAL, ORIGIN_COLORS, WIDTH
from ecglib.tables import budget, evidence, literature, scores
from ecglib.tables.robustness import CLEAN, NOISES

OURS = ORIGIN_COLORS["ours"]
LOOKS = (("o", "-"), ("^", "--"), ("s", ":"))
"""Marker and line of the curves of one figure, which all have the colour of our runs."""

TOO_CLOSE = 0.8
"""Minutes between two answers below which their letters would cover each other."""

TIMING = (
    "RR / last 80",
    "RR / last 400",
    "next RR / last 80",
    "next RR / last 400",
    "RR / next RR",
    "RR / slow baseline",
    "next RR / slow baseline",
    "irregularity",
    "one beat before",
    "two beats before",
    "three beats before",
    "unusual for this rhythm",
    "slow irregularity",
    "all together",
)
"""The numbers about the timing, in the order of the network's input, and all together."""


def network(size):
    """The network of a `MicroNetConfig` from inputs to classes, with shapes and weights."""
    model, n_times = MicroNet(size), size.n_times
    figure, axis = blank(4.6)
    column, side, step = 1.75, 4.75, 0.72
    top = 4.25
    box(axis, (column, top), (3.1, 0.44), f"beat: {size.n_channels} × {n_times} samples")
    box(axis, (side, top), (2.5, 0.44), f"timing: {size.n_rr} numbers")
    blocks = zip(BLOCKS, size.channels, size.kernels, size.pools, strict=True)
    for row, (name, n_filters, kernel, pool) in enumerate(blocks, start=1):
        n_times //= pool
        text = f"{n_filters} filters of {kernel}, ReLU, pool {pool}\n{n_filters} × {n_times}"
        y = top - row * step
        box(axis, (column, y), (3.1, 0.5), f"{text}; {_weights(model, name)}")
        arrow(axis, (column, y + step - 0.22), (column, y + 0.25))
    text = f"hidden layer of {size.rr_units}\n{_weights(model, 'rr')}"
    box(axis, (side, top - 2 * step), (2.5, 0.5), text)
    arrow(axis, (side, top - 0.22), (side, top - 2 * step + 0.25))
    joined, out = top - 4 * step - 0.1, top - 5 * step - 0.2
    text = f"hidden layer of {size.hidden_units}; {_weights(model, 'hidden')}"
    box(axis, (3.2, joined), (3.6, 0.44), text, fill="#eeeeee")
    arrow(axis, (column, top - 3 * step - 0.25), (2.6, joined + 0.22))
    arrow(axis, (side, top - 2 * step - 0.25), (3.8, joined + 0.22))
    text = f"N, S or V; {_weights(model, 'out')}"
    box(axis, (3.2, out), (3.6, 0.44), text, fill="#eeeeee")
    arrow(axis, (3.2, joined - 0.22), (3.2, out + 0.22))
    axis.text(5.15, (joined + out) / 2, "head: learns\nfrom labels", va="center", fontsize=11)
    return figure


def _weights(model, part):
    return f"{sum(p.numel() for p in getattr(model, part).parameters()):,} weights"


def loop():
    """How labels come in: one beat, a question if it is unsure, and a head that learns."""
    figure, axis = blank(3.1)
    box(axis, (0.75, 2.4), (1.3, 0.7), "next beat")
    box(axis, (3.0, 2.4), (2.0, 0.7), "network\n(8-bit integers)")
    box(axis, (5.5, 2.4), (1.5, 0.7), "N, S or V")
    box(axis, (5.5, 0.7), (1.5, 0.9), "somebody says\nwhat it is")
    box(axis, (3.0, 0.7), (2.0, 0.9), "head learns\n(floating point)", fill="#eeeeee")
    box(axis, (0.75, 0.7), (1.3, 0.9), "beats of\nother\npatients")
    for start, end in (
        ((1.4, 2.4), (2.0, 2.4)),
        ((4.0, 2.4), (4.75, 2.4)),
        ((5.5, 2.05), (5.5, 1.15)),
        ((4.75, 0.7), (4.0, 0.7)),
        ((1.4, 0.7), (2.0, 0.7)),
        ((3.0, 1.15), (3.0, 2.05)),
    ):
        arrow(axis, start, end)
    axis.text(5.4, 1.6, "if unsure", ha="right", va="center", fontsize=11)
    axis.text(3.1, 1.6, "rounded again", va="center", fontsize=11)
    axis.text(1.7, 0.85, "replay", ha="center", fontsize=11)
    return figure


def budget_curves(named):
    """Macro-F1 after 5:00 against the labels really asked for, on each database.

    Parameters
    ----------
    named : dict of str to (dict of int or str to Arm)
        Name of a curve -> arms by budget, see `ecglib.tables.budget.by_budget`. Three at most:
        the first is drawn with a band over patients, the second with bars, the third as a line.

    Raises
    ------
    LookupError
        If a curve has no runs.
    """
    if not all(named.values()):
        raise LookupError("a curve has no runs")
    panels = evidence.COLUMNS
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.9), sharex=True, sharey=True)
    for number, (name, curve) in enumerate(named.items()):
        marker, line = LOOKS[number]
        place = [budget.mean_over(arm, budget.labels_a_record) for arm in curve.values()]
        found = [evidence.parts(arm) for arm in curve.values()]
        for axis, column in zip(axes, panels, strict=True):
            scored = [stats.patient_bootstrap(part[column], macro_f1) for part in found]
            value, low, high = pd.DataFrame(scored).to_numpy().T
            axis.plot(place, value, marker=marker, ls=line, color=OURS, label=name, ms=5)
            if number == 0:
                axis.fill_between(place, low, high, color=OURS, alpha=0.12)
            if number == 1:
                reach = value - low, high - value
                axis.errorbar(place, value, reach, fmt="none", ecolor=OURS, capsize=3)
    for axis, title in zip(axes, panels, strict=True):
        axis.set_xscale("symlog", linthresh=1)
        axis.set_xlim(-0.3, 900)
        ticks = [0, 1, 7, 50, 400]
        axis.set_xticks(ticks, ticks)
        axis.minorticks_off()
        axis.set_title(title if title != evidence.OTHERS else f"{evidence.MIT}\n{title}")
    axes[0].set_ylabel("macro-F1 after 5:00")
    figure.supxlabel("labels a patient (mean)", fontsize=12)
    _legend(figure, axes[0], len(named))
    return figure


def search(table):
    """What each candidate brings, with its interval (`ecglib.tables.search.search_table`)."""
    rows = table.drop(index="start").iloc[::-1]
    figure, axis = plt.subplots(figsize=(WIDTH, 0.8 + 0.25 * len(rows)))
    value, y = rows["Δ to start"], range(len(rows))
    axis.hlines(y, rows["Δ to start low"], rows["Δ to start high"], color=OURS, alpha=0.4)
    axis.plot(value, y, "o", color=OURS, ms=5)
    axis.axvline(0, color=NEUTRAL, lw=0.8)
    axis.set_yticks(y, rows.index, fontsize=9)
    axis.set_xlabel("change of the criterion")
    return figure


def beside_literature(published, ours):
    """F1 of VEB and SVEB against labels: published methods, and ours with bars over patients.

    Both are tables of `ecglib.tables.literature`; who gives no number of labels is left out.
    """
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 8.4), sharex=True)
    published = published.dropna(subset="labels a patient")
    for axis, kind in zip(axes, literature.KINDS, strict=True):
        score, reach = f"{kind} F1", ours[[f"{kind} F1 low", f"{kind} F1 high"]]
        axis.vlines(ours["labels a patient"], *reach.to_numpy().T, color=OURS, alpha=0.4)
        for rows, look, whose in ((published, "D", "peers"), (ours, "o", "ours")):
            axis.plot(rows["labels a patient"], rows[score], look, color=ORIGIN_COLORS[whose])
        axis.set(xscale="symlog", xlim=(-0.4, 20_000), ylabel=f"{score} after 5:00")
        gap, heights = 0.055 * np.ptp(axis.get_ylim()), {}  # of the last names, far and near
        for name, row in pd.concat([published, ours]).sort_values(score).iterrows():
            x, y, far = row["labels a patient"], row[score], row["labels a patient"] > 100
            heights[far] = max(y, heights.get(far, -np.inf) + gap)
            place = (700 if far else 1.3 * max(x, 0.3), heights[far])
            color = ORIGIN_COLORS["ours" if name in ours.index else "peers"]
            line = {"arrowstyle": "-", "color": color, "lw": 0.5}
            look = {"color": color, "fontsize": 10, "va": "center", "arrowprops": line}
            axis.annotate(name.removesuffix(literature.COMPUTED), (x, y), place, **look)
    axes[0].set_xticks([0, 1, 5, 20, 100, 400], [0, 1, 5, 20, 100, 400])
    axes[0].minorticks_off()
    axes[1].set_xlabel("labels a patient (mean)")
    return figure


def patients(arm, control, names):
    """Accuracy of every record with and without labels, in two columns, the lowest first.

    Parameters
    ----------
    arm, control : Arm
        With labels, and without.
    names : tuple of str
        What control and arm are called.
    """
    before, after = (scores.accuracy_by_record(a).mean() for a in (control, arm))
    old = before.sort_values()
    new, half = after[old.index], -(-len(old) // 2)
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.9 + 0.21 * half))
    for axis, part in zip(axes, (slice(None, half), slice(half, None)), strict=True):
        b, a = 100 * old.iloc[part], 100 * new.iloc[part]
        y = np.arange(len(b))
        worse = (a < b).to_numpy()
        axis.hlines(y, b, a, color=NEUTRAL, lw=1.5)
        axis.plot(b, y, "o", mfc="white", color=NEUTRAL, ms=6, label=names[0])
        axis.plot(a[~worse], y[~worse], "o", color=OURS, ms=6, label=names[1])
        axis.plot(a[worse], y[worse], "X", color=OURS, ms=7, label=f"{names[1]}, worse")
        axis.set_yticks(y, b.index, fontsize=10)
        axis.invert_yaxis()
        axis.tick_params(axis="x", labelsize=10)
    axes[0].set_ylabel("record")
    figure.supxlabel("accuracy after 5:00, %", fontsize=12)
    _legend(figure, axes[0], 3)
    return figure


def confidence(named):
    """Reliability, and accuracy and macro-F1 against the share of beats that are answered.

    Parameters
    ----------
    named : dict of str to list of RunResult
        Results of one arm by its name, three arms at most.
    """
    figure, axes = plt.subplots(3, 1, figsize=(WIDTH, 8.4))
    axes[0].plot([0.3, 1], [0.3, 1], color=NEUTRAL, ls=":")
    for (name, results), (marker, line) in zip(named.items(), LOOKS, strict=False):
        confusion, total = budget.calibration(results)
        error = budget.calibration_error(confusion, total)
        count, right, sure = budget.calibration_bins(confusion, total)
        kept = count > 50  # fewer beats say nothing
        right, sure = right[kept] / count[kept], sure[kept] / count[kept]
        label = f"{name}: mean distance {error:.3f}"
        axes[0].plot(sure, right, marker=marker, ls=line, color=OURS, label=label)
        curve = budget.coverage_scores(confusion)
        axes[1].plot(curve["coverage"], curve["accuracy"], ls=line, color=OURS)
        axes[2].plot(curve["coverage"], curve["macro_f1"], ls=line, color=OURS)
    axes[0].set(xlabel="confidence", ylabel="accuracy")
    axes[0].legend(fontsize=10)
    for axis, score in zip(axes[1:], ("accuracy", "macro-F1"), strict=True):
        axis.set(xlabel="share of beats answered, the surest first", ylabel=score)
    return figure


def noise(table):
    """Macro-F1 and accuracy against the strength of recorded noise (`noise_table`)."""
    figure, panels = _of_noises(table)
    levels = sorted(table.index.unique("dB"), reverse=True)
    place = range(len(levels))
    for axis, rows in panels:
        for beats, line in (("annotated", "-"), ("detected", "--")):
            part = rows.loc[beats].reindex(levels)
            for score, marker, fill in (("accuracy", "s", "w"), ("macro-F1", "o", OURS)):
                look = {"color": OURS, "ls": line, "marker": marker, "mfc": fill, "ms": 5}
                axis.plot(place, part[score], label=f"{score}, {beats}", **look)
            bounds = part["macro-F1 low"], part["macro-F1 high"]
            axis.fill_between(place, *bounds, color=OURS, alpha=0.12)
        axis.set_xticks(place, ["clean" if x == CLEAN else f"{x:g}" for x in levels])
        axis.tick_params(axis="x", labelsize=10)
    figure.supxlabel("signal to noise, dB", fontsize=12)
    _legend(figure, axis, 2)
    return figure


def refusing(table):
    """Accuracy against the share of detected beats with an answer, with and without a rule."""
    figure, panels = _of_noises(table)
    looks = {"": ("o--", "w", "every beat"), ", rule": ("o-", OURS, "readable seconds only")}
    for axis, rows in panels:
        rows = rows.loc["detected"]
        for rule, (style, face, word) in looks.items():
            share, right = rows[f"answered{rule}"], rows[f"accuracy{rule}"]
            axis.plot(share, right, style, color=OURS, mfc=face, ms=5, label=word)
        for level, x, y in zip(rows.index, share, right, strict=True):
            if level <= 6:  # weaker noise lies where clean records do
                axis.annotate(f" {level:g}", (x, y), va="top", fontsize=10)
        axis.set_xlim(1.05, -0.05)
    figure.supylabel("share of answers that are right", fontsize=12)
    figure.supxlabel("share of annotated beats that get an answer", fontsize=12)
    _legend(figure, axis, 2)
    return figure


def _of_noises(table):
    """A figure, and pairs of a panel and its rows: noises in rows, databases in columns."""
    kinds = [kind for kind in NOISES.values() if kind in table.index.unique("noise")]
    databases = table.index.unique("database")
    size = (WIDTH, 0.9 + 2.1 * len(kinds))
    figure, axes = plt.subplots(
        len(kinds), len(databases), figsize=size, sharex=True, sharey=True, squeeze=False
    )
    panels = []
    for row, kind in zip(axes, kinds, strict=True):
        for axis, name in zip(row, databases, strict=True):
            axis.set_title(f"{name}, {kind}")
            panels.append((axis, table.loc[name, kind]))
    return figure, panels


def _legend(figure, axis, n_columns):
    """One legend above all panels, of what one of them shows."""
    lines, words = axis.get_legend_handles_labels()
    figure.legend(lines, words, loc="outside upper center", ncols=n_columns, fontsize=10)


def timeline(title, seconds, label, said, asked):
    """When one patient was asked, what the answers were, and how right the network was.

    Parameters
    ----------
    title : str
        Who it is.
    seconds : ndarray, shape (n_beats,)
        When each beat came.
    label : ndarray of int, shape (n_beats,)
        Its annotated class, F and Q included.
    said : dict of str to ndarray of int, shape (n_beats,)
        Name -> classes, first without labels, then with them.
    asked : ndarray of int
        Beats that were asked for.
    """
    minutes, scored = seconds / 60, label < len(CLASSES)
    figure, (top, middle, bottom) = plt.subplots(
        3, 1, figsize=(WIDTH, 5.2), sharex=True, height_ratios=(0.8, 2.2, 1)
    )
    top.set(ylim=(0, 1), yticks=[0.5], yticklabels=["answers"], title=title)
    close = np.diff(minutes[asked], prepend=-np.inf) < TOO_CLOSE
    for beat, row in zip(asked, _rows(close), strict=True):
        kind, y = AAMI_CLASSES[label[beat]], (0.83, 0.5, 0.17)[row % 3]
        look = {"color": CLASS_COLORS[kind], "weight": "bold", "fontsize": 12}
        top.text(minutes[beat], y, kind, ha="center", va="center", **look)
        middle.axvline(minutes[beat], color=NEUTRAL, lw=0.8, ls=":")
    minute = np.minimum(np.floor(minutes), max(int(minutes[-1]) - 1, 0))[scored]
    for (name, classes), (marker, line) in zip(said.items(), LOOKS[1::-1], strict=True):
        right = pd.Series(100 * (classes == label)[scored]).groupby(minute).mean()
        color = NEUTRAL if marker == LOOKS[1][0] else OURS
        look = {"marker": marker, "ls": line, "ms": 4, "color": color, "label": name}
        middle.plot(right.index + 0.5, right, **look)
    middle.set_ylabel("right, %\nof each minute")
    for row, kind in enumerate(CLASSES):
        here = minutes[label == row]
        bottom.vlines(here, row - 0.4, row + 0.4, color=CLASS_COLORS[kind], lw=0.4)
    bottom.set_yticks(range(len(CLASSES)), CLASSES)
    bottom.set(xlabel="minutes", ylabel="annotated", ylim=(len(CLASSES) - 0.5, -0.5))
    for axis in (top, bottom):
        axis.grid(visible=False)
    _legend(figure, middle, 2)
    return figure


def _rows(close):
    """Number of each answer in its run of answers that would cover each other."""
    numbers = []
    for near in close:
        numbers.append(numbers[-1] + 1 if near else 0)
    return numbers


def saliency(found):
    """What the network looks at in beats of each class.

    Parameters
    ----------
    found : dict of str to Looks
        By class; a `Looks` has the mean `beat`, and the drops of the class's probability while
        `pieces` of it, or numbers about its `timing` (in the order of `TIMING`), are hidden.
    """
    figure = plt.figure(figsize=(WIDTH, 6.6))
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.05, 1))
    axes = upper.subplots(2, len(found), sharex=True, sharey="row", squeeze=False)
    time = (np.arange(MicroNetConfig().n_times) - BEFORE) / FS * 1000
    for (kind, looks), (above, below) in zip(found.items(), axes.T, strict=True):
        color = CLASS_COLORS[kind]
        above.plot(time, looks.beat, color=color, lw=2)
        above.set_title(kind, color=color)
        width = (time[-1] - time[0] + 1000 / FS) / len(looks.pieces)
        left = time[0] + width * np.arange(len(looks.pieces))
        below.bar(left, 100 * looks.pieces, width, align="edge", color=color, ec="white")
        below.axhline(0, color=NEUTRAL, lw=0.8)
        below.set_xticks([-200, 0, 200])
    axes[0, 0].set_ylabel("mean beat, mV")
    axes[1, 0].set_ylabel("less sure,\npoints")
    upper.supxlabel("time from R, ms", fontsize=11)
    axis, height = lower.subplots(), 0.8 / len(found)
    for number, (kind, looks) in enumerate(found.items()):
        y = np.arange(len(looks.timing)) + height * (number - (len(found) - 1) / 2)
        axis.barh(y, 100 * looks.timing, height, color=CLASS_COLORS[kind], label=kind)
    axis.axvline(0, color=NEUTRAL, lw=0.8)
    axis.set_yticks(range(len(TIMING)), TIMING, fontsize=10)
    axis.invert_yaxis()
    axis.set_xlabel("less sure without this number, points")
    axis.legend(fontsize=10)
    return figure
