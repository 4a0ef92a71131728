"""Data sets of whole recordings with one label each, by name."""

from pathlib import Path

from ecglib.data.find import cache
from ecglib.data.find.pack_cinc2017 import read_packed
from ecglib.data.sets import chapman, cinc2017, cpsc2018
from ecglib.system.errors import UserError

ROOMS = {"cinc2017": cinc2017, "chapman": chapman, "cpsc2018": cpsc2018}
"""Data set -> module that reads it."""

CLASSES = {name: room.CLASSES for name, room in ROOMS.items()}
"""Data set -> names of its labels."""


def load(name, root, *, lead="II", length=5120):
    """Recordings of a data set.

    Files of the publisher are read once and then served from a cache on disk
    (`ecglib.data.find.cache`).

    Parameters
    ----------
    name : {"cinc2017", "chapman", "cpsc2018"}
        Data set.
    root : path
        Folder, zip or (`cinc2017` only) packed file, as the data set's module describes.
    lead : str
        Lead by name; not read for `cinc2017`, which has one.
    length : int
        Samples, to which recordings are cut or padded with zeros at the end: at 150 Hz for
        `cinc2017`, of which 30 s are read, else at 500 Hz.

    Returns
    -------
    Recordings
        In order of their names.

    Raises
    ------
    UserError
        If there are no recordings, one lacks the lead, its label or samples, or a file is
        damaged.
    """
    if name not in ROOMS:
        raise UserError(f"unknown data set {name!r}: known are {', '.join(ROOMS)}")
    if length < 1:
        raise UserError(f"length is {length}: it must be at least 1 sample")
    if name == "cinc2017" and is_packed(root):
        return read_packed(root, length)
    room = ROOMS[name]
    files = room.find_files(root)
    if not room.recordings_in(files):
        raise UserError(f"{root} holds no recordings of {room.TITLE}; name where they are")
    stored = cache.path_for(
        files.checksums(), {"name": name, "lead": lead, "length": length}, kind="recordings"
    )
    recordings = cache.load_recordings(stored)
    if recordings is None:
        recordings = room.read(files, lead, length)
        cache.store(stored, recordings)
    return recordings


def is_packed(root):
    """Whether `root` is a file that is no zip of the publisher's."""
    root = Path(root)
    return root.is_file() and root.suffix != ".zip"
