"""Tables about paper 2's importance of layers: what it predicts, and weights of its indices."""

import numpy as np
import pandas as pd

from ecglib import stats
from ecglib.compress.importance import ALPHA, BETA, GAMMA
from ecglib.tables import frames, names
from ecglib.tables.compression import in_points, is_no_loss

CHANGE = "Δ accuracy, points"


def layers_of(results):
    """Every layer of every network that study "layer_costs" has rounded, as a DataFrame.

    Columns: `network` and its data set, `fold`, `layer`; `PDI`, `PVI`, `KI` and the importance
    `I`; `gain`, whether it is a gain of a normalization; `4 bits`, `3 bits`, `2 bits`: rise of
    the validation loss if this layer alone is rounded. LookupError if there are no results.
    """
    rows = []
    for result in results:
        title = f"{names.network(result.config)}, {names.word(result.config['dataset'])}"
        for name, layer in result.metrics["layers"].items():
            row = {"network": title, "fold": result.config["fold"], "layer": name}
            row |= {index.upper(): layer[index] for index in ("pdi", "pvi", "ki")}
            row["I"] = ALPHA * row["PDI"] + BETA * row["PVI"] + GAMMA * row["KI"]
            row["gain"] = layer["gain"]
            rows.append(row | {f"{bits} bits": rise for bits, rise in layer["rise"].items()})
    if not rows:
        raise LookupError("no layer was rounded alone")
    return pd.DataFrame(rows)


def correlation(layers, bits, index="I"):
    """Rank correlation of the importance, or one index, with the rise of the loss.

    `layers` are those of one network. Mean over the folds, with its `Interval` over layers.
    """
    by_fold = layers.pivot(index="fold", columns="layer")
    return stats.rank_correlation(by_fold[index], by_fold[f"{bits} bits"])


def correlations_table(results):
    """Rank correlations, see `correlation`; a column for each number of bits, with interval.

    Index: network and data, and I, PDI, PVI or KI.
    """
    rows = {}
    for title, layers in layers_of(results).groupby("network", sort=False):
        for index in ("I", "PDI", "PVI", "KI"):
            row = rows.setdefault((title, index), {})
            for bits in (4, 3, 2):
                found = correlation(layers, bits, index)
                row |= frames.with_bounds(f"{bits} bits", found)
    return frames.of_rows(rows, ["network", "index"])


def validation_table(results):
    """LAQ under several settings, on the validation recordings of all folds in one pool.

    These recordings chose the bits, so every setting looks better on them than on others.
    `results` are those of single folds; runs that did not count their right answers are left
    out, and a LookupError is raised if there are no others.

    Returns
    -------
    DataFrame
        `folds`; `CR` and `file`, ratios to fp32, means of the folds; `Δ accuracy, points`
        with its paired interval; `Δ loss`, the rise of the mean loss, a share, mean of the
        folds. Index: α, β, γ, τ.
    """
    groups, rows = {}, {}
    for result in results:
        if "validation" in result.metrics.get("decisions", {}):
            factors = tuple(result.config[k] for k in ("alpha", "beta", "gamma", "tolerance"))
            groups.setdefault(factors, []).append(result.metrics)
    for factors, folds in sorted(groups.items()):
        counts = pd.DataFrame([metrics["decisions"]["validation"] for metrics in folds])
        rows[factors] = {
            "folds": len(folds),
            "CR": np.mean([metrics["ideal_ratio"] for metrics in folds]),
            "file": np.mean([metrics["file_ratio"] for metrics in folds]),
            **frames.with_bounds(CHANGE, _change(counts.sum())),
            "Δ loss": (counts["loss_coded"] / counts["loss_fp32"] - 1).mean(),
        }
    missing = "no run counted its right answers on validation recordings"
    return frames.of_rows(rows, ["α", "β", "γ", "τ"], missing=missing)


def _change(counts):
    """Change of the accuracy, in points, as `Interval`, from counts of right answers."""
    gained, lost = int(counts["only_coded_right"]), int(counts["only_fp32_right"])
    times = gained, lost, int(counts["recordings"]) - gained - lost
    found = stats.paired_accuracy(np.repeat([1, 0, 0], times), np.repeat([0, 1, 0], times))
    return in_points(found)


def chosen(table):
    """Settings (α, β, γ, τ) of the largest CR without loss, from `validation_table`.

    Raises a LookupError if every setting loses accuracy on validation recordings.
    """
    changes = table[[CHANGE, f"{CHANGE} low", f"{CHANGE} high"]].to_numpy() / 100
    good = table[[is_no_loss(stats.Interval(*change)) for change in changes]]
    if good.empty:
        raise LookupError("every setting loses accuracy on validation recordings")
    return good["CR"].idxmax()
