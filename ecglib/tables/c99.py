"""Tables of what runs on small devices: generated C, and the least that a pipeline takes.

`results` are runs of study "c99", in `validation_table` of study "roofline".
"""

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.deploy.roofline import MACHINES, bound
from ecglib.tables import arms, frames, names, scores

_MEMORY = {
    "constant_bytes": "constants, bytes",
    "flash_bytes": "flash, bytes",
    "ram_bytes": "RAM, bytes",
    "macs": "multiplications",
    "instructions": "instructions a beat",
    "us_per_beat": "µs a beat",
    "stream_flash_bytes": "flash with detector",
    "stream_ram_bytes": "RAM with detector",
}


def agreement_table(results):
    """Scores of C code, and how often it agrees with what it was made from.

    Returns
    -------
    DataFrame
        `beats`; `exact` and `same as QAT`, shares of the least exact seed; `accuracy` and
        `macro-F1` with deviation over seeds.
    """
    rows = {}
    for arm in arms.group(results):
        metrics, first = pd.DataFrame([r.metrics for r in arm.results]), arm.results[0]
        rows[_name(arm)] = {
            "beats": sum(len(first.classes(record)) for record in first.predictions),
            "exact": metrics["exact"].min(),
            "same as QAT": metrics["agreement"].min(),
            **frames.spread("accuracy", metrics["accuracy"]),
            **frames.spread("macro-F1", metrics["macro_f1"]),
        }
    return frames.of_rows(rows, "network")


def cost_table(results):
    """Memory, instructions and time of C code, mean over seeds.

    Returns
    -------
    DataFrame
        A column a network; rows `constants, bytes`, `flash, bytes`, `RAM, bytes`,
        `multiplications`, `instructions a beat`, `µs a beat`, and memory with the detector;
        NaN where no tool counted them.
    """
    columns = {}
    for arm in arms.group(results):
        metrics = pd.DataFrame([r.metrics for r in arm.results]).reindex(columns=list(_MEMORY))
        columns[_name(arm)] = metrics.mean().rename(_MEMORY)
    return pd.DataFrame(columns)


def stream_table(results, library):
    """What a stream of samples gives, beside a detector that sees the whole recording.

    Parameters
    ----------
    library : list of RunResult
        Of study "robustness", arm "detected": wfdb's detector, the network in PyTorch.

    Returns
    -------
    DataFrame
        `beats, Se` and `+P` of the detector; `F1 N`, `F1 S`, `F1 V` and `macro-F1` (with
        deviation over seeds), where missed beats and false detections count, as EC57 has it;
        `× real time`; `delay, s` of an answer, median.
    """
    rows = {}
    for arm in arms.group(results):
        streams = pd.concat([_streamed(result) for result in arm.results])
        first = _streamed(arm.results[0])
        tp, fn, fp = np.sum(list(first["beats"]), axis=0)
        rows[f"C, {_name(arm)}"] = {
            "beats, Se": tp / (tp + fn),
            "+P": tp / (tp + fp),
            **_f1(scores.detected_f1(arm.results, lambda r: _streamed(r)["classes"])),
            "× real time": streams["recorded_s"].sum() / streams["seconds"].sum(),
            "delay, s": first["delay_s"].median(),
        }
    if library:
        rows["wfdb, PyTorch"] = _f1(scores.detected_f1(library))
    return frames.of_rows(rows, "detector, network")


def _streamed(result):
    """What came out of the stream of each record, a row a record."""
    return pd.DataFrame(result.metrics["streamed"].values())


def _f1(f1):
    """Columns of the F1 of each class and their mean, from (n_seeds, 3)."""
    row = {f"F1 {name}": value for name, value in zip(CLASSES, f1.mean(0), strict=True)}
    return row | frames.spread("macro-F1", f1.mean(axis=1))


def bound_table(works):
    """Least milliseconds of a call, estimated, by network, format and machine.

    Parameters
    ----------
    works : dict of str to DataFrame
        Name of a network -> its work, from `ecglib.deploy.roofline.layer_work`.

    Returns
    -------
    DataFrame
        A column a machine, NaN where it has no such arithmetic.
    """
    rows = {
        (name, precision): {
            machine.name: 1e3 * bound(work, machine, precision, batch=1).sum()
            for machine in MACHINES.values()
            if precision in machine.peak
        }
        for name, work in works.items()
        for precision in ("fp32", "fp16", "int8")
    }
    return frames.of_rows(rows, ["network", "format"])


def stage_table(stages):
    """Least seconds of the stages of a pipeline in FP16, estimated, by machine.

    Parameters
    ----------
    stages : Series
        Stage -> multiplications.

    Returns
    -------
    DataFrame
        `multiplications`, and seconds in a column a machine; the last row is their sum.
    """
    table = pd.DataFrame({"multiplications": stages.astype(float)})
    table.loc["together"] = table.sum()
    for machine in MACHINES.values():
        table[machine.name] = 2 * table["multiplications"] / machine.peak["fp16"]
    return table.rename_axis("stage")


def validation_table(results):
    """Bounds on a processor beside the times that it took.

    Returns
    -------
    DataFrame
        `Mmult.` a call; `Gop/s`, the peak that was measured; `estimated, ms`, `measured, ms`
        and `ratio`, the first over the second. Index: network and batch.
    """
    rows = {}
    for result in sorted(results, key=lambda r: (r.config["network"], r.config["batch"])):
        m, config = result.metrics, result.config
        rows[config["network"], config["batch"]] = {
            "Mmult.": m["macs"] / 1e6,
            "Gop/s": m["peak_flops"] / 1e9,
            "estimated, ms": m["predicted_ms"],
            "measured, ms": m["p50_ms"],
            "ratio": m["predicted_ms"] / m["p50_ms"],
        }
    return frames.of_rows(rows, ["network", "batch"])


def _name(arm):
    return f"{arm.settings['bits']} bits, {names.word(arm.settings['split'])}"
