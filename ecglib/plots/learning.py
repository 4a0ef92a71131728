"""Figures of learning on the device."""

import matplotlib.pyplot as plt

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, WIDTH
from ecglib.tables.learning import UPDATES

LOOKS = dict(
    zip(
        [update.name for update in UPDATES],
        (("s", ":"), ("v", ":"), ("^", "--"), ("x", "-."), ("o", "-")),
        strict=True,
    )
)
"""Marker and line of each update; the kernel, which was chosen, has a full line."""


def _lines(axis, table, x):
    """A line for each update over the column `x`."""
    for name, (marker, line) in LOOKS.items():
        rows = table[table["update"] == name].sort_values(x)
        chosen = name == UPDATES[-1].name
        axis.plot(
            rows[x],
            rows["macro-F1"],
            marker=marker,
            linestyle=line,
            color=ORIGIN_COLORS["ours"] if chosen else NEUTRAL,
            linewidth=2 if chosen else 1.2,
            label=name,
        )


def by_labels(table):
    """Macro-F1 by number of labels, a panel a database; from `tables.learning.by_labels`."""
    return _panels(table, "database", "labels", "number of labels", share_y=False)


def by_wrong_answers(table):
    """Macro-F1 by share of wrong answers; from `tables.learning.by_wrong_answers`."""
    figure = _panels(table, "labels", "wrong", "wrong answers", share_y=True)
    for axis in figure.axes:
        axis.xaxis.set_major_formatter("{x:.0%}")
        axis.set_xticks([0, 0.1, 0.2])
    return figure


def by_cost(table):
    """Macro-F1 against flash, RAM and multiplications; from `tables.learning.costs_table`."""
    costs = [name for name in table if name != "macro-F1"]
    figure, axes = plt.subplots(
        1, len(costs), figsize=(WIDTH, 4.2), sharey=True, layout="constrained"
    )
    for axis, cost in zip(axes, costs, strict=True):
        for name, row in table.iterrows():
            chosen = name == UPDATES[-1].name
            axis.plot(
                row[cost],
                row["macro-F1"],
                LOOKS[name][0],
                color=ORIGIN_COLORS["ours"] if chosen else NEUTRAL,
                markersize=9,
                label=name,
            )
        axis.set(xscale="log", xlabel=cost)
        axis.margins(0.15)
    axes[0].set_ylabel("macro-F1 after 5:00")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


def _panels(table, by, x, label, *, share_y):
    """A panel for each value of the column `by`, and one legend below."""
    panels = list(dict.fromkeys(table[by]))
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(WIDTH, 4.2),
        sharey=share_y,
        squeeze=False,
        layout="constrained",
    )
    for axis, name in zip(axes[0], panels, strict=True):
        _lines(axis, table[table[by] == name], x)
        axis.set(title=name, xlabel=label)
    axes[0, 0].set_ylabel("macro-F1 after 5:00")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure
