"""Study of 8-bit integers: trained networks are rounded, and may be trained further."""

from dataclasses import dataclass
from typing import ClassVar

from tqdm import tqdm

from ecglib.personalize.online import Stopwatch
from ecglib.personalize.quantized import QuantizedStage, RoundingSettings
from ecglib.personalize.strategies import STRATEGIES
from ecglib.quant import quantize
from ecglib.quant.coverage import described
from ecglib.studies.baseline import BaselineConfig, supervised
from ecglib.studies.personalization import (
    PersonalizationConfig,
    PersonalizedSettings,
    personalized,
)
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training.loop import predict


@dataclass(frozen=True, kw_only=True)
class Int8Config(RunConfig, PersonalizedSettings, RoundingSettings):
    """A trained network that is rounded to 8-bit integers and may be trained further.

    Attributes
    ----------
    pipeline : {"baseline", "ssl"}
        "baseline" trains on labels only. "ssl" has the puzzle, and the online stage for each
        patient.
    """

    arm_keys = ("pipeline", "scope", "method", "step", "norm", "split")
    # All layers in integers, with the method that four folds of DS1 chose.
    headline: ClassVar[dict] = {
        "pipeline": "baseline",
        "scope": "all_int8",
        "method": "ptq",
        "norm": "none",
        "split": "ds1_ds2",
        "channels": (16, 32, 64, 128, 128),  # of the reference runs with three seeds
    }

    strategy: str = setting("head_only", one_of=STRATEGIES)
    pipeline: str = setting("baseline", one_of=("baseline", "ssl"))

    @property
    def learns_all(self):
        """Whether training after rounding may change all parts and not only the head."""
        return self.pipeline == "baseline" or self.finetune == "all"

    def fp32(self):
        """The fp32 run of the same pipeline, with whose networks this run starts."""
        kind = BaselineConfig if self.pipeline == "baseline" else PersonalizationConfig
        return twin_of(self, kind)


@dataclass(frozen=True, kw_only=True)
class RoundedConfig(BaselineConfig, RoundingSettings):
    """A network that is trained on labels and then rounded; two studies share it."""

    arm_keys = ("scope", "method", "step", "norm", "split")
    learns_all: ClassVar[bool] = True


def rounded(run, config):
    """Network trained on the training set and then rounded, and the seconds of its stages.

    The settings of `RoundedConfig` are read from `config`.
    """
    config = twin_of(config, RoundedConfig)
    fp32, before = supervised(run, twin_of(config, BaselineConfig))

    def make():
        stage = QuantizedStage(run.train.inputs, config)
        state = stage.quantized(fp32).state_dict()
        return state, {"train": before["seconds"], **stage.watch.seconds}

    return run.stored(config, lambda: quantize(fp32, config.scope, step=config.step), make)


@study("int8", Int8Config)
def run_int8(run):
    """Round the networks of the fp32 twin and score them on the test set."""
    watch = Stopwatch()
    if run.config.pipeline == "baseline":
        model, seconds = rounded(run, run.config)
        with watch.stage("predict"):
            predicted = predict(model, run.test.inputs)
    else:
        stage, by_record, online = QuantizedStage(run.train.inputs, run.config), {}, 0.0
        networks = personalized(run, run.config.fp32())
        for record, fp32, spent in tqdm(networks, leave=False):
            model = stage.quantized(fp32)
            with watch.stage("predict"):
                by_record[record] = predict(model, run.patients[record][0])
            online += spent
        predicted, seconds = run.in_order(by_record), {"online": online, **stage.watch.seconds}
    layers = described(model)  # in a personalized pipeline, those of the last patient
    seconds = {**seconds, **watch.seconds}
    return run.outcome(predicted, seconds, ec57=run.ec57(predicted), **layers)
