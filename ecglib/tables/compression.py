"""Tables of the study of paper 2: networks on recordings, before and after compression."""

import numpy as np
import pandas as pd

from ecglib.compress.methods import METHODS
from ecglib.metrics import challenge_f1, scores
from ecglib.tables import paper2

PAPER_METHODS = ("fixed_quant", "fixed_prune", "laq", "laq_printed", "lap")
"""Methods of paper 2; the others are ours."""

SCORES = {
    "accuracy": "accuracy",
    "precision": "macro_precision",
    "recall": "sensitivity",
    "F1": "macro_f1",
}
"""Column -> metric, in paper 2's order; all but the first are macro-averages."""


def method_name(settings):
    """What a table calls a method with its settings.

    Parameters
    ----------
    settings : dict
        Configuration of a compression run.

    Returns
    -------
    str
        As in `paper2.TABLE_1` where the paper has the same row.

    Examples
    --------
    >>> method_name({"method": "fixed_quant", "bits": 1}), method_name({"method": "laq"})
    ('1 bit', 'LAQ')
    """
    bits = settings.get("bits")
    width = "1 bit" if bits == 1 else f"{bits} bits"
    pruned = f"{100 * settings.get('share', 0):.0f} % pruned"
    return {
        "fixed_quant": width,
        "fixed_prune": pruned,
        "laq": "LAQ",
        "laq_printed": "LAQ, equation (3) as printed",
        "lap": "LAP",
        "matrix_quant": f"{width}, gains left alone",
        "matrix_prune": f"{pruned}, gains left alone",
        "matrix_laq": "LAQ, gains left alone",
        "matrix_lap": "LAP, gains left alone",
        "mse": f"{width}, clipped, by channel",
        "allocated": f"allocated, {settings.get('mean_bits', 0):g} bits on average",
        "trained": f"{width}, trained",
        "joint": f"{pruned}, {width}, trained",
    }[settings["method"]]


def pick(results, *, fold="all", **wanted):
    """Results of one fold, or pooled, with these settings, in order of the files.

    Parameters
    ----------
    results : list of RunResult
        Of study "rhythm", "compression" or "transfer".
    fold : int or "all"
        Which.
    **wanted
        Settings, e.g. ``dataset="cinc2017"``.

    Returns
    -------
    list of RunResult
    """
    wanted = {"fold": fold, **wanted}
    return [
        r for r in results if all(r.config[name] == value for name, value in wanted.items())
    ]


def by_method(results, **wanted):
    """Method -> its result, the paper's rows first, in the paper's order, then ours.

    Where several arms of LAQ or LAP differ in their weights, the first is taken: the paper's.
    """
    order = {name: index for index, name in enumerate(paper2.TABLE_1["resnet1d"])}
    paper = {"alpha": 0.1, "beta": 0.1, "gamma": 0.8}

    def rank(result):
        config = result.config
        ours = config["method"] not in PAPER_METHODS
        known = order.get(method_name(config), len(order))
        method = list(METHODS).index(config["method"])
        return ours, known, method, -config["bits"], config["share"], -config["mean_bits"]

    found = sorted(pick(results, **wanted), key=rank)
    layerwise = ("laq", "laq_printed", "lap", "matrix_laq", "matrix_lap")
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
    return {name: f"{metrics[key]:.4f}" for name, key in SCORES.items()}


def networks_table(results):
    """fp32 networks, the trivial answer above each data set.

    Parameters
    ----------
    results : list of RunResult
        Of study "rhythm", pooled over folds.

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in sorted(results, key=lambda r: r.config["dataset"]):
        dataset, label = result.config["dataset"], _network(result.config)
        always = trivial(result)
        rows.setdefault((dataset, "commonest class"), _scored(always) | _f1_cinc(always))
        rows[dataset, label] = _scored(result.metrics) | _f1_cinc(result.metrics)
    frame = pd.DataFrame(rows).T.fillna("–")
    return frame.rename_axis(["data set", "network"])


def _network(config):
    name = {"resnet1d": "ResNet1D", "hubert": "HuBERT-ECG", "ecgnet": "ECGNet"}[config["model"]]
    more = ", pretrained" if config["pretrain_epochs"] else ""
    return f"{name} {config['size']}{more}"


def _f1_cinc(metrics):
    known = {"N", "A", "O"} <= set(metrics["per_class"])
    return {"F1 of N, A, O": f"{challenge_f1(metrics['per_class']):.3f}"} if known else {}


def scores_table(named, fp32, printed):
    """Scores of methods, the paper's printed ones beside them.

    Parameters
    ----------
    named : dict of str to RunResult
        From `by_method`.
    fp32 : RunResult
        The networks that they start from.
    printed : dict of str to paper2.Printed
        The paper's rows; none of them has the data set of ours unless a caption says so.

    Returns
    -------
    DataFrame
        Columns in two groups, "ours" and "paper".
    """
    ours = {"commonest class": _scored(trivial(fp32)), "fp32": _scored(fp32.metrics)}
    ours |= {name: _scored(result.metrics) for name, result in named.items()}
    columns = {("ours", key): {n: row[key] for n, row in ours.items()} for key in SCORES}
    for key, field in zip(SCORES, paper2.Printed._fields, strict=False):
        column = {n: f"{getattr(row, field):.4f}" for n, row in printed.items()}
        columns["paper", key] = column
    return pd.DataFrame(columns, index=list(ours)).fillna("")


def sizes_table(named, printed):
    """Three compression ratios of methods, and what they cost in accuracy.

    Parameters
    ----------
    named : dict of str to RunResult
        From `by_method`.
    printed : dict of str to paper2.Printed
        The paper's rows, for its ratio.

    Returns
    -------
    DataFrame
        "ideal", "all bits" and "file" are ratios to fp32; "Δ accuracy" is in points with its
        95 % interval.
    """
    rows = {}
    for name, result in named.items():
        m = result.metrics
        rows[name] = {
            **({"paper": f"{printed[name].ratio:.2f}"} if name in printed else {}),
            "ideal": f"{m['ideal_ratio']:.2f}",
            "all bits": f"{m['overhead_ratio']:.2f}",
            "file": f"{m['file_ratio']:.2f}",
            "kB": f"{m['file_bytes'] / 1000:.0f}",
            "Δ accuracy, points": points(m),
            "within 1 point": "yes" if m["no_loss"] else "no",
        }
    columns = ["paper"] if printed else []
    columns += ["ideal", "all bits", "file", "kB", "Δ accuracy, points", "within 1 point"]
    return pd.DataFrame(rows, index=columns).T.fillna("")


def points(metrics):
    """Difference in accuracy to fp32, in points, with its interval."""
    keys = ("difference", "difference_low", "difference_high")
    value, low, high = (100 * metrics[key] for key in keys)
    return f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def best_without_loss(named, size="file_ratio"):
    """Name and result of the smallest network within one point of fp32; None if there is none.

    That is no "no loss": the interval of the difference may lie wholly below zero.
    """
    kept = {name: r for name, r in named.items() if r.metrics["no_loss"]}
    return max(kept.items(), key=lambda item: item[1].metrics[size], default=None)


def classes_table(results):
    """Recordings of each class, from pooled results.

    Parameters
    ----------
    results : list of RunResult
        Of study "rhythm", pooled over folds.

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        counts = {n: c["support"] for n, c in result.metrics["per_class"].items()}
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        total = sum(counts.values())
        rows[result.config["dataset"]] = {"recordings": f"{total:,}", "by class": listed}
    return pd.DataFrame(rows).T


def transfer_table(results):
    """Atrial fibrillation against the rest: on the own data set, and on another.

    Parameters
    ----------
    results : list of RunResult
        Of study "transfer".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        source = result.config["dataset"]
        for target, found in (
            (source, result.metrics["within"]),
            (result.config["target"], result.metrics["across"]),
        ):
            af = found["per_class"]["AF"]
            rows[source, target] = {
                "recordings": f"{np.sum(found['confusion']):,}",
                "accuracy": f"{found['accuracy']:.3f}",
                "AF sensitivity": f"{af['sensitivity']:.3f}",
                "AF precision": f"{af['precision']:.3f}",
                "AF F1": f"{af['f1']:.3f}",
                "AUC": f"{found['auc']:.3f}",
            }
    return pd.DataFrame(rows).T.rename_axis(["trained on", "tested on"])
