"""Download of the MIT-BIH database from PhysioNet, verified and resumable."""

import os
import threading
import urllib.request
from concurrent import futures
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from ecglib.data.files import sha256_of
from ecglib.errors import UserError

BASE_URL = "https://physionet.org/files/mitdb/1.0.0/"
MAX_BYTES = 8_000_000  # per file; the largest has 1.95 MB
TIMEOUT_S = 8  # to connect, and between two pieces of a file
_CHUNK = 1 << 16
_RANGE_NOT_SATISFIABLE = 416


def published_checksums():
    """File name -> SHA-256 of the database's 144 files, as PhysioNet lists them."""
    lines = Path(__file__).with_name("mitdb.sha256").read_text().splitlines()
    return {name: digest for digest, name in map(str.split, lines)}


def download_dir(name="mitdb"):
    """Where `fetch` puts a data set: the operating system's place for a user's data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("ecglib")) / name


def https_only(request, timeout):
    """`urllib.request.urlopen` that knows no protocol but HTTPS, on redirects neither."""
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

    Files that are there and verified are skipped, one that broke off is continued.

    Parameters
    ----------
    name : {"mitdb"}
        Data set.
    target : path, optional
        Folder to fill; `download_dir(name)` if not given.
    open_url : callable
        `open_url(request, timeout=seconds)` gives a response as `urlopen` does.

    Returns
    -------
    Path
        The folder, complete.

    Raises
    ------
    UserError
        If the data set is unknown, the network fails (within 10 s if there is none) or a
        file is not what the publisher lists.
    """
    from tqdm import tqdm

    if name != "mitdb":
        raise UserError(f"unknown data set {name!r}: known is mitdb")
    target = Path(target or download_dir(name))
    with tqdm(published_checksums().items(), desc=f"fetch {name}", unit="file") as progress:
        for file_name, digest in progress:
            try:
                _fetch_file(target / file_name, digest, open_url)
            except (OSError, HTTPException, futures.TimeoutError) as error:
                raise UserError(
                    f"cannot fetch {BASE_URL}{file_name} to {target} "
                    f"({_reason(error)}): check network and folder, then run "
                    f"`python -m ecglib fetch {name}` again; it continues where it stopped"
                ) from error
    return target


def _reason(error):
    return str(getattr(error, "reason", error)) or "no answer in time"


def _fetch_file(path, digest, open_url):
    """Make `path` the file with this SHA-256, by way of `<path>.part`."""
    if path.is_file() and sha256_of(path) == digest:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        _continue(BASE_URL + path.name, part, open_url)
    except HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE:
            raise  # else all bytes are there, and the checksum decides
    if sha256_of(part) != digest:
        part.unlink()
        raise UserError(
            f"{path.name} from {BASE_URL} has a wrong checksum and was removed: "
            "run the command again, and if that does not help, tell the publisher"
        )
    os.replace(part, path)


def _continue(url, part, open_url):
    """Append to `part` what it lacks, or write all of it where the server knows no ranges."""
    done = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    request = urllib.request.Request(url, headers=headers)
    with _open(open_url, request) as response:
        if response.status != 206:  # not "Partial Content": the file from its start
            done = 0
        expected = done + int(response.headers.get("Content-Length", 0))
        if expected > MAX_BYTES:
            raise ConnectionError(f"the server offers {expected:,} bytes, which is too much")
        with open(part, "ab" if done else "wb") as file:
            while (chunk := response.read(_CHUNK)) and done <= MAX_BYTES:
                done += file.write(chunk)
    if done < expected:
        raise ConnectionError("the connection broke off")


def _open(open_url, request):
    """`open_url` under a deadline that includes the look-up of the host's name.

    A socket's timeout does not cover the resolver, which may wait for minutes when there is
    no network; hence the thread.
    """
    answer = futures.Future()

    def work():
        try:
            answer.set_result(open_url(request, timeout=TIMEOUT_S))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return answer.result(TIMEOUT_S)
