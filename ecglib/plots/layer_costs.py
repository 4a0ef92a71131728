"""Figure of paper 2's hypothesis: importance of layers against what rounding them costs."""

import matplotlib.pyplot as plt

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, WIDTH
from ecglib.tables.layer_costs import correlation

SMALL = 1e-3
"""Rise of the loss up to which the scale is linear; beyond it is logarithmic."""


def importance_and_cost(layers, bits):
    """Importance of each layer against the loss that its rounding costs, a panel a network.

    Parameters
    ----------
    layers : DataFrame
        From `ecglib.tables.layer_costs.layers_of`; a point is the mean of the folds.
    bits : int
        Of the layer that is rounded alone.
    """
    networks = dict(list(layers.groupby("network", sort=False)))
    size = {"sharey": True, "squeeze": False, "figsize": (WIDTH, 4)}
    figure, (axes,) = plt.subplots(1, len(networks), **size)
    color = ORIGIN_COLORS["ours"]
    for axis, (title, own) in zip(axes, networks.items(), strict=True):
        axis.axhline(0, color=NEUTRAL, lw=1)
        mean = own.groupby("layer")[["I", f"{bits} bits", "gain"]].mean()
        for text, gain, fill in (
            ("convolutions and linear layers", 0, color),
            ("gains", 1, "white"),
        ):
            points = mean[mean["gain"] == gain]
            look = {"color": color, "mfc": fill, "ms": 6, "label": text}
            axis.plot(points["I"], points[f"{bits} bits"], "o", **look)
        axis.set_yscale("symlog", linthresh=SMALL)
        axis.set_title("\n".join(title.rsplit(", ", 1)), fontsize=11)
        found = f"{correlation(own, bits):+.2f}".replace("-", "−")
        axis.set_xlabel(f"importance by paper 2\nrank correlation\n{found}")
    axes[0].set_ylabel(f"rise of the validation loss,\nthis layer alone at {bits} bits")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
