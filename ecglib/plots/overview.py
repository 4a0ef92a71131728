"""The study at a glance: one figure of accuracy, bytes and cost."""

import matplotlib.pyplot as plt
import pandas as pd

from ecglib import arms, published, stats
from ecglib.metrics import macro_f1
from ecglib.models.ecgnet import HEAD, SHALLOW, ECGNet, ECGNetConfig, n_bytes
from ecglib.plots.style import NEUTRAL
from ecglib.tables import always_n

MARKERS = {"paper 1": "s", "literature": "D", "ours": "o"}
COLORS = {"paper 1": "#999999", "literature": "#CC79A7", "ours": "#0072B2"}


def headline_arms(baseline, personalized):
    """The arms that the overview quotes, on DS1→DS2.

    Parameters
    ----------
    baseline, personalized : list of RunResult
        Reference runs of the two studies.

    Returns
    -------
    dict of str to Arm
    """
    standard = {"finetune": "head", "online_seconds": 300, "norm": "batch"}
    by_strategy = arms.by(personalized, "strategy", split="ds1_ds2", **standard)
    alone = arms.by(baseline, "features", norm="none", split="ds1_ds2")
    return {
        "DS1 only, isolated beats": alone["beat"],
        "DS1 only, beats + RR ratios": alone["beat+rr"],
        "puzzle, nobody personalized (none)": by_strategy.pop("none"),
    } | {f"puzzle, personalized ({name})": arm for name, arm in by_strategy.items()}


def trivial(named):
    """Macro-F1 of always answering N on the beats that these arms were scored on."""
    return always_n(next(iter(named.values())).matrices()[0])["macro_f1"]


def points(named):
    """Methods of the papers, the literature and this book, for `landscape`.

    Parameters
    ----------
    named : dict of str to Arm
        Our arms.

    Returns
    -------
    DataFrame
        Columns `name`, `group` (key of `MARKERS`), `bytes`, `macro_f1`, `low`, `high`;
        bytes of paper 1 are estimated for 512 filters in blocks 3 to 5, and methods whose
        size is neither printed nor to be estimated are left out.
    """
    papers_net = ECGNet(ECGNetConfig())
    rows = []
    for row in published.TABLE_2:
        parts = (*HEAD, *SHALLOW) if "shallow" in row.arm else HEAD
        size = n_bytes(papers_net, parts)
        rows.append((row.arm, "paper 1", size, row.macro_f1, row.macro_f1, row.macro_f1))
    for row in published.PEERS:
        if row.n_bytes:
            f1 = row.macro_f1
            rows.append((row.source, "literature", row.n_bytes, f1, f1, f1))
    for name, arm in named.items():
        settings = arm.settings
        n_rr = 5 if settings["features"] == "beat+rr" else 0
        size = ECGNetConfig(tuple(settings["channels"]), norm=settings["norm"], n_rr=n_rr)
        interval = stats.patient_bootstrap(arm.matrices(), macro_f1)
        rows.append(
            (name, "ours", n_bytes(ECGNet(size)), interval.value, interval.low, interval.high)
        )
    return pd.DataFrame(rows, columns=["name", "group", "bytes", "macro_f1", "low", "high"])


def landscape(points, trivial):
    """Macro-F1 on DS2 against the bytes of the weights, one point a method.

    Parameters
    ----------
    points : DataFrame
        From the function of that name.
    trivial : float
        Macro-F1 of answering N always.

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(9, 4.6))
    for group, rows in points.groupby("group", sort=False):
        size, value, low, high = rows[["bytes", "macro_f1", "low", "high"]].to_numpy().T
        axis.errorbar(
            *(size, value),
            yerr=[value - low, high - value],
            fmt=MARKERS[group],
            color=COLORS[group],
            capsize=3,
            label=group,
        )
    for row in points.itertuples():
        axis.annotate(
            *(row.name, (row.bytes, row.macro_f1)),
            xytext=(8, 4),
            textcoords="offset points",
            fontsize=9,
        )
    axis.axhline(trivial, color=NEUTRAL, ls=":", label="always N")
    axis.set(
        xscale="log", xlabel="bytes of the weights", ylabel="macro-F1 on DS2", ylim=(0.2, 1)
    )
    axis.margins(x=0.25)
    axis.legend(loc="lower left")
    return figure
