"""All timing that integers can compute: near the floats, and in C bit for bit."""

import ctypes
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglib.data import sets
from ecglib.data.signal import micro_input
from ecglib.data.signal.peaks import find
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import constant_bytes, write_c
from ecglib.deploy.c99.front import ALWAYS, ONE, OPTIONAL, network_inputs, reach, timing
from ecglib.deploy.c99.lower import lower
from ecglib.deploy.c99.streaming import classes_in_c, raw_samples, stream
from ecglib.models.micronet import MicroNetConfig
from ecglib.quant.coverage import described
from tests.tools import needs
from tests.traces import trace

from .networks import ALL_TIMING, micronet

GAIN = 200
BASE = "+".join(ALWAYS)
ONE_BY_ONE = [f"{BASE}+{part}" for part in OPTIONAL]
CALLER = "\nint8_t *timing_of(ecg_state *s)\n{\n    return s->rr;\n}\n"
"""C function for the tests: the bytes of the beat that waits."""


def program_of(features):
    size = MicroNetConfig(*micro_input.widths(features))
    return lower(micronet(features, size)[0], features)


def with_c(program, folder):
    """The program, and its C code under the undefined-behaviour sanitizer."""
    source, _ = write_c(program, folder, "micronet")
    source.write_text(source.read_text() + CALLER)
    code = harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")
    code.timing_of.restype = ctypes.POINTER(ctypes.c_int8 * program.shapes["rr"][1])
    return program, code


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A program of random weights that reads all timing, and its C code."""
    return with_c(program_of(ALL_TIMING), tmp_path_factory.mktemp("c"))


def assert_same_in_c(program, code, sample, fs):
    """Bytes of the timing, as far as no next beat is waited for, and classes are those of C."""
    zeros, state = np.zeros(2 * reach(fs) + 1, np.int16), ctypes.create_string_buffer(4096)
    at = ctypes.c_void_p(zeros.ctypes.data + 2 * reach(fs))
    known = [0, 1, 5, 7, *range(8, program.shapes["rr"][1])]
    beat, rr = network_inputs(program, zeros[:1], sample, fs, GAIN)
    answers = []
    code.ecg_start(state, fs, GAIN)
    for time, expected in zip(sample.tolist(), rr, strict=True):
        answers.append(code.ecg_beat(state, at, time))
        assert [code.timing_of(state).contents[k] for k in known] == expected[known].tolist()
    answers.append(code.ecg_finish(state))
    assert answers == [-1, *program.run(beat, rr).argmax(axis=1)]


@st.composite
def recordings(draw):
    """R-peaks and sampling frequency: a rhythm, early beats, equal times, pauses and gaps."""
    fs = draw(st.sampled_from([100, 128, 250, 360, 1000]))
    usual = st.integers(fs // 2, fs)
    odd = st.one_of(st.integers(0, 2), st.integers(0, fs), st.integers(0, 12 * fs))
    share = draw(st.sampled_from([usual, odd, st.one_of(usual, usual, usual, odd)]))
    start, rr = draw(usual), draw(st.lists(share, max_size=160))
    return np.cumsum([start, *rr]), fs


def assert_near_floats(sample, fs):
    """Integers are within 1/200 of the reference, where a byte's step is about 1/20."""
    parts = ("rr", "rhythm", *OPTIONAL)
    found = np.clip(timing(sample, fs, parts) / ONE, -8, 8)
    expected = micro_input.timing(sample, fs, parts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)
    return expected


@settings(deadline=None)
@given(recordings())
def test_integers_are_near_floats(recording):
    assert_near_floats(*recording)


@pytest.mark.parametrize("n_beats", [1, 2, 3, 4])
def test_first_beats(n_beats):
    sample = np.array([300, 600, 800, 1200])[:n_beats]
    assert assert_near_floats(sample, 360).shape == (n_beats, 13)


@pytest.mark.parametrize(
    ("name", "numbers"), [("mitdb", (100, 203, 219, 232)), ("svdb", (802, 851, 890))]
)
def test_integers_are_near_floats_on_patients(name, numbers):
    dataset, root = sets.get(name), Path(os.environ.get("ECG_DATA", "/nonexistent")) / name
    if not root.is_dir():
        pytest.skip(f"the database {name} is not at hand: set ECG_DATA to the folder above it")
    for number in numbers:
        record = dataset.read_record(root, number)
        expected = assert_near_floats(record.sample[record.is_beat], round(record.fs))
        assert np.all(expected[:, 8:].std(axis=0) > 0.05)  # else nothing is compared


def test_parts_that_are_not_named_have_no_columns():
    sample = np.cumsum(np.random.default_rng(0).integers(150, 300, 90))
    whole = timing(sample, 250, micro_input.parts_of(ALL_TIMING))
    for features, columns in (
        (BASE, slice(8)),
        (f"{BASE}+recent", slice(11)),
        (f"{BASE}+unrest+spread", (*range(8), 11, 12)),
    ):
        found = timing(sample, 250, micro_input.parts_of(features))
        np.testing.assert_array_equal(found, whole[:, columns])


@needs("gcc")
@pytest.mark.parametrize("features", [ALL_TIMING, BASE, *ONE_BY_ONE])
def test_c_equals_numpy_for_any_r_peaks(tmp_path, features):
    program, code = with_c(program_of(features), tmp_path)

    @settings(max_examples=60, deadline=None)
    @given(recordings())
    def check(recording):
        assert_same_in_c(program, code, *recording)

    check()


@needs("gcc")
def test_c_equals_numpy_in_fine_steps(tmp_path):
    """Long after every mean has its final gain, with bytes that show 1/2000 of the unit."""
    program = program_of(ALL_TIMING)
    fine = replace(program, scales=program.scales | {"rr": 5e-4})
    sample = np.cumsum(np.random.default_rng(0).normal(800, 4, 2000).astype(np.int64))
    assert_same_in_c(*with_c(fine, tmp_path), sample, 1000)


@needs("gcc")
@pytest.mark.parametrize("number", [203, 232])
def test_c_equals_numpy_on_patients(compiled, mitdb_root, number):
    program, code = compiled
    record = sets.get("mitdb").read_record(mitdb_root, number)
    sample, units = record.sample[record.is_beat], raw_samples(record)
    beat, rr = network_inputs(program, units, sample, 360, GAIN)
    expected = program.run(beat, rr).argmax(axis=1)
    np.testing.assert_array_equal(classes_in_c(code, record)[0], expected)
    assert len(set(expected)) == 3


@needs("gcc")
@pytest.mark.parametrize("fs", [100, 360, 500])
def test_a_stream_has_the_classes_of_its_peaks(compiled, fs):
    program, code = compiled
    lead, _ = trace(80, fs, 120)
    units = np.rint(1000 * lead).astype(np.int16)
    found, peaks = stream(code, units, fs, 1000), find(units, fs, 1000)
    logits = program.run(*network_inputs(program, units, peaks, fs, 1000))
    np.testing.assert_array_equal(found.sample, peaks)
    np.testing.assert_array_equal(found.label, logits.argmax(axis=1))


@needs("arm-none-eabi-gcc")
def test_a_cortex_m4_has_room_for_all_timing(tmp_path):
    memory = {}
    for features in (BASE, ALL_TIMING):
        source, _ = write_c(program_of(features), tmp_path, "micronet")
        memory[features] = harness.cortex_m4(source), harness.cortex_m4(source, "stream")
    for less, more in zip(memory[BASE], memory[ALL_TIMING], strict=True):
        assert 24 * 4 < more["state_bytes"] - less["state_bytes"] <= 128
        assert more["flash_bytes"] - less["flash_bytes"] < 512
    assert memory[ALL_TIMING][1]["flash_bytes"] <= 10_000


def test_constants_of_all_timing_fit_four_kilobytes():
    model, _, _ = micronet(ALL_TIMING, MicroNetConfig(2, 13))
    assert constant_bytes(lower(model)) < described(model)["weight_bytes"] <= 4096
