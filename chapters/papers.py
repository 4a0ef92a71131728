# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The papers, row by row

# %% tags=["remove-cell"]
import numpy as np

from ecglib.book import comparison
from ecglib.book.say import answer, say
from ecglib.metrics import macro_f1
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, compression, names, overview, scores
from ecglib.tables import row_by_row as rows
from ecglib.tables.second_database import STANDARD

load = comparison.reader(RESULTS)


def in_words(part, whole):
    """How many of some rows, without a number."""
    return {0: "none", whole: "all"}.get(part, "most" if 2 * part > whole else "some")


def above():
    """How many means of macro-F1 lie above the printed ones."""
    found = rows.against_printed(*(make(load) for make in rows.PAPER_1))
    return in_words(found["f1_above"], found["rows"])


def on_recordings():
    """What can be said of paper 2, in one sentence."""
    try:
        laq = [rows.kept(load, model)["laq"] for model in rows.SIZES]
    except LookupError:
        return "Not all networks of paper 2 have run at its size yet."
    within = in_words(sum(map(compression.is_within_one_point, laq)), len(laq))
    return (
        f"On whole recordings (paper 2), LAQ is within one point of fp32 in {within} networks."
    )


def pipelines():
    """Rows of table 2 with the head and the shallow blocks in INT8: SSL, and DS1 only."""
    shallow = names.word("shallow_int8")
    found = rows.integers(load)
    return [found[names.setting("pipeline", key), shallow] for key in ("ssl", "baseline")]


def pipelines_differ():
    """Macro-F1 of DS1 only minus that of SSL + personalization, ours."""
    ssl, alone = (pair.arm for pair in pipelines())
    return scores.gain(alone, ssl, after_5min=False)


def best_on_few_beats():
    """Strategy of the highest macro-F1, narrow, everything fine-tuned on a share of the beats."""
    kind = STANDARD | {"train_share": 0.05, "finetune": "all", "split": "ds1_ds2"}
    named = arms.by(load("personalization"), "strategy", **kind)
    if not named:
        raise LookupError("no runs")
    return max(named.keys() - {"none"}, key=lambda name: named[name].mean(macro_f1))


def low():
    """Printed accuracies of paper 1 that lie below always answering N, and how many there are."""
    printed = [row.accuracy for make in rows.PAPER_1 for row in rows.printed_rows(make(load))]
    always = scores.always_n(pipelines()[1].arm.matrices()[0]).accuracy
    return sum(accuracy < always for accuracy in printed), len(printed)


# %% tags=["remove-input"]
answer(
    """
**{ours:count} of the {all:count} rows of the papers' own methods have run here**, in networks of the size that
we take for the papers'. The others are marked *not run* or *not measured*. On heart beats (paper 1),
{above} of our rows have a macro-F1 above print by more than one printed standard deviation; networks
trained on DS1 only lie {below} than print.
{recordings}
""",
    ours=lambda: rows.own_rows(load)["ours"],
    all=lambda: rows.own_rows(load)["rows"],
    above=above,
    below=lambda: (
        "lower"
        if pipelines()[1].arm.mean(macro_f1) < pipelines()[1].printed.macro_f1
        else "higher"
    ),
    recordings=on_recordings,
)

# %% tags=["remove-input"]
say(
    """
- **Agrees.** The paper reports little change between its scopes of INT8. In ours, the head and the shallow
  blocks in integers change macro-F1 by {ssl:change} (SSL + personalization) and {alone:change} (DS1
  only) against fp32 trained as long.
- **Does not agree.** With head and shallow blocks in INT8, the macro-F1 of DS1 only minus that of SSL +
  personalization is {printed:change} in print, and {differ:change} in ours ({seeds}). In print AdaBN takes
  longer than the other strategies. Ours needs no gradient, and one fine-tuning serves all patients.
""",
    ssl=lambda: rows.rounded(load, "ssl")["change"],
    alone=lambda: rows.rounded(load, "baseline")["change"],
    printed=lambda: np.subtract(*(pair.printed.macro_f1 for pair in reversed(pipelines()))),
    differ=pipelines_differ,
    seeds=lambda: f"our seeds: {len(pipelines()[0].runs)}",
)

# %% tags=["remove-input"]
say(
    """
- **Cannot be told.** The printed macro-F1 of FP16 lies above that of BF16; our interval of the difference
  (over seeds) {formats} zero. AdaBN has the highest mean macro-F1 of our strategies in {first:count} of
  {settings:count} settings, of which one is narrow. In a further narrow one (everything fine-tuned on few
  beats, one seed), the highest is that of the strategy *{fourth}*.
- **In print alone.** {low:count} of {n:count} printed accuracies of paper 1 lie below that of always
  answering N on DS2 as we count it, without F and Q beats. The printed rows of head only and last blocks
  have the same scores to all digits; ours do not.
""",
    fourth=lambda: names.word(best_on_few_beats()),
    first=lambda: rows.adabn(load)["first"],
    settings=lambda: rows.adabn(load)["settings"],
    formats=lambda: (
        "excludes" if overview.formats(load)["difference"].excludes_zero else "contains"
    ),
    low=lambda: low()[0],
    n=lambda: low()[1],
)

# %% [markdown]
# Here are all tables of both papers, with their rows in the order of the paper. Beside each printed
# number stands ours. Rows *not in the paper* are controls of ours. In paper 1 a printed mean comes from
# three seeds, and all seeds share the same patients. So two means that differ prove nothing alone; only
# intervals over patients or recordings say how sure a difference is.
#
# **The sizes that we take for the papers'.** ECGNet has the filters that {numref}`fig-ecgnet` shows.
# HuBERT-ECG has the size of the published network `small`. Paper 2 prints no size of ResNet1D, so we chose
# one, `paper`. In both networks the share of biases fits the printed compression ratios. In tables 1 and 2
# of paper 1, we take head only for the strategy of personalization.
#
# Scores of paper 1 are rounded to three digits here. Networks of other sizes, precision and recall are
# on the pages *All results*. The command `python -m ecglib report` prints the tables of this page as
# text, with all printed digits of the scores.
#
# ## Paper 1: number formats
#
# Every beat of the test patients (DS2) counts. Chapter {doc}`04_mixed_precision` explains the
# formats.

# %% tags=["remove-input"]
comparison.table("formats", RESULTS, name="tab-papers-formats")

# %% tags=["remove-input"]
comparison.line("formats", RESULTS)

# %% [markdown]
# ## Paper 1: layers in INT8
#
# Chapter {doc}`05_int8_qat` explains the scopes, and tests a longer window than this table's, for DS1
# only. Chapter {doc}`02_wave_puzzle` explains the puzzle that comes before personalization.

# %% tags=["remove-input"]
comparison.table("integers", RESULTS, name="tab-papers-integers")

# %% tags=["remove-input"]
comparison.line("integers", RESULTS)

# %% [markdown]
# ## Paper 1: strategies of personalization
#
# Chapter {doc}`03_personalization` explains the strategies, and chapter {doc}`07_jetson` what is
# known about the Jetson.

# %% tags=["remove-input"]
comparison.table("strategies", RESULTS, name="tab-papers-strategies")

# %% tags=["remove-input"]
comparison.line("strategies", RESULTS)

# %% [markdown]
# ## Paper 2: methods of compression
#
# Each recording is classified by a network that has not seen it, and all folds are scored
# together. Chapter {doc}`06_layerwise_compression` explains the methods.

# %% tags=["remove-input"]
comparison.table("resnet1d", RESULTS, name="tab-papers-resnet1d")

# %% tags=["remove-input"]
comparison.line("resnet1d", RESULTS)

# %% tags=["remove-input"]
comparison.table("hubert", RESULTS, name="tab-papers-hubert")

# %% tags=["remove-input"]
comparison.line("hubert", RESULTS)

# %% [markdown]
# ## Beside paper 2: other methods, same networks
#
# Rows *clipped, by channel* and *allocated* only round. The other networks train further than the fp32 from
# which they start (chapter {doc}`06_layerwise_compression`).

# %% tags=["remove-input"]
comparison.beyond(RESULTS, name="tab-papers-beyond")

# %% [markdown]
# ## Paper 2: published networks
#
# Classes, leads and test sets differ from row to row. The data sets are Chapman {cite:p}`zheng2020` and
# CPSC 2018 {cite:p}`liu2018`.

# %% tags=["remove-input"]
comparison.table("published", RESULTS, name="tab-papers-published")

# %% tags=["remove-input"]
comparison.line("published", RESULTS)
