"""Where a data set is: found, downloaded, or replaced by synthetic patients."""

import os
from dataclasses import dataclass
from pathlib import Path

from ecglib.data.find import places
from ecglib.data.find.download import download_dir, fetch
from ecglib.system.errors import UserError
from ecglib.system.paths import REPO

__all__ = ["Source", "fetch", "find"]

_ORIGINS = {
    "data_root": "given as data_root",
    "ECG_DATA": "from $ECG_DATA",
    "repository": "from data/ in the repository",
    "download": "downloaded from PhysioNet",
    "synthetic": "made by ecglib.data.synthetic",
}


@dataclass(frozen=True)
class Source:
    """A place that serves a data set.

    Attributes
    ----------
    name : str
        Data set, "mitdb", "cinc2017", "chapman" or "cpsc2018".
    path : Path
        `root` of `load_beats` or of `ecglib.data.sets.rhythm.load`: a folder or a packed file.
    origin : {"data_root", "ECG_DATA", "repository", "download", "synthetic"}
        Which step of the search found it.
    sha256 : str
        Identity of the data: SHA-256 over the sorted names and checksums of the files. For
        "mitdb" these are `.hea`, `.dat` and `.atr` of the database's records there, or of the
        records asked for if they are synthetic; for another data set its recordings, or the
        zip that holds them, and its labels. A packed file carries the identity of its source.
    synthetic : bool
        Whether the records are invented.
    """

    name: str
    path: Path
    origin: str
    sha256: str
    synthetic: bool

    def describe(self):
        """One sentence for the run to print."""
        if self.synthetic:
            what = "Synthetic patients, not recordings"
        else:
            what = places.finder(self.name).described(self)
        return f"{what}: {self.path} ({_ORIGINS[self.origin]}; {self.sha256[:12]})."


def find(name="mitdb", data_root=None, *, records=(), allow_synthetic=False, download=False):
    """The first place that has the data set.

    The search goes: `data_root`, `$ECG_DATA`, `data/` in the repository, the folder that
    `fetch` fills, a download, synthetic patients; the last two only if allowed. Each place
    may be a folder with the files, a folder with a subfolder or a packed file named after the
    data set, or a packed file.

    Parameters
    ----------
    name : {"mitdb", "cinc2017", "chapman", "cpsc2018"}
        Data set.
    data_root : path, optional
        The place to use; if it does not serve, that is an error and nothing else is tried.
    records : sequence of int
        Record numbers that are needed; "mitdb" only. Of another data set all that a place
        has will do.
    allow_synthetic : bool
        Whether invented patients may stand in ("mitdb" and "cinc2017").
    download : bool
        Whether to fetch the data set if no place has it.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If no place has the data set.
    """
    finder = places.finder(name, records)
    if data_root is not None:
        return _given(name, finder, Path(data_root).expanduser())
    for origin, place in _places(name).items():
        path = finder.locate(place)
        if path is not None:
            return Source(name, path, origin, *finder.identify(path))
    if download:
        path = fetch(name)
        return Source(name, path, "download", *finder.identify(path))
    path = finder.made() if allow_synthetic else None
    if path is not None:
        return Source(name, path, "synthetic", *finder.identify(path))
    raise UserError(
        f"{finder.title} was not found: run `python -m ecglib fetch {name}`, or set "
        "data_root or the environment variable ECG_DATA to where it lies"
    )


def _given(name, finder, data_root):
    if not data_root.exists():
        raise UserError(
            f"data_root {data_root} does not exist: correct it, or leave it out to search "
            "the usual places"
        )
    path = finder.locate(data_root)
    if path is None:
        raise UserError(f"data_root {data_root} {finder.lacking(data_root)}")
    return Source(name, path, "data_root", *finder.identify(path))


def _places(name):
    """Origin -> place to search, in this order."""
    searched = {}
    if os.environ.get("ECG_DATA"):
        searched["ECG_DATA"] = Path(os.environ["ECG_DATA"]).expanduser()
    return searched | {"repository": REPO / "data", "download": download_dir(name)}
