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
# # How do I rerun and extend this study?

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
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
import wfdb
from torch import nn

from ecglib import MODELS, STRATEGIES, ECGNet, Plan, Strategy, results
from ecglib.book import formats, show
from ecglib.book.say import answer, say
from ecglib.data.find.archive import find_files
from ecglib.data.sets import SETS
from ecglib.data.sets.dataset import BeatSet, RecordingSet, taking_turns
from ecglib.models.ecgnet import BLOCKS
from ecglib.plots import speed as figures
from ecglib.plots import style
from ecglib.studies import registry
from ecglib.system.paths import PARAMS, RESULTS, RUNS
from ecglib.tables import arms, papers, runs, scores, speed
from ecglib.training.on_beats import puzzle_task
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
cpu_runs = {name: results.load_study(RESULTS, name) for name in registry.names()}
h200_runs = {name: results.load_study(RESULTS / "h200", name) for name in registry.names()}
minutes = {
    "cpu.yaml, on a CPU": runs.study_times(cpu_runs),
    "full.yaml, a part of it, on an H200": runs.study_times(h200_runs),
}
core, h200 = (speed.largest(found["speed"]) for found in (cpu_runs, h200_runs))


def total_minutes(number):
    """Minutes of all runs of the first or the second machine."""
    return list(minutes.values())[number]["minutes"].sum()


def listed(name, found):
    """Runs that a params file lists, and how many of them have a result, in all studies."""
    return runs.coverage(Plan.read(name), found).sum()


# %% tags=["remove-input"]
answer(
    """
**With one command, in minutes or in hours.** `make book` runs every chapter on a few records, in
some minutes on two cores. All runs of `cpu.yaml` took at most {hours:digits} hours of computing on a
CPU. Of the {listed:count} runs of `full.yaml`, which need a GPU, we ran {found:count}. A new strategy,
model or data set takes a few lines of code; this page shows and runs them.
""",
    hours=lambda: total_minutes(0) / 60,
    listed=lambda: listed("full", h200_runs)["listed"],
    found=lambda: listed("full", h200_runs)["have a result"],
)

# %% mystnb={"figure": {"caption": "Computing time of the committed runs by study, on a logarithmic scale. A stage that several runs share, such as pretraining, counts once for each of them, so these are upper bounds. The names are those that you give to the command `ecglib study`. A few studies take most of the time.", "name": "fig-minutes"}, "image": {"alt": "Minutes of each study, sorted; circles for the CPU, triangles for the four studies that were run on an H200"}} tags=["remove-input"]
show.figure(lambda: figures.study_minutes(minutes))

# %% [markdown]
# ## Rerun
#
# All runs are listed in {term}`params files <params file>`, one for each purpose
# ({numref}`tab-profiles`). Such a file has a section `common` and a section for each
# {term}`study`. A section lists {term}`arms <arm>`: settings to run, each with every
# {term}`seed`. A list of values stands for
# several arms, one for each value. An unknown name, or one that comes
# twice, is an error.

# %% mystnb={"figure": {"caption": "From a params file to a page. The result of every run is kept, and a run that has a result is not repeated. So an interrupted study goes on where it stopped.", "name": "fig-parts"}, "image": {"alt": "Five boxes joined by arrows: params file, configuration, run, result, page"}} tags=["remove-input"]
figures.from_params_to_page()

# %% [markdown]
# The same runs can be started for the whole book, for one chapter, or for one study:
#
# ```bash
# make book                                          # every chapter, the quick profile
# make book PARAMS=params/cpu.yaml                   # all of MIT-BIH on two CPU cores
# python -m ecglib run 03 -p 'seeds=[7, 21]'         # one chapter, one parameter changed
# python -m ecglib study personalization --params params/full.yaml   # no notebook at all
# ```

# %% tags=["remove-input"]
profiles = show.profiles(PARAMS).drop(columns="device")
profiles["filters"] = profiles["filters"].str.replace(", .*, ", "…", regex=True)
show.table(
    profiles,
    "The params files; filters of the first and the last block. Read the comments of a file before "
    "you change it: they say why an arm is there.",
    name="tab-profiles",
    text=True,
)

# %% [markdown]
# **Parameters.** Each chapter is a Python file that Jupyter opens as a notebook. Its first code
# cell holds its parameters. The program papermill runs the notebook with other values of them.
# `python -m ecglib run` does this for you, and refuses a parameter that does not exist.
# Papermill by itself only warns:
#
# ```bash
# jupytext --to ipynb --output - chapters/03_personalization.py \
#   | papermill - out.ipynb -y 'seeds: [7]'
# ```
#
# **Data.** Recordings are searched for in this order: the parameter `data_root`, the variable
# `$ECG_DATA`, the folder `data/` of the repository, and the folder where `fetch` puts them. Only
# the quick profile may use invented patients instead, and the page then says so.
#
# ```bash
# python -m ecglib fetch mitdb                       # from PhysioNet, verified, resumes
# python -m ecglib fetch cinc2017                    # recordings; also chapman, cpsc2018
# python -m ecglib pack mitdb --out mitdb.npz        # one file of under 30 MB
# python -m ecglib study baseline --params params/full.yaml -p data_root=mitdb.npz
# ```
#
# A packed file holds all recordings of a data set. A machine that only trains needs this file and
# the repository. It also needs torch, NumPy, SciPy, pandas, tqdm and PyYAML (transformers for
# HuBERT-ECG).
#
# **More cores, more machines.** Dask runs a study on all cores, or on machines that see the
# repository and the data under the same paths. Each run is saved when it ends. Studies that
# measure speed stay in one process, and workers know only what is in `ecglib`.
#
# ```bash
# pip install -e ".[cluster]"
# python -m ecglib study personalization --scheduler local   # a process for each core
# dask scheduler                                             # once, on the machine `head`
# dask worker tcp://head:8786 --nworkers 8 --nthreads 1      # on every machine
# python -m ecglib study personalization --params params/full.yaml --scheduler tcp://head:8786
# ```
#
# **Networks as files.** An export trains its network first if no live run has it. It refuses a file
# that gives other answers than its network (chapter {doc}`05_int8_qat`).
#
# ```bash
# python -m ecglib export onnx --scope all_int8 --out ecgnet_int8.onnx
# python -m ecglib bench int8                        # milliseconds of both formats, here
# python -m ecglib export bundle --out bundle        # for a Jetson or any device, with C code
# python -m ecglib import-device device.json         # what the device measured
# ```
#
# ## Compare your numbers with ours
#
# The first command sets your runs beside the committed ones. The second sets the committed runs
# beside the numbers that the papers print.
#
# ```bash
# python -m ecglib compare _build/runs results       # arm by arm, mean ± std over seeds
# python -m ecglib report                            # every row of the papers beside ours
# ```
#
# Compare runs of the same data, records and network only. Each result names its data (with a
# check sum), its machine and its versions. All committed runs are also there as
# {ref}`CSV files <downloads>`, one for each study.
#
# ## How fast is it?
#
# The *usual way* is a simple script (`ecglib.personalize.plain`). It trains over PyTorch's Dataset
# and DataLoader, and does all the work again for each patient. Ours keeps all beats on the device,
# and computes once what is the same for all patients. On a GPU it trains the networks of all
# patients side by side. Both give the same networks, which a test checks. (For a record that is
# classified, the usual way is NeuroKit2's.) In {numref}`fig-speed`, a
# row *online* names what adapts to the patient, then what is fine-tuned.

# %% mystnb={"figure": {"caption": "How many times as fast as the usual way ours is, for the largest run of each piece of work; narrow network on one CPU core, the paper's size on an H200. Where patients share work, ours is faster, most where nothing of the body learns. Where all weights learn, it is much faster only where many patients' networks train side by side on the GPU. On a core the first training, of one network, is no faster. The row of a record compares with NeuroKit2, which does other work.", "name": "fig-speed"}, "image": {"alt": "Ratios of eleven pieces of work on a logarithmic scale, with a line where both ways are equally fast"}} tags=["remove-input"]
show.figure(lambda: figures.ratios({"one core": core, "H200": h200}))

# %% tags=["remove-input"]
HEAD_ONLY, EVERYTHING = "online: head only, then the head", "online: full, then everything"
say(
    """
**Work that is the same for all patients is done once.** If nothing adapts, or only {term}`AdaBN`,
one fine-tuning serves all 22 patients. On one core this is {none:digits} times as fast (row *none*).
Cutting windows from a signal that is read once is {windows:digits} times as fast.

**Work that differs from patient to patient cannot be shared.** Head-only adaptation of 22 patients
is {head:digits} times as fast on a core. We had aimed at twenty times. This would need fewer
operations, since the fine-tunings already run at {peak:percent} of the core's peak.

**If all weights learn, our way is no faster on a core.** With everything fine-tuned it takes
{all:percent} of the usual time (three patients, one epoch). Our target was one and a half times as
fast. The first training takes {supervised:percent} of the usual time.
""",
    none=lambda: core.loc["online: none, then the head", "ratio"],
    windows=lambda: core.loc["windows of a record's beats", "ratio"],
    head=lambda: core.loc[HEAD_ONLY, "ratio"],
    peak=lambda: core.loc[HEAD_ONLY, "of peak, %"] / 100,
    all=lambda: 1 / core.loc[EVERYTHING, "ratio"],
    supervised=lambda: 1 / core.loc["supervised", "ratio"],
)

# %% tags=["remove-input"]
say(
    """
**A recording is classified {record:count} times as fast as NeuroKit2 processes it.** Both find the
R-peaks of the same half hour; ours then gives each beat a class, NeuroKit2's `ecg_process` cleans the
signal and marks its waves. So the work is not the same.
""",
    record=lambda: core.loc["one record classified", "ratio"],
)

# %% tags=["remove-input"]
say(
    """
**A GPU gains more.** One patient's network leaves an H200 mostly idle; 22 networks side by side
fill it better. An online stage in which everything learns takes {ours:digits} s instead of
{usual:digits} s (bf16; the usual way is scaled from one patient). Even so, the fine-tuning
reaches only {share:percent} of the card's peak: moving data through memory takes most of the time.

The puzzle and the online stage, ten epochs each, together take {everything:digits} s on an H200 with
everything fine-tuned (one seed). With the head alone they take {head:digits} s. The paper prints
{paper:count} s on an H200. It does not say for how many epochs and seeds, so the times cannot be
compared.
""",
    ours=lambda: h200.loc[EVERYTHING, "ours, s"],
    usual=lambda: h200.loc[EVERYTHING, "usual, s"],
    share=lambda: h200.loc[EVERYTHING, "of peak, %"] / 100,
    everything=lambda: h200.loc[["puzzle", EVERYTHING], "ours, s"].sum(),
    head=lambda: h200.loc[["puzzle", HEAD_ONLY], "ours, s"].sum(),
    paper=lambda: papers.PAPER1_TABLE_1[0].runtime_s,
)

# %% tags=["remove-input"]
TIMES = ["usual, s", "ours, s", "ratio"]
show.table(
    lambda: pd.concat({"one core": core[TIMES], "H200": h200[TIMES]}, axis=1).reindex(
        core.index
    ),
    "Seconds of each piece of work both ways; ratio: usual way over ours. Epochs and size of the "
    "network differ between the machines, so compare along a row only within one machine.",
    {"ratio": formats.TENTHS},
    name="tab-speed",
)

# %% mystnb={"figure": {"caption": "Seconds of an online stage (head-only adaptation, the head fine-tuned) on one core; one quantity varies at a time. With more patients our way gains, since what they share is done once. With still more patients, both ways take longer in the same proportion.", "name": "fig-growth"}, "image": {"alt": "Seconds of both ways against patients, training beats and parameters; ours lies below in all three panels"}} tags=["remove-input"]
one_strategy = {"task": "online", "strategy": "head_only", "threads": 1, "precision": "fp32"}
show.figure(
    lambda: figures.growth(
        [r for r in cpu_runs["speed"] if one_strategy.items() <= r.config.items()]
    )
)

# %% [markdown]
# ## What could be wrong
#
# - **Minutes and ratios come from single runs** on shared machines, and were not repeated.
# - **The usual way was mostly timed for one patient** and scaled to all. The page of all results
#   says where.
# - **Rounding differs between machines.** Runs repeat exactly on one machine with one thread, which
#   a test checks. We have not measured how much scores move on another processor or PyTorch.
# - **TF32.** Networks in fp32 on the H200 use TF32 in convolutions, PyTorch's default there.
# - **Most of `full.yaml` has not been run**, so errors in it may still be found.
#
# ## Add a strategy
#
# The next four sections add something to the library from a notebook. They run while this page is
# built, on the data and the params file of *Run it yourself*. Their scores show that
# the code works, and nothing else. `CONTRIBUTING.md` lists the files to touch if an addition is to
# stay.
#
# A strategy says which parts of ECGNet learn from a patient's unlabelled beats, and what they
# learn. This is the puzzle, unless the strategy brings another loss. Suppose that the first block
# should adapt, and that its features should not change if an electrode gives a larger or smaller
# signal. The first cell writes this loss.


# %%
@dataclass(frozen=True)
class SteadyPuzzle:
    """The puzzle, and features that a change of gain leaves as they are."""

    puzzle: PuzzleTask
    model: ECGNet

    def __len__(self):
        return len(self.puzzle)

    def loss(self, index, generator):
        beats = self.puzzle.x[index]
        gain = 1 + 0.2 * torch.randn((len(beats), 1), generator=generator)
        moved = self.model.features(gain * beats) - self.model.features(beats)
        return self.puzzle.loss(index, generator) + moved.square().mean()


def steady_puzzle(model, x, config):
    return SteadyPuzzle(puzzle_task(model, x, config), model)


# %% [markdown]
# The next cell names the strategy and runs it beside the {term}`control`. A strategy that stays gets
# a line in `ecglib/personalize/strategies.py`.

# %%
SHORT = ["accuracy", "macro-F1"]
SCRATCH = RUNS.parent / "scratch" / "runs"  # apart from the studies' own results
STRATEGIES["steady"] = Strategy(parts=("conv1",), task=steady_puzzle)
FAST = {"epochs": 2, "learning_rate": 3e-3, "imbalance": "balanced", "train_share": 0.2}
arm = FAST | {"strategy": ["none", "steady"], "pretext_epochs": 1, "online_epochs": 2}
personalized = plan.run("personalization", arms=[arm], runs=SCRATCH, again=True)
show.table(
    scores.score_table(arms.by(personalized, "strategy"), after_5min=True),
    "The new strategy beside the network that saw no patient, after 5:00.",
    columns=SHORT,
)

# %% [markdown]
# ## Add a model
#
# `ecglib/models/__init__.py` lists the networks and says what a network must have: named parts,
# sizes, a function `features` and a function `classify`, and what it reads. This is ECGNet with
# average instead of maximum pooling. A network that stays gets a file in `ecglib/models/` and a
# line in that list.


# %%
class ECGNetMean(ECGNet):
    """ECGNet that averages where the paper takes the maximum."""

    def __init__(self, config):
        super().__init__(config)
        for name in BLOCKS:
            getattr(self, name).pool = nn.AvgPool1d(2)


MODELS["ecgnet_mean"] = ECGNetMean
arm = FAST | {"model": ["ecgnet", "ecgnet_mean"]}
trained = plan.run("baseline", arms=[arm], runs=SCRATCH, again=True)
show.table(
    scores.score_table(arms.by(trained, "model")),
    "The new network beside ECGNet.",
    columns=SHORT,
)

# %% [markdown]
# ## Add a data set of beats
#
# A database of WFDB records with an annotation at every beat needs a `BeatSet`: its records, their
# lead and sampling rate, and how its patients are divided. Every study of beats can then name it.
# The folded cell invents the database of a chest strap: one lead, 128 Hz, and a wide beat where
# one comes too early.


# %% tags=["hide-input"]
def write_strap(folder, number, fs=128, seconds=360):
    """A record with beats of two shapes and its annotations."""
    rng = np.random.default_rng(number)
    early = rng.random(seconds) < 0.1
    rr = np.where(early, 0.6, rng.normal(0.9, 0.03, seconds))
    peaks = (fs * rr.cumsum()).astype(int)
    inside = peaks < fs * (seconds - 1)
    peaks, symbols = peaks[inside], np.where(early, "V", "N")[inside]
    signal = 0.02 * rng.normal(size=(fs * seconds, 1))
    for peak, symbol in zip(peaks, symbols, strict=True):
        width = 0.07 if symbol == "V" else 0.02  # s
        signal[:, 0] += np.exp(-0.5 * ((np.arange(len(signal)) - peak) / fs / width) ** 2)
    names = {"units": ["mV"], "sig_name": ["chest"], "fmt": ["16"], "write_dir": folder}
    wfdb.wrsamp(str(number), fs=fs, p_signal=signal, **names)
    wfdb.wrann(str(number), "atr", peaks, symbols.tolist(), write_dir=folder)


# %% [markdown]
# A data set that stays gets a module `ecglib/data/sets/NAME.py`, and its name goes into
# `ecglib/data/sets/__init__.py`. With the publisher's address, `fetch` and `pack` know it too.

# %%
halves = {"halves": taking_turns((1, 2, 3, 4), [(3, 4)])}
strap = BeatSet(
    name="strap",
    title="four invented chest straps",
    records=(1, 2, 3, 4),
    lead="chest",
    fs=128,
    folds_by_split=halves,
)
SETS["strap"] = strap
with tempfile.TemporaryDirectory() as folder:
    for number in strap.records:
        write_strap(folder, number)
    arm = {"dataset": "strap", "records": [[1, 2, 3, 4]], "split": "halves"}
    arm |= {"epochs": 10, "learning_rate": 3e-3, "imbalance": "balanced"}
    worn = Plan.read(profile, data_root=folder, device=device).run(
        "baseline", arms=[arm], runs=SCRATCH
    )
show.table(
    scores.score_table(arms.by(worn, "dataset")),
    "A network of the chest strap's beats.",
    columns=SHORT,
)

# %% [markdown]
# ## Add a data set of recordings
#
# A data set of whole recordings needs a `RecordingSet` with two functions: one finds its files,
# one reads them. Here a recording is a NumPy file whose name begins with its label. The folded
# cell invents forty of them.


# %% tags=["hide-input"]
def write_watch(folder, number, fs=125, seconds=12):
    """A pulse of normal rate (N), or a fast one (F)."""
    rng = np.random.default_rng(number)
    label, rr = ("N", 0.9) if number % 2 else ("F", 0.4)
    beats = rng.normal(rr, 0.05, 60).cumsum()
    signal = np.zeros(fs * seconds, np.float32)
    signal[(fs * beats[beats < seconds]).astype(int)] = 1
    np.save(f"{folder}/{label}{number:02d}.npy", np.convolve(signal, np.hanning(9), "same"))


# %%
def read_watch(files, lead, length):
    with files.opened() as at:
        found = [np.load(at(f"{name}.npy"), allow_pickle=False) for name in files.recordings]
    signal = np.stack([np.pad(one[:length], (0, max(0, length - len(one)))) for one in found])
    label = np.array([name.startswith("F") for name in files.recordings])
    n_samples = np.array([min(len(one), length) for one in found])
    return signal.astype(np.float32), n_samples, label.astype(np.int64)


# %%
SETS["watch"] = RecordingSet(
    name="watch",
    title="forty invented watches",
    classes=("N", "F"),
    n_published=40,
    fs=125,
    find_files=lambda root: find_files(root, r"[FN]\d\d", ("npy",)),
    read=read_watch,
)
with tempfile.TemporaryDirectory() as folder:
    for number in range(40):
        write_watch(folder, number)
    arm = {"dataset": "watch", "fold": 0, "epochs": 20, "batch_size": 8}
    watched = Plan.read(profile, data_root=folder, device=device).run(
        "rhythm", arms=[arm], runs=SCRATCH
    )
print(f"accuracy on the fold that was left out: {watched[0].metrics['accuracy']:.2f}")

# %% [markdown]
# Code that reads other people's files uses `ecglib.system.untrusted` and gets a line in
# `tests/fuzz/readers.py`. `ECG_FUZZ=1000 python -m pytest tests/fuzz` then changes each file a
# thousand times and checks the reader.
#
# ## Add a chapter
#
# Copy a file in `chapters/`, give it the next number, a question as title and a cell tagged
# `parameters`, and list it in `_toc.yml`. `make test` checks its form. `make book` runs and renders
# it. What the chapter computes belongs in `ecglib`, with a test.
#
# ## Exercises
#
# **1. Are your numbers ours?** Run the study `baseline` and set it beside the committed runs. What
# differs besides the scores?

# %% tags=["solution"]
mine, ours = plan.run("baseline"), cpu_runs["baseline"]
print("mine:     ", arms.where_made(mine))
print("reference:", arms.where_made(ours))
show.table(
    lambda: {
        "same settings": runs.side_by_side(mine, ours),
        "settings that differ": runs.unlike(mine, ours),
    },
    "Runs of this page beside the reference runs.",
)

# %% [markdown]
# Only runs of the same settings are compared. The params file of this page may differ, and with
# it the records and the size of the network. With `params/cpu.yaml` on real recordings the
# settings are the same; the numbers should agree on the same machine with the same versions,
# elsewhere nearly.
#
# **2. What does a fourth seed cost?** Count the runs of `personalization` in `full.yaml` with
# three seeds and with four.

# %% tags=["solution"]
for chosen in ([7, 21, 42], [7, 21, 42, 84]):
    count = len(Plan.read("full", seeds=chosen).configs("personalization"))
    print(f"{len(chosen)} seeds: {count} runs")

# %% [markdown]
# The number does not grow by a third: an arm that names its own seed is run with that seed only.
#
# **3. Does the new loss do more if two blocks may adapt?** Add the strategy and run it.

# %% tags=["solution"]
STRATEGIES["steady_two"] = Strategy(parts=("conv1", "conv2"), task=steady_puzzle)
arm = FAST | {"strategy": ["none", "steady", "steady_two"]}
arm |= {"pretext_epochs": 1, "online_epochs": 2}
found = plan.run("personalization", arms=[arm], runs=SCRATCH)
show.table(
    lambda: scores.score_table(arms.by(found, "strategy"), after_5min=True),
    "The new strategies beside the control, after 5:00; live runs of this page.",
    columns=SHORT,
)

# %% [markdown]
# ## Run it yourself

# %% tags=["run-it"]
live = plan.run("speed")
show.this_run(
    plan,
    10,
    lambda: speed.speed_table(live),
    "Seconds of each piece of work the usual way and ours, on this machine.",
    "speed",
    formats={"ratio": formats.TENTHS},
)

# %% [markdown] tags=["all-results"]
# (downloads)=
# ## All committed runs as CSV files
#
# A file for each study, a row a run: its settings, accuracy, macro-F1, sensitivity and every other
# single number, seconds and device. Confusion matrices and the predictions of every beat are in
# the files of `results/`, whose names are in the column `run`.

# %% tags=["all-results", "remove-input"]
show.download_table(RESULTS, "The committed runs as CSV files.")

# %% [markdown] tags=["all-results"]
# ## Times

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {name: table for name, table in minutes.items() if len(table)},
    "Runs and minutes by study; stages that runs share count once for each run.",
    {"minutes": formats.TENTHS},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: {
        "cpu.yaml": runs.coverage(Plan.read("cpu"), cpu_runs),
        "full.yaml": runs.coverage(Plan.read("full"), h200_runs),
    },
    "Runs that two params files list, and those that have a committed result.",
)

# %% tags=["all-results", "remove-input"]
show.provenance(cpu_runs["speed"])

# %% tags=["all-results", "remove-input"]
COLUMNS = (
    "Timed: patients that the usual way was timed for, then scaled to all. Of peak: operations a "
    "second of the (fine-)tuning our way, over those of a product of large matrices."
)
show.table(
    lambda: speed.speed_table(cpu_runs["speed"]),
    f"The study speed on a CPU, one core unless a row says otherwise. {COLUMNS}",
    {"ratio": formats.TENTHS},
)

# %% tags=["all-results", "remove-input"]
show.provenance(h200_runs["speed"])

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: speed.speed_table(h200_runs["speed"]),
    f"The study speed on an H200. {COLUMNS}",
    {"ratio": formats.TENTHS},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: speed.compression_table(cpu_runs["compression"]),
    "Seconds of compressing one fold's network of CinC 2017, training left out: median and number "
    "of runs. Methods that train while they compress take minutes, the others less.",
    {"*": formats.TENTHS},
)

# %% tags=["all-results", "remove-input"]
show.table(
    lambda: speed.forms_table(cpu_runs["speed"]),
    "Milliseconds of a beat in every runtime, one beat at a time, one core, random weights.",
    {"*": "{:.3g}"},
)
