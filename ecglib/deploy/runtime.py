"""ONNX files in ONNX Runtime, and a check that their answers are right on this processor."""

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from ecglib.deploy.onnx import read_onnx
from ecglib.system import machine
from ecglib.system.errors import UserError

LEAST_AGREEMENT = 0.999
"""Least share of beats for which a deployed and its exported network must agree."""

_INTEGER_KERNELS = ("QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat")


class Deployed:
    """A network in ONNX Runtime, called with arrays.

    Parameters
    ----------
    path : Path
        File from `ecglib.deploy.onnx.export_onnx`; `UserError` if it is from another program.
    threads : int
        Threads of one call.
    exact : bool, optional
        Whether products of bytes are added in 32 bits, which is slower, on processors that
        would clip them at 16 bits. By default `ecglib.system.machine.saturates` decides.
    """

    def __init__(self, path, *, threads=1, exact=None):
        read_onnx(path)
        self.path = Path(path)
        self.exact = machine.saturates() if exact is None else exact
        self.session = self._open(threads)
        self.inputs = [i.name for i in self.session.get_inputs()]

    def _open(self, threads, optimized=None):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        if self.exact:
            options.add_session_config_entry("session.x64quantprecision", "1")
        if optimized:
            options.optimized_model_filepath = str(optimized)
        providers = ["CPUExecutionProvider"]
        return onnxruntime.InferenceSession(str(self.path), options, providers=providers)

    def __call__(self, *arrays):  # (B, n_times), (B, n_rr) -> (B, n_outputs)
        """Logits of beats and, if the network has been built for them, RR ratios."""
        feed = dict(zip(self.inputs, arrays, strict=False))
        return self.session.run(None, feed)[0]

    def kernels(self):
        """Number of operations of each type in the runtime's optimized graph."""
        with tempfile.TemporaryDirectory() as folder:
            optimized = Path(folder) / "optimized.onnx"
            self._open(1, optimized)
            return Counter(node.op_type for node in onnx.load(optimized).graph.node)

    def integer_layers(self):
        """Number of layers that the runtime computes in integers."""
        found = self.kernels()
        return sum(found[kernel] for kernel in _INTEGER_KERNELS)


def classes_of(deployed, inputs, batch_size=256):
    """Classes (n_beats,) int8 that a deployed network predicts for beats.

    Parameters
    ----------
    deployed : callable
        Function from arrays of beats and RR ratios to logits.
    inputs : Inputs
        Beats.
    batch_size : int
        Beats of a call.
    """
    x, rr = inputs.x.cpu().numpy(), inputs.rr.cpu().numpy()
    starts = range(0, len(x), batch_size)
    logits = [deployed(x[i : i + batch_size], rr[i : i + batch_size]) for i in starts]
    return np.concatenate(logits).argmax(axis=1).astype(np.int8)


def require_agreement(deployed, classes, expected, least=LEAST_AGREEMENT):
    """Share of beats for which a deployed network agrees with its exported network.

    Parameters
    ----------
    deployed : Deployed
        The file in its runtime.
    classes, expected : ndarray, shape (n_beats,)
        Classes from `classes_of`, and those of the exported network, fp32 or fake-quantized.
    least : float
        Least share; if it is smaller, a `UserError` is raised.

    Returns
    -------
    float
    """
    share = float(np.mean(classes == expected))
    if share < least:
        raise UserError(
            f"{deployed.path} agrees with its network on {share:.1%} of the beats, fewer than "
            f"{least:.1%}; export it again or, if this processor clips sums of 8-bit products, "
            "open it with exact=True"
        )
    return share
