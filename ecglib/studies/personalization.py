"""Study of personalization: the online stage of paper 1, patient by patient."""

import time
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch

from ecglib.personalize.online import OnlineSettings, OnlineStage, empty_network, personalize
from ecglib.studies.puzzle import FinetunedSettings, pretext
from ecglib.studies.registry import RunConfig, study


@dataclass(frozen=True, kw_only=True)
class PersonalizedSettings(FinetunedSettings, OnlineSettings):
    """Settings of the offline stage, the fine-tuning and the online stage."""


@dataclass(frozen=True, kw_only=True)
class PersonalizationConfig(RunConfig, PersonalizedSettings):
    """Online stage of paper 1, patient by patient."""

    arm_keys = ("strategy", "finetune", "online_seconds", "norm", "split")
    headline: ClassVar[dict] = {
        "strategy": "head_only",
        "finetune": "head",
        "online_seconds": 300,
        "norm": "batch",
        "split": "ds1_ds2",
    }


def personalized(run, config):
    """Networks of the online stage in fp32, made once for all runs that use them.

    Yields
    ------
    tuple of (int, ECGNet, float)
        Record, its network, and the seconds to make the network.
    """
    start, _ = pretext(run, config)
    stage = cache(lambda: OnlineStage(start, run.train.inputs, config))

    def make(x):
        begin = time.perf_counter()
        state = stage().network_for(x).state_dict()
        return state, {"seconds": time.perf_counter() - begin}

    for record, (beats, online) in run.patients.items():
        seen = beats.x[torch.from_numpy(online).to(run.device)]
        model, story = run.stored(
            config,
            lambda: empty_network(start, config),
            lambda x=seen: make(x),
            suffix=f"/{record}.npz",
        )
        yield record, model, story["seconds"]


@study("personalization", PersonalizationConfig)
def run_personalization(run):
    """Run the online stage for every patient of the test set."""
    model, story = pretext(run, run.config)
    predicted, seconds = personalize(model, run.train.inputs, run.patients, run.config)
    predicted = run.in_order(predicted)
    seconds = {"pretrain": story["seconds"], **seconds}
    return run.outcome(predicted, seconds, ec57=run.ec57(predicted))
