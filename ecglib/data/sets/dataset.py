"""The classes `BeatSet` and `RecordingSet`, by which data sets are found, read and packed.

A new data set needs a module `ecglib/data/sets/NAME.py` with a `BeatSet` or a `RecordingSet`
called `DATASET`, and the module's name in `ecglib/data/sets/__init__.py`. Then it can be found,
read and packed, and every study of its kind can name it.

* A `BeatSet` has WFDB records (`.hea`, `.dat`, `.atr`) with an annotation at every beat. It
  must give `name`, `title`, `records` and `lead`, and `fs` if that is not 360 Hz. `mitdb.py`
  is an example with all other fields. A record with annotations past its end loses them;
  `Record.n_outside` says how many.
* A `RecordingSet` has one label a recording. It must give `name`, `title`, `classes`,
  `n_published`, `fs`, and two functions that know its files; `cpsc2018.py` is an example.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from ecglib.data.beats import Beats, cut_beats, joined
from ecglib.data.find import cache, pack
from ecglib.data.find.identity import identity, identity_of, record_files, sha256_of
from ecglib.data.recordings import Recordings
from ecglib.data.records import read_header, read_wfdb
from ecglib.data.synthetic import is_synthetic
from ecglib.system.errors import UserError

WINDOW_S = 150 / 360
"""Default length of a beat's window before and after the R-peak, in seconds."""

FILTER_REACH = 10
"""Samples to either side, of the slower rate, that SciPy's polyphase filter looks at."""


@dataclass(frozen=True)
class Publisher:
    """Where the files of a data set are offered, and how they are verified.

    Attributes
    ----------
    url : str
        Address of the folder with the files, https.
    checksums : dict or None
        File name -> SHA-256. If None, the publisher's own list `SHA256SUMS.txt` at `url` is
        used. The files in `folder` whose names match `pattern` belong to the data set.
    folder, pattern : str
        Part of the path in the publisher's list, and a regular expression.
    max_bytes : int
        Largest allowed size of a file.
    """

    url: str
    checksums: dict | None = None
    folder: str = ""
    pattern: str = ""
    max_bytes: int = 8_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """Base class of `BeatSet` and `RecordingSet`.

    Attributes
    ----------
    name : str
        Name in params files, and of the folder and packed file in which the data set is
        searched.
    title : str
        Name on pages of the book.
    publisher : Publisher or None
        None if the data set cannot be fetched.
    invent : callable or None
        Function (folder, records) -> folder for machines that have no recordings. It writes
        invented patients into a new folder in `folder` and returns it. None if there are no
        invented patients for the data set.
    """

    name: str
    title: str
    publisher: Publisher | None = field(default=None, repr=False)
    invent: Callable | None = None

    @property
    def fetching(self):
        """What fetches the data set, for the user."""
        return f"`python -m ecglib fetch {self.name}`"

    def locate(self, place, wanted=()):
        """Path in `place` that holds all records that are wanted; None if there is none.

        In a folder, a subfolder or packed file named after the data set is tried first. If no
        record is named, any records are enough.
        """
        for path, present in self._holdings(place):
            if present and set(wanted) <= set(present):
                return path
        return None

    def _holdings(self, place):
        """Pairs of a path in `place` at which the data set may lie, and what is there."""
        inside = (place / self.name, place / f"{self.name}.npz", place)
        for path in (place,) if place.is_file() else inside:
            yield path, self.present(path) if path.exists() else ()

    def described(self, path, sha256):
        """How much of the data set is at `path`, in words."""
        known = self.publisher.checksums if self.publisher else None
        if known and sha256 == identity(known):
            return f"{self.title}, all {self.n_published:,} {self.kind} as published"
        present = self.present(Path(path))
        part = (
            f"{self.title}, {len(present):,} of the {self.n_published:,} {self.kind} published"
        )
        missing = self.missing(present)
        return f"{part}, without {', '.join(map(str, missing))}" if missing else part

    def missing(self, present):
        """What was published and is not among those present, if it can be named."""
        return ()


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatSet(DataSet):
    """A database of WFDB records in which every beat is annotated.

    Attributes
    ----------
    records : tuple of int
        All published records.
    lead : str
        The lead that is read if no other is asked for.
    fs : float
        Sampling frequency of the records, Hz.
    folds_by_split : dict
        Name of a split -> list of (training records, test records); `taking_turns` and
        `patients_apart` help to write it.
    patient_of : callable
        Function from a record to the number of its patient; by default each patient has one
        record.
    prefix : str or None
        Text before a record's number in files of results; if None, the name and a slash.
    """

    records: tuple[int, ...]
    lead: str
    fs: float = 360.0
    folds_by_split: dict = field(default_factory=dict, repr=False)
    patient_of: Callable = int
    prefix: str | None = None

    kind = "records"
    packs = True

    @property
    def n_published(self):
        """How many records were published."""
        return len(self.records)

    @property
    def splits(self):
        """Names of the splits that are known."""
        return tuple(self.folds_by_split)

    def key(self, record):
        """A record's name in files of results, which may have records of several databases."""
        return f"{self.name}/{record}" if self.prefix is None else f"{self.prefix}{record}"

    def folds(self, split, records):
        """Training and test records of every training of a split, a list of pairs.

        Only the split's records in `records` (sequence of int) are used, or all of them if
        it is empty. If there are several folds, those without a test record are left out.
        """
        if split not in self.folds_by_split:
            known = ", ".join(self.splits)
            raise UserError(f"split is {split!r}; {self.name} knows {known or 'none'}")
        whole = self.folds_by_split[split]
        used = [
            tuple(tuple(r for r in side if not records or r in records) for side in fold)
            for fold in whole
        ]
        return [(train, test) for train, test in used if test or len(whole) == 1]

    def load(self, root, *, records=None, lead=None, **how):
        """Call `load_beats`; without `records`, for all records at `root` with the lead."""
        if records is None:
            records = self.with_lead(root, self.lead if lead is None else lead)
        return self.load_beats(root, records, lead=lead, **how)

    def load_beats(
        self, root, records, *, lead=None, before=None, after=None, length=300, fusion="drop"
    ):
        """Beats of the given records, in order of record and time.

        A WFDB folder is read once and then served from a cache on disk
        (`ecglib.data.find.cache`); a packed file is quick enough without one.

        Parameters
        ----------
        root : path
            Folder with `<record>.hea` etc., or a packed file.
        records : sequence of int
            Record numbers.
        lead : str, optional
            Lead by name, whatever its place in the record.
        before, after : int, optional
            Window `[R - before, R + after)`, in samples of the record; `WINDOW_S` if not given.
            Beyond the record's edge the nearest sample is repeated; `n_padded` counts such
            windows.
        length : int
            Samples of a beat; windows of another width are resampled to it.
        fusion : {"drop", "keep"}
            Whether fusion (F) and unknown (Q) beats are left out, as in the literature, or
            kept with labels 3 and 4.

        Returns
        -------
        Beats
            `signal` is in mV, not normalised, and may be flat. `rr` is computed before beats
            are left out. `fs` is that of the record, and so is the unit of `sample`.

        Raises
        ------
        UserError
            If a file is missing, damaged or truncated, a record lacks the lead or is one flat
            line, a window holds invalid samples, or an argument makes no sense.
        """
        lead = self.lead if lead is None else lead
        usual = round(WINDOW_S * self.fs)
        before, after = (usual if n is None else n for n in (before, after))
        window = {"before": before, "after": after, "length": length}
        _check_arguments(records, window, fusion)
        if Path(root).is_file():
            packed = pack.read_records(root, self.name, records, lead)
            return cut_beats(packed, window, fusion)
        checksums = [sha256_of(path) for r in records for path in record_files(root, r)]
        arguments = {"records": list(map(int, records)), "lead": lead, "fusion": fusion}
        arguments |= window

        def read():
            return cut_beats((read_wfdb(root, r, lead) for r in records), window, fusion)

        return cache.kept(Beats, checksums, arguments, read)

    def read_record(self, root, record, lead=None):
        """One lead of one record with all its annotations, as `ecglib.data.records.Record`."""
        lead = self.lead if lead is None else lead
        if Path(root).is_file():
            return next(pack.read_records(root, self.name, [record], lead))
        return read_wfdb(root, record, lead)

    def other_lead(self, root, record, lead=None):
        """Name of the first lead of a record, recorded at the same time, that is not `lead`.

        In MIT-BIH it is a V lead. A packed file has no other lead, which is an error.
        """
        lead = self.lead if lead is None else lead
        if Path(root).is_file():
            raise UserError(
                f"{root} is a packed file and holds {lead} only; give the WFDB folder"
            )
        names = read_header(Path(root) / str(record)).sig_name
        others = [name for name in names if name != lead]
        if not others:
            raise UserError(f"record {record} has no lead besides {lead}")
        return others[0]

    def usual_lead(self, root, record):
        """Name of the lead of a record to read: `lead`, or the first one if it lacks that."""
        if Path(root).is_file():
            return self.lead
        names = read_header(Path(root) / str(record)).sig_name
        return self.lead if self.lead in names else names[0]

    def present(self, path):
        """Numbers of the records at `path`, a folder or a packed file."""
        if path.is_file():
            return pack.read_info(path, self.name).records
        return tuple(r for r in self.records if (path / f"{r}.hea").is_file())

    def with_lead(self, root, lead):
        """Numbers of the records at `root` that have a lead."""
        present = self.present(Path(root))
        if Path(root).is_file():
            return present
        return tuple(r for r in present if lead in read_header(Path(root) / str(r)).sig_name)

    def missing(self, present):
        """Published records that are not among those present."""
        return tuple(record for record in self.records if record not in present)

    def lacking(self, place, wanted):
        """Why `place` does not serve, for the user."""
        present = {record for _, records in self._holdings(place) for record in records}
        lacking = [record for record in wanted if record not in present]
        if lacking:
            named = ", ".join(map(str, lacking[:20])) + " …" * (len(lacking) > 20)
            return f"lacks {len(lacking)} of the records asked for: {named}"
        return f"holds no record of {self.title}"

    def identify(self, path, wanted=()):
        """SHA-256 of all records at `path`, and whether they are invented.

        Invented records are made when they are needed, so only those that are wanted count.
        """
        if path.is_file():
            info = pack.read_info(path, self.name)
            return info.sha256, info.synthetic
        present = self.present(path)
        wanted = wanted or present
        invented = is_synthetic(path / f"{wanted[0]}.hea")
        return identity_of(path, wanted if invented else present), invented

    def pack(self, root, out):
        """Write one lead and all annotations of the records in a WFDB folder to one file.

        Records that lack the lead are left out. Returns what the file holds, as
        `pack.PackInfo`.
        """
        if Path(root).is_file():
            raise UserError(f"{root} is packed already: name a folder with WFDB records")
        packed = self.with_lead(root, self.lead)
        if not packed:
            raise UserError(f"{root} holds no record of {self.title} with lead {self.lead}")
        info = pack.PackInfo(packed, *self.identify(Path(root)))
        pack.write_records(
            out, self.name, info, (read_wfdb(root, r, self.lead) for r in packed), self.lead
        )
        return info


@dataclass(frozen=True, kw_only=True, eq=False)
class JointSet(BeatSet):
    """Several databases of annotated beats that studies read as one.

    A place of it is a folder that holds every one of them, or the folder of one beside which
    the others lie; the numbers of their records differ.
    Beats and their places are given at `fs`, whatever the rate of their database.

    Attributes
    ----------
    members : tuple of BeatSet
        The databases, whose records together are `records`.
    """

    members: tuple[BeatSet, ...]
    lead: str = ""

    packs = False

    @property
    def fetching(self):
        return " and ".join(member.fetching for member in self.members)

    def member_of(self, record):
        """The database of a record."""
        return next(member for member in self.members if record in member.records)

    def key(self, record):
        return self.member_of(record).key(record)

    def _holdings(self, place):
        for path in (place, place.parent):
            yield path, self.present(path)

    def present(self, path):
        """Numbers of the records at `path`; none if a database is missing."""
        at = [member.locate(path) for member in self.members]
        if None in at:
            return ()
        found = zip(self.members, at, strict=True)
        return tuple(record for member, where in found for record in member.present(where))

    def identify(self, path, wanted=()):
        found = {member.name: member.identify(member.locate(path)) for member in self.members}
        shas = {name: sha256 for name, (sha256, _) in found.items()}
        return identity(shas), any(invented for _, invented in found.values())

    def load_beats(self, root, records, *, lead=None, before=None, after=None, fusion="drop"):
        """Beats of the given records at `fs`, whatever the rate of their database.

        As `BeatSet.load_beats`, with these differences: `lead` None is each database's own,
        `before` and `after` are samples at `fs`, and a beat has as many as both together. Where
        the rate is another one, wider windows are cut and resampled, since the resampling
        filter must not see their ends, and `n_padded` counts these.
        """
        usual = round(WINDOW_S * self.fs)
        sides = [usual if n is None else n for n in (before, after)]
        _check_arguments(records, dict(zip(("before", "after"), sides, strict=True)), fusion)
        parts = []
        for member in self.members:
            own = tuple(record for record in records if record in member.records)
            if own:
                window, kept = _wider(sides, Fraction(self.fs) / Fraction(member.fs))
                place = member.locate(root)
                beats = member.load_beats(place, own, lead=lead, fusion=fusion, **window)
                sample = np.rint(beats.sample * (self.fs / member.fs)).astype(np.int64)
                signal = np.ascontiguousarray(beats.signal[:, kept])
                parts.append(replace(beats, signal=signal, sample=sample, fs=self.fs))
        return joined(parts)

    def with_lead(self, root, lead):
        """Numbers of the records at `root` that have a lead; "" is each database's own."""
        at = [(member, member.locate(root)) for member in self.members]
        return tuple(
            r for member, path in at for r in member.with_lead(path, lead or member.lead)
        )

    def read_record(self, root, record, lead=None):
        member = self.member_of(record)
        return member.read_record(member.locate(root), record, lead)

    def other_lead(self, root, record, lead=None):
        member = self.member_of(record)
        return member.other_lead(member.locate(root), record, lead)


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordingSet(DataSet):
    """A data set of whole recordings with one label each.

    Attributes
    ----------
    classes : tuple of str
        Names of the labels.
    n_published : int
        Recordings that were published.
    fs : float
        Sampling frequency of the signals that `read` returns, Hz.
    find_files : callable
        Function (root) -> `ecglib.data.find.archive.Files`, the recordings and labels at a
        place; it has no members if there are none.
    read : callable
        Function (files, lead, length) -> signal (n, length), n_samples (n,), label (n,) of
        `files.recordings`, as in `Recordings`. It raises a `UserError` if a recording is
        damaged, lacks the lead or has no label.
    packed_length : int or None
        Samples of a recording in a packed file, which holds one lead in steps of 1 µV; None if
        the data set is not packed.
    """

    classes: tuple[str, ...]
    n_published: int
    fs: float
    find_files: Callable
    read: Callable
    packed_length: int | None = None

    kind = "recordings"

    @property
    def packs(self):
        """Whether the data set can be packed."""
        return self.packed_length is not None

    def load(self, root, *, lead="II", length=5120):
        """All recordings at a place, in order of their names, as `Recordings`.

        The publisher's files are read once and then served from a cache on disk.

        Parameters
        ----------
        root : path
            Folder, zip or packed file.
        lead : str
            Lead by name; ignored if the data set has only one.
        length : int
            Samples at `fs`, to which recordings are cut or padded with zeros at the end.
        """
        if length < 1:
            raise UserError(f"length is {length}: it must be at least 1 sample")
        if self._is_packed(root):
            return pack.read_recordings(root, self, length)
        files = self._files(root)
        arguments = {"name": self.name, "lead": lead, "length": length}

        def read():
            return self._read(files, lead, length)

        return cache.kept(Recordings, files.checksums(), arguments, read)

    def _read(self, files, lead, length):
        signal, n_samples, label = self.read(files, lead, length)
        return self.table(signal, label, np.array(files.recordings), n_samples)

    def table(self, signal, label, names, n_samples):
        """The `Recordings` of this data set made of these arrays."""
        fs = float(self.fs)
        return Recordings(signal, label, names, n_samples, fs, self.classes, self.name)

    def _files(self, root):
        files = self.find_files(root)
        if not files.recordings:
            raise UserError(f"{root} holds no recordings of {self.title}; name where they are")
        return files

    def _is_packed(self, path):
        """Whether `path` is a packed file and not a zip of the publisher."""
        return self.packs and Path(path).is_file() and Path(path).suffix != ".zip"

    def present(self, path):
        """Names of the recordings at `path`, a folder, a zip or a packed file."""
        if self._is_packed(path):
            return pack.read_info(path, self.name).records
        return self.find_files(path).recordings

    def lacking(self, place, wanted):
        """Why `place` does not serve, for the user."""
        return f"holds no recordings of {self.title}"

    def identify(self, path, wanted=()):
        """SHA-256 of the recordings at `path`, and whether they are invented."""
        if self._is_packed(path):
            info = pack.read_info(path, self.name)
            return info.sha256, info.synthetic
        files = self.find_files(path)
        headers = sorted(name for name in files.members if name.endswith(".hea"))
        with files.opened() as at:
            invented = bool(headers) and is_synthetic(at(headers[0]))
        return identity(files.checksums()), invented

    def pack(self, root, out):
        """Write the recordings at `root` and their labels to one file; see `BeatSet.pack`."""
        if not self.packs:
            raise UserError(f"{self.title} cannot be packed: name a folder with its files")
        files = self._files(root)
        info = pack.PackInfo(files.recordings, *self.identify(Path(root)))
        pack.write_recordings(out, info, self._read(files, None, self.packed_length))
        return info


def checksums_beside(module):
    """File name -> SHA-256, from the file `.sha256` beside a data set's module (path).

    Each holds the lines of the publisher's own list that name files of the data set.
    """
    lines = Path(module).with_suffix(".sha256").read_text().splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def taking_turns(records, groups):
    """Folds in which each group of records is tested by a network trained on all others.

    Examples
    --------
    >>> taking_turns((1, 2, 3), [(1, 3), (2,)])
    [((2,), (1, 3)), ((1, 3), (2,))]
    """
    return [(tuple(r for r in records if r not in group), group) for group in groups]


def patients_apart(records, patient_of=int):
    """Folds in which every patient is the test set once, in order of patients.

    Examples
    --------
    >>> patients_apart((3, 1, 2), lambda record: min(record, 2))
    [((3, 2), (1,)), ((1,), (3, 2))]
    """
    patients = sorted({patient_of(record) for record in records})
    groups = (tuple(r for r in records if patient_of(r) == patient) for patient in patients)
    return taking_turns(records, groups)


def _wider(sides, ratio):
    """Window for `BeatSet.load_beats`, and the slice of its result that is wanted.

    `sides` are the samples wanted before the R-peak and from it on, `ratio` (Fraction) the
    wanted sampling frequency over the record's. The window is a whole number of samples at
    both, so that time is not stretched and the R-peak falls on a sample.

    Examples
    --------
    >>> _wider((150, 150), Fraction(360, 128))
    ({'before': 64, 'after': 64, 'length': 360}, slice(30, 330, None))
    """
    step, reach = ratio.denominator, FILTER_REACH * max(1, 1 / ratio) if ratio != 1 else 0
    before, after = (step * ceil((n / ratio + reach) / step) for n in sides)
    first = int(before * ratio) - sides[0]
    window = {"before": before, "after": after, "length": int((before + after) * ratio)}
    return window, slice(first, first + sum(sides))


def _check_arguments(records, window, fusion):
    if len(records) == 0:
        raise UserError("records is empty: name at least one record")
    for name, value in window.items():
        if value < 1:
            raise UserError(f"{name} is {value}: it must be at least 1 sample")
    if fusion not in ("drop", "keep"):
        raise UserError(f"fusion is {fusion!r}: it must be 'drop' or 'keep'")
