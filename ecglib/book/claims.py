"""The first table of the book: what the papers claim, what we found, and how sure that is."""

import pandas as pd

from ecglib.tables import overview, papers
from ecglib.tables.names import word

COLUMNS = ["the papers", "found here", "how sure"]


def table(load):
    """Claims of the papers beside what the reference runs say, in sentences.

    Parameters
    ----------
    load : callable
        Name of a study -> its reference runs.

    Returns
    -------
    DataFrame of str
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
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)


def _personalization(runs):
    found, printed = overview.personalization(runs), papers.PAPER1_TABLE_3
    return (
        f"AdaBN {printed['adabn'].macro_f1:.3f}, head-only "
        f"{printed['head_only'].macro_f1:.3f} macro-F1; no control; the network trained on DS1 "
        "only “remains stronger”",
        f"no: the best of {found['n_strategies']} strategies, {word(found['best'])}, is "
        f"{found['difference']:+.3f} from its control",
        f"interval over {found['n_patients']} patients, {found['n_seeds']} seeds, after 5:00; "
        "narrow network, head fine-tuned",
    )


def _formats(runs):
    found = overview.formats(runs)
    fp16, bf16 = (row.macro_f1 for row in papers.PAPER1_TABLE_1[:2])
    return (
        f"FP16, by {fp16 - bf16:.3f} macro-F1",
        f"a draw: {found['difference']:+.3f}",
        f"interval over {found['n_seeds']} seeds; emulated, narrow network",
    )


def _integers(runs):
    found = overview.integers(runs)
    return (
        f"best row: head and shallow blocks in INT8, {papers.PAPER1_BEST.macro_f1:.3f} "
        "macro-F1; no fp32 row",
        f"all layers in INT8, calibrated: {found['difference']:+.3f} to fp32",
        f"interval over {found['n_patients']} patients, {found['n_seeds']} seeds; narrow "
        "network, DS1 only",
    )


def _compression(runs):
    found = overview.compression(runs)
    printed = papers.PAPER2_TABLE_1["resnet1d"]["LAQ"].ratio
    return (
        f"LAQ: {printed:.2f} times, “without any loss”",
        f"LAQ {found['laq_ratio']:.1f} times at {found['laq']:+.1f} points of accuracy; pruned "
        f"and rounded while training, a file {found['file_ratio']:.0f} times smaller at "
        f"{found['joint']:+.1f} to its fp32 start, {found['as_long']:+.1f} to 8 bits trained "
        "as long",
        f"interval over {found['n_recordings']:,} recordings, {found['n_folds']} folds, one "
        "seed; CinC 2017, ResNet1D smaller than the paper's",
    )


def _edge(runs):
    found = overview.edge(runs)
    return (
        f"{papers.PAPER1_TABLE_1[2].runtime_s:,.0f} s on a Jetson Nano, FP16, personalization "
        "included; INT8 not supported",
        "another, small network that classifies, in integers, in plain C: "
        f"{found['flash_kb']:.1f} KB of flash (linked for a Cortex-M4), "
        f"{found['us_per_beat']:.0f} µs a beat on one core of a PC",
        f"C = NumPy on {found['exact']:.0%} of DS2's beats, {found['n_seeds']} seeds",
    )


def _labels(runs):
    found = overview.labels(runs)
    return (
        "“human-in-the-loop”, not measured",
        f"five labelled beats a patient: {found['difference']:+.3f}, to "
        f"{found['macro_f1']:.3f} macro-F1, with 4 kB; without record 232 "
        f"{found['without_heavy']:+.3f}",
        f"interval over {found['n_patients']} patients, each left out once, "
        f"{found['n_seeds']} seeds",
    )
