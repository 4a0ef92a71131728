"""The first table of the book: what the papers claim, what we found, and how sure that is."""

import pandas as pd

from ecglib.tables import names, overview, papers

PRINTED = {
    "adabn": papers.PAPER1_TABLE_3["adabn"].macro_f1,
    "head_only": papers.PAPER1_TABLE_3["head_only"].macro_f1,
    "fp16_gain": papers.PAPER1_TABLE_1[0].macro_f1 - papers.PAPER1_TABLE_1[1].macro_f1,
    "best_row": papers.PAPER1_BEST.macro_f1,
    "paper_laq": papers.PAPER2_TABLE_1["resnet1d"]["LAQ"].ratio,
    "nano_s": papers.PAPER1_TABLE_1[2].runtime_s,
}
"""Numbers of the papers that a sentence below quotes."""

COLUMNS = ["the papers", "found here", "how sure"]

SENTENCES = {
    "Does unlabelled personalization pay?": (
        "personalization",
        "AdaBN {adabn:.3f}, head-only {head_only:.3f} macro-F1; no control; the network "
        "trained on DS1 only “remains stronger”",
        "no: the best of {n_strategies} strategies, {best}, is {difference:+.3f} from its "
        "control",
        "interval over {n_patients} patients, {n_seeds} seeds, after 5:00; narrow network, "
        "head fine-tuned",
    ),
    "FP16 or BF16?": (
        "precision",
        "FP16, by {fp16_gain:.3f} macro-F1",
        "a draw: {difference:+.3f}",
        "interval over {n_seeds} seeds; emulated, narrow network",
    ),
    "What do 8 bits cost?": (
        "int8",
        "best row: head and shallow blocks in INT8, {best_row:.3f} macro-F1; no fp32 row",
        "all layers in INT8, calibrated: {difference:+.3f} to fp32",
        "interval over {n_patients} patients, {n_seeds} seeds; narrow network, DS1 only",
    ),
    "Compression without loss?": (
        "compression",
        "LAQ: {paper_laq:.2f} times, “without any loss”",
        "LAQ {laq_ratio:.1f} times at {laq:+.1f} points of accuracy; pruned and rounded while "
        "training, a file {file_ratio:.0f} times smaller at {joint:+.1f} to its fp32 start, "
        "{as_long:+.1f} to 8 bits trained as long",
        "interval over {n_recordings:,} recordings, {n_folds} folds, one seed; CinC 2017, "
        "ResNet1D smaller than the paper's",
    ),
    "What runs at the edge?": (
        "c99",
        "{nano_s:,.0f} s on a Jetson Nano, FP16, personalization included; INT8 not supported",
        "another, small network that classifies, in integers, in plain C: {flash_kb:.1f} KB of "
        "flash (linked for a Cortex-M4), {us_per_beat:.0f} µs a beat on one core of a PC",
        "C = NumPy on {exact:.0%} of DS2's beats, {n_seeds} seeds",
    ),
    "What repairs what the split hides?": (
        "budget",
        "“human-in-the-loop”, not measured",
        "five labelled beats a patient: {difference:+.3f}, to {macro_f1:.3f} macro-F1, with "
        "4 kB; without record 232 {without_heavy:+.3f}",
        "interval over {n_patients} patients, each left out once, {n_seeds} seeds",
    ),
}
"""Question -> study, and what stands in `COLUMNS`, with the numbers of `overview.FACTS`."""


def table(load):
    """Claims of the papers beside what the reference runs say, in sentences.

    Parameters
    ----------
    load : callable
        Name of a study -> its reference runs.

    Returns
    -------
    DataFrame of str
        A row a question, columns `COLUMNS`.
    """
    rows = {}
    for question, (study, *sentences) in SENTENCES.items():
        facts = overview.FACTS[study](load(study))
        facts = {name: names.word(x) if isinstance(x, str) else x for name, x in facts.items()}
        rows[question] = [text.format(**PRINTED, **facts) for text in sentences]
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
