"""Study of one network in 16 bits: errors by layer, exponents, decisions, memory."""

from dataclasses import dataclass

from ecglib.personalize.online import Stopwatch
from ecglib.studies.baseline import BaselineConfig, LabelledSettings, supervised
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.system.settings import setting
from ecglib.training import numerics


@dataclass(frozen=True, kw_only=True)
class NumericsConfig(RunConfig, LabelledSettings):
    """Effects of a 16-bit format on the layers and decisions of one trained network.

    Attributes
    ----------
    precision : {"fp16", "bf16"}
        Emulated format, which is compared with fp32.
    traced_beats : int
        Number of training beats whose activations and gradients are compared.
    """

    arm_keys = ("precision", "norm", "split")
    precision: str = setting("fp16", one_of=("fp16", "bf16"))
    traced_beats: int = setting(512, above=0)


@study("numerics", NumericsConfig)
def run_numerics(run):
    """Measure a trained network in 16 bits: errors by layer, exponents, decisions, memory."""
    config = run.config
    model, _ = supervised(run, twin_of(config, BaselineConfig))
    model = model.cpu()
    traced = run.train.inputs.drawn(config.traced_beats, config.seed).to("cpu")
    x, y = traced.x, traced.y
    watch = Stopwatch()
    with watch.stage("trace"):
        layers = numerics.layer_errors(model, x, y, config.precision)
        exponents = numerics.exponents(model, x, y)
    with watch.stage("predict"):
        predicted, borders = numerics.decisions(
            model, run.test.inputs.to("cpu"), config.precision
        )
    batch = x[: config.batch_size], y[: config.batch_size]
    kept = {
        name: numerics.saved_bytes(model, *batch, name) for name in ("fp32", config.precision)
    }
    return run.outcome(
        predicted,
        dict(watch.seconds),
        layers=layers,
        exponents=exponents,
        saved_bytes=kept,
        **borders,
    )
