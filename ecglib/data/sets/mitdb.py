"""MIT-BIH Arrhythmia Database: 48 records of 30 minutes, 360 Hz, two leads (Moody & Mark 2001).

Record 114 has MLII as its second lead; 102 and 104, both paced, have none.
"""

from ecglib.aami import DS1, DS1_FOLDS, DS1_VAL, DS2, PACED, patient_of
from ecglib.data.find.identity import is_complete
from ecglib.data.sets.dataset import (
    BeatSet,
    Publisher,
    checksums_beside,
    patients_apart,
    taking_turns,
)
from ecglib.data.synthetic import VERSION, write_records
from ecglib.system.errors import UserError


def _invent(folder, records):
    """Write invented patients for the records; those that exist are kept."""
    if not records:
        raise UserError("records is empty: name the records that are to be invented")
    own = folder / f"synthetic-{VERSION}"
    write_records(own, [record for record in records if not is_complete(own, record)])
    return own


DATASET = BeatSet(
    name="mitdb",
    title="MIT-BIH",
    records=tuple(sorted(DS1 + DS2 + PACED)),
    lead="MLII",
    folds_by_split={
        "ds1_ds2": [(DS1, DS2)],
        "ds2_ds1": [(DS2, DS1)],
        "ds1_val": taking_turns(DS1, [DS1_VAL]),
        **{f"ds1_fold{i}": taking_turns(DS1, [fold]) for i, fold in enumerate(DS1_FOLDS)},
        "ds1_cv": taking_turns(DS1, [DS1[i::11] for i in range(11)]),  # to choose settings
        "lopo": patients_apart(DS1 + DS2, patient_of),
    },
    patient_of=patient_of,
    prefix="",
    publisher=Publisher("https://physionet.org/files/mitdb/1.0.0/", checksums_beside(__file__)),
    invent=_invent,
)

read_record, other_lead = DATASET.read_record, DATASET.other_lead


def load_beats(root, records, *, lead="MLII", before=150, after=150, length=300, fusion="drop"):
    """Beats of records of MIT-BIH; parameters and result as in `BeatSet.load_beats`."""
    return DATASET.load_beats(
        root, records, lead=lead, before=before, after=after, length=length, fusion=fusion
    )
