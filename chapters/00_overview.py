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
# How small, how cheap and how personal can an arrhythmia classifier become without losing
# accuracy? This book rebuilds two papers on arrhythmia classification at the edge, checks their
# claims on real recordings, and goes past them. It is research, not a medical device.
#
# **Paper 1** {cite:p}`silva_deployment` pretrains a network with a puzzle, adapts it to each
# patient without labels, and runs it in reduced precision on an H200 and a Jetson Nano.
# **Paper 2** {cite:p}`shinde2025` lets the importance of a layer decide how many bits or weights
# it keeps. Every chapter asks one question, shows the paper's numbers beside ours, and says how
# sure we are. All tables show committed *reference* runs; what a chapter computes while it is
# rendered is called *this run*.

# %% tags=["remove-cell"]
from ecglib import arms, published, results, show, tables
from ecglib.paths import RESULTS
from ecglib.plots import overview, style

style.use()
personalized = results.load_study(RESULTS, "personalization")
baseline = results.load_study(RESULTS, "baseline")

# %% [markdown]
# ## The study at a glance
#
# Three classes of heart beats (N, S, V) on DS2 of MIT-BIH, patients that no network has trained
# on. Macro-F1 weighs the three classes alike; always answering N would reach 0.315.

# %% tags=["hide-input"]
standard = {"finetune": "head", "online_seconds": 300, "norm": "batch"}
ours = arms.by(personalized, "strategy", split="ds1_ds2", **standard)
beat = arms.pick(baseline, features="beat", norm="none", split="ds1_ds2")
beat_rr = arms.pick(baseline, features="beat+rr", split="ds1_ds2")
named = {
    "trained on DS1 alone, isolated beats": beat,
    "trained on DS1 alone, beats + RR ratios": beat_rr,
    "puzzle, no personalization (none)": ours["none"],
} | {f"puzzle, personalized: {s}": arm for s, arm in ours.items() if s != "none"}

# %% tags=["hide-input"]
printed = {row.arm: row for row in published.TABLE_2}
headline = tables.stack(
    {"paper 1": tables.printed_rows(printed), "ours": tables.score_table(named)}
)
show.table(
    headline, "Table 0.1: all beats of DS2; paper's printed numbers, our reference runs."
)

# %% tags=["hide-input"]
show.provenance(personalized)

# %% [markdown]
# The next figure sets accuracy against size. The papers' sizes are our estimate (the filters of
# blocks 3 to 5 are unpublished: 512 each assumed), those of the literature are printed.

# %% mystnb={"figure": {"caption": "Macro-F1 on DS2 against the bytes of the weights. Bars are 95 % intervals over patients; the papers give none. A small network that sees the rhythm beats large ones that see single beats.", "name": "fig-landscape"}} tags=["hide-input"]
overview.landscape(overview.points(named), tables.always_n(beat.matrices()[0])["macro_f1"])
