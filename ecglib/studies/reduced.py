"""Studies of reduced precision: 16-bit formats and 8-bit integers."""

from dataclasses import asdict

import torch
from tqdm import tqdm

from ecglib.config import BaselineConfig, fp32_twin, pretext_of, twin_of
from ecglib.personalize.online import Stopwatch, personalize
from ecglib.personalize.quantized import QuantizedStage
from ecglib.quant import coverage
from ecglib.training import numerics
from ecglib.training.loop import predict
from ecglib.training.precision import running


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


def run_numerics(run):
    """A trained network in 16 bits: errors by layer, exponents, decisions, memory."""
    config = run.config
    model, _ = run.supervised(twin_of(config, BaselineConfig))
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
        *(predicted, dict(watch.seconds)),
        **{"layers": layers, "exponents": exponents, "saved_bytes": kept, **borders},
    )


def run_int8(run):
    """Networks of the fp32 twin, rounded, and their scores on the test side."""
    watch = Stopwatch()
    if run.config.pipeline == "baseline":
        model, seconds = run.rounded(run.config)
        with watch.stage("predict"):
            predicted = predict(model, run.test.inputs)
    else:
        stage, by_record, online = QuantizedStage(run.train.inputs, run.config), {}, 0.0
        for record, fp32, spent in tqdm(run.personalized(fp32_twin(run.config)), leave=False):
            model = stage.quantized(fp32)
            with watch.stage("predict"):
                by_record[record] = predict(model, run.patients[record][0])
            online += spent
        predicted, seconds = run.in_order(by_record), {"online": online, **stage.watch.seconds}
    layers = [asdict(row) | {"n_bytes": row.n_bytes} for row in coverage(model)]
    return run.outcome(
        *(predicted, {**seconds, **watch.seconds}),
        ec57=run.ec57(predicted),
        layers=layers,  # of a personalized pipeline: those of the last patient's network
        weight_bytes=sum(layer["n_bytes"] for layer in layers),
    )
