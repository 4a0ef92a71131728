"""Study of deployed networks: agreement of answers, bytes on disk, time of a call."""

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache

import numpy as np

from ecglib.deploy.latency import as_callable, summarize, time_calls, torch_threads
from ecglib.deploy.onnx import export_onnx
from ecglib.deploy.runtime import Deployed, classes_of, require_agreement
from ecglib.personalize.quantized import RoundingSettings
from ecglib.quant.scopes import SCOPES
from ecglib.quant.sqnr import output_sqnr
from ecglib.studies.baseline import BaselineConfig, LabelledSettings, supervised
from ecglib.studies.int8 import RoundedConfig, rounded
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training.loop import predict

RUNTIMES = ("torch_fp32", "ort_fp32", "ort_int8")
"""Names of the runtimes: PyTorch, and ONNX Runtime with the fp32 or the INT8 file."""

NOISE_BEATS = 1024
"""Number of test beats on which the noise of each layer is measured; no choice depends on
it."""


@dataclass(frozen=True, kw_only=True)
class LatencyConfig(RunConfig, LabelledSettings, RoundingSettings):
    """One deployed network: its answers, its bytes, and the time of a call.

    Attributes
    ----------
    runtime : {"torch_fp32", "ort_fp32", "ort_int8"}
        One of `RUNTIMES`; those with the same `batch` are timed in turn, in one session.
    batch, threads : int
        Beats of a call, and threads that it may use.
    calls : int
        Timed calls.
    """

    timed = True
    arm_keys = ("runtime", "scope", "channels_text", "batch", "threads", "split")

    scope: str = setting("all_int8", one_of=SCOPES)
    runtime: str = setting("ort_int8", one_of=RUNTIMES)
    batch: int = setting(1, above=0)
    threads: int = setting(1, above=0)
    calls: int = setting(1000, above=0)

    @property
    def channels_text(self):
        """Number of filters of the last block, which distinguishes narrow and wide networks."""
        return f"to{self.channels[-1]}"


class Deployment:
    """The fp32 and the INT8 network of a run in PyTorch, as files, and in ONNX Runtime.

    Work that does not depend on the batch is done once. The runtimes are timed in turn, in one
    session.

    Parameters
    ----------
    run : Run
        Run of study latency; its networks are trained first if they are not on disk.
    """

    def __init__(self, run):
        twins = twin_of(run.config, BaselineConfig), twin_of(run.config, RoundedConfig)
        self.inputs = run.test.inputs
        self.fp32 = supervised(run, twins[0])[0].cpu()
        self.int8 = rounded(run, twins[1])[0].cpu()
        self.paths = {
            "ort_fp32": run.checkpoint(twins[0], ".onnx"),
            "ort_int8": run.checkpoint(twins[1], ".onnx"),
        }
        export_onnx(self.fp32, self.paths["ort_fp32"], "none")
        export_onnx(self.int8, self.paths["ort_int8"], run.config.scope)
        self.classes, self.timed = cache(self._classes), cache(self._timed)

    def _classes(self, name):
        """Classes (n_beats,) of the test set from a runtime, and metrics of the runtime."""
        if name == "torch_fp32":
            return predict(self.fp32, self.inputs), {}
        if name == "torch_int8":  # the fake-quantized network, the reference of ort_int8
            return predict(self.int8, self.inputs), {}
        deployed = Deployed(self.paths[name])
        classes = classes_of(deployed, self.inputs)
        reference, _ = self.classes("torch_" + name.removeprefix("ort_"))
        facts = {
            "file_bytes": deployed.path.stat().st_size,
            "integer_layers": deployed.integer_layers(),
            "exact": deployed.exact,
            "agreement": require_agreement(deployed, classes, reference),
        }
        if name == "ort_int8":
            some = self.inputs.x[:NOISE_BEATS], self.inputs.rr[:NOISE_BEATS]
            facts["output_sqnr_db"] = output_sqnr(self.fp32, self.int8, *some)
        return classes, facts

    def _timed(self, batch, threads, calls):
        """Start of a session, and the seconds of its calls by runtime."""
        started = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        runtimes = {"torch_fp32": as_callable(self.fp32)}
        runtimes |= {n: Deployed(path, threads=threads) for n, path in self.paths.items()}
        x, rr = (np.ascontiguousarray(t.cpu().numpy()) for t in (self.inputs.x, self.inputs.rr))
        with torch_threads(threads):
            return started, time_calls(runtimes, x, rr, batch, calls)


_DEPLOYED = {}
"""Network, data and folder -> the `Deployment` of this process."""


@study("latency", LatencyConfig)
def run_latency(run):
    """Time one runtime, in one session with the others of the same batch and threads."""
    config = run.config
    key = twin_of(config, RoundedConfig), run.data["sha256"], run.runs
    if key not in _DEPLOYED:
        _DEPLOYED[key] = Deployment(run)
    deployment = _DEPLOYED[key]
    predicted, facts = deployment.classes(config.runtime)
    session, seconds = deployment.timed(config.batch, config.threads, config.calls)
    times = seconds[config.runtime]
    return run.outcome(
        predicted,
        {"calls": float(times.sum())},
        **(facts | summarize(times)),
        session=session,
    )
