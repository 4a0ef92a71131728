"""EDF and EDF+ files."""

import re
import warnings
from contextlib import suppress

import numpy as np

from ecglib.holter.recording import AGAIN, Recording, Signal, check_gaps, millivolts
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")
_BLOCK = 1 << 20  # samples that are converted at once


class EdfRecording(Recording):
    """An EDF or EDF+ file; what lies between the pieces of a discontinuous one is invalid."""

    def __init__(self, path):
        super().__init__(path)
        with refused(f"{path} is no EDF file, or damaged; {AGAIN}"):
            self._edf, self._promised = _read(self.path)
            self._starts = self._starts_of_records()
            self._per_record = [s.samples_per_data_record for s in self._edf.signals]
            if min(self._per_record, default=0) < 0 or not self._edf.data_record_duration > 0:
                raise ValueError("no such number of samples or seconds in a data record")
            self.signals = tuple(self._signal(s) for s in self._edf.signals)
        if 0 <= self._promised < self._edf.num_data_records:
            self.note(
                f"the header promises {self._promised:,} data records, the file has "
                f"{self._edf.num_data_records:,}, and all are read"
            )
        with suppress(ValueError):  # many recorders leave the date out
            self.start = f"{self._edf.startdate} {self._edf.starttime}"
        if not any(s.n_samples for s in self.signals):
            raise UserError(f"{path} has no signal with samples; {AGAIN}")

    def _signal(self, signal):
        last = round(self._starts[-1] * signal.sampling_frequency)
        n_samples = last + signal.samples_per_data_record
        name = signal.label.strip("\0 ")
        unit = signal.physical_dimension.strip("\0 ")
        return Signal(name or "signal", unit, signal.sampling_frequency, n_samples)

    def _starts_of_records(self):
        """Seconds at which data records begin, (n_records,)."""
        edf = self._edf
        starts = np.arange(edf.num_data_records) * edf.data_record_duration
        if not edf.reserved.startswith("EDF+D"):
            return starts
        times = edf._timekeeping_signal  # edfio tells the times of annotations, but not these
        rows = times.digital.reshape(-1, times._bytes_per_data_record)
        starts = np.array([float(_ONSET.match(row.tobytes())[1]) for row in rows])
        if np.any(np.diff(starts) < edf.data_record_duration * (1 - 1e-6)):
            raise UserError(
                f"{self.path}: its data records overlap in time or go backwards; {AGAIN}"
            )
        return starts - starts[0]

    def read(self, index):
        about, source = self.signals[index], self._edf.signals[index]
        many, n_records = self._per_record[index], self._edf.num_data_records
        check_gaps(self.path, about.n_samples - n_records * many)
        factor, offset = self._calibration(source, about)
        out = np.full(about.n_samples, np.nan, dtype=np.float32)
        digital = source.digital
        at, whole = np.arange(n_records) * many, self._starts * source.sampling_frequency
        jumps = np.flatnonzero(np.abs(np.diff(np.rint(whole) - at)) > 0) + 1
        for first, last in zip([0, *jumps], [*jumps, n_records], strict=True):
            start = round(whole[first])
            for low in range(first * many, last * many, _BLOCK):
                block = digital[low : min(low + _BLOCK, last * many)]
                to = start + low - first * many
                out[to : to + len(block)] = (block * factor + offset)[: len(out) - to]
        return self._in_millivolts(out, about, about.unit)

    def _calibration(self, source, about):
        """Factor and offset from digital to physical values."""
        with refused(f"{self.path}: the range of {about.name} is no number; {AGAIN}"):
            low, high = source.digital_min, source.digital_max
            bottom, top = source.physical_min, source.physical_max
        if low == high or bottom == top or not np.isfinite(top - bottom):
            self.note(
                f"the header gives no range for {about.name}; its steps are read as 1 uV, so "
                "its amplitude is a guess"
            )
            return 1e-3 / (millivolts(about.unit) or 1.0), 0.0
        factor = (top - bottom) / (high - low)
        return factor, bottom - low * factor


def _read(path):
    import edfio

    with path.open("rb") as file:
        header = file.read(256)
        if not header.startswith(b"0       "):
            raise UserError(
                f"{path} has no header of EDF: it is another file, or damaged; {AGAIN}"
            )
        count = int(header[252:256])
        header += file.read(256 * count)
        if len(header) < 256 * (count + 1):
            raise ValueError("a part of the header")
        promised = int(header[236:244].strip(b"\0 "))
        clean = header.replace(b"\0", b" ")
        low, high = 256 + 104 * count, 256 + 136 * count  # the ranges, with decimal commas
        clean = clean[:low] + clean[low:high].replace(b",", b".") + clean[high:]
        # an exporter may fill fields with zeros or give a wrong size of the header
        clean = clean[:184] + f"{len(clean):<8}".encode() + clean[192:]
        source = path if clean == header else clean + file.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the number of records, which is checked here
        edf = edfio.read_edf(source, lazy_load_data=True, header_encoding="latin-1")
    if edf.num_data_records < promised:
        raise UserError(
            f"{path} is truncated: its header promises {promised:,} data records, it has "
            f"{edf.num_data_records:,}; {AGAIN}"
        )
    return edf, promised
