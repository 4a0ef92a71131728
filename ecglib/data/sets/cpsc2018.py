"""China Physiological Signal Challenge 2018: 12 leads, 6 to 60 s at 500 Hz (Liu et al. 2018).

Read in the form of PhysioNet's Challenge 2020, `.mat` and `.hea` with SNOMED CT codes.
"""

import csv

import numpy as np

from ecglib.data.find.archive import find_files as find
from ecglib.data.recordings import Recordings
from ecglib.data.sets.challenge import read_labelled
from ecglib.data.sets.snomed import CPSC2018, first_known
from ecglib.system.errors import UserError
from ecglib.system.untrusted import refused

TITLE = "CPSC 2018"
N_PUBLISHED = 6877
CLASSES = ("Normal", "AF", "I-AVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE")
"""In the order of the codes 1 to 9 in `REFERENCE.csv`."""

FS = 500
"""Hz."""

KNOWN = CPSC2018 | {name: name for name in CLASSES}
"""What a header's `#Dx` may say: a SNOMED code, or in the older form a name."""

_REFERENCE = "REFERENCE.csv"


def find_files(root):
    """Recordings in `root` and, if there is one, the challenge's `REFERENCE.csv`.

    Returns
    -------
    Files
        Without members if there are none.
    """
    return find(root, r"A\d{4}\.(mat|hea)", [_REFERENCE])


def recordings_in(files):
    """Names of the recordings in `files`, sorted."""
    return files.named(".mat")


def read(files, lead, length):
    """All recordings that are there, cut or padded to `length` samples.

    Some recordings have up to three labels. The first one counts: `First_label` of
    `REFERENCE.csv`, or without that file the first code or name in the header's `#Dx` that
    is one of the nine.

    Parameters
    ----------
    files : Files
        From `find_files`.
    lead : str
        Lead by name.
    length : int
        Samples at 500 Hz.

    Returns
    -------
    Recordings

    Raises
    ------
    UserError
        If a recording lacks the lead, has no label or an unknown one, no samples or invalid
        ones, or a file is damaged or missing.
    """
    names = recordings_in(files)
    with files.opened() as content:
        listed = _listed(files, content)

        def label_of(name, header):
            own = first_known(header.codes, KNOWN) if listed is None else listed.get(name)
            if own is None:
                where = "the #Dx of its header" if listed is None else files.where(_REFERENCE)
                raise UserError(
                    f"recording {name} has no known label in {where} (known: "
                    f"{', '.join(CLASSES)}); correct the label or leave the recording out"
                )
            return CLASSES.index(own)

        signal, n_samples, label = read_labelled(
            files, content, names, label_of, fs=FS, lead=lead, length=length
        )
    return Recordings(
        *(signal, label, np.array(names), n_samples, float(FS), CLASSES, "cpsc2018")
    )


def _listed(files, content):
    """Recording -> class from `REFERENCE.csv`; None if there is no such file."""
    if _REFERENCE not in files.members:
        return None
    data = content(_REFERENCE)
    with refused(
        f"{files.where(_REFERENCE)} is no table with columns Recording and First_label "
        f"(1 to {len(CLASSES)}); fetch it again"
    ):
        rows = csv.DictReader(data.decode("utf-8-sig").splitlines())
        return {row["Recording"]: CLASSES[_code(row["First_label"])] for row in rows}


def _code(text):
    """Index of a code 1 to 9."""
    code = int(text)
    if code < 1:
        raise ValueError(text)
    return code - 1
