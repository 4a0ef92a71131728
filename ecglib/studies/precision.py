"""Study of number formats: the whole pipeline of paper 1 in fp32, fp16 or bf16."""

from dataclasses import dataclass

import torch

from ecglib.personalize.online import personalize
from ecglib.personalize.strategies import STRATEGIES
from ecglib.puzzle import PERMUTATIONS
from ecglib.studies.personalization import PersonalizedSettings
from ecglib.studies.puzzle import PuzzleConfig
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training.on_beats import train_pretext
from ecglib.training.precision import PrecisionSettings, running


@dataclass(frozen=True, kw_only=True)
class PrecisionConfig(RunConfig, PersonalizedSettings, PrecisionSettings):
    """The whole pipeline of paper 1 in a number format, including the offline stage."""

    arm_keys = ("precision", "precision_impl", "strategy", "norm", "split")

    strategy: str = setting("head_only", one_of=STRATEGIES)


@dataclass(frozen=True, kw_only=True)
class ReducedPuzzleConfig(PuzzleConfig, PrecisionSettings):
    """An offline stage in a number format, which several runs of this study share."""

    arm_keys = ("precision", "precision_impl", "norm", "split")


def pretext_in_format(run, config):
    """The pretext network of a run in its number format, and the record of its training."""
    kind = PuzzleConfig if config.precision == "fp32" else ReducedPuzzleConfig
    twin = twin_of(config, kind)
    return run.shared_network(twin, train_pretext, n_outputs=len(PERMUTATIONS))


@study("precision", PrecisionConfig)
def run_precision(run):
    """Run the whole pipeline of paper 1 in one number format, for every patient."""
    config, device = run.config, run.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with running(config.precision, config.precision_impl, device):
        model, story = pretext_in_format(run, config)
    with running(config.precision, config.precision_impl, device) as tally:
        predicted, seconds = personalize(model, run.train.inputs, run.patients, config)
    predicted = run.in_order(predicted)
    more = {"steps": story["steps"] + tally.steps, "skipped": story["skipped"] + tally.skipped}
    if device.type == "cuda":  # on a CPU, PyTorch does not count the memory
        more["peak_memory_bytes"] = torch.cuda.max_memory_allocated(device)
    seconds = {"pretrain": story["seconds"], **seconds}
    return run.outcome(predicted, seconds, ec57=run.ec57(predicted), **more)
