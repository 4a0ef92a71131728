"""Figure of paper 2's hypothesis: importance of layers against what rounding them costs."""

import matplotlib.pyplot as plt
import numpy as np

from ecglib.plots.style import NEUTRAL, ORIGIN_COLORS, WIDTH
from ecglib.tables.layer_costs import by_network, correlation, costs

SMALL = 1e-3
"""Rise of the loss up to which the scale is linear; beyond it is logarithmic."""


def importance_and_cost(results, bits):
    """Importance of each layer against the loss that its rounding costs, a panel a network.

    Parameters
    ----------
    results : list of RunResult
        Of study "layer_costs".
    bits : int
        Of the layer that is rounded alone.

    Raises
    ------
    LookupError
        If there are no runs.
    """
    networks = by_network(results)
    if not networks:
        raise LookupError("no layer was rounded alone")
    figure, axes = plt.subplots(1, len(networks), figsize=(WIDTH, 4), sharey=True)
    for axis, (title, folds) in zip(np.atleast_1d(axes), networks.items(), strict=True):
        table, color = costs(folds, bits), ORIGIN_COLORS["ours"]
        axis.axhline(0, color=NEUTRAL, lw=1)
        for text, rows, fill in (
            ("convolutions and linear layers", table[~table["gain"]], color),
            ("gains", table[table["gain"]], "white"),
        ):
            axis.plot(rows["I"], rows["rise"], "o", color=color, mfc=fill, ms=6, label=text)
        axis.set_yscale("symlog", linthresh=SMALL)
        network, _, dataset = title.rpartition(", ")
        found = f"rank correlation\n{correlation(folds, bits):.2f}"
        axis.set_title(f"{network}\n{dataset}")
        axis.set_xlabel(f"importance by paper 2\n{found}")
    np.atleast_1d(axes)[0].set_ylabel(
        f"rise of the validation loss,\nthis layer alone at {bits} bits"
    )
    handles = np.atleast_1d(axes)[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=2)
    return figure
