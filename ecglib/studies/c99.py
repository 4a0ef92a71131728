"""Study of generated C: a compiled micro network, compared with NumPy and PyTorch."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglib.aami import CLASSES
from ecglib.data.signal.detector import match
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import constant_bytes, write_c
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.program import OFFSET
from ecglib.deploy.c99.streaming import classes_in_c, raw_samples, stream
from ecglib.deploy.c99.taught import follow
from ecglib.models.cost import layer_macs
from ecglib.personalize.learner import Prior
from ecglib.studies.budget import MICRONET, BudgetConfig, known_before, replay_of
from ecglib.studies.micro import MicroRunSettings, fold_networks, inputs_of
from ecglib.studies.registry import RunConfig, study, twin_of
from ecglib.studies.robustness import detection_counts
from ecglib.system.settings import setting
from ecglib.training.loop import predict

COUNTED_BEATS = 100
"""Number of beats whose instructions are counted, by a tool that makes code 50 times slower."""

COUNTED_LABELS = (1, 5, 20)
"""Labels of which the last one's instructions are counted."""

ASKS = 20
"""Labels an hour that the code may ask for."""


@dataclass(frozen=True, kw_only=True)
class C99Config(RunConfig, MicroRunSettings):
    """A micro network as plain C, from raw samples and R-peaks to classes."""

    protocol = 5  # since then the code learns
    timed = True
    arm_keys = ("scope", "bits", "split")

    scope: str = setting("all_int8", one_of=("all_int8",))  # the C code has integers only


@study("c99", C99Config)
def run_c99(run):
    """Run the C code of every fold's network on its test records.

    The metrics have the scores of the C code and more. `exact` is the share of beats for which
    NumPy's integers give the same class. `agreement` is the share for which the fake-quantized
    network does; its input is computed in floating point. `learned_exact` is the share on which
    C and NumPy agree while they ask in doubt and learn. If the tools are there, memory on a
    Cortex-M4 and instructions of a beat and of a label are added. `streamed` has, for each
    record, the results of the C detector and the network on the bare samples.
    """
    config, classes = run.config, {}
    same = {"exact": [], "agreement": [], "learned_exact": []}
    seconds, streamed, asking = 0.0, {}, twin_of(config, BudgetConfig)
    with tempfile.TemporaryDirectory() as folder:
        for test, beats, model, _ in fold_networks(run, config):
            program = lower(model, config.features)
            replay = replay_of(beats.inputs, beats.lead_of, asking)
            prior = Prior.of(*known_before(model, MICRONET, replay))
            source, _ = write_c(program, Path(folder), "micronet")
            learning, _ = write_c(program, Path(folder), "learning", prior)
            code, learner = harness.library(source), harness.library(learning)
            for record in test:
                lead = run.lead(record)
                classes[record], spent = classes_in_c(code, lead)
                sample, fs, gain = lead.sample[lead.is_beat], round(lead.fs), round(lead.gain)
                beat, rr = network_inputs(program, raw_samples(lead), sample, fs, gain)
                reference = program.run(beat, rr).argmax(axis=1)
                floats = predict(model, inputs_of(run, record))
                same["exact"].append(classes[record] == reference)
                same["agreement"].append(classes[record] == floats)
                label, unit = run.beats_of(record).label, program.units(beat, rr)
                taught, _ = classes_in_c(learner, lead, label, ASKS)
                expected, _ = follow(program, prior, unit, sample, fs, label, ASKS)
                same["learned_exact"].append(taught == expected)
                seconds += spent
                streamed[run.dataset.key(record)] = _streamed(run, code, lead)
        facts = _counted(source, beat[:COUNTED_BEATS], rr[:COUNTED_BEATS])
        facts |= _counted_learning(learning, program.units(beat, rr))
    inputs = inputs_of(run, record)
    return run.outcome(
        run.in_order(classes),
        {"classify": seconds},
        **{name: float(np.mean(np.concatenate(parts))) for name, parts in same.items()},
        **facts,
        streamed=streamed,
        constant_bytes=constant_bytes(program),
        macs=sum(layer_macs(model, inputs.x[:1], inputs.rr[:1]).values()),
        us_per_beat=1e6 * seconds / sum(map(len, classes.values())),
    )


def _streamed(run, code, lead):
    """Results of one record as a stream: beats found, counts by class, time, delay."""
    fs = round(lead.fs)
    found = stream(code, raw_samples(lead), fs, round(lead.gain))
    beats = run.beats_of(lead.number)
    matching = match(beats.sample, found.sample, fs)
    counts = detection_counts(beats.label, found.label, matching)
    return {
        "beats": [matching.tp, matching.fn, matching.fp],
        "classes": counts.tolist(),
        "recorded_s": len(lead.signal) / fs,
        "seconds": found.seconds,
        "delay_s": float(np.median(found.known - found.sample)) / fs,
    }


def _counted(source, beat, rr):
    """Memory and instructions, if the tools to count them are there."""
    facts = {}
    if harness.has("arm-none-eabi-gcc"):
        facts |= harness.cortex_m4(source)
        whole = harness.cortex_m4(source, "stream")
        facts |= {f"stream_{k}": whole[k] for k in ("flash_bytes", "ram_bytes")}
    if harness.has("valgrind"):
        feeder = harness.classifier(source, beat[0].size, rr[0].size)
        rows = np.concatenate([beat.reshape(len(beat), -1), rr], axis=1)
        counted = harness.instructions(feeder, rows.tobytes(), len(rows))
        facts["instructions"] = counted
    return facts


def _counted_learning(source, unit):
    """Memory of the whole device, and instructions of a label by how many came before it."""
    facts = {}
    if harness.has("arm-none-eabi-gcc"):
        whole = harness.cortex_m4(source, "device")
        facts |= {f"device_{k}": whole[k] for k in ("flash_bytes", "ram_bytes")}
    if harness.has("valgrind"):
        learner, most = harness.learner(source), max(COUNTED_LABELS)
        some = unit[np.linspace(0, len(unit) - 1, most).round().astype(int)]
        signed = (some.astype(np.int16) - OFFSET).astype(np.int8)
        rows = np.column_stack([signed, np.arange(most) % len(CLASSES)]).astype(np.int8)
        facts["label_instructions"] = {
            n: harness.instructions(learner, rows[:n].tobytes(), 1)
            - harness.instructions(learner, rows[: n - 1].tobytes(), 1)
            for n in COUNTED_LABELS
        }
    return facts
