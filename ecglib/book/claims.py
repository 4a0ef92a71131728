"""What the study found, in the sentences of the overview and of README.

A sentence names numbers of one function of `ecglib.tables.overview`, in the form that
`ecglib.book.say.filled` reads.
"""

from functools import cache
from typing import NamedTuple

import pandas as pd

from ecglib.book.say import fields, filled
from ecglib.tables import overview


class Answer(NamedTuple):
    """A question of the study, and what the reference runs say.

    Attributes
    ----------
    question : str
    facts : function
        Of `ecglib.tables.overview`, returns the numbers of the text.
    text : str
    chapter : str
        Where it is shown.
    """

    question: str
    facts: object
    text: str
    chapter: str


ANSWERS = (
    Answer(
        "Does adapting without labels help?",
        overview.personalization,
        "**Within one database we cannot show it.** At the paper's size ({n_seeds} seeds) the "
        "best of {n_strategies} strategies changes macro-F1 by {gain:change}, on the usual "
        "test patients. In {n_settings} settings {above} interval lies above zero. On a second "
        "database (narrow network, one seed), AdaBN changes it by {abroad:change}.",
        "03_personalization",
    ),
    Answer(
        "Are eight bits enough?",
        overview.integers,
        "**Yes, without further training.** In a narrow network with all layers in 8-bit "
        "integers ({n_seeds} seeds), macro-F1 changes by {difference:change}. Its file is "
        "{smaller:digits} times smaller.",
        "05_int8_qat",
    ),
    Answer(
        "How small can a file get?",
        overview.compression,
        "**{sized_smaller:digits} times smaller, at the paper's size.** ResNet1D was pruned "
        "and rounded while it learned, on a tenth of Chapman (one seed). Its accuracy changes "
        "by {sized_as_long:points} against 32 bits trained as long. In a small network on CinC "
        "2017, the file is {file_ratio:digits} times smaller; compared in the same way, "
        "accuracy changes by {as_long:points}.",
        "06_layerwise_compression",
    ),
    Answer(
        "What do labels bring?",
        overview.labels,
        "**A gain on two databases.** About {asked:digits} labels in half an hour, asked for "
        "in doubt, change the macro-F1 of a network of four kilobytes by {doubt_mit:change} on "
        "MIT-BIH and by {doubt_svdb:change} on SVDB. It learns in integers, as a device would.",
        "09_on_the_wrist",
    ),
)
"""Question by question, as the overview's four pictures show it."""

AGAINST = (
    (
        overview.missed_goals,
        "We missed {missed} of {goals:count} goals that we had set for the micro network "
        "before its runs (chapter 8).",
    ),
    (
        overview.labels,
        "Five labels of the first five minutes bring less: {five_svdb:change} on SVDB and "
        "{five_mit:change} on MIT-BIH. More than half of the latter is due to one patient, "
        "record 232: without it, {five_without_heavy:change} is left.",
    ),
    (
        overview.labels_of_ecgnet,
        "In another network (narrow ECGNet with timing) we cannot show a gain of five labels: "
        "{gain:change} on DS2, without record 232 {without_heavy:change}.",
    ),
    (
        overview.labels,
        "Labels can do harm, wrong ones more. With one label, the network of one seed loses "
        "up to {one_worst:amount} of accuracy on one patient, with five {five_worst:amount}, "
        "and in doubt, with at most twenty an hour, {doubt_worst:amount}.",
    ),
    (
        overview.personalization,
        "Adapting without labels can do harm, too: the network of one seed loses up to "
        "{worst:amount} of accuracy on one patient. Without record 232, the best strategy "
        "changes macro-F1 by {without_heavy:change}.",
    ),
    (
        overview.inputs,
        "On MIT-BIH alone, we cannot show that the input of our network is the best one. "
        "Without labels, an input like that of Farag 2023 has {farag:f1} macro-F1, and ours "
        "{ours:f1} (fp32, every patient left out once, one seed): the difference is "
        "{difference:change}, "
        "without record 232 {without_heavy:change}.",
    ),
    (
        overview.compression,
        "The smallest file, that of a small network, costs accuracy: {as_long:points} against "
        "32 bits trained as long, on one data set and with one seed.",
    ),
    (
        overview.tested_alone,
        "Half of the patients behind the scores with labels are those on whom the update was "
        "chosen. On the other half, asked in doubt, macro-F1 changes by {mit:change} on "
        "MIT-BIH, and one patient loses {worst:amount} of accuracy.",
    ),
    (
        overview.labels,
        "Scores of networks on beats are of {n_patients} people of two databases, recorded "
        "decades ago; those of the larger networks are nearly all of one of them. We had no "
        "Jetson and no microcontroller, so nothing was timed on one.",
    ),
)
"""What speaks against us: function of numbers, sentence."""

COLUMNS = ["printed", "ours", "how sure"]

CLAIMS = {
    "Personalization without labels pays": (
        overview.personalization,
        "AdaBN {adabn:f1}, head only {head_only:f1} macro-F1; no control",
        "the best strategy, {best}: {gain:change} against the control",
        "interval over {n_patients} patients, {n_seeds} seeds, paper's size, first five "
        "minutes not scored",
    ),
    "FP16 is better than BF16": (
        overview.formats,
        "by {printed_gain:f1} macro-F1",
        "by {difference:change}",
        "interval over {n_seeds} seeds, paper's size",
    ),
    "Some layers can run in INT8": (
        overview.integers,
        "best row {best_row:f1} macro-F1; no row in fp32",
        "all layers, calibrated: {difference:change} against fp32",
        "interval over {n_patients} patients, {n_seeds} seeds; narrow network, not "
        "personalized",
    ),
    "Compression without loss": (
        overview.compression,
        "LAQ {printed_laq} times, “without any loss”",
        "LAQ of ResNet1D {sized_ratio:digits} times at {sized:points} of accuracy, of "
        "HuBERT-ECG {hubert_ratio:digits} times at {hubert:points}; in a smaller ResNet1D "
        "{laq_ratio:digits} times at {laq:points}",
        "intervals over recordings, {n_folds} folds, one seed; a tenth of Chapman, and all "
        "{n_recordings:count} of CinC 2017",
    ),
    "It runs at the edge": (
        overview.edge,
        "{nano_s:count} s on a Jetson Nano, personalization included",
        "another, small network, which classifies and learns in C: {flash_kb:digits} kB of "
        "flash, {ram_kb:digits} kB of RAM",
        "C and NumPy agree on {exact:percent} of DS2's beats, {n_seeds} seeds; linked for a "
        "Cortex-M4, not run on one",
    ),
    "A human in the loop would help": (
        overview.labels,
        "not measured",
        "macro-F1 on MIT-BIH and SVDB: five labels {five_mit:change} and {five_svdb:change}; "
        "about {asked:digits} labels in half an hour, asked for in doubt: {doubt_mit:change} "
        "and {doubt_svdb:change}",
        "intervals over the patients of each database, {n_patients} in all, each left out "
        "once, {n_seeds} seeds, first five minutes not scored",
    ),
}
"""Claim of the papers -> function of numbers, and what stands in `COLUMNS`."""


def said(text, facts, load):
    """A sentence with its numbers.

    Parameters
    ----------
    text : str
    facts : function
        Of `ecglib.tables.overview`.
    load : callable
        Name of a study -> its reference runs.

    Returns
    -------
    str
        With "no run" in place of every number, if runs are missing.
    """
    found = cache(lambda: facts(load))  # runs are read once, and only if a number is named
    numbers = {name: lambda name=name: found()[name] for name in fields(text)}
    return filled(text, **numbers)


def answers(load):
    """Texts of `ANSWERS`, with their numbers."""
    return [said(answer.text, answer.facts, load) for answer in ANSWERS]


def against(load):
    """Sentences of `AGAINST`, with their numbers."""
    return [said(text, facts, load) for facts, text in AGAINST]


def table(load):
    """Claims of the papers beside what the reference runs say.

    Returns
    -------
    DataFrame of str
        A row a claim, columns `COLUMNS`.
    """
    rows = {
        claim: [said(text, facts, load) for text in texts]
        for claim, (facts, *texts) in CLAIMS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
