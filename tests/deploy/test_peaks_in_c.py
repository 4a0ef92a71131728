"""The C detector of R-peaks is its NumPy reference, sample for sample."""

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecglib.aami import DS1, SVDB_DEV
from ecglib.data.sets import get
from ecglib.data.signal.peaks import find, held
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import PARTS
from ecglib.deploy.c99.streaming import raw_samples
from tests.tools import needs
from tests.traces import trace

pytestmark = needs("gcc")

STATE_BYTES = 2048
"""Room for `ecg_peaks`; a test holds that this is enough."""

SIZE = """
uint32_t ecg_peaks_bytes(void);
uint32_t ecg_peaks_bytes(void) { return sizeof(ecg_peaks); }
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """The detector alone, compiled with a check of every operation."""
    source = tmp_path_factory.mktemp("peaks") / "peaks.c"
    parts = [(PARTS / f"peaks.{kind}").read_text() for kind in "hc"]
    source.write_text("\n".join(["#include <stdint.h>", *parts, SIZE]))
    return harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")


def peaks_in_c(code, units, fs, gain):
    """R-peaks that the C code finds, one sample a call."""
    state = ctypes.create_string_buffer(STATE_BYTES)
    assert code.ecg_peaks_open(state, fs, gain) == 0
    found = [code.ecg_peaks_sample(state, x) for x in held(units, fs).tolist()]
    found += iter(lambda: code.ecg_peaks_rest(state), -1)
    return np.minimum([r for r in found if r >= 0], len(units) - 1)


def assert_same(code, units, fs, gain=200):
    found = find(units, fs, gain)
    assert np.array_equal(peaks_in_c(code, units, fs, gain), found)
    return found


def units_of(lead):
    return np.rint(200 * lead + 1024).clip(-(2**15), 2**15 - 1).astype(np.int16)


@pytest.mark.parametrize("bpm", [25, 75, 250])
@pytest.mark.parametrize("fs", [100, 128, 199, 200, 201, 250, 360, 500, 1000, 2000, 20_000])
def test_rates_of_heart_and_recorder(code, bpm, fs):
    lead, _ = trace(bpm, fs, 12)
    assert len(assert_same(code, units_of(lead), fs)) >= 4


def test_half_an_hour(code):
    lead, _ = trace(lambda at: 75 + 40 * np.sin(at / 50), 250, 1800, noise=0.05)
    assert len(assert_same(code, units_of(lead), 250)) > 1800


def worse(kind, lead, fs, rng):
    """A lead with something wrong from its tenth second on."""
    at, second = 10 * fs, fs
    if kind == "pop":
        lead[at : at + second // 10] += 20
    if kind == "noise":
        lead[at : at + 8 * second] += rng.uniform(-5, 5, 8 * second)
    if kind == "noisy start":
        lead[: 8 * second] += rng.uniform(-5, 5, 8 * second)
    if kind == "fading":
        lead[at:] *= 0.3
    if kind == "inverted":
        lead *= -1
    if kind == "pause":
        lead[at : at + 5 * second] = rng.normal(0, 0.01, 5 * second)
    if kind == "clipped":
        lead[at : at + second] = 1000
    if kind == "no electrode":
        lead[at : at + 12 * second] = 0
    if kind == "step":
        lead[at:] -= 20
    return lead


@pytest.mark.parametrize(
    "kind",
    [
        "pop",
        "noise",
        "noisy start",
        "fading",
        "inverted",
        "pause",
        "clipped",
        "no electrode",
        "step",
    ],
)
@pytest.mark.parametrize("fs", [128, 360])
def test_artefacts(code, kind, fs):
    lead, _ = trace(75, fs, 30)
    assert_same(code, units_of(worse(kind, lead, fs, np.random.default_rng(3))), fs)


def test_beats_are_found_again_soon_after_noise(code):
    """Five minutes with 8 s of noise of full scale after the first one."""
    fs, rng = 250, np.random.default_rng(0)
    lead, peaks = trace(75, fs, 300)
    lead[60 * fs : 68 * fs] += rng.uniform(-5, 5, 8 * fs)
    found = assert_same(code, units_of(lead), fs)
    for clean in (peaks < 60 * fs, peaks > 70 * fs):
        near = np.abs(found[:, None] - peaks[clean]).min(axis=0)
        assert near.max() <= 0.15 * fs


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(100, 700), st.integers(1, 4000), st.integers(0, 15))
def test_anything(code, seed, fs, n_samples, bits):
    rng = np.random.default_rng(seed)
    units = rng.integers(-(2**bits), 2**bits, n_samples).astype(np.int16)
    assert_same(code, units, fs, gain=1 + seed % 300)


def test_full_scale_noise(code):
    rng = np.random.default_rng(0)
    loud = rng.choice(np.array([-(2**15), 2**15 - 1], np.int16), size=60_000)
    found = assert_same(code, loud, 500)
    assert np.all(np.diff(found) > 0)


def test_a_rate_that_is_refused(code):
    state = ctypes.create_string_buffer(STATE_BYTES)
    assert [code.ecg_peaks_open(state, fs, 200) for fs in (99, 20_001)] == [-1, -1]


def test_state_is_small(code):
    assert 500 < code.ecg_peaks_bytes() < STATE_BYTES


@pytest.mark.parametrize(("name", "records"), [("mitdb", DS1[::7]), ("svdb", SVDB_DEV[::10])])
def test_real_records(code, name, records):
    root = Path(os.environ.get("ECG_DATA", "/nonexistent")) / name
    if not root.is_dir():
        pytest.skip(f"{name} is not at hand: set ECG_DATA to the folder above it")
    for number in records:
        record = get(name).read_record(root, number)
        assert_same(code, raw_samples(record), round(record.fs), round(record.gain))


def test_the_library_frees_nothing_and_may_be_called_twice(code):
    """Two recordings at once: all state is the caller's."""
    one, other = (units_of(trace(bpm, 250, 20)[0]) for bpm in (60, 100))
    states = [ctypes.create_string_buffer(STATE_BYTES) for _ in range(2)]
    for state in states:
        assert code.ecg_peaks_open(state, 250, 200) == 0
    found = ([], [])
    for pair in zip(one.tolist(), other.tolist(), strict=True):
        for state, x, peaks in zip(states, pair, found, strict=True):
            peaks.append(code.ecg_peaks_sample(state, x))
    for units, peaks in zip((one, other), found, strict=True):
        alone = find(units, 250, 200)
        early = [r for r in peaks if r >= 0]
        assert early == alone[: len(early)].tolist()
        assert len(early) > len(alone) - 3
