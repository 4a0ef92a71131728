"""Tables of 8-bit integers: scopes, what rounding costs, coverage."""

import pandas as pd

from ecglib.metrics import accuracy, macro_f1
from ecglib.quant.scopes import SCOPES
from ecglib.tables import arms, precision, scores

PIPELINES = {"baseline": "DS1 only", "ssl": "SSL + personalization"}
"""Setting `pipeline` -> what paper 1 calls it."""

METHODS = ("ptq", "qat", "qat, learned step")


def filters(channels):
    """Size of a network in few words: filters of its first and its last block.

    Examples
    --------
    >>> filters([16, 32, 64, 128, 128])
    '16…128'
    """
    return f"{channels[0]}…{channels[-1]}"


def by_scope(results, split="ds1_ds2"):
    """Arms of study "int8" by pipeline and by row of a table, in its order.

    Parameters
    ----------
    results : list of RunResult
        Of one origin.
    split : str
        Only runs on this split.

    Returns
    -------
    dict of str to dict of (str, str) to Arm
        Name of a pipeline and the network's filters -> (scope, method) -> arm; the method of
        a learned step is "qat, learned step".
    """
    found = {}
    for pipeline, title in PIPELINES.items():
        group = arms.group(results, split=split, pipeline=pipeline)
        for arm in sorted(group, key=lambda arm: arm.settings["channels"]):
            sized = f"{title}, {filters(arm.settings['channels'])}"
            found.setdefault(sized, {})[_row(arm)] = arm
    order = [(scope, method) for scope in SCOPES for method in METHODS]
    return {
        title: {key: named[key] for key in order if key in named}
        for title, named in found.items()
    }


def _row(arm):
    learned = ", learned step" if arm.settings["step"] == "learned" else ""
    return arm.settings["scope"], arm.settings["method"] + learned


def row_name(scope, method):
    """What a row of scope and method is called.

    Examples
    --------
    >>> row_name("none", "qat"), row_name("all_int8", "qat, learned step")
    ('fp32, trained as long', 'all_int8, QAT, learned step')
    """
    if scope == "none":
        return "fp32" if method == "ptq" else "fp32, trained as long"
    return f"{scope}, {method[:3].upper()}{method[3:]}"


def score_table(named):
    """As `ecglib.tables.precision.score_table`, with rows named by scope and method.

    Parameters
    ----------
    named : dict of (str, str) to Arm
        (scope, method) -> arm, of one pipeline, from `by_scope`.

    Returns
    -------
    DataFrame
    """
    return precision.score_table({row_name(*key): arm for key, arm in named.items()})


def cost_of_rounding(named):
    """Every scope against the fp32 network that was trained as long.

    Parameters
    ----------
    named : dict of (str, str) to Arm
        (scope, method) -> arm, of one pipeline, from `by_scope`.

    Returns
    -------
    DataFrame
        Differences with patient-bootstrap 95 % intervals, over all beats of the test side.
    """
    frames = []
    for control in ("ptq", "qat"):
        rounded = {
            row_name(scope, method): arm
            for (scope, method), arm in named.items()
            if scope != "none" and method.startswith(control)
        }
        if rounded and ("none", control) in named:
            fp32 = named["none", control]
            frame = scores.difference_table(rounded, fp32, after_5min=False)
            frame.insert(0, "minus", row_name("none", control))
            frames.append(frame)
    return pd.concat(frames)


def coverages(named, seed):
    """One network a scope, trained on after rounding.

    Parameters
    ----------
    named : dict of (str, str) to Arm
        (scope, method) -> arm, of one pipeline, from `by_scope`.
    seed : int
        Which seed.

    Returns
    -------
    dict of str to RunResult
        Scope -> result; `none` is left out.
    """
    return {
        scope: next(r for r in arm.results if r.config["seed"] == seed)
        for (scope, method), arm in named.items()
        if scope != "none" and method == "qat"
    }


def fold_table(results):
    """Trials inside DS1, by the training after rounding; folds pooled.

    Parameters
    ----------
    results : list of RunResult
        Of study "int8".

    Returns
    -------
    DataFrame
        Macro-F1 and accuracy of the fp32 network and of the rounded one.
    """
    pools = {}
    for result in results:
        config = result.config
        if "fold" in config["split"]:
            trained = config["qat_epochs"], config["qat_learning_rate"]
            key = trained if config["method"] == "qat" else (0, 0.0)
            matrices = pools.setdefault(key, {}).setdefault(config["scope"], [])
            matrices.append(sum(result.matrix().values()))
    rows = {}
    for (epochs, rate), by_scope in sorted(pools.items()):
        name = f"{epochs} epoch(s) more at {rate:g}" if epochs else "none"
        rows[name] = {
            f"{scope.replace('none', 'fp32')}: {label}": f"{statistic(sum(matrices)):.3f}"
            for scope, matrices in by_scope.items()
            for label, statistic in (("macro-F1", macro_f1), ("accuracy", accuracy))
        }
    return pd.DataFrame(rows).T.rename_axis("further training")


def coverage_table(result):
    """Every layer of a quantized network: bits, levels that its weights take, noise, bytes.

    Parameters
    ----------
    result : RunResult
        Of study "int8".

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame(
        {
            layer["name"]: {
                "weights": f"{layer['n_weights']:,}",
                "bits": layer["weight_bits"],
                "input bits": layer["activation_bits"],
                "levels": layer["levels"],
                "SQNR": "–" if layer["sqnr_db"] is None else f"{layer['sqnr_db']:.1f} dB",
                "bytes": f"{layer['n_bytes']:,}",
            }
            for layer in result.metrics["layers"]
        }
    ).T.astype(str)
