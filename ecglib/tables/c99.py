"""Tables of generated C: whether it is right, what it takes, what a stream of samples gives.

`results` are runs of study "c99". A LookupError says that runs are missing, or what no tool
counted, or that there are several arms where one is meant.
"""

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.tables import arms, frames, names, papers, scores

LINKED, COUNTED, TIMED = "linked for a Cortex-M4", "counted on a PC", "timed on a PC"

_COSTS = {
    "constant_bytes": ("weights and constants, bytes", LINKED),
    "flash_bytes": ("flash, bytes", LINKED),
    "ram_bytes": ("RAM, bytes", LINKED),
    "stream_flash_bytes": ("flash with detector, bytes", LINKED),
    "stream_ram_bytes": ("RAM with detector, bytes", LINKED),
    "device_flash_bytes": ("flash with detector and learner, bytes", LINKED),
    "device_ram_bytes": ("RAM with detector and learner, bytes", LINKED),
    "macs": ("multiplications a beat", "from the layers"),
    "instructions": ("instructions of the network a beat", COUNTED),
    "label 1": ("instructions of the first label", COUNTED),
    "label 20": ("instructions of the twentieth label", COUNTED),
    "us_per_beat": ("µs a beat", TIMED),
}
"""Metric -> what a page calls it, and how it is known."""

SMALL_DEVICE = {"flash": 32 * 1024, "RAM": 16 * 1024}
"""Bytes of an STM32F301K6 by its data sheet: a small microcontroller with a Cortex-M4."""


def agreement_table(results):
    """Scores of C code, and how often it agrees with what it was made from.

    Returns
    -------
    DataFrame
        `beats`; `exact`, `exact while learning` (C and NumPy) and `same as QAT`, shares of the
        least exact seed; `accuracy` and
        `macro-F1` with deviation over seeds.
    """
    rows = {}
    for arm in arms.group(results):
        metrics, first = pd.DataFrame([r.metrics for r in arm.results]), arm.results[0]
        rows[_name(arm)] = {
            "beats": sum(len(first.classes(record)) for record in first.predictions),
            "exact": metrics["exact"].min(),
            "exact while learning": metrics["learned_exact"].min(),
            "same as QAT": metrics["agreement"].min(),
            **frames.spread("accuracy", metrics["accuracy"]),
            **frames.spread("macro-F1", metrics["macro_f1"]),
        }
    return frames.of_rows(rows, "network", missing="no network was run in C")


def cost_table(results):
    """Memory, instructions and time of one network in C, mean over seeds of one arm.

    Returns
    -------
    DataFrame
        Columns `number`, NaN where no tool counted it, and `how it is known`.
    """
    metrics = [result.metrics for result in arms.pick(results).results]
    labels = [
        {f"label {n}": count for n, count in m.get("label_instructions", {}).items()}
        for m in metrics
    ]
    rows = [m | more for m, more in zip(metrics, labels, strict=True)]
    means = pd.DataFrame(rows).reindex(columns=list(_COSTS)).mean()
    rows = {
        name: {"number": means[metric], "how it is known": how}
        for metric, (name, how) in _COSTS.items()
    }
    return frames.of_rows(rows)


def beside_others(results):
    """Published networks for small devices, beside ours in C (one arm); all beats of DS2.

    Returns
    -------
    DataFrame
        `accuracy`, `macro-F1`, with deviation over seeds, and `weights, bytes`.
    """
    nano = papers.PAPER1_TABLE_1[-1]
    farag = next(row for row in papers.PEERS if row.n_bytes)
    scored, size = agreement_table(arms.pick(results).results).iloc[0], "weights, bytes"
    constants = results[0].metrics["constant_bytes"]
    rows = {
        f"paper 1 on a {nano.arm}, printed": papers.columns(nano) | {size: "not printed"},
        f"{farag.source}, printed": papers.columns(farag) | {size: farag.n_bytes},
        "ours in C, on a PC": scored.to_dict() | {size: constants},
    }
    columns = ["accuracy", "accuracy std", "macro-F1", "macro-F1 std", size]
    return frames.of_rows(rows)[columns]


def memory_parts(results):
    """What fills the memory of a Cortex-M4, mean over seeds of one arm.

    Returns
    -------
    dict of str to dict of str to float
        "flash" and "RAM" -> part -> bytes.
    """
    metrics = pd.DataFrame([result.metrics for result in arms.pick(results).results])
    if "stream_flash_bytes" not in metrics:
        raise LookupError("nothing was linked for a Cortex-M4")
    m = metrics.mean(numeric_only=True)
    return {
        "flash": {
            "weights and constants": m["constant_bytes"],
            "code": m["flash_bytes"] - m["constant_bytes"],
            "added by the detector": m["stream_flash_bytes"] - m["flash_bytes"],
            "added by the learner": m["device_flash_bytes"] - m["stream_flash_bytes"],
        },
        "RAM": {
            "state of the patient": m["state_bytes"],
            "stack": m["stack_bytes"],
            "samples": m["sample_bytes"],
            "added by the detector": m["stream_ram_bytes"] - m["ram_bytes"],
            "added by the learner": m["device_ram_bytes"] - m["stream_ram_bytes"],
        },
    }


def stream_table(results, library):
    """What a stream of samples gives, beside a detector that sees the whole recording.

    Parameters
    ----------
    library : list of RunResult
        Of study "robustness", beats "detected": the detector in NumPy, the network in PyTorch.

    Returns
    -------
    DataFrame
        `beats, Se` and `+P` of the detector; `F1 N`, `F1 S`, `F1 V` and `macro-F1` (with
        deviation over seeds), where missed beats and false detections count, as EC57 has it;
        `× real time`; `delay, s` of an answer, median.
    """
    if not results:
        raise LookupError("no network was run in C")
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


def f1_by_peaks(results, library):
    """F1 of each class, and "macro-F1", by where the R-peaks come from, mean over seeds.

    Arguments are those of `stream_table`, of one arm each.
    """
    arm = arms.pick(results)
    known = scores.class_scores(arm)
    found = {
        "our detector, in C": scores.detected_f1(
            arm.results, lambda r: _streamed(r)["classes"]
        ),
        "our detector, in Python": scores.detected_f1(arms.pick(library).results),
    }
    rows = {"annotated R-peaks, in C": {c: known[c]["f1"] for c in CLASSES}}
    rows |= {name: dict(zip(CLASSES, f1.mean(0), strict=True)) for name, f1 in found.items()}
    return {
        k: row | {"macro-F1": float(np.mean(list(row.values())))} for k, row in rows.items()
    }


def _streamed(result):
    """What came out of the stream of each record, a row a record."""
    return pd.DataFrame(result.metrics["streamed"].values())


def _f1(f1):
    """Columns of the F1 of each class and their mean, from (n_seeds, 3)."""
    row = {f"F1 {name}": value for name, value in zip(CLASSES, f1.mean(0), strict=True)}
    return row | frames.spread("macro-F1", f1.mean(axis=1))


def _name(arm):
    return f"{arm.settings['bits']} bits, {names.word(arm.settings['split'])}"


JOULES_A_CYCLE = 0.3e-9
"""Of a Cortex-M4 with 100 µA a MHz at 3 V, as the data sheet of the STM32L476 has it."""


def energy(instructions):
    """Estimate of the energy of some instructions in mJ, if each takes one cycle."""
    return 1e3 * instructions * JOULES_A_CYCLE
