"""No recording of a person, however damaged or forged, breaks the readers of `ecglib.holter`;
`ECG_FUZZ=1000 python -m pytest tests/fuzz` changes each a thousand times."""

import os
import zlib

import edfio
import numpy as np
import pytest

from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from tests.holter.made import ecg, header, marks, record
from tests.holter.test_from_csv import APPLE_DE, rows, texts
from tests.holter.test_from_edf import interrupted, signal, written

from .bounds import bounded, complaint
from .mutate import mutated

TIMES = int(os.environ.get("ECG_FUZZ", "60"))
LEAD, PEAKS = ecg(seconds=20)


def frames(folder):
    adc = np.column_stack([np.zeros(1250), np.rint(LEAD * 1000).reshape(-1, 4)])
    adc.astype("<i2").tofile(folder / "r.dat")
    lines = "r.dat 16:3 1(0)/pm 16 0 0 0 0 RESP\nr.dat 16x4:5 1(0)/µV 16 0 0 0 0 II\n"
    path = header(folder, "r", f"r 2 62.5/99(1) 0\n{lines}")
    return marks(path, "atr", PEAKS * 4, fs=1000)


def flac(folder):
    return marks(record(folder, "r", {"II": LEAD, "V1": LEAD}, fmt="516"), "atr", PEAKS)


def segments(folder):
    record(folder, "s1", {"V": LEAD[:3000], "II": LEAD[:3000]})
    record(folder, "s2", {"II": LEAD[3000:]}, fmt="212")
    line = "~ 0 1000(0)/mV 16 0 0 0 0"
    header(folder, "lay", f"lay 2 250 0\n{line} V\n{line} II\n")
    return marks(
        header(folder, "r", "r/4 2 250\nlay 0\ns1 3000\n~ 90\ns2 1999\n"), "atr", PEAKS
    )


def edf(folder):
    breath = signal(np.sin(np.arange(60 * 25) / 9), "Resp", "L", fs=25)
    lead = signal(ecg(seconds=60)[0])
    return interrupted(written(folder, breath, lead, plus=True), pause=5)


def watch(folder):
    (folder / "r.csv").write_text(rows(texts(LEAD * 1000, decimal=","), above=APPLE_DE))
    return folder / "r.csv"


def columns(folder):
    time = [f"2024-03-11T10:00:{t:06.3f}" for t in np.arange(len(LEAD)) / 250]
    (folder / "r.csv").write_text(rows(time, texts(LEAD), above="time,ECG (mV)\n"))
    return folder / "r.csv"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [frames, flac, segments, edf, watch, columns])
def test_changed_recordings(make, place):
    assert edfio.__version__  # imported before memory is bounded
    path = make(place)

    def read(_):
        recording = open_recording(path)
        lead = read_lead(recording)
        assert len(lead.unreadable) == -(-len(lead.signal) // round(lead.fs))
        if (place / "r.atr").is_file():
            sample, symbol = recording.annotations("atr", lead.fs)
            assert len(sample) == len(symbol)
            assert np.all(np.diff(sample) > 0)
            assert np.all((sample >= 0) & (sample < len(lead.signal)))

    read(place)  # what is valid is read
    files = sorted(file for file in place.iterdir() if file.is_file())
    content = {file: file.read_bytes() for file in files}
    wrong = {}
    with bounded():
        for number in range(TIMES):
            rng = np.random.default_rng([zlib.crc32(make.__name__.encode()), number])
            file = files[rng.integers(len(files))]
            file.write_bytes(mutated(rng, content[file]))
            if said := complaint(read, place):
                wrong[number] = f"{file.name}: {said}"
            file.write_bytes(content[file])
    assert wrong == {}
