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
# # How long would the papers' networks take on a Jetson?

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
import torch

from ecglib import Plan, results
from ecglib.book import comparison, formats, show
from ecglib.book.say import answer, say
from ecglib.deploy import roofline as bounds
from ecglib.deploy.bundle import measured as devices
from ecglib.plots import roofline as figures
from ecglib.plots import style
from ecglib.studies.roofline import fresh_network
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, papers, roofline

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
H200 = RESULTS / "h200"
timed = results.load_study(RESULTS, "roofline")
pipelines = results.load_study(H200, "personalization")
baselines = results.load_study(RESULTS, "baseline")
by_split = {
    split: [r for r in baselines if r.config["split"] == split]
    for split in ("ds2_ds1", "ds1_ds2")
}
works = {}
for title, name in (("ECGNet", "ecgnet"), ("ResNet1D", "resnet1d"), ("MicroNet", "micronet")):
    model, shapes = fresh_network(name)
    works[title] = bounds.layer_work(model, *(torch.zeros(1, *shape) for shape in shapes))
by_device = devices.load_devices()


def beats():
    """Beats that each stage sees."""
    return roofline.beats_of_sides(by_split["ds2_ds1"], by_split["ds1_ds2"])


def paper():
    """Multiplications of paper 1's pipeline."""
    return bounds.paper_stages(works["ECGNet"], epochs=roofline.EPOCHS, **beats())


def five_labels():
    """Multiplications of learning from five labels with the micro network."""
    sides = {k: v for k, v in beats().items() if k != "n_train"}
    return bounds.our_stages(works["MicroNet"], steps=80, replayed=64, labels=5, **sides)


def pipeline():
    """The numbers of the key figure."""
    ours = arms.pick(pipelines, strategy="head_only", finetune="all", split="ds1_ds2")
    return roofline.pipeline_table(paper(), ours, by_device)


def seconds(machine, how):
    """One of them."""
    return pipeline().loc[machine, how]


# %% tags=["remove-input"]
answer(
    """
**Hours for paper 1's pipeline, as the paper prints; we had no Jetson to measure on.** The pipeline
trains a network for each patient and classifies the beats. The paper prints {printed:count} s on a
Jetson Nano, a small computer. By our estimate from its data sheet, arithmetic alone takes at least
{least:count} s, if every stage has ten epochs (our assumption). What fills the rest is not known.
Our own times are estimates, or were measured on a PC and on an H200, a large graphics card.
""",
    printed=lambda: seconds("Jetson Nano", "printed"),
    least=lambda: seconds("Jetson Nano", "at least"),
)

# %% mystnb={"figure": {"caption": "Seconds of paper 1's pipeline: printed, measured or estimated; open markers are estimates. The printed times lie far above the bounds that follow from the data sheets; both are in 16 bits. Our measured run has fewer epochs, and our estimate from single steps is in fp32, so neither repeats the paper.", "name": "fig-pipeline-seconds"}, "image": {"alt": "Seconds on a logarithmic axis for Jetson Nano, Orin Nano and H200: printed, measured, estimated, and least possible"}} tags=["remove-input"]
show.figure(lambda: figures.pipeline_seconds(pipeline()))

# %% [markdown]
# ## What the papers claim
#
# Paper 1 {cite:p}`silva_deployment` calls online personalization the "main bottleneck for embedded
# deployment". It prints run times on an H200 and on a Jetson Nano. It does not print how many
# epochs they cover, which stages, or whether they are of one seed or of three. INT8 was tried on
# the H200 alone: on the Nano the conversion "was not supported". Paper 2
# {cite:p}`shinde2025` prints no time on a device.

# %% tags=["remove-input"]
comparison.table("formats", RESULTS, name="tab-jetson")

# %% tags=["remove-input"]
say(
    """
In print, the Nano takes {slower:digits} times as long as the H200. The other printed rows of the Nano are on
page {doc}`papers`. Our runs on an H200 train all patients together, and fine-tune only the head, for two epochs.
So our seconds in {numref}`tab-jetson` say nothing about the paper's.
""",
    slower=lambda: seconds("Jetson Nano", "printed") / seconds("H200", "printed"),
)

# %% [markdown]
# ## How it works
#
# A layer takes at least the time of its arithmetic at the machine's peak, the most operations a
# second. It also takes at least the time in which its weights and activations move through memory
# once. The larger of the two times is the {term}`roofline` bound {cite:p}`williams2009`. For $n$
# beats in a batch and the layers $l$ of a network it is
#
# $$t \ge \sum_{l} \max\Bigl(\frac{2\,n\,\text{MAC}_l}{\text{peak}},\;
# \frac{\text{bytes}_l(n)}{\text{bandwidth}}\Bigr),$$
#
# where $\text{MAC}_l$ counts the multiplications of layer $l$ for one beat, each with one addition
# ({term}`MAC`), and $\text{bytes}_l(n)$ are the bytes of its weights and of its activations for $n$ beats.
# The bandwidth says how many bytes move in a second. Peaks and bandwidths are those that the maker prints.

# %% tags=["remove-input"]
show.table(
    roofline.machine_table,
    "Peaks and bandwidths from NVIDIA's data sheets, without sparsity; Top/s: a million million "
    "operations a second. The Nano's arithmetic units have no INT8, so INT8 cannot speed up its "
    "arithmetic.",
    {"*": formats.three_digits},
    name="tab-machines",
)

# %% [markdown]
# Sources: {cite:t}`nvidia_nano`, {cite:t}`nvidia_orin_nano`, {cite:t}`nvidia_h200`,
# {cite:t}`nvidia_tensorrt`. The Nano has no INT8, which fits the paper's "not supported".


# %% tags=["remove-cell"]
def roofs():
    """Roofs of the machines, with the networks and the printed times below them."""
    at = {
        "ECGNet, 1 beat": bounds.intensity(works["ECGNet"], "fp16", 1),
        "ECGNet, 128 beats": bounds.intensity(works["ECGNet"], "fp16", 128),
    }
    reached = {
        f"paper 1, {machine}": (at["ECGNet, 128 beats"], 2 * paper().sum() / time)
        for machine, time in pipeline()["printed"].dropna().items()
    }
    return figures.roofs(list(bounds.MACHINES.values()), "fp16", at, reached)


# %% mystnb={"figure": {"caption": "The most operations a second that a machine can reach in 16 bits, against the operations that it does for each byte it moves. Left of the bend memory sets the limit, right of it arithmetic. The dots are estimates: the operations of paper 1's pipeline over its printed times, with ten epochs a stage, one seed and batches of 128. Both lie below the line of their machine.", "name": "fig-roofs"}, "image": {"alt": "Three rising lines that bend into horizontal roofs; two dots lie below the roofs of Jetson Nano and H200"}} tags=["remove-input"]
show.figure(roofs)

# %% tags=["remove-input"]
show.code(bounds.bound, bounds.paper_stages)

# %% [markdown]
# ## What we saw
#
# **Fine-tuning for each patient is nearly all of the work.** Paper 1 fine-tunes the whole network
# on all of DS1, once for each test patient.

# %% mystnb={"figure": {"caption": "Multiplications of paper 1's pipeline with ten epochs a stage, and of learning from five labels with the micro network. Both are counted from the layers, not measured. The two do different work, and their sums lie orders of magnitude apart.", "name": "fig-stages"}, "image": {"alt": "Bars on a logarithmic axis: four stages of paper 1, the fine-tuning longest, and three much shorter ones of ours"}} tags=["remove-input"]
show.figure(lambda: figures.stages(paper(), five_labels()))


# %% tags=["remove-cell"]
def orders():
    """Orders of magnitude between the two."""
    return f"more than {int(np.log10(paper().sum() / five_labels().sum()))}"


def finetuning():
    """Share of the work."""
    return paper()["fine-tuning on DS1, for each patient"] / paper().sum()


def faster(name):
    """Least time in fp32 over that in fp16, one beat, on the Nano."""
    table = roofline.bound_table(works)["Jetson Nano"]
    return table[name, "fp32"] / table[name, "fp16"]


# %% tags=["remove-input"]
say(
    """
By our estimate this fine-tuning is {share:percent} of the multiplications. The network of chapter
{doc}`08_micro_network` learns from five labels, and the number of its multiplications is smaller by {orders}
orders of magnitude. That is different work: a far smaller network, of which only the last layers learn. The
number format matters far less: on the Nano, 16 bits lower the bound of one beat by a factor of
{format:digits} against fp32.

**By our estimate the printed time is {nano:digits} times its bound on the Nano, and {h200:digits}
times on the H200.** Both ratios rest on our assumption of ten epochs and one seed. So arithmetic
may explain a part of the Nano's hours, and hardly anything on the H200. We do not know what fills
the rest. It may be the start of many short steps, the loading of data, or stages that the paper
does not list.
""",
    share=finetuning,
    orders=orders,
    format=lambda: faster("ECGNet"),
    nano=lambda: seconds("Jetson Nano", "printed") / seconds("Jetson Nano", "at least"),
    h200=lambda: seconds("H200", "printed") / seconds("H200", "at least"),
)

# %% tags=["remove-input"]
show.table(
    lambda: devices.learning_table(by_device),
    "Seconds of learning in PyTorch (fp32, invented beats), measured on one PC (cpu) and on the H200 "
    "(cuda). Ours: the micro network, its features and its learning from five labels. The last "
    "column is estimated from the first two: ten epochs for each of 22 patients.",
    {"*": formats.three_digits},
    name="tab-learning",
)

# %% tags=["remove-input"]
say(
    """
**On an H200, the sum of single steps is of the order of the printed time.** We measured the puzzle of one
patient and one step of fine-tuning there, in fp32 ({numref}`tab-learning`). Scaled to ten epochs
and all patients they add up to {estimated:count} s, an estimate. The paper prints {printed:count} s. This proves nothing
about the paper's epochs.

**The same GPU can be used better.** When all patients are trained together, our whole pipeline took
{ours:digits} s on an H200, measured, mean of two seeds. It has four epochs of fine-tuning, and
faster arithmetic ({term}`TF32`). The runs in {numref}`tab-jetson` took longer, with fewer epochs and
fewer threads of the processor; we do not know the reason. We have not tried this on a Jetson.

**Classifying a beat is far less work than learning.** {numref}`fig-least` shows bounds for one
input. On the Nano the bound of one beat in fp32 is {one:digits} ms, an estimate. A heart gives a
beat about every second, so even a time far above the bound would be short enough. We have not
measured it.
""",
    estimated=lambda: seconds("H200", "estimated"),
    printed=lambda: seconds("H200", "printed"),
    ours=lambda: seconds("H200", "measured"),
    one=lambda: roofline.bound_table(works).loc[("ECGNet", "fp32"), "Jetson Nano"],
)

# %% mystnb={"figure": {"caption": "Least milliseconds of one beat (ECGNet) or one recording (ResNet1D of paper 2), estimated from the data sheets. All bounds are of the order of milliseconds or below. Where a machine lacks a format, there is no marker.", "name": "fig-least"}, "image": {"alt": "Markers for three number formats in six rows of network and machine; the Jetson Nano has none for INT8"}} tags=["remove-input"]
show.figure(
    lambda: figures.least_ms(
        roofline.bound_table({n: works[n] for n in ("ECGNet", "ResNet1D")})
    )
)

# %% [markdown]
# **How good is such a bound?** On one processor we measured the peak, computed the bound, and timed
# the networks ({numref}`fig-checked`).

# %% mystnb={"figure": {"caption": "Bound and measured time of one call of a network in PyTorch, with one input or 64 (batch), on one core. For the two large networks with 64 inputs the bound is near the measured time. For the micro network it says little, since starting some twenty operators takes longer than their arithmetic.", "name": "fig-checked"}, "image": {"alt": "Pairs of bound and measured milliseconds for three networks, one or 64 inputs a call"}} tags=["remove-input"]
show.figure(lambda: figures.bound_and_measured(roofline.validation_table(timed)))


# %% tags=["remove-cell"]
def reached(batch):
    """Bound over measured time of the two large networks, the lower one."""
    ratio = roofline.validation_table(timed)["ratio"]
    return min(ratio[name, batch] for name in ("ecgnet", "resnet1d"))


# %% tags=["remove-input"]
say(
    """
On this processor, the bound is at least {many:percent} of the measured time of the two large networks with 64
inputs, and at least {one:percent} with one input. We do not know whether a Jetson behaves alike.

**You can time the networks on your own device.** A folder with networks and scripts, the bundle,
does this (*Run it yourself*). {numref}`tab-devices` holds what was measured so far. The rows of the
two Jetsons are empty.
""",
    many=lambda: reached(64),
    one=lambda: reached(1),
)

# %% tags=["remove-input"]
show.table(
    lambda: devices.one_beat_table(by_device),
    "Median milliseconds of one beat, measured with the bundle: a PC with ONNX Runtime, and the "
    "H200 (cuda) with PyTorch, which does not take the INT8 file. No Jetson was measured.",
    {"*": formats.three_digits},
    name="tab-devices",
)

# %% [markdown]
# ## What could be wrong
#
# - **No Jetson.** Every number of ours about one is an estimate of the least time. Real times are
#   longer.
# - **Our reading of the paper.** Ten epochs a stage and one seed are assumptions. With three seeds
#   in a printed time, or fewer epochs, the distance to the bound changes in proportion.
# - **Peaks on paper.** No program reaches the maker's peak. Heat and power limits lower it too.
# - **The bound for the pipeline counts arithmetic alone.** Memory would raise it.
# - **The estimate for the H200** is from one machine, in fp32, with invented beats. It counts
#   adaptation and fine-tuning only.
# - **Learning times are of short calls.** The update from five labels takes longer on the H200 than on
#   the PC, since starting its many small steps takes the time.
#
# ## Exercises
#
# **1. How many epochs would fill the printed time?** Let the Nano work at its peak, and raise the
# epochs until the bound reaches the printed seconds.

# %% tags=["solution"]
printed = next(row.runtime_s for row in papers.PAPER1_TABLE_1 if "Nano" in row.arm)
sides = {"n_train": 50_000, "n_online": 8_000, "n_test": 49_000}  # of the order of MIT-BIH
for epochs in (1, 10, 50, 100):
    stages = bounds.paper_stages(works["ECGNet"], epochs=epochs, **sides)
    least = roofline.stage_table(stages).loc["together", "Jetson Nano"]
    print(f"{epochs:>3} epochs: at least {least:,.0f} s, {least / printed:.0%} of the printed")

# %% [markdown]
# **2. Which layers wait for memory?** Compare the two terms of the bound for each layer of ECGNet
# on the Nano, with one beat and with 64.

# %% tags=["solution"]
nano, work = bounds.MACHINES["nano"], works["ECGNet"]
for batch in (1, 64):
    arithmetic = 2 * batch * work["macs"] / nano.peak["fp16"]
    total = bounds.bound(work, nano, "fp16", batch)
    print(batch, "inputs, memory decides in:", list(work.index[total > arithmetic]))

# %% [markdown]
# With one beat, the layers with most weights wait for memory, since each weight that is moved is
# used only a few times. With more beats it is used more often.
#
# **3. What would frozen features save?** Fine-tune the head alone, and compute what comes before it
# once for all patients. Count the multiplications again.

# %% tags=["solution"]
every, top = work["macs"].sum(), work.loc[["fc1", "fc2", "out"], "macs"].sum()
n_beats, epochs, patients = 50_000, roofline.EPOCHS, bounds.PATIENTS
whole = bounds.TRAINING * every * n_beats * epochs * patients
frozen = every * n_beats + bounds.TRAINING * top * n_beats * epochs * patients
print(f"fine-tuning: {whole:.2g} multiplications, with frozen features {frozen:.2g}")
print(f"fewer by a factor of {whole / frozen:.0f}")

# %% [markdown]
# ## Run it yourself
#
# To time the networks on a device of your own:
#
# ```bash
# python -m ecglib export bundle --out bundle        # everything from invented beats
# # with the folder on the device, there:
# python3 nano_bench.py                              # forward passes: writes device.json
# python3 nano_online.py                             # learning, needs PyTorch: online.json
# # back here, for each file:
# python -m ecglib import-device device.json
# ```
#
# The scripts need Python 3.6 and what a Jetson has: TensorRT, else PyTorch, else ONNX Runtime.
# They refuse outputs that differ from the expected ones, and read the board's power sensors. ECGNet
# in the bundle has random weights, so only its times mean something.

# %% tags=["run-it"]
live = plan.run("roofline")
show.this_run(
    plan,
    7,
    lambda: roofline.validation_table(live),
    "Bound and measured milliseconds on this machine, one core, fp32.",
    "roofline",
)

# %% tags=["all-results", "remove-input"]
show.provenance(timed)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: roofline.validation_table(timed),
    "Bound (estimated) and median time (measured) in PyTorch, fp32, one core. Gop/s is this core's "
    "peak, measured in the same run; ratio is estimated over measured.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    pipeline,
    "Seconds of paper 1's pipeline for one seed, by how they are known. Measured: ours on an H200, "
    "all weights fine-tuned for four epochs. Estimated: ten epochs of single steps in fp32.",
    {"*": formats.three_digits},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {"paper 1": roofline.stage_table(paper())},
    "Least seconds of paper 1's pipeline in 16 bits, by stage, ten epochs each, one seed. Estimated.",
    formats.BY_MACHINE,
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {"five labels": roofline.stage_table(five_labels())},
    "Least seconds of learning from five labels for 22 patients with the micro network. Estimated.",
    formats.BY_MACHINE,
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: roofline.bound_table(works),
    "Least milliseconds of one beat or recording, estimated; empty where the units lack a format.",
    {"*": "{:.2g}"},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: devices.device_table(by_device),
    "Everything measured with the bundle: one beat at a time, and 64 at once.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: pd.DataFrame({"source": {m.name: m.source for m in bounds.MACHINES.values()}}),
    "Where peaks and bandwidths are from.",
    text=True,
)

# %% [markdown] tags=["all-results"]
# Formats that the units have (compute capability in brackets): Jetson Nano (Maxwell, 5.3) fp32 and
# fp16, twice as fast; Jetson Orin Nano (Ampere, 8.7) and H200 (Hopper, 9.0) fp32, fp16, bf16 and
# INT8 {cite:p}`nvidia_tensorrt`.
