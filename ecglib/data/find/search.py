"""Search for a data set, which is found, downloaded, or replaced by invented patients."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ecglib.data import sets
from ecglib.data.find import cache
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
    """A place from which a data set is read.

    Attributes
    ----------
    name : str
        Data set, one of `ecglib.data.sets.NAMES`.
    path : Path
        `root` of `ecglib.data.sets.load`: a folder or a packed file.
    origin : {"data_root", "ECG_DATA", "repository", "download", "synthetic"}
        Which step of the search found it.
    sha256 : str
        Identity of the data: a SHA-256 of the names and checksums of its files. These are the
        files of all annotated records (of invented patients, only of the records that were
        asked for), or the recordings or their zip and the labels. A packed file has the
        identity of its source.
    synthetic : bool
        Whether the records are invented.
    instead : str
        Which place with some of the records was not used, and why; "" if there is none.
    """

    name: str
    path: Path
    origin: str
    sha256: str
    synthetic: bool
    instead: str = ""

    def describe(self):
        """One sentence for the run to print, without a full stop."""
        if self.synthetic:
            why = f", since {self.instead}" if self.instead else ""
            what = f"Synthetic patients, not recordings{why}"
        else:
            what = sets.get(self.name).described(self.path, self.sha256)
        return f"{what}: {self.path} ({_ORIGINS[self.origin]}; {self.sha256[:12]})"


def find(name="mitdb", data_root=None, *, records=(), allow_synthetic=False, download=False):
    """The first place that has the data set, as `Source`; a `UserError` if none has.

    The order of the search is: `data_root`, `$ECG_DATA`, `data/` in the repository, the folder
    into which `fetch` downloads, a download, invented patients. A place is a folder with the
    files, a folder with a subfolder or a packed file named after the data set, or a packed
    file.

    Parameters
    ----------
    name : str
        Data set, one of `ecglib.data.sets.NAMES`.
    data_root : path, optional
        The place to use. If it lacks the data set, an error is raised and no other is tried.
    records : sequence of int
        Record numbers that are needed. If none is named, any records are enough.
    allow_synthetic, download : bool
        Whether invented patients (if there are any for the data set) or a download may be used.
    """
    dataset = sets.get(name)
    if data_root is not None:
        return _given(dataset, Path(data_root).expanduser(), records)
    instead = ""
    for origin, place in _places(name).items():
        path = dataset.locate(place, records)
        if path is not None:
            return _source(dataset, path, origin, records)
        if not instead and dataset.locate(place):
            instead = f"{place} {dataset.lacking(place, records)}"
    if download:
        return _source(dataset, fetch(name), "download", records)
    if allow_synthetic and dataset.invent is not None:
        invented = _source(dataset, _invented(dataset, records), "synthetic", records)
        return replace(invented, instead=instead)
    partly = f" ({instead})" if instead else ""
    raise UserError(
        f"{dataset.title} was not found{partly}: run {dataset.fetching}, or set "
        "data_root or the environment variable ECG_DATA to where it lies"
    )


def _source(dataset, path, origin, records):
    sha256, synthetic = dataset.identify(path, records)
    return Source(dataset.name, path, origin, sha256, synthetic)


def _given(dataset, data_root, records):
    if not data_root.exists():
        raise UserError(
            f"data_root {data_root} does not exist: correct it, or leave it out to search "
            "the usual places"
        )
    path = dataset.locate(data_root, records)
    if path is None:
        raise UserError(
            f"data_root {data_root} {dataset.lacking(data_root, records)}: name a folder with "
            "its files"
        )
    return _source(dataset, path, "data_root", records)


def _invented(dataset, records):
    """Folder of invented patients; `UserError` if it cannot be written."""
    folder = cache.directory()
    try:
        return dataset.invent(folder, records)
    except OSError as error:
        raise UserError(
            f"cannot write invented patients to {folder}: {error.strerror}; "
            "set the environment variable ECGLIB_CACHE to a folder that can be written"
        ) from error


def _places(name):
    """Origin -> place to search, in this order."""
    searched = {}
    if os.environ.get("ECG_DATA"):
        searched["ECG_DATA"] = Path(os.environ["ECG_DATA"]).expanduser()
        if not searched["ECG_DATA"].exists():
            raise UserError(
                f"the environment variable ECG_DATA names {searched['ECG_DATA']}, which does "
                "not exist; correct it, or unset it"
            )
    return searched | {"repository": REPO / "data", "download": download_dir(name)}
