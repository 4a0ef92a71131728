"""MIT-BIH and SVDB together: 43 and 58 patients who are split, trained on and tested as one."""

from ecglib.aami import DS1, DS2, SVDB_DEV, SVDB_TEST, patient_of
from ecglib.data.sets import mitdb, svdb
from ecglib.data.sets.dataset import JointSet, taking_turns

MIT, SV = DS1 + DS2, SVDB_DEV + SVDB_TEST
"""Records of each database that belong to a side."""


def grouped(n_folds, *databases):
    """Folds in which every patient of every database is tested once, some of each at a time.

    Examples
    --------
    >>> grouped(2, (100, 101, 103), (800, 801))
    [((101, 801), (100, 103, 800)), ((100, 103, 800), (101, 801))]
    """
    groups = [()] * n_folds
    for records in databases:
        patients = sorted({patient_of(record) for record in records})
        for number, patient in enumerate(patients):
            own = tuple(record for record in records if patient_of(record) == patient)
            groups[number % n_folds] += own
    return taking_turns(tuple(r for records in databases for r in records), groups)


DATASET = JointSet(
    name="both",
    title="MIT-BIH and SVDB",
    members=(mitdb.DATASET, svdb.DATASET),
    records=mitdb.DATASET.records + svdb.DATASET.records,
    folds_by_split={
        "dev_cv": grouped(5, DS1, SVDB_DEV),  # to choose settings
        "dev_test": [(DS1 + SVDB_DEV, DS2 + SVDB_TEST)],
        "lopo2": grouped(22, MIT, SV),
        "mit_svdb": [(MIT, SV)],
        "svdb_mit": [(SV, MIT)],
    },
)
