"""Tables of reduced precision: number formats, scopes of integers, deployed networks."""

import numpy as np
import pandas as pd

from ecglib import stats, tables
from ecglib.metrics import macro_f1, macro_sensitivity

RUNTIMES = {
    "torch_fp32": "PyTorch, fp32",
    "ort_fp32": "ONNX Runtime, fp32",
    "ort_int8": "ONNX Runtime, INT8",
}
"""Setting `runtime` -> what it is called in tables."""


def score_table(named):
    """As `ecglib.tables.score_table`, with macro sensitivity, which paper 1 prints too.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm.

    Returns
    -------
    DataFrame
    """
    frame = tables.score_table(named)
    cells = {name: tables.spread(arm.values(macro_sensitivity)) for name, arm in named.items()}
    frame.insert(2, "sensitivity", pd.Series({"always N": "0.333"} | cells))
    return frame


def printed_rows(rows):
    """Rows of paper 1 in the form of `score_table`, with what else it prints.

    Parameters
    ----------
    rows : iterable of published.Row
        Of one table.

    Returns
    -------
    DataFrame
    """
    frame = tables.printed_rows({row.arm: row for row in rows})
    for row in rows:
        if row.sensitivity is not None:
            text = f"{row.sensitivity:.3f} ± {row.sensitivity_std:.3f}"
            frame.loc[row.arm, "sensitivity"] = text
        if row.runtime_s is not None:
            frame.loc[row.arm, "seconds"] = f"{row.runtime_s:,.0f}"
    return frame.fillna("")


def training_table(named):
    """Seconds of all stages, steps that gradient scaling left out, and peak memory of a GPU.

    Parameters
    ----------
    named : dict of str to Arm
        Name of a row -> arm of study "precision".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for name, arm in named.items():
        found = [result.metrics for result in arm.results]
        peaks = [m["peak_memory_bytes"] for m in found if "peak_memory_bytes" in m]
        steps, skipped = (sum(m[key] for m in found) for key in ("steps", "skipped"))
        rows[name] = {
            "seconds": tables.spread([sum(r.runtime_s.values()) for r in arm.results], 0),
            "steps": f"{steps:,}",
            "left out": f"{skipped:,} ({skipped / steps:.3%})",
            "peak memory": f"{np.mean(peaks) / 1e6:.0f} MB" if peaks else "no GPU",
        }
    return pd.DataFrame(rows).T


def pairs_table(named, *, after_5min=False):
    """Every arm against every other: difference of macro-F1 by seed, over patients, over seeds.

    Parameters
    ----------
    named : dict of str to Arm
        Name -> arm; all with the same seeds.
    after_5min : bool
        Only beats after a record's first five minutes.

    Returns
    -------
    DataFrame
        Rows "a − b"; `over patients` is the paired interval, `over seeds` the interval of
        Student's t with as many degrees of freedom as there are seeds, less one.
    """
    names, rows = list(named), {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a, b = named[first], named[second]
            pair = [arm.matrices(after_5min=after_5min) for arm in (a, b)]
            by_seed = np.subtract(*(x.values(macro_f1, after_5min=after_5min) for x in (a, b)))
            rows[f"{first} − {second}"] = {
                "by seed": " ".join(f"{d:+.3f}" for d in by_seed),
                "over patients": f"{stats.paired_difference(*pair, macro_f1):+.3f}",
                "over seeds": f"{stats.seed_interval(by_seed):+.3f}",
            }
    return pd.DataFrame(rows).T


def layer_error_table(results):
    """Relative errors of activations and gradients by layer, mean over seeds.

    Parameters
    ----------
    results : list of RunResult
        Of study "numerics".

    Returns
    -------
    DataFrame
    """
    columns = {}
    for precision in ("fp16", "bf16"):
        found = [r.metrics["layers"] for r in results if r.config["precision"] == precision]
        kinds = {"activation": "activation", "gradient": "gradient"}
        if precision == "fp16":
            kinds["scaled_gradient"] = "gradient, scaled"
        for key, label in kinds.items():
            columns[precision, label] = {
                layers[0]["name"]: f"{np.mean([layer[key] for layer in layers]):.2%}"
                for layers in zip(*found, strict=True)
            }
    return pd.DataFrame(columns)


def decision_table(results):
    """Beats whose class changes in 16 bits, errors of logits against margins, memory.

    Parameters
    ----------
    results : list of RunResult
        Of study "numerics".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in results:
        m, n_beats = result.metrics, sum(len(result.classes(r)) for r in result.predictions)
        precision = result.config["precision"]
        rows[precision, result.config["seed"]] = {
            "beats": f"{n_beats:,}",
            "other class": f"{m['flips']} ({m['flips'] / n_beats:.3%})",
            "median error of a logit": f"{m['error'][50]:.4f}",
            "median margin": f"{m['margin'][50]:.2f}",
            "kept by a step": f"{m['saved_bytes'][precision] / 1e6:.1f} MB "
            f"(fp32: {m['saved_bytes']['fp32'] / 1e6:.1f} MB)",
        }
    return pd.DataFrame(rows).T.sort_index(ascending=False).rename_axis(["format", "seed"])


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
                "bits of weights": layer["weight_bits"],
                "bits of input": layer["activation_bits"],
                "levels of a channel": layer["levels"],
                "SQNR": "–" if layer["sqnr_db"] is None else f"{layer['sqnr_db']:.1f} dB",
                "bytes": f"{layer['n_bytes']:,}",
            }
            for layer in result.metrics["layers"]
        }
    ).T.astype(str)


def latency_table(results):
    """Deployed networks: time of a call, speed against fp32 in the same session, answers.

    Parameters
    ----------
    results : list of RunResult
        Of study "latency".

    Returns
    -------
    DataFrame
        `speed` is the median time of ONNX Runtime in fp32 over the row's own, of the same
        batch and threads; "–" if these two were not timed in one session.
    """
    fp32 = {_cell(r): r.metrics for r in results if r.config["runtime"] == "ort_fp32"}
    rows = {}
    for result in sorted(results, key=_order):
        m, config = result.metrics, result.config
        base = fp32.get(_cell(result), {})
        together = base.get("session") == m["session"]
        filters = ", ".join(map(str, config["channels"]))
        batch = f"{config['batch']} beat" + ("s" if config["batch"] > 1 else "")
        rows[filters, batch, config["threads"], RUNTIMES[config["runtime"]]] = {
            **{f"p{p}, ms": f"{m[f'p{p}_ms']:.3f}" for p in (50, 95, 99)},
            "speed": f"{base['p50_ms'] / m['p50_ms']:.2f}×" if together else "–",
            "file": f"{m['file_bytes']:,}" if "file_bytes" in m else "",
            "same class": f"{m['agreement']:.3%}" if "agreement" in m else "",
        }
    names = ["filters", "batch", "threads", "runtime"]
    return pd.DataFrame(rows).T.rename_axis(names)


def _cell(result):
    """What runtimes of one comparison share."""
    config = result.config
    return tuple(config["channels"]), config["seed"], config["batch"], config["threads"]


def _order(result):
    return (*_cell(result), list(RUNTIMES).index(result.config["runtime"]))
