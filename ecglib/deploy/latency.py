"""Time of one call for several runtimes, which take turns under the same load of the
machine."""

import time
from contextlib import contextmanager

import numpy as np
import torch

from ecglib.system.errors import UserError

ROUND = 20
"""Number of calls of one runtime before the next one's turn."""

PERCENTILES = (50, 95, 99)


@contextmanager
def torch_threads(number):
    """Let PyTorch use `number` threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_callable(model):
    """A PyTorch network as a function of arrays, like `ecglib.deploy.runtime.Deployed`."""

    @torch.inference_mode()
    def call(x, rr):
        return model(torch.from_numpy(x), torch.from_numpy(rr)).numpy()

    return call


def time_calls(runtimes, x, rr, batch, n_calls):
    """Seconds of single calls, (n_calls,) by name of the runtime.

    Parameters
    ----------
    runtimes : dict of str to callable
        Name -> function of beats (batch, n_times) and RR ratios (batch, n_rr).
    x, rr : ndarray, shape (n_beats, ...)
        Beats from which batches are taken, one after another.
    batch, n_calls : int
        Beats of a call (`UserError` if there are fewer), and number of timed calls of each
        runtime. A round of calls before them is not timed.
    """
    if len(x) < batch:
        raise UserError(f"batch is {batch}, but there are {len(x)} beats; lower batch")
    starts = np.arange(n_calls) * batch % max(1, len(x) - batch)
    seconds = {name: [] for name in runtimes}
    for call in runtimes.values():
        for start in starts[:ROUND]:
            call(x[start : start + batch], rr[start : start + batch])
    for first in range(0, n_calls, ROUND):
        for name, call in runtimes.items():
            for start in starts[first : first + ROUND]:
                beats, ratios = x[start : start + batch], rr[start : start + batch]
                before = time.perf_counter()
                call(beats, ratios)
                seconds[name].append(time.perf_counter() - before)
    return {name: np.array(values) for name, values in seconds.items()}


def summarize(seconds):
    """Percentiles of call times in milliseconds.

    Examples
    --------
    >>> summarize(np.array([0.001, 0.002, 0.003]))["p50_ms"]
    2.0
    """
    values = np.percentile(1e3 * seconds, PERCENTILES)
    return {f"p{p}_ms": float(v) for p, v in zip(PERCENTILES, values, strict=True)}
