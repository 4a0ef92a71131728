"""Studies of reduced precision: 16-bit formats and 8-bit integers."""

import torch

from ecglib.config import pretext_of
from ecglib.personalize.online import personalize
from ecglib.precision import running


def run_precision(run):
    """The whole pipeline of paper 1 in one number format, every patient personalized."""
    config, device = run.config, run.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with running(config.precision, config.precision_impl, device):
        model, story = run.pretext(pretext_of(config))
    with running(config.precision, config.precision_impl, device) as tally:
        predicted, seconds = personalize(model, run.train.inputs, run.patients, config)
    predicted = run.in_order(predicted)
    more = {"steps": story["steps"] + tally.steps, "skipped": story["skipped"] + tally.skipped}
    if device.type == "cuda":  # of a CPU's memory nobody keeps such a count
        more["peak_memory_bytes"] = torch.cuda.max_memory_allocated(device)
    seconds = {"pretrain": story["seconds"], **seconds}
    return run.outcome(predicted, seconds, ec57=run.ec57(predicted), **more)
