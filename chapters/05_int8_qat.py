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
# # Which layers can run in 8-bit integers?

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

from ecglib import (
    ECGNet,
    ECGNetConfig,
    Plan,
    calibrate,
    macro_f1,
    predict,
    quantize,
    quantize_array,
    results,
    stats,
)
from ecglib.book import comparison, show
from ecglib.book.say import NO_RUN, answer, say
from ecglib.metrics import accuracy
from ecglib.models.cost import layer_macs
from ecglib.plots import int8 as figures
from ecglib.plots import style
from ecglib.plots.confusion import confusions
from ecglib.quant.modules import ActivationQuantizer, QuantLayer
from ecglib.quant.oracle import sqnr_db
from ecglib.quant.scopes import SCOPES
from ecglib.studies.baseline import supervised
from ecglib.system.paths import RESULTS
from ecglib.tables import arms, int8, latency, names, papers, scores
from ecglib.tables.runs import USUAL, selection_table

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
runs = results.load_study(RESULTS, "int8")
timed = results.load_study(RESULTS, "latency")
on_h200 = arms.by(results.load_study(RESULTS / "h200", "baseline"), "features", split="ds1_ds2")

everything = int8.by_scope(runs)
narrow = everything.get("DS1 only, 16…128", {})
large = everything.get("DS1 only, 64…512", {})
personal = everything.get("SSL + personalization, 16…128", {})
personal_large = everything.get("SSL + personalization, 64…512", {})


def seeds_of(named):
    """In words, how many seeds every row of a pipeline has."""
    found = [len(arm.results) for arm in named.values()]
    return {0: "no seed", 1: "one seed", 2: "two seeds", 3: "three seeds"}[
        min(found, default=0)
    ]


SETTINGS = {
    f"{title}, {seeds_of(named)}": named
    for title, named in (
        ("DS1 only, paper's size", large),
        ("SSL + personalization, paper's size", personal_large),
        ("DS1 only, narrow", narrow),
        ("SSL + personalization, narrow", personal),
    )
    if named
}
AT_SIZE = {title: named for title, named in SETTINGS.items() if "paper's size" in title}
NETWORKS = {"64…512": "paper's size", "16…128": "narrow"}
ALL, AS_LONG = ("all_int8", "ptq"), ("none", "qat")


def file_of(network, form, column):
    """A number of `tab-files`."""
    return latency.file_table(timed, NETWORKS).loc[(network, form), column]


def listed(values):
    """In words, what the timed files have."""
    return " and ".join(sorted({str(value) for value in values})) or NO_RUN


def contains_zero(interval):
    """In words, whether an interval contains zero."""
    return "contains zero" if not interval.excludes_zero else "does not contain zero"


# %% tags=["remove-input"]
answer(
    """
**All layers can, in our networks.** We measured the range of every layer (calibration) and put it into
8-bit integers, without further training. At the paper's size, trained on DS1 only, macro-F1 changes by
{change:change} against fp32 ({seeds}, 22 patients). For narrow networks trained on DS1 only (three seeds), the
95 % interval of the change {narrow}. We timed the file of one seed at the paper's size, one beat at a time on
one machine: it is {smaller:digits} times smaller than in fp32 and {faster:digits} times as fast.
{numref}`tab-files` has this file's own scores.
""",
    change=lambda: int8.costs(large)[ALL],
    seeds=lambda: seeds_of(large),
    smaller=lambda: (
        file_of("paper's size", "fp32", "file, MB")
        / file_of("paper's size", "INT8", "file, MB")
    ),
    faster=lambda: file_of("paper's size", "INT8", "speed"),
    narrow=lambda: contains_zero(int8.costs(narrow)[ALL]),
)

# %% mystnb={"figure": {"caption": "What rounding changes in macro-F1 on all beats of DS2, with 95 % intervals over patients. Networks trained further in integers (QAT) are compared with fp32 trained as long. Where an interval holds zero, rounding costs no macro-F1 that we can measure.", "name": "fig-rounding"}, "image": {"alt": "Intervals of the difference between INT8 and fp32 by pipeline and scope; most of them hold zero"}} tags=["remove-input"]
show.figure(lambda: figures.costs({title: int8.costs(n) for title, n in SETTINGS.items()}))

# %% [markdown]
# ## What the paper claims
#
# A network of 8-bit integers ({term}`INT8`) is small, and many chips compute integers fast. Paper 1
# {cite:p}`silva_deployment` rounds parts of its network while it trains, as {cite:t}`jacob2018`
# introduced it. This is called {term}`QAT`. Its two {term}`scopes <scope>` are the head alone, and
# the head with the first two blocks. It concludes that the pipeline "remains technically
# compatible with low-precision deployment".
#
# It rounds two pipelines: a network trained on DS1 only, and {term}`SSL` with personalization,
# the pipeline of chapter {doc}`03_personalization`.
#
# Its table has no row without rounding, and reports no file and no time. We add the fp32 {term}`control` of
# the same seed, a scope with all layers, the file, and its time. We also try calibration alone, which
# trains nothing ({term}`PTQ`).

# %% tags=["remove-input"]
comparison.table("integers", RESULTS, name="tab-scopes")

# %% tags=["remove-cell"]
PRINTED = {
    "SSL + personalization": dict(zip(SCOPES[1:3], papers.PAPER1_TABLE_2[:2], strict=True)),
    "DS1 only": dict(zip(SCOPES[1:3], papers.PAPER1_TABLE_2[2:], strict=True)),
}
PAPER = {(p, s): row.macro_f1 for p, rows in PRINTED.items() for s, row in rows.items()}


def spread(named):
    """Largest distance in macro-F1 between scopes after QAT."""
    found = [arm.mean(macro_f1) for (s, m), arm in named.items() if s != "none" and m == "qat"]
    if not found:
        raise LookupError("no scope has runs")
    return max(found) - min(found)


def side(named, pipeline):
    """Whether ours lies above or below the paper's best row of a pipeline, head and shallow."""
    ours = named[SCOPES[2], "qat"].mean(macro_f1)
    return "above" if ours > max(PAPER[pipeline, scope] for scope in SCOPES[1:3]) else "below"


# %% tags=["remove-input"]
say(
    """
All of this is at the paper's size. Trained on DS1 only, our macro-F1 after QAT lies {below} the paper's best
row, {best:f1}. Ours with the same scope has {one:f1} ({seeds}). Networks of three seeds on an H200, with
nothing rounded, have {h200:f1}. With personalization ours lie {personal} the paper ({seeds_ssl}). After QAT,
the macro-F1 of the two scopes of the paper differ by {theirs:f1} at most, those of ours by {ours:f1}.
""",
    best=papers.PAPER1_BEST.macro_f1,
    below=lambda: side(large, "DS1 only"),
    one=lambda: large[SCOPES[2], "qat"].mean(macro_f1),
    seeds=lambda: seeds_of(large),
    h200=lambda: on_h200["beat"].mean(macro_f1),
    personal=lambda: side(personal_large, "SSL + personalization"),
    seeds_ssl=lambda: seeds_of(personal_large),
    theirs=max(abs(PAPER[p, SCOPES[1]] - PAPER[p, SCOPES[2]]) for p in PRINTED),
    ours=lambda: max(spread(large), spread(personal_large)),
)

# %% tags=["remove-cell"]
OF_TRIALS = {"pipeline": "baseline", "features": "beat"}
trials = [
    r
    for r in results.load_study(RESULTS, "selection")
    if OF_TRIALS.items() <= r.config.items() and r.config["split"] != "ds1_val"
]
in_folds = [r for r in trials if r.config["split"] != "ds1_ds2"]
usual_way = [r for r in in_folds if (USUAL | {"norm": "none"}).items() <= r.config.items()]


def tried():
    """Macro-F1 of trials on folds of DS1, trained on DS1 only; the usual way left out."""
    return selection_table([r for r in in_folds if r not in usual_way])["macro-F1"]


def usual_on_ds2(**change):
    """Narrow networks on DS2 with at most one change: one arm."""
    kind = {"features": "beat", "norm": "none", "normalization": "zscore", "split": "ds1_ds2"}
    return arms.pick(results.load_study(RESULTS, "baseline"), **kind | change)


def gain_on_ds2(arm):
    """Macro-F1 of an arm minus that of the usual narrow networks, over patients."""
    return scores.gain(arm, usual_on_ds2(), after_5min=False)


def best_on_ds2():
    """Narrow networks with the best of the trials on DS2: one arm."""
    channels = narrow["none", "ptq"].settings["channels"]
    return arms.pick(trials, split="ds1_ds2", channels=channels)


# %% tags=["remove-input"]
say(
    """
**A longer window brings the mean macro-F1 of DS1 only to the paper's row, in a narrow network.** The paper
resamples each beat to 300 samples and does not print how long its window is; ours has 300, not resampled. On
four folds of DS1 we tried class weights, BatchNorm, normalization, learning rate, window and lead, one at a
time, each at its best epoch (narrow, one seed). Of {n:count} changes the best is *{best}*, resampled to 300:
macro-F1 there is {value:f1} instead of {usual:f1}. So long a window can show parts of the beats before and
after.
""",
    n=lambda: len(tried()),
    best=lambda: (
        tried()
        .idxmax()[0]
        .removeprefix("baseline, isolated beats, ")
        .removesuffix(", no class weights")
    ),
    value=lambda: tried().max(),
    usual=lambda: selection_table(usual_way)["macro-F1"].item(),
)

# %% tags=["remove-input"]
say(
    """
On DS2, where nothing was chosen, this window gives {wide:f1} in the narrow network without rounding (three
seeds); the paper's row has {printed:f1}. The seeds go from {lowest:f1} to {highest:f1}. Against our usual
narrow network this is a change of {gain:change}. A part of it may come from one more epoch: the folds chose
{epochs:count} epochs for this window and {usual_epochs:count} for the usual one. Two other changes, BatchNorm
({batch:change}) and *{other}* ({record:change}), help too little to be sure. At the paper's size none of
them ran.
""",
    wide=lambda: best_on_ds2().mean(macro_f1),
    lowest=lambda: min(best_on_ds2().values(macro_f1)),
    highest=lambda: max(best_on_ds2().values(macro_f1)),
    printed=papers.PAPER1_BEST.macro_f1,
    gain=lambda: gain_on_ds2(best_on_ds2()),
    epochs=lambda: best_on_ds2().settings["epochs"],
    usual_epochs=lambda: usual_on_ds2().settings["epochs"],
    batch=lambda: gain_on_ds2(usual_on_ds2(norm="batch")),
    other=names.setting("normalization", "record"),
    record=lambda: gain_on_ds2(usual_on_ds2(normalization="record")),
)

# %% [markdown]
# ## How it works
#
# A **weight** $w$ of output channel $c$ becomes an integer $q$. It counts steps of the size $s_c$ from zero;
# the maximum is over the weights of the channel:
#
# $$q = \operatorname{round}\!\left(\frac{w}{s_c}\right) \in [-127, 127],
# \qquad s_c = \frac{\max |w|}{127}.$$
#
# An **activation** $x$ is mostly the output of a ReLU and not negative. It gets an unsigned grid
# with the step $s$ and a {term}`zero point` $z$: $q = \operatorname{round}(x/s) + z \in [0, 255]$. The lowest
# and highest activations of a layer are measured on some training beats, and the grid covers this range.
# This is the {term}`calibration`.

# %% mystnb={"figure": {"caption": "What a quantizer does, drawn with three bits instead of eight. Every number goes to the nearest place of a grid, and the integer of that place is stored.", "name": "fig-quantizer"}, "image": {"alt": "Two number lines; arrows lead from real numbers to the nearest of seven signed or eight unsigned integers"}} tags=["remove-input"]
figures.quantizer()

# %% [markdown]
# The bias is a 32-bit integer $q^b$ in steps of $s \cdot s_c$. Let $q^x_i$ be the integers of a layer's inputs
# and $q^w_i$ those of the weights that multiply them. An output $y$ of the layer is then
#
# $$y = s\, s_c \Bigl(\sum_i (q^x_i - z)\, q^w_i + q^b\Bigr),$$
#
# with integers inside the bracket and one multiplication outside. {term}`BatchNorm` is first folded
# into the convolution before it. In QAT the network computes with these numbers while it learns.
# For its gradient, rounding is treated as if it changed nothing {cite:p}`bengio2013`.

# %% tags=["remove-input"]
show.code(quantize_array, ActivationQuantizer.observe, QuantLayer)

# %% mystnb={"figure": {"caption": "Layers that each scope puts into integers (filled), above each layer's share of bytes and of multiplications at the paper's size. The head holds most bytes and the convolutions do most of the work, so only all layers together save both.", "name": "fig-scopes"}, "image": {"alt": "Grid of three scopes and eight layers, above bars: fc1 holds most bytes, conv3 to conv5 most multiplications"}} tags=["remove-input"]
paper_size = ECGNet(ECGNetConfig()).eval()
figures.scopes(paper_size, layer_macs(paper_size, torch.zeros(1, 300)))

# %% [markdown]
# QAT trains longer than the fp32 network from which it starts. Longer training alone may help or
# harm. So the control of QAT is the **fp32 network trained as long**.
#
# ## What we saw
#
# **Calibration is enough in our networks.** {numref}`tab-rounding` compares each rounded network with its
# control.

# %% tags=["remove-input"]
show.table(
    lambda: {
        title: int8.cost_of_rounding(
            {k: arm for k, arm in named.items() if "learned" not in k[1]}
        )
        for title, named in AT_SIZE.items()
    },
    "Rounded networks at the paper's size minus their fp32 control, all beats of DS2, with 95 % "
    "intervals over patients; that of QAT was trained as long. Narrow networks are on the page of "
    "all results.",
    columns=["Δ macro-F1", "Δ accuracy, points"],
    name="tab-rounding",
)

# %% tags=["remove-input"]
say(
    """
**Training after rounding is not needed here.** QAT trains one epoch longer. At the paper's size, this epoch
alone changes the macro-F1 of fp32 by {longer:change} for DS1 only ({seeds_large}), and by {personal:change}
with personalization ({seeds}). Against fp32 trained as long, QAT with all layers changes macro-F1 by
{qat:change} (DS1 only, paper's size). In narrow networks trained on DS1 only (three seeds) QAT changes
accuracy by {lost:points}, a small loss. A study that compares QAT with fp32 trained for less time measures the longer
training as well.

**Two gains we cannot explain**, both with personalization and calibration. In the narrow network (three
seeds), integers in all layers change accuracy by {gain:points}. At the paper's size ({seeds}), integers in
the head and the shallow blocks change it by {wide:points}. Among so many comparisons this is a hint at most.
""",
    longer=lambda: scores.gain(large[AS_LONG], large["none", "ptq"], after_5min=False),
    personal=lambda: scores.gain(
        personal_large[AS_LONG], personal_large["none", "ptq"], after_5min=False
    ),
    qat=lambda: int8.costs(large)["all_int8", "qat"],
    lost=lambda: int8.costs(narrow, accuracy)["all_int8", "qat"],
    gain=lambda: int8.costs(personal, accuracy)[ALL],
    wide=lambda: int8.costs(personal_large, accuracy)[SCOPES[2], "ptq"],
    seeds=lambda: seeds_of(personal_large),
    seeds_large=lambda: seeds_of(large),
)

# %% mystnb={"figure": {"caption": "Macro-F1 on DS2 with 95 % intervals over patients against the bytes of the network, calibrated only, trained on DS1. Bytes fall to a quarter and the score stays. The intervals over patients are far wider than the differences between formats.", "name": "fig-int8-bytes"}, "image": {"alt": "Two lines of points from right to left, for two sizes of the network; they stay level while the bytes fall"}} tags=["remove-input"]
show.figure(
    lambda: figures.scores_against_bytes(
        {
            size: {scope: arm for (scope, method), arm in named.items() if method == "ptq"}
            for size, named in (("paper's size", large), ("narrow", narrow))
        }
    )
)

# %% tags=["remove-input"]
say(
    """
**A file in integers is smaller and faster.** `python -m ecglib export onnx` writes a network as an
{term}`ONNX` file. We wrote two networks (seed {seed}, trained on DS1 only), each in fp32 and calibrated with all
layers in INT8: the narrow one and that of the paper's size. All four files ran in ONNX Runtime on one
thread of one virtual machine ({machine}). At the paper's size one beat takes {slow:digits} ms in fp32 and
{fast:digits} ms in integers. Each row of {numref}`tab-files` is one file: its own scores, bytes and time.
""",
    seed=lambda: listed(r.config["seed"] for r in timed),
    machine=lambda: listed(r.environment["cpu"] for r in timed),
    slow=lambda: file_of("paper's size", "fp32", "one beat, ms"),
    fast=lambda: file_of("paper's size", "INT8", "one beat, ms"),
)

# %% mystnb={"figure": {"caption": "Bytes on disk, and median time of one beat in ONNX Runtime on one thread of one machine, for two networks as files in fp32 and in INT8 (calibrated); trained on DS1 only, one seed. Integers save both; the larger network gains more time.", "name": "fig-files"}, "image": {"alt": "Bars of megabytes and milliseconds for four files; those of INT8 are much shorter"}} tags=["remove-input"]
show.figure(lambda: figures.files(timed, NETWORKS))

# %% tags=["remove-input"]
show.table(
    lambda: latency.file_table(timed, NETWORKS),
    "Four files, trained on DS1 only, one seed, INT8 in all layers and calibrated. Each row is one "
    "file in ONNX Runtime: its own scores on all beats of DS2, its bytes, its median milliseconds "
    "for one beat on one thread of one machine, how many times as fast as the fp32 file it is "
    "(speed; both timed in the same session), and the share of beats to which it gives the same "
    "class as the network in PyTorch. fp32 here has not trained for the further epoch of QAT.",
    name="tab-files",
)

# %% [markdown]
# **The mistakes stay the same.** {numref}`fig-int8-confusion` compares the fp32 file with the file in
# integers (narrow, one seed). Both miss nearly all S beats, since isolated beats carry no timing. Five RR
# ratios alone do not mend this (chapter {doc}`02_wave_puzzle`).

# %% mystnb={"figure": {"caption": "Classes that the fp32 file and the calibrated INT8 file give to the beats of DS2; narrow network, seed 7. The two matrices are nearly the same: integers make the mistakes that fp32 makes.", "name": "fig-int8-confusion"}, "image": {"alt": "Two confusion matrices of N, S and V side by side, nearly equal"}} tags=["remove-input"]
show.figure(
    lambda: confusions(
        {
            latency.RUNTIMES[runtime]: stats.pool(result.matrix())
            for runtime in ("ort_fp32", "ort_int8")
            for result in timed
            if (result.config["runtime"], result.config["batch"]) == (runtime, 1)
            and (result.config["channels"][-1], result.config["threads"]) == (128, 1)
        }
    )
)

# %% tags=["remove-input"]
covered = int8.coverages(narrow, seed=7)


def of_layers(column):
    """A column of the calibrated network with all layers in integers."""
    return int8.coverage_table(covered["all_int8"])[column]


say(
    """
**Every layer in {term}`scope` is really in integers.** A run stops if such a layer is not rounded.
In the calibrated narrow network (DS1 only, one seed) the weights of a channel take {levels:count} values at
most. Rounding adds noise; the weights are {least:digits} to {most:digits} dB above it, from layer to layer
({numref}`fig-sqnr`). Every ten decibels are a factor of ten in power.
""",
    levels=lambda: of_layers("levels").max(),
    least=lambda: of_layers("SQNR, dB").min(),
    most=lambda: of_layers("SQNR, dB").max(),
)

# %% mystnb={"figure": {"caption": "Signal over quantization noise by layer, in the calibrated narrow network with all layers in integers (seed 7): of its weights, and of its outputs on some test beats against the fp32 network. Both lines are of the same network. Relative to the signal, the outputs of the last layer hold less noise than those of the first.", "name": "fig-sqnr"}, "image": {"alt": "Two lines by layer: weights at about forty to fifty decibels, outputs below them"}} tags=["remove-input"]
show.figure(
    lambda: figures.noise(
        of_layers("SQNR, dB").to_dict(),
        latency.int8_file(timed, covered["all_int8"].config["channels"]).metrics[
            "output_sqnr_db"
        ],
    )
)

# %% [markdown]
# ## What could be wrong
#
# - **Few seeds**, three at most, and all share the same 22 patients.
# - **All layers of the personalized pipeline** were put into integers in narrow networks only.
# - **Convolutions of the personalized pipeline** were only calibrated. Training there moves the head
#   alone.
# - **One machine.** Times are those of one virtual machine and of one runtime. Its processor has
#   {term}`VNNI`; without it the gain in time differs. No Jetson was measured (chapter {doc}`07_jetson`).
# - **Wrong sums without a warning.** Processors without VNNI may clip sums of 8-bit products. Our
#   sessions prevent it, and a file is refused if it disagrees with its network. Check the answers
#   of a file on the processor that will run it.
# - **Scopes of only some layers.** A runtime needs integers on both sides of a layer. In a file of the head and
#   the shallow blocks it computes `conv2` in fp32 again.
# - **Personalization** needs one network a patient, so one file does not serve all.
# - **Which interval.** For two scopes of QAT (narrow, DS1 only), percentile and BCa intervals disagree
#   about zero. We call them undecided.
# - **Settings** of the training after rounding were chosen on folds of DS1 with one seed and all
#   layers. The other scopes use the same settings.
#
# ## Exercises
#
# **1. How few bits would do?** Round this page's network to fewer bits, without any training,
# and count the beats that keep their class.

# %% tags=["solution"]
chosen = next(c for c in plan.configs("int8") if c.scope == "all_int8")
run = plan.on_cpu(chosen)
fp32, _ = supervised(run, chosen.fp32())
exact = predict(fp32, run.scored)
for bits in (8, 6, 5, 4, 3, 2):
    coarse = quantize(fp32, "all_int8", bits=bits)
    calibrate(coarse, run.train.inputs.x[:2048], run.train.inputs.rr[:2048])
    print(
        f"{bits} bits: {(predict(coarse, run.scored) == exact).mean():.1%} of beats as in fp32"
    )

# %% [markdown]
# **2. What does one bit more bring?** Use `quantize_array`, the NumPy code with which every
# implementation of this project is compared, on random weights.

# %% tags=["solution"]
weights = torch.randn(10_000, generator=torch.Generator().manual_seed(0)).numpy()
for bits in range(8, 1, -1):
    q, step = quantize_array(weights, bits)
    print(f"{bits} bits: signal {sqnr_db(weights, q * step):.0f} dB above the noise")

# %% [markdown]
# Each bit halves the step, which is about six decibels.
#
# **3. Why does each channel have its own scale?** Give the weights of a layer one scale for all channels instead.

# %% tags=["solution"]
weights = fp32.fc1.weight.detach().numpy()
for name, axis in (("one scale", None), ("one scale a channel", 0)):
    q, step = quantize_array(weights, 8, axis=axis)
    print(f"{name}: signal {sqnr_db(weights, q * step):.1f} dB above the noise")

# %% [markdown]
# ## Run it yourself

# %% tags=["run-it"]
live = {study: plan.run(study) for study in ("int8", "latency")}


def this_table():
    """Scores by scope, and the files of this run."""
    files = latency.file_table(live["latency"], {})
    scored = {t: int8.score_table(named) for t, named in int8.by_scope(live["int8"]).items()}
    return scored | {f"files, {n} filters": files.loc[n] for n in files.index.unique(0)}


show.this_run(
    plan,
    5,
    this_table,
    "Scopes on all beats of the test records of this run, and its files.",
    "int8",
    "latency",
    columns=["accuracy", "macro-F1", "file, MB", "one beat, ms", "speed"],
)

# %% tags=["all-results", "remove-input"]
show.provenance(runs)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {title: int8.score_table(named) for title, named in everything.items()},
    "Pipelines (filters of the first and last block), scopes and methods, all beats of DS2.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {title: int8.cost_of_rounding(named) for title, named in everything.items()},
    "Macro-F1 and accuracy minus those of the fp32 network, all beats of DS2, with intervals over "
    "patients; the learned step included.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {names.word(scope): int8.coverage_table(r) for scope, r in covered.items()},
    "What is quantized, by scope: calibrated narrow networks trained on DS1 only, seed 7. Levels are "
    "the distinct values that the weights of one output channel take.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: int8.fold_table(runs),
    "Training after rounding, tried inside DS1, one seed, four folds pooled. One epoch at the lower "
    "rate was kept for QAT.",
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: latency.latency_table(timed),
    "Deployed networks: milliseconds of a call (p50 is the median; one call in twenty takes longer than "
    "p95, one in a hundred longer than p99), speed against ONNX Runtime in fp32 within the same "
    "session, bytes on disk, same class as the network that was exported (all beats of DS2).",
)

# %% tags=["all-results", "remove-input"]
show.machine(timed) if timed else None

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: latency.size_table(timed, runs),
    "Bytes of the file with all layers in INT8 against its fp32 file, and against the arithmetic of "
    "8-bit weights, 32-bit biases and scales.",
)

# %% [markdown] tags=["all-results"]
# **Why our own quantized layers.** Two libraries can train a `Conv1d` with simulated integers.
# We tried both on this network. torchao 0.18 (PT2E with the XNNPACK quantizer) covers all eight
# layers, but turns the network into a graph first. The named parts are gone then, on which
# scopes and strategies of this book rest. Brevitas 0.13 needs the network to be written anew in
# its own layers, and a further package for the export to ONNX. torchao's plain `quantize_`
# skips `Conv1d` without a word. Our two layers keep names and weights, and a test holds them to
# the NumPy oracle.
#
# **Two details decide whether file and network agree.** Biases must be rounded to their 32-bit
# step while the network is simulated. Left in fp32 there, the file of a small network disagreed
# on beats in a trial that is not among the results. And ONNX Runtime moves a quantization past
# a Reshape but not past a Flatten, which left `conv5` in fp32.
