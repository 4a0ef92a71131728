"""Invented recordings as files, and the command on them."""

import numpy as np
import pandas as pd
import wfdb

from ecglib.__main__ import main
from tests.traces import trace


def ecg(bpm=75, fs=250, seconds=60, **how):
    """A lead in mV, a whole number of uV so that files lose nothing, and its R-peaks."""
    lead, peaks = trace(bpm, fs, seconds, **how)
    return np.round(lead, 3), peaks


def breathing(fs=250, seconds=60):
    """A signal that is no ECG."""
    time = np.arange(round(fs * seconds)) / fs
    return np.sin(2 * np.pi * 0.3 * time) + np.random.default_rng(1).normal(0, 0.02, len(time))


def record(folder, name, leads, *, fs=250, units="mV", fmt="16"):
    """A WFDB record of leads {name: mV}, 1,000 steps in a unit."""
    count = len(leads)
    wfdb.wrsamp(
        name,
        fs=fs,
        units=[units] * count,
        sig_name=list(leads),
        d_signal=np.rint(np.stack(list(leads.values()), axis=1) * 1000).astype(np.int64),
        fmt=[fmt] * count,
        adc_gain=[1000] * count,
        baseline=[0] * count,
        write_dir=str(folder),
    )
    return folder / name


def header(folder, name, text, encoding="utf-8"):
    """Replace the header of a record, or write one."""
    (folder / f"{name}.hea").write_bytes(text.encode(encoding))
    return folder / name


def marks(path, extension, sample, symbol="N", **how):
    """An annotation file."""
    symbol = [symbol] * len(sample) if isinstance(symbol, str) else symbol
    folder = str(path.parent)
    wfdb.wrann(path.name, extension, np.array(sample), symbol, write_dir=folder, **how)
    return path


def predicted(path, *more):
    """What the command finds: a table of beats."""
    out = path.with_name("found.csv")
    assert main(["predict", str(path), "--out", str(out), "--force", *map(str, more)]) == 0
    return pd.read_csv(out, keep_default_na=False)


def refusal(capsys, path, *more):
    """The one sentence by which the command refuses a recording."""
    out = path.with_name("none.csv")
    assert main(["predict", str(path), "--out", str(out), *map(str, more)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ecglib: ")
    assert said.count("\n") == 1
    assert not out.exists()
    return said
