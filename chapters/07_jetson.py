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
# {cite:t}`silva_deployment` call online personalization the main bottleneck of embedded use: on
# a Jetson Nano their pipeline needs 60,289 seconds with `head_only` and 72,776 with `adabn`,
# against 2,827 and 3,254 on an H200 (Table 3). The paper does not say how many epochs that
# covers, nor whether it is the time of one seed or of three. INT8 was measured on the H200
# only: on the Nano its conversion "was not supported". The Nano's GPU has no 8-bit arithmetic
# at all.
#
# This chapter takes the other way round. The network of chapter {doc}`08_micro_network` needs no
# runtime that could lack support: written out as plain C, in integers, it goes from raw samples
# and R-peak times to classes on any processor that has a C compiler.

# %% tags=["parameters"]
profile = "quick"  # type: str  name of the params file
data_root = None  # type: str  folder or packed file with MIT-BIH, None: search for it
device = "auto"  # type: str  auto, cpu or cuda
seeds = [7]  # type: list  seeds of every arm
records = [101, 118, 124, 207, 223, 100, 202, 213, 232]  # type: list  record numbers
c99 = [{"epochs": 2, "leads": "MLII"}]  # type: list  arms: bits, split

# %% tags=["remove-cell"]
from ecglib import devices, embedded, plans, published, results, show, tables
from ecglib.paths import RESULTS
from ecglib.plots import style
from ecglib.studies import run_study

style.use()

# %% [markdown]
# ## Data
#
# MIT-BIH as in chapter {doc}`01_data`. The C code gets what an analogue-to-digital converter
# gives: 16-bit numbers at 360 Hz, and the R-peaks of the annotations.

# %% tags=["hide-input"]
parameters = {"data_root": data_root, "seeds": seeds, "records": records, "c99": c99}
source = plans.find_source(parameters, profile)
show.banner(source, profile)

# %% [markdown]
# ## What the paper measured
#
# Times and scores as printed. The same work on two machines, says the paper, so its own column
# may be divided: the Nano takes about twenty times as long.

# %% tags=["hide-input"]
show.table(embedded.printed_table(published), "Table 7.1: paper 1, Tables 1 and 3, as printed.")

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
live = run_study(plans.plan("c99", parameters), source, profile=profile, device=device)
reference = results.load_study(RESULTS, "c99")

# %% tags=["hide-input"]
show.provenance(reference)

# %% [markdown]
# **Exact** is the share of beats on which C and NumPy's integers give the same class, **same as
# QAT** the share on which C, from raw samples, gives the class of the fake-quantized network,
# which read what floating point computed. Scores are those of the C code.

# %% tags=["hide-input"]
both = tables.stack(
    {
        "reference": embedded.agreement_table(reference),
        "this run": embedded.agreement_table(live),
    }
)
show.table(both, "Table 7.2: the C code on all beats of the test side (MIT-BIH's DS2).")

# %% [markdown]
# ## What it takes
#
# Memory is that of a Cortex-M4 (`-Os`): flash holds code, constants and the compiler's 64-bit
# division; RAM the state of one patient, half a second of samples, and the deepest stack.
# Instructions are counted on this kind of processor (x86-64, `-O2`), microseconds measured on one
# core of it, the call from Python included. Where a tool is missing, its cell is empty.

# %% tags=["hide-input"]
both = tables.stack(
    {"reference": embedded.cost_table(reference), "this run": embedded.cost_table(live)}
)
show.table(both, "Table 7.3: memory and time of the C code, mean over seeds.")

# %% [markdown]
# ## Your device in this table
#
# ```bash
# python -m ecglib export bundle --out bundle        # 42 MB, everything from invented beats
# # copy the folder to the device; there:
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
    "Table 7.4: measured with the bundle, batches of 1 and 64; Jetsons as soon as somebody does.",
)

# %% [markdown]
# ## What we found
#
# - **INT8 needs no support.** The whole way from samples to classes in integers gives the class
#   of the fake-quantized network on 99.9 % of DS2's beats or more, and C equals its NumPy
#   reference on every one (Table 7.2).
# - **It fits the smallest processors.** With code, constants, state and stack it stays under
#   8 KB of flash and 4 KB of RAM (Table 7.3), thousands of times less than a Jetson has.
# - **Time is no question any more.** Tens of microseconds a beat on one core of a PC, where a beat
#   comes every 800,000.
#
# ## Limits
#
# - No Jetson and no microcontroller was at hand: bytes are those of the linker, instructions and
#   microseconds those of a PC. Table 7.1 is the paper's, for other work.
# - R-peaks are those of the annotations; chapter {doc}`08_micro_network` says what a detector costs.
#
# ## Extend it
#
# Write the shipped network as C and look at it:

# %%
import tempfile
from pathlib import Path

from ecglib import shipped
from ecglib.deploy.c99 import write_c
from ecglib.deploy.lower import lower

network = shipped.load()
with tempfile.TemporaryDirectory() as folder:
    c_source, header = write_c(lower(network.model), Path(folder), "micronet", network.features)
    print(header.read_text()[:900])
