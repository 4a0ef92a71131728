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
import pandas as pd

from ecglib import DS2, Plan, load_beats, results, stats
from ecglib.book import comparison, show
from ecglib.book.say import answer, say
from ecglib.metrics import accuracy, macro_f1
from ecglib.models.ecgnet import ECGNetConfig
from ecglib.plots import puzzle as figures
from ecglib.plots import style
from ecglib.plots.architecture import ecgnet
from ecglib.plots.confusion import confusions
from ecglib.puzzle import CUTS, NAMES, PERMUTATIONS, index_table, permute, restore
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, papers, puzzle, runs, scores
from ecglib.tables.second_database import STANDARD
from ecglib.training.tasks import PuzzleTask

style.use()
plan = Plan.read(
    profile,
    seeds=seeds,
    records=records,
    data_root=data_root,
    device=device,
    scheduler=scheduler,
    **overrides,
)

# %% tags=["remove-cell"]
STUDIES = ("puzzle", "probe", "selection", "baseline", "personalization")
narrow_runs = {study: results.load_study(RESULTS, study) for study in STUDIES}
h200_runs = {study: results.load_study(RESULTS / "h200", study) for study in STUDIES}

LABELS, WITH_BN, TIMING = "labels alone", "labels alone, BatchNorm", "labels and RR ratios"
HEAD, ALL = "puzzle, then head", "puzzle, then all weights"


def without_puzzle(found, split):
    """Arms that learn from labels alone, by name."""
    kinds = {
        ("beat", "none"): LABELS,
        ("beat", "batch"): WITH_BN,
        ("beat+rr", "none"): TIMING,
    }
    keys = ("features", "norm")
    named = {
        tuple(arm.settings[key] for key in keys): arm
        for arm in arms.group(found["baseline"], split=split, normalization="zscore")
    }
    return {name: named[key] for key, name in kinds.items() if key in named}


def with_puzzle(found, split):
    """Arms that are pretrained by the puzzle and personalized for nobody, by name."""
    wanted = {"strategy": "none", **STANDARD, "split": split}
    named = arms.by(found["personalization"], "finetune", **wanted)
    return {name: named[key] for key, name in (("head", HEAD), ("all", ALL)) if key in named}


def everything(found, split="ds1_ds2"):
    """All these arms."""
    return without_puzzle(found, split) | with_puzzle(found, split)


narrow, h200 = everything(narrow_runs), everything(h200_runs)
views = arms.by(narrow_runs["puzzle"], "view", split="ds1_ds2", cuts="qrs", norm="batch")
views = {view: views[view] for view in figures.VIEW_NAMES if view in views}
probes = arms.by(narrow_runs["probe"], "source", split="ds1_ds2")
probes = {source: probes[source] for source in figures.SOURCE_NAMES if source in probes}


def with_seeds_of(arm, other):
    """An arm, of which only the seeds of another count."""
    kept = [
        r for r in arm.results if r.config["seed"] in [o.config["seed"] for o in other.results]
    ]
    return arms.Arm(arm.settings, kept)


def pairs():
    """What pretraining is compared with: what of the network, then which network."""
    sized = with_seeds_of(h200[LABELS], h200[ALL])
    return {
        "linear classifier: puzzle − random": {"narrow": (probes["puzzle"], probes["random"])},
        "head: puzzle − labels alone": {
            "narrow": (narrow[HEAD], narrow[WITH_BN]),
            "paper's size": (h200[HEAD], h200[LABELS]),
        },
        "all weights: puzzle − labels alone": {"paper's size": (h200[ALL], sized)},
    }


def gains():
    """Difference of macro-F1 of each of these pairs, all beats of DS2."""
    return {
        f"{what},\n{size}": scores.gain(*pair, after_5min=False)
        for what, sizes in pairs().items()
        for size, pair in sizes.items()
    }


def solved(arm):
    """Share of the orders that are right, mean over seeds."""
    return np.mean([result.metrics["accuracy"] for result in arm.results])


def of_cuts(study, **wanted):
    """Narrow arms of DS1 → DS2 by the cuts of the puzzle: "qrs" or "thirds"."""
    return arms.by(narrow_runs[study], "cuts", split="ds1_ds2", norm="batch", **wanted)


def thirds_change(strategy):
    """Change of macro-F1 on all beats of DS2, from cuts around the QRS complex to thirds."""
    kind = {"strategy": strategy, "finetune": "head", "online_seconds": 300}
    named = of_cuts("personalization", train_share=1.0, **kind)
    return scores.gain(named["thirds"], named["qrs"], after_5min=False)


# %% tags=["remove-input"]
answer(
    """
**We cannot show that it does.** The puzzle cuts a heart beat into three pieces and asks for their
order. A narrow network gets {whole:percent} of the orders right for patients it has never seen
(three seeds). It still gets {cuts:percent} right if it sees only the samples around the cuts (one
seed). As a start for learning N, S and V, the puzzle changes the macro-F1 of the narrow network by
{gain:change} (three seeds, 22 test patients). {zero} interval of the figure below contains zero, at
the paper's size too.
""",
    whole=lambda: solved(views["whole"]),
    cuts=lambda: solved(views["junctions"]),
    gain=lambda: scores.gain(narrow[HEAD], narrow[WITH_BN], after_5min=False),
    zero=lambda: "Not every" if any(i.excludes_zero for i in gains().values()) else "Every",
)

# %% mystnb={"figure": {"caption": "What pretraining by the puzzle changes in macro-F1, with 95 % intervals over patients. First row: a linear classifier on features of the puzzle or of random weights. Other rows: networks whose head, or all of whose weights, then learn from labels. At the paper's size the network with labels alone has no BatchNorm. No comparison shows that the puzzle helps, or that it harms.", "name": "fig-gains"}, "image": {"alt": "Four dots with horizontal intervals; all intervals cross the line of no difference"}} tags=["remove-input"]
show.figure(lambda: figures.differences(gains()))

# %% [markdown]
# ## What the paper claims
#
# {term}`ECGWavePuzzle` {cite:p}`silva2024,silva_deployment` needs no label, like the jigsaw puzzles
# of image recognition {cite:p}`noroozi2016`. Paper 1 says that it "encourages the network to learn
# ECG morphological structure before downstream classification", here that of N, S and V.
#
# The paper reports no accuracy of the puzzle itself. It has no network that is pretrained but not
# personalized. Its only comparison is of both together, and speaks against them: its best row without
# pretraining and personalization lies above its best row with them ({numref}`tab-scores`, printed columns).

# %% tags=["remove-input"]
comparison.table("integers", RESULTS, name="tab-scores")

# %% tags=["remove-input"]
say(
    """
**Beside the paper.** Our network nearest to the paper's learns from labels alone, sees isolated beats and has no
{term}`BatchNorm`. At the paper's size (H200, fp32, three seeds) its macro-F1 is {ours:f1}; the best row of the
paper, in INT8, has {theirs:f1}. The accuracies differ by {accuracy:amount}. The paper's epochs, learning
rates and last filters are not published.
""",
    ours=lambda: h200[LABELS].mean(macro_f1),
    theirs=papers.PAPER1_BEST.macro_f1,
    accuracy=lambda: h200[LABELS].mean(accuracy) - papers.PAPER1_BEST.accuracy,
)

# %% [markdown]
# ## How it works
#
# A beat $x$ of 300 samples is cut at two points into the pieces $p_0$, $p_1$ and $p_2$. Order
# $\pi_k$ puts them together again. It starts with piece number $\pi_k(0)$, then come $\pi_k(1)$ and
# $\pi_k(2)$:
#
# $$x = (p_0, p_1, p_2), \qquad
# \pi_k(x) = \bigl(p_{\pi_k(0)},\, p_{\pi_k(1)},\, p_{\pi_k(2)}\bigr).$$ (eq-puzzle)
#
# There are six orders, written here by the numbers of their pieces. The number $k$ of an order is the label
# that the network has to find:
#
# $$(\pi_0, \dots, \pi_5) = (012,\; 021,\; 102,\; 120,\; 201,\; 210).$$ (eq-orders)
#
# Let $f_k$ be the probability that the network $f$ gives to label $k$. Training lowers the loss
# $\mathcal{L}$. It is the mean over all six orders, and over all beats $x$ (written
# $\mathbb{E}_x$), of minus the logarithm of the probability of the right label:
#
# $$\mathcal{L} = -\,\mathbb{E}_{x}\;\frac{1}{6}\sum_{k=0}^{5}
# \log f_k\bigl(\pi_k(x)\bigr).$$ (eq-puzzle-loss)

# %% mystnb={"figure": {"caption": "A real beat in the six orders of its pieces; order 0 is the beat as it was. It is the N beat of record 103 nearest to the median of its N beats; the record is of DS2, and no network learned from it. The first cut goes through the P wave, so the piece called P does not hold the whole wave. MIT-BIH Arrhythmia Database 1.0.0, ODC-By 1.0.", "name": "fig-real-puzzle"}, "image": {"classes": "reference-figure", "alt": "Six panels with the same three pieces of a beat in six orders; jumps show at the cuts"}} tags=["remove-input"]
show.reference_figure("puzzle", "A real beat in the six orders of its pieces")

# %% [markdown]
# Figure 1 of the paper shows equal thirds. Cuts around the {term}`QRS complex`, at samples 90 and 210,
# keep the waves P, QRS and T apart. We use these, and compare them with thirds.
#
# The network is ECGNet ({numref}`fig-ecgnet`). Its output layer turns 256 features $h(x)$ into six
# probabilities for the puzzle. For the classes N, S and V it is replaced by a new one with three:
#
# $$f(x) = \operatorname{softmax}\bigl(W_6\, h(x) + b_6\bigr) \quad\longrightarrow\quad
# g(x) = \operatorname{softmax}\bigl(W_3\, h(x) + b_3\bigr).$$ (eq-outputs)
#
# Here $W_6$, $b_6$ and $W_3$, $b_3$ are the weights and biases of the two output layers, and softmax turns
# their numbers into probabilities with the sum one. $g$ is the network of the three classes. *Puzzle, then
# head* means that the backbone stays as the puzzle made it and only the {term}`head` learns from
# labels.

# %% mystnb={"figure": {"caption": "ECGNet at the size that we take for the paper's. The paper prints the 64 and 128 filters of the first two blocks; the other filters, the pooling and the ReLU after fc1 are our choice. Most weights are in the first layer of the head.", "name": "fig-ecgnet"}, "image": {"alt": "Nine boxes from the beat to three outputs: five convolutional blocks, then three fully connected layers, with sizes and numbers of weights"}} tags=["remove-input"]
ecgnet(ECGNetConfig().channels)

# %% [markdown]
# Every training step draws a new order for every beat. The puzzle needs no more code than this:

# %% tags=["remove-input"]
show.code(index_table, PuzzleTask)

# %% [markdown]
# ## What we saw
#
# **The puzzle is easy for the narrow network.** It learns it on the N beats of DS1, most of it in the first
# epochs ({numref}`fig-learning`). At the paper's size the puzzle was used for pretraining, but its accuracy
# was not measured.


# %% mystnb={"figure": {"caption": "Learning curves, one line for each seed. Above: loss of the puzzle in a narrow network, by what the network sees; the dotted line is guessing, ln 6. Below: loss of learning N, S and V from labels alone. Both fall fastest in the first epochs.", "name": "fig-learning"}, "image": {"alt": "Falling curves of loss by epoch; networks that see only the cuts stay above the others"}} tags=["remove-input"]
def losses():
    """Losses by epoch: of the puzzle by view, and of labels alone by size of the network."""
    by_view = {
        figures.VIEW_NAMES[view]: [r.metrics["loss"] for r in arm.results]
        for view, arm in views.items()
    }
    sized = {"narrow": narrow.get(LABELS), "paper's size": h200.get(LABELS)}
    by_size = {
        name: [r.metrics["loss"] for r in arm.results] for name, arm in sized.items() if arm
    }
    return {"loss of the puzzle": by_view, "loss on labels": by_size}


show.figure(lambda: figures.learning_curves(losses(), guess=np.log(len(PERMUTATIONS))))

# %% tags=["remove-input"]
say(
    """
The tall QRS complex is easy to find: {place:percent} of the answers put it in the right place. What
is left is to tell the piece with P from the piece with T. Of the mistakes,
{same:percent} exchange these two ({numref}`fig-orders`).
""",
    place=lambda: puzzle.errors(puzzle.confusion(views["whole"]))["place"],
    same=lambda: puzzle.errors(puzzle.confusion(views["whole"]))["same place"],
)

# %% mystnb={"figure": {"caption": "True orders of the pieces (rows) and the answers of a narrow network (columns), N beats of DS2, three seeds together. Nearly all mistakes exchange P and T and leave the QRS complex in its place.", "name": "fig-orders"}, "image": {"alt": "Matrix of six orders; large shares on the diagonal, small ones on the other diagonal"}} tags=["remove-input"]
show.figure(
    lambda: confusions(
        {"": puzzle.confusion(views["whole"])}, NAMES, what="order", given="true"
    )
)

# %% tags=["remove-input"]
say(
    """
**Much of the puzzle can be solved at the cuts.** A piece that is moved leaves a jump where it meets
the next one. A network that sees only five samples on either side of each possible cut still gets
{cuts:percent} right. One that sees everything *but* these samples gets {rest:percent} (one seed each).
So solving the puzzle does not prove that the shape of a beat was learned.
""",
    cuts=lambda: solved(views["junctions"]),
    rest=lambda: solved(views["masked"]),
)

# %% mystnb={"figure": {"caption": "Left: samples that the narrow network may see (dark). Right: share of the orders that it gets right on N beats of DS2, one dot for each seed; the dotted line is guessing. With the few samples around the cuts it gets nearly as many orders right as with all the others.", "name": "fig-views"}, "image": {"alt": "Three rows: whole beat, only the cuts, all but the cuts; dots at the right between 85 and 96 percent"}} tags=["remove-input"]
show.figure(lambda: figures.views(views, CUTS["qrs"]))

# %% tags=["remove-input"]
say(
    """
**Equal thirds.** Cut in thirds, as figure 1 of the paper shows, {thirds:percent} of the
orders are right, and {qrs:percent} with cuts around the QRS complex (narrow, three seeds). Thirds instead of
these cuts change the macro-F1 of the later network by {none:change} if it is not personalized, and by
{head:change} if its head is.
""",
    thirds=lambda: solved(of_cuts("puzzle", view="whole")["thirds"]),
    qrs=lambda: solved(of_cuts("puzzle", view="whole")["qrs"]),
    none=lambda: thirds_change("none"),
    head=lambda: thirds_change("head_only"),
)

# %% tags=["remove-input"]
say(
    """
**For a linear classifier, we cannot show that its features are better than random ones.** In the narrow
network (three seeds), a {term}`linear probe` on
features of the puzzle has {puzzle:f1} macro-F1. On features of the same network with random weights it
has {random:f1}. The difference is {difference:change}. Features that were learned
from labels do no better here (one seed), so this measure does not tell features apart well
({numref}`fig-probes`).
""",
    puzzle=lambda: probes["puzzle"].mean(macro_f1),
    random=lambda: probes["random"].mean(macro_f1),
    difference=lambda: scores.gain(probes["puzzle"], probes["random"], after_5min=False),
)

# %% mystnb={"figure": {"caption": "Macro-F1 of linear classifiers on frozen features of a narrow network, by what trained the features, one dot for each seed. The three kinds of features overlap.", "name": "fig-probes"}, "image": {"alt": "Three rows of dots between 0.5 and 0.6, right of the dotted line of always answering N"}} tags=["remove-input"]
show.figure(
    lambda: figures.probes(probes, scores.always_n(narrow[LABELS].matrices()[0]).macro_f1)
)

# %% [markdown]
# **As a start for the head, the puzzle shows neither harm nor a sure gain.** {numref}`tab-differences` has the
# differences of {numref}`fig-gains` in numbers, and below them what RR ratios change.


# %% tags=["remove-input"]
def compared():
    """Differences by what is compared."""
    timing = {
        "labels: with − without RR ratios": {
            "narrow": (narrow[TIMING], narrow[LABELS]),
            "paper's size": (h200[TIMING], h200[LABELS]),
        },
        "labels and RR ratios − puzzle, then head": {
            "paper's size": (h200[TIMING], h200[HEAD])
        },
    }
    return {what: scores.pairs_table(sizes) for what, sizes in (pairs() | timing).items()}


show.table(
    compared,
    "Differences on all beats of DS2, three seeds (two for all weights), with 95 % intervals over patients; a second, bias-corrected one "
    "(BCa) where the two disagree about zero. Timing raises accuracy; with record 232, no row raises macro-F1 by both intervals.",
    columns=["Δ macro-F1", "Δ accuracy, points"],
    name="tab-differences",
)

# %% tags=["remove-input"]
say(
    """
**Timing raises accuracy.** The five RR ratios of chapter {doc}`01_data` are a further input, so networks with
them are rows of their own. At the paper's size they change accuracy by {points:points}. For macro-F1 the two
kinds of intervals disagree about zero. Without record 232, timing changes macro-F1 by {others:change}.

**All four networks of the paper's size miss most S beats.** With labels alone {labels:percent} of them are
found, and with RR ratios {timing:percent} ({numref}`fig-confusions`).
""",
    points=lambda: scores.gain(h200[TIMING], h200[LABELS], accuracy, after_5min=False),
    others=lambda: scores.gain(h200[TIMING], h200[LABELS], after_5min=False, without="232"),
    labels=lambda: scores.class_scores(h200[LABELS])["S"]["sensitivity"],
    timing=lambda: scores.class_scores(h200[TIMING])["S"]["sensitivity"],
)


# %% mystnb={"figure": {"caption": "Annotated and predicted classes at the paper's size, all beats of DS2, all seeds together. Most S beats are taken for N, with and without the puzzle, and with RR ratios too.", "name": "fig-confusions"}, "image": {"alt": "Four matrices of three classes; N and V are mostly right, the row of S is mostly in the column N"}} tags=["remove-input"]
def pooled():
    """Confusion matrices at the paper's size, all seeds added."""
    return {
        name: sum(stats.pool(matrices) for matrices in arm.matrices())
        for name, arm in h200.items()
    }


show.figure(lambda: confusions(pooled()))

# %% [markdown]
# **How the settings were chosen.** Class weights and the number of epochs were chosen inside DS1, by
# four folds of its patients, in a narrow network ({numref}`fig-folds`). Then the network was trained
# anew on all of DS1.


# %% tags=["remove-cell"]
def fold_curves():
    """Macro-F1 by epoch of the trials without class weights, pooled over four folds."""
    kinds = {
        LABELS: {"pipeline": "baseline", "features": "beat", "norm": "none"},
        HEAD: {"pipeline": "ssl", "features": "beat", "norm": "batch"},
        TIMING: {"pipeline": "baseline", "features": "beat+rr", "norm": "none"},
    }
    found = {}
    for name, kind in kinds.items():
        folds = [
            r
            for r in narrow_runs["selection"]
            if "fold" in r.config["split"] and (kind | runs.USUAL).items() <= r.config.items()
        ]
        if folds:
            row = runs.selection_table(folds).iloc[0]
            found[name] = [[v for k, v in row.items() if k.startswith("macro-F1 by epoch")]]
    return {"macro-F1, folds of DS1": found}


# %% mystnb={"figure": {"caption": "Macro-F1 on left-out patients of DS1 after each epoch, four folds pooled, one seed, without class weights. We train for the epochs at which each curve is best: four with labels alone, two for the head or with RR ratios. All weights after the puzzle train for four, which was not chosen here.", "name": "fig-folds"}, "image": {"alt": "Three curves of macro-F1 over six epochs; the one with RR ratios is highest"}} tags=["remove-input"]
show.figure(lambda: figures.learning_curves(fold_curves()))

# %% tags=["remove-input"]
say(
    """
**Another split gives another score.** With the two sides exchanged, the narrow network that learns
from labels alone falls from {usual:f1} to {swapped:f1} macro-F1, on other patients (three seeds).

**What it costs.** The puzzle takes {low:digits} to {high:digits} s on one core in a narrow network.
Of the labels it needs only which beats are N.
""",
    usual=lambda: narrow[LABELS].mean(macro_f1),
    swapped=lambda: without_puzzle(narrow_runs, "ds2_ds1")[LABELS].mean(macro_f1),
    low=lambda: min(r.runtime_s["pretrain"] for r in views["whole"].results),
    high=lambda: max(r.runtime_s["pretrain"] for r in views["whole"].results),
)

# %% [markdown]
# ## What could be wrong
#
# - **Few patients.** 22 test patients carry every interval. One of them, record 232, holds three
#   quarters of the S beats.
# - **BatchNorm.** Our pretrained network has it, as {term}`AdaBN` needs it. At the paper's size the
#   network with labels alone has none, so these two differ in more than the puzzle. BatchNorm was
#   not among the choices made inside DS1.
# - **Narrow networks.** The puzzle's accuracy, the views, the probes and all choices are of a
#   network with 16 to 128 filters. The views that hide samples have one seed.
# - **Settings we had to choose.** Epochs and learning rates of the puzzle are not published. We did not
#   vary its epochs. The learning rate falls by a fixed factor each epoch; no other schedule was
#   compared.
# - **Few folds.** Class weights and epochs were chosen with one seed. An early trial with four
#   validation patients gave a jumpy curve, so four folds that cover all of DS1 were used
#   instead.
# - **DS2 was looked at once.** A first network took the RR ratios directly into `fc1` and scored below the
#   paper's best row on DS2. That made us look for another way, which was chosen on folds of DS1. The
#   first network is not among our runs.
# - **A linear probe** finds only what a linear classifier can use. A head of two hidden layers can
#   find more.
#
# ## Exercises
#
# **1. Does the place of the cuts matter?** Equal thirds cut through the T wave of slow beats. Compare
# both puzzles on the records of this page.

# %% tags=["solution"]
for cuts, arm in arms.by(
    plan.run("puzzle", arms=[{"cuts": ["qrs", "thirds"]}]), "cuts"
).items():
    print(f"{cuts}: {arm.results[0].metrics['accuracy']:.3f} of the orders are right")

# %% [markdown]
# **2. How far does a rule without a network get?** Put the pieces back in each of the six ways, and
# take the way with the smallest jumps at the cuts.

# %% tags=["solution"]
test = [record for record in plan.common("records") if record in DS2]
beats = load_beats(plan.source().path, test)
x = beats.select(beats.label == 0).signal
order = np.random.default_rng(0).integers(len(PERMUTATIONS), size=len(x))
shown = permute(x, order, CUTS["qrs"])
jumps = []
for guess in range(len(PERMUTATIONS)):
    beat = restore(shown, np.full(len(x), guess), CUTS["qrs"])
    jumps.append(sum(abs(beat[:, cut] - beat[:, cut - 1]) for cut in CUTS["qrs"]))
right = np.argmin(jumps, axis=0) == order
print(f"the rule gets {right.mean():.1%} of {len(x):,} orders right; guessing, {1 / 6:.1%}")

# %% [markdown]
# The rule knows nothing about the heart, and yet it is far better than guessing. A network can use the same
# jumps.
#
# **3. Does another seed change the picture?** Train probes on features of the puzzle and of random
# weights with two more seeds.

# %% tags=["solution"]
few = {"source": ["random", "puzzle"], "seed": [1, 2], "probe_epochs": 2, "pretext_epochs": 1}
for source, arm in arms.by(plan.run("probe", arms=[few]), "source").items():
    print(source, [round(value, 3) for value in arm.values(macro_f1)])

# %% [markdown]
# ## Run it yourself

# %% tags=["run-it"]
live = {study: plan.run(study) for study in ("puzzle", "probe", "baseline", "selection")}
show.this_run(
    plan,
    2,
    lambda: scores.score_table(without_puzzle(live, "ds1_ds2")),
    "Networks of this run that learn from labels alone, on its test records.",
    "puzzle",
    "probe",
    "baseline",
    "selection",
)

# %% tags=["all-results", "remove-input"]
show.provenance(narrow_runs["puzzle"] + narrow_runs["baseline"])

# %% tags=["all-results", "remove-input"]
show.provenance(h200_runs["baseline"])

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: (
        pd.DataFrame(
            {
                figures.VIEW_NAMES[view]: {
                    "orders that are right": solved(arm),
                    "seeds": arm.seeds,
                }
                for view, arm in views.items()
            }
        ).T
    ),
    "The puzzle by what the network sees, N beats of DS2, narrow.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: scores.score_table(
        {figures.SOURCE_NAMES[name]: arm for name, arm in probes.items()}
    ).join(scores.class_table({figures.SOURCE_NAMES[n]: arm for n, arm in probes.items()})),
    "Linear probes by what trained the features, all of DS2, narrow; sensitivity (Se) and precision "
    "(+P) by class.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: runs.selection_table(narrow_runs["selection"]).droplevel("seed"),
    "Trials inside DS1, narrow: macro-F1 of the pooled folds after every epoch. The best epoch is "
    "chosen on the same folds. One trial was scored on four validation records alone. Seed 7.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {
        name: scores.class_table(found)
        for name, found in {"paper's size": h200, "narrow": narrow}.items()
        if found
    },
    "Sensitivity (Se) and precision (+P) by class, all beats of DS2.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {
        name: scores.score_table(found)
        for name, found in {"paper's size": h200, "narrow": narrow}.items()
        if found
    },
    "Labels alone, with RR ratios, and after the puzzle (fp32), all beats of DS2; ± is over three "
    "seeds, two with all weights.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: scores.against_control(narrow, WITH_BN, after_5min=False),
    "Narrow networks, all beats of DS2; Δ is the difference to labels alone with BatchNorm.",
    columns=[
        "accuracy",
        "macro-F1",
        "accuracy, mean of patients",
        "Δ macro-F1",
        "Δ accuracy, points",
    ],
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: scores.ec57_table(
        narrow | {f"{name}, paper's size": a for name, a in h200.items()}
    ),
    "Counted by EC57's convention: escape beats (j, e) are supraventricular, the first five minutes "
    "are left out, and a fusion beat taken for a ventricular one is no error. SVEB and VEB are S and V "
    "beats; FPR is the share of other beats that are called so.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: scores.score_table(everything(narrow_runs, "ds2_ds1")),
    "The swapped split (DS2 → DS1), narrow, all beats of DS1. The settings were chosen inside DS1, so "
    "they have seen these test patients once.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: runs.runtime_table(narrow | {f"{n}, paper's size": arm for n, arm in h200.items()}),
    "Seconds by stage, mean over seeds: narrow on one core, the paper's size on an H200. Features are "
    "those of DS1, computed once where the backbone stays as it is.",
    {"*": "{:.1f}"},
)
