"""The study at a glance: one figure of accuracy, bytes and cost."""

from dataclasses import astuple

import matplotlib.pyplot as plt
import pandas as pd

from ecglib import stats
from ecglib.aami import DS2
from ecglib.metrics import macro_f1
from ecglib.models.ecgnet import HEAD, SHALLOW, ECGNet, ECGNetConfig, n_bytes
from ecglib.plots.style import NEUTRAL, name_rows
from ecglib.tables import arms, names, papers
from ecglib.tables import budget as budget_tables
from ecglib.tables.overview import STANDARD
from ecglib.tables.scores import always_n

OURS, LEFT_OUT = "ours", "ours, every patient left out once"
MARKERS = {"paper 1": "s", "literature": "D", OURS: "o", LEFT_OUT: "^"}
COLORS = {"paper 1": "#999999", "literature": "#CC79A7", OURS: "#0072B2", LEFT_OUT: "#009E73"}

COLUMNS = ("name", "group", "macro_f1", "low", "high", "bytes", "seconds")


def headline_arms(baseline, personalized, rounded):
    """The arms that the overview quotes, on DS1→DS2: name -> Arm.

    Parameters are runs of studies "baseline", "personalization" and "int8".
    """
    by_strategy = arms.by(personalized, "strategy", **STANDARD)
    alone = arms.by(baseline, "features", norm="none", split="ds1_ds2")
    integers = {"pipeline": "baseline", "scope": "all_int8", "method": "ptq"}
    integers |= {"split": "ds1_ds2", "channels": alone["beat"].settings["channels"]}
    return {
        "DS1 only, isolated beats": alone["beat"],
        "the same, all layers INT8": arms.pick(rounded, **integers),
        "DS1 only, beats + RR ratios": alone["beat+rr"],
        "puzzle, nobody personalized (none)": by_strategy.pop("none"),
    } | {f"puzzle, personalized ({names.word(name)})": arm for name, arm in by_strategy.items()}


def micro_points(micro, budget):
    """The micro network with and without labels, rows for `landscape` as those of `points`.

    Whoever gave labels is scored after 5:00; seconds are those of asking and learning, 22
    patients. Parameters are runs of these studies.
    """
    rows = []
    for split, group in (("ds1_ds2", OURS), ("lopo", LEFT_OUT)):
        chosen = budget_tables.by_variant(micro, split=split, scope="all_int8")["chosen"]
        size = chosen.results[0].metrics["weight_bytes"]
        rows.append(_micro_row("MicroNet INT8, no label", group, chosen, False, size))
        by_budget = budget_tables.by_budget(budget, split=split, scope="all_int8")
        for k in (5, 20):
            name = f"MicroNet INT8, {k} labels, after 5:00"
            rows.append(_micro_row(name, group, by_budget[k], True, size))
    kind = {"split": "lopo", "scope": "all_int8", "asking": "stream"}
    streamed = budget_tables.by_budget(budget, query="least_confidence", **kind)
    for arm in [arm for k, arm in streamed.items() if k]:
        labels = budget_tables.mean_over(arm, budget_tables.labels_a_record)
        name = f"MicroNet INT8, {labels:.0f} labels when unsure, after 5:00"
        rows.append(_micro_row(name, LEFT_OUT, arm, True, size))
    return pd.DataFrame(rows, columns=COLUMNS)


def _micro_row(name, group, arm, after_5min, size):
    interval = stats.patient_bootstrap(arm.matrices(after_5min=after_5min), macro_f1)
    seconds = float("nan")
    if after_5min:
        seconds = len(DS2) * budget_tables.mean_over(arm, budget_tables.seconds_a_patient)
    return name, group, *astuple(interval), size, seconds


def trivial(named):
    """Macro-F1 of always answering N on the beats that these arms were scored on."""
    return always_n(next(iter(named.values())).matrices()[0]).macro_f1


def points(named):
    """Methods of the papers, the literature and our arms (name -> Arm), for `landscape`.

    Returns
    -------
    DataFrame
        Columns `name`, `group` (key of `MARKERS`), `macro_f1`, `low`, `high`, `bytes` and
        `seconds` of the online stage, NaN where there is none or none is published. Bytes of
        paper 1 are estimated for 512 filters in blocks 3 to 5.
    """
    rows = list(_printed()) + [_ours(name, arm) for name, arm in named.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _printed():
    """Rows of paper 1 and of the literature."""
    network, nan = ECGNet(ECGNetConfig()), float("nan")
    best = papers.PAPER1_BEST
    size = n_bytes(network, (*HEAD, *SHALLOW))
    yield f"paper 1: {best.arm}", "paper 1", best.macro_f1, nan, nan, size, nan
    for row in papers.PAPER1_TABLE_3.values():
        name = f"paper 1: personalized, {row.arm}"
        yield name, "paper 1", row.macro_f1, nan, nan, n_bytes(network), row.runtime_s
    for row in papers.PEERS:
        yield row.source, "literature", row.macro_f1, nan, nan, row.n_bytes or nan, nan


def _ours(name, arm):
    """Row of one of our arms; its online stage is what it does for all test patients."""
    settings, metrics = arm.settings, arm.results[0].metrics
    n_rr = 5 if settings.get("features") == "beat+rr" else 0  # else beats alone
    size = ECGNetConfig(tuple(settings["channels"]), norm=settings["norm"], n_rr=n_rr)
    interval = stats.patient_bootstrap(arm.matrices(), macro_f1)
    seconds = float("nan")
    if settings.get("strategy", "none") != "none" and settings.get("pipeline") != "baseline":
        times = pd.DataFrame([result.runtime_s for result in arm.results])
        stages = times.reindex(columns=["features", "adapt", "finetune"])
        seconds = stages.sum(axis=1).mean()
    size = metrics.get("weight_bytes", n_bytes(ECGNet(size)))
    return name, OURS, *astuple(interval), size, seconds


def landscape(points, trivial):
    """Macro-F1, bytes of the weights and seconds of the online stage, by method.

    Parameters
    ----------
    points : DataFrame
        From the function of that name, and from `micro_points`.
    trivial : float
        Macro-F1 of answering N always.
    """
    points = points.reset_index(drop=True)
    figure, axes = plt.subplots(1, 3, figsize=(12, 0.34 * len(points) + 1), sharey=True)
    place = pd.Series(range(len(points)), index=points.index)
    columns = ["macro_f1", "low", "high", "bytes", "seconds"]
    for group, rows in points.groupby("group", sort=False):
        look = {"fmt": MARKERS[group], "color": COLORS[group]}
        y = place[rows.index].to_numpy()
        score, low, high, size, seconds = rows[columns].to_numpy(dtype=float).T
        error = [score - low, high - score]
        axes[0].errorbar(score, y, xerr=error, capsize=3, label=group, **look)
        axes[1].errorbar(size, y, **look)
        axes[2].errorbar(seconds, y, **look)
    axes[0].axvline(trivial, color=NEUTRAL, ls=":", label="always N")
    name_rows(axes[0], points["name"])
    axes[0].set_xlabel("macro-F1")
    axes[1].set(xscale="log", xlabel="bytes of the weights", xlim=(1e3, 1e8))
    axes[2].set(xscale="log", xlabel="seconds", xlim=(0.1, 1e4))
    figure.legend(loc="outside upper center", ncols=4)
    return figure
