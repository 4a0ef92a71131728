"""What a place has of a data set, where it lies there, and what can stand in for it."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecglib.data import synthetic, synthetic_recordings
from ecglib.data.find import cache, pack, pack_cinc2017
from ecglib.data.find.download import published_checksums
from ecglib.data.find.identity import identity, identity_of, is_complete, records_in
from ecglib.data.sets import cinc2017
from ecglib.data.sets.rhythm import ROOMS, is_packed
from ecglib.system.errors import UserError

N_SYNTHETIC = 40
"""Invented recordings of each class, enough for five folds."""


def finder(name, records=()):
    """What looks for a data set; `UserError` if there is none of this name."""
    if name == "mitdb":
        return Mitdb(tuple(records))
    if name in ROOMS:
        return Rhythm(name)
    raise UserError(f"unknown data set {name!r}: known are mitdb, {', '.join(ROOMS)}")


@contextmanager
def _writing(folder):
    """A folder of invented patients that cannot be written becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write invented patients to {folder}: {error.strerror}; "
            "set the environment variable ECGLIB_CACHE to a folder that can be written"
        ) from error


@dataclass(frozen=True)
class Mitdb:
    """Looks for records of MIT-BIH.

    Attributes
    ----------
    records : tuple of int
        Those that are needed.
    """

    records: tuple
    title = "the MIT-BIH database"

    def locate(self, place):
        """What in `place` holds all the records; None if nothing does."""
        if not self.records:
            raise UserError("records is empty: name at least one record of MIT-BIH")
        for path, present in self._holdings(place).items():
            if set(self.records) <= set(present):
                return path
        return None

    def _holdings(self, place):
        """Packed file, or folder, subfolder and packed file in it -> records there."""
        if place.is_file():
            return {place: pack.read_info(place).records}
        folders = {folder: records_in(folder) for folder in (place, place / "mitdb")}
        packed = place / "mitdb.npz"
        return folders | ({packed: pack.read_info(packed).records} if packed.is_file() else {})

    def lacking(self, place):
        """Why `place` does not serve, for the user."""
        present = set().union(*self._holdings(place).values())
        lacking = [record for record in self.records if record not in present]
        return (
            f"lacks {len(lacking)} of the records asked for ({lacking[0]} first): name a "
            "folder with their .hea, .dat and .atr files"
        )

    def identify(self, path):
        """SHA-256 of the data at `path`, and whether it is invented."""
        if path.is_file():
            info = pack.read_info(path)
            return info.sha256, info.synthetic
        invented = synthetic.is_synthetic(path, self.records[0])
        return identity_of(path, self.records if invented else records_in(path)), invented

    def made(self):
        """Folder with invented patients for the records; those already there are kept."""
        folder = cache.directory() / f"synthetic-{synthetic.VERSION}"
        missing = [record for record in self.records if not is_complete(folder, record)]
        with _writing(folder):
            synthetic.write_records(folder, missing)
        return folder

    def described(self, source):
        """What the data of `source` is, if recorded."""
        if source.sha256 == identity(published_checksums()):
            return "MIT-BIH 1.0.0, every file as PhysioNet published it"
        return "MIT-BIH, not the whole of version 1.0.0 as PhysioNet published it"


@dataclass(frozen=True)
class Rhythm:
    """Looks for a data set of whole recordings; all that a place has will do.

    Attributes
    ----------
    name : str
        Key of `ecglib.data.sets.rhythm.ROOMS`.
    """

    name: str

    @property
    def title(self):
        """The data set's name in words."""
        return ROOMS[self.name].TITLE

    def locate(self, place):
        """What in `place` holds recordings; None if nothing does."""
        inside = (place / self.name, place / f"{self.name}.npz", place)
        paths = (place,) if place.is_file() else inside
        return next((path for path in paths if path.exists() and self._names(path)), None)

    def _names(self, path):
        """Recordings at `path`."""
        if self.name == "cinc2017" and is_packed(path):
            return pack_cinc2017.read_info(path).records
        room = ROOMS[self.name]
        return room.recordings_in(room.find_files(path))

    def lacking(self, place):
        """Why `place` does not serve, for the user."""
        return f"holds no recordings of {self.title}: name a folder with its files"

    def identify(self, path):
        """SHA-256 of the data at `path`, and whether it is invented."""
        if self.name == "cinc2017" and is_packed(path):
            info = pack_cinc2017.read_info(path)
            return info.sha256, info.synthetic
        files = ROOMS[self.name].find_files(path)
        return identity(files.checksums()), synthetic_recordings.is_synthetic(files)

    def made(self):
        """Folder with invented recordings, or None for a data set that has no stand-in."""
        if self.name != "cinc2017":
            return None
        folder = cache.directory() / f"synthetic-cinc2017-{synthetic_recordings.VERSION}"
        with _writing(folder):
            synthetic_recordings.write_cinc2017(folder, N_SYNTHETIC, seed=0)
        return folder

    def described(self, source):
        """What the data of `source` is, if recorded."""
        if self.name == "cinc2017" and source.sha256 == identity(cinc2017.CHECKSUMS):
            return f"{self.title}, all {cinc2017.N_PUBLISHED:,} recordings as published"
        n = len(self._names(Path(source.path)))
        return (
            f"{self.title}, {n:,} of the {ROOMS[self.name].N_PUBLISHED:,} recordings published"
        )
