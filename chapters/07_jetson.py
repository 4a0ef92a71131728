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
# # What really runs on a small device?
#
# {cite:t}`silva_deployment` call online personalization the "main bottleneck for embedded
# deployment": on a Jetson Nano their Table 3 prints a run time of 60,289 seconds for head-only
# adaptation and 72,776 for AdaBN, against 2,827 and 3,254 on an H200. The paper does not say
# how many epochs that covers, which stages, nor whether it is the time of one seed or of three.
# INT8 was measured on the H200 only: on the Nano its conversion "was not supported". The Nano's
# GPU has no 8-bit arithmetic at all.
#
# This chapter takes the other way round. The network of chapter {doc}`08_micro_network` needs
# no runtime that could lack support: it is written out as plain C, in integers, from raw
# samples and R-peak times to classes. We ran this C on one PC and linked it for a Cortex-M4. It
# classifies; learning from labels is not in it.

# %% tags=["parameters"]
profile = "quick"  # type: str  params file that lists the runs of this page
seeds = None  # type: list  seeds of every arm; None, here and below: as the params file says
records = None  # type: list  records of MIT-BIH in use
data_root = None  # type: str  folder or packed file with the data; without one it is searched for
device = None  # type: str  auto, cpu or cuda
scheduler = None  # type: str  local or tcp://host:port: Dask workers for missing runs
overrides = {}  # type: dict  arms of a study, or channels and pretext_epochs of all of them

# %% tags=["remove-cell"]
import tempfile
from pathlib import Path

import pandas as pd
import torch

# %% tags=["remove-cell"]
from ecglib import results
from ecglib.book import formats, show
from ecglib.data.sets.mitdb import read_record
from ecglib.deploy import roofline as bounds
from ecglib.deploy import shipped
from ecglib.deploy.bundle import measured as devices
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.streaming import raw_samples, stream
from ecglib.plots import devices as figures
from ecglib.plots import style
from ecglib.studies.plan import Plan
from ecglib.studies.roofline import fresh_network
from ecglib.system.paths import RESULTS
from ecglib.tables import c99 as c99_tables
from ecglib.tables import papers

style.use()

# %% [markdown]
# ## Data
#
# MIT-BIH as in chapter {doc}`01_data`. The C code gets what an analogue-to-digital converter
# gives: 16-bit numbers at 360 Hz, and the R-peaks of the annotations.

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
# ## What the paper measured
#
# Times and scores as printed. The paper itself divides its own column: the Nano takes about
# twenty times as long.

# %% tags=["hide-input"]
show.table(
    papers.printed([*papers.PAPER1_TABLE_1, *papers.PAPER1_TABLE_3_NANO]),
    "Table 7.1: paper 1, Tables 1 and 3, as printed.",
    {"accuracy": formats.SHARE_4, "macro-F1": formats.SHARE_4},
)

# %% [markdown]
# ## What it must cost
#
# A layer takes at least as long as its arithmetic at the machine's peak, and at least as long as
# moving its weights and activations once {cite:p}`williams2009`:
#
# $$t \ge \sum_{\text{layers}} \max\Bigl(\frac{2\,n\,\text{MAC}_l}{\text{peak}},\;
# \frac{\text{bytes}_l(n)}{\text{bandwidth}}\Bigr).$$
#
# Every number of this section is **estimated**: peaks and bandwidths are their maker's, the work
# is counted layer by layer. With 10 epochs a stage (our assumption, the paper prints none), paper
# 1's pipeline is 22 fine-tunings of the whole network on all of DS1, and little else.

# %% tags=["hide-input"]
works = {}
for name in ("ecgnet", "micronet"):
    model, shapes = fresh_network(name)
    works[name] = bounds.layer_work(model, *(torch.zeros(1, *shape) for shape in shapes))
reference = results.load_study(RESULTS, "c99")
n_test, n_late = (
    sum(m.sum() for m in reference[0].matrix(after_5min=x).values()) for x in (False, True)
)
side = {
    "n_online": n_test - n_late,
    "n_test": n_test,
}  # beats of DS2, and of its first 5 minutes
paper = bounds.paper_stages(works["ecgnet"], epochs=10, n_train=50_598, **side)
ours = bounds.our_stages(works["micronet"], steps=80, replayed=64, labels=5, **side)
show.table(
    c99_tables.stage_table(paper),
    "Table 7.2: least seconds of paper 1's pipeline in fp16, one seed. Estimated.",
    formats.BY_MACHINE,
)

# %% tags=["hide-input"]
show.table(
    c99_tables.stage_table(ours),
    "Table 7.3: least seconds of ours for 22 patients, five labels each. Estimated.",
    formats.BY_MACHINE,
)

# %% mystnb={"figure": {"caption": "Multiplications of paper 1's pipeline (10 epochs a stage) and of ours, five labels for each of 22 patients: estimated, more than five orders of magnitude apart.", "name": "fig-stages"}} tags=["hide-input"]
figures.stages(paper, ours)

# %% mystnb={"figure": {"caption": "Roofs of three machines in fp16, and what paper 1's runtimes come to if every stage had 10 epochs and a runtime covers one seed; both are our reading.", "name": "fig-roofline"}} tags=["hide-input"]
machines = list(bounds.MACHINES.values())
at = bounds.intensity(works["ecgnet"], "fp16", 128)
printed_s = {row.arm: row.runtime_s for row in papers.PAPER1_TABLE_1 if "FP16" in row.arm}
points = {
    f"paper 1, {arm}": ("paper", at, 2 * paper.sum() / seconds)
    for arm, seconds in printed_s.items()
}
figures.roofline(machines, "fp16", points)

# %% [markdown]
# So of 60,048 s on the Nano about a tenth is arithmetic that the device cannot do faster, under
# this reading (10 epochs, one seed); and 22 trainings on 50,598 beats stay dear in any format.
# By this estimate the work, more than the format of its numbers, separates the paper from a
# usable device. Ours is other work: features of a frozen network are computed once, a patient's
# data are 370 beats and not 50,598, and the network has 55,216 multiplications a beat.
#
# **How good is such a bound?** On this processor it can be checked.

# %%
live_bounds = plan.run("roofline")
measured = results.load_study(RESULTS, "roofline")

# %% tags=["hide-input"]
both = {"reference": measured, "this run": live_bounds}
show.table(
    {name: c99_tables.validation_table(found) for name, found in both.items()},
    "Table 7.4: estimated and measured milliseconds in PyTorch, fp32, one core; Gop/s is "
    "this core's peak, measured in the same run; ratio is estimated over measured.",
)

# %% [markdown]
# With 64 inputs a call, the estimate is within a factor of two of the measurement for the two
# large networks (a ratio above 1 says that the product of matrices which measured the peak was
# itself disturbed). With one input it falls to a little under half: matrices of one beat fill the
# vector units less well. MicroNet's ratio is far lower for another reason: some twenty operators
# cost PyTorch microseconds each before any of them computes, as its time for a single beat says,
# which is a hundred times its bound. Plain C, below, takes a sixth of that time, with scalar code.
#
# ## What a device can compute in
#
# Least milliseconds of one beat, by arithmetic format; empty where the processor's units lack it.

# %% tags=["hide-input"]
show.table(
    c99_tables.bound_table(
        {"ECGNet, 64 to 512 filters": works["ecgnet"], "MicroNet": works["micronet"]}
    ),
    "Table 7.5: least milliseconds of one beat. Estimated, not measured.",
    {"*": "{:.2g}"},
)

# %% [markdown]
# | | fp32 | fp16 | bf16 | INT8 | source |
# |---|---|---|---|---|---|
# | Jetson Nano (Maxwell, compute capability 5.3) | yes | yes, twice as fast | no | no | {cite:t}`nvidia_nano`, {cite:t}`nvidia_tensorrt` |
# | Jetson Orin Nano (Ampere, 8.7) | yes | yes | yes | yes | {cite:t}`nvidia_orin_nano`, {cite:t}`nvidia_tensorrt` |
# | H200 (Hopper, 9.0) | yes | yes | yes | yes | {cite:t}`nvidia_h200` |
# | Cortex-M4 without FPU | no | no | no | 8-, 16- and 32-bit integers | {cite:t}`arm_cortex_m4` |
#
# This fits "not supported" in paper 1: the Nano's GPU has nothing to run INT8 on. The smallest
# processor of the table does.

# %% [markdown]
# ## A network without a runtime
#
# A rounded layer is a sum of products of bytes, $s = b + \sum_i w_i\,x_i$, then ReLU, then one
# multiplication that brings it back to a byte {cite:p}`jacob2018`,
#
# $$y = z + \bigl\lfloor (\max(s, 0)\, m + 2^{k-1})\, /\, 2^{k} \bigr\rfloor ,$$
#
# with a 32-bit $m$ for each output channel and one shift $k$ for the layer. Padding is the byte
# $z$ that stands for zero; pooling takes the largest sum before the multiplication. Activations
# lie channels last, so that a convolution is the same inner product as a linear layer and one
# function of a dozen lines computes all six layers.
#
# **Before the network** everything is integers too: means over 1/128 s are exact, since with
# whole sampling frequencies all window edges fall on 256ths of a sample; differences, running
# amplitude and template have 16 bits behind the point; logarithms of RR intervals come bit by
# bit, by squaring. The answer to a beat is there when the next one is.

# %%
live = []
if harness.has("gcc"):
    live = plan.run("c99")
else:
    print("no C compiler here (gcc): the tables show the reference runs alone")

# %% tags=["hide-input"]
show.provenance(reference)

# %% [markdown]
# **Exact** is the share of beats on which C and NumPy's integers give the same class, **same as
# QAT** the share on which C, from raw samples, gives the class of the fake-quantized network,
# which read what floating point computed. Scores are those of the C code.

# %% tags=["hide-input"]
runs = {"reference": reference} | ({"this run": live} if live else {})
both = {name: c99_tables.agreement_table(found) for name, found in runs.items()}
show.table(both, "Table 7.6: the C code on all beats of the test side (MIT-BIH's DS2).")

# %% [markdown]
# ## What it takes
#
# Memory is that of a Cortex-M4 (`-Os`): flash holds code, constants and the compiler's 64-bit
# division; RAM the state of one patient, half a second of samples, and the deepest stack.
# Instructions are counted on this kind of processor (x86-64, `-O2`), microseconds measured on one
# core of it, the call from Python included. Where a tool is missing, its cell is empty.

# %% tags=["hide-input"]
costs = {name: c99_tables.cost_table(found) for name, found in runs.items()}
show.table(
    pd.concat(costs, axis=1),
    "Table 7.7: memory and time of the C code, mean over seeds.",
    {"*": formats.COUNT},
)

# %% [markdown]
# ## A recording as a stream
#
# The last step to a device: nothing but samples go in. A detector in the same C code (steep
# slopes, after {cite:t}`pan1985`; its four settings were tried on DS1) finds the R-peaks, and the
# network answers one beat late. The second row is chapter {doc}`08_micro_network`'s: wfdb's detector,
# which sees the whole recording at once, and the network in PyTorch.

# %% tags=["hide-input"]
library = [
    r
    for r in results.load_study(RESULTS, "robustness")
    if (r.config["perturbation"], r.config["scope"]) == ("detected", "all_int8")
]
both = {"reference": c99_tables.stream_table(reference, library)}
if live:
    both["this run"] = c99_tables.stream_table(live, [])
show.table(both, "Table 7.8: DS2 from samples alone, sample by sample.")

# %% mystnb={"figure": {"caption": "Ten seconds of a recording as the C code sees them: samples in, detected beats and their classes out; the bar above a beat ends when its class is known.", "name": "fig-stream"}} tags=["hide-input"]
records = plan.common("records")
shown = next(r for r in (200, 119, *records) if r in records)
lead = read_record(source.path, shown)
samples = raw_samples(lead)
if harness.has("gcc"):
    with tempfile.TemporaryDirectory() as folder:
        network = shipped.load()
        c_source, _ = write_c(lower(network.model), Path(folder), "micronet", network.features)
        streamed = stream(harness.library(c_source), samples, round(lead.fs), round(lead.gain))
    unusual = streamed.sample[streamed.label > 0]
    start_s = unusual[unusual > 60 * lead.fs][0] / lead.fs - 4
    figure = figures.strip(samples, lead.fs, lead.gain, streamed, start_s)
else:
    figure = "no C compiler here"
figure

# %% [markdown]
# ## Your device in this table
#
# ```bash
# python -m ecglib export bundle --out bundle        # 42 MB, everything from invented beats
# # with the folder on the device, there:
# python3 nano_bench.py                              # writes device.json
# # back here:
# python -m ecglib import-device device.json
# ```
#
# The bundle holds ECGNet of the paper's size (random weights: its answers mean nothing, its time
# does) and the micro network, as ONNX in fp32, fp16 and INT8, with beats, expected outputs and
# the C code. The script runs on Python 3.6 with what a Jetson has (TensorRT, else PyTorch, else
# ONNX Runtime), refuses outputs that differ, and reads the board's power sensors. ONNX Runtime
# and PyTorch compute on processor or GPU as they find it; the table says which runtime it was.

# %% tags=["hide-input"]
show.table(
    devices.device_table(devices.load_devices()),
    "Table 7.9: measured with the bundle, batches of 1 and 64; Jetsons as soon as somebody does.",
)

# %% [markdown]
# The Xeon's GPU, where the runtime says *cuda*, is the H200 of chapter {doc}`03_personalization`.
# There a second script of the bundle, `nano_online.py`, has timed **learning**: paper 1's
# adaptation of one patient's head by the puzzle, one step of its fine-tuning, and the same for
# ours. The last row multiplies: 22 patients, 10 epochs of 395 steps each.

# %% tags=["hide-input"]
show.table(
    devices.learning_table(devices.load_devices()),
    "Table 7.10: seconds of learning in PyTorch, fp32; the last row is estimated from the first two.",
    {"*": formats.three_digits},
)

# %% [markdown]
# With 10 epochs a stage, an H200 driven step by step comes to 2,214 s by this estimate, of the
# order of the 2,920 s that the paper's Table 1 prints: a reading that fits, not a proof. Our
# update from five labels, in floating point and on invented beats, takes about a tenth of a
# second or less on either machine, and that is the time of 80 calls, not of any arithmetic.

# %% [markdown]
# ## What we found
#
# - **INT8 needs no support to classify.** (Learning is not in the C code.) The whole way from
#   samples and R-peaks to classes in integers gives the class of the fake-quantized network on
#   99.99 % of DS2's beats, and C equals its NumPy reference on every one (Table 7.6).
# - **It would fit a small processor.** Linked for a Cortex-M4, code, constants, state and stack
#   take 7.0 KB of flash and 3.1 KB of RAM, with the detector 8.1 KB and 6.0 KB (Table 7.7). It
#   was not run there.
# - **Classifying takes little time on a PC.** 25 µs a beat on one core, where a beat comes
#   every 800,000; half an hour of samples passes detector and network in a quarter of a second,
#   some seven thousand times as fast as it came (Table 7.8).
# - **Our detector costs about as much as wfdb's.** On DS2 macro-F1 falls from 0.749 with
#   annotated R-peaks to 0.729 with ours, to 0.727 with wfdb's (three seeds, no label).
# - **What separates 60,048 s from a usable device is mostly the work,** by our estimate: more
#   than five orders of magnitude lie between paper 1's pipeline and ours
#   ({numref}`fig-stages`), which is other work. Formats of numbers are worth a factor of two or
#   four.
#
# ## Outlook: an FPGA
#
# {cite:t}`silva_deployment` name an FPGA as the next step. The C code says what that would hold: 55,216
# multiplications of bytes with 32-bit sums for a beat, 739 requantizing multiplications of 32
# bits, 3,984 bytes of constants, and no division but in the input, a few dozen times a beat. One
# multiplier at 1 MHz would finish in 55 ms: an estimate, but one with a margin of ten.
#
# ## Limits
#
# - No Jetson and no microcontroller was at hand: bytes are those of the linker, instructions and
#   microseconds those of a PC; Table 7.1 is the paper's, for other work, and Tables 7.2, 7.3 and
#   7.5 are estimates. An H200 was measured with the bundle, a Jetson waits in Table 7.9.
# - Learning from labels is not in the C code: it needs the stored training beats of chapter
#   {doc}`08_micro_network`, half a megabyte, and floating-point gradients of 1,328 weights.
# - Scores are those of three networks on DS2, without any label of the patient.
#
# ## Extend it
#
# Write the shipped network as C and look at it:

# %%
network = shipped.load()
with tempfile.TemporaryDirectory() as folder:
    c_source, header = write_c(lower(network.model), Path(folder), "micronet", network.features)
    print(header.read_text()[:900])
