"""Speed as ratios: the usual way and ours, on the same work, in one run."""

import copy
import ctypes
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset

from ecglib.config import PersonalizationConfig
from ecglib.data import sources
from ecglib.data.inputs import pick_device, to_inputs
from ecglib.data.mitdb import load_beats
from ecglib.data.windows import cut
from ecglib.deploy import toolchain
from ecglib.deploy.c99 import write_c
from ecglib.deploy.latency import as_callable, time_calls, torch_threads
from ecglib.deploy.lower import lower
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed
from ecglib.models.ecgnet import PARTS, ECGNet, ECGNetConfig
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.personalize.online import adapt, finetune, personalize
from ecglib.pretrain import build
from ecglib.quant import calibrate, freeze_ranges, quantize
from ecglib.tasks import SupervisedTask
from ecglib.train import Schedule, fit, predict

RECORDS = (101, 106, 118, 124, 207, 223, 100, 103, 200, 202)
"""Six training and four test records: enough work to time, little enough to wait for."""

CHANNELS = (16, 32, 64, 128, 128)


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _extraction(source):
    """Windows of one record: wfdb once a beat, against one indexing of the whole signal."""
    import wfdb

    path = str(source.path / "100")
    annotation = wfdb.rdann(path, "atr")
    sample = annotation.sample[(annotation.sample > 150) & (annotation.sample < 100_000)]

    def per_beat():
        for r in sample:
            wfdb.rdrecord(path, sampfrom=r - 150, sampto=r + 150, channels=[0])

    def vectorised():
        signal = wfdb.rdrecord(path, channels=[0]).p_signal[:, 0]
        cut(signal, sample, before=150, after=150, length=300)

    return _seconds(per_beat), _seconds(vectorised)


def _training(train, config):
    """One epoch of ECGNet: Dataset and DataLoader, against beats that stay on the device."""
    model = build(config, n_outputs=3, device=train.x.device)
    schedule = Schedule(1, config.batch_size, config.learning_rate, config.weight_decay)

    def with_loader():
        network = copy.deepcopy(model).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate)
        loader = DataLoader(TensorDataset(train.x, train.y), config.batch_size, shuffle=True)
        for x, y in loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()

    def resident():
        network = copy.deepcopy(model)
        fit(network, PARTS, SupervisedTask(network, (train.x,), train.y), schedule, seed=0)

    return _seconds(with_loader), _seconds(resident)


def _online(train, patients, config):
    """Online stage of some patients: everything anew for each, against shared work once."""
    pretext = build(config, n_outputs=6, device=train.x.device)

    def plain():
        for beats, online in patients.values():
            model = adapt(pretext, beats.x[torch.from_numpy(online)], config)
            finetune(model, train, config)
            predict(model, beats)

    return _seconds(plain), _seconds(lambda: personalize(pretext, train, patients, config))


def bench(data_root=None):
    """Measure every task once.

    Parameters
    ----------
    data_root : path, optional
        Where the records are; synthetic patients stand in if there are none.

    Returns
    -------
    DataFrame
        Task -> seconds the usual way, seconds our way, ratio.
    """
    source = sources.find(data_root=data_root, records=RECORDS, allow_synthetic=True)
    config = PersonalizationConfig(
        channels=CHANNELS, records=RECORDS, strategy="head_only", epochs=2, online_epochs=2
    )
    device = pick_device("cpu")
    train_side, test_side = config.sides()
    train = to_inputs(load_beats(source.path, train_side), config, device)
    patients = {}
    for record in test_side:
        beats = load_beats(source.path, [record], fusion="keep")
        patients[record] = (to_inputs(beats, config, device), beats.before(300))
    none = PersonalizationConfig(**{**config.to_dict(), "strategy": "none"})
    times = {
        "windows of one record": _extraction(source),
        "one epoch of ECGNet": _training(train, config),
        "online stage, head_only, 4 patients": _online(train, patients, config),
        "online stage, none, 4 patients": _online(train, patients, none),
    }
    frame = pd.DataFrame(times, index=["usual, s", "ours, s"]).T
    return frame.assign(ratio=frame["usual, s"] / frame["ours, s"])


@torch.no_grad()
def _centred(model, *inputs):
    """The network with outputs of mean 0 on these beats, so that it names every class."""
    model.out.bias -= model(*inputs).mean(dim=0)
    return model


def _in_every_form(model, inputs, folder):
    """Milliseconds of one beat in every runtime, and how often C answers as NumPy does."""
    rounded = quantize(_centred(model, *inputs), "all_int8")
    calibrate(rounded, *inputs)
    freeze_ranges(rounded)
    program, arrays = lower(rounded), [tensor.numpy() for tensor in inputs]
    source, _ = write_c(program, folder, type(model).__name__.lower())
    classify = toolchain.library(source, "-O3", "-march=native").classify
    beat = program.to_bytes("beat", arrays[0].reshape(len(arrays[0]), -1, model.config.n_times))
    timing = len(arrays) > 1
    rr = program.to_bytes("rr", arrays[1]) if timing else np.zeros((len(beat), 1), np.int8)
    for form, network in (("fp32", model), ("int8", rounded)):
        export_onnx(network, folder / f"{form}.onnx", "none" if form == "fp32" else "all_int8")
    runtimes = {"PyTorch fp32": as_callable(model)}
    runtimes |= {f"ONNX Runtime {f}": Deployed(folder / f"{f}.onnx") for f in ("fp32", "int8")}
    with torch_threads(1):
        timed = time_calls(runtimes, arrays[0], arrays[-1], 1, 100)
    row = {name: 1e3 * float(np.median(seconds)) for name, seconds in timed.items()}
    places = [(a.ctypes.data, b.ctypes.data) for a, b in zip(beat, rr, strict=True)]
    answers, start = [], time.perf_counter()
    for beat_at, rr_at in places:
        answers.append(classify(ctypes.c_void_p(beat_at), ctypes.c_void_p(rr_at)))
    row["C int8"] = 1e3 * (time.perf_counter() - start) / len(places)
    chunks = [slice(i, i + 50) for i in range(0, len(beat), 50)]
    expected = [program.run(beat[i], rr[i] if timing else None).argmax(axis=1) for i in chunks]
    row["C as NumPy, %"] = 100 * float(np.mean(np.array(answers) == np.concatenate(expected)))
    return row


def bench_inference(n_beats=1000):
    """One beat in PyTorch, ONNX Runtime and C, for both networks at full size, on one core.

    Weights are random: answers mean nothing, that they agree does.

    Parameters
    ----------
    n_beats : int
        Beats on which C and NumPy's integers are compared.

    Returns
    -------
    DataFrame
        Network -> milliseconds, and the share of equal answers.

    Raises
    ------
    UserError
        If there is no C compiler.
    """
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    beats = torch.randn(n_beats, 300, generator=generator).cumsum(dim=1)
    beats = (beats - beats.mean(dim=1, keepdim=True)) / beats.std(dim=1, keepdim=True)
    small = (torch.randn(n_beats, *size, generator=generator) for size in ((2, 64), (8,)))
    networks = {
        "ECGNet, 64 to 512 filters": (ECGNet(ECGNetConfig()).eval(), [beats]),
        "MicroNet": (MicroNet(MicroNetConfig(n_rr=8)).eval(), list(small)),
    }
    rows = {}
    for name, (model, inputs) in networks.items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = _in_every_form(model, inputs, Path(folder))
    return pd.DataFrame(rows).T
