"""The study on one screen: what was claimed, what we found, how sure, what is new."""

import pandas as pd

from ecglib import results, stats
from ecglib.aami import patient_of
from ecglib.metrics import macro_f1
from ecglib.tables import arms, budget, paper2, precision, published
from ecglib.tables.scores import HEAVY_RECORD

_STANDARD = {"split": "ds1_ds2", "finetune": "head", "online_seconds": 300, "norm": "batch"}


def claims_table(load):
    """Claims of the papers beside what the reference runs say.

    Parameters
    ----------
    load : callable
        Name of a study -> its reference runs.

    Returns
    -------
    DataFrame
        A row a question; intervals are 95 %, over patients, folds or seeds as the row says.
    """
    rows = {
        "Does unlabelled personalization pay?": _personalization(load("personalization")),
        "FP16 or BF16?": _formats(load("precision")),
        "What do 8 bits cost?": _integers(load("int8")),
        "Compression without loss?": _compression(load("compression")),
        "What runs at the edge?": _edge(load("c99")),
        "What repairs what the split hides?": _labels(load("budget")),
    }
    columns = ["the papers", "found here", "how sure"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _difference(arm, control, *, after_5min=False):
    pair = [a.matrices(after_5min=after_5min) for a in (arm, control)]
    return f"{stats.paired_difference(*pair, macro_f1):+.3f}"


def _n_records(arm):
    return len(arm.results[0].per_record)


def _personalization(runs):
    ours = arms.by(runs, "strategy", **_STANDARD)
    control = ours.pop("none")
    differences = {
        name: _difference(arm, control, after_5min=True) for name, arm in ours.items()
    }
    best = max(differences, key=lambda name: float(differences[name].split()[0]))
    printed = published.TABLE_3
    return (
        f"AdaBN {printed['adabn'].macro_f1:.3f}, head-only "
        f"{printed['head_only'].macro_f1:.3f} macro-F1; no control; the network trained on DS1 "
        "only “remains stronger”",
        f"no: the best of five strategies, {best}, is {differences[best]} from its control",
        f"interval over {_n_records(control)} patients, {len(control.results)} seeds, "
        "after 5:00; narrow network, head fine-tuned",
    )


def _formats(runs):
    by_name = precision.by_format(runs)
    pair = {name: by_name[name] for name in ("fp16, emulated", "bf16, emulated")}
    row = precision.pairs_table(pair).iloc[0]
    printed = [r.macro_f1 for r in published.TABLE_1[:2]]
    return (
        f"FP16, by {printed[0] - printed[1]:.3f} macro-F1",
        f"a draw: {row['over seeds']}",
        f"interval over {len(by_name['fp32'].results)} seeds; emulated, narrow network",
    )


def _integers(runs):
    chosen = next(r for r in runs if r.selected)
    kind = {k: chosen.config[k] for k in ("pipeline", "norm", "split", "channels")}
    rounded = arms.pick(runs, **kind, scope="all_int8", method="ptq")
    plain = arms.pick(runs, **kind, scope="none", method="ptq")
    best = max(published.TABLE_2, key=lambda r: r.macro_f1)
    return (
        f"best row: head and shallow blocks in INT8, {best.macro_f1:.3f} macro-F1; no fp32 row",
        f"all layers in INT8, calibrated: {_difference(rounded, plain)} to fp32",
        f"interval over {_n_records(rounded)} patients, {len(rounded.results)} seeds; narrow "
        "network, DS1 only",
    )


def _compression(runs):
    pooled = {
        (r.config["method"], r.config["share"]): r
        for r in runs
        if (r.config["dataset"], r.config["model"], r.config["fold"])
        == ("cinc2017", "resnet1d", "all")
    }
    laq, joint = pooled["laq", 0.0].metrics, pooled["joint", 0.9].metrics
    as_long = 100 * (joint["accuracy"] - pooled["trained", 0.0].metrics["accuracy"])
    folds = pooled["laq", 0.0].predictions.values()
    n_recordings = sum(len(results.decode_recordings(fold)) for fold in folds)
    return (
        f"LAQ: {paper2.TABLE_1['resnet1d']['LAQ'].ratio:.2f} times, “without any loss”",
        f"LAQ {laq['ideal_ratio']:.1f} times at {_points(laq)} points of accuracy; pruned and "
        f"rounded while training, a file {joint['file_ratio']:.0f} times smaller at "
        f"{_points(joint)} to its fp32 start, {as_long:+.1f} to 8 bits trained as long",
        f"interval over {n_recordings:,} recordings, {len(folds)} folds, one seed; CinC 2017, "
        "ResNet1D smaller than the paper's",
    )


def _points(metrics):
    low, high = 100 * metrics["difference_low"], 100 * metrics["difference_high"]
    return f"{100 * metrics['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"


def _edge(runs):
    measured = [r.metrics for r in runs]
    nano = published.TABLE_1[2].runtime_s
    flash = max(m["flash_bytes"] for m in measured)
    micros = sorted(m["us_per_beat"] for m in measured)[len(measured) // 2]
    exact = min(m["exact"] for m in measured)
    return (
        f"{nano:,.0f} s on a Jetson Nano, FP16, personalization included; INT8 not supported",
        "another, small network that classifies, in integers, in plain C: "
        f"{flash / 1000:.1f} KB of flash (linked for a Cortex-M4), {micros:.0f} µs a beat on "
        "one core of a PC",
        f"C = NumPy on {exact:.0%} of DS2's beats, {len(measured)} seeds",
    )


def _labels(runs):
    ours = budget.by_budget(runs, split="lopo", scope="all_int8")
    pair = [arm.matrices(after_5min=True) for arm in (ours[5], ours[0])]
    others = (stats.without(matrices, HEAVY_RECORD) for matrices in pair)
    n_patients = len({patient_of(int(record)) for record in pair[0][0]})
    return (
        "“human-in-the-loop”, not measured",
        f"five labelled beats a patient: {_difference(ours[5], ours[0], after_5min=True)}, to "
        f"{stats.patient_bootstrap(pair[0], macro_f1).value:.3f} macro-F1, with 4 kB; without "
        f"record {HEAVY_RECORD} {stats.paired_difference(*others, macro_f1):+.3f}",
        f"interval over {n_patients} patients, each left out once, "
        f"{len(ours[5].results)} seeds",
    )
