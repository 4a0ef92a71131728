"""Tables about paper 2's importance of layers: what it predicts, and how to weigh its indices.

`results` are runs of one fold each, of study "layer_costs" or, for `validation_table`,
"compression".
"""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.compress.importance import ALPHA, BETA, GAMMA
from ecglib.tables import frames, names
from ecglib.tables.compression import is_no_loss

FACTORS = {"I": (ALPHA, BETA, GAMMA), "PDI": (1, 0, 0), "PVI": (0, 1, 0), "KI": (0, 0, 1)}
"""Importance, or one of its indices -> its weights of PDI, PVI and KI."""


def by_network(results):
    """Network and data set -> its runs, one a fold."""
    found = {}
    for result in results:
        config = result.config
        title = f"{names.network(config)}, {names.word(config['dataset'])}"
        found.setdefault(title, []).append(result)
    return found


def costs(folds, bits):
    """Importance of every layer and what rounding it alone costs, means of the folds.

    Parameters
    ----------
    folds : list of RunResult
        Of one network.
    bits : int
        Of the layer that is rounded alone.

    Returns
    -------
    DataFrame
        `I`, `PDI`, `PVI`, `KI`; `rise` of the validation loss; `weights`; `gain`, whether it is
        a gain of a normalization. Index: names of the parameters, in order of the network.
    """
    layers = folds[0].metrics["layers"]
    table = pd.DataFrame({"rise": _rises(folds, bits).mean(axis=0)}, index=list(layers))
    for index in FACTORS:
        table.insert(len(table.columns) - 1, index, _values(folds, index).mean(axis=0))
    table["weights"] = [layer["n_weights"] for layer in layers.values()]
    table["gain"] = [layer["gain"] for layer in layers.values()]
    return table


def correlation(folds, bits, index="I"):
    """Rank correlation of the importance, or of one index, with the rise of the loss.

    `folds` and `bits` are those of `costs`; returns the `Interval` of
    `ecglib.stats.rank_correlation`: mean over the folds, interval over layers.
    """
    return stats.rank_correlation(_values(folds, index), _rises(folds, bits))


def correlations_table(results):
    """What the importance and each index predict, by network and bits.

    Returns
    -------
    DataFrame
        A column for each number of bits: rank correlation of importance and rise of the loss,
        with its interval. Index: network and data, and I, PDI, PVI or KI.
    """
    rows = {}
    for title, folds in by_network(results).items():
        widths = next(iter(folds[0].metrics["layers"].values()))["rise"]
        for index in FACTORS:
            row = rows.setdefault((title, index), {})
            for bits in widths:
                found = correlation(folds, bits, index)
                row |= frames.with_bounds(f"{bits} bits", found)
    return frames.of_rows(rows, ["network", "index"])


def _values(folds, index):
    """Importance or an index of every layer, (n_folds, n_layers)."""
    weighed = zip(("pdi", "pvi", "ki"), FACTORS[index], strict=True)
    return sum(
        factor * _of_layers(folds, lambda layer, key=key: layer[key]) for key, factor in weighed
    )


def _rises(folds, bits):
    """Rise of the loss with every layer rounded alone, (n_folds, n_layers)."""
    return _of_layers(folds, lambda layer: layer["rise"][str(bits)])


def _of_layers(folds, value):
    return np.array([[value(layer) for layer in r.metrics["layers"].values()] for r in folds])


def validation_table(results):
    """LAQ under several settings, on the validation recordings of all folds.

    These recordings chose the bits, so every setting looks better on them than on others. Runs
    that did not count their right answers are left out.

    Returns
    -------
    DataFrame
        `folds`; `ideal` and `file`, ratios to fp32, means of the folds; `Δ accuracy, points`
        with its paired interval over all validation recordings; `Δ loss`, the rise of their
        mean loss, a share, mean of the folds. Index: α, β, γ, τ.
    """
    groups = {}
    for result in results:
        if "validation" in result.metrics.get("decisions", {}):
            factors = tuple(result.config[k] for k in ("alpha", "beta", "gamma", "tolerance"))
            groups.setdefault(factors, []).append(result.metrics)
    rows = {}
    for factors, folds in sorted(groups.items()):
        counts = [m["decisions"]["validation"] for m in folds]
        found = validation_change(counts)
        found = stats.Interval(100 * found.value, 100 * found.low, 100 * found.high)
        rows[factors] = {
            "folds": len(folds),
            "ideal": np.mean([m["ideal_ratio"] for m in folds]),
            "file": np.mean([m["file_ratio"] for m in folds]),
            **frames.with_bounds("Δ accuracy, points", found),
            "Δ loss": np.mean([c["loss_coded"] / c["loss_fp32"] - 1 for c in counts]),
        }
    if not rows:
        raise LookupError("no run counted its right answers on validation recordings")
    return frames.of_rows(rows, ["α", "β", "γ", "τ"])


def validation_change(counts):
    """Change of the validation accuracy, a share, as `Interval`; all folds in one pool.

    `counts` are those that methods report as "validation", one dict a fold.
    """
    keys = ("both_right", "only_fp32_right", "only_coded_right")
    known = [sum(fold[key] for fold in counts) for key in keys]
    neither = sum(fold["recordings"] for fold in counts) - sum(known)
    coded, fp32 = (
        np.repeat(right, [*known, neither]) for right in ([1, 0, 1, 0], [1, 1, 0, 0])
    )
    return stats.paired_accuracy(coded, fp32)


def chosen(table):
    """Settings of the smallest networks without loss on validation recordings.

    `table` is from `validation_table`, and the smallest are those with the largest ideal ratio.
    Raises a LookupError if all lose accuracy.
    """
    columns = [f"Δ accuracy, points{bound}" for bound in ("", " low", " high")]
    changes = [stats.Interval(*row) for row in table[columns].to_numpy() / 100]
    good = table[[is_no_loss(change) for change in changes]]
    if good.empty:
        raise LookupError("every setting loses accuracy on validation recordings")
    return good["ideal"].idxmax()
