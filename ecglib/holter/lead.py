"""The lead of a recording that is read, and how well it can be read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecglib.data.records import MAX_FS
from ecglib.data.signal.peaks import SLOWEST
from ecglib.system.errors import UserError

LEADS = ("MLII", "II")
"""Preferred leads, in this order; the network was trained on MLII and a chest lead."""

UNITS_PER_MV = 1000
"""Steps of the whole numbers that detector and network read, and the C code too."""

_BLOCK = 1 << 20  # samples at a time


@dataclass(frozen=True)
class Lead:
    """One lead of a recording.

    Attributes
    ----------
    recording, name : str
        Of which recording, and its name there.
    fs : float
        Sampling frequency, Hz.
    signal : ndarray, shape (n_samples,), float32
        mV; NaN where a sample is invalid.
    unreadable : ndarray, shape (n_seconds,), bool
        Seconds that are flat, saturated, invalid or too noisy; beats there get no class.
    notes : tuple of str
        What the reader should know: that the lead is a guess, how well it can be read.
    """

    recording: str
    name: str
    fs: float
    signal: np.ndarray
    unreadable: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def seconds(self):
        """Length of the recording, s."""
        return len(self.signal) / self.fs

    def units(self):
        """Whole numbers for detector and network, (n_samples,) int16, 1,000 in a millivolt.

        Invalid samples are replaced by straight lines between valid neighbours, the median of
        every 16th sample is subtracted, and what is then beyond 32 mV is clipped.

        Raises
        ------
        UserError
            If no sample is valid, or all are equal.
        """
        return self._units

    @cached_property
    def _units(self):
        valid = np.isfinite(self.signal)
        high = self.signal.max(where=valid, initial=-np.inf)
        if self.signal.min(where=valid, initial=np.inf) >= high:
            raise UserError(
                f"{self.recording}: lead {self.name} is one flat line or all invalid; name "
                "another one by --lead"
            )
        signal = self.signal
        if not valid.all():
            signal, missing = signal.copy(), np.flatnonzero(~valid)
            valid[1:-1] &= ~(valid[:-2] & valid[2:])  # of the valid ones, those beside a gap
            signal[missing] = np.interp(missing, np.flatnonzero(valid), signal[valid])
        units = np.empty(len(signal), dtype=np.int16)
        middle = np.median(signal[::16].astype(np.float64))
        for start in range(0, len(units), _BLOCK):
            block = slice(start, start + _BLOCK)
            shifted = (signal[block].astype(np.float64) - middle) * UNITS_PER_MV
            units[block] = np.rint(shifted).clip(-(2**15), 2**15 - 1)
        return units


def choose(recording, wanted=None):
    """Which signal is read, and one sentence if that is a guess (else None).

    Parameters
    ----------
    recording : ecglib.holter.recording.Recording
    wanted : str, optional
        Name or number of a signal.

    Returns
    -------
    tuple of (int, str or None)

    Raises
    ------
    UserError
        If there is no such signal.
    """
    names = [signal.name for signal in recording.signals]
    if wanted is not None and wanted not in names:
        raise UserError(f"{recording.name} has no lead {wanted}; it has {', '.join(names)}")
    chosen = wanted or next((n for n in LEADS if n in names), names[0])
    return names.index(chosen), None


def read_lead(recording, wanted=None):
    """Read the lead that `choose` picks.

    Returns
    -------
    Lead

    Raises
    ------
    UserError
        If there is no such lead, or its sampling frequency is too low or too high.
    """
    index, guess = choose(recording, wanted)
    about = recording.signals[index]
    if not SLOWEST <= about.fs <= MAX_FS:
        raise UserError(
            f"{recording.name} has {about.fs:g} Hz; {SLOWEST} to {MAX_FS:,} Hz are read"
        )
    signal = recording.read(index)
    unreadable = np.zeros(-(-len(signal) // round(about.fs)), dtype=bool)
    notes = (guess,) if guess else ()
    return Lead(recording.name, about.name, about.fs, signal, unreadable, notes)
