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
# # Do 16 bits change the answer?

# %% tags=["parameters"]
profile = "quick"  # type: str  params file that lists the runs of this page
seeds = None  # type: list  seeds of every arm; None, here and below: as the params file says
records = None  # type: list  records of MIT-BIH in use
data_root = None  # type: str  folder or packed file with the data; without one it is searched for
device = None  # type: str  auto, cpu or cuda
scheduler = None  # type: str  local or tcp://host:port: Dask workers for missing runs
overrides = {}  # type: dict  arms of a study, or channels and pretext_epochs of all of them

# %% tags=["remove-cell"]
import pandas as pd
import torch

from ecglib import Plan, load_beats, results, to_inputs
from ecglib.book import comparison, show
from ecglib.book.say import answer, say
from ecglib.data.inputs import pick_device
from ecglib.metrics import accuracy, macro_f1
from ecglib.plots import precision as figures
from ecglib.plots import style
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, papers, precision, scores
from ecglib.training.numerics import relative_error, trace
from ecglib.training.on_beats import build
from ecglib.training.precision import DTYPES, Emulated, Stepper, round_to

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
narrow_runs = results.load_study(RESULTS, "precision")
h200_runs = results.load_study(RESULTS / "h200", "precision")
numerics = results.load_study(RESULTS, "numerics")
personalized = arms.by(
    results.load_study(RESULTS / "h200", "personalization"),
    "strategy",
    finetune="head",
    split="ds1_ds2",
)

native = precision.of_impl(h200_runs, "native")
native |= {"fp32": personalized["head_only"]} if "head_only" in personalized else {}
narrow = precision.of_impl(narrow_runs, "emulated")
SETTINGS = {
    title: named
    for title, named in (
        ("paper's size, H200", native),
        ("narrow, emulated", narrow),
    )
    if len(named) == len(DTYPES)
}


def gain(named, name, statistic=macro_f1, without=None):
    """A format's score minus that of fp32, over patients, all beats."""
    pair = named[name], named["fp32"]
    return scores.gain(*pair, statistic, after_5min=False, without=without)


def all_pairs():
    """Differences between formats in both settings."""
    if not SETTINGS:
        raise LookupError("no two formats have runs")
    return pd.concat([precision.pairs_table(named) for named in SETTINGS.values()])


def by_seed():
    """Differences of macro-F1 between 16 bits and fp32, a row a format and setting."""
    pairs = all_pairs().filter(like="by seed")
    return pairs.loc[["FP16 − fp32", "BF16 − fp32"]].to_numpy()


def over_seeds():
    """Whether an interval over seeds of any setting leaves out zero."""
    table = all_pairs()
    return any(table["over seeds low"] > 0) or any(table["over seeds high"] < 0)


def flips(name):
    """Most beats of one network whose class changes in a format."""
    return precision.decision_table(numerics).loc[name, "other class"].max()


def example():
    """One fp16 network whose numbers are shown."""
    wanted = {"precision": "fp16", "seed": 7}
    found = [r for r in numerics if wanted.items() <= r.config.items()]
    return found[0]


def out_of_range(name):
    """Share of its activations or gradients that FP16 cannot hold."""
    return precision.out_of_range(example().metrics["exponents"][name])


# %% tags=["remove-input"]
answer(
    """
**No loss by 16 bits can be measured.** FP16 and BF16 are formats of 16 bits, and fp32 has 32 bits. At
the paper's size, natively on an H200, FP16 changes macro-F1 by {fp16:change} against fp32, and BF16
by {bf16:change}. These intervals are over 22 patients. Over the three seeds, {seeds} interval
contains zero. If anything, 16 bits come out higher: in a narrow network with emulated 16 bits, FP16
changes **accuracy** by {accuracy:points}.
""",
    fp16=lambda: gain(native, "FP16"),
    bf16=lambda: gain(native, "BF16"),
    seeds=lambda: "not every" if over_seeds() else "every",
    accuracy=lambda: gain(narrow, "FP16", accuracy),
)

# %% mystnb={"figure": {"caption": "Differences of macro-F1 between number formats on all beats of DS2, three seeds each; on the H200 the hardware computes in 16 bits (native), and fp32 has TF32 convolutions. Over seeds every interval contains zero; over patients those at the paper's size lie at or just above zero for 16 bits.", "name": "fig-format-differences"}, "image": {"alt": "Intervals of three differences in two settings, over patients and over seeds; all lie within a few hundredths of zero"}} tags=["remove-input"]
show.figure(
    lambda: figures.differences({k: precision.pairs_table(v) for k, v in SETTINGS.items()})
)

# %% [markdown]
# ## What the paper claims
#
# Computers usually train with {term}`fp32`, numbers of 32 bits. Numbers of 16 bits need half the
# memory, and many processors are faster with them. There are two such formats, {term}`FP16` and
# {term}`BF16`.
#
# Paper 1 {cite:p}`silva_deployment` runs its pipeline in both. It concludes that FP16 "improves
# Macro-F1" over BF16. Its table has **no row in fp32**, so it cannot say what 16 bits cost. We add
# this row as the {term}`control`. The pipeline is that of chapter {doc}`03_personalization` with
# the strategy head only; ours fine-tunes the head alone.

# %% tags=["remove-input"]
comparison.table("formats", RESULTS, name="tab-formats")

# %% tags=["remove-input"]
fp16, bf16, _ = papers.PAPER1_TABLE_1
gap, error = precision.printed_gap(fp16, bf16)
say(
    """
The printed improvement of macro-F1, {gap:change}, is {ratio:digits} times its standard error, if the
paper's six runs are independent. A difference of this size can be chance.
""",
    gap=gap,
    ratio=gap / error,
)

# %% [markdown]
# ## How it works
#
# A floating-point number is $\pm\, 2^{e}\,(1 + f)$ with an exponent $e$ and a fraction $f$. The
# bits of the exponent give the range, those of the fraction the number of digits. FP16 has fine steps
# and a narrow range. BF16 has the range of fp32 and coarse steps.

# %% mystnb={"figure": {"caption": "Bits of the three formats, and the range of numbers that they hold. FP16 spends its bits on digits and loses range; BF16 does the opposite.", "name": "fig-formats"}, "image": {"alt": "Three bars of 32, 16 and 16 bits divided into sign, exponent and fraction, above three bars for the range from smallest to largest number; that of FP16 is short"}} tags=["remove-input"]
figures.formats()

# %% [markdown]
# Rounding to FP16 changes a number by at most $2^{-11}$ of its size, rounding to BF16 by at most
# $2^{-8}$. In FP16 a number much smaller than $2^{-24}$ becomes zero, and one above $2^{16}$ becomes
# infinite.
#
# Training mixes the formats {cite:p}`micikevicius2018`. Convolutions and linear layers compute in
# 16 bits. Weights, losses and the statistics of {term}`BatchNorm` stay in fp32. In FP16 the loss
# is multiplied by $2^{16}$ before the gradients are computed, so that small ones survive. If a
# gradient overflows, the step is left out and the factor halved. The library does this in a few
# lines:

# %% tags=["remove-input"]
show.code(Stepper.step)

# %% [markdown]
# **Native and emulated.** A GPU has units for 16 bits. Our CPUs have none that are fast, so there
# the formats are {term}`emulated`: what a layer reads and writes is rounded, and everything is
# computed in fp32. This tells what a format does to the scores. It tells nothing about speed or
# memory.

# %% tags=["remove-input"]
show.code(Emulated)

# %% [markdown]
# ## What we saw
#
# **We cannot tell which of FP16 and BF16 is better.** {numref}`tab-pairs` shows their difference for every
# seed. The intervals say what other patients, or other seeds, could have given.

# %% tags=["remove-input"]
show.table(
    lambda: {name: precision.pairs_table(named) for name, named in SETTINGS.items()},
    "Differences of macro-F1 on all beats of DS2: for the seeds 7, 21 and 42, and their mean with "
    "95 % intervals over patients and over seeds. Between FP16 and BF16 the sign changes from "
    "seed to seed.",
    name="tab-pairs",
)

# %% tags=["remove-input"]
say(
    """
**16 bits cost nothing that we can measure.** In macro-F1 no format is measurably below fp32, neither at the
paper's size on the H200 nor in the narrow network, emulated. On the contrary: {up:count} of {all:count}
differences to fp32 are above zero (one for each seed, format and setting), which speaks against "no effect".
On the H200, the accuracy of BF16 minus that of fp32 is {bf16:points}, over patients. In the narrow network,
that of FP16 minus fp32 is {fp16:points}. With three seeds this can still be chance.

**The same network hardly changes its answers.** We took networks trained in fp32 (narrow, DS1
only, three seeds) and ran them in emulated 16 bits. At most {few:count} of {beats:count} test
beats (F and Q included) change their class in FP16. In BF16 at most {more:count} do.
{numref}`fig-margins` shows why. A logit is the number that the network gives to a class, and the
highest one wins. Rounding moves the logits far less than the distance between the best two.
""",
    up=lambda: int((by_seed() > 0).sum()),
    all=lambda: by_seed().size,
    bf16=lambda: gain(native, "BF16", accuracy),
    fp16=lambda: gain(narrow, "FP16", accuracy),
    few=lambda: flips("fp16"),
    more=lambda: flips("bf16"),
    beats=lambda: precision.decision_table(numerics)["beats"].iloc[0],
)

# %% mystnb={"figure": {"caption": "How far 16 bits move a logit, and how far the two best classes lie apart in fp32: cumulative shares of all beats of DS2, emulated, narrow networks, one line for each seed. A beat can change its class only where the first is as large as the second, which is rare.", "name": "fig-margins"}, "image": {"alt": "Curves of the change of a logit in FP16 and BF16 lie far left of the curve of margins"}} tags=["remove-input"]
show.figure(lambda: figures.margins(numerics))

# %% [markdown]
# So rounding alone changes hardly any decision. Scores of networks **trained** in 16 bits differ
# more. This looks like chance: with rounding the training takes another path, as it does with another
# seed.
#
# **Rounding errors stay small in every layer.** {numref}`fig-layer-errors` compares one batch in 16
# bits with fp32, layer by layer. The errors of BF16 in activations are about eight times those of
# FP16, since its fraction has three bits fewer. Gradients have larger errors than activations.

# %% mystnb={"figure": {"caption": "Relative error of activations and of weight gradients by layer, emulated, narrow networks trained on DS1, mean of three seeds. Errors of activations do not grow from layer to layer; those of gradients are larger.", "name": "fig-layer-errors"}, "image": {"alt": "Two panels of errors by layer; BF16 lies above FP16 in both, gradients above activations"}} tags=["remove-input"]
show.figure(lambda: figures.layer_errors(numerics))

# %% tags=["remove-input"]
say(
    """
**FP16 needs its loss scaling.** In one narrow network, {lost:percent} of the nonzero gradients of
activations are too small for FP16 and would become zero. With the loss scaled it is
{kept:percent} ({numref}`fig-exponents`).
""",
    lost=lambda: out_of_range("gradients"),
    kept=lambda: out_of_range("scaled gradients"),
)

# %% mystnb={"figure": {"caption": "How often each power of two occurs in one narrow network (seed 7), in per cent: activations, their gradients, and these gradients with the loss scaled. Only unscaled gradients leave FP16's range; BF16 covers the whole axis.", "name": "fig-exponents"}, "image": {"alt": "Three histograms of exponents with FP16's range; only that of unscaled gradients reaches far outside"}} tags=["remove-input"]
show.figure(lambda: figures.exponents(example()))

# %% tags=["remove-input"]
say(
    """
Because a scaled gradient overflowed, {skipped:percent} of the training steps were left out in the
narrow network, and {native:percent} on the H200. BF16 needs no scaling.

**Memory falls by a third, not by half.** One training step of 128 beats keeps {before:digits} MB
in fp32 and {after:digits} MB in 16 bits (narrow). The positions of the maxima in the
pooling layers stay integers of 64 bits.
""",
    skipped=lambda: precision.training_table(narrow).loc["FP16", "share left out"],
    native=lambda: precision.training_table(native).loc["FP16", "share left out"],
    before=lambda: precision.decision_table(numerics)["fp32, MB"].iloc[0],
    after=lambda: precision.decision_table(numerics)["kept, MB"].iloc[0],
)

# %% [markdown]
# ## What could be wrong

# %% tags=["remove-input"]
say(
    """
- **One patient weighs much.** Record 232 holds three quarters of the S beats. Without it, at the
  paper's size, FP16 changes macro-F1 by {fp16:change}, and BF16 by {bf16:change}.
""",
    fp16=lambda: gain(native, "FP16", without="232"),
    bf16=lambda: gain(native, "BF16", without="232"),
)

# %% [markdown]
# - **The H200 control is not exact fp32.** It is the run of chapter {doc}`03_personalization`, whose
#   convolutions PyTorch computes in TF32 by default. TF32 has the fraction of FP16 and the
#   range of fp32. An exact fp32 run at the paper's size does not exist.
# - **Few seeds.** Three seeds can show that a format fails. They cannot say which of two working
#   formats is better.
# - **Which interval.** Where percentile and BCa intervals over patients disagree about zero, we
#   call it undecided; the page of all results shows both.
# - **No speed.** The H200 was shared by other runs, so we do not say which format is faster.
#   Emulated runs have no speed at all.
# - **Only the head is fine-tuned**, in all runs here.
# - **The inside view is emulated and narrow.** Sums are fp32, in another order than in a GPU.
# - **A trap for programmers.** PyTorch's autocast keeps a 16-bit copy of each weight until its context ends. A
#   context around a whole training must be told not to, or the network computes with its first
#   weights. Ours is told so.
#
# ## Exercises
#
# **1. What does rounding do to a number?** Take a number close to one, two small ones and a large
# one, and round them.

# %% tags=["solution"]
examples = torch.tensor([1 + 2**-9, 1e-6, 1e-8, 70_000.0])
for name in DTYPES:
    print(f"{name}: {[f'{value:.9g}' for value in round_to(examples, name).tolist()]}")

# %% [markdown]
# FP16 keeps the digits of the first number, loses the third one and makes the last one infinite.
# BF16 keeps all but the digits.
#
# **2. How many seeds would the paper have needed?** It wants to find its own difference in four
# cases of five, at the usual level of significance. Use the normal approximation.

# %% tags=["solution"]
needed = (2.8 * error * 3**0.5 / gap) ** 2  # 2.8 = 1.96 + 0.84
print(f"difference {gap:.4f}, standard error {error:.4f}, seeds of each format: {needed:.0f}")

# %% [markdown]
# **3. Which layer is the most sensitive?** Round the weights of one layer at a time to BF16, and
# look at the logits of an untrained network.

# %% tags=["solution"]
config = plan.configs("baseline", arms=[{}])[0]
cpu = pick_device("cpu")
beats = to_inputs(load_beats(plan.source().path, [config.sides()[0][0]]), config, cpu)
x, y = beats.x[:256], beats.y[:256]
model = build(config, n_outputs=3, device=cpu)
exact = trace(model, x, y)["out"]["activation"]
for name, weight in model.named_parameters():
    kept = weight.detach().clone()
    weight.data = round_to(kept, "bf16").detach()
    print(f"{name:18s} {relative_error(exact, trace(model, x, y)['out']['activation']):.2e}")
    weight.data = kept

# %% [markdown]
# ## Run it yourself

# %% tags=["run-it"]
live = {study: plan.run(study) for study in ("precision", "numerics")}
show.this_run(
    plan,
    4,
    lambda: {
        how: precision.score_table(named)
        for how in ("native", "emulated")
        if len(named := precision.of_impl(live["precision"], how)) > 1
    },
    "Formats on all beats of the test records of this run.",
    "precision",
    "numerics",
    columns=["accuracy", "macro-F1", "95 % over patients", "macro-F1 after 5:00"],
)

# %% tags=["all-results", "remove-input"]
show.provenance(h200_runs)

# %% tags=["all-results", "remove-input"]
show.provenance([*narrow_runs, *numerics])

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {name: precision.score_table(named) for name, named in SETTINGS.items()},
    "Head-only pipeline by number format, all beats of DS2.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {
        name: scores.difference_table(
            {k: named[k] for k in ("FP16", "BF16")}, named["fp32"], after_5min=False
        )
        for name, named in SETTINGS.items()
    },
    "Formats of 16 bits minus fp32, all beats of DS2, with 95 % intervals over patients; a BCa "
    "interval stands beside the percentile one where they disagree about zero.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {n: precision.pairs_table(v, after_5min=True) for n, v in SETTINGS.items()},
    "Differences of macro-F1 between formats after 5:00, by seed, over patients and over seeds.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {name: precision.training_table(named) for name, named in SETTINGS.items()},
    "Seconds of all stages on busy machines, so they do not say which format is faster. Emulated runs "
    "say nothing about units of 16 bits; on the H200 six runs shared the GPU in 16 bits, three in "
    "fp32. Then steps of all trainings, those that loss scaling left out, and peak memory of the "
    "GPU; nothing was counted where the field is empty.",
    {"steps": "{:,.0f}"},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: precision.layer_error_table(numerics),
    "Relative errors of activations and weight gradients by layer, emulated, narrow networks "
    "trained on DS1, mean over seeds.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: precision.decision_table(numerics),
    "Decisions of one fp32 network run in 16 bits (emulated, narrow), all of DS2: beats whose class "
    "changes, median change of a logit, median margin; and what a training step of 128 beats "
    "keeps for its way back (PyTorch's autocast), in 16 bits and in fp32.",
)
