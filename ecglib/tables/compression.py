"""Tables of the study of paper 2: networks on recordings, and what compression does to them.

`results` are runs of studies "rhythm" (pooled over folds), "compression" or "transfer"; `named`
maps a method to its result, as `by_method` does.
"""

import numpy as np
import pandas as pd

from ecglib import results as files
from ecglib import stats
from ecglib.compress.methods import METHODS
from ecglib.metrics import challenge_f1, scores
from ecglib.studies.compression import NO_LOSS
from ecglib.tables import frames, names
from ecglib.tables.papers import PAPER2_TABLE_1

PAPER_METHODS = ("fixed_quant", "fixed_prune", "laq", "laq_printed", "lap")
"""Methods of paper 2."""

VARIANTS = ("matrix_quant", "matrix_prune", "matrix_laq", "matrix_lap")
"""The same without the gains of normalization layers, which the paper rounds and prunes too."""

OURS = ("joint", "laq_shared")
"""Pruning and rounding in one training; LAQ whose tolerance is shared out. What is neither here
nor above is known from others."""

FAMILIES = {
    "fixed_quant": "fixed bits",
    "fixed_prune": "fixed pruning",
    "laq": "LAQ",
    "laq_printed": "LAQ, equation (3) as printed",
    "lap": "LAP",
    "laq_shared": "LAQ, tolerance shared out",
    "matrix_quant": "fixed bits, gains left alone",
    "matrix_prune": "fixed pruning, gains left alone",
    "matrix_laq": "LAQ, gains left alone",
    "matrix_lap": "LAP, gains left alone",
    "mse": "fixed bits, clipped, by channel",
    "allocated": "allocated bits",
    "trained": "rounded while training",
    "joint": "pruned and rounded while training",
    "longer": "fp32, trained as long",
}
"""Method -> what it is called whatever its bits and shares."""

_SCORES = {
    "accuracy": "accuracy",
    "precision": "macro_precision",
    "recall": "sensitivity",
    "F1": "macro_f1",
}  # column -> metric, in paper 2's order


def method_name(settings):
    """What a table calls the method of a run with its settings, as the paper's own row if any.

    Examples
    --------
    >>> method_name({"method": "fixed_quant", "bits": 1}), method_name({"method": "laq"})
    ('1 bit', 'LAQ')
    """
    bits = settings.get("bits")
    width = "1 bit" if bits == 1 else f"{bits} bits"
    pruned = f"{100 * settings.get('share', 0):.0f} % pruned"
    named = {
        "allocated": f"allocated, {settings.get('mean_bits', 0):g} bits on average",
        "trained": f"{width}, trained",
        "joint": f"{pruned}, {width}, trained",
        "laq_shared": f"LAQ, tolerance {settings.get('tolerance', 0):g} shared out",
    }
    family = FAMILIES[settings["method"]]
    family = family.replace("fixed bits", width).replace("fixed pruning", pruned)
    return named.get(settings["method"], family)


def pick(results, *, fold="all", **wanted):
    """Results of one fold, or pooled ("all"), with these settings, in order of the files."""
    wanted["fold"] = fold
    return [r for r in results if wanted.items() <= r.config.items()]


def by_method(results, **wanted):
    """Method -> its result, the paper's rows first, in the paper's order, then ours.

    Where several arms of LAQ or LAP differ in their weights, the first is taken: the paper's.
    """
    order = {name: index for index, name in enumerate(PAPER2_TABLE_1["resnet1d"])}
    paper = {"alpha": 0.1, "beta": 0.1, "gamma": 0.8}

    def rank(result):
        config = result.config
        ours = config["method"] not in PAPER_METHODS
        known = order.get(method_name(config), len(order))
        method = list(METHODS).index(config["method"])
        return ours, known, method, -config["bits"], config["share"], -config["mean_bits"]

    found = sorted(pick(results, **wanted), key=rank)
    layerwise = ("laq", "laq_printed", "lap", "matrix_laq", "matrix_lap", "laq_shared")
    return {
        method_name(r.config): r
        for r in found
        if r.config["method"] not in layerwise or paper.items() <= r.config.items()
    }


def trivial(result):
    """Scores of answering with the commonest class, as `metrics.scores` gives them."""
    confusion = np.array(result.metrics["confusion"])
    constant = np.zeros_like(confusion)
    constant[:, confusion.sum(axis=1).argmax()] = confusion.sum(axis=1)
    return scores(constant, list(result.metrics["per_class"]))


def _scored(metrics):
    return {column: metrics[key] for column, key in _SCORES.items()}


def networks_table(results):
    """fp32 networks, the trivial answer above each data set.

    Returns
    -------
    DataFrame
        `accuracy`, `precision`, `recall`, `F1`, and `F1 of N, A, O`, the score of the CinC
        Challenge, where these are the classes. Index: data set and network.
    """
    rows = {}
    for result in sorted(results, key=lambda r: r.config["dataset"]):
        dataset, network = result.config["dataset"], names.network(result.config)
        rows.setdefault((dataset, "commonest class"), trivial(result))
        rows[dataset, network] = result.metrics
    for key, metrics in rows.items():
        rows[key] = _scored(metrics)
        if {"N", "A", "O"} <= set(metrics["per_class"]):
            rows[key]["F1 of N, A, O"] = challenge_f1(metrics["per_class"])
    return frames.of_rows(rows, ["data set", "network"])


def scores_table(named, fp32, printed):
    """Scores of methods, the paper's printed ones beside them.

    Parameters
    ----------
    fp32 : RunResult
        The networks that they start from.
    printed : dict of str to papers.Paper2
        The paper's rows.

    Returns
    -------
    DataFrame
        `accuracy`, `precision`, `recall`, `F1` in two groups of columns, "ours" and "paper".
    """
    ours = {"commonest class": _scored(trivial(fp32)), "fp32": _scored(fp32.metrics)}
    ours |= {name: _scored(result.metrics) for name, result in named.items()}
    theirs = {name: dict(zip(_SCORES, row, strict=False)) for name, row in printed.items()}
    tables = {"ours": frames.of_rows(ours), "paper": frames.of_rows(theirs)}
    return pd.concat(tables, axis=1).reindex(list(ours))


def sizes_table(named, printed=None):
    """Three compression ratios of methods, and what they cost in accuracy.

    Parameters
    ----------
    printed : dict of str to papers.Paper2, optional
        The paper's rows, for its ratio.

    Returns
    -------
    DataFrame
        `paper`; `CR`, `all bits` and `file`, ratios to fp32; `kB` of the file;
        `Δ accuracy, points` with its 95 % interval; `within 1 point`, true or false.
    """
    rows = {}
    for name, result in named.items():
        m, row = result.metrics, rows.setdefault(name, {})
        if printed:
            row["paper"] = printed[name].ratio if name in printed else np.nan
        row |= {
            "CR": m["ideal_ratio"],
            "all bits": m["overhead_ratio"],
            "file": m["file_ratio"],
            "kB": m["file_bytes"] / 1000,
            **frames.with_bounds("Δ accuracy, points", in_points(change(result))),
            "within 1 point": m["no_loss"],
        }
    return frames.of_rows(rows)


def change(result):
    """Accuracy minus that of the fp32 network, a share, as `ecglib.stats.Interval`."""
    keys = ("difference", "difference_low", "difference_high")
    return stats.Interval(*(result.metrics[key] for key in keys))


def in_points(interval):
    """An `Interval` of shares in percentage points."""
    return stats.Interval(100 * interval.value, 100 * interval.low, 100 * interval.high)


def is_within_one_point(interval):
    """Whether a difference of accuracies (a share) is within one point, as `NO_LOSS` says."""
    return interval.low > NO_LOSS


def is_no_loss(interval):
    """Whether a difference is within one point and its interval does not lie below zero."""
    return is_within_one_point(interval) and interval.high >= 0


def labels_of(fp32):
    """Recording -> its class, from the pooled result of an fp32 network, which holds them."""
    return files.decode_recordings(fp32.metrics["labels"])


def paired(result, control, labels):
    """Accuracy of one compressed network minus that of another on the same recordings.

    An `Interval` of shares, from `ecglib.stats.paired_accuracy`.

    Parameters
    ----------
    result, control : RunResult
        Of the same fold, or both pooled: each recording is answered by the network that has
        not seen it.
    labels : dict of str to int
        Recording -> class, see `labels_of`.

    Raises
    ------
    ValueError
        If they have answered other recordings.
    """
    ours, theirs = (files.decode_folds(r.predictions) for r in (result, control))
    if ours.keys() != theirs.keys():
        raise ValueError("only answers to the same recordings can be paired")
    right = [[found[name] == labels[name] for name in ours] for found in (ours, theirs)]
    return stats.paired_accuracy(*right)


def control_of(named):
    """Name of the control of networks that were trained further.

    It is fp32 trained as long or, where this was not run, the network rounded to 8 bits in as
    many epochs. Raises a LookupError if there is neither.
    """
    for name in (FAMILIES["longer"], "8 bits, trained"):
        if name in named:
            return name
    raise LookupError("no network was trained as long without pruning")


def control_table(named, control, fp32):
    """Compressed networks against fp32; trained ones against a control that trained as long.

    Parameters
    ----------
    named : dict of str to RunResult
        Pooled results; the control may be among them.
    control : RunResult or None
        Result of the method that `control_of` names; None if it was not run.
    fp32 : RunResult
        The pooled result of the network that all started from.

    Returns
    -------
    DataFrame
        `CR`, counted as the paper does, `file`, its ratio to fp32, and `kB`; differences in
        accuracy, in points, `Δ fp32, points` and `Δ control, points`, each with its 95 %
        interval.
    """
    rows, labels = {}, labels_of(fp32)
    for name, result in named.items():
        m = result.metrics
        rows[name] = {"CR": m["ideal_ratio"], "file": m["file_ratio"]}
        rows[name] |= {"kB": m["file_bytes"] / 1000}
        rows[name] |= frames.with_bounds("Δ fp32, points", in_points(change(result)))
        trained = "tune_epochs" in METHODS[result.config["method"]].reads
        if control and trained and result is not control:
            found = in_points(paired(result, control, labels))
            rows[name] |= frames.with_bounds("Δ control, points", found)
    return frames.of_rows(rows)


def pareto(named):
    """Names of results that no other one beats in bytes of the file and in accuracy lost.

    The smallest file comes first.
    """
    front, best = [], -np.inf
    by_size = sorted(
        named, key=lambda n: (named[n].metrics["file_bytes"], -change(named[n]).value)
    )
    for name in by_size:
        if change(named[name]).value > best:
            best = change(named[name]).value
            front.append(name)
    return front


def smallest(networks):
    """The smallest files within one point of fp32, by the paper's methods and by all.

    That is no "no loss": the interval of the difference may lie wholly below zero.

    Parameters
    ----------
    networks : dict of str to dict of str to RunResult
        Network -> `named`.

    Returns
    -------
    dict of str to RunResult
        Network, which methods, and name of the method -> its result.

    Raises
    ------
    LookupError
        If a network has no such file.
    """
    found = {}
    for network, named in networks.items():
        kept = {n: r for n, r in named.items() if r.metrics["no_loss"]}
        paper = {n: r for n, r in kept.items() if r.config["method"] in PAPER_METHODS}
        for which, rows in (("paper's methods", paper), ("all methods", kept)):
            if not rows:
                raise LookupError(f"no file of {network} is within one point")
            name = min(rows, key=lambda n: rows[n].metrics["file_bytes"])
            found[f"{network}, {which}: {name}"] = rows[name]
    return found


def fp32_bytes(named):
    """Bytes in fp32 of the weights from which results start; LookupError if there are none."""
    if not named:
        raise LookupError("no method has runs")
    sizes = next(iter(named.values())).metrics
    return sizes["file_ratio"] * sizes["file_bytes"]


def classes_table(results):
    """Recordings of each class, from pooled results.

    Returns
    -------
    DataFrame of int
        `recordings`, and a column a class; missing where a data set has no such class.
    """
    rows = {}
    for result in results:
        counts = {name: c["support"] for name, c in result.metrics["per_class"].items()}
        rows[result.config["dataset"]] = {"recordings": sum(counts.values())} | counts
    return frames.of_rows(rows).astype("Int64")


def transfer_table(results):
    """Atrial fibrillation against the rest: on the own data set, and on another.

    Returns
    -------
    DataFrame
        `recordings`, `accuracy`, `AF sensitivity`, `AF precision`, `AF F1` and `AUC`. Index:
        the data sets trained and tested on.
    """
    rows = {}
    for result in results:
        source, target = result.config["dataset"], result.config["target"]
        for tested, key in ((source, "within"), (target, "across")):
            found = result.metrics[key]
            af = found["per_class"]["AF"]
            rows[source, tested] = {
                "recordings": int(np.sum(found["confusion"])),
                "accuracy": found["accuracy"],
                "AF sensitivity": af["sensitivity"],
                "AF precision": af["precision"],
                "AF F1": af["f1"],
                "AUC": found["auc"],
            }
    return frames.of_rows(rows, ["trained on", "tested on"])


def layer_frames(named):
    """Indices of importance of every layer, and the bits that methods chose, all on one fold.

    Returns
    -------
    tuple of (DataFrame, DataFrame)
        Layers by index (of the first method), and layers by method; the most important layer
        first.
    """
    first = next(iter(named.values())).metrics["decisions"]
    frame = pd.DataFrame(first["indices"]).T.rename(columns=str.upper)
    frame["I"] = pd.Series(first["importance"])
    bits = pd.DataFrame({n: r.metrics["decisions"]["bits"] for n, r in named.items()})
    order = frame.sort_values("I", ascending=False).index
    shorter = [layer_name(name) for name in order]
    return frame.loc[order].set_axis(shorter), bits.loc[order].set_axis(shorter)


def layer_name(parameter):
    """What a page calls the weights of a layer of ResNet1D.

    Examples
    --------
    >>> layer_name("block2.first.conv.weight"), layer_name("block2.shortcut.norm.weight")
    ('block 2, conv 1', 'block 2, gains of shortcut')
    """
    part, *others = parameter.removesuffix(".weight").split(".")
    place = part.replace("block", "block ").replace("out", "output layer")
    words = {"first": "conv 1", "second": "conv 2", "shortcut": "shortcut"}
    inner = [words[o] for o in others if o in words]
    if "norm" in others:
        inner = [" of ".join(["gains", *inner])]
    return ", ".join([place, *inner])


def is_gain(layer):
    """Whether a layer, by its name from `layer_name`, is the gains of a normalization."""
    return "gains" in layer


def sensitivity_table(allocated):
    """Divergence of the answers when one layer alone is rounded: layers by bits."""
    cost = allocated.metrics["decisions"]["sensitivity"]
    table = pd.DataFrame({layer_name(name): rises for name, rises in cost.items()}).T
    return table.rename(columns=lambda bits: f"{bits} bits")
