"""Files of a data set as its publisher offers them, loose or in a zip that stays packed."""

import re
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ecglib.data.find.identity import sha256_of
from ecglib.system.errors import UserError
from ecglib.system.untrusted import read_bytes, read_member, refused

MAX_BYTES = 8_000_000
"""Size in bytes of the largest file that is read; the largest published one has 1.1 MB."""


@dataclass(frozen=True)
class Files:
    """Files of a data set by name; each is a loose file or a member of one zip.

    Attributes
    ----------
    members : dict of str to (Path or str)
        Name -> path of a loose file, or of a member inside `archive`.
    recordings : tuple of str
        Names without extension of the recordings among them, sorted.
    archive : Path or None
        The zip.
    """

    members: dict
    recordings: tuple = ()
    archive: Path | None = None

    def checksums(self):
        """File name -> SHA-256 of every file that may be read; a zip counts as one file."""
        loose = {name: path for name, path in self.members.items() if isinstance(path, Path)}
        if self.archive is not None:
            loose[self.archive.name] = self.archive
        return {name: sha256_of(path) for name, path in sorted(loose.items())}

    def where(self, name):
        """A file's place in words."""
        member = self.members[name]
        return str(member) if isinstance(member, Path) else f"{self.archive} ({member})"

    @contextmanager
    def opened(self):
        """A function that takes a name and returns the path of a file to read.

        A member of a zip is unpacked into a temporary folder when it is asked for. The folder
        holds the files of one recording at a time. Raises a `UserError` if the zip or a member
        is damaged, or a file is too large.
        """
        if self.archive is None:
            yield self._loose
            return
        with _open_zip(self.archive) as archive, tempfile.TemporaryDirectory() as folder:
            try:
                yield lambda name: self._unpacked(archive, name, Path(folder))
            except UserError as error:  # its text names the temporary folder
                raise UserError(str(error).replace(folder, str(self.archive))) from error

    def _loose(self, name):
        path = self.members[name]
        try:
            read_bytes(path, MAX_BYTES)
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}); fetch it again"
            ) from error
        except ValueError as error:
            raise UserError(f"{error}, which no recording has; fetch it again") from error
        return path

    def _unpacked(self, archive, name, folder):
        member = self.members[name]
        if isinstance(member, Path):
            return self._loose(name)
        with refused(
            f"{member} in {self.archive} is damaged or has more than {MAX_BYTES:,} bytes, "
            "which no recording has; fetch the file again"
        ):
            content = read_member(archive, member, MAX_BYTES)
        path = folder / name
        for other in folder.iterdir():
            if other.stem != path.stem:
                other.unlink()
        path.write_bytes(content)
        return path


def find_files(root, recordings, extensions, labels=(), archives=()):
    """Find recordings, and the files with their labels, as `Files`.

    `root` is a zip, a folder with a zip whose name fits the glob patterns `archives`, or a
    folder with the recordings in it or in its subfolders. A recording's name matches the
    regular expression `recordings`. Its files have the `extensions`. Files named in `labels`
    are searched beside the zip, then inside it. Raises a `UserError` if the zip is damaged or
    has a member with a path that leads out of it.
    """
    root = Path(root)
    kinds = [rf"({recordings})\.{extension}" for extension in extensions]
    name = re.compile("|".join([*kinds, *map(re.escape, labels)]))
    if root.is_file():
        zips, folder = [root] if root.suffix == ".zip" else [], root.parent
    else:
        zips, folder = sorted(path for one in archives for path in root.glob(one)), root
    if zips:
        members = _members(zips[0], name)
        members |= {one: folder / one for one in labels if (folder / one).is_file()}
    else:  # of files with the same name the upper one counts
        inside = (*root.glob("*"), *root.glob("*/*"))
        paths = [path for path in inside if name.fullmatch(path.name) and path.is_file()]
        paths.sort(key=lambda path: (len(path.parts), path), reverse=True)
        members = {path.name: path for path in paths}
    found = {Path(one).stem for one in members if re.fullmatch("|".join(kinds), one)}
    return Files(members, tuple(sorted(found)), zips[0] if zips else None)


def _members(path, name):
    """Base name -> path inside the zip, of members whose base name matches."""
    with _open_zip(path) as archive:
        members = archive.namelist()
    for member in members:
        parts = PurePosixPath(member.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in member:
            raise UserError(
                f"{path} has a member {member!r}, whose path leads out of it; it is not what "
                "the publisher offers: fetch it again"
            )
    return {m.rpartition("/")[2]: m for m in members if name.fullmatch(m.rpartition("/")[2])}


def _open_zip(path):
    with refused(f"{path} is damaged or no zip; fetch it again"):
        return zipfile.ZipFile(path)
