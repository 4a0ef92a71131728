"""Quantization as the last stage: after training on labels, or after the online stage."""

from dataclasses import dataclass

from ecglib.models.ecgnet import EVERYTHING, HEAD
from ecglib.personalize.online import Stopwatch, backbone_stays
from ecglib.personalize.strategies import STRATEGIES
from ecglib.quant import calibrate, freeze_ranges, quantize
from ecglib.quant.scopes import SCOPES
from ecglib.system.settings import Settings, setting
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.on_beats import supervised_task


@dataclass(frozen=True, kw_only=True)
class RoundingSettings(Settings):
    """How a trained network is rounded to 8-bit integers.

    Attributes
    ----------
    scope : {"none", "head_int8", "shallow_int8", "all_int8"}
        Layers that are rounded to integers.
    method : {"qat", "ptq"}
        `qat` trains the rounded network for `qat_epochs` epochs, `ptq` only calibrates it. With
        scope none, `qat` trains the fp32 network for as long; this is the control of every QAT.
    step : {"minmax", "learned"}
        Scale of the weights, see `ecglib.quant.modules.WeightQuantizer`.
    qat_epochs, qat_learning_rate
        Training after rounding; the ranges of activations are frozen in its last epoch.
    calibration_beats : int
        Number of training beats from which the ranges of activations are measured.
    """

    scope: str = setting("none", one_of=SCOPES)
    method: str = setting("qat", one_of=("qat", "ptq"))
    step: str = setting("minmax", one_of=("minmax", "learned"))
    qat_epochs: int = setting(2, above=0)
    qat_learning_rate: float = setting(1e-4, above=0)
    calibration_beats: int = setting(4096, above=0)


class QuantizedStage:
    """Rounding of the fp32 networks of one run, with training afterwards if the method says so.

    Parameters
    ----------
    train : Inputs
        Labelled beats (N, S, V) of the training set.
    config : RunConfig
        Configuration with `RoundingSettings` and `learns_all`. The latter says whether training
        after rounding may change all parts; if not, only the head learns.
    """

    def __init__(self, train, config):
        self.train, self.config, self.watch = train, config, Stopwatch()
        self.features = None

    def quantized(self, model):
        """The rounded network of an fp32 network, which is not changed."""
        config = self.config
        with self.watch.stage("calibrate"):
            rounded = quantize(model, config.scope, step=config.step)
            if config.scope != "none":
                some = self.train.drawn(config.calibration_beats, config.seed)
                calibrate(rounded, some.x, some.rr)
        if config.method == "qat":
            with self.watch.stage("qat"):
                self._train(rounded)
        return rounded

    def _train(self, model):
        """Train a rounded network; a frozen backbone is rounded, but only the head learns."""
        config, train = self.config, self.train
        if config.learns_all:
            parts, forward, read = EVERYTHING, model, (train.x, train.rr)
        else:
            parts, forward, read = HEAD, model.classify, (self._features_of(model),)
        task = supervised_task(forward, read, train.y, config)
        rate, freeze = config.qat_learning_rate, lambda: freeze_ranges(model)
        schedule = Schedule.of(config, epochs=config.qat_epochs, learning_rate=rate)
        how = {"seed": config.seed, "before_last": freeze, "desc": config.slug}
        fit(model, parts, task, schedule, **how)

    def _features_of(self, model):
        """Features of the training set, computed once if all backbones are the same.

        With AdaBN they are not the same, since every patient has other statistics.
        """
        if STRATEGIES[self.config.strategy].after or not backbone_stays(self.config):
            return in_batches(model.features, self.train.x)
        if self.features is None:
            self.features = in_batches(model.features, self.train.x)
        return self.features
