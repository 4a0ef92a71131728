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
from functools import partial

import pandas as pd

from ecglib import results
from ecglib.book import claims, formats, show
from ecglib.plots import overview, style
from ecglib.system.paths import RESULTS
from ecglib.tables import budget, papers, scores

style.use()
personalized = results.load_study(RESULTS, "personalization")
baseline = results.load_study(RESULTS, "baseline")
rounded = results.load_study(RESULTS, "int8")
micro = results.load_study(RESULTS, "micro")
labelled = results.load_study(RESULTS, "budget")

# %% [markdown]
# ## In one screen

# %% tags=["hide-input"]
show.table(
    claims.table(partial(results.load_study, RESULTS)),
    text=True,
    caption="Table 0.1: what the papers claim, and what our reference runs say; differences of macro-F1 "
    "unless said otherwise, with 95 % intervals. Details: chapters 03, 04, 05, 06, 07, 08.",
)

# %% [markdown]
# New here: the controls and intervals of the first four rows, the patients left out in turn, and
# the last two rows altogether.
#
# ## The study at a glance
#
# Three classes of heart beats (N, S, V) on DS2 of MIT-BIH, patients that no network has trained
# on, except one man: record 201 of DS1 and record 202 of DS2 are both his. Macro-F1 weighs the
# three classes alike; always answering N would reach 0.315. Our rows before MicroNet are of a
# narrow network (16 to 128 filters), those with the puzzle with the head alone fine-tuned.

# %% tags=["hide-input"]
named = overview.headline_arms(baseline, personalized, rounded)

# %% tags=["hide-input"]
small = budget.by_variant(micro, split="ds1_ds2", scope="all_int8")["chosen"]
headline = {
    "paper 1": papers.printed(papers.PAPER1_TABLE_2).filter(regex="accuracy|macro-F1"),
    "ours": scores.score_table(named),
    "beyond": scores.score_table({"MicroNet, 4 kB, INT8, no label": small}).iloc[1:],
}
show.table(
    headline, "Table 0.2: all beats of DS2; paper's printed numbers, our reference runs."
)

# %% tags=["hide-input"]
show.provenance(personalized)

# %% [markdown]
# What the split hides: the same small network with every patient left out once, and what a few
# labelled beats of the patient's first five minutes change.

# %% tags=["hide-input"]
lopo = budget.by_budget(labelled, split="lopo", scope="all_int8")
show.table(
    budget.budget_table({k: lopo[k] for k in (0, 2, 5, 20, "all")}),
    "Table 0.3: labelled beats a patient, all 43 patients left out in turn, after 5:00, reference "
    "runs. MicroNet answers in integers and learns in floating point. Cost: seconds and millions of multiplications, asking and learning.",
)

# %% [markdown]
# In the tables, *95 %* is the interval of macro-F1 over patients, *without 232* leaves out the
# record that holds most S beats, and *patient mean* is the accuracy averaged over patients.
#
# The next figure sets accuracy beside size and cost. The size of the paper's network is our
# estimate (the filters of blocks 3 to 5 are unpublished: 512 each assumed), that of Farag 2023
# is printed. Seconds of paper 1 are the runtimes of its Table 3 on an H200; it does not say
# which stages they cover. Ours are those of the online stage on one CPU core: different work,
# different machines.

# %% mystnb={"figure": {"caption": "Macro-F1 on DS2 (triangles: every patient left out once; bars: 95 % over patients, ours only), bytes of the weights, and seconds (paper 1: its printed runtime; ours: online stage for 22 patients). Without labels no personalized row of the narrow network lies above its control; with five labelled beats a network of four kilobytes lies above the same network without.", "name": "fig-landscape"}} tags=["hide-input"]
rows = pd.concat([overview.points(named), overview.micro_points(micro, labelled)])
overview.landscape(rows, overview.trivial(named))

# %% [markdown]
# ## What we found
#
# - **The puzzle can largely be solved at the scissors' cuts.** A narrow network gets 95 % of
#   the orders right from the whole beat (three seeds), 88 % from a few samples around the
#   junctions, and 90 % from all the others (one seed each). Linear probes find its features no
#   better than random ones: 0.529 against 0.558 macro-F1, difference [−0.084, +0.015] over
#   patients ({doc}`02_wave_puzzle`).
# - **We cannot show that unlabelled personalization beats doing nothing.** On DS2 after the
#   first five minutes (narrow network, head fine-tuned, three seeds) none of five strategies
#   has a higher macro-F1 than the same network fine-tuned once for everybody, and every 95 %
#   interval of a difference contains zero. At the paper's size with everything fine-tuned (two
#   seeds) all five lie above it, by 0.015 to 0.031, and on the swapped split (narrow, one seed)
#   by 0.007 to 0.039; there one interval of the five, that of adapters, lies above zero. AdaBN
#   comes first of the five in all three settings, and with the head alone at the paper's size
#   ({doc}`03_personalization`).
# - **Timing raises accuracy.** Five ratios of RR intervals lift the narrow network (three
#   seeds) from 0.904 to 0.943 accuracy and from 0.559 to 0.650 macro-F1; the best row of paper
#   1, a wider network without timing, has 0.919 and 0.630. Against the pretrained control their
#   gain in accuracy is +0.046 [0.004, 0.109]; in macro-F1 it is +0.045 [−0.017, +0.147], which
#   may be chance. On isolated beats alone ours stays 0.07 below that row of the paper, 0.05 at
#   its size (three seeds).
# - **No effect of 16 bits on macro-F1 can be measured.** FP16 and BF16 are 0.000 apart in
#   macro-F1 ([−0.034, +0.033] over three seeds, emulated, narrow network), so paper 1's 0.028
#   is not beyond chance. FP16 has a slightly higher accuracy than fp32, by 0.0042 [0.0006,
#   0.0083] over patients; over seeds that interval contains zero ({doc}`04_mixed_precision`).
# - **8 bits are enough, calibrated.** The narrow network trained on DS1 only, all layers in
#   8-bit integers and only calibrated, stays within 0.001 macro-F1 of fp32 (three seeds), in a
#   file 3.9 times smaller. For one beat on one thread that file is 2.6 times as fast as fp32 in
#   the same runtime, and 4.7 times at the paper's size (one seed each, one virtual machine); it
#   gives every beat the class that the calibrated network gives ({doc}`05_int8_qat`).
# - **Prune and quantize, while training.** Paper 2's "12.10× compression with no loss" counts
#   no scale, mask or index, and rests on 2,118 recordings, as we infer from what it prints.
#   Rebuilt on CinC 2017 (8,528 recordings, five folds, one seed, a network of 0.6 million
#   parameters) its LAQ has 7.3 times, by the paper's count, at −1.3 points of accuracy [−1.8,
#   −0.8]. Eight epochs of pruning to a tenth and rounding to 3 bits give a file that is 47
#   times smaller, at +0.0 points [−0.4, +0.4] to the fp32 network that it started from, and at
#   −0.7 [−1.1, −0.4] to an 8-bit network trained as long. The file of HuBERT-ECG (tiny), pruned
#   to a fifth, is 23 times smaller at 0.0 [−0.3, +0.3] to its fp32 start; it has no control
#   trained as long ({doc}`06_layerwise_compression`).
# - **A handful of labels does what no unlabelled adaptation did.** A network of four kilobytes
#   that reads timing, and what a beat has beyond the patient's own template, has 0.742 macro-F1
#   after 5:00 with every patient left out once (43 patients, three seeds). Five labelled beats
#   of the first five minutes lift that by 0.123 [+0.035, +0.193], without record 232 by 0.059
#   [0.025, 0.089]. Labels asked for when the network is unsure, 10.5 in half an hour on average
#   and up to 21, lift it by 0.202 [+0.120, +0.264] to 0.944, without 232 by 0.159 [0.104,
#   0.223]; 8 % of them are F or Q beats, which teach nothing. Single networks lose up to 4.5
#   points of accuracy on one patient with five labels, 1.5 when they ask. Learning from five
#   labels takes a quarter of a second on one core of a PC, the half hour 2.3 s. It computes in
#   floating point and replays half a megabyte of other people's beats; the network that it
#   leaves is in integers ({doc}`08_micro_network`).
# - **What speaks against our input.** Derivative and RR ratios alone, much as Farag 2023 reads
#   them, have 0.786 macro-F1 where ours has 0.740, every patient left out once (all beats,
#   fp32, one seed): the difference is −0.046 [−0.137, +0.053]. Without record 232 it is 0.709
#   against 0.742, +0.033 [0.008, 0.062] ({doc}`08_micro_network`).
# - **Classifying, not learning, in plain integer C.** From samples and R-peaks to classes in
#   7.0 KB of flash and 3.1 KB of RAM, as linked for a Cortex-M4 (none was at hand), and 25 µs a
#   beat on one core of a PC. C and its NumPy reference are equal on every beat of DS2 (three
#   seeds), C and the trained network on 99.99 %. Paper 1's pipeline, which is other work, is
#   more than five orders of magnitude more multiplications, by our estimate ({doc}`07_jetson`).
# - **The paper's size decides neither question.** On an H200, with 64 to 512 filters, the five
#   strategies differ from their control by −0.024 to +0.006 macro-F1 with the head fine-tuned
#   (three seeds), and by +0.015 to +0.031 with everything (two seeds); no interval lies above
#   zero ({doc}`03_personalization`). Native FP16 and BF16 lie 0.006 apart, [−0.042, +0.054]
#   over three seeds ({doc}`04_mixed_precision`). One seed of the pipeline, ten epochs a stage,
#   takes 29 s there with the head adapted and fine-tuned (fp32) and 85 s with everything
#   (bf16), where patients share what they can and train side by side. Paper 1's Table 1 prints
#   a runtime of 2,920 s, and does not say for which stages and how many epochs
#   ({doc}`10_reproduce_and_extend`).
# - **The split flatters, or punishes.** One patient of DS2 (record 232) has three quarters of
#   its S beats. Our input minus Farag's kind of input (INT8, three seeds) is −0.067 [−0.157,
#   +0.055] macro-F1 on DS2, and +0.040 [0.024, 0.061] without him ({doc}`08_micro_network`).
#   Trained on DS2 and tested on DS1, the narrow network on isolated beats falls from 0.559 to
#   0.474 (three seeds).
#
# ## How to read this book
#
# - {doc}`01_data`: the recordings, the classes, the split, and how beats are scored.
# - {doc}`02_wave_puzzle`: does pretraining by ECGWavePuzzle help?
# - {doc}`03_personalization`: which personalization is worth its cost?
# - {doc}`04_mixed_precision`: do 16 bits change the answer?
# - {doc}`05_int8_qat`: which layers can do with 8-bit integers, as a file that really runs?
# - {doc}`06_layerwise_compression`: prune or quantize, and how much in which layer?
# - {doc}`07_jetson`: the small network of chapter 08 as plain C in integers, 7 KB of flash and
#   3 KB of RAM from samples and R-peaks to classes; and what it would take on a Jetson.
# - {doc}`08_micro_network`: what can four kilobytes and five labels do?
# - {doc}`10_reproduce_and_extend`: run it, compare it, add to it.
# - {doc}`glossary` and {doc}`api`: to look up a symbol, a term or a function.
#
# ## Related work
#
# The papers themselves quote others' numbers. Paper 1: an FPGA accelerator 43.08 times as fast
# as an ARM Cortex-A53, and a single-lead wearable model with 96.32 % accuracy at 1,242.58 times
# compression, both on tasks of their own. Paper 2: accuracies of 89.4 to 98.0 % on Chapman and
# 86.8 to 93.3 % on CPSC 2018, none of them compressed (Table 6.12). None is comparable with the
# rows above, and none is ours.
#
# Inter-patient results on DS2 as printed or derived from printed sensitivities and predictive
# values. They differ in classes, leads and beats that were left out, so they place a number
# rather than rank it. Intra-patient splits, most of which report above 99 %, and test sequences
# grouped by their true class {cite:p}`mousavi2019` do not compare and are left out.

# %% tags=["hide-input"]
show.table(
    papers.peers(),
    "Table 0.4: published inter-patient results on DS2.",
    {"*": formats.AS_PRINTED},
)

# %% [markdown]
# {cite:t}`dechazal2004` set the split; {cite:t}`llamedo2011` chose features across databases;
# {cite:t}`niu2019` and {cite:t}`farag2023` use networks that see RR intervals. Reviews of
# methods and of their adherence to the standard are {cite:t}`luz2016` and
# {cite:t}`silva2025review`.
#
# ## Limitations
#
# - **Few people.** Chapter 6 speaks of CinC 2017 and a tenth of Chapman; all others of MIT-BIH,
#   one database of 47 people, recorded in Boston between 1975 and 1979 with Holter recorders.
#   22 test patients carry every number on DS2, and one of them (record 232) has three quarters
#   of the S beats; one man is on both sides of that split. Leaving out each of 43 patients in
#   turn widens the base, not the database.
# - **Not everything at the papers' size.** The reference runs of chapters 02 to 05 use a
#   network four times narrower on two CPU cores. At the paper's size the H200 has answered for
#   the strategies (two or three seeds) and the 16-bit formats (three), one CPU run for 8 bits
#   (one seed). Paper 2's networks are rebuilt smaller, and on other recordings than its own.
# - **What the papers left out we had to choose.** Epochs and class weights were chosen inside
#   DS1; filters of blocks 3 to 5 and pooling are assumptions. All stand in the params files.
#   The search inside DS1 was not blind: pilots had looked at DS2.
# - **No Jetson was at hand.** Its rows are the paper's or, labelled so, estimates; chapter
#   {doc}`07_jetson` has the commands that replace them by measurements.
# - **Labels were given by the database**, that is by two cardiologists with time. A wearer or
#   nurse may answer less well; an exercise of chapter {doc}`08_micro_network` tries one wrong
#   answer in five.
# - Nothing in this book has been tried on patients; it is research, not a medical device.
