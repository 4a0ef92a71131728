"""What a recording is, whatever the form of its files."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


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
    """

    name: str
    files: tuple[Path, ...]
    signals: tuple[Signal, ...]
    start: str = ""

    def read(self, index: int) -> np.ndarray:
        """Samples of a signal in mV, (n_samples,) float32, NaN where one is invalid."""
        raise NotImplementedError

    def annotations(self, extension: str, fs: float) -> tuple[np.ndarray, np.ndarray]:
        """Places, in samples at `fs` Hz and ascending, and WFDB symbols of annotated beats.

        One row a beat, (n_beats,) int64 and (n_beats,) str; a beat that is marked on several
        signals counts once, and annotations outside of the recording are left out.
        """
        raise NotImplementedError
