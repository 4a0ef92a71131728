"""Figures of learning on the device."""

import matplotlib.pyplot as plt

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, WIDTH
from ecglib.tables.learning import ON_DEVICE, UPDATES

LOOKS = dict(
    zip(
        [update.name for update in UPDATES],
        (("s", ":"), ("v", ":"), ("^", "--"), ("x", "-."), ("o", "-")),
        strict=True,
    )
)
"""Marker and line of each update; the kernel, which was chosen, has a full line."""


def _look(name):
    """How `plot` draws an update; the chosen one stands out."""
    (marker, line), chosen = LOOKS[name], name == ON_DEVICE.name
    color, width = (ORIGIN_COLORS["ours"], 2) if chosen else (NEUTRAL, 1.2)
    return {"marker": marker, "ls": line, "color": color, "lw": width, "label": name}


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
    figure, axes = plt.subplots(1, len(costs), figsize=(WIDTH, 4.2), sharey=True)
    for axis, cost in zip(axes, costs, strict=True):
        for name, row in table.iterrows():
            axis.plot(row[cost], row["macro-F1"], **_look(name) | {"ls": "", "ms": 9})
        axis.set(xscale="log", xlabel=cost)
        axis.margins(0.15)
    axes[0].set_ylabel("macro-F1 after 5:00")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


def _panels(table, by, x, label, *, share_y):
    """A panel for each value of the column `by`, and one legend below."""
    panels = list(dict.fromkeys(table[by]))
    size = {"figsize": (WIDTH, 4.2), "sharey": share_y, "squeeze": False}
    figure, axes = plt.subplots(1, len(panels), **size)
    for axis, panel in zip(axes[0], panels, strict=True):
        for name in LOOKS:
            rows = table[(table[by] == panel) & (table["update"] == name)].sort_values(x)
            axis.plot(rows[x], rows["macro-F1"], **_look(name))
        axis.set(title=panel, xlabel=label)
    axes[0, 0].set_ylabel("macro-F1 after 5:00")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure
