"""MIT-BIH Noise Stress Test Database: three recordings of noise, 30 minutes at 360 Hz.

Moody, Muldrow & Mark 1984 (Computers in Cardiology 11:381-384). The two channels were recorded
with electrodes placed where the ECG is not seen: `bw` is mostly baseline wander, `em` electrode
motion, `ma` muscle. The ECG records of the database are records 118 and 119 of MIT-BIH with
this noise added, and are not read; `ecglib.data.signal.stress` adds it to any record so.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ecglib.aami import DS1, SVDB_DEV
from ecglib.data.find.identity import identity, sha256_of
from ecglib.data.records import read_header, read_signal
from ecglib.data.sets.dataset import DataSet, Publisher, checksums_beside
from ecglib.data.signal.stress import with_recorded_noise
from ecglib.system.errors import UserError

HALVES = ("development", "reporting")
"""Choices are made with the first half of each recording, results reported with the second."""

_EXTENSIONS = ("hea", "dat")


@dataclass(frozen=True, kw_only=True, eq=False)
class NoiseSet(DataSet):
    """A data set of noise without an ECG.

    Attributes
    ----------
    names : tuple of str
        All recordings that were published.
    fs : float
        Hz.
    """

    names: tuple[str, ...]
    fs: float

    kind = "recordings of noise"
    packs = False

    @property
    def n_published(self):
        """How many recordings were published."""
        return len(self.names)

    def load(self, root, *, half):
        """One half of every recording that is there.

        Parameters
        ----------
        root : path
            Folder with the files.
        half : {"development", "reporting"}
            The first half, or the second.

        Returns
        -------
        dict of str to ndarray, shape (n_samples, 2), float32
            Name -> channels in mV.

        Raises
        ------
        UserError
            If there is no such half, no recording, or one is damaged or of another rate.
        """
        if half not in HALVES:
            raise UserError(f"half is {half!r}; it must be one of {', '.join(HALVES)}")
        present = self.present(Path(root))
        if not present:
            raise UserError(f"{root} {self.lacking(root, ())}")
        return {name: self._half(Path(root) / name, half) for name in present}

    def _half(self, path, half):
        header = read_header(path)
        if header.fs != self.fs:
            raise UserError(f"{path} has {header.fs:g} Hz and not {self.fs:g}; fetch it again")
        channels = [read_signal(path, header, c) for c in range(header.n_sig)]
        return np.split(np.stack(channels, axis=1), [len(channels[0]) // 2])[HALVES.index(half)]

    def present(self, path):
        """Names of the recordings in a folder."""
        return tuple(n for n in self.names if all(file.is_file() for file in _files(path, n)))

    def lacking(self, place, wanted):
        """Why `place` does not serve, for the user."""
        return f"holds no recording of {self.title}"

    def identify(self, path, wanted=()):
        """SHA-256 of all recordings at `path`, and that none is invented."""
        files = [file for name in self.present(path) for file in _files(path, name)]
        return identity({file.name: sha256_of(file) for file in files}), False


def _files(folder, name):
    return [folder / f"{name}.{extension}" for extension in _EXTENSIONS]


DATASET = NoiseSet(
    name="nstdb",
    title="NSTDB",
    names=("bw", "em", "ma"),
    fs=360.0,
    publisher=Publisher("https://physionet.org/files/nstdb/1.0.0/", checksums_beside(__file__)),
)


def stressed(record, root, name, snr_db):
    """A `Record` with the noise `name` in the folder `root`, as `signal.stress` adds it.

    Records on which choices are made, those of DS1 and SVDB_DEV, get the first half of the
    noise, all others the second; it is resampled to the record's sampling frequency, a whole
    number. `UserError` if the noise is missing or damaged, or the record cannot be measured.
    """
    half = HALVES[0] if record.number in DS1 + SVDB_DEV else HALVES[1]
    return with_recorded_noise(record, _channel(root, name, half, round(record.fs)), snr_db)


@lru_cache(maxsize=16)
def _channel(root, name, half, fs):
    """First channel of one half of a noise at `fs` Hz, (n_samples,) float32."""
    from scipy.signal import resample_poly

    if name not in DATASET.present(Path(root)):
        raise UserError(f"{root} has no noise {name}; fetch nstdb")
    noise = DATASET.load(root, half=half)[name][:, 0]
    return resample_poly(noise, fs, round(DATASET.fs), padtype="edge")
