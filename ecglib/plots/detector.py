"""Figures of detectors of R-peaks."""

import matplotlib.pyplot as plt

from ecglib.plots.style import ORIGIN_COLORS, WIDTH
from ecglib.tables.detector import NAMES
from ecglib.tables.robustness import NOISES

_MARKERS = dict(zip(NAMES.values(), "osD^v", strict=True))


def noise(table):
    """Sensitivity plus predictivity against noise, from `ecglib.tables.detector.noisy`."""
    kinds = [kind for kind in NOISES if kind in table.index.get_level_values("noise")]
    if not kinds:
        raise LookupError("no detector has runs with noise")
    size = (WIDTH, 0.9 + 2 * len(kinds))
    figure, axes = plt.subplots(len(kinds), 1, figsize=size, sharex=True, squeeze=False)
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        for name, rows in table.loc[kind].groupby(level="detector", sort=False):
            rows = rows.droplevel("detector").sort_index()
            ours = name == NAMES["ours"]
            look = {"color": ORIGIN_COLORS["ours" if ours else "peers"], "lw": 3 if ours else 1}
            look |= {"marker": _MARKERS[name], "ms": 5}
            axis.plot(rows.index, rows["Se + +P"], label=name, **look)
        axis.set(title=NOISES[kind], ylabel="Se plus +P (2: perfect)")
    axes[-1, 0].set_xlabel("signal to noise, dB")
    axes[-1, 0].invert_xaxis()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure
