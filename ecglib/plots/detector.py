"""Figures of detectors of R-peaks."""

import matplotlib.pyplot as plt

from ecglib.plots.style import NEUTRAL
from ecglib.tables.detector import NAMES

_COLORS = dict(
    zip(NAMES.values(), ("#CC3311", NEUTRAL, "#666666", "#0072B2", "#56B4E9"), strict=True)
)
_TITLES = {"bw": "baseline wander", "em": "electrode motion", "ma": "muscle"}


def noise(table):
    """Sensitivity plus positive predictivity against the signal-to-noise ratio.

    Parameters
    ----------
    table : DataFrame
        As from `ecglib.tables.detector.noisy`.
    """
    kinds = [kind for kind in _TITLES if kind in table.index.get_level_values("noise")]
    figure, axes = plt.subplots(1, len(kinds), figsize=(9.5, 3.2), sharey=True, squeeze=False)
    for axis, kind in zip(axes[0], kinds, strict=True):
        for name, rows in table.loc[kind].groupby(level="detector", sort=False):
            rows = rows.droplevel("detector").sort_index()
            axis.plot(rows.index, rows["Se + +P"], "o-", color=_COLORS[name], label=name)
        axis.set(title=_TITLES[kind], xlabel="signal to noise, dB")
        axis.invert_xaxis()
    axes[0, 0].set_ylabel("Se + +P")
    axes[0, -1].legend(fontsize=8)
    return figure
