"""A person's recording, opened whatever the form of its files."""

from pathlib import Path

from ecglib.holter.from_csv import TableRecording
from ecglib.holter.from_edf import EdfRecording
from ecglib.holter.from_wfdb import WfdbRecording
from ecglib.system.errors import UserError

TABLES = (".csv", ".tsv", ".txt")
"""Endings of tables, in any case of letters."""

READ = "WFDB records, .edf files and tables (.csv, .tsv, .txt) are read"

_WFDB = (".hea", ".dat", ".mat")  # endings of files whose record has the name before them
_EDFBROWSER = "convert it to EDF with EDFbrowser"
_TOOLKIT = "convert it to a table with ECG Toolkit"
_UNPACK = "unpack it and name the file inside"
_PICTURE = "export the samples; a picture of an ECG is not read"
_OTHERS = (  # form, where its files have which bytes, the ending of others, what helps
    ("BDF", 0, b"\xffBIOSEMI", ".bdf", _EDFBROWSER),
    ("ISHNE", 0, b"ISHNE1.0", ".ecg", _EDFBROWSER),
    ("SCP-ECG", 16, b"SCPECG", ".scp", _EDFBROWSER),
    ("DICOM", 128, b"DICM", ".dcm", _TOOLKIT),
    ("XML (HL7 aECG)", 0, b"<", ".xml", _TOOLKIT),
    ("MATLAB", 0, b"MATLAB", ".mat", "lay its .hea file beside it, or save it as a table"),
    ("HDF5", 0, b"\x89HDF", ".h5", "save the samples as a table"),
    ("Excel", 30, b"[Content_Types].xml", ".xlsx", "save the sheet as CSV"),
    ("zip", 0, b"PK\x03\x04", ".zip", _UNPACK),
    ("gzip", 0, b"\x1f\x8b", ".gz", _UNPACK),
    ("PDF", 0, b"%PDF", ".pdf", _PICTURE),
    ("PNG", 0, b"\x89PNG", ".png", _PICTURE),
    ("JPEG", 0, b"\xff\xd8\xff", ".jpg", _PICTURE),
)


def open_recording(path, fs=None, units=None):
    """Open a recording, a WFDB record, an EDF file or a table, as `Recording`.

    Parameters
    ----------
    path : path
        A WFDB record without extension (or its `.hea` or `.dat` file), an `.edf` file, or a
        table `.csv`, `.tsv` or `.txt`.
    fs : float, optional
        Samples a second of a table, Hz; its times are not read then.
    units : str, optional
        Unit of a table's samples: nV, uV, mV or V.

    Raises
    ------
    UserError
        If a file is missing, damaged or of another form, or `fs` or `units` are given for
        something else than a table.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder; name the recording in it")
    ending, record = path.suffix.lower(), path.with_suffix("")
    if ending in _WFDB and record.with_name(f"{record.name}.hea").is_file():
        path, ending = record, ""
    if path.with_name(f"{path.name}.hea").is_file():
        ending = ""  # of the name of a record
    elif path.is_file():
        with path.open("rb") as file:
            _refuse_others(path, file.read(1024))
        if ending in TABLES:
            return TableRecording(path, fs, units)
        if ending != ".edf":
            raise UserError(f"{path} has a form that is not known; {READ}")
    elif ending in (*TABLES, ".edf", *_WFDB):
        raise UserError(f"{path} does not exist or is no file; check the name")
    if fs is not None or units is not None:
        raise UserError(
            f"--fs and --units are for tables; {path} says both itself: leave them out"
        )
    return EdfRecording(path) if ending == ".edf" else WfdbRecording(path)


def _refuse_others(path, start):
    """Raise `UserError` if a file has a known form that is not read."""
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t")
    for form, at, mark, _, mend in _OTHERS:
        if start[at:].startswith(mark) or (at == 0 and text.startswith(mark)):
            raise UserError(f"{path} is a file of {form}, which is not read: {mend}")
    for form, _, _, ending, mend in _OTHERS:
        if path.suffix.lower() == ending:
            raise UserError(f"{path} has the ending of {form}, which is not read: {mend}")
