"""Quantization as the last stage: after training on one side, or after the online stage."""

from ecglib.models.ecgnet import EVERYTHING, HEAD
from ecglib.personalize.online import Stopwatch, backbone_stays
from ecglib.quant import calibrate, freeze_ranges, quantize
from ecglib.training.loop import Schedule, fit, in_batches
from ecglib.training.on_beats import supervised_task


class QuantizedStage:
    """Rounds fp32 networks of one run and, if the method says so, trains them further.

    Parameters
    ----------
    train : Inputs
        Labelled beats (N, S, V) of the training side.
    config : Int8Config
        Scope, method and schedule.
    """

    def __init__(self, train, config):
        self.train, self.config, self.watch = train, config, Stopwatch()
        self.learns_all = config.pipeline == "baseline" or config.finetune == "all"
        self.features = None

    def quantized(self, model):
        """The network of an fp32 one that this run is about; the given one is not changed."""
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
        """Further training; a frozen backbone is rounded, but only the head learns."""
        config, train = self.config, self.train
        if self.learns_all:
            parts, forward, read = EVERYTHING, model, (train.x, train.rr)
        else:
            parts, forward, read = HEAD, model.classify, (self._features_of(model),)
        task = supervised_task(forward, read, train.y, config)
        rate, freeze = config.qat_learning_rate, lambda: freeze_ranges(model)
        schedule = Schedule.of(config, epochs=config.qat_epochs, learning_rate=rate)
        seed, desc = config.seed, config.slug
        fit(model, parts, task, schedule, seed=seed, before_last=freeze, desc=desc)

    def _features_of(self, model):
        """Features of the training side, computed once where all backbones are the same.

        AdaBN has given every patient other statistics by now.
        """
        if self.config.strategy == "adabn" or not backbone_stays(self.config):
            return in_batches(model.features, self.train.x)
        if self.features is None:
            self.features = in_batches(model.features, self.train.x)
        return self.features
