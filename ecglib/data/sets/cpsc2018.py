"""China Physiological Signal Challenge 2018: 12 leads, 6 to 60 s at 500 Hz (Liu et al. 2018).

Read in the form of PhysioNet's Challenge 2020, `.mat` and `.hea` with SNOMED CT codes.
"""

import csv

from ecglib.data.find.archive import find_files as find
from ecglib.data.sets.challenge import first_known, index_of, read_labelled
from ecglib.data.sets.dataset import Publisher, RecordingSet
from ecglib.system.untrusted import refused

CLASSES = ("Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
"""The classes, in the order of the codes 1 to 9 in `REFERENCE.csv`."""

FS = 500
"""Hz."""

CODES = {
    "426783006": "Normal",
    "164889003": "AF",
    "270492004": "I-AVB",
    "164909002": "LBBB",
    "59118001": "RBBB",
    "284470004": "PAC",
    "164884008": "PVC",
    "429622005": "STD",
    "164931005": "STE",
}
"""SNOMED CT code -> class, as in the Challenge 2020."""

_OWN = {name: name for name in CLASSES}
_KNOWN = CODES | {name.upper(): name for name in CLASSES}  # older headers have names

_REFERENCE = "REFERENCE.csv"


def find_files(root):
    """Recordings in `root` and, if there is one, the challenge's `REFERENCE.csv`."""
    return find(root, r"A\d{4}", ("mat", "hea"), [_REFERENCE])


def read(files, lead, length):
    """All recordings that are there, cut or padded to `length` samples.

    Some recordings have up to three labels. The first one counts: `First_label` of
    `REFERENCE.csv`, or without that file the first code or name in the header's `#Dx` that
    is one of the nine.
    """
    with files.opened() as at:
        listed = _listed(files, at)

        def label_of(name, codes):
            own = first_known(codes, _KNOWN) if listed is None else listed.get(name)
            header = f"#Dx of {files.where(f'{name}.hea')}"
            where = header if listed is None else files.where(_REFERENCE)
            found = codes if listed is None else ()
            return index_of(name, own, _OWN, CLASSES, where, "label", found)

        return read_labelled(files, at, label_of, fs=FS, lead=lead, length=length)


def _listed(files, at):
    """Recording -> class from `REFERENCE.csv`; None if there is no such file."""
    if _REFERENCE not in files.members:
        return None
    with (
        refused(
            f"{files.where(_REFERENCE)} is no table with columns Recording and First_label "
            f"(1 to {len(CLASSES)}); fetch it again"
        ),
        at(_REFERENCE).open(encoding="utf-8-sig") as file,
    ):
        by_code = {str(code): name for code, name in enumerate(CLASSES, start=1)}
        lines = (line.replace(";", ",") for line in file)  # as spreadsheets may write them
        rows = (row for row in csv.DictReader(lines) if any(row.values()))
        return {row["Recording"].strip(): by_code[row["First_label"].strip()] for row in rows}


DATASET = RecordingSet(
    name="cpsc2018",
    title="CPSC 2018",
    classes=CLASSES,
    n_published=6877,
    fs=FS,
    find_files=find_files,
    read=read,
    publisher=Publisher(
        "https://physionet.org/files/challenge-2020/1.0.2/",
        folder="training/cpsc_2018/",
        pattern=r"(g\d{1,3}/)?A\d{4}\.(mat|hea)",
    ),
)
