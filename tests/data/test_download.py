"""`fetch` against a server on this machine."""

import hashlib
import re
import threading
import time
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError

import pytest

from ecglib.aami import DS1, DS2, PACED
from ecglib.data.find import download
from ecglib.data.find.download import fetch, https_only
from ecglib.data.find.identity import sha256_of
from ecglib.data.sets import SETS, get
from ecglib.system.errors import UserError

FILES = {"100.atr": b"a" * 700, "100.dat": bytes(range(256)) * 2000, "100.hea": b"100 2 360\n"}


class Publisher(BaseHTTPRequestHandler):
    """Serves `server.files`; counts, and breaks off or ignores ranges if told to."""

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/")
        content = server.files.get(name)
        if content is None:
            return self.send_error(404)
        asked = self.headers.get("Range")
        server.requests.append((name, asked))
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if start and start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", server.announces or str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : server.breaks_at])

    def log_message(self, *_):
        pass


def offers(monkeypatch, name, **changed):
    """Let a data set's publisher be another one."""
    publisher = replace(get(name).publisher, **changed)
    monkeypatch.setitem(SETS, name, replace(get(name), publisher=publisher))


@pytest.fixture
def publisher(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    server.files, server.requests = dict(FILES), []
    server.ranges, server.breaks_at, server.announces = True, None, None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    server.url = f"http://127.0.0.1:{server.server_port}/"
    offers(monkeypatch, "mitdb", url=server.url, checksums=digests)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch_plain(target):
    return fetch("mitdb", target, open_url=urllib.request.urlopen)


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_checksums_cover_the_database():
    names = {f"{r}.{suffix}" for r in DS1 + DS2 + PACED for suffix in ("atr", "dat", "hea")}
    checksums = get("mitdb").publisher.checksums
    assert checksums.keys() == names
    assert len(names) == 144
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in checksums.values())


def test_checksums_are_those_of_the_real_files(mitdb_root):
    for name in ("100.hea", "114.dat", "234.atr"):
        assert get("mitdb").publisher.checksums[name] == sha256_of(mitdb_root / name)


def test_fetches_all_files_then_none_then_the_damaged_one(publisher, tmp_path):
    target = fetch_plain(tmp_path / "new" / "mitdb")
    assert content_of(target) == FILES
    publisher.requests.clear()
    fetch_plain(target)
    assert publisher.requests == []
    (target / "100.atr").write_bytes(b"damaged")
    fetch_plain(target)
    assert publisher.requests == [("100.atr", None)]
    assert content_of(target) == FILES


def test_continues_where_it_broke_off(publisher, tmp_path):
    publisher.breaks_at = 100_000
    with pytest.raises(UserError, match=r"100\.dat.*broke off.*continues where it stopped"):
        fetch_plain(tmp_path)
    assert (tmp_path / "100.dat.part").stat().st_size == 100_000
    publisher.breaks_at = None
    fetch_plain(tmp_path)
    assert ("100.dat", "bytes=100000-") in publisher.requests
    assert content_of(tmp_path) == FILES


@pytest.mark.parametrize(("ranges", "kept"), [(False, 100), (False, None), (True, None)])
def test_what_a_kill_left_whole_or_in_part_is_completed(publisher, tmp_path, ranges, kept):
    publisher.ranges = ranges  # a server without them starts over
    (tmp_path / "100.dat.part").write_bytes(FILES["100.dat"][:kept])
    fetch_plain(tmp_path)
    assert content_of(tmp_path) == FILES


def test_wrong_checksum(publisher, tmp_path):
    publisher.files["100.dat"] = FILES["100.dat"][:-1] + b"!"
    with pytest.raises(UserError, match=r"100\.dat .*wrong checksum and was removed"):
        fetch_plain(tmp_path)
    assert content_of(tmp_path).keys() == {"100.atr"}


def test_file_that_is_not_there(publisher, tmp_path):
    del publisher.files["100.hea"]
    with pytest.raises(UserError, match=r"100\.hea .*Not Found"):
        fetch_plain(tmp_path)


def test_no_more_is_read_than_a_file_may_have(publisher, tmp_path, monkeypatch):
    offers(monkeypatch, "mitdb", max_bytes=1000)
    with pytest.raises(UserError, match=r"100\.dat .*too much"):
        fetch_plain(tmp_path)


@pytest.mark.parametrize("announced", ["many", "-5", "1e3", "9" * 5000, "700, 700"])
def test_server_that_announces_no_number_of_bytes(publisher, tmp_path, announced):
    publisher.announces = announced
    with pytest.raises(UserError, match=r"100\.atr .*the server announces '"):
        fetch_plain(tmp_path)
    assert content_of(tmp_path) == {}


def test_no_network(tmp_path, monkeypatch):
    offers(monkeypatch, "mitdb", url="http://127.0.0.1:9/")  # nobody listens there
    with pytest.raises(UserError, match="check network and folder") as caught:
        fetch_plain(tmp_path)
    assert "\n" not in str(caught.value)


def test_name_look_up_that_never_answers(tmp_path, monkeypatch):
    assert download.TIMEOUT_S < 10
    monkeypatch.setattr(download, "TIMEOUT_S", 0.2)
    released = threading.Event()
    start = time.monotonic()
    with pytest.raises(UserError, match="no answer in time"):
        fetch("mitdb", tmp_path, open_url=lambda *_, **__: released.wait(30))
    assert time.monotonic() - start < 5
    released.set()


def test_nothing_but_https_is_opened(publisher):
    with pytest.raises(URLError, match="unknown url type: http"):
        https_only(urllib.request.Request(publisher.url + "100.hea"), timeout=1)
    assert publisher.requests == []


CPSC = {f"g1/A000{i}.{e}": f"{i} {e}".encode() * 99 for i in (1, 2) for e in ("hea", "mat")}
PART = "training/cpsc_2018/"


def listed(files, prefix=PART):
    return "".join(
        f"{hashlib.sha256(content).hexdigest()} {prefix}{name}\n"
        for name, content in files.items()
    )


@pytest.fixture
def challenge(publisher, monkeypatch):
    """The publisher with a part of the Challenge 2020 and its list of checksums."""
    offers(monkeypatch, "cpsc2018", url=publisher.url)
    foreign = listed({"Q0001.mat": b"x"}, "training/cpsc_2018_extra/")
    publisher.files = {PART + name: content for name, content in CPSC.items()}
    publisher.files["SHA256SUMS.txt"] = (listed(CPSC) + foreign).encode()
    return publisher


def fetch_cpsc(target):
    return fetch("cpsc2018", target, open_url=urllib.request.urlopen)


def test_checksums_of_cinc2017_are_those_of_the_real_files(cinc2017_root):
    for name, digest in get("cinc2017").publisher.checksums.items():
        assert sha256_of(cinc2017_root / name) == digest


def test_cinc2017(publisher, tmp_path, monkeypatch):
    files = {"training2017.zip": b"zip" * 50_000, "REFERENCE-v3.csv": b"A00001,N\n"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    offers(monkeypatch, "cinc2017", url=publisher.url, checksums=digests)
    publisher.files = dict(files)
    assert content_of(fetch("cinc2017", tmp_path, open_url=urllib.request.urlopen)) == files


def test_challenge_files_keep_their_folders(challenge, tmp_path):
    root = fetch_cpsc(tmp_path / "cpsc2018")
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}
    assert found == CPSC
    challenge.requests.clear()
    fetch_cpsc(root)
    assert challenge.requests == [("SHA256SUMS.txt", None)]


def test_challenge_file_with_a_wrong_checksum(challenge, tmp_path):
    challenge.files[PART + "g1/A0002.mat"] = b"other"
    with pytest.raises(UserError, match=r"A0002\.mat .*wrong checksum and was removed"):
        fetch_cpsc(tmp_path)
    assert not (tmp_path / "g1" / "A0002.mat").exists()
    assert (tmp_path / "g1" / "A0001.mat").exists()


@pytest.mark.parametrize(
    "name", ["../A0003.mat", "g1/../../A0003.mat", "/A0003.mat", "A0003.exe", "g1/g2/A0003.mat"]
)
def test_listed_names_stay_in_the_folder_and_the_form(challenge, tmp_path, name):
    challenge.files["SHA256SUMS.txt"] += listed({name: b"x"}).encode()
    challenge.files[PART + name] = b"x"
    fetch_cpsc(tmp_path / "in" / "target")
    asked = {path for path, _ in challenge.requests}
    assert asked == {"SHA256SUMS.txt", *(PART + own for own in CPSC)}


def test_list_that_names_no_file(challenge, tmp_path):
    challenge.files["SHA256SUMS.txt"] = b"<html>moved</html>"
    with pytest.raises(UserError, match=r"SHA256SUMS\.txt lists no file of cpsc2018"):
        fetch_cpsc(tmp_path)


@pytest.mark.parametrize("cut", ["breaks_at", "MAX_LIST_BYTES"])
def test_list_that_is_cut_or_too_long(challenge, tmp_path, monkeypatch, cut):
    if cut == "breaks_at":
        challenge.breaks_at = 100
    else:
        monkeypatch.setattr(download, cut, 100)
    message = r"SHA256SUMS\.txt .*(IncompleteRead|broke off|too much)"
    with pytest.raises(UserError, match=message):
        fetch_cpsc(tmp_path)
    assert len(challenge.requests) == 1


def test_addresses_are_https():
    offered = [one.publisher.url for one in SETS.values() if one.publisher]
    assert len(offered) == 6
    for url in offered:
        assert re.match("https://physionet.org/files/[a-z0-9-]+/[0-9.]+/$", url)


def test_data_set_that_nobody_offers(monkeypatch, tmp_path):
    monkeypatch.setitem(SETS, "cpsc2018", replace(get("cpsc2018"), publisher=None))
    with pytest.raises(UserError, match="cpsc2018 cannot be fetched: set data_root"):
        fetch("cpsc2018", tmp_path)
