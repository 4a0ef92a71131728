"""Time of one beat in every form of a network: PyTorch, ONNX Runtime, C."""

import ctypes
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.latency import as_callable, time_calls, torch_threads
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed
from ecglib.models.ecgnet import ECGNet, ECGNetConfig
from ecglib.models.micronet import MicroNet, MicroNetConfig
from ecglib.quant import calibrate, freeze_ranges, quantize

N_BEATS = 1000
"""Number of beats on which C and NumPy's integers are compared."""


@torch.no_grad()
def _centred(model, *inputs):
    """The network with outputs of mean 0 on these beats, so that it predicts every class."""
    model.out.bias -= model(*inputs).mean(dim=0)
    return model


def every_form(model, inputs, folder):
    """Milliseconds of one beat in every runtime, and how often C and NumPy agree."""
    rounded = quantize(_centred(model, *inputs), "all_int8")
    calibrate(rounded, *inputs)
    freeze_ranges(rounded)
    program, arrays = lower(rounded), [tensor.numpy() for tensor in inputs]
    source, _ = write_c(program, folder, type(model).__name__.lower())
    classify = harness.library(source, "-O3", "-march=native").classify
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
    expected = program.run(beat, rr if timing else None).argmax(axis=1)
    row["C as NumPy, %"] = 100 * float(np.mean(np.array(answers) == expected))
    return row


def in_every_form():
    """One beat in PyTorch, ONNX Runtime and C, for both networks at full size, on one core.

    The weights are random, so only the agreement of the answers has a meaning. A C compiler is
    needed.

    Returns
    -------
    DataFrame
        Network -> milliseconds, and the share of equal answers.
    """
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    beats = torch.randn(N_BEATS, 300, generator=generator).cumsum(dim=1)
    beats = (beats - beats.mean(dim=1, keepdim=True)) / beats.std(dim=1, keepdim=True)
    small = (torch.randn(N_BEATS, *size, generator=generator) for size in ((2, 64), (8,)))
    networks = {
        "ECGNet, 64 to 512 filters": (ECGNet(ECGNetConfig()).eval(), [beats]),
        "MicroNet": (MicroNet(MicroNetConfig(n_rr=8)).eval(), list(small)),
    }
    rows = {}
    for name, (model, inputs) in networks.items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = every_form(model, inputs, Path(folder))
    return pd.DataFrame(rows).T
