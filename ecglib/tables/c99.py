"""Tables of what runs on small devices: generated C, and the paper's printed times."""

import numpy as np
import pandas as pd

from ecglib.aami import CLASSES
from ecglib.deploy.roofline import MACHINES, bound
from ecglib.tables import arms
from ecglib.tables.scores import spread

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


def printed_table(published):
    """Paper 1's rows with a runtime, by machine.

    Parameters
    ----------
    published : module
        `ecglib.tables.published`.

    Returns
    -------
    DataFrame
    """
    rows = [*published.TABLE_1, *published.TABLE_3_NANO]
    table = {
        row.arm: {
            "accuracy": f"{row.accuracy:.4f} ± {row.accuracy_std:.4f}",
            "macro-F1": f"{row.macro_f1:.4f} ± {row.macro_f1_std:.4f}",
            "seconds": f"{row.runtime_s:,.0f}",
        }
        for row in rows
    }
    return pd.DataFrame(table).T.rename_axis("paper 1")


def agreement_table(results):
    """Scores of C code, and how often it agrees with what it was made from.

    Parameters
    ----------
    results : list of RunResult
        Of study "c99".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for arm in arms.group(results):
        metrics, first = [r.metrics for r in arm.results], arm.results[0]
        n_beats = sum(len(first.classes(record)) for record in first.predictions)
        rows[_name(arm)] = {
            "beats": f"{n_beats:,}",
            "exact": f"{min(m['exact'] for m in metrics):.3%}",
            "same as QAT": f"{min(m['agreement'] for m in metrics):.3%}",
            "accuracy": spread([m["accuracy"] for m in metrics]),
            "macro-F1": spread([m["macro_f1"] for m in metrics]),
        }
    return pd.DataFrame(rows).T.rename_axis("network")


def cost_table(results):
    """Memory, instructions and time of C code; empty where no tool counted them.

    Parameters
    ----------
    results : list of RunResult
        Of study "c99".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for arm in arms.group(results):
        metrics = pd.DataFrame([r.metrics for r in arm.results])
        rows[_name(arm)] = {
            text: f"{metrics[name].mean():,.0f}" if name in metrics else ""
            for name, text in _MEMORY.items()
        }
    return pd.DataFrame(rows).T.rename_axis("network")


def stream_table(results, library):
    """What a stream of samples gives, beside a detector that sees the whole recording.

    Parameters
    ----------
    results : list of RunResult
        Of study "c99": detector and network in C.
    library : list of RunResult
        Of study "robustness", arm "detected": wfdb's detector, the network in PyTorch.

    Returns
    -------
    DataFrame
        F1 counts missed beats and false detections, as EC57 does.
    """
    rows = {}
    for arm in arms.group(results):
        streams = [list(r.metrics["streamed"].values()) for r in arm.results]
        tp, fn, fp = np.sum([one["beats"] for one in streams[0]], axis=0)
        spent, recorded = (
            sum(one[key] for found in streams for one in found)
            for key in ("seconds", "recorded_s")
        )
        rows[f"C, {_name(arm)}"] = {
            "beats, Se": f"{tp / (tp + fn):.2%}",
            "+P": f"{tp / (tp + fp):.2%}",
            **_detected_f1([[one["classes"] for one in found] for found in streams]),
            "× real time": f"{recorded / spent:,.0f}",
            "delay, s": f"{np.median([one['delay_s'] for one in streams[0]]):.1f}",
        }
    counts = [list(r.metrics["detection"].values()) for r in library]
    if counts:
        rows["wfdb, PyTorch"] = _detected_f1(counts)
    return pd.DataFrame(rows).T.fillna("").rename_axis("detector, network")


def _detected_f1(counts):
    """F1 of each class and their mean, mean over seeds, from counts of records."""
    total = np.sum(counts, axis=1)  # (n_seeds, 3 classes, 3 counts)
    tp, wrong = total[:, :, 0], total[:, :, 1:].sum(axis=2)
    f1 = 2 * tp / np.maximum(2 * tp + wrong, 1)
    row = {
        f"F1 {name}": f"{value:.3f}" for name, value in zip(CLASSES, f1.mean(0), strict=True)
    }
    return row | {"macro-F1": spread(f1.mean(axis=1))}


def bound_table(works, batch=1):
    """Least milliseconds of a call, estimated, by network, format and machine.

    Parameters
    ----------
    works : dict of str to DataFrame
        Name of a network -> its work, from `ecglib.deploy.roofline.layer_work`.
    batch : int
        Inputs of a call.

    Returns
    -------
    DataFrame
        "–" where a machine has no such arithmetic.
    """
    rows = {}
    for name, work in works.items():
        for precision in ("fp32", "fp16", "int8"):
            rows[name, precision] = {
                machine.name: f"{1e3 * bound(work, machine, precision, batch).sum():.2g}"
                if precision in machine.peak
                else "–"
                for machine in MACHINES.values()
            }
    return pd.DataFrame(rows).T.rename_axis(["network", "format"])


def stage_table(stages, precision="fp16"):
    """Least seconds of the stages of a pipeline, estimated, by machine.

    Parameters
    ----------
    stages : Series
        Stage -> multiplications.
    precision : str
        Format whose peak counts.

    Returns
    -------
    DataFrame
    """
    rows = {
        stage: {"multiplications": f"{macs:.2g}"}
        | {m.name: _rounded(2 * macs / m.peak[precision]) for m in MACHINES.values()}
        for stage, macs in [*stages.items(), ("together", stages.sum())]
    }
    return pd.DataFrame(rows).T.rename_axis("stage")


def validation_table(results):
    """Bounds on a processor beside the times that it took.

    Parameters
    ----------
    results : list of RunResult
        Of study "roofline".

    Returns
    -------
    DataFrame
    """
    rows = {}
    for result in sorted(results, key=lambda r: (r.config["network"], r.config["batch"])):
        m, config = result.metrics, result.config
        rows[config["network"], config["batch"]] = {
            "Mmult.": f"{m['macs'] / 1e6:.3g}",
            "Gop/s": f"{m['peak_flops'] / 1e9:.0f}",
            "estimated, ms": f"{m['predicted_ms']:.3g}",
            "measured, ms": f"{m['p50_ms']:.3g}",
            "ratio": f"{m['predicted_ms'] / m['p50_ms']:.2f}",
        }
    return pd.DataFrame(rows).T.rename_axis(["network", "batch"])


def _rounded(value):
    """Two digits, and thousands with a comma."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _name(arm):
    return f"{arm.settings['bits']} bits, {arm.settings['split']}"
