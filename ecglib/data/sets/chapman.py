"""Chapman-Shaoxing: 12 leads, 10 s at 500 Hz (Zheng et al. 2020, 10.1038/s41597-020-0386-x).

The authors (figshare) offer one CSV file in µV for each of 10,646 recordings and a table of
diagnoses. PhysioNet's Challenge 2021 has 10,247 of these recordings as `.mat` and `.hea` files
with SNOMED CT codes. It lacks the 399 recordings with sinus irregularity (SA).
"""

import io
import zipfile

import numpy as np

from ecglib.data.find.archive import find_files as find
from ecglib.data.recordings import padded
from ecglib.data.records import check_lead
from ecglib.data.sets.challenge import first_known, index_of, read_labelled
from ecglib.data.sets.dataset import Publisher, RecordingSet
from ecglib.system.errors import UserError
from ecglib.system.untrusted import check_members, refused

N_PUBLISHED = 10_646
CLASSES = ("SB", "AFIB", "GSVT", "SR")
"""Sinus bradycardia, atrial fibrillation and flutter, supraventricular tachycardias, sinus
rhythm."""

FS = 500
"""Hz."""

GROUP = {
    "SB": "SB",
    **dict.fromkeys(("AFIB", "AF"), "AFIB"),
    **dict.fromkeys(("SVT", "AT", "SAAWR", "ST", "AVNRT", "AVRT"), "GSVT"),
    **dict.fromkeys(("SR", "SA"), "SR"),
}
"""Rhythm -> one of the four groups in which cardiologists merged them (Zheng et al. 2020)."""

CODES = {
    "426177001": "SB",
    "164889003": "AFIB",
    "164890007": "AF",
    "426761007": "SVT",
    "713422000": "AT",
    "17366009": "SAAWR",
    "427084000": "ST",
    "251166008": "AVNRT",
    "233897008": "AVRT",
    "426783006": "SR",
    "427393009": "SA",
}
"""SNOMED CT code -> rhythm as `Diagnostics.csv` abbreviates it, from `dx_mapping_scored.csv`
and `dx_mapping_unscored.csv` of the Challenge 2021. The counts of each rhythm there are those
of Zheng et al. 2020, except for SA, which the challenge left out."""

_N_SAMPLES = 5000
_TABLES = ("Diagnostics.csv", "Diagnostics.xlsx")
_MICROVOLTS = 1000  # per mV
_SPREADSHEET_BYTES = 60_000_000  # unpacked; the published one has some 16 MB
_SPREADSHEET_COLUMNS = 32  # the published one has 16


def find_files(root):
    """Recordings and diagnoses in the authors' form or, if there are none, in PhysioNet's."""
    authors = find(root, r"MUSE_\d{8}_\d{6}_\d+", ("csv",), _TABLES, ["ECGData*.zip"])
    return authors if authors.recordings else find(root, r"JS\d{5}", ("mat", "hea"))


def read(files, lead, length):
    """All recordings that are there, cut or padded to `length` samples.

    A flat lead is kept as it is; a sample that is not a number is an error.
    """
    with files.opened() as at:
        if files.recordings[0].startswith("MUSE"):
            return _read_csv(files, at, lead, length)

        def label_of(name, codes):
            where = f"#Dx of {files.where(f'{name}.hea')}"
            return _index(name, first_known(codes, CODES), where, codes)

        return read_labelled(files, at, label_of, fs=FS, lead=lead, length=length)


def _read_csv(files, at, lead, length):
    """Signals, their lengths and labels, from the authors' form."""
    names = files.recordings
    rhythm, where = _rhythms(files, at)
    label = [_index(n, rhythm.get(n), where, [rhythm.get(n, "no row")]) for n in names]
    signals = (_csv_lead(at(f"{name}.csv").read_bytes(), name, lead) for name in names)
    signal, n_samples = padded(signals, names, length)
    return signal, n_samples, np.array(label, dtype=np.int8)


def _index(name, rhythm, where, found):
    return index_of(name, rhythm, GROUP, CLASSES, where, "rhythm", found)


def _rhythms(files, at):
    """Recording -> rhythm as the table of diagnoses says, and the table's place."""
    import pandas as pd

    present = [table for table in _TABLES if table in files.members]
    if not present:
        raise UserError(
            "the recordings of Chapman-Shaoxing have no diagnoses: put Diagnostics.csv or "
            "Diagnostics.xlsx beside them"
        )
    where = files.where(present[0])
    path = at(present[0])
    with refused(f"{where} is no table with columns FileName and Rhythm; fetch it again"):
        if present[0].endswith(".csv"):
            table = pd.read_csv(path, dtype=str, na_filter=False)
        else:
            table = _spreadsheet(path, where)
        names, rhythms = (
            table[column].astype(str).str.strip() for column in ("FileName", "Rhythm")
        )
        rhythm = dict(zip(names, rhythms, strict=True))
    return rhythm, where


def _spreadsheet(path, where):
    """First sheet of a workbook, of no more rows and columns than the table has."""
    import pandas as pd

    try:
        import openpyxl
    except ImportError as error:
        raise UserError(
            f"{where} needs the package openpyxl: install it (pip install openpyxl), or save "
            "the table as Diagnostics.csv beside it"
        ) from error
    with zipfile.ZipFile(path) as archive:  # it unpacks no more bytes than a member states
        check_members(archive.infolist(), _SPREADSHEET_BYTES)
    book = openpyxl.load_workbook(path, read_only=True)
    names, *rows = book.worksheets[0].iter_rows(
        max_row=N_PUBLISHED + 1, max_col=_SPREADSHEET_COLUMNS, values_only=True
    )
    return pd.DataFrame(rows, columns=names)


def _csv_lead(data, name, lead):
    """One lead (5000,) in mV from the authors' CSV in µV."""
    import pandas as pd

    with refused(f"{name}.csv is damaged and cannot be read; fetch it again"):
        header = data.split(b"\n", 1)[0].decode("utf-8-sig").strip().split(",")
        check_lead(name, lead, header)
        column = header.index(lead)
        table = pd.read_csv(io.BytesIO(data), usecols=[column], dtype=np.float64)
    if len(table) != _N_SAMPLES:
        raise UserError(
            f"{name}.csv has {len(table):,} samples and not {_N_SAMPLES:,}: it is truncated; "
            "fetch it again"
        )
    if data.count(b",") != (len(table) + 1) * (len(header) - 1):
        raise UserError(f"{name}.csv has rows unlike its header: it is damaged; fetch it again")
    return table.to_numpy()[:, 0] / _MICROVOLTS


DATASET = RecordingSet(
    name="chapman",
    title="Chapman-Shaoxing",
    classes=CLASSES,
    n_published=N_PUBLISHED,
    fs=FS,
    find_files=find_files,
    read=read,
    publisher=Publisher(
        "https://physionet.org/files/challenge-2021/1.0.3/",
        folder="training/chapman_shaoxing/",
        pattern=r"(g\d{1,3}/)?JS\d{5}\.(mat|hea)",
    ),
)
