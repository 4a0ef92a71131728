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
# ECGWavePuzzle {cite:p}`silva2024,silva_deployment` cuts a heart beat into three
# pieces, shuffles them, and asks a network which of the six orders it sees. No label is needed,
# as in the jigsaw puzzles of image recognition {cite:p}`noroozi2016`. The claim is that a
# network which can tell the orders apart has learned the morphology of the ECG, and is a better
# starting point for telling N, S and V beats apart.
#
# Paper 1 reports no accuracy of the puzzle itself and no network without pretraining in the
# same pipeline. Its only comparison says the opposite of the claim: trained on DS1 alone, the
# network reaches 0.9194 accuracy and 0.6303 macro-F1, with puzzle and personalization 0.9013
# and 0.5364. This chapter looks at the puzzle by itself.

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder or packed file with MIT-BIH, None: search for it
device = "auto"  # type: str  auto, cpu or cuda
scheduler = None  # type: str  None, local or tcp://host:port: Dask workers for missing runs
seeds = [7]  # type: list  seeds of every arm
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  record numbers
channels = [4, 8, 8, 16, 16]  # type: list  filters of ECGNet's five blocks
pretext_epochs = 2  # type: int  passes of the offline puzzle
selection = []  # type: list  arms: trials on validation records inside DS1
puzzle = [{"view": ["whole", "junctions"]}]  # type: list  arms: the puzzle itself
probe = [{"source": ["random", "puzzle"], "epochs": 2}]  # type: list  arms: linear probes
baseline = [{"epochs": 2}]  # type: list  arms: training on one side only, no puzzle

# %% tags=["remove-cell"]
import numpy as np

from ecglib import results
from ecglib.aami import DS1
from ecglib.book import show
from ecglib.data.sets.mitdb import load_beats
from ecglib.plots import puzzle as figures
from ecglib.plots import style
from ecglib.puzzle import CUTS, NAMES
from ecglib.studies import plan
from ecglib.studies.worksite import run_study
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, runs, scores

style.use()

# %% [markdown]
# ## Data
#
# The puzzle is solved on the N beats of DS1. DS2 is for scores only; every setting was chosen
# inside DS1.

# %% tags=["hide-input"]
parameters = {
    "data_root": data_root,
    "seeds": seeds,
    "records": records,
    "channels": channels,
    "pretext_epochs": pretext_epochs,
    "selection": selection,
    "puzzle": puzzle,
    "probe": probe,
    "baseline": baseline,
}
where = {"profile": profile, "device": device, "scheduler": scheduler}
source = plan.find_source(parameters, profile)
show.banner(source, profile)

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
example = load_beats(source.path, [next(r for r in records if r in DS1)])
beat = example.select(example.label == 0).select([20])
figures.six_permutations(beat.signal[0], beat.fs, CUTS["qrs"])

# %% [markdown]
# ## Run
#
# Three views of the same task tell *how* it is solved. `whole` is the puzzle. `junctions` hides
# all but five samples on either side of the places where two pieces can meet: if that suffices,
# the network needs no morphology, only the jumps that the scissors left. `masked` hides exactly
# those samples and keeps the rest.

# %%
live = {
    study: run_study(plan.plan(study, parameters), source, **where)
    for study in ("selection", "puzzle", "probe", "baseline")
}
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
# one with the T wave, and that is where the errors are: within the pairs 0 and 5, 1 and 4, 2
# and 3, hardly ever between them.

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
trivial = scores.always_n(next(iter(probes.values())).matrices()[0])["macro_f1"]
figures.origin_dots(by_source, "macro_f1", "source", guess=trivial)

# %% tags=["hide-input"]
probe_scores = scores.score_table(probes).join(scores.class_table(probes)).fillna("")
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
# stops; at a constant rate, in pilots that are not among the results, curves jumped by 0.1. The
# linear probes above got their schedule the same way.

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
rows = {
    arms.baseline_name(arm): arm for arm in arms.group(reference["baseline"], split="ds1_ds2")
}
for arm in arms.group(personalized, strategy="none", split="ds1_ds2", train_share=1.0):
    rows[f"puzzle, {arm.settings['finetune']}, {arm.settings['norm']} norm"] = arm
control = rows["baseline, beat, BatchNorm"]
others = {
    name: arm for name, arm in rows.items() if arm is not control and arm.seeds == control.seeds
}
ours = scores.score_table(rows).join(scores.difference_table(others, control, after_5min=False))
help_table = scores.stack({"paper 1": scores.best_of_paper1(), "reference": ours})
show.table(help_table, "Table 2.3: with and without the puzzle, all beats of DS2.")

# %% tags=["hide-input"]
mine = {arms.baseline_name(arm): arm for arm in arms.group(live["baseline"], split="ds1_ds2")}
show.table(
    scores.score_table(mine), "Table 2.4: the baselines of this run, on its test records."
)

# %% [markdown]
# The split is one draw of patients. The other way round, trained on DS2 and tested on DS1:

# %% tags=["hide-input"]
swapped = {
    arms.baseline_name(arm): arm for arm in arms.group(reference["baseline"], split="ds2_ds1")
}
for arm in arms.group(personalized, strategy="none", split="ds2_ds1", train_share=1.0):
    swapped[f"puzzle, {arm.settings['finetune']}, {arm.settings['norm']} norm"] = arm
show.table(scores.score_table(swapped), "Table 2.5: the swapped split, reference runs.")

# %% [markdown]
# ## What we found
#
# - **The puzzle is easy.** After ten epochs the network tells 95 % of the orders of patients it
#   has never seen (three seeds: 0.947 to 0.953). Where the QRS complex stands is obvious; what it
#   confuses are the two orders that share that place (5 % of the beats).
# - **Much of it can be solved at the cuts.** A network that sees nothing but five samples on
#   either side of the possible junctions still gets 88 % right, and one that sees everything
#   *but* these samples 90 % (one seed each). So morphology is enough, and so are the jumps of
#   the scissors: solving the puzzle does not prove that the shape of a beat was learned.
# - **Its features are no better than random ones for a linear classifier.** Over three seeds a
#   probe on puzzle features scores 0.529 macro-F1, on features of the same network with random
#   weights 0.558; the intervals over patients overlap almost wholly. A probe on supervised
#   features does not beat them either (0.516, one seed): on unseen patients a linear layer on
#   1,152 features is limited by the patients it has seen, not by the features.
# - **As a start for the head it does no harm.** With a backbone that only the puzzle has trained
#   and a head that DS1's labels have, macro-F1 is 0.605 ± 0.006, against 0.579 ± 0.028 for the
#   same network trained on labels throughout. The difference has an interval that contains
#   zero, so we do not claim a gain. It costs no accuracy worth mentioning and no labels, but
#   three to four minutes of pretraining on one core.
# - **Against the paper.** Our faithful arm (isolated beats, no BatchNorm, DS1 only) reaches 0.559
#   macro-F1 and 0.904 accuracy: 0.07 below the best 0.6303 of the paper and 0.016 below its 0.9194.
#   What we tried inside DS1: class weights (none, square root, balanced), BatchNorm,
#   the number of epochs, constant against falling learning rates. The paper's network is wider;
#   its training is unpublished.
# - **Timing does more than pretraining.** Five RR ratios lift the network to 0.650 ± 0.005 macro-F1
#   and 0.943 accuracy, above the paper's best row on both. The difference to the BatchNorm
#   baseline is +0.07 macro-F1; its percentile interval [0.009, 0.172] lies above zero, its BCa
#   interval [−0.008, 0.151] does not, so 22 patients cannot decide it.
# - **The split matters more than all of this.** The other way round the faithful arm falls from
#   0.559 to 0.474.
#
# ## Limits
#
# - The reference runs use a narrower ECGNet (16, 32, 64, 128, 128 filters) than the paper, which
#   does not publish the filters of its last three blocks. Epochs, learning rates and the place
#   of the cuts are unpublished as well; ours were chosen inside DS1 or follow the figures.
# - Class weights and epochs were chosen with one seed, by four folds of eighteen patients.
# - The hidden layer for the RR ratios came second. A first network took the bare ratios into
#   `fc1` and scored below the paper's best row on DS2; seeing that made us look for another way,
#   which was then chosen on the folds of DS1 (that trial is not among the committed runs). So DS2 has
#   told us once *that* something was to be improved, though not what.
# - A linear probe sees what is linearly there; a head of two hidden layers can find more.
# - Two splits are two draws of patients. The intervals over patients say how much that is.
#
# ## Extend it
#
# Does the place of the cuts matter? Equal thirds cut through the T wave of slow beats. The next
# cell solves that puzzle too, on the records of this page.

# %%
parameters["puzzle"] = [{"cuts": ["qrs", "thirds"]}]
cuts = run_study(plan.plan("puzzle", parameters), source, **where)
{result.config["cuts"]: round(result.metrics["accuracy"], 3) for result in cuts}
