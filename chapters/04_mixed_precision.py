# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do 16 bits change the answer?
#
# Paper 1 {cite:p}`silva_deployment` runs its pipeline, without any integers, in two 16-bit
# floating-point formats. Its Table 1 reports on an H200 an accuracy of 0.8904 ± 0.0211 with
# FP16 and 0.8890 ± 0.0094 with BF16, a macro-F1 of 0.5252 ± 0.0398 and 0.4969 ± 0.0098, and
# 2,920 and 3,003 seconds. It concludes that FP16 "improves Macro-F1" over BF16 and is the best
# format among those tested.
#
# Two things are missing. There is **no FP32 row**, so nothing says what 16 bits cost. And the
# two formats are 0.028 apart where FP16 alone spreads by 0.040 over three seeds, so nothing
# says that the difference is one. This chapter adds the row, pairs the runs seed by seed, and
# looks inside the network for what the shorter numbers lose.

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

from ecglib import Plan, load_beats, results, to_inputs
from ecglib.book import show
from ecglib.data.inputs import pick_device
from ecglib.plots import precision as figures
from ecglib.plots import style
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, papers, precision
from ecglib.training.numerics import relative_error, trace
from ecglib.training.on_beats import build
from ecglib.training.precision import DTYPES, round_to

style.use()

# %% [markdown]
# ## Data
#
# The beats, the split and the network of chapter {doc}`03_personalization`; the strategy is
# head-only, the one that the paper's Tables 1 and 3 agree on.

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
# A floating-point number is $\pm\, 2^{e}\,(1 + f)$. FP16 gives five bits to the exponent $e$
# and ten to the fraction $f$; BF16 keeps the eight exponent bits of FP32 and pays with a
# fraction of seven.

# %% mystnb={"figure": {"caption": "Sign, exponent and fraction (pale to dark) of the three formats.", "name": "fig-formats"}} tags=["hide-input"]
figures.formats()

# %% [markdown]
# So rounding costs a relative error of at most $2^{-11}$ in FP16 and $2^{-8}$ in BF16, and FP16
# alone can leave its range: values under $2^{-24}$ become zero, values over 65,504 infinite.

# %%
examples = torch.tensor([1 + 2**-9, 1e-6, 1e-8, 70_000.0])
for name in DTYPES:
    print(f"{name}: {[f'{value:.9g}' for value in round_to(examples, name).tolist()]}")

# %% [markdown]
# Training follows the recipe of mixed precision {cite:p}`micikevicius2018`. Convolutions and
# linear layers compute in 16 bits; weights are kept in FP32 and rounded when used; the loss and
# the statistics of BatchNorm stay in FP32. In FP16 the loss is multiplied by $2^{16}$ before the
# way back, so that small gradients survive; a step whose gradients overflow is left out, and the
# factor halved. All stages run so: the offline puzzle, the adaptation to the patient, the
# fine-tuning, the prediction. Seeds and batches are the same in every format. (One trap for those
# who do this themselves: PyTorch's autocast keeps its 16-bit copy of every weight until its
# context ends. A context around a whole training has to be told not to, or the network goes on
# computing with its first weights, and nothing says so but the score.)
#
# **Native and emulated.** A GPU has 16-bit units. A CPU mostly has not, and its autocast is
# much slower than FP32, which would say nothing about a GPU. There we *emulate*: what a layer
# reads and writes, forwards and backwards, is rounded to the 16-bit grid, and sums are kept in
# FP32, as in a GPU's units. Emulated runs tell what the format does to the numbers, and
# **nothing about speed or memory**; they are labelled, and stand in no column with native ones.
#
# ## Run

# %%
live = {study: plan.run(study) for study in ("precision", "numerics")}
reference = {study: results.load_study(RESULTS, study) for study in live}

# %% tags=["hide-input"]
show.provenance(reference["precision"])

# %% [markdown]
# ## Table 1 of the paper, beside ours

# %% tags=["hide-input"]
ours, mine = (precision.by_format(found["precision"]) for found in (reference, live))
beside = {
    "paper": papers.printed(papers.PAPER1_TABLE_1),
    "reference": precision.score_table(ours),
    "this run": precision.score_table(mine),
}
show.table(
    beside, "Table 4.1: head-only pipeline by format, all of DS2 (this run: of its records)."
)

# %% mystnb={"figure": {"caption": "Macro-F1 by format on all beats of DS2 (this run: of its own test records). Diamonds: mean with 95 % interval over patients; dots: single seeds; the paper's bars are deviations over three seeds.", "name": "fig-format-scores"}} tags=["hide-input"]
figures.format_scores({"reference": ours, "this run": mine}, papers.PAPER1_TABLE_1)

# %% [markdown]
# ### Is FP16 better than BF16?
#
# Every format has been run with the same three seeds on the same patients, so two formats can
# be compared in two ways. *Over patients* keeps the trained networks and draws other patients.
# *Over seeds* keeps the patients and asks what other seeds might have given: three differences
# have two degrees of freedom, and Student's factor is 4.3.

# %% tags=["hide-input"]
pairs = {
    "all of DS2": precision.pairs_table(ours),
    "after 5:00": precision.pairs_table(ours, after_5min=True),
}
show.table(pairs, "Table 4.2: differences of macro-F1 between formats, reference runs.")

# %% [markdown]
# The paper prints no runs by seed, but its own numbers bound what it can claim. If its three
# FP16 and three BF16 runs were independent, the standard error of their difference is
# $\sqrt{(0.0398^2 + 0.0098^2)/3}$:

# %%
fp16, bf16 = papers.PAPER1_TABLE_1[:2]
gap = fp16.macro_f1 - bf16.macro_f1
error = ((fp16.macro_f1_std**2 + bf16.macro_f1_std**2) / 3) ** 0.5
print(f"printed difference {gap:.4f}, standard error {error:.4f}, t = {gap / error:.2f}")
print("Welch's test with about two degrees of freedom needs t > 4 for 5 %")
needed = (2.8 * error * 3**0.5 / gap) ** 2  # normal approximation
print(f"to find such a difference four times in five: {needed:.0f} seeds of each format")

# %% [markdown]
# ## What it costs
#
# Seconds of all stages; steps of all trainings, those of 22 patients included, and how many of
# them the scaling of gradients left out. Peak memory is counted on a GPU only.

# %% tags=["hide-input"]
cost = {
    "reference": precision.training_table(ours),
    "this run": precision.training_table(mine),
}
show.table(
    cost,
    "Table 4.3: seconds (emulated ones say nothing about 16-bit units), steps, memory.",
)

# %% [markdown]
# ## Where do 16 bits hurt?
#
# Scores blur what happens inside. So we take one trained network (`baseline`: DS1 only), send
# the same beats through it in FP32 and in 16 bits, and compare layer by layer: outputs, and
# gradients of the weights.

# %% mystnb={"figure": {"caption": "Relative error (norm of the difference over norm) of activations and weight gradients by layer, reference runs; bands are ± one deviation over seeds.", "name": "fig-layer-errors"}} tags=["hide-input"]
figures.layer_errors(reference["numerics"])

# %% tags=["hide-input"]
show.table(
    precision.layer_error_table(reference["numerics"]),
    "Table 4.4: relative errors by layer, reference runs, emulated, mean over seeds.",
)

# %% [markdown]
# Activations are off by about one rounding, and by eight times as much in BF16 as in FP16: three
# bits of fraction. Gradients are off by more. In a trained network nearly all beats are classified
# with confidence and the gradient is carried by the few that are not; and where rounding makes two
# values of a pooling window equal, or switches a ReLU, the gradient takes another way.
#
# ### Does anything leave the range?

# %% mystnb={"figure": {"caption": "Exponents of activations and of their gradients in one trained network, reference run, seed 7. Red: outside FP16's range; yellow: its subnormal numbers, which lose precision. BF16 has FP32's range and no such zones here.", "name": "fig-exponents"}} tags=["hide-input"]
chosen = {"precision": "fp16", "seed": 7}
figures.exponents(next(r for r in reference["numerics"] if chosen.items() <= r.config.items()))

# %% [markdown]
# ### Does a decision flip?
#
# A class changes only where 16 bits move the logits by more than the margin between the two
# best. The next figure sets the two side by side: the margin of every test beat, and the
# largest change of its logits.

# %% mystnb={"figure": {"caption": "Cumulative shares over all beats of DS2: how far 16 bits move a logit, and how large the margin of a decision is, reference runs, a line a seed.", "name": "fig-margins"}} tags=["hide-input"]
figures.margins(reference["numerics"])

# %% tags=["hide-input"]
show.table(
    precision.decision_table(reference["numerics"]),
    "Table 4.5: decisions of one FP32 network run in 16 bits (emulated), all of DS2: beats whose "
    "class changes, median change of a logit, median margin; and what a training step of 128 "
    "beats keeps for its way back (PyTorch's autocast), in 16 bits and in FP32.",
)

# %% [markdown]
# ## Natively, on an H200
#
# The same pipeline with the paper's 64 to 512 filters, FP16 and BF16 by the card's own units. The
# row above them is the head-only run of chapter {doc}`03_personalization` on that card, whose
# convolutions PyTorch computes in TF32 (ten bits of fraction, eight of exponent) unless told
# otherwise. Six runs shared the card when the 16-bit seconds were taken, three when the other's
# were: they say what a run cost, not which format is faster.

# %% tags=["hide-input"]
native = precision.by_format(results.load_study(RESULTS / "h200", "precision"))
full = results.load_study(RESULTS / "h200", "personalization")
native = {
    "fp32, TF32 convolutions": arms.pick(full, strategy="head_only", finetune="head")
} | native
show.table(
    precision.score_table(native), "Table 4.6: 64 to 512 filters on an H200, all of DS2."
)

# %% tags=["hide-input"]
show.table(
    precision.pairs_table(native),
    "Table 4.7: differences between formats, H200, all of DS2.",
)

# %% tags=["hide-input"]
taken = {name: arm for name, arm in native.items() if "native" in name}
show.table(precision.training_table(taken), "Table 4.8: steps and memory of the native runs.")

# %% [markdown]
# ## What we found
#
# - **FP16 against BF16 is a draw** (emulated, narrow network, three seeds). The mean difference
#   of macro-F1 is zero to three decimals; by seed it is +0.012, +0.002 and −0.015. Over seeds
#   its interval is [−0.034, +0.033], over patients [−0.010, +0.012] (Table 4.2).
# - **The paper's improvement is within its own noise.** Its 0.028 is 1.2 standard errors of its
#   own six runs, if they were independent; some sixteen seeds of each format would be needed to
#   find such a difference four times in five. Three seeds can show that a format collapses, and
#   that none does; they cannot rank two that do not.
# - **16 bits cost no macro-F1 that we can measure** (emulated, narrow network, three seeds).
#   FP32, the row that the paper lacks, has 0.599; FP16 0.606 and BF16 0.607. All six intervals
#   of differences in Table 4.2 contain zero. FP16's accuracy is even higher than FP32's, by
#   0.0042 [0.0006, 0.0083] over patients; over seeds this contains zero, [−0.005, +0.013].
#   (FP32 agrees with the head-only row of chapter {doc}`03_personalization` in every beat: it
#   is the same run.)
# - **What differs looks like chance, not precision.** The same trained network, run in 16 bits,
#   changes the class of at most 2 of 49,712 beats in FP16 and of 15 to 33 in BF16 (Table 4.5).
#   Trained in 16 bits it ends up to 0.015 away: rounding steers the training onto another path.
# - **Nothing leaves the range going forwards; on the way back FP16 needs its scaling.** In seed
#   7's narrow network a third of the nonzero gradients of activations is too small for FP16 and
#   would become zero ({numref}`fig-exponents`). With the loss multiplied by $2^{16}$ nearly
#   none does, and the error of `fc2`'s gradient falls from 0.8 % to 0.14 %. The scaling left
#   out 0.19 % of the steps.
# - **BF16 rounds eight times as coarsely**, 0.3 % in activations and 1 to 5 % in weight gradients,
#   and needs no scaling.
# - **The memory gained is a third, not a half**: 31.5 to 21.0 MB kept by a step of 128 beats in
#   the narrow network, since the places of maxima in pooling windows stay 64-bit integers.
# - **On the card itself the two formats are a draw too** (64 to 512 filters, native, three
#   seeds, Tables 4.6 and 4.7): FP16 and BF16 lie 0.006 apart, by seed +0.028, −0.008 and
#   −0.003, and every interval over seeds contains zero. Both end a little above the TF32 run;
#   over patients the interval of BF16's difference just excludes zero, that of FP16 does so
#   only as BCa, over three seeds neither does.
# - **The plain answer:** not measurably in macro-F1, with three seeds and the head alone
#   fine-tuned. Choose the format that the device is fast in.
#
# ## Limits
#
# - The reference runs of Tables 4.1 to 4.5 emulate 16 bits on a CPU: sums are FP32, in another
#   order than a GPU's. The native runs shared one card; no speed of a format is claimed. The
#   seconds of Table 4.3 come from a machine busy with other work, FP32's included.
# - Only the head is fine-tuned, and but for Tables 4.6 to 4.8 the network is narrower than the
#   paper's.
# - Three seeds tell differences of several hundredths of macro-F1 from noise, not of one.
#
# ## Extend it
#
# Which part of the network is the most sensitive? The next cell rounds the weights of one layer
# at a time to BF16 and looks at the logits of an untrained network.

# %%
config = plan.configs("baseline", arms=[{}])[0]
beats = to_inputs(load_beats(source.path, [config.sides()[0][0]]), config, pick_device("cpu"))
x, y = beats.x[:256], beats.y[:256]
model = build(config, n_outputs=3, device=pick_device("cpu"))
exact = trace(model, x, y)["out"]["activation"]
for name, weight in model.named_parameters():
    kept = weight.detach().clone()
    weight.data = round_to(kept, "bf16").detach()
    print(f"{name:18s} {relative_error(exact, trace(model, x, y)['out']['activation']):.2e}")
    weight.data = kept
