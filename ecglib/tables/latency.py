"""Tables of deployed networks: time of a call, bytes on disk, same answers.

`results` are runs of study "latency". A LookupError says that there are none of them.
"""

import numpy as np

from ecglib import stats
from ecglib.metrics import accuracy, macro_f1
from ecglib.tables import arms, frames
from ecglib.tables.names import filters, word

RUNTIMES = {
    "torch_fp32": "PyTorch, fp32",
    "ort_fp32": "ONNX Runtime, fp32",
    "ort_int8": "ONNX Runtime, INT8",
}
"""Setting `runtime` -> what it is called in tables."""


def int8_file(results, channels):
    """The RunResult of an INT8 file with so many filters in ONNX Runtime, one beat a call."""
    wanted = {"runtime": "ort_int8", "batch": 1, "channels": list(channels)}
    return next(r for r in results if wanted.items() <= r.config.items())


def file_table(results, names):
    """Files in ONNX Runtime, one beat a call on one thread: their own scores, bytes and time.

    Parameters
    ----------
    results : list of RunResult
    names : dict of str to str
        Filters of a network (see `ecglib.tables.names.filters`) -> what it is called.

    Returns
    -------
    DataFrame
        `accuracy` and `macro-F1` of the file's answers; `file, MB`; `one beat, ms`, the
        median of a call; `speed`, see `latency_table`; `same class` as in PyTorch, a share of
        beats. Index: network, format.
    """
    one = [r for r in results if (r.config["batch"], r.config["threads"]) == (1, 1)]
    times, rows = latency_table(one), {}
    for result in sorted(one, key=_order):
        runtime, size = result.config["runtime"], filters(result.config["channels"])
        if runtime == "torch_fp32":
            continue
        time = times.loc[size, "1 beat", 1, RUNTIMES[runtime]]
        pooled = stats.pool(result.matrix())
        rows[names.get(size, size), "INT8" if runtime == "ort_int8" else "fp32"] = {
            "accuracy": float(accuracy(pooled)),
            "macro-F1": float(macro_f1(pooled)),
            "file, MB": time["file, bytes"] / 1e6,
            "one beat, ms": time["p50, ms"],
            **time[["speed", "same class"]],
        }
    return frames.of_rows(rows, ["network", "format"], missing="no file was timed")


def latency_table(results):
    """Deployed networks: time of a call, speed against fp32 in the same session, answers.

    Returns
    -------
    DataFrame
        `p50, ms`, `p95, ms`, `p99, ms` of a call; `speed`, the median time of ONNX Runtime in
        fp32 over the row's own, of the same batch and threads, NaN if these two were not timed
        in one session; `file, bytes`; `same class`, a share of beats. Index: filters,
        batch, threads, runtime.
    """
    fp32 = {_cell(r): r.metrics for r in results if r.config["runtime"] == "ort_fp32"}
    rows = {}
    for result in sorted(results, key=_order):
        m, config = result.metrics, result.config
        base = fp32.get(_cell(result), {})
        together = base.get("session") == m["session"]
        batch = f"{config['batch']} beat" + "s" * (config["batch"] > 1)
        runtime = RUNTIMES[config["runtime"]]
        if config["runtime"] == "ort_int8" and config["scope"] != "all_int8":
            runtime = f"{runtime}, {word(config['scope'])}"
        rows[filters(config["channels"]), batch, config["threads"], runtime] = {
            **{f"p{p}, ms": m[f"p{p}_ms"] for p in (50, 95, 99)},
            "speed": base["p50_ms"] / m["p50_ms"] if together else np.nan,
            "file, bytes": m.get("file_bytes", np.nan),
            "same class": m.get("agreement", np.nan),
        }
    levels = ["filters", "batch", "threads", "runtime"]
    return frames.of_rows(rows, levels, missing="nothing was timed")


def size_table(deployed, rounded):
    """Bytes on disk against fp32 and against the arithmetic of weights, biases and scales.

    Parameters
    ----------
    deployed, rounded : list of RunResult
        Of studies "latency" and "int8"; networks of the same filters are compared.

    Returns
    -------
    DataFrame
        Bytes of the `fp32 file` and the `INT8 file`; `smaller`, the first over the second;
        `INT8 by arithmetic` and `graph around it`, what the file has beyond that.
    """
    rows = {}
    for arm in arms.group(rounded, pipeline="baseline", scope="all_int8", split="ds1_ds2"):
        channels = arm.settings["channels"]
        files = {
            r.config["runtime"]: r.metrics["file_bytes"]
            for r in deployed
            if r.config["channels"] == channels and "file_bytes" in r.metrics
        }
        if {"ort_fp32", "ort_int8"} <= set(files):
            counted = arm.results[0].metrics["weight_bytes"]
            rows[filters(channels)] = {
                "fp32 file": files["ort_fp32"],
                "INT8 file": files["ort_int8"],
                "smaller": files["ort_fp32"] / files["ort_int8"],
                "INT8 by arithmetic": counted,
                "graph around it": files["ort_int8"] - counted,
            }
    return frames.of_rows(rows, "filters")


def _cell(result):
    """What runtimes of one comparison share."""
    config = result.config
    names = ("seed", "scope", "batch", "threads")
    return tuple(config["channels"]), *(config[name] for name in names)


def _order(result):
    return (*_cell(result), list(RUNTIMES).index(result.config["runtime"]))
