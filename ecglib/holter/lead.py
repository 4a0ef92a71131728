"""The lead of a recording that is read, and how well it can be read."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ecglib.data.records import MAX_FS
from ecglib.data.signal.peaks import SLOWEST, in_units
from ecglib.holter import names, quality
from ecglib.system.errors import UserError

SHORTEST_S = 2
"""Shortest recording in which beats are looked for, s."""


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
        What the reader should know: that the lead or its amplitude is a guess.
    quality : str
        One line: which share can be read, and why the rest cannot.
    """

    recording: str
    name: str
    fs: float
    signal: np.ndarray
    unreadable: np.ndarray
    notes: tuple[str, ...] = ()
    quality: str = ""

    @property
    def seconds(self):
        """Length of the recording, s."""
        return len(self.signal) / self.fs

    @cached_property
    def units(self):
        """Whole numbers for detector and network, (n_samples,) int16; see `peaks.in_units`.

        Invalid samples are replaced by straight lines between valid neighbours before.

        Raises
        ------
        UserError
            If no sample is valid, or all are equal.
        """
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
        return in_units(signal)


def choose(recording, wanted=None):
    """Which signal is read, and one sentence if that is a guess (else None).

    Lead II comes first, then what is called a lead or an ECG, then a voltage whose name says
    nothing; never what is called something else, or has another unit, unless `wanted` names it;
    a sampling frequency that is not read only if all have such a one.
    Among signals that are equally good by their names, the one of which most can be read.

    Parameters
    ----------
    recording : ecglib.holter.recording.Recording
    wanted : str, optional
        Name of a signal, in any spelling, or its number from 0; a name comes before a number.

    Returns
    -------
    tuple of (int, str or None)

    Raises
    ------
    UserError
        If there is no such signal, several have the name, or none can be an ECG.
    """
    kinds_of = [names.kind_of(signal) for signal in recording.signals]
    if wanted is not None:
        index = _named(recording, wanted)
        if kinds_of[index] != names.OTHER:
            return index, None
        return index, (
            f"{_shown(recording, index)} does not look like an ECG by name and unit; it is "
            "read because --lead names it"
        )
    ranks = [
        (kind == names.OTHER, not SLOWEST <= signal.fs <= MAX_FS, kind)
        for kind, signal in zip(kinds_of, recording.signals, strict=True)
    ]
    is_other, _, best = min(ranks)
    if is_other:
        raise UserError(
            f"{recording.name} has no signal that looks like an ECG by name and unit; it has "
            f"{_listed(recording)}: name one by --lead"
        )
    equal = [i for i, rank in enumerate(ranks) if rank == min(ranks)]
    index = max(equal, key=lambda i: _readable(recording, i)) if len(equal) > 1 else equal[0]
    shown = _shown(recording, index)
    if best == names.UNKNOWN:
        other = "; --lead names another signal" if len(kinds_of) > 1 else ""
        return index, f"that {shown} is an ECG is a guess{other}"
    if len(equal) > 1:
        return index, (
            f"{shown} is read, the one of {_listed(recording, equal)} of which most can be "
            "read; --lead names another, also by its number"
        )
    return index, None


def _named(recording, wanted):
    """Place of the signal that a name or a number means."""
    exact = [i for i, signal in enumerate(recording.signals) if signal.name == wanted]
    plain = names.plain(wanted)
    alike = [
        i
        for i, signal in enumerate(recording.signals)
        if names.plain(signal.name) == plain and not plain.isdecimal()
    ]
    number = wanted.isdecimal() and int(wanted) < len(recording.signals)
    found = exact or ([int(wanted)] if number else alike)
    if len(found) > 1:
        raise UserError(
            f"{recording.name} has several leads {wanted}: {_listed(recording, found)}; name "
            "one by its number, as in --lead 1"
        )
    if not found:
        raise UserError(f"{recording.name} has no lead {wanted}; it has {_listed(recording)}")
    return found[0]


def _shown(recording, index):
    """Name of a signal, with its number if others have the name, too."""
    name = recording.signals[index].name
    several = sum(signal.name == name for signal in recording.signals) > 1
    return f"{name} (number {index})" if several else name


def _listed(recording, which=None):
    which = range(len(recording.signals)) if which is None else which
    shown = [f"{i} = {recording.signals[i].name}" for i in which][:20]
    return ", ".join(shown) + (", …" if len(which) > 20 else "")


def _readable(recording, index):
    """Share of the seconds of a signal that can be read, in percent."""
    about = recording.signals[index]
    if not SLOWEST <= about.fs <= MAX_FS or about.n_samples < SHORTEST_S * about.fs:
        return -1
    before = list(recording.notes)
    why = quality.kinds(recording.read(index), round(about.fs))
    recording.notes[:] = before  # what is not chosen needs no notes
    return round(100 * np.mean(why == 0))


def read_lead(recording, wanted=None):
    """Read the lead that `choose` picks, as `Lead`.

    Raises
    ------
    UserError
        If there is no such lead, its sampling frequency is too low or too high, it is shorter
        than `SHORTEST_S`, or it is flat, saturated or invalid throughout.
    """
    index, guess = choose(recording, wanted)
    about = recording.signals[index]
    if not SLOWEST <= about.fs <= MAX_FS:
        raise UserError(
            f"{recording.name}: lead {about.name} has {about.fs:g} Hz; {SLOWEST} to "
            f"{MAX_FS:,} Hz are read"
        )
    if about.n_samples < SHORTEST_S * about.fs:
        raise UserError(
            f"{recording.name} is too short: {about.n_samples:,} samples at {about.fs:g} Hz; "
            f"{SHORTEST_S} s are needed"
        )
    signal = recording.read(index)
    why = quality.kinds(signal, round(about.fs))
    shares = {kind: np.mean(why == i) for i, kind in enumerate(quality.KINDS, start=1)}
    rest = ", ".join(f"{share:.1%} {kind}" for kind, share in shares.items() if share)
    if not np.any((why == 0) | (why == len(quality.KINDS))):
        raise UserError(
            f"{recording.name}: lead {about.name} is one flat line or all invalid ({rest}); "
            "name another one by --lead"
        )
    notes = (*([guess] if guess else []), *recording.notes)
    said = f"quality: {np.mean(why == 0):.1%} readable" + (f"; {rest}" if rest else "")
    return Lead(recording.name, about.name, about.fs, signal, why > 0, notes, said)
