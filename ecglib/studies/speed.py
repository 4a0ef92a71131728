"""Study of speed: the same work is done in the usual way and in ours, one after the other."""

import time
from contextlib import nullcontext
from dataclasses import dataclass

import torch

from ecglib.aami import CLASSES
from ecglib.data.signal.windows import cut
from ecglib.deploy import integers
from ecglib.deploy.latency import torch_threads
from ecglib.deploy.roofline import fastest
from ecglib.holter.classify import classify, detected
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.models.cost import counted
from ecglib.models.ecgnet import EVERYTHING, HEAD
from ecglib.personalize.online import empty_network, personalize
from ecglib.personalize.plain import (
    fit_plainly,
    personalize_plainly,
    puzzle_loss,
    supervised_loss,
)
from ecglib.personalize.strategies import STRATEGIES
from ecglib.puzzle import PERMUTATIONS
from ecglib.studies.personalization import PersonalizedSettings
from ecglib.studies.registry import RunConfig, study
from ecglib.system.errors import UserError
from ecglib.system.settings import setting
from ecglib.training.loop import Schedule, fit, train_only
from ecglib.training.on_beats import build, puzzle_task, supervised_task
from ecglib.training.precision import (
    DTYPES,
    PrecisionSettings,
    products_as_convolutions,
    running,
)
from ecglib.training.tasks import class_weights

_BEFORE, _AFTER = 150, 150  # samples of a window before and after the R-peak
_N_ROWS = {"cpu": 1024, "cuda": 8192}
"""Type of device -> rows of the square matrices whose product measures its peak."""


def _seconds(work, device):
    """Seconds of a piece of work, until the device has finished it."""
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _windows(run):
    """Cut the windows of one record: by wfdb once for each beat, or from the whole signal."""
    import wfdb  # a machine with a packed file may lack it

    if run.source.path.is_file():
        raise UserError(f"{run.source.path} is packed; task windows reads WFDB records")
    number = run.config.records[0]
    path, record = str(run.source.path / str(number)), run.lead(number)
    r_peaks = record.sample[record.is_beat]
    r_peaks = r_peaks[(r_peaks >= _BEFORE) & (r_peaks < len(record.signal) - _AFTER)]

    def usual():
        for r in r_peaks:
            wfdb.rdrecord(path, sampfrom=r - _BEFORE, sampto=r + _AFTER, channels=[0])

    def ours():
        signal = wfdb.rdrecord(path, channels=[0]).p_signal[:, 0]
        cut(signal, r_peaks, before=_BEFORE, after=_AFTER, length=_BEFORE + _AFTER)

    cpu = torch.device("cpu")
    seconds = {"usual": _seconds(usual, cpu), "ours": _seconds(ours, cpu)}
    return {"n_beats": len(r_peaks)}, seconds


def _recording(run):
    """Answer a record: by us from its files, by NeuroKit2, if installed, from its samples."""
    path, cpu = run.source.path / str(run.config.records[0]), torch.device("cpu")

    def ours():
        lead = read_lead(open_recording(path))
        return classify(lead, detected(lead), integers.read().program())

    answered = ours()  # warms up
    seconds = {"ours": _seconds(ours, cpu)}
    try:
        import neurokit2
    except ImportError:
        return {"n_beats": len(answered.beats)}, seconds
    signal, fs = answered.lead.signal, answered.lead.fs
    neurokit2.ecg_process(signal[: round(10 * fs)], sampling_rate=fs)  # warms up
    seconds["usual"] = _seconds(lambda: neurokit2.ecg_process(signal, sampling_rate=fs), cpu)
    return {"n_beats": len(answered.beats)}, seconds


def _pretraining(run):
    """Train epochs of the puzzle on the N beats of the training set, both ways."""
    config, x = run.config, run.train.inputs.x[run.train.inputs.y == 0]
    usual, ours = (build(config, len(PERMUTATIONS), run.device) for _ in range(2))
    loss, task = puzzle_loss(usual, config), puzzle_task(ours, x, config)
    return _epochs(run, (usual, (x,), loss), (ours, task))


def _training(run):
    """Train epochs of the whole ECGNet with labels, both ways."""
    config, train = run.config, run.train.inputs
    usual, ours = (build(config, len(CLASSES), run.device) for _ in range(2))
    loss = supervised_loss(usual, class_weights(train.y, config.imbalance))
    task = supervised_task(ours, (train.x,), train.y, config)
    return _epochs(run, (usual, (train.x, train.y), loss), (ours, task))


def _epochs(run, usual, ours):
    """Time the same epochs over a Dataset and over beats that stay on the device."""
    schedule, seed = Schedule.of(run.config), run.config.seed
    (usual_model, tensors, loss), (model, task) = usual, ours
    _flops(run, model, EVERYTHING, model, tensors[0])  # warms up

    def plainly():
        fit_plainly(usual_model, EVERYTHING, tensors, loss, schedule, seed=seed)

    seconds = {
        "usual": _seconds(plainly, run.device),
        "ours": _seconds(lambda: fit(model, EVERYTHING, task, schedule, seed=seed), run.device),
    }
    flops = _flops(run, model, EVERYTHING, model, tensors[0]) * schedule.epochs * len(task)
    return {"n_beats": len(task), **_attained(run, flops, seconds["ours"])}, seconds


def _online(run):
    """Time the online stage of some patients.

    In the usual way, only the first few patients are timed, and the seconds are scaled to all.
    """
    config, train = run.config, run.train.inputs
    chosen = dict(list(run.patients.items())[: config.patients])
    few = dict(list(chosen.items())[: config.usual_patients])
    pretext = build(config, len(PERMUTATIONS), run.device)
    reduced = config.precision != "fp32"
    with running(config.precision, "native", run.device) if reduced else nullcontext():
        _flops(run, pretext, EVERYTHING, pretext, train.x)  # warms up
        stages = {}

        def ours():
            stages.update(personalize(pretext, train, chosen, config)[1])

        seconds = {"ours": _seconds(ours, run.device)}
        plainly = _seconds(lambda: personalize_plainly(pretext, train, few, config), run.device)
        flops = _finetuning_flops(run, pretext, len(chosen))
        measured = {"n_beats": len(train), **_attained(run, flops, stages["finetune"])}
    seconds |= {"usual": plainly * len(chosen) / len(few)}
    return {**measured, "stages": stages}, seconds


def _finetuning_flops(run, pretext, n_patients):
    """Number of operations of the fine-tunings in our way."""
    config, x = run.config, run.train.inputs.x
    model = empty_network(pretext, config)
    if config.finetune == "all":
        flops = _flops(run, model, EVERYTHING, model, x)
    else:
        some = model.features(x[: config.batch_size]).detach()
        flops = _flops(run, model, HEAD, model.classify, some)
    networks = n_patients if STRATEGIES[config.strategy].parts else 1
    return flops * networks * config.epochs * len(x)


def _flops(run, model, parts, forward, inputs):
    """Floating-point operations of a training step, divided by the beats of its batch."""
    train_only(model, parts)
    batch = inputs[: run.config.batch_size]
    counter = counted(lambda: forward(batch).sum().backward())
    model.zero_grad()
    model.eval()
    return counter.get_total_flops() / len(batch)


def _attained(run, flops, seconds):
    """Operations a second, and the device's peak in the format of the run.

    On a GPU, products in fp32 use TF32: by PyTorch's default for convolutions, and by ours for
    the products that replace them. So the peak is that of TF32.
    """
    device, n = run.device, _N_ROWS[run.device.type]
    a, b = torch.randn(2, n, n, device=device, dtype=DTYPES[run.config.precision])
    with products_as_convolutions():
        peak = 2 * n**3 / fastest(lambda: _seconds(lambda: a @ b, device))
    attained = flops / seconds
    return {"flops": attained, "peak_flops": peak, "share_of_peak": attained / peak}


def _inference(run):
    """Time one beat in every runtime; needs ONNX Runtime and a C compiler."""
    from ecglib.deploy.forms import in_every_form

    return {"networks": in_every_form().to_dict("index")}, {}


TASKS = {
    "windows": _windows,
    "recording": _recording,
    "pretraining": _pretraining,
    "training": _training,
    "online": _online,
    "inference": _inference,
}
"""Name of a piece of work -> function from a run to metrics and seconds."""


@dataclass(frozen=True, kw_only=True)
class SpeedConfig(RunConfig, PersonalizedSettings, PrecisionSettings):
    """One piece of work, done in the usual way and in ours, on the same machine in one run.

    Attributes
    ----------
    task : {"windows", "recording", "pretraining", "training", "online", "inference"}
        "windows" cuts the beats of a record, "recording" finds and classifies them (the usual
        way is NeuroKit2's `ecg_process`, which knows no classes), "pretraining" trains the
        puzzle, "training" trains with labels, "online" is the online stage of all patients, and
        "inference" computes one beat in every runtime.
    patients : int
        Number of patients of an online stage.
    usual_patients : int
        Number of patients that are timed in the usual way; the seconds are scaled to all.
    threads : int
        Threads of PyTorch on a processor.
    """

    timed = True
    arm_keys = ("task", "strategy", "finetune", "patients", "threads", "precision")

    strategy: str = setting("head_only", one_of=STRATEGIES)
    task: str = setting("online", one_of=TASKS)
    patients: int = setting(22, low=1)
    usual_patients: int = setting(22, low=1)
    threads: int = setting(1, above=0)

    def check(self):
        super().check()
        if self.usual_patients > self.patients:
            raise UserError(
                f"usual_patients is {self.usual_patients}, more than patients: {self.patients}"
            )


@study("speed", SpeedConfig)
def run_speed(run):
    """Time one task of the study both ways."""
    with torch_threads(run.config.threads):
        measured, seconds = TASKS[run.config.task](run)
    if "usual" in seconds:
        measured["ratio"] = seconds["usual"] / seconds["ours"]
    return {"metrics": measured, "runtime_s": seconds}
