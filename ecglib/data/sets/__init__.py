"""All data sets by name; a new one needs a module here and its name in `SETS`.

Importing this module reads no recording and needs neither wfdb nor torch.
`ecglib.data.sets.dataset` says what a data set's module must provide.
"""

from ecglib.data.sets import both, chapman, cinc2017, cpsc2018, mitdb, nstdb, svdb
from ecglib.data.sets.dataset import BeatSet
from ecglib.system.errors import UserError

_MODULES = (mitdb, svdb, both, cinc2017, chapman, cpsc2018, nstdb)

SETS = {module.DATASET.name: module.DATASET for module in _MODULES}
"""Name -> data set. A notebook may add its own data sets."""

BEATS = tuple(name for name, one in SETS.items() if isinstance(one, BeatSet))
"""Data sets in which every beat is annotated."""

NAMES = tuple(SETS)


def get(name):
    """The data set of a name, as its module has it; `UserError` if there is none.

    Examples
    --------
    >>> get("mitdb").key(100), get("cinc2017").classes
    ('100', ('N', 'A', 'O', '~'))
    """
    if name not in SETS:
        raise UserError(f"unknown data set {name!r}: known are {', '.join(SETS)}")
    return SETS[name]


def patient_of(key):
    """Patient of a record by its key in files of results.

    Parameters
    ----------
    key : str or int
        The key, see `BeatSet.key`.

    Returns
    -------
    tuple of (str, int)
        Data set and patient, the same for records of one person.

    Examples
    --------
    >>> patient_of("202") == patient_of("201"), patient_of("203")
    (True, ('mitdb', 203))
    """
    name, _, number = str(key).rpartition("/")
    data = get(name or "mitdb")  # the keys of MIT-BIH are bare numbers
    return data.name, data.patient_of(int(number))


def load(name, root, **options):
    """Load all records or recordings of a data set that are at `root`.

    Parameters
    ----------
    name : str
        Data set.
    root : path
        Folder with its files, or a packed file; `ecglib.data.find.search.find` finds it.
    **options
        As `BeatSet.load_beats`, `RecordingSet.load` or `NoiseSet.load` takes them.

    Returns
    -------
    Beats, Recordings or dict
    """
    return get(name).load(root, **options)
