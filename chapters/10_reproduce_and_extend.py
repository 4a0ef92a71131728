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
# # Reproduce and extend
#
# Every run of this book can be started again: one chapter or all, with other parameters, on
# other machines. (The larger networks of `full.yaml` in chapter 06 have never been run.) This
# chapter shows how, how to hold one's own numbers against ours, and how to add a strategy, a
# model or a data set.

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
import torch
import wfdb
from torch import nn

from ecglib import MODELS, STRATEGIES, ECGNet, Plan, Strategy, results
from ecglib.book import formats, show
from ecglib.data.find.archive import find_files
from ecglib.data.sets import SETS
from ecglib.data.sets.dataset import BeatSet, RecordingSet, taking_turns
from ecglib.models.ecgnet import BLOCKS
from ecglib.plots import speed as figures
from ecglib.plots import style
from ecglib.system.paths import PARAMS, RESULTS, RUNS
from ecglib.tables import arms, runs, scores, speed
from ecglib.training.on_beats import puzzle_task
from ecglib.training.tasks import PuzzleTask

style.use()

# %% [markdown]
# ## Rerun
#
# ```bash
# make book                                          # the quick profile
# make book PARAMS=params/cpu.yaml                   # all of MIT-BIH on two CPU cores
# python -m ecglib run 03 -p 'seeds=[7, 21]'         # one chapter, one parameter
# python -m ecglib study personalization --params params/full.yaml   # no notebook at all
# ```
#
# A params file has a section `common` and one section a study, with the arms to run. A name that
# is unknown, or comes twice, is an error, so a typing mistake does not run with the default. Runs
# that have a result are not repeated: an interrupted study goes on where it stopped.

# %% tags=["hide-input"]
show.table(show.profiles(PARAMS), "Table 9.1: the profiles, read from their params files.")

# %% [markdown]
# Those who know papermill can do without our command line; every chapter is a Python file that
# Jupyter opens as a notebook:
#
# ```bash
# jupytext --to ipynb --output - chapters/03_personalization.py \
#   | papermill - out.ipynb -y 'seeds: [7]'
# ```
#
# Papermill by itself only warns about an unknown parameter; `python -m ecglib run` refuses it.
#
# In the quick profile most chapters take about half a minute each on one core of the machine that made
# the reference runs, chapter 06 a minute and a half, the whole book some six minutes. The studies
# of `cpu.yaml` took longer. A stage that several runs share, such as pretraining, counts once for
# each run here, and the machine had other work to do, so these are upper bounds. By this count three
# studies took more than three hours (*int8*, *personalization* and *micro*):

# %% tags=["hide-input"]
studies = ("selection", "puzzle", "probe", "baseline", "personalization", "precision")
studies += ("numerics", "int8", "latency", "rhythm", "compression", "transfer")
studies += ("micro", "budget", "budget_ecgnet", "robustness", "c99", "roofline", "speed")
study_seconds = runs.study_times({name: results.load_study(RESULTS, name) for name in studies})
show.table(
    study_seconds,
    "Table 9.2: minutes of the reference runs by study, shared stages counted for each run.",
)

# %% [markdown]
# ### On a cluster
#
# Dask runs a study on all cores of a machine, or on several machines that see the repository
# and the data under the same paths:
#
# ```bash
# pip install -e ".[cluster]"
# python -m ecglib study personalization --scheduler local   # a process for each core
#
# dask scheduler                                             # once, on the machine `head`
# dask worker tcp://head:8786 --nworkers 8 --nthreads 1      # on every machine
# python -m ecglib study personalization --params params/full.yaml --scheduler tcp://head:8786
# ```
#
# The same value can stand under `scheduler:` in the section `common` of a params file. A worker saves
# each run when it ends, so a worker that dies, or the command, loses only the runs it was at; the
# numbers are those of one process with one thread. Studies that measure speed stay in the process
# that was called. Workers know only what is in `ecglib`, not what a notebook registered.
#
# ### Data, once
#
# Recordings are looked for in `data_root`, `$ECG_DATA`, the folder `data/` of the repository,
# and where `fetch` puts them. Only the quick profile may fall back on invented patients, and
# says so on every page.
#
# ```bash
# python -m ecglib fetch mitdb                       # from PhysioNet, verified, resumes
# python -m ecglib fetch cinc2017                    # for chapter 06; also chapman, cpsc2018
# python -m ecglib pack mitdb --out mitdb.npz        # one file of under 30 MB
# python -m ecglib pack cinc2017 --out cinc2017.npz  # 45 MB
# ```
#
# A machine that only trains needs torch, NumPy, SciPy, pandas, tqdm and PyYAML (and
# transformers for HuBERT-ECG), this repository and the packed file, or a folder with several:
#
# ```bash
# python -m ecglib study baseline --params params/full.yaml -p data_root=mitdb.npz
# ```
#
# ### Networks as files
#
# ```bash
# python -m ecglib export onnx --scope all_int8 --out ecgnet_int8.onnx
# python -m ecglib export onnx --scope none --out ecgnet_fp32.onnx
# python -m ecglib bench int8                        # milliseconds of both, on this machine
# python -m ecglib export bundle --out bundle        # for a Jetson or any device, with C code
# python -m ecglib import-device device.json         # what it measured, into chapter 07
# ```
#
# An export trains its network first if it is not among the live runs, and refuses a file that
# gives other answers than its network (chapter {doc}`05_int8_qat`). It takes `--params` and `-p`
# like every other command.
#
# ## How fast, against the usual way
#
# A first script trains over a Dataset and a DataLoader, and treats one patient after another from
# the beginning; `ecglib.personalize.plain` is that script. Ours keeps all beats on the device,
# computes once what no patient changes, and on a GPU trains all patients' networks side by side
# as stacks of matrices. Both give the same networks (a test holds them together). Each row is
# one piece of work done both ways, one after the other, in one run on one machine; a row
# *online* names first what is adapted to the patient, then what is fine-tuned on the training set:

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
live = plan.run("speed")
show.banner(source, plan.profile)

# %% tags=["hide-input"]
show.table(
    speed.speed_table(live),
    "Table 9.3: this run. Timed: patients that the usual way was timed for, and scaled to all. Of "
    "peak: operations a second of the training our way, over those of a product of large matrices here.",
    {"ratio": formats.TENTHS},
)

# %% tags=["hide-input"]
reference = results.load_study(RESULTS, "speed")
show.provenance(reference)

# %% tags=["hide-input"]
show.table(
    speed.speed_table(reference),
    "Table 9.4: reference runs, one run a row, on one core unless it says otherwise; as Table 9.3.",
    {"ratio": formats.TENTHS},
)

# %% mystnb={"figure": {"caption": "Seconds of an online stage (head-only adaptation, the head fine-tuned) on one core, one quantity varied at a time. More patients widen the gap, since what they share is done once; then both ways grow in proportion.", "name": "fig-growth"}} tags=["hide-input"]
one_strategy = {"task": "online", "strategy": "head_only", "threads": 1, "precision": "fp32"}
figures.growth([r for r in reference if all(r.config[k] == v for k, v in one_strategy.items())])

# %% tags=["hide-input"]
wide = results.load_study(RESULTS / "h200", "speed")
show.provenance(wide)

# %% tags=["hide-input"]
show.table(
    speed.speed_table(wide),
    "Table 9.5: on an H200; as Table 9.3.",
    {"ratio": formats.TENTHS},
)

# %% [markdown]
# - **What no patient changes is done once.** With AdaBN, or nobody adapted, one fine-tuning serves
#   all: over twenty times for 22 patients on a core. Cutting windows from a signal that is read
#   once: fifty times.
# - **What every patient changes has to be paid for.** Head-only adaptation of 22 patients is
#   2.6 times as fast on a core (of six: 3.1 times with 64 to 512 filters, 2.1 times on two
#   cores), with features that are computed once instead of in every step. The rest is 22 heads
#   that learn from 50,598 beats, at half the speed of the largest products of matrices: twenty
#   times, which we had aimed at, would need fewer operations.
# - **Where all weights learn, the plain loop is as fast on a processor** (0.9 to 1.1 times;
#   three patients and one epoch in the online row; we had aimed at 1.5). Loading costs little
#   beside convolutions that PyTorch computes at a third of the peak or more.
# - **A GPU is another matter.** A step of one patient's network leaves an H200 idle; 22 of them
#   side by side, compiled, take an online stage in which everything learns (bf16) from 648 s
#   (scaled) to 68 s, and one in which only the head adapts and learns (fp32) from 303 s
#   (scaled) to 12 s. With 17 s for the puzzle before it, ten epochs a stage take, for one seed,
#   85 s with everything adapted and fine-tuned, or 29 s with the head alone. The paper's Table
#   1 prints 2,920 s on an H200, for an unpublished number of epochs and seeds; its text says
#   that the network is fine-tuned. Compiling is part of ours: in Table 3.10 the two strategies
#   that came first with their shapes took 15 s longer to fine-tune, mean over two runs, than
#   the two that followed.
# - **Of the card's peak that is still little**: 6 % in bf16, compiling included. Blocks of 64 to 512
#   filters give small products; between them normalisation, pooling and unfolding move every
#   activation through memory several times, and that, not arithmetic, sets the pace.
#
# Compressing a trained network, and one beat through every runtime:

# %% tags=["hide-input"]
show.table(
    speed.compression_table(results.load_study(RESULTS, "compression")),
    "Table 9.6: seconds of compressing one fold's network of CinC 2017 by method, reference "
    "runs: median, and number of runs; chapter 06 says what the methods are.",
    {"*": formats.TENTHS},
)

# %% tags=["hide-input"]
forms = {
    "reference": speed.forms_table(reference),
    "this run": speed.forms_table(live),
}
show.table(
    {name: table for name, table in forms.items() if len(table)},
    "Table 9.7: milliseconds of a beat, batch 1, one core, random weights.",
    {"*": "{:.3g}"},
)

# %% [markdown]
# ## Compare your numbers with ours
#
# ```bash
# python -m ecglib compare _build/runs results       # arm by arm, mean ± std over seeds
# python -m ecglib report                            # papers against the committed runs
# ```
#
# The same in a notebook. Data, machine and profile stand above the numbers, since runs on other
# data or another network are not expected to agree.

# %%
mine = results.load_study(RUNS, "baseline")
ours = results.load_study(RESULTS, "baseline")
print("mine:     ", arms.where_made(mine))
print("reference:", arms.where_made(ours))
show.table(runs.side_by_side(mine, ours), "Runs of this machine beside the reference runs.")

# %% [markdown]
# (downloads)=
# ### All committed runs, for other programs
#
# A table for each study: a row a run with its settings, accuracy, macro-F1, sensitivity and
# whatever else is a single number, seconds and device. Confusion matrices and the predictions of
# every beat are in the files of `results/`, whose names are in column `run`.

# %% tags=["hide-input"]
show.download_table(RESULTS, "Table 9.8: the committed runs as CSV files.")

# %% [markdown]
# ## Add a strategy
#
# A strategy says which parts of ECGNet learn from a patient's unlabelled beats, and what they
# learn: the puzzle, unless the strategy brings another loss. Suppose the first block should
# adapt, and its features should not change when an electrode gives a larger or smaller signal.
# The next cell writes this loss, names the strategy, and runs it beside the control. A strategy
# that stays gets its line in `ecglib/personalize/strategies.py`.


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


# %%
SCRATCH = RUNS.parent / "scratch" / "runs"  # apart from the studies' own results
STRATEGIES["steady"] = Strategy(parts=("conv1",), task=steady_puzzle)
FAST = {"epochs": 2, "learning_rate": 3e-3, "imbalance": "balanced", "train_share": 0.2}
arm = FAST | {"strategy": ["none", "steady"], "pretext_epochs": 1, "online_epochs": 2}
personalized = plan.run("personalization", arms=[arm], runs=SCRATCH, again=True)
show.table(
    scores.score_table(arms.by(personalized, "strategy"), after_5min=True),
    "The new strategy beside the network that saw no patient, after 5:00.",
)

# %% [markdown]
# ## Add a model
#
# `ecglib/models/__init__.py` lists the networks and says what a network must have: named parts,
# sizes, `features` apart from `classify`, what it reads. Here is ECGNet with average instead of
# maximum pooling. A network that stays gets a file of its own in `ecglib/models/` and its line
# in that list.


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
show.table(scores.score_table(arms.by(trained, "model")), "The new network beside ECGNet.")

# %% [markdown]
# ## Add a data set of beats
#
# A study chooses a data set by its name. A database of WFDB records with an annotation at every beat needs a
# `BeatSet`: its records, their lead and sampling rate, and how its patients are divided. The next
# cell invents the database of a chest strap: one lead, 128 Hz, a wide beat where one comes too
# early. Every study of beats can name it then. One that stays gets a module
# `ecglib/data/sets/NAME.py` and its name in `ecglib/data/sets/__init__.py`; with the publisher's
# address `fetch` and `pack` know it, too.


# %%
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
    scores.score_table(arms.by(worn, "dataset")), "A network of the chest strap's beats."
)

# %% [markdown]
# ## Add a data set of recordings
#
# A data set of whole recordings needs a `RecordingSet` with two functions that know its files:
# one finds them, one reads them. Here a recording is a NumPy file whose name begins with its
# label. Code that reads files of other people takes `ecglib.system.untrusted` for it and gets a
# line in `tests/fuzz/readers.py`: `ECG_FUZZ=1000 python -m pytest tests/fuzz` changes each
# file a thousand times and checks the reader.


# %%
def write_watch(folder, number, fs=125, seconds=12):
    """A pulse of normal rate (N), or a fast one (F)."""
    rng = np.random.default_rng(number)
    label, rr = ("N", 0.9) if number % 2 else ("F", 0.4)
    beats = rng.normal(rr, 0.05, 60).cumsum()
    signal = np.zeros(fs * seconds, np.float32)
    signal[(fs * beats[beats < seconds]).astype(int)] = 1
    np.save(f"{folder}/{label}{number:02d}.npy", np.convolve(signal, np.hanning(9), "same"))


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
# ## Add a chapter
#
# Copy one of the files in `chapters/`, give it the next number, a question as title and a cell
# tagged `parameters`, and list it in `_toc.yml`. `make test` checks its form; `make book` runs
# and renders it. Whatever the chapter computes belongs in `ecglib`, with a test.
