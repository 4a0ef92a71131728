"""Tables of bounds: the least time of networks and pipelines, beside printed and measured ones.

`results` are runs of study "roofline"; `stages` is a Series of multiplications from
`ecglib.deploy.roofline`. A LookupError says that runs are missing.
"""

import numpy as np
import pandas as pd

from ecglib.deploy.bundle.measured import estimated_seconds
from ecglib.deploy.roofline import MACHINES, bound
from ecglib.tables import frames, papers

EPOCHS = 10
"""Of every stage of paper 1, which prints none: our assumption."""

_PRINTED = {"Jetson Nano": "Jetson Nano, FP16", "H200": "H200, FP16"}
"""Machine -> its row in Table 1 of paper 1."""


def beats_of_sides(tested_on_ds1, tested_on_ds2):
    """How many beats each stage of a pipeline on DS1 → DS2 sees.

    Parameters
    ----------
    tested_on_ds1, tested_on_ds2 : list of RunResult
        Of any study; the first of each is counted.

    Returns
    -------
    dict of str to int
        `n_train`; `n_online`, of the first five minutes of all test patients; `n_test`.
    """
    train, test = (_beats(results) for results in (tested_on_ds1, tested_on_ds2))
    return {"n_train": train[0], "n_online": test[0] - test[1], "n_test": test[0]}


def _beats(results):
    """Beats of N, S and V in all, and after 5:00."""
    if not results:
        raise LookupError("no run was tested on this side")
    return [
        int(sum(matrix.sum() for matrix in results[0].matrix(after_5min=late).values()))
        for late in (False, True)
    ]


def stage_table(stages):
    """Least seconds of the stages of a pipeline in FP16, estimated, by machine.

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


def pipeline_table(stages, ours, devices):
    """Seconds of paper 1's pipeline for one seed, and how each number is known.

    Parameters
    ----------
    stages : Series
        Of paper 1.
    ours : Arm
        The pipeline as we ran it on an H200, with fewer epochs.
    devices : list of dict
        From `ecglib.deploy.bundle.measured.load_devices`.

    Returns
    -------
    DataFrame
        Index: machine; columns `printed` (Table 1, FP16), `measured`, `estimated` from the
        measured seconds of single steps, `at least`; NaN where there is none.
    """
    least = stage_table(stages).loc["together"].drop("multiplications")
    printed = {row.arm: row.runtime_s for row in papers.PAPER1_TABLE_1}
    table = pd.DataFrame({"at least": least.astype(float)})
    table["printed"] = [printed.get(_PRINTED.get(name), np.nan) for name in table.index]
    table["measured"] = np.nan
    seconds = [sum(result.runtime_s.values()) for result in ours.results]
    table.loc["H200", "measured"] = np.mean(seconds)
    table["estimated"] = np.nan
    table.loc["H200", "estimated"] = estimated_seconds(devices, "cuda")
    return table[["printed", "measured", "estimated", "at least"]]


def machine_table():
    """What the makers print of each machine.

    Returns
    -------
    DataFrame
        Top/s (10¹² operations a second) in `fp32`, `fp16` and `INT8`, "none" where the units
        lack the format; `GB/s` of memory.
    """
    rows = {}
    for machine in MACHINES.values():
        peaks = {name: peak / 1e12 for name, peak in machine.peak.items()}
        rows[machine.name] = {
            "fp32, Top/s": peaks.get("fp32", "none"),
            "fp16, Top/s": peaks.get("fp16", "none"),
            "INT8, Top/s": peaks.get("int8", "none"),
            "memory, GB/s": machine.bandwidth / 1e9,
        }
    return frames.of_rows(rows)


def bound_table(works):
    """Least milliseconds of a call with one input, estimated, by network, format and machine.

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
    missing = "no network was timed against its bound"
    return frames.of_rows(rows, ["network", "batch"], missing=missing)
