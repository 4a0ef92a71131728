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
# # ECG at the Edge
#
# **How small, how cheap and how personal can an arrhythmia classifier become without losing
# accuracy?** This book rebuilds two papers, checks their claims on real recordings, and goes past
# them. It is research, not a medical device.
#
# Scores are {term}`macro-F1`: the mean of one score for each of three classes of heart beats, so
# that rare beats count as much as normal ones. Brackets hold 95 % intervals.

# %% tags=["remove-cell"]
from functools import cache, partial

from ecglib import results
from ecglib.book import claims, show
from ecglib.book.say import Shown
from ecglib.plots import overview as figures
from ecglib.plots import style
from ecglib.system.paths import RESULTS
from ecglib.tables import overview

style.use()
load = cache(partial(results.load_study, RESULTS))

# %% tags=["remove-cell"]
pictures = {
    "03_personalization": (
        lambda: figures.small_intervals(
            overview.gains(overview.strategies(load("h200/personalization"), "all"))
        ),
        "Changes of macro-F1 by five strategies; every interval crosses zero",
    ),
    "05_int8_qat": (
        lambda: figures.small_bytes(overview.in_formats(load)),
        "Macro-F1 of one network in fp32 and in INT8; the two are alike",
    ),
    "06_layerwise_compression": (
        lambda: figures.small_ratios(overview.files(load)),
        "Accuracy of four files of ResNet1D, against how many times smaller they are than fp32",
    ),
    "09_on_the_wrist": (
        lambda: figures.small_labels(overview.curve(load)),
        "Macro-F1 rises with the number of labelled beats",
    ),
}

# %% tags=["remove-input"]
texts = [
    f"{text} {{doc}}`Chapter {int(answer.chapter[:2])} <{answer.chapter}>`."
    for answer, text in zip(claims.ANSWERS, claims.answers(load), strict=True)
]
show.cards(
    *(
        (answer.question, *pictures[answer.chapter], text)
        for answer, text in zip(claims.ANSWERS, texts, strict=True)
    )
)

# %% [markdown]
# ## What the papers claim, and what we found

# %% tags=["remove-input"]
show.table(
    lambda: claims.table(load),
    "Claims of the two papers, the numbers that they print, what our runs say, and how sure that is. "
    "Chapters 1 to 9 have the details.",
    text=True,
    name="tab-claims",
)

# %% [markdown]
# **Paper 1** {cite:p}`silva_deployment` pretrains a network with a puzzle, adapts it to each patient
# without labels, and runs it in reduced precision on an H200 and a Jetson Nano. **Paper 2**
# {cite:p}`shinde2025` lets the importance of a layer decide how many bits or weights it keeps. The
# numbers on labels and on plain C are ours alone. {doc}`papers` has all tables of both, each row beside
# ours. A *narrow* network has a quarter of the filters
# that we take for the paper's.
#
# ## What speaks against us

# %% tags=["remove-input"]
Shown("\n".join(f"- {sentence}" for sentence in claims.against(load)))

# %% [markdown]
# ## Score and size of the networks

# %% mystnb={"figure": {"caption": "Macro-F1 over N, S and V against the bytes of the weights. Bars are 95 % intervals over patients; printed numbers have none. Triangles: trained on two databases, every patient left out once, scored on those of MIT-BIH. All others are tested on DS2, so triangles compare only among themselves.", "name": "fig-landscape"}, "image": {"alt": "Scatter of methods: bytes of the weights on a logarithmic axis, macro-F1 upwards"}} tags=["remove-input"]
show.figure(lambda: figures.landscape(figures.points(load), figures.trivial(load)))

# %% [markdown]
# The size of paper 1's network is our estimate, since it does not publish the filters of its last
# three blocks. Triangles are scored after the first five minutes of each record.
#
# ## Try it
#
# On the page <a href="../_static/try/index.html">Try it yourself</a>, the network learns from your answers,
# in your browser. This command classifies the beats of a recording ({term}`WFDB`, EDF or a table) and writes a page about it:
#
# ```bash
# python -m ecglib predict path/to/record --report record.html
# ```
#
# ## Run it
#
# ```bash
# make book   # installs, runs and renders this book
# make test   # lint, tests, the same book, and that in a browser
# ```
#
# Chapter {doc}`10_reproduce_and_extend` says how to rerun one study, on which machine, and how to
# add your own.
#
# ## How to read this book
#
# Each chapter asks one question and answers it in a box under its title, with the figure that shows
# it. Then come the paper's numbers beside ours, how it works, what we saw, and what could be wrong.
# The numbers come from {term}`reference runs <reference run>`, whose results are stored with the
# code. What a page computed while it was built is folded away at its end. Further tables of a
# chapter are on its page *All results*. {doc}`glossary` explains the terms, and {doc}`api` the
# library. {doc}`references` lists the related work, and {doc}`cite` says how to cite.
#
# ## Limitations
#
# - **Few people.** Chapter {doc}`06_layerwise_compression` uses CinC 2017 and a tenth of
#   Chapman. Chapters {doc}`08_micro_network` and {doc}`09_on_the_wrist` use MIT-BIH and 58 patients of
#   SVDB. The others rest on MIT-BIH, with 22 test patients on the usual split; chapters {doc}`01_data` and
#   {doc}`03_personalization` add SVDB. One of the 22, record 232, holds three quarters of their S beats.
# - **Not everything at the papers' size.** Many reference runs use narrower networks on two CPU
#   cores. The text calls them narrow.
# - **Choices of ours.** Where the papers do not publish a setting, we chose it on the training
#   patients (DS1). But our first trials had looked at the test patients (DS2).
# - **Labels come from the database.** Two cardiologists gave them without haste. A wearer or a nurse
#   may make more mistakes.
