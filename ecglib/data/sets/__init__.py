"""The data sets that there are, by name; a new one needs a module here and a word in `SETS`.

Importing this reads no recording and needs neither wfdb nor torch. What a data set's module
must provide is written down in `ecglib.data.sets.dataset`.
"""

from ecglib.data.sets import chapman, cinc2017, cpsc2018, mitdb, nstdb, svdb
from ecglib.data.sets.dataset import BeatSet, RecordingSet
from ecglib.system.errors import UserError

_MODULES = (mitdb, svdb, cinc2017, chapman, cpsc2018, nstdb)

SETS = {module.DATASET.name: module.DATASET for module in _MODULES}
"""Name -> data set. A notebook may add one of its own."""

BEATS = tuple(name for name, one in SETS.items() if isinstance(one, BeatSet))
"""Data sets in which every beat is annotated."""

RECORDINGS = tuple(name for name, one in SETS.items() if isinstance(one, RecordingSet))
"""Data sets of whole recordings with one label each."""

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
        As `BeatSet.key` gives it.

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
    data = get(name or "mitdb")  # whose keys are bare numbers
    return data.name, data.patient_of(int(number))


def load(name, root, **options):
    """All of a data set that is at `root`.

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
