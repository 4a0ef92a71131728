"""Study of the human in the loop with ECGNet: does the gain depend on the network?"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from ecglib.data.inputs import ShareSettings
from ecglib.models import ecgnet
from ecglib.personalize.budget import Anatomy, AskingSettings
from ecglib.studies.baseline import BaselineConfig, LabelledSettings, supervised
from ecglib.studies.budget import loop, patient_of, replay_of
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.errors import UserError
from ecglib.system.settings import setting

ECGNET = Anatomy(
    body=lambda model, x, rr: (model.features(x), rr),
    head=(*ecgnet.HEAD, "rr"),
    output=("out",),
    last_block=("conv5", "rr", *ecgnet.HEAD),
)


@dataclass(frozen=True, kw_only=True)
class EcgnetBudgetConfig(RunConfig, ShareSettings, LabelledSettings, AskingSettings):
    """The same as in study `budget`, with ECGNet and RR ratios."""

    arm_keys = ("budget", "query", "update", "split")
    features: ClassVar[str] = "beat+rr"

    normalization: str = setting("zscore", one_of=("zscore", "record", "none"))

    def check(self):
        super().check()
        if self.update not in ("none", "head"):
            raise UserError(f"update is {self.update}; ECGNet is asked with none or head")


@study("budget_ecgnet", EcgnetBudgetConfig)
def run_budget_ecgnet(run):
    """Personalize ECGNet with RR ratios, which study `baseline` has trained."""
    model, _ = supervised(run, twin_of(run.config, BaselineConfig))
    replay = replay_of(run.train.inputs, run.train.beats.record, run.config)
    patients = {}
    for record in run.config.sides()[1]:
        rows = torch.from_numpy(run.test_beats.record == record)
        patients[record] = patient_of(run, record, run.test.inputs.select(rows))
    return loop(run, ECGNET, [(model, replay, tuple(patients))], patients)
