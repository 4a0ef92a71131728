"""Tables of 8-bit integers: scopes, what rounding costs, coverage.

`results` are runs of study "int8"; `named` maps (scope, method) to the arm of one pipeline, as
`by_scope` does.
"""

import pandas as pd

from ecglib.metrics import accuracy, macro_f1
from ecglib.quant.scopes import SCOPES
from ecglib.tables import arms, frames, names, precision, scores

METHODS = ("ptq", "qat", "qat, learned step")


def by_scope(results):
    """Arms on DS1 → DS2 by pipeline and by row of a table, in its order.

    Returns
    -------
    dict of str to dict of (str, str) to Arm
        Name of a pipeline and the network's filters -> (scope, method) -> arm; the method of
        a learned step is "qat, learned step".
    """
    found = {}
    for arm in sorted(arms.group(results, split="ds1_ds2"), key=_place):
        title = names.name_of(arm.settings, ("pipeline",))
        title += f", {names.filters(arm.settings['channels'])}"
        found.setdefault(title, {})[_row(arm)] = arm
    return found


def _row(arm):
    """Scope and method of an arm."""
    learned = ", learned step" if arm.settings["step"] == "learned" else ""
    return arm.settings["scope"], arm.settings["method"] + learned


def _place(arm):
    """What arms are sorted by: pipeline, network, and their row."""
    scope, method = _row(arm)
    row = SCOPES.index(scope), METHODS.index(method)
    return arm.settings["pipeline"], arm.settings["channels"], *row


def score_table(named):
    """As `ecglib.tables.precision.score_table`, with rows named by scope and method."""
    return precision.score_table({names.rounded(*key): arm for key, arm in named.items()})


def costs(named, statistic=macro_f1):
    """Rounded networks minus the fp32 network of the same method, over all beats.

    That of QAT was trained as long as the rounded ones; arms with a learned step are left out.

    Parameters
    ----------
    statistic : callable
        See `ecglib.stats`.

    Returns
    -------
    dict of (str, str) to Interval
        (scope, method) -> paired difference with its 95 % interval over patients.
    """
    return {
        (scope, method): scores.gain(arm, named["none", method], statistic, after_5min=False)
        for (scope, method), arm in named.items()
        if scope != "none" and ("none", method) in named
    }


def cost_of_rounding(named):
    """Every scope against the fp32 network that was trained as long.

    Returns
    -------
    DataFrame
        `minus`, the control; `Δ macro-F1` and `Δ accuracy` with patient-bootstrap 95 %
        intervals, over all beats of the test side.
    """
    tables = []
    for control in ("ptq", "qat"):
        rounded = {
            names.rounded(scope, method): arm
            for (scope, method), arm in named.items()
            if scope != "none" and method.startswith(control)
        }
        if rounded and ("none", control) in named:
            fp32 = named["none", control]
            table = scores.difference_table(rounded, fp32, after_5min=False)
            table.insert(0, "minus", names.rounded("none", control))
            tables.append(table)
    if not tables:
        raise LookupError("no scope has runs")
    return pd.concat(tables)


def coverages(named, seed):
    """Scope -> result (RunResult) of the one network of a seed that was calibrated only.

    The scope `none` is left out.
    """
    return {
        scope: next(r for r in arm.results if r.config["seed"] == seed)
        for (scope, method), arm in named.items()
        if scope != "none" and method == "ptq"
    }


def fold_table(results):
    """Trials inside DS1, by the training after rounding; folds pooled.

    Returns
    -------
    DataFrame
        `fp32: macro-F1`, `fp32: accuracy`, and those of the rounded network.
    """
    pools = {}
    for result in results:
        config = result.config
        if "fold" in config["split"]:
            trained = config["qat_epochs"], config["qat_learning_rate"]
            key = trained if config["method"] == "qat" else (0, 0.0)
            pool = pools.setdefault(key, {})
            scope = names.setting("scope", config["scope"])
            pool[scope] = pool.get(scope, 0) + sum(result.matrix().values())
    rows = {}
    for (epochs, rate), pool in sorted(pools.items()):
        row = rows.setdefault(f"{epochs} epoch(s) more at {rate:g}" if epochs else "none", {})
        for scope, matrix in pool.items():
            row[f"{scope}: macro-F1"] = float(macro_f1(matrix))
            row[f"{scope}: accuracy"] = float(accuracy(matrix))
    return frames.of_rows(rows, "further training")


def coverage_table(result):
    """Every layer of a quantized network: bits, levels that its weights take, noise, bytes.

    Returns
    -------
    DataFrame
        `weights`, their `bits`, `input bits`, distinct `levels` of the weights of a channel,
        `SQNR, dB` of the weights (NaN of those in fp32), `bytes`.
    """
    columns = {
        "n_weights": "weights",
        "weight_bits": "bits",
        "activation_bits": "input bits",
        "levels": "levels",
        "sqnr_db": "SQNR, dB",
        "n_bytes": "bytes",
    }
    layers = pd.DataFrame(result.metrics["layers"]).set_index("name").rename_axis(None)
    return layers[list(columns)].rename(columns=columns).astype({"SQNR, dB": float})
