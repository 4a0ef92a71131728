"""The database as one file of some 28 MB, for machines that have no WFDB reader."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ecglib.data.find.identity import identity_of, records_in
from ecglib.data.records import Record, check_lead, check_record, read_wfdb, to_millivolts
from ecglib.data.synthetic import is_synthetic
from ecglib.system.errors import UserError
from ecglib.system.files import atomic
from ecglib.system.untrusted import opened_npz, refused

FORMAT = "ecglib-mitdb-1"
LEAD = "MLII"
MAX_BYTES = 150_000_000
"""Of all arrays in a packed file; the largest, CinC 2017, has 77 MB."""

WITHOUT_LEAD = (102, 104)
"""Records that have no MLII and are therefore not packed (both are paced, too)."""

_INVALID = np.iinfo(np.int16).min  # WFDB's own mark of an invalid sample in 16 bits


class PackInfo(NamedTuple):
    """What a packed file says about itself; recordings are named or numbered."""

    records: tuple
    sha256: str
    synthetic: bool


def pack_mitdb(root, out):
    """Write MLII and all annotations of the records in a WFDB folder to one `.npz` file.

    The file holds ADC units (int16) with gain and baseline, so that `load_beats` gives the
    same bits from it as from the folder; it carries the identity of its source. Records 102
    and 104 have no MLII and are left out.

    Parameters
    ----------
    root : path
        Folder with `100.hea` etc.
    out : path
        File to write; it appears whole or not at all.

    Returns
    -------
    PackInfo
        `records`: those that the file holds.

    Raises
    ------
    UserError
        If the folder has no records, or one is incomplete or damaged.
    """
    present = records_in(root)
    packed = tuple(record for record in present if record not in WITHOUT_LEAD)
    if not packed:
        raise UserError(f"{root} holds no record of MIT-BIH: there is no 100.hea or any other")
    info = PackInfo(packed, identity_of(root, present), is_synthetic(root, packed[0]))
    arrays = {
        "format": FORMAT, "lead": LEAD, "records": packed,
        "sha256": info.sha256, "synthetic": info.synthetic,
    }  # fmt: skip
    for number in packed:
        arrays |= _arrays_of(read_wfdb(root, number, LEAD))
    with atomic(out) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)
    return info


def read_info(path):
    """What the packed file `path` says about itself, as `PackInfo`."""
    with opened(path, FORMAT, "mitdb") as stored:
        return PackInfo(
            records=tuple(stored["records"].tolist()),
            sha256=str(stored["sha256"]),
            synthetic=bool(stored["synthetic"]),
        )


def read_packed(path, records, lead=LEAD):
    """Records from a file that `pack_mitdb` wrote, one at a time.

    Parameters
    ----------
    path : path
        The file.
    records : iterable of int
        Record numbers.
    lead : str
        Name of the lead; the file holds only MLII.

    Yields
    ------
    Record

    Raises
    ------
    UserError
        If the file is truncated or something else than a packed database, or lacks a
        record or the lead.
    """
    with opened(path, FORMAT, "mitdb") as stored:
        present = set(stored["records"].tolist())
        for number in records:
            if number not in present:
                raise UserError(
                    f"{path} has no record {number}: 102 and 104 have no MLII and are never "
                    "packed; for another one, pack a complete folder"
                )
            check_lead(number, lead, [str(stored["lead"])])
            record = _record_from(stored, number)
            check_record(record, path)
            yield record


def _arrays_of(record):
    """A record's entries in the file."""
    adc = np.rint(record.signal.astype(np.float64) * record.gain + record.baseline)
    return {
        f"{record.number}/adc": np.where(np.isnan(adc), _INVALID, adc).astype(np.int16),
        f"{record.number}/scale": np.array([record.fs, record.gain, record.baseline]),
        f"{record.number}/sample": record.sample,
        f"{record.number}/symbol": record.symbol,
    }


def _record_from(stored, number):
    """Inverse of `_arrays_of`."""
    adc = stored[f"{number}/adc"]
    fs, gain, baseline = stored[f"{number}/scale"].tolist()
    signal = to_millivolts(adc, gain, baseline)
    signal[adc == _INVALID] = np.nan
    sample, symbol = stored[f"{number}/sample"], stored[f"{number}/symbol"]
    kinds = [array.dtype.kind for array in (adc, sample, symbol)]
    if kinds != ["i", "i", "U"] or not adc.ndim == sample.ndim == symbol.ndim == 1:
        raise ValueError("arrays of another kind")
    return Record(number, signal, fs, gain, baseline, sample, symbol)


@contextmanager
def opened(path, form, name):
    """The arrays of a packed file; whatever is wrong with it becomes one sentence.

    Parameters
    ----------
    path : path
        The file.
    form : str
        Its entry `format`.
    name : str
        Data set, for the sentence.

    Yields
    ------
    NpzFile

    Raises
    ------
    UserError
        If the file is damaged or has another form, or the block finds that.
    """
    with (
        refused(
            f"{path} is damaged or was not written by `python -m ecglib pack {name}`; "
            "pack or copy it again"
        ),
        opened_npz(path, MAX_BYTES) as stored,
    ):
        if str(stored["format"]) != form:
            raise ValueError("another format")
        yield stored
