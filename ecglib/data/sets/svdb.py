"""MIT-BIH Supraventricular Arrhythmia Database: 78 records of 30 minutes, 128 Hz, two leads.

Greenwald 1990 (PhD thesis, Harvard-MIT). Its leads are named ECG1 and ECG2, and not described
any further. Record 860 has an annotation one sample past the end of its signal, which is left
out.
"""

from ecglib.aami import SVDB_DEV, SVDB_TEST
from ecglib.data.sets.dataset import BeatSet, Publisher, checksums_beside, patients_apart

RECORDS = (*range(800, 813), *range(820, 830), *range(840, 895))

BLIND = tuple(record for record in RECORDS if record not in SVDB_DEV + SVDB_TEST)
"""Records that no network of ours has seen, kept back for study "blind"."""

DATASET = BeatSet(
    name="svdb",
    title="SVDB",
    records=RECORDS,
    lead="ECG1",
    fs=128.0,
    folds_by_split={
        "dev_test": [(SVDB_DEV, SVDB_TEST)],
        "lopo": patients_apart(RECORDS),
    },
    publisher=Publisher("https://physionet.org/files/svdb/1.0.0/", checksums_beside(__file__)),
)
