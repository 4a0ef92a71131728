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
from functools import cache, partial

from ecglib import results
from ecglib.book import comparison
from ecglib.book.say import answer
from ecglib.system.paths import RESULTS
from ecglib.tables import row_by_row as rows

load = cache(partial(results.load_study, RESULTS))


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
        found = [rows.kept(load, model) for model in rows.SIZES]
    except LookupError:
        return "Not all networks of paper 2 have run at its size yet."
    same, n_rows = (sum(counts[key] for counts in found) for key in ("same", "rows"))
    return (
        f"On whole recordings (paper 2), {in_words(same, n_rows)} of our compressed rows lose less "
        "than one point of accuracy where the printed ones do, and more where they do."
    )


# %% tags=["remove-input"]
answer(
    """
**We have run {ours:count} of the {all:count} rows of the papers' own methods** at the papers' size, scored
as the papers score. The others say why not. On heart beats (paper 1), {above} of our rows beside a
printed one lie more than one printed standard deviation above the printed macro-F1. {recordings}
""",
    ours=lambda: rows.own_rows(load)["ours"],
    all=lambda: rows.own_rows(load)["rows"],
    above=above,
    recordings=on_recordings,
)

# %% [markdown]
# Here are all tables of both papers. Their rows keep the order of the paper. Beside each printed
# number stands ours, at the size that we take for the paper's. Rows *not in the paper* are
# controls of ours. A printed mean comes from few seeds, and all seeds share the same patients. So a
# distance between two means alone proves nothing, and only intervals over patients or recordings say
# how sure a difference is.
#
# Scores of paper 1 are rounded to three digits here. Networks of other sizes, precision and recall are on the pages *All results*. The command
# `python -m ecglib report` prints this page as text, with all printed digits.
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
# Chapter {doc}`05_int8_qat` explains the scopes, and chapter {doc}`02_wave_puzzle` the puzzle that
# comes before personalization.

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
# *Clipped, by channel* and *allocated* only round. The others train further
# (chapter {doc}`06_layerwise_compression`).

# %% tags=["remove-input"]
comparison.beyond(RESULTS, name="tab-papers-beyond")

# %% [markdown]
# ## Paper 2: published networks
#
# Classes, leads and test sets differ from row to row.

# %% tags=["remove-input"]
comparison.table("published", RESULTS, name="tab-papers-published")

# %% tags=["remove-input"]
comparison.line("published", RESULTS)
