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
# # Which layers can do with 8-bit integers?
#
# Paper 1 {cite:p}`silva_deployment` trains with simulated 8-bit arithmetic, as
# {cite:t}`jacob2018` introduced it, in two scopes: the classification head alone (`head_int8`),
# and the head with the first blocks of the backbone (`shallow_int8`). Its Table 2 reports for
# the personalized pipeline an accuracy of 0.9013 ± 0.0198 and a macro-F1 of 0.5364 ± 0.0416 with
# `head_int8`, and 0.9003 and 0.5258 with `shallow_int8`; for a network trained on DS1 alone
# 0.9170 and 0.6261, and 0.9194 and 0.6303. The pipeline, it concludes, "remains technically
# compatible with low-precision deployment".
#
# The table has no row without quantization, no list of the layers that are quantized, no file
# and no time. This chapter adds them: the fp32 network of the same seed beside every row, a
# proof of coverage, a fourth scope `all_int8`, a file with integers in it, its bytes, and the
# milliseconds that a runtime needs for it.

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
import torch

from ecglib import (
    ECGNet,
    ECGNetConfig,
    Plan,
    calibrate,
    confusion_matrix,
    macro_f1,
    predict,
    quantize,
    quantize_array,
    results,
)
from ecglib.book import show
from ecglib.models.cost import layer_macs
from ecglib.plots import int8 as figures
from ecglib.plots import style
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.sqnr import traced
from ecglib.studies.baseline import supervised
from ecglib.studies.int8 import rounded
from ecglib.system.paths import RESULTS
from ecglib.tables import int8, latency, names, papers

style.use()

# %% [markdown]
# ## Data
#
# The beats and the split of chapter {doc}`01_data`, the pipelines of chapters
# {doc}`02_wave_puzzle` (DS1 only, no puzzle) and {doc}`03_personalization` (puzzle and head-only
# online stage).

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
# A **weight** $w$ of output channel $c$ becomes an integer on a symmetric grid,
#
# $$q = \operatorname{round}\!\left(\frac{w}{s_c}\right) \in [-127, 127],
# \qquad s_c = \frac{\max |w|}{127},$$
#
# rounding halves to the even neighbour. An **activation** $x$, mostly the output of a ReLU, uses
# an unsigned grid with a zero point, $q = \operatorname{round}(x/s) + z \in [0, 255]$, whose range
# follows a running mean of the minima and maxima of batches and is frozen in the last epoch.
# **BatchNorm** is folded into the convolution before. The **bias** is a 32-bit integer in steps
# of $s \cdot s_c$, so that the whole layer is
#
# $$y = s\, s_c \Bigl(\sum_i (q^x_i - z)\, q^w_i + q^b\Bigr),$$
#
# integers inside the bracket, one multiplication outside.
#
# In *quantization-aware training* (QAT) the network computes with these numbers while it
# learns; the gradient pretends that rounding were the identity inside the range
# {cite:p}`bengio2013`. *Post-training quantization* (PTQ) only calibrates the ranges on 4,096
# training beats and stops. As an option the step of the weights is learned as well
# {cite:p}`esser2020`.
#
# The oracle that every implementation must agree with is a few lines of NumPy:

# %%
w = np.array([-0.9, -0.2, 0.0, 0.3, 0.75])
for bits in (8, 4, 2, 1):
    q, step = quantize_array(w, bits)
    print(f"{bits} bits: {q}, signal {sqnr_db(w, q * step):.0f} dB above the noise")

# %% [markdown]
# ### Which layers a scope takes, and what that can save

# %% mystnb={"figure": {"caption": "Layers that each scope quantizes (blue), above each layer's share of the bytes and of the multiplications, for an ECGNet of the paper's size (64, 128, 256, 512, 512 filters; the last three are unpublished).", "name": "fig-scopes"}} tags=["hide-input"]
paper_size = ECGNet(ECGNetConfig()).eval()
figures.scopes(paper_size, layer_macs(paper_size, torch.zeros(1, 300)))

# %% [markdown]
# Two thirds of the bytes are in the head, nearly all multiplications in the backbone. So
# `head_int8` shrinks the file and hardly speeds anything up; what `shallow_int8` adds, two
# small convolutions, does neither. Only `all_int8` can do both.
#
# ### Why our own fake-quantized layers
#
# Two libraries can train a `Conv1d` with simulated integers, and we tried both on this network
# before writing two layers of our own on `torch.fake_quantize_*`. torchao 0.18 (PT2E with the
# XNNPACK quantizer) covers all eight layers, but first turns the network into a graph: the
# named parts are gone on which scopes, strategies and the frozen backbone of this book rest,
# and the quantizer itself lives in another package. Brevitas 0.13 needs the network to be
# written anew in its own layers, and its ONNX export a further package. Ours keeps names and
# state dicts, is 200 lines, and a test holds it to the oracle; torchao's plain `quantize_` is
# no choice at all, since it skips `Conv1d` silently.
#
# ## Run
#
# Every network starts from the fp32 network of the same seed. In the personalized pipeline each
# patient's network is rounded after the fine-tuning and then trained on; its backbone is frozen
# there (`finetune: head`), so `shallow_int8` and `all_int8` calibrate the convolutions and train
# the head around them.
#
# QAT trains longer than the fp32 network it starts from, and more training alone may help or
# harm. So every scope, `none` included, gets both methods: `none` with `qat` is the **fp32
# network trained as long**, the control of every QAT row.

# %%
live = {study: plan.run(study) for study in ("int8", "latency")}
reference = {study: results.load_study(RESULTS, study) for study in live}

# %% tags=["hide-input"]
show.provenance(reference["int8"])

# %% [markdown]
# ## Table 2 of the paper, beside ours

# %% tags=["hide-input"]
ours, mine = (int8.by_scope(found["int8"]) for found in (reference, live))
blocks = {title: int8.score_table(named) for title, named in ours.items()}
show.table(
    {"paper": papers.printed(papers.PAPER1_TABLE_2)} | blocks,
    "Table 5.1: pipelines (first and last number of filters), scopes and methods, all of DS2; "
    "the paper's printed numbers and our reference runs.",
)

# %% tags=["hide-input"]
show.table(
    {title: int8.score_table(named) for title, named in mine.items()},
    "Table 5.2: the same for the runs of this page, on their own test records.",
)

# %% [markdown]
# ### Does rounding cost anything?
#
# The difference to fp32 is paired: the same seeds, the same patients. QAT is compared with the
# fp32 network that was trained as long, PTQ with the one it was made from.

# %% tags=["hide-input"]
show.table(
    {title: int8.cost_of_rounding(named) for title, named in ours.items()},
    "Table 5.3: macro-F1 and accuracy minus those of the fp32 network, all of DS2, with 95 % "
    "intervals over patients.",
)

# %% mystnb={"figure": {"caption": "Macro-F1 on DS2 (bars: 95 % over patients) against the bytes of weights, biases and scales, reference runs. Circles: calibrated only; diamonds: trained on.", "name": "fig-int8-bytes"}} tags=["hide-input"]
figures.accuracy_against_bytes(ours)

# %% [markdown]
# ### What is really quantized?
#
# A configuration can promise anything. The next table looks at the network itself: for every
# layer, the bits of weights and input, how many distinct values the weights of one output
# channel really take (256 at most on an 8-bit grid), and how far they are from the weights
# before rounding. A layer in scope that fails this look stops the run.

# %% tags=["hide-input"]
standard = next(iter(ours.values()))  # DS1 only, the narrower network
covered = int8.coverages(standard, seed=7)
show.table(
    {names.word(scope): int8.coverage_table(r) for scope, r in covered.items()},
    "Table 5.4: coverage by scope, networks of the reference runs trained on DS1 only, seed 7.",
)

# %% [markdown]
# ## On the grid
#
# The network of this page, `all_int8`: the weights of its first linear layer and the input of
# its second convolution, as the integers that they become.

# %% mystnb={"figure": {"caption": "Integers of the weights of fc1 (every channel in its own steps) and of the activations entering conv2, this run. The right scale is logarithmic.", "name": "fig-grids"}} tags=["hide-input"]
chosen = next(c for c in plan.configs("int8") if c.scope == "all_int8")
run = plan.on_cpu(chosen)
network, _ = rounded(run, chosen)
weights, _ = network.fc1.weight_quantizer.integers(network.fc1.weight)
entering, _ = traced(network, run.test.inputs.x[:512])["conv2.conv"]
grid = network.conv2.conv.input_quantizer
figures.grids(weights.numpy(), entering.numpy(), float(grid.scale), int(grid.zero_point))

# %% mystnb={"figure": {"caption": "Signal-to-quantization-noise ratio by layer, reference runs, all_int8 (DS1 only, seed 7, narrow ECGNet): of the weights of the network trained after rounding (QAT), and of the outputs of the calibrated file on 1,024 test beats against the fp32 network.", "name": "fig-sqnr"}} tags=["hide-input"]
narrow = covered["all_int8"].config["channels"]
in_runtime = latency.int8_file(reference["latency"], narrow)
of_weights = {row["name"]: row["sqnr_db"] for row in covered["all_int8"].metrics["layers"]}
figures.noise(of_weights, in_runtime.metrics["output_sqnr_db"])

# %% [markdown]
# ## A file with integers in it
#
# ```bash
# python -m ecglib export onnx --scope all_int8 --out ecgnet_int8.onnx
# python -m ecglib bench int8
# ```
#
# The first command writes the network as ONNX: weights as 8-bit integers, biases as 32-bit ones,
# and QuantizeLinear/DequantizeLinear pairs that tell a runtime where the grids are. ONNX Runtime
# turns them into integer kernels. Whether it computes the same function is not a matter of
# faith: on x86 processors without VNNI it adds pairs of 8-bit products in 16 bits and **clips**
# the sum, silently, unless told otherwise (`session.x64quantprecision`). Sessions of this book
# set that wherever the processor would clip, and every file is compared with its network on all
# test beats; under 99.9 % equal classes it is refused.

# %% tags=["hide-input"]
show.table(
    latency.latency_table(reference["latency"]),
    "Table 5.5: deployed networks, reference runs: milliseconds of a call, speed against ONNX "
    "Runtime in fp32 within the same session, bytes on disk, same class as the network that was "
    "exported (all beats of DS2).",
)

# %% tags=["hide-input"]
show.machine(reference["latency"])

# %% tags=["hide-input"]
show.table(
    latency.size_table(reference["latency"], reference["int8"]),
    "Table 5.6: bytes of the all_int8 file against its fp32 file, and against the arithmetic of "
    "8-bit weights, 32-bit biases and scales, reference runs.",
)

# %% mystnb={"figure": {"caption": "Median (bar) and 99th percentile (tick) of the time of a call, one thread, reference runs.", "name": "fig-latency"}} tags=["hide-input"]
figures.latencies(reference["latency"])

# %% tags=["hide-input"]
show.table(
    latency.latency_table(live["latency"]),
    "Table 5.7: the same, measured while this page was rendered, on its own networks.",
)

# %% [markdown]
# ## Settings, chosen inside DS1
#
# How long to train after rounding, and how fast, was tried on four folds of DS1's patients, one
# seed, pooled. One epoch at 1e-5 was kept for QAT; since ranges are frozen in the last epoch, they
# stay there where the calibration has put them.

# %% tags=["hide-input"]
show.table(
    int8.fold_table(reference["int8"]),
    "Table 5.8: trials inside DS1, four folds pooled, reference runs.",
)

# %% [markdown]
# ## What we found
#
# - **Eight bits, calibrated only, cost no macro-F1 that we can measure.** `head_int8`,
#   `shallow_int8` and `all_int8` are within 0.001 macro-F1 of their fp32 network trained on DS1
#   (narrow, three seeds, intervals ±0.001); `all_int8` is so at the paper's size too (one seed,
#   −0.001 to +0.003). In the personalized pipeline (narrow, head fine-tuned, three seeds)
#   `head_int8` is as near; the scopes with convolutions gain 0.003 [−0.008, +0.010] macro-F1
#   and 0.009 [+0.001, +0.020] accuracy (Table 5.3). We cannot explain that gain; among so many
#   comparisons it is a hint at most.
# - **QAT is not needed for that, and its extra epoch does more than the integers.** Against the
#   fp32 network trained as long, QAT is within 0.001 macro-F1 and 0.002 accuracy everywhere;
#   with the narrow network trained on DS1 only, that loss of accuracy, small as it is, has an
#   interval below zero. But the epoch alone moves fp32: from 0.559 to 0.556 macro-F1 and from
#   0.904 to 0.896 accuracy there, where in macro-F1 two of three seeds gain and one loses 0.03,
#   and from 0.596 to 0.587 and from 0.931 to 0.922 at the paper's size (one seed). Four folds
#   of DS1 (one seed, Table 5.8) give the same order: no further training, one epoch at a
#   thirtieth of the learning rate, and only then the rest, all within 0.02. A study that
#   compares QAT with an fp32 network that was trained less measures the training. Learned steps
#   change nothing measurable at eight bits (0.555, narrow).
# - **Against the paper.** Its two scopes differ by 0.004 to 0.011 macro-F1, ours by 0.003 at
#   most, with intervals that contain zero (in accuracy by up to 0.009 [0.001, 0.020], in favour
#   of the wider scope): its conclusion holds here, and `all_int8`, which it did not try, costs
#   no more. DS1 only, our narrow network stays 0.07 below its 0.6303. At the paper's size the
#   network that was rounded has 0.596 macro-F1 and 0.931 accuracy (one seed, CPU), 0.03 below
#   and 0.01 above; over three seeds on the H200 (TF32 convolutions, nothing rounded) it is
#   0.582 and 0.918, below on both. With personalization ours (narrow, head fine-tuned) is 0.06
#   above its 0.5364.
# - **Everything in scope is quantized**, and nothing else (Table 5.4): at most 255 levels a
#   channel, 42 to 53 dB between weights and noise (narrow, seed 7, QAT). `conv1` has three
#   weights a channel, so three levels.
# - **The file is nearly four times smaller.** 3.95 times than fp32 at the paper's size, 3.86
#   times for the narrow network; what is missing to 4 is the graph (31 and 21 kB), biases and
#   scales (Table 5.6). `head_int8` alone reaches 3.0 times by the same arithmetic (narrow).
# - **And it is faster, in the configuration that answers right.** These are the calibrated
#   files, one seed each, on one virtual machine. One beat on one thread takes 0.14 ms instead
#   of 0.65 ms in the same runtime at the paper's size (4.7 times as fast; 0.931 accuracy as
#   fp32), 0.03 instead of 0.09 ms with the narrow network (2.6 times; 0.907 as fp32). Other
#   batches and threads are in Table 5.5. Every one of 49,712 beats gets the class that the
#   network gives, and all eight layers run in integers.
# - **Two details decided that.** Biases must be rounded to their 32-bit step while the network
#   is simulated: left in fp32 there, the file of a small network disagreed on beats in a trial
#   (not among the results). And ONNX Runtime moves a quantization past a Reshape but not past a
#   Flatten, which left `conv5` in fp32. A runtime needs integers on both sides of a layer: in a
#   `shallow_int8` file it computes `conv2`, whose output is not in scope, in fp32 again.
# - **The plain answer:** all layers can run in 8-bit integers, as far as these networks go.
#   Calibration is enough; training after rounding is not needed. The answers of the exported
#   file have to be checked on the processor.
#
# ## Limits
#
# - The personalized pipeline fine-tunes the head only, so its convolutions are calibrated, never
#   trained as integers; the narrow network carries three seeds, the paper's size one.
# - The trials inside DS1 used one seed and `all_int8` on DS1 only; the other scopes and the
#   personalized pipeline inherit what they chose.
# - Times are those of one virtual machine and of one runtime; no Jetson was measured here
#   (chapter {doc}`07_jetson`). The processor has VNNI; without it the factors will be others.
# - A single exported file serves the pipeline without personalization; with it there is one network
#   a patient.
#
# ## Extend it
#
# Eight bits are a habit of hardware. How few would the weights of this page's network need? The
# next cell rounds them to fewer bits, by the oracle, without any training.

# %%
fp32, _ = supervised(run, chosen.fp32())
for bits in (8, 6, 5, 4, 3, 2):
    coarse = quantize(fp32, "all_int8", bits=bits)
    calibrate(coarse, run.train.inputs.x[:2048], run.train.inputs.rr[:2048])
    matrix = confusion_matrix(run.scored.y.numpy(), predict(coarse, run.scored))
    print(f"{bits} bits: macro-F1 {macro_f1(matrix):.3f}")
