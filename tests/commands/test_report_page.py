"""`predict --report` and `--plot`: what they write, and what they refuse in one sentence."""

import json
import re
import struct
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from ecglib.__main__ import main
from ecglib.commands.readme import shipped_scores, write_scores
from ecglib.commands.report_page import write_plot, write_report
from ecglib.data.synthetic import write_records
from ecglib.deploy.integers import SCORES
from ecglib.system.errors import UserError
from ecglib.system.paths import RESULTS
from tests.commands.calls import assert_one_line
from tests.holter.beats_made import classified

EVIL = "<script>alert('x')</script>&\"$a$"


class Page(HTMLParser):
    """Words of a page, figures in each section, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.words, self.loads, self.tags, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "path", "use", "rect"):
            self.open.append(tag)
        named = [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.loads += [value for value in named if not value.startswith("#")]

    def handle_endtag(self, tag):
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "svg" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def page_of(found, tmp_path, **how):
    write_report(found, tmp_path / "page.html", **how)
    return (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def busy():
    kinds = "NVVNVVVNSSNSSSN?N" * 20
    return classified(kinds, [0.7] * (len(kinds) - 1), name=EVIL)


def test_a_page_says_what_was_counted(busy, tmp_path):
    page = Page(page_of(busy, tmp_path, start="2024-05-01 09:30:00"))
    assert "began 2024-05-01 09:30:00" in page.text
    assert "not a medical device" in page.text[:200]
    # 340 beats: class, beats, share of the 320 readable ones, couplets, runs
    assert "N 120 37.5 % – – S 100 31.2 % 20 20 V 100 31.2 % 20 20" in page.text
    assert "20 more beats lie where the lead cannot be read" in page.text
    assert "mean 86, slowest 86, fastest 86 beats a minute" in page.text
    assert "Fastest run of V: 3 V in a row, 86/min, at 0:00:03" in page.text
    assert "There are 20 runs of V; a screen shows the fastest and the longest" in page.text
    # the longest interval, the fastest, six runs of two classes; three beats of each; five
    assert page.tags.count("figure") == 2 + (2 + 12) + 9 + 5


def test_a_page_loads_nothing_and_escapes_names(busy, tmp_path):
    text = page_of(busy, tmp_path)
    page = Page(text)
    assert page.loads == []
    assert "script" not in page.tags
    assert EVIL in page.text
    assert re.findall(r"url\((?!#)|@import|<link|<iframe", text) == []
    assert "default-src 'none'" in text


def test_a_page_is_the_same_each_time(busy, tmp_path):
    assert page_of(busy, tmp_path) == page_of(busy, tmp_path)


def test_a_page_quotes_the_published_scores(busy, tmp_path):
    scores = json.loads(SCORES.read_text())["classes"]
    text = Page(page_of(busy, tmp_path)).text
    for kind in "SV":
        ppv = round(100 * scores[kind]["ppv"])
        assert f"Of 100 beats that they called {kind}, {ppv} were {kind}" in text
    assert "not of this page's" not in text
    assert "detected" in text
    text = Page(page_of(busy, tmp_path, network="mine.npz, taught by 3 N", peaks="atr")).text
    assert "Network: mine.npz, taught by 3 N." in text
    assert "from annotations (atr)" in text
    assert "not of this page's" in text


@pytest.mark.parametrize(
    ("kinds", "intervals", "unreadable"),
    [
        ("N", [], ()),
        ("NN", [0.1], ()),
        ("N" * 12, [0.8] * 11, ()),
        ("V" * 12, [0.8] * 11, ()),
        ("?" * 12, [0.8] * 11, range(11)),
        ("NVN", [0.8, 40], (20,)),
    ],
    ids=["one beat", "two", "only N", "only V", "unreadable", "gap"],
)
def test_odd_recordings_have_a_page(kinds, intervals, unreadable, tmp_path):
    page = Page(page_of(classified(kinds, intervals, unreadable=unreadable), tmp_path))
    assert "nan" not in page.text.lower().split()
    assert page.open == []


def test_a_day_has_a_small_page(tmp_path):
    kinds = np.tile(list("NNNNNNNSNVVV"), 8990)
    text = page_of(classified(kinds, [0.8] * (len(kinds) - 1), fs=50), tmp_path)
    assert len(text) < 1_500_000
    assert Page(text).tags.count("tr") == 4 + 2 + 24


def test_scores_are_those_of_the_committed_runs(tmp_path):
    write_scores(RESULTS, tmp_path / "scores.json")
    text = (tmp_path / "scores.json").read_text()
    assert text == SCORES.read_text(), "run `python -m ecglib readme`"
    with pytest.raises(UserError, match="lacks the runs of study micro"):
        shipped_scores(tmp_path)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Path of an invented record of a minute."""
    folder = tmp_path_factory.mktemp("minute")
    write_records(folder, [101], minutes=1)
    return folder / "101"


def call(record, tmp_path, *options):
    options = [str(option) for option in options]
    return main(["predict", str(record), "--out", str(tmp_path / "out.csv"), *options])


def test_the_command_writes_page_and_strip(record, tmp_path, capsys):
    page, png = tmp_path / "a.html", tmp_path / "a.png"
    assert call(record, tmp_path, "--report", page, "--plot", png, "--seconds", "4") == 0
    said = capsys.readouterr().out
    assert str(page) in said
    assert str(png) in said
    assert "<svg" in page.read_text(encoding="utf-8")
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    (width,) = struct.unpack(">I", content[16:20])
    dots_a_meter = struct.unpack(">I", content[content.index(b"pHYs") + 4 :][:4])[0]
    assert 1000 * width / dots_a_meter == pytest.approx(13 + 4 * 25 + 3, abs=0.5)


def test_any_name_can_be_shown(tmp_path, recwarn):
    found = classified("NVN", [0.8, 0.8], name="心電 $a$ \udc80\n<b>")
    write_plot(found, tmp_path / "a.png", 0, 10)
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert "心電 $a$ ? <b>" in Page(page_of(found, tmp_path)).text
    assert not recwarn.list


@pytest.mark.parametrize(("ending", "starts"), [("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_other_images_are_of_their_kind(record, tmp_path, ending, starts):
    image = tmp_path / f"a.{ending}"
    assert call(record, tmp_path, "--plot", image, "--at", "0:00:55") == 0
    assert image.read_bytes().startswith(starts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "10"], "give it a file, too"),
        (["--seconds", "10"], "give it a file, too"),
        (["--plot", "a.png", "--at", "1:00:00"], "101 ends at 0:01:00; give --at"),
        (["--plot", "a.png", "--at", "9" * 400], "101 ends at 0:01:00; give --at"),
        (["--plot", "a.png", "--at", "noon"], "--at is 'noon'"),
        (["--plot", "a.png", "--seconds", "0"], "must be from 1 to 60"),
        (["--plot", "a.png", "--seconds", "3600"], "must be from 1 to 60"),
        (["--plot", "a.gif"], "--plot a.gif must end in .png or .svg or .pdf"),
        (["--plot", "a"], "--plot a must end in"),
        (["--report", "a.pdf"], "--report a.pdf must end in .html or .htm"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    record, tmp_path, capsys, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    assert call(record, tmp_path, *options) == 1
    assert_one_line(capsys.readouterr().err, message)
    assert not list(tmp_path.iterdir())


def test_predict_alone_needs_no_matplotlib():
    code = "import sys, ecglib.commands.predict; print('matplotlib' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == "False"
