"""Download of the data sets from PhysioNet, verified and resumable."""

import os
import re
import tempfile
import threading
import urllib.request
from concurrent import futures
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from ecglib.data import sets
from ecglib.data.find.identity import sha256_of
from ecglib.system.errors import UserError
from ecglib.system.files import check_folder

CHECKSUM_LIST = "SHA256SUMS.txt"
MAX_LIST_BYTES = 60_000_000  # the longest list has some 20 MB
TIMEOUT_S = 8  # to connect, and between two pieces of a file
_CHUNK = 1 << 16
_RANGE_NOT_SATISFIABLE = 416


def download_dir(name="mitdb"):
    """Folder into which `fetch` puts a data set: the operating system's for a user's data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("ecglib")) / name


def https_only(request, timeout):
    """Do the same as `urllib.request.urlopen`, over HTTPS only, also after a redirect."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener.open(request, timeout=timeout)


def fetch(name="mitdb", target=None, *, open_url=https_only):
    """Download a data set from its publisher and verify every file.

    Verified files are skipped, and an interrupted file is continued. The checksums are part of
    this library, or they are downloaded from the publisher first. Everything comes over HTTPS.

    Parameters
    ----------
    name : str
        Data set, one of `ecglib.data.sets.NAMES`.
    target : path, optional
        Folder to fill; `download_dir(name)` if not given.
    open_url : callable
        `open_url(request, timeout=seconds)` gives a response as `urlopen` does.

    Returns
    -------
    Path
        The folder with all files.

    Raises
    ------
    UserError
        If the data set is unknown or not offered, the network fails (within 10 s if there is
        none) or a file is not what the publisher lists.
    """
    from tqdm import tqdm

    publisher = sets.get(name).publisher
    if publisher is None:
        raise UserError(f"{name} cannot be fetched: set data_root to where its files are")
    target = Path(target or download_dir(name))
    check_folder(target)
    checksums = publisher.checksums
    if checksums is None:
        checksums = _published(name, publisher, target, open_url)
    with tqdm(checksums.items(), desc=f"fetch {name}", unit="file") as progress:
        for file_name, digest in progress:
            url = publisher.url + publisher.folder + file_name
            with _explained(name, url, target):
                _fetch_file(url, target / file_name, digest, publisher.max_bytes, open_url)
    return target


def _published(name, publisher, target, open_url):
    """File name -> SHA-256 of a data set, from the publisher's own list."""
    url = publisher.url + CHECKSUM_LIST
    with _explained(name, url, target), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CHECKSUM_LIST
        _continue(url, path, MAX_LIST_BYTES, open_url)
        checksums = _listed(path.read_text(encoding="utf-8-sig", errors="replace"), publisher)
    if not checksums:
        raise UserError(
            f"{url} lists no file of {name}: tell the publisher, or take the data set from "
            "another place and set data_root"
        )
    return checksums


def _listed(text, publisher):
    """File name -> SHA-256 of a data set; no name that matches leaves the target folder."""
    line = re.compile(
        rf"([0-9a-f]{{64}})[ *]+{re.escape(publisher.folder)}({publisher.pattern})"
    )
    found = map(line.fullmatch, text.splitlines())
    return {match[2]: match[1] for match in found if match}


@contextmanager
def _explained(name, url, target):
    """Turn every error of the network or the disk into a `UserError` of one sentence."""
    try:
        yield
    except (OSError, HTTPException, futures.TimeoutError) as error:
        reason = str(getattr(error, "reason", error)) or "no answer in time"
        raise UserError(
            f"cannot fetch {url} to {target} ({reason}): check network and folder, then run "
            f"`python -m ecglib fetch {name}` again; it continues where it stopped"
        ) from error


def _fetch_file(url, path, digest, max_bytes, open_url):
    """Download the file with this SHA-256 to `path`, by way of `<path>.part`."""
    if path.is_file() and sha256_of(path) == digest:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        _continue(url, part, max_bytes, open_url)
    except HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE:
            raise  # otherwise all bytes are there, and the checksum decides
    if sha256_of(part) != digest:
        part.unlink()
        raise UserError(
            f"{path.name} from {url} has a wrong checksum and was removed: "
            "run the command again, and if that does not help, tell the publisher"
        )
    os.replace(part, path)


def _continue(url, part, max_bytes, open_url):
    """Append the missing bytes to `part`; write it anew if the server cannot send a part."""
    done = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    request = urllib.request.Request(url, headers=headers)
    with _open(open_url, request) as response:
        if response.status != 206:  # not "Partial Content": the file from its start
            done = 0
        expected = done + _length(response)
        with open(part, "ab" if done else "wb") as file:
            while max(done, expected) <= max_bytes and (chunk := response.read(_CHUNK)):
                done += file.write(chunk)
    if max(done, expected) > max_bytes:
        raise ConnectionError(f"the server offers more than {max_bytes:,} bytes, too much")
    if done < expected:
        raise ConnectionError("the connection broke off")


def _length(response):
    """Number of bytes that the server announces; 0 if it announces none."""
    announced = response.headers.get("Content-Length", "0")
    if not re.fullmatch(r"[0-9]{1,18}", announced):
        raise ConnectionError(f"the server announces {announced[:40]!r} bytes")
    return int(announced)


def _open(open_url, request):
    """Call `open_url` with a time limit that includes the look-up of the host's name.

    The timeout of a socket does not limit this look-up, which may take minutes without a
    network. So the call runs in a thread.
    """
    answer = futures.Future()

    def work():
        try:
            answer.set_result(open_url(request, timeout=TIMEOUT_S))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(TIMEOUT_S)
