"""The second lead of a record: recorded at the same time, from another place on the chest."""

from functools import lru_cache
from pathlib import Path

from ecglib.system.errors import UserError


@lru_cache(maxsize=256)
def other_lead(root, record, lead="MLII"):
    """Name of the first lead of a record that is not `lead`.

    Parameters
    ----------
    root : path
        Folder with `100.hea` etc.
    record : int
        Record number.
    lead : str
        The lead that is not wanted.

    Returns
    -------
    str
        V1, V2, V4 or V5 in MIT-BIH.

    Raises
    ------
    UserError
        If the header is missing or has no other lead, or `root` is a packed file, which holds
        one lead only.
    """
    import wfdb  # slow to import, and a machine with a packed file does not need it

    if Path(root).is_file():
        raise UserError(f"{root} is a packed file and holds {lead} only; give the WFDB folder")
    try:
        names = wfdb.rdheader(str(Path(root) / str(record))).sig_name
    except (OSError, ValueError) as error:
        raise UserError(f"{Path(root) / str(record)}.hea is missing or damaged") from error
    others = [name for name in names if name != lead]
    if not others:
        raise UserError(f"record {record} has no lead besides {lead}")
    return others[0]
