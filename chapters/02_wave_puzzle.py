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
# # Does a wave puzzle teach a network about arrhythmia?
#
# ECGWavePuzzle {cite:p}`silva2024,silva_deployment` cuts a heart beat into three pieces,
# shuffles them, and asks a network which of the six orders it sees. No label is needed, as in
# the jigsaw puzzles of image recognition {cite:p}`noroozi2016`. The claim of paper 1 is that
# the task "encourages the network to learn ECG morphological structure before downstream
# classification", here that of N, S and V beats.
#
# Paper 1 reports no accuracy of the puzzle itself and no network without pretraining in the
# same pipeline. Its only comparison speaks against pretraining and personalization together:
# its best row trained on DS1 alone has 0.9194 accuracy and 0.6303 macro-F1, the best with
# puzzle and personalization 0.9013 and 0.5364 (both in INT8). This chapter looks at the puzzle
# by itself.

# %% tags=["parameters"]
profile = "quick"  # type: str  params file that lists the runs of this page
seeds = None  # type: list  seeds of every arm; None, here and below: as the params file says
records = None  # type: list  records of MIT-BIH in use
data_root = None  # type: str  folder or packed file with the data; without one it is searched for
device = None  # type: str  auto, cpu or cuda
scheduler = None  # type: str  local or tcp://host:port: Dask workers for missing runs
overrides = {}  # type: dict  arms of a study, or channels and pretext_epochs of all of them

# %% tags=["remove-cell"]
import numpy as np

from ecglib import DS1, Plan, load_beats, results
from ecglib.book import show
from ecglib.plots import puzzle as figures
from ecglib.plots import style
from ecglib.puzzle import CUTS, NAMES
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, names, papers, runs, scores

style.use()

# %% [markdown]
# ## Data
#
# The puzzle is solved on the N beats of DS1. DS2 is for scores only; class weights and epochs
# were chosen inside DS1.

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
# A beat $x$ of 300 samples is cut at two points into $x = (p_0, p_1, p_2)$. With the six
# permutations $\pi_0, \dots, \pi_5$ of three pieces, the network $f$ minimises
#
# $$\mathcal{L} = -\,\mathbb{E}_{x}\;\frac{1}{6}\sum_{k=0}^{5} \log f_k\bigl(\pi_k(x)\bigr),
# \qquad \pi_k(x) = \bigl(p_{\pi_k(0)},\, p_{\pi_k(1)},\, p_{\pi_k(2)}\bigr).$$
#
# Figure 1 of the paper shows equal thirds. Its words, P, QRS and T, call for cuts around the
# QRS complex: samples 90 and 210, 40 % of the window. Both are a setting (`cuts`); the pieces
# below are cut around the QRS.

# %% mystnb={"figure": {"caption": "One normal beat in the six orders of its three pieces. The colours say where a piece comes from. Order 0 is the beat itself.", "name": "fig-permutations"}} tags=["hide-input"]
example = load_beats(source.path, [next(r for r in plan.common("records") if r in DS1)])
beat = example.select(example.label == 0).select([20])
figures.six_permutations(beat.signal[0], beat.fs, CUTS["qrs"])

# %% mystnb={"figure": {"caption": "A real beat, whatever data this page has: the N beat of record 103 (of DS2, only shown) that is nearest to the median of its N beats. The first cut, 90 samples into the window, goes through its P wave, so the piece called P does not hold the whole wave. MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0.", "name": "fig-real-puzzle"}, "image": {"classes": "reference-figure"}} tags=["hide-input"]
show.reference_figure("puzzle", "A real beat in the six orders of its pieces")

# %% [markdown]
# ## Run
#
# Three views of the same task tell *how* it is solved. `whole` is the puzzle. `junctions` hides
# all but five samples on either side of the places where two pieces can meet: if that suffices,
# the network needs no morphology, only the jumps that the scissors left. `masked` hides exactly
# those samples and keeps the rest.

# %%
live = {study: plan.run(study) for study in ("selection", "puzzle", "probe", "baseline")}
reference = {study: results.load_study(RESULTS, study) for study in live}
personalized = results.load_study(RESULTS, "personalization")

# %% tags=["hide-input"]
show.provenance(reference["puzzle"])

# %% mystnb={"figure": {"caption": "Loss of the puzzle on the N beats of DS1, reference runs, a line a seed. Guessing costs ln 6 = 1.79.", "name": "fig-puzzle-loss"}} tags=["hide-input"]
views = arms.by(reference["puzzle"], "view", split="ds1_ds2", cuts="qrs", norm="batch")
figures.learning_curves(
    {f"{view} beat": [r.metrics["loss"] for r in arm.results] for view, arm in views.items()}
)

# %% [markdown]
# ### Which orders are hard?
#
# Where the tall QRS complex stands, first, in the middle or last, is seen at a glance, so two
# orders remain for each place. What is left is to tell the flat piece with the P wave from the
# one with the T wave, and that is where 98 % of the errors are: within the pairs 0 and 5, 1 and
# 4, 2 and 3.

# %% mystnb={"figure": {"caption": "True against predicted order on N beats of DS2, reference runs, % of each row over all seeds.", "name": "fig-puzzle-confusion"}} tags=["hide-input"]
whole = views["whole"]
confusion = sum(np.array(r.metrics["confusion"]) for r in whole.results)
figures.permutation_confusion(confusion)

# %% tags=["hide-input"]
wrong = confusion * (1 - np.eye(6, dtype=int))
true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
right = confusion.diagonal() / confusion.sum(axis=1)
print(f"easiest: {NAMES[right.argmax()]} ({right.max():.1%} right)")
print(f"hardest: {NAMES[right.argmin()]} ({right.min():.1%} right)")
print(f"most frequent confusion: {NAMES[true]} taken for {NAMES[predicted]}")

# %% [markdown]
# ### Is it solved at the cuts?

# %% mystnb={"figure": {"caption": "Accuracy of the six-class puzzle on N beats of the test side by view, a dot a seed. The dotted line is guessing.", "name": "fig-views"}} tags=["hide-input"]
by_view = runs.long(
    {"reference": reference["puzzle"], "this run": live["puzzle"]}, "view", "accuracy"
)
figures.origin_dots(by_view, "accuracy", "view", guess=1 / 6)

# %% [markdown]
# ## What do the features know?
#
# A linear classifier of N, S and V on frozen features asks what a network has learned before it
# is told. The same network with random weights is the lower bound, the one trained with labels
# the upper one. Linear probes are trained on DS1 and scored on DS2.

# %% mystnb={"figure": {"caption": "Macro-F1 of linear probes on the frozen features of a random, a puzzle-pretrained and a supervised network, a dot a seed.", "name": "fig-probes"}} tags=["hide-input"]
by_source = runs.long(
    {"reference": reference["probe"], "this run": live["probe"]}, "source", "macro_f1"
)
probes = arms.by(reference["probe"], "source", split="ds1_ds2")
trivial = scores.always_n(next(iter(probes.values())).matrices()[0]).macro_f1
figures.origin_dots(by_source, "macro_f1", "source", guess=trivial)

# %% tags=["hide-input"]
probe_scores = scores.score_table(probes).join(scores.class_table(probes))
show.table(
    probe_scores, "Table 2.1: linear probes on frozen features, reference runs, all of DS2."
)

# %% [markdown]
# ## Settings, chosen inside DS1
#
# Class weights and the number of epochs were chosen by four folds of DS1's patients: a network
# is trained on three quarters of them and scored on the rest, and the folds are pooled epoch by
# epoch. Then the network was trained anew on all of DS1 for the best number of epochs. The
# table also has one trial with early stopping on four validation patients alone (records 118,
# 124, 207, 223): its curve is low and jumpy, since four patients are few, so all of DS1 votes
# instead. The learning rate falls by a factor 0.7 an epoch, which does not depend on where one
# stops. No committed run compares this with a constant rate, nor other schedules of the linear
# probes.

# %% tags=["hide-input"]
trials = runs.selection_table(reference["selection"])
show.table(
    trials, "Table 2.2: trials inside DS1, reference runs; macro-F1 of the pooled folds."
)

# %% [markdown]
# ## Does pretraining help?
#
# `baseline` has never seen a puzzle; every weight learns from DS1's labels. *puzzle, head*
# leaves the backbone as the puzzle made it, and only the head learns from labels. Its network
# has BatchNorm, so the baseline stands there with and without it; the differences are to the
# one with. `beat+rr` adds five ratios of RR intervals, which tell S beats by their timing; it
# is a different input and a row of its own.


# %% tags=["hide-input"]
def with_and_without(split):
    """Arms without a puzzle, and those with it that nobody is personalized in, by name."""
    without = arms.group(reference["baseline"], split=split)
    pretrained = arms.group(personalized, strategy="none", split=split, train_share=1.0)
    named = {names.baseline(arm.settings): arm for arm in without}
    return named | {
        f"puzzle, {names.name_of(arm.settings, ('finetune', 'norm'))}": arm
        for arm in pretrained
    }


rows = with_and_without("ds1_ds2")
control = "baseline, isolated beats, BatchNorm"
help_table = {
    "paper 1": papers.printed([papers.PAPER1_BEST]).filter(regex="accuracy|macro-F1"),
    "reference": scores.against_control(rows, control, after_5min=False),
}
show.table(help_table, "Table 2.3: with and without the puzzle, all beats of DS2.")

# %% tags=["hide-input"]
mine = {
    names.baseline(arm.settings): arm for arm in arms.group(live["baseline"], split="ds1_ds2")
}
show.table(
    scores.score_table(mine), "Table 2.4: the baselines of this run, on its test records."
)

# %% [markdown]
# The split is one draw of patients. The other way round, trained on DS2 and tested on DS1:

# %% tags=["hide-input"]
show.table(
    scores.score_table(with_and_without("ds2_ds1")),
    "Table 2.5: the swapped split, reference runs.",
)

# %% [markdown]
# ## What we found
#
# - **The puzzle is easy.** After ten epochs the narrow network tells 95 % of the orders of
#   patients it has never seen (three seeds: 0.947 to 0.953). Where the QRS complex stands is
#   obvious; what it confuses are the two orders that share that place (5 % of the beats).
# - **Much of it can be solved at the cuts.** A network that sees nothing but five samples on
#   either side of the possible junctions still gets 88 % right, and one that sees everything
#   *but* these samples 90 % (one seed each). So the rest of the beat goes far, and so do the
#   jumps of the scissors: solving the puzzle does not prove that the shape of a beat was
#   learned.
# - **Its features are no better than random ones for a linear classifier.** Over three seeds a
#   probe on puzzle features scores 0.529 macro-F1, on features of the same network with random
#   weights 0.558; the difference of −0.029 has the interval [−0.084, +0.015] over patients. A
#   probe on supervised features has 0.516 (one seed), so this measure does not tell features
#   apart well. Our reading: on unseen patients a linear layer on 1,152 features is limited by
#   the patients it has seen.
# - **As a start for the head we see no harm, and no sure gain.** With a backbone that only the
#   puzzle has trained and a head that DS1's labels have, macro-F1 is 0.605 ± 0.006, against
#   0.579 ± 0.028 for the same narrow network trained on labels throughout (three seeds). The
#   difference is +0.026 [−0.015, +0.083], that of accuracy −0.002 [−0.033, +0.034]. To the
#   network without BatchNorm it is +0.046 macro-F1, where percentile and BCa intervals disagree
#   about zero. Pretraining needs no labels, but three to four and a half minutes on one core.
# - **Against the paper.** Our faithful arm (isolated beats, no BatchNorm, DS1 only, narrow,
#   three seeds) reaches 0.559 macro-F1 and 0.904 accuracy: 0.07 below the best 0.6303 of the
#   paper and 0.016 below its 0.9194. At the paper's size (H200, three seeds, in no table of
#   this chapter) it has 0.582 and 0.918, 0.05 and 0.002 below. Tried inside DS1 were class
#   weights (none, balanced; with the puzzle also the square root) and the number of epochs
#   (Table 2.2). BatchNorm was not tried there; it has 0.579 on DS2. The paper's training is
#   unpublished.
# - **Timing raises accuracy.** Five RR ratios lift the narrow network to 0.650 ± 0.005 macro-F1
#   and 0.943 accuracy (three seeds), above the paper's best row on both, which has no timing.
#   To the BatchNorm baseline that is +0.044 accuracy [0.011, 0.086] and +0.071 macro-F1; the
#   percentile interval of the latter, [0.013, 0.172], lies above zero, its BCa interval, about
#   [−0.01, 0.15], does not, so 22 patients cannot decide it. To the pretrained network it is
#   +0.046 accuracy [0.004, 0.109] and +0.045 macro-F1 [−0.017, +0.147].
# - **The split matters at least as much.** The other way round the faithful arm falls from
#   0.559 to 0.474 (three seeds), on other patients.
#
# ## Limits
#
# - The reference runs use a narrower ECGNet (16, 32, 64, 128, 128 filters) than the paper,
#   which does not publish the filters of its last three blocks. Epochs, learning rates and the
#   place of the cuts are unpublished as well; our epochs were chosen inside DS1 (no committed
#   run varies those of the puzzle), the cuts follow the paper's words.
# - Class weights and epochs were chosen with one seed, by four folds of DS1's 22 patients; the
#   pooled macro-F1 at the best epoch, which Table 2.2 prints, is chosen on the same folds.
# - The hidden layer for the RR ratios came second. A first network took the bare ratios into
#   `fc1` and scored below the paper's best row on DS2; seeing that made us look for another
#   way, which was then chosen on the folds of DS1. That trial is not among the committed runs.
#   So DS2 has told us once *that* something was to be improved, though not what.
# - A linear probe sees what is linearly there; a head of two hidden layers can find more.
# - Two splits are two draws of patients. The intervals over patients say how much that is.
#
# ## Extend it
#
# Does the place of the cuts matter? Equal thirds cut through the T wave of slow beats. The next
# cell solves that puzzle too, on the records of this page.

# %%
cuts = plan.run("puzzle", arms=[{"cuts": ["qrs", "thirds"]}])
{result.config["cuts"]: round(result.metrics["accuracy"], 3) for result in cuts}
