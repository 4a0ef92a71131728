"""Where the database is: found, downloaded, or replaced by synthetic patients."""

import os
from dataclasses import dataclass
from pathlib import Path

from ecglib.data import cache, synthetic
from ecglib.data.download import download_dir, fetch, published_checksums
from ecglib.data.files import identity, identity_of, records_in
from ecglib.data.pack import read_info
from ecglib.errors import UserError

__all__ = ["Source", "fetch", "find"]

_REPOSITORY = Path(__file__).parents[2]
_ORIGINS = {
    "data_root": "given as data_root",
    "ECG_DATA": "from $ECG_DATA",
    "repository": "from data/ in the repository",
    "download": "downloaded from PhysioNet",
    "synthetic": "made by ecglib.data.synthetic",
}


@dataclass(frozen=True)
class Source:
    """A place that serves the database.

    Attributes
    ----------
    name : str
        Data set, "mitdb".
    path : Path
        Folder with `100.hea` etc., or a packed file: `root` of `load_beats`.
    origin : {"data_root", "ECG_DATA", "repository", "download", "synthetic"}
        Which step of the search found it.
    sha256 : str
        Identity of the data: SHA-256 over the sorted names and checksums of the records'
        `.hea`, `.dat` and `.atr`, of the database's records there, or of the records asked
        for if they are synthetic. A packed file carries the identity of its source.
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
        elif self.sha256 == identity(published_checksums()):
            what = "MIT-BIH 1.0.0, every file as PhysioNet published it"
        else:
            what = "MIT-BIH, not the whole of version 1.0.0 as PhysioNet published it"
        return f"{what}: {self.path} ({_ORIGINS[self.origin]}; {self.sha256[:12]})."


def find(name="mitdb", data_root=None, *, records, allow_synthetic=False, download=False):
    """The first place that has the records.

    The search goes: `data_root`, `$ECG_DATA`, `data/` in the repository, the folder that
    `fetch` fills, a download, synthetic patients; the last two only if allowed. Each place
    may be a folder with the records, a folder with a subfolder `mitdb`, or a packed file.

    Parameters
    ----------
    name : {"mitdb"}
        Data set.
    data_root : path, optional
        The place to use; if it does not serve, that is an error and nothing else is tried.
    records : sequence of int
        Record numbers that are needed.
    allow_synthetic : bool
        Whether invented patients may stand in.
    download : bool
        Whether to fetch the database if no place has it.

    Returns
    -------
    Source

    Raises
    ------
    UserError
        If no place has the records.
    """
    if name != "mitdb":
        raise UserError(f"unknown data set {name!r}: known is mitdb")
    if data_root is not None:
        return _given(name, Path(data_root).expanduser(), records)
    for origin, place in _places(name).items():
        path = _locate(place, name, records)
        if path is not None:
            return _source(name, path, origin, records)
    if download:
        return _source(name, fetch(name), "download", records)
    if allow_synthetic:
        return _source(name, _made(records), "synthetic", records)
    raise UserError(
        "the MIT-BIH database was not found: run `python -m ecglib fetch mitdb`, or set "
        "data_root or the environment variable ECG_DATA to where it lies"
    )


def _given(name, data_root, records):
    if not data_root.exists():
        raise UserError(
            f"data_root {data_root} does not exist: correct it, or leave it out to search "
            "the usual places"
        )
    path = _locate(data_root, name, records)
    if path is None:
        present = set().union(*_holdings(data_root, name).values())
        lacking = [record for record in records if record not in present]
        raise UserError(
            f"data_root {data_root} lacks {len(lacking)} of the records asked for "
            f"({lacking[0]} first): name a folder with their .hea, .dat and .atr files"
        )
    return _source(name, path, "data_root", records)


def _places(name):
    """Origin -> place to search, in this order."""
    places = {}
    if os.environ.get("ECG_DATA"):
        places["ECG_DATA"] = Path(os.environ["ECG_DATA"]).expanduser()
    return places | {"repository": _REPOSITORY / "data", "download": download_dir(name)}


def _holdings(place, name):
    """Packed file, or folder and subfolder -> records that it holds."""
    if place.is_file():
        return {place: read_info(place).records}
    return {folder: records_in(folder) for folder in (place, place / name)}


def _locate(place, name, records):
    """What in `place` holds all the records; None if nothing does."""
    for path, present in _holdings(place, name).items():
        if set(records) <= set(present):
            return path
    return None


def _source(name, path, origin, records):
    if path.is_file():
        info = read_info(path)
        return Source(name, path, origin, info.sha256, info.synthetic)
    invented = synthetic.is_synthetic(path, records[0])
    sha256 = identity_of(path, records if invented else records_in(path))
    return Source(name, path, origin, sha256, invented)


def _made(records):
    """Folder with synthetic patients for the records; those already there are kept."""
    folder = cache.directory() / f"synthetic-{synthetic.VERSION}"
    missing = [record for record in records if record not in records_in(folder)]
    synthetic.write_records(folder, missing)
    return folder
