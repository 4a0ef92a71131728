"""TEMPORARY until merged."""

from ecglib.aami import DS1, DS1_FOLDS, DS1_VAL, DS2, patient_of

BEATS = ("mitdb",)
RECORDINGS = ("cinc2017", "chapman", "cpsc2018")
NAMES = BEATS + RECORDINGS
SPLITS = {
    "ds1_ds2": (DS1, DS2),
    "ds2_ds1": (DS2, DS1),
    "ds1_val": (tuple(r for r in DS1 if r not in DS1_VAL), DS1_VAL),
}
SPLITS |= {
    f"ds1_fold{i}": (tuple(r for r in DS1 if r not in fold), fold)
    for i, fold in enumerate(DS1_FOLDS)
}
CROSSED = ("ds1_cv", "lopo")


class _Mit:
    name = "mitdb"
    records = DS1 + DS2
    splits = (*SPLITS, *CROSSED)
    lead = "MLII"

    def folds(self, split, records):
        if split in SPLITS:
            return [tuple(tuple(r for r in side if r in records) for side in SPLITS[split])]
        known = [r for r in DS1 + DS2 if r in records]
        if split == "ds1_cv":
            known = [r for r in DS1 if r in records]
            n_folds = (len(DS1) + 1) // 2
            groups = [tuple(r for r in DS1[i::n_folds] if r in known) for i in range(n_folds)]
        else:
            patients = sorted({patient_of(r) for r in known})
            groups = [tuple(r for r in known if patient_of(r) == p) for p in patients]
        return [(tuple(r for r in known if r not in group), group) for group in groups if group]

    def load_beats(self, *a, **k):
        from ecglib.data.sets.mitdb import load_beats

        return load_beats(*a, **k)

    def read_record(self, root, record, lead=None):
        from ecglib.data.sets.mitdb import read_record

        return read_record(root, record, lead or "MLII")

    def other_lead(self, root, record):
        from ecglib.data.leads import other_lead

        return other_lead(root, record)

    def key(self, record):
        return str(record)


def get(name):
    return _Mit()


def load(name, root, **options):
    from ecglib.data.sets import rhythm

    return rhythm.load(name, root, **options)
