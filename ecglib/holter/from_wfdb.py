"""WFDB records."""

from pathlib import Path

import numpy as np

from ecglib.aami import SYMBOL_TO_AAMI
from ecglib.data.records import read_annotations, read_header, read_signal
from ecglib.holter.recording import Recording, Signal

MILLIVOLTS = {"nV": 1e-6, "uV": 1e-3, "µV": 1e-3, "mV": 1, "V": 1e3}
"""Unit of a signal -> its size in mV; other units are read as mV."""


class WfdbRecording(Recording):
    """A WFDB record; `path` is without extension."""

    def __init__(self, path):
        self.path, self.name = Path(path), Path(path).name
        self._header = header = read_header(path)
        self.files = tuple(sorted(self.path.parent.glob(f"{self.name}.*")))
        when = (header.base_date, header.base_time)
        self.start = " ".join(str(part) for part in when if part is not None)
        self.signals = tuple(
            Signal(name, unit or "", float(header.fs), header.sig_len)
            for name, unit in zip(header.sig_name, header.units, strict=True)
        )

    def read(self, index):
        to_mv = MILLIVOLTS.get(self.signals[index].unit, 1)
        return read_signal(self.path, self._header, index) * np.float32(to_mv)

    def annotations(self, extension, fs):
        sample, symbol = read_annotations(self.path, extension)
        n_samples = self.signals[0].n_samples
        kept = np.isin(symbol, list(SYMBOL_TO_AAMI)) & (sample >= 0) & (sample < n_samples)
        return sample[kept], symbol[kept]
