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
# # What can four kilobytes and five labels do?
#
# Paper 1 {cite:p}`silva_deployment` ends soberly. Its personalized pipeline has a macro-F1 of
# 0.536 on DS2 (best row), below the 0.630 of the same network trained on DS1 only (best row).
# Its Table 1 prints a run time of 2,920 s on an H200 and of 60,048 s on a Jetson Nano, and it
# concludes that "online personalization remains the main bottleneck for embedded deployment".
# We put the question otherwise. The network of paper 1 sees single beats, which hold no timing
# and nothing of what is usual for the patient; and its personalization, as tested, uses no
# label of the patient.
#
# {cite:t}`farag2023` reads 64 samples of the derivative and four RR ratios with a network of 15
# KB in 8-bit integers, and reports an accuracy of 0.982 and a mean F1 of 0.922 on DS2. This
# chapter starts there and asks three things. How small can such a network be? Does its score
# hold for other patients than DS2's? And what are a few labelled beats of a patient
# {cite:p}`settles2009` worth, if the network may learn from them within seconds on one core of
# a PC? It learns in floating point and replays half a megabyte of other people's beats; what it
# leaves behind is in integers again.
#
# %% tags=["parameters"]
profile = "quick"  # type: str  params file that lists the runs of this page
seeds = None  # type: list  seeds of every arm; None, here and below: as the params file says
records = None  # type: list  records of MIT-BIH in use
data_root = None  # type: str  folder or packed file with the data; without one it is searched for
device = None  # type: str  auto, cpu or cuda
scheduler = None  # type: str  local or tcp://host:port: Dask workers for missing runs
overrides = {}  # type: dict  arms of a study, or channels and pretext_epochs of all of them

# %% tags=["remove-cell"]
import torch

from ecglib import MicroNet, Plan, micro_inputs, predict, read_record, results
from ecglib.book import formats, show
from ecglib.data.inputs import Inputs
from ecglib.models.cost import layer_macs
from ecglib.personalize.budget import updated
from ecglib.plots import micro as figures
from ecglib.plots import style
from ecglib.studies.budget import MICRONET, replay_of
from ecglib.studies.micro import fold_networks, inputs_of
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, budget, names, papers, scores
from ecglib.training.on_micro import size_of

style.use()

# %% [markdown]
# ## Data
#
# All annotated beats of MIT-BIH, as in chapter {doc}`01_data`, but cut anew from the signals: this
# network has a sampling rate and a window of its own.

# %% tags=["hide-input"]
plan = Plan.read(
    profile,
    seeds=seeds,
    records=records,
    data_root=data_root,
    device=device,
    scheduler=scheduler,
    **overrides,
)
source = plan.source()
show.banner(source, plan.profile)

# %% [markdown]
# ## Method
#
# ### What the network reads
#
# Half a second around the R-peak at 128 Hz, 64 samples, of which 32 come before it, so that the
# P wave is inside. Each is the mean of the signal over 1/128 s, whatever the recorder's rate. Its
# first **derivative** $d_i$ is divided by the patient's running amplitude
#
# $$a_i = a_{i-1} + \frac{\overline{|d_i|} - a_{i-1}}{\min(i, 80)}.$$
#
# A second channel holds what this beat has beyond the patient's usual one, $d_i - t_i$. The
# **template** $t$ is the mean of the first twenty beats; from then on it moves a quarter of the
# way to each beat, but never by more than 0.01 a sample,
#
# $$t_{i+1} = t_i + \operatorname{clip}\bigl(\tfrac14 (d_i - t_i),\, \pm 0.01\bigr),$$
#
# so that an extrasystole hardly touches it. **Timing** comes as the five RR ratios of
# {cite:t}`farag2023`'s kind (chapter {doc}`01_data`) and three more: the intervals before and after
# against a slow baseline that premature beats hardly lower, and the irregularity of the last 24
# intervals, which is high in atrial fibrillation. Everything is causal but for the ratios that
# hold the *next* interval: they delay the answer by one beat. Table 8.3 has the version without.

# %% mystnb={"figure": {"caption": "All beats of one record after its first 300 as the network reads them (median, and 10 to 90 % of the beats): the derivative, and the same less the patient's running template.", "name": "fig-micro-input"}} tags=["hide-input"]
records = plan.common("records")
shown = next(r for r in (119, 118, 223, *records) if r in records)
features = "derivative+template+rr+rhythm"
figures.what_it_sees(micro_inputs(read_record(source.path, shown), features), 300)

# %% [markdown]
# ### The network
#
# Three convolutions of 12, 16 and 16 filters, each followed by BatchNorm (folded away before
# rounding), ReLU and max-pooling; a hidden layer of 16 units for the timing alone, because eight
# bare numbers would drown among the feature maps; one of 16 for everything; three outputs.

# %%
configs = plan.configs("micro")
size = size_of(configs[0])
model = MicroNet(size).eval()
macs = layer_macs(model, torch.zeros(1, size.n_channels, 64), torch.zeros(1, size.n_rr))
print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {sum(macs.values()):,} MACs")
print({name: f"{count:,}" for name, count in macs.items()})

# %% [markdown]
# ### Training
#
# One record must not outvote another: an epoch takes at most 250 beats of each class of each
# recorded lead, spread evenly over its time. Both leads are used for training, as if the second
# one were another patient; only MLII is tested. Beats are varied at random (gain, noise on the
# timing, a shift of up to two samples, a stretch of time); classes are weighted by one over the
# square root of their frequency. Then everything is rounded to eight bits, weights and
# activations, and trained for three more epochs ({doc}`05_int8_qat`).
#
# ### Three splits, and how choices were made
#
# Every setting was chosen **inside DS1**, in eleven folds that leave two patients out each.
# Then the network is scored on DS1 → DS2, on the swapped split, and **leaving one patient
# out**: 43 trainings, each tested on the patient that it has not seen. The last is our primary
# evidence, though half of its patients, those of DS1, had a part in the choices.

# %%
live = {study: plan.run(study) for study in ("micro", "budget", "budget_ecgnet", "robustness")}
reference = {study: results.load_study(RESULTS, study) for study in live}

# %% tags=["hide-input"]
show.provenance(reference["micro"])

# %% [markdown]
# ## Without any label

# %% tags=["hide-input"]
ours = budget.by_split(reference["micro"])
published = papers.peers().drop(columns="method")
show.table(
    {"published": published, "ours": scores.score_table(ours)},
    "Table 8.1: one network for all patients, all beats, reference runs; published numbers above. "
    "Ours weighs 4,014 bytes in integers: weights, biases and one scale an output channel.",
    {"published": {"*": formats.AS_PRINTED}},
)

# %% tags=["hide-input"]
show.table(
    {"sensitivity and +P": scores.class_table(ours)},
    "Table 8.2: the same arms by class, all beats, reference runs.",
)

# %% [markdown]
# What its mistakes look like, where every patient was left out once. The three records with most
# N beats called S all have atrial fibrillation or flutter.

# %% mystnb={"figure": {"caption": "Mistakes without any label of the patient, in integers, seed 7, every patient left out once: the four kinds that take N for S or V, or S or V for N; of each the three records with most mistakes, how many they have, and of these the one nearest to their median. Upper letter: annotated; lower letter: what the network said, framed where it is wrong. MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0.", "name": "fig-real-mistakes"}, "image": {"classes": "reference-figure"}} tags=["hide-input"]
show.reference_figure("mistakes", "Twelve beats: N taken for S or V, and S or V taken for N")

# %% [markdown]
# Record 232 has most of the S beats that are missed. Most of his beats are S, so the
# template and the slow baseline of his rhythm learn S as normal. In record 209, where S beats are rarer, they
# stand out against both. Against the mean of the last 80 intervals, which his pauses lengthen,
# the S beats of record 232 do come early, and a network that reads only the derivative and the five
# RR ratios finds nearly all of them (Table 8.4).

# %% mystnb={"figure": {"caption": "Record 232 (eight seconds with his usual share of N beats, RR intervals in ms) and what the network reads of him, beside record 209: median of N and S beats and the middle 80 %, the derivative with the running template, the same less the template, and RR intervals over the slow baseline, after the first 300 beats. The titles say how many S beats the network called N (in integers, no label, seed 7, every patient left out once). MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0.", "name": "fig-real-record-232"}, "image": {"classes": "reference-figure"}} tags=["hide-input"]
show.reference_figure(
    "record_232",
    "A strip of record 232, and his beats against the running template, beside record 209",
)

# %% [markdown]
# ### What it was chosen from

# %% tags=["hide-input"]
tried = {
    title: budget.variant_table(budget.by_variant(reference["micro"], split=split, scope=scope))
    for title, split, scope in (
        ("folds of DS1, fp32", "ds1_cv", "none"),
        ("folds of DS1, integers", "ds1_cv", "all_int8"),
        ("DS1 → DS2, integers", "ds1_ds2", "all_int8"),
    )
}
show.table(
    tried,
    "Table 8.3: every setting that was varied, one at a time, all beats, reference runs. Only the "
    "upper two blocks were used to choose.",
)

# %% tags=["hide-input"]
one_seed = [r for r in reference["micro"] if r.config["seed"] == 7]
show.table(
    budget.variant_table(budget.by_variant(one_seed, split="lopo", scope="none")),
    "Table 8.4: the chosen input and that of Farag 2023 with every patient left out once, seed 7, "
    "fp32, all beats, reference runs. This chose nothing.",
)

# %% [markdown]
# ### What more parameters add
#
# ECGNet on isolated beats and the five RR ratios, from chapter {doc}`02_wave_puzzle`, and this
# chapter's network twice as wide.

# %% tags=["hide-input"]
baselines = results.load_study(RESULTS, "baseline")
rounded = budget.by_variant(reference["micro"], split="ds1_ds2", scope="all_int8")
large = {
    "ECGNet, beats + RR, fp32": arms.pick(baselines, features="beat+rr", split="ds1_ds2"),
    "MicroNet twice as wide, INT8": rounded["width 2.0"],
    "MicroNet, INT8": rounded["chosen"],
}
show.table(
    scores.score_table(large),
    "Table 8.5: larger networks on DS1 → DS2, all beats, reference runs.",
)

# %% [markdown]
# ## A handful of labels
#
# Somebody looks at $K$ beats of the patient's first five minutes and says what they are. Which
# beats, and what to do with the answers, was again tried inside DS1, each of its patients in
# turn being the new one. `mixed` asks for half of the beats where the network is unsure, each
# far from the last, and for the other half so that all kinds of beats are covered. `head`
# trains the hidden and the output layer of the rounded network, with floating-point gradients,
# for three short passes over replayed beats of other patients (half a megabyte), with the
# labelled ones in every step.

# %% tags=["hide-input"]
show.table(
    budget.choice_table(reference["budget"]),
    "Table 8.6: which beats to ask for, and how to use the answers: macro-F1 after 5:00, eleven "
    "folds of DS1, reference runs, INT8.",
)

# %% tags=["hide-input"]
lopo = budget.by_budget(reference["budget"], scope="all_int8", split="lopo")
show.table(
    budget.budget_table(lopo),
    "Table 8.7: labels and what they bring, every patient left out once, after 5:00, INT8, "
    "reference runs. Δ: against no label, with its 95 % interval over patients; accuracy: "
    "of all beats, and averaged over patients; cost: seconds and millions of multiplications of "
    "asking and learning, a record.",
)

# %% tags=["hide-input"]
standard = budget.by_budget(reference["budget"], scope="all_int8", split="ds1_ds2")
show.table(
    budget.budget_table(standard),
    "Table 8.8: the same on DS1 → DS2.",
)

# %% mystnb={"figure": {"caption": "Macro-F1 after 5:00 against the labels really asked for (mean of the records), with 95 % bands over patients, INT8, reference runs. Beats asked for when the network is unsure (half an hour, any time) are worth more than those of the first five minutes.", "name": "fig-budget"}} tags=["hide-input"]
kind = {"scope": "all_int8", "split": "lopo"}
streamed = budget.by_budget(
    reference["budget"], query="least_confidence", asking="stream", **kind
)
curves = {
    "leave one patient out": lopo,
    "the same, drawn at random": budget.by_budget(reference["budget"], query="random", **kind),
    "the same, asked when unsure": streamed,
    "DS1 → DS2": standard,
}
figures.budget_curves(curves)

# %% mystnb={"figure": {"caption": "Accuracy of every record after 5:00 without a label and with five, every patient left out once, INT8, mean of the seeds of the reference runs. Green: better; red: worse.", "name": "fig-budget-patients"}} tags=["hide-input"]
figures.patients(lopo[5], lopo[0], ("no label", "five labels"))

# %% [markdown]
# What five answers change, on the patient whom they help most, so not on a usual one:

# %% mystnb={"figure": {"caption": "Twelve seconds of the patient whom five answers help most (largest gain in accuracy after 5:00; in integers, seed 7, every patient left out once), chosen so that the shares of right answers, without and with labels, are nearest to those of all his beats after 5:00. Percentages: accuracy after 5:00, all of his beats. A frame marks a wrong answer. MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0.", "name": "fig-real-five-answers"}, "image": {"classes": "reference-figure"}} tags=["hide-input"]
show.reference_figure(
    "five_answers",
    "A strip of record 232 with annotated classes, and those said without and with five labels",
)

# %% [markdown]
# ### At any time of the day
#
# Arrhythmia need not show in the first five minutes; record 222 has 209 supraventricular beats
# and none of them before 5:00. The next table asks whenever a beat is unsure, at most $K$ times
# an hour, released evenly. Its column *labels* says how many were really asked for in half an
# hour: 4, 7 and 10 on average.

# %% tags=["hide-input"]
show.table(
    budget.budget_table(streamed),
    "Table 8.9: labels an hour, asked whenever a beat is unsure; every patient left out once, "
    "scored after 5:00, each beat before its own label is known, INT8, reference runs.",
)

# %% [markdown]
# ### The same loop around ECGNet

# %% tags=["hide-input"]
ecgnet = budget.by_budget(reference["budget_ecgnet"], split="ds1_ds2")
show.table(
    budget.budget_table(ecgnet),
    "Table 8.10: ECGNet with RR ratios in the same loop, DS1 → DS2 after 5:00, fp32, reference "
    "runs.",
)

# %% [markdown]
# ### Without labels
#
# What can be had for nothing: BatchNorm statistics moved towards the patient's (`adabn`), RR ratios
# against the patient's own mean of the first five minutes (`own_rr`), and gains and offsets
# trained to be surer of the patient's beats, taken back where more than 5 % of the beats
# change class (`entropy`).

# %% tags=["hide-input"]
free = arms.by(reference["budget"], "update", split="lopo", scope="none", budget=0)
control = free.pop("none")
show.table(
    scores.difference_table(free, control),
    "Table 8.11: label-free adaptation against none, every patient left out once, after 5:00, "
    "fp32, reference runs.",
)

# %% [markdown]
# ## What a worse recording costs
#
# Networks trained on the clean records; noise is generated (chapter {doc}`01_data` has none of
# it), its strength the power of the QRS complexes over that of the noise. Detected R-peaks
# replace the annotated ones in one row: missed beats count as false negatives of their class
# and false detections as false positives of the class they were given, as EC57 has it.

# %% mystnb={"figure": {"caption": "F1 of V (solid) and S (dashed) on DS1 → DS2 against the severity of each perturbation, worse to the right but for the sampling rate; fp32 and INT8, reference runs.", "name": "fig-robustness"}} tags=["hide-input"]
worse = budget.robustness_table(reference["robustness"])
figures.robustness(worse)

# %% tags=["hide-input"]
kinds = worse.index.get_level_values(0).isin(
    ["none", "detected", "lead", "jitter", "resampled"]
)
show.table(
    worse[kinds],
    "Table 8.12: perturbed records, DS1 → DS2, all beats, mean over seeds of the reference runs; "
    "macro-F1 of annotated beats, F1 of V and S with missed and false beats counted.",
)

# %% mystnb={"figure": {"caption": "Left: accuracy against confidence, with the expected calibration error. Middle and right: accuracy and macro-F1 when only the surest beats are answered. INT8, all beats, reference runs.", "name": "fig-confidence"}} tags=["hide-input"]
sure = {
    names.word(split): budget.by_variant(reference["micro"], split=split, scope="all_int8")[
        "chosen"
    ].results
    for split in ("lopo", "ds1_ds2")
}
figures.confidence(sure)

# %% [markdown]
# ## On this page

# %% tags=["hide-input"]
mine = budget.by_variant(live["micro"], split="ds1_ds2")
show.table(
    budget.variant_table({f"{name}, live": arm for name, arm in mine.items()}),
    "Table 8.13: the runs of this page, on their own test records.",
)

# %% [markdown]
# ## The shipped network
#
# ```bash
# python -m ecglib predict path/to/record --out record.csv
# ```
#
# classifies the beats of any WFDB record, from the detector's R-peaks or from given
# annotations, with the network of this chapter, trained in integers on all 44 records
# (`ecglib/deploy/weights`, with a model card). Nothing is left to test that one on: its evidence is the
# leave-one-patient-out row of Table 8.1. Research, not a medical device.

# %% [markdown]
# ## What we found
#
# - **About ten labels, asked for in doubt, are worth more than the 380 of the first five
#   minutes.** Every patient left out once, after 5:00, the network has 0.742 macro-F1. Asking
#   whenever a beat is unsure, at most forty times an hour, it asks 10.5 times in half an hour
#   on average (at most 21) and reaches 0.944 [0.877, 0.976]: +0.202 [+0.120, +0.264], without
#   record 232 +0.159 [+0.104, +0.223]. 8 % of these answers are F or Q and teach nothing. All
#   380 beats of the first five minutes bring 0.898 (Table 8.7), which is 0.046 [0.012, 0.096]
#   less. At most twenty times an hour, it asks seven times and reaches 0.925 [0.835, 0.970]
#   (Table 8.9); against the 380 that is +0.026 [−0.000, +0.062].
# - **Five labels of the first five minutes** lift 0.742 by 0.123 [+0.035, +0.193] to 0.865,
#   twenty by 0.153 [+0.056, +0.232] to 0.895. **Record 232 carries half of that:** without him
#   five bring 0.059 [0.025, 0.089], twenty 0.094 [0.042, 0.175]. On DS1 → DS2 two labels reach
#   0.895, five 0.907, fifty 0.918 (Table 8.8); five bring 0.159 [0.029, 0.230], without him
#   0.050 [0.022, 0.114].
# - **A label can do harm.** One label is a gamble: 0.785 ± 0.056, and without record 232 its
#   gain may be zero (+0.026 [−0.007, +0.057]). As a mean over seeds no record loses more than
#   8.9 points of accuracy with one label, 2.0 with two, 1.2 with more. But a patient gets one
#   network. The worst single one of three seeds loses 19.9 points in its record with one label,
#   8.6 with two, 4.5 with five, 2.6 with twenty. Asked in doubt, at most 10, 20 and 40 times an
#   hour, it loses 3.7, 2.1 and 1.5.
# - **Five labels cost a quarter of a second, asking in doubt for half an hour 2.3 s,** on one
#   core of a PC that had other work to do. (Other numbers of labels at the start: 0.2 to 0.3 s
#   a record; DS1 → DS2: 0.12 s.) Paper 1's Table 1 prints a run time of 2,920 s on an H200 and
#   of 60,048 s on a Jetson Nano, for other work: its network of millions of weights is
#   fine-tuned on DS1 for every patient. In multiplications, which compare, five labels cost 64
#   million a record on DS1 → DS2, about as many as ECGNet of the paper's size needs for one or
#   two beats. The update computes in floating point and replays half a megabyte of other
#   people's beats, beside the four kilobytes; only the network that it leaves is in integers.
# - **Without labels nothing that we tried helps measurably** (fp32, every patient left out
#   once). Shrunk AdaBN moves macro-F1 by +0.003 [−0.001, +0.009], entropy minimisation by
#   −0.013 [−0.050, +0.015], RR ratios against the patient's own mean by −0.007 [−0.027, +0.017]
#   (Table 8.11).
# - **The standard split hangs on one patient.** On DS2, in integers, our chosen input minus
#   Farag's kind of input (derivative and RR ratios) is −0.067 [−0.157, +0.055], and +0.040
#   [0.024, 0.061] without record 232, who holds three quarters of the S beats. With the
#   training that the literature uses, Farag's kind of input has 0.858 ± 0.043; without 232 it
#   has 0.742 and ours 0.744, no difference (Table 8.3). So it is with every patient left out
#   once (fp32, one seed, Table 8.4): **Farag's input wins there too,** 0.786 against 0.740
#   (difference −0.046 [−0.137, +0.053]); without 232 ours has 0.742 against 0.709 (+0.033
#   [0.008, 0.062]). Most of this patient's beats *are* S. A template that follows the patient,
#   and a baseline of his rhythm, take that for normal. We keep what DS1 chose: there, in fp32,
#   ours has 0.762 against 0.694, +0.068 [0.023, 0.107].
# - **What helps, inside DS1** (fp32, two seeds; differences of 0.02 are noise). The template
#   (0.701) and the three numbers about the rhythm (0.708) add little to derivative and RR
#   ratios (0.694) one by one, and 0.07 [0.02, 0.11] together. Timing, with the template there,
#   takes 0.643 to 0.701, but the interval of that, [−0.008, +0.148], contains zero. The second
#   lead, as more patients to learn from, adds 0.04 [0.00, 0.07]. Class weights by the square
#   root add 0.02, over none [−0.022, +0.058] and over balanced ones [0.003, 0.042]. Raw samples
#   do as well as the derivative (0.770). Without augmentation it is 0.737; percentile and BCa
#   intervals disagree whether that is less.
# - **Fewer than four kilobytes do as well on DS1 → DS2.** Integers move macro-F1 by −0.002
#   [−0.006, +0.001] there and by +0.002 [−0.004, +0.010] when patients are left out; inside DS1
#   by −0.011, where percentile and BCa intervals disagree about zero. Half the width, 1,282
#   bytes, has 0.750 on DS2; four bits, 2,338 bytes, 0.750 (but 0.010 less than eight inside
#   DS1, [0.004, 0.014]); three bits 0.743, or 0.745 with the same bits placed by an integer
#   program. Two bits, 1,500 bytes, have 0.724 on DS2, 0.026 [0.002, 0.053] less, and as much as
#   eight inside DS1 (Table 8.3). Twice the width adds nothing. ECGNet's 812,643 parameters on
#   isolated beats and RR ratios, in fp32 and trained otherwise, have 0.650 (Table 8.5);
#   percentile and BCa intervals of the difference to ours disagree about zero, and without 232
#   it is +0.023 [−0.035, +0.092].
# - **ECGNet in the same loop** (fp32) goes from 0.655 to 0.872 with five labels, but the
#   interval of that difference, [−0.037, +0.369], contains zero: nearly all of it is record 232
#   (without him 0.723 and 0.732), and record 202 loses 17 points of accuracy in the mean of
#   three seeds, 25 in the worst. It costs 13 billion multiplications a patient, two hundred
#   times ours (Table 8.10). In ours labels help the others too on this split (without 232 from
#   0.747 to 0.797), and no record loses more than 0.3 points in the mean, 1.1 with a single
#   network.
# - **Peaks matter more than noise,** on DS1 → DS2 with generated noise. Baseline wander as
#   strong as the QRS complexes costs at most 0.005, since the network reads a derivative;
#   muscle noise and electrode motion at 12 dB take 0.05 to 0.07 from V's F1 of 0.967, at 0 dB
#   0.40 and 0.28. With detected R-peaks V has 0.917, on the second lead 0.880, at 125 Hz 0.951.
#   But peaks that jump at random by up to ±20 ms halve V's F1: the template needs beats that
#   are aligned alike. Integers suffer about as much as fp32 (Table 8.12,
#   {numref}`fig-robustness`).
# - **It is too sure of itself** where it is between 0.6 and 0.9; the expected calibration error
#   is 0.03 when patients are left out, 0.04 on DS1 → DS2. Answering the surest 90 % of the
#   beats lifts accuracy from 0.943 to 0.976 (patients left out, no label).
#
# ### Targets that were missed
#
# We wanted 0.92 macro-F1 on DS1 → DS2 without labels, with 0.80 for sensitivity and
# predictivity of S and 0.95 of V: the chosen network has 0.749, V's 0.97 and 0.96, and S's 0.36
# and 0.28; the best variant has 0.858; with fifty labels it is 0.918. We wanted 0.80, 0.90 and
# 0.92 with 0, 5 and 20 labels, every patient left out once: it is 0.742, 0.865 and 0.895 if
# they come from the first five minutes, 0.883 and 0.925 with four and seven that come when in
# doubt. What was tried against the gap is in Tables 8.3 and 8.6. Inside DS1 and outside of
# these tables (no run is committed) we also tried, without success: training on records thinned
# to their arrhythmia, exchanging templates between beats, and a running median as template.
# What is left without labels is mostly atrial fibrillation (records 201, 202, 203, 219, 222),
# where normal beats are taken for S, and record 232.
#
# ## Limits
#
# - 43 patients of one database carry every number; the intervals are wide, and they are over
#   patients of that database only. Where percentile and BCa intervals disagree about zero we
#   claim neither.
# - The loop replays up to 6,600 beats of other patients, 80 bytes each: half a megabyte of flash
#   that the four kilobytes do not count. It trains with floating-point gradients; only what it
#   leaves behind is in integers.
# - Labels are the database's own, free of error. Whoever answers on a watch will err.
# - Noise is generated. The detector's beats were matched with the annotations within 150 ms.
# - The search used two seeds and one setting at a time; the query, the weight of labels and the
#   number of passes were chosen on the same folds as the network. `unsure` (0.9) was not varied.
# - Choices were made on DS1's folds alone, but not blindly: the weight of labels was tuned there after
#   a first look at the left-out patients, and the pilot that set our targets had looked at DS2.
#
# ## Extend it
#
# The loop believes every answer. How much does one wrong label in five cost? The next cell turns
# the first answer of every patient of this page into another class.

# %%
asked = next(c for c in plan.configs("budget") if c.budget == 5)
run = plan.on_cpu(asked)
test, beats, model, _ = next(fold_networks(run, asked))
replay = replay_of(beats.inputs, beats.lead_of, asked)
for record in test:
    inputs = inputs_of(run, record)
    scored = inputs.select(inputs.y < 3)
    first = scored.select(torch.arange(5))
    lied = torch.cat([(first.y[:1] + 1) % 3, first.y[1:]])
    for name, y in (("five right", first.y), ("one of them wrong", lied)):
        new = updated(model, MICRONET, asked, replay, Inputs(first.x, first.rr, y))
        right = predict(new, scored) == scored.y.numpy()
        print(f"record {record}, {name}: accuracy {right.mean():.3f}")
