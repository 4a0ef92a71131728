"""From raw samples to classes in integers: C is NumPy bit for bit, NumPy is near floats."""

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecglib.data.records import Record
from ecglib.data.signal.micro_input import TIMING, micro_inputs
from ecglib.deploy import shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.front import ONE, differences, logarithm, network_inputs, reach, timing
from ecglib.system.errors import UserError
from tests.tools import needs

GAIN = 200
STATE_BYTES = 4096  # more than the structure takes


def recording(fs, n_beats=450, seed=0):
    """Raw samples and R-peaks of an invented patient: premature beats, a gap, noise."""
    rng = np.random.default_rng(seed)
    rr = rng.normal(0.8, 0.05, n_beats) * np.where(rng.random(n_beats) < 0.1, 0.6, 1)
    rr[n_beats // 2] = 12.0  # longer than any pause of the heart,
    rr[n_beats // 4] = 10.0  # which this may be
    sample = np.cumsum(np.round(rr * fs)).astype(np.int64)
    time = np.arange(sample[-1] + fs) / fs
    signal = 0.02 * rng.normal(size=len(time))
    for t, wide in zip(sample / fs, rng.random(n_beats) < 0.1, strict=True):
        near = slice(max(0, int((t - 0.4) * fs)), int((t + 0.4) * fs))
        signal[near] += np.exp(-(((time[near] - t) / (0.04 if wide else 0.015)) ** 2))
    adc = np.round(GAIN * signal + 1024).astype(np.int16)
    return adc, sample


def in_c(program, adc, sample, fs, folder):
    """Classes of every beat, by the compiled C code under the undefined-behaviour sanitizer."""
    source, _ = write_c(program, folder, "micronet")
    code = harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")
    state = ctypes.create_string_buffer(STATE_BYTES)
    k = reach(fs)
    padded = np.pad(adc, k, mode="edge")
    code.ecg_start(state, fs, GAIN)
    at = [ctypes.c_void_p(padded.ctypes.data + 2 * int(t + k)) for t in sample]
    answers = [code.ecg_beat(state, a, int(t)) for a, t in zip(at, sample, strict=True)]
    assert answers[0] == -1
    return [*answers[1:], code.ecg_finish(state)]


@needs("gcc")
@pytest.mark.parametrize("fs", [125, 250, 360, 1000])
def test_c_equals_numpy_from_raw_samples(tmp_path, fs):
    program = shipped.load().program()
    adc, sample = recording(fs)
    expected = program.run(*network_inputs(program, adc, sample, fs, GAIN)).argmax(axis=1)
    assert in_c(program, adc, sample, fs, tmp_path) == expected.tolist()
    assert len(set(expected)) > 1


@needs("gcc")
def test_loud_samples_do_not_overflow(tmp_path):
    program = shipped.load().program()
    _, sample = recording(360, n_beats=60)
    rng = np.random.default_rng(0)
    adc = rng.choice(np.array([-32768, 32767], np.int16), size=sample[-1] + 360)
    expected = program.run(*network_inputs(program, adc, sample, 360, GAIN)).argmax(axis=1)
    assert in_c(program, adc, sample, 360, tmp_path) == expected.tolist()


@pytest.mark.parametrize("places", [(1,), (40,), (79,), (20, 21)], ids=str)
def test_timing_across_a_gap_is_that_without_it(places):
    """A gap counts as the interval before it again, or one second where there is none."""
    fs = 250
    rr = np.random.default_rng(0).integers(150, 300, 80)
    with_gap, without = rr.copy(), rr.copy()
    for place in places:
        with_gap[place] = 10 * fs + 1 + place
        without[place] = without[place - 1] if place > 1 else fs
    found, expected = (timing(np.cumsum(r), fs, TIMING) for r in (with_gap, without))
    np.testing.assert_array_equal(found, expected)
    with_gap[places[0]] = 10 * fs  # ten seconds are a pause of the heart, and stay one
    assert (timing(np.cumsum(with_gap), fs, TIMING) != expected).any()


@pytest.mark.parametrize("fs", [250, 360])
def test_integers_are_what_floats_give(fs):
    network = shipped.load()
    program = network.program()
    adc, sample = recording(fs)
    signal = ((adc.astype(float) - 1024) / GAIN).astype(np.float32)
    record = Record(1, signal, fs, GAIN, 1024, sample, np.full(len(sample), "N"))
    inputs = micro_inputs(record, network.features)
    beat, rr = network_inputs(program, adc, sample, fs, GAIN)
    for name, mine, floats in (("beat", beat, inputs.x), ("rr", rr, inputs.rr)):
        difference = np.abs(mine.astype(int) - program.to_bytes(name, floats.numpy()))
        assert difference.max() <= 1
        assert np.mean(difference) < 0.02
    with torch.inference_mode():
        expected = network.model(inputs.x, inputs.rr).argmax(dim=1).numpy()
    assert np.mean(program.run(beat, rr).argmax(axis=1) == expected) >= 0.999


@given(st.integers(1, 10_000))
def test_logarithm_of_every_interval(value):
    assert abs(logarithm(value) / ONE - np.log(value)) < 4e-5


@given(st.integers(100, 1000), st.integers(0, 100))
def test_differences_of_a_ramp_are_its_slope(fs, slope):
    around = slope * np.arange(2 * reach(fs) + 1)
    expected = 256 * slope * (fs / 128) ** 2
    assert np.abs(differences(around, fs) - expected).max() <= 256 * slope / 2 + 1


@pytest.mark.parametrize(("fs", "gain", "word"), [(0, 200, "fs"), (360, 0.5, "gain")])
def test_impossible_recordings_are_refused(fs, gain, word):
    with pytest.raises(UserError, match=word):
        network_inputs(shipped.load().program(), np.zeros(9, np.int16), [4], fs, gain)


@pytest.mark.parametrize("features", ["raw+template+rr+rhythm", "derivative+rr+rhythm"])
def test_other_features_have_no_integer_form(tmp_path, features):
    program = replace(shipped.load().program(), features=features)
    with pytest.raises(UserError, match=re.escape(features)):
        write_c(program, tmp_path, "micronet")
    with pytest.raises(UserError, match=re.escape(features)):
        network_inputs(program, np.zeros(9, np.int16), [4], 360, GAIN)
