"""The whole device as a program, here and on other processors: asks, is answered, learns."""

import ctypes
import subprocess

import numpy as np
import pytest

from ecglib.aami import CLASSES
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.learning import follow, known_of
from ecglib.deploy.c99.streaming import STREAM_BYTES
from ecglib.personalize.learner import Prior
from tests.tools import needs
from tests.traces import trace

pytestmark = needs("gcc")

FS, GAIN, PER_HOUR = 250, 1000, 400


@pytest.fixture(scope="module")
def network():
    return shipped.load()


@pytest.fixture(scope="module")
def prior(network):
    return Prior.of(*known_of(network.model, replay.load(network, shipped.WEIGHTS).beats))


@pytest.fixture(scope="module")
def source(network, prior, tmp_path_factory):
    return write_c(network.program(), tmp_path_factory.mktemp("device"), "device", prior)[0]


def answer(number):
    """What the wearer says of a beat: mostly the same, so that it has an effect."""
    return (1, 1, 0, 1, 2)[number % 5]


@pytest.fixture(scope="module")
def life(source):
    """What a device heard and said: input as its program reads it, and (time, class, asked)."""
    rate = np.random.default_rng(0).uniform(50, 140, 300)  # irregular, so that it is in doubt
    lead, _ = trace(lambda second: rate[int(3 * second)], FS, 90, noise=0.1)
    code = harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")
    state, time = ctypes.create_string_buffer(STREAM_BYTES), ctypes.c_int32()
    assert code.ecg_open(state, FS, GAIN) == 0
    heard, said = [], []
    for x in np.rint(GAIN * lead).astype(np.int16).tolist():
        heard.append((-1, x))
        found = code.ecg_sample(state, x, ctypes.byref(time))
        if found >= 0:
            asked = code.ecg_ask(state, PER_HOUR)
            said.append((time.value, found, asked))
            if asked:
                heard.append((time.value, answer(len(said))))
                assert code.ecg_label(state, *heard[-1]) == 0
    while (found := code.ecg_close(state, ctypes.byref(time))) >= 0:
        said.append((time.value, found, 0))
    return np.array(heard, np.int32), np.array(said, np.int32)


def test_the_device_asks_and_its_answers_are_those_of_numpy(network, prior, life):
    heard, said = life
    assert 2 <= said[:, 2].sum() <= np.ceil(PER_HOUR * 90 / 3600)
    samples = heard[heard[:, 0] < 0, 1].astype(np.int16)
    program, sample = network.program(), said[:, 0]
    unit = program.units(*network_inputs(program, samples, sample, FS, GAIN))
    label = np.array([answer(number + 1) for number in range(len(sample))])
    expected, asked = follow(program, prior, unit, sample, FS, label, PER_HOUR)
    assert said[:-1, 1].tolist() == expected[:-1].tolist()  # the last window ends elsewhere
    assert np.flatnonzero(said[:, 2]).tolist() == asked
    untaught = program.run(*network_inputs(program, samples, sample, FS, GAIN)).argmax(axis=1)
    assert (untaught != said[:, 1]).any()


def run(program, heard, *emulator):
    done = subprocess.run(
        [*emulator, program], input=heard.tobytes(), capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, np.int32).reshape(-1, 3)


@pytest.mark.parametrize("sanitizer", ["undefined", "address"])
def test_sanitizers_find_nothing(source, life, sanitizer):
    options = (f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-g")
    program = harness.device(source, FS, GAIN, PER_HOUR, "gcc", *options)
    assert np.array_equal(run(program, life[0]), life[1])


@needs("aarch64-linux-gnu-gcc")
@needs("qemu-aarch64")
def test_on_aarch64(source, life):
    program = harness.device(source, FS, GAIN, PER_HOUR, "aarch64-linux-gnu-gcc", "-static")
    assert np.array_equal(run(program, life[0], "qemu-aarch64"), life[1])


@needs("arm-none-eabi-gcc")
@needs("qemu-arm")
def test_code_for_a_cortex_m4(source, life):
    program = harness.device(source, FS, GAIN, PER_HOUR, "arm-none-eabi-gcc")
    assert np.array_equal(run(program, life[0], "qemu-arm"), life[1])


@pytest.mark.parametrize("label", [-1, len(CLASSES)])
def test_an_unknown_class_and_a_beat_long_ago_are_refused(source, life, label):
    code = harness.library(source)
    state, time = ctypes.create_string_buffer(STREAM_BYTES), ctypes.c_int32()
    code.ecg_open(state, FS, GAIN)
    assert code.ecg_label(state, 0, 1) == -2  # no beat yet
    times = []
    for kind, x in life[0].tolist():
        if kind < 0 and code.ecg_sample(state, x, ctypes.byref(time)) >= 0:
            times.append(time.value)
    assert code.ecg_label(state, times[-1], label) == -1
    assert code.ecg_label(state, times[-17], 1) == -2  # it has left the sixteen
    assert code.ecg_label(state, times[-16], 1) == 0
    assert code.ecg_label(state, times[-1] + 1, 1) == -2
