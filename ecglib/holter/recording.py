"""What a recording is, whatever the form of its files."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecglib.system.errors import UserError

AGAIN = "copy the recording again from where it comes from"
"""What mends a person's own file."""

MAX_GAP = 1 << 26
"""Most samples that may be missing in gaps of a recording: three days at 250 Hz."""

_VOLTAGE = re.compile(r"(?P<prefix>n|u|µ|μ|\?|\N{REPLACEMENT CHARACTER}|m|nano|micro|milli|)"
                      r"[ -]?v(olts?)?")  # fmt: skip
_MILLIVOLTS = {"": 1e3, "m": 1.0, "milli": 1.0, "n": 1e-6, "nano": 1e-6}


@dataclass(frozen=True)
class Signal:
    """What the files say of one signal, before its samples are read.

    Attributes
    ----------
    name : str
        As in the file; "signal 0" and so on if it has none.
    unit : str
        As in the file; "" if it has none.
    fs : float
        Samples a second of this signal, which may differ from those of its neighbours.
    n_samples : int
        Length.
    """

    name: str
    unit: str
    fs: float
    n_samples: int


class Recording:
    """A recording that was opened; `ecglib.holter.open` says how.

    Each form of files is a subclass, which reads samples and annotations on demand.

    Attributes
    ----------
    name : str
        Name for people, without folder and extension.
    files : tuple of Path
        All files that belong to it, which nothing may write over.
    signals : tuple of Signal
        At least one.
    start : str
        Date and time of the beginning; "" if the files do not say.
    notes : list of str
        What whoever reads the results should know; `read` and `annotations` add to it.
    """

    name: str
    files: tuple[Path, ...]
    signals: tuple[Signal, ...]
    start: str = ""
    notes: list[str]

    def __init__(self, path):
        self.path, self.name, self.files = Path(path), Path(path).stem, (Path(path),)
        self.notes = []

    def read(self, index: int) -> np.ndarray:
        """Samples of a signal in mV, (n_samples,) float32, NaN where one is invalid."""
        raise NotImplementedError

    def annotations(self, extension: str, fs: float) -> tuple[np.ndarray, np.ndarray]:
        """Places, in samples at `fs` Hz and ascending, and WFDB symbols of annotated beats.

        One row a beat, (n_beats,) int64 and (n_beats,) str; a beat that is marked on several
        signals counts once, and annotations outside of the recording are left out.
        """
        raise UserError(
            f"{self.name} has no annotation files: only WFDB records have; leave --annotations "
            "out"
        )

    def note(self, sentence):
        """Add a sentence to the notes once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _in_millivolts(self, signal, about, unit):
        """A signal (float32) of some unit in mV; without a unit of voltage its size decides."""
        factor = millivolts(unit)
        if factor is None:
            guess = _unit_by_size(signal)
            factor = millivolts(guess)
            said = f"has the unit {unit}" if unit else "has no unit"
            self.note(
                f"{about.name} {said}; by its size it is read as {guess}, which is a guess"
            )
        return signal if factor == 1 else signal * np.float32(factor)


def millivolts(unit):
    """How many mV a unit is, in any spelling; None if it is no unit of voltage.

    Examples
    --------
    >>> millivolts("uV"), millivolts("Millivolt"), millivolts("mmHg")
    (0.001, 1.0, None)
    """
    match = _VOLTAGE.fullmatch(unit.replace("Â", "").replace("Î", "").strip(" ()[].").lower())
    return _MILLIVOLTS.get(match["prefix"], 1e-3) if match else None


def _unit_by_size(signal):
    """Unit in which a signal spans what an ECG spans: 0.03 to 30 mV."""
    valid = signal[np.isfinite(signal)][::4]
    low, high = np.percentile(valid, [0.5, 99.5]) if len(valid) else (0, 1)
    return "uV" if high - low > 30 else "mV" if high - low > 0.03 else "V"


def check_gaps(path, n_samples):
    """Raise `UserError` if a recording has gaps of more than `MAX_GAP` samples."""
    if n_samples > MAX_GAP:
        raise UserError(
            f"{path} has gaps of {n_samples:,} samples together, more than {MAX_GAP:,} are not "
            "read: cut it in pieces"
        )
