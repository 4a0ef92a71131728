"""The C detector and the network behind it, sample by sample, on invented patients."""

import numpy as np
import pytest

from ecglib.data.records import Record
from ecglib.data.sets.mitdb import read_record
from ecglib.data.signal.detector import match
from ecglib.data.signal.peaks import find
from ecglib.data.synthetic import write_records
from ecglib.deploy import integers, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.emit import write_c
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.streaming import classes_in_c, raw_samples, stream
from ecglib.plots.c99 import strip
from ecglib.system.errors import UserError
from tests.tools import needs
from tests.traces import trace

pytestmark = needs("gcc")


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    network = shipped.load()
    folder = tmp_path_factory.mktemp("c")
    source, _ = write_c(network.program(), folder, "micronet")
    return harness.library(source, "-fsanitize=undefined", "-fno-sanitize-recover")


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patient")
    write_records(folder, [100], minutes=4)
    return read_record(folder, 100, "MLII")


@pytest.fixture(scope="module")
def streamed(code, patient):
    return stream(code, raw_samples(patient), 360, 200)


def test_beats_of_an_invented_patient_are_found(patient, streamed):
    reference = patient.sample[patient.is_beat]
    settled = reference[reference > 4 * 360]
    found = match(settled, streamed.sample[streamed.sample > 4 * 360 - 60], 360)
    assert found.se > 0.99
    assert found.ppv > 0.98


def test_peaks_are_those_of_the_detector(patient, streamed):
    assert np.array_equal(streamed.sample, find(raw_samples(patient), 360, 200))


def test_classes_are_those_of_the_same_peaks_given_by_hand(code, patient, streamed):
    symbol = np.full(len(streamed.sample), "N")
    known = Record(100, patient.signal, 360, 200, 1024, streamed.sample, symbol)
    by_hand, _ = classes_in_c(code, known)
    assert np.array_equal(by_hand[:-1], streamed.label[:-1])  # the last one's window ends later


def test_a_class_is_known_one_beat_late(streamed):
    assert np.all(np.diff(streamed.sample) > 0)
    following = streamed.sample[1:]
    late = streamed.known[:-1] - following
    assert late.min() > 0
    assert late.max() < 2 * 360  # a beat that was missed at first is found later than others


def assert_as_in_numpy(code, units, fs):
    """The stream has the peaks and classes of the reference, the last beat's included."""
    streamed, peaks = stream(code, units, fs, 1000), find(units, fs, 1000)
    assert streamed.sample.tolist() == peaks.tolist()
    program = integers.read().program()
    logits = program.run(*network_inputs(program, units, peaks, fs, 1000))
    assert streamed.label.tolist() == logits.argmax(axis=1).tolist()
    return streamed


@pytest.mark.parametrize("seconds", [1, 1.6, 2, 3, 30])
@pytest.mark.parametrize("fs", [100, 250, 360, 499, 500])
def test_no_beat_of_a_short_or_fast_recording_is_lost(code, fs, seconds):
    for seed, bpm in enumerate((45, 75, 180)):
        lead, _ = trace(bpm, fs, seconds, seed=seed)
        found = assert_as_in_numpy(code, np.rint(1000 * lead).astype(np.int16), fs)
        assert len(found.sample) > 0


@pytest.mark.parametrize("fs", [250, 500])
def test_a_low_beat_in_a_slow_rhythm_is_found_seconds_later(code, fs):
    """When a complex is overdue, the low one counts, whose samples came 4 s ago."""
    lead, peaks = trace(23, fs, 400)
    early = peaks[-3] + round(0.5 * fs)
    lead[peaks[-2] - fs // 2 : peaks[-2] + fs] = 0
    lead[early - fs // 10 : early + fs // 10] += (
        0.5 * lead[peaks[5] - fs // 10 : peaks[5] + fs // 10]
    )
    found = assert_as_in_numpy(code, np.rint(1000 * lead).astype(np.int16), fs)
    late = np.abs(found.sample - early).argmin()
    assert abs(found.sample[late] - early) < 0.03 * fs
    assert found.known[late - 1] - early > 2 * fs  # when it was found


@pytest.mark.parametrize("fs", [99, 501])
def test_other_sampling_frequencies_are_refused(code, fs):
    with pytest.raises(UserError, match="100 to 500"):
        stream(code, np.zeros(1000, np.int16), fs, 200)


def test_a_flat_lead_has_no_beat(code):
    with pytest.raises(UserError, match="no beat"):
        stream(code, np.full(5000, 1024, np.int16), 360, 200)


def test_loud_noise_does_not_overflow(code):
    rng = np.random.default_rng(0)
    loud = rng.choice(np.array([-32768, 32767], np.int16), size=20_000)
    found = stream(code, loud, 500, 200)
    assert np.all(np.diff(found.sample) > 0)


def test_the_figure_names_every_beat(patient, streamed):
    figure = strip(raw_samples(patient), 360, 200, streamed, start_s=60)
    inside = (streamed.sample >= 60 * 360) & (streamed.sample < 70 * 360)
    assert len(figure.axes[0].texts) == inside.sum()
