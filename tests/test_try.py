"""The page "Try it yourself" in a real browser, opened from the disk."""

import functools
import http.server
import json
import re
import shutil
import threading

import numpy as np
import pytest
import wfdb

from ecglib.aami import CLASSES
from ecglib.book.tryout import EMBEDDED, PATIENTS, recording, write_page
from ecglib.data.records import annotations
from ecglib.data.signal.detector import match
from ecglib.data.synthetic import write_records
from ecglib.deploy import replay, shipped
from ecglib.deploy.c99 import harness
from ecglib.deploy.c99.front import network_inputs
from ecglib.deploy.c99.learning import known_of
from ecglib.deploy.c99.streaming import stream
from ecglib.deploy.c99.taught import own_logits
from ecglib.deploy.c99.web import FACTS, FOLDER, LEARNER, export_web, write_sources
from ecglib.holter.lead import read_lead
from ecglib.holter.open import open_recording
from ecglib.personalize import learner
from ecglib.plots.style import CLASS_COLORS
from tests.test_browser import BROWSER, QUIET, playwright
from tests.tools import needs

in_browser = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome")
MB = 1 << 20
BEATS = """() => {
  const { beats, known, asked, labels } = Try.state()
  const units = beats.unit.length / beats.time.length
  return JSON.stringify({
    time: [...beats.time], kind: [...beats.kind], sure: [...beats.sure], asked: asked,
    unit: [...beats.time].map((_, i) => [...beats.unit.subarray(i * units, (i + 1) * units)]),
    known: known && known.found, labels: [...labels],
  })
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "try"
    write_page(FOLDER, folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        started = runner.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield started
        started.close()


def opened(browser, site, problems):
    """The page, ready to use; what should not happen goes to `problems`."""
    page = browser.new_page()
    inside = site.as_uri()
    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
    page.on("console", lambda said: problems.append(f"says: {said.text}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((inside, "data:")) or problems.append(request.url)
        ),
    )
    page.goto((site / "index.html").as_uri())
    page.wait_for_selector("#choose:enabled")
    return page


@pytest.fixture
def page(browser, site):
    problems = []
    page = opened(browser, site, problems)
    yield page
    page.close()
    assert problems == []


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Stem of a synthetic record in format 212, with annotations."""
    folder = tmp_path_factory.mktemp("record")
    write_records(folder, [100], minutes=4)
    return folder / "100"


@pytest.fixture(scope="module")
def c_code(tmp_path_factory):
    sources, _ = write_sources(tmp_path_factory.mktemp("c"))
    return harness.library(sources[0])


def in_python(c_code, stem):
    """Beats of a recording that the C code finds, compiled for this machine."""
    lead = read_lead(open_recording(stem))
    return stream(c_code, lead.units, round(lead.fs), 1000)


def files_of(stem, endings=("hea", "dat", "atr")):
    return [stem.with_suffix(f".{ending}") for ending in endings]


def error_of(page, files):
    """The sentence that the page says of files that it cannot read."""
    page.set_input_files("#files", files)
    page.locator("#error:not(:empty)").wait_for()
    return page.inner_text("#error")


def beats_of(page, files):
    """Beats that the page finds in files."""
    page.evaluate("document.getElementById('about').textContent = ''")
    page.set_input_files("#files", files)
    page.locator("#about:not(:empty), #error:not(:empty)").first.wait_for()
    assert page.inner_text("#error") == ""
    return state_of(page)


def state_of(page):
    return json.loads(page.evaluate(BEATS))


def check_equal(found, expected):
    assert found["time"] == expected.sample.tolist()
    assert found["kind"] == expected.label.tolist()


@in_browser
@needs("gcc")
def test_every_beat_is_that_of_the_c_code(page, record, c_code):
    expected = in_python(c_code, record)
    assert len(expected.sample) > 200
    assert set(expected.label) == {0, 1, 2}
    check_equal(beats_of(page, files_of(record)), expected)


@in_browser
@needs("gcc")
def test_every_beat_of_a_real_recording(page, mitdb_root, c_code):
    stem = mitdb_root / "114"  # whose first lead is not lead II
    found = beats_of(page, files_of(stem))
    check_equal(found, in_python(c_code, stem))
    assert found["known"].count("") < 0.02 * len(found["known"])


@in_browser
def test_after_a_label_every_beat_is_that_of_numpy(page, record):
    network = shipped.load()
    known = known_of(network.model, replay.load(network, shipped.WEIGHTS).beats)
    program, prior = network.program(), learner.Prior.of(*known)
    before = beats_of(page, files_of(record))
    unit = (np.array(before["unit"]) + 128).astype(np.uint8)
    samples = read_lead(open_recording(record)).units
    by_hand = network_inputs(program, samples, np.array(before["time"]), 360, 1000)
    assert np.array_equal(
        program.units(*by_hand)[:-1], unit[:-1]
    )  # the last one's window is cut
    logits = own_logits(program, unit)
    assert logits.argmax(axis=1).tolist() == before["kind"]
    taught, changed = learner.Learner(prior), 0
    for key in "vns":
        asked = page.evaluate("Try.state().asked")
        taught.learn(unit[asked], logits[asked], CLASSES.index(key.upper()))
        page.keyboard.press(key)
        now, after = taught.corrected(unit, logits), state_of(page)
        assert after["kind"] == now.argmax(axis=1).tolist()
        assert after["sure"] == learner.probabilities(now).max(axis=1).tolist()
        changed += after["kind"] != before["kind"]
    assert changed


@in_browser
def test_it_asks_about_the_beat_it_is_least_sure_of(page, record):
    found = beats_of(page, files_of(record))
    assert found["asked"] == int(np.argmin(found["sure"]))
    page.keyboard.press("?")
    order = np.argsort(found["sure"], kind="stable")
    assert page.evaluate("Try.state().asked") == order[1]
    assert state_of(page)["kind"] == found["kind"]


@in_browser
def test_a_label_can_be_taken_back(page, record):
    start = beats_of(page, files_of(record))
    page.keyboard.press("v")
    one = state_of(page)
    page.keyboard.press("s")
    page.click("#undo")
    assert state_of(page) == one
    page.keyboard.press("s")
    page.click("#forget")
    assert state_of(page) == start


@in_browser
def test_reference_beats_are_matched_as_in_python(page, record):
    found = beats_of(page, files_of(record))
    with annotations(record, "atr") as read:
        beat = np.isin(read.symbol, list("NAVF"))
        at, letters = read.sample[beat], np.array(read.symbol)[beat]
    expected = [""] * len(found["time"])
    for i, k in match(at, found["time"], 360).pairs:
        expected[k] = letters[i].replace("A", "S")
    assert found["known"] == expected
    known = [(e, "NSV"[k]) for e, k in zip(expected, found["kind"], strict=True) if e in "NSV"]
    right = np.mean([e == k for e, k in known if e])
    row = page.inner_text("#rows tr:last-child")
    assert row.split("\t")[:2] == ["Accuracy", f"{100 * right:.1f} %"]


@in_browser
@pytest.mark.parametrize("number", [2, 3])
def test_five_true_answers_help(page, number):
    page.click(f"#patients button:nth-child({number})")
    before = page.inner_text("#rows tr:last-child").split("\t")[1]
    for _ in range(5):
        known, asked = page.evaluate("[Try.state().known.found, Try.state().asked]")
        page.keyboard.press(known[asked])
    row = page.inner_text("#rows tr:last-child").split("\t")
    assert float(row[2].split()[0]) > float(before.split()[0]) + 1


def test_patients_are_as_the_page_says():
    for patient in PATIENTS:
        samples, at, kind = recording(patient)
        assert len(samples) == 30 * 60 * 360
        share = np.bincount(kind, minlength=3) / len(kind)
        assert np.abs(share[1:] - [patient.share_s, patient.share_v]).max() < 0.02
        assert np.all(np.diff(at) > 0)


@in_browser
@needs("gcc")
@pytest.mark.parametrize("fmt", ["16", "212"])
def test_invalid_samples_and_units_are_read_as_by_the_library(page, c_code, tmp_path, fmt):
    write_records(tmp_path, [114], minutes=1)
    record = wfdb.rdrecord(tmp_path / "114", physical=False)
    digital = record.d_signal.astype(np.int64) - 1024
    digital[5000:5040] = -32768 if fmt == "16" else -2048
    wfdb.wrsamp(
        "other", 250, ["uV"] * 2, ["V1", "MLII"], d_signal=digital, fmt=[fmt] * 2,
        adc_gain=[0.2, 0.2], baseline=[0, 0], write_dir=tmp_path,
    )  # fmt: skip
    stem = tmp_path / "other"
    check_equal(beats_of(page, files_of(stem, ("hea", "dat"))), in_python(c_code, stem))
    assert page.input_value("#lead") == "MLII"
    page.select_option("#lead", "V1")
    lead = read_lead(open_recording(stem), "V1")
    check_equal(state_of(page), stream(c_code, lead.units, 250, 1000))


@in_browser
@pytest.mark.parametrize("form", ["time", "milliseconds", "rdsamp", "german"])
def test_a_table_gives_the_beats_of_its_record(page, record, tmp_path, form):
    expected = beats_of(page, files_of(record))
    signal = wfdb.rdrecord(record).p_signal[:, 0]
    rows = enumerate(signal.tolist())
    lines = {
        "time": ("time,ecg", (f"{i / 360:.6f},{v:.3f}" for i, v in rows)),
        "milliseconds": (
            "t (ms)\tII (uV)",
            (f"{i / 0.36:.3f}\t{1e3 * v:.0f}" for i, v in rows),
        ),
        "rdsamp": (
            "'Elapsed time','MLII'\n'hh:mm:ss.mmm','mV'",
            (f"'{i // 21600}:{i / 360 % 60:06.3f}',{v:.3f}" for i, v in rows),
        ),
        "german": (
            "Zeit;Ableitung II",
            (f"{i / 360:.6f};{v:.3f}".replace(".", ",") for i, v in rows),
        ),
    }
    head, body = lines[form]
    table = tmp_path / "table.csv"
    table.write_text("\n".join([head, *body]) + "\n")
    found = beats_of(page, [table])
    assert (found["time"], found["kind"]) == (expected["time"], expected["kind"])


@in_browser
def test_a_column_without_times_needs_the_rate(page, record, tmp_path):
    expected = beats_of(page, files_of(record))
    table = tmp_path / "samples.csv"
    np.savetxt(table, wfdb.rdrecord(record).p_signal[:, 0], fmt="%.3f")
    assert "type the number above" in error_of(page, [table])
    page.fill("#rate", "360")
    page.click("#again")
    page.locator("#about", has_text="samples.csv").wait_for()
    assert state_of(page)["time"] == expected["time"]


def table(text):
    """Files of a table; the folder is given later."""

    def files(folder):
        (folder / "table.csv").write_text(text)
        return [folder / "table.csv"]

    return files


def samples(values, fs=200):
    """A table of times and samples."""
    return table("time,ecg\n" + "".join(f"{i / fs},{v:.5f}\n" for i, v in enumerate(values)))


def header(old, new):
    """Files of a record with another header."""

    def files(folder):
        text = (folder / "100.hea").read_text()
        assert old in text
        (folder / "100.hea").write_text(text.replace(old, new))
        return [folder / "100.hea", folder / "100.dat"]

    return files


def cut(name, n_bytes):
    """Files of a record one of which ends early."""

    def files(folder):
        content = (folder / name).read_bytes()
        assert len(content) > n_bytes
        (folder / name).write_bytes(content[:n_bytes])
        return sorted(folder.glob("100.*"))

    return files


def named(*names):
    """Some of the files of a record, each under a name: "100.dat", or "100.dat as b.dat"."""

    def files(folder):
        pairs = [name.split(" as ") for name in names]
        return [shutil.copyfile(folder / old, folder / "new" / new[0])
                if new else folder / old for old, *new in pairs]  # fmt: skip

    return files


def large(folder):
    with (folder / "large.dat").open("wb") as file:
        file.truncate(300 * MB)
    return [folder / "large.dat"]


def of_two_records(folder):
    content = (folder / "100.dat").read_bytes()
    (folder / "100.dat").write_bytes(content[30_000:] + content[:30_000][::-1])
    return [folder / "100.hea", folder / "100.dat"]


GAP = "".join(f"{(i + 900 * (i > 500)) / 200},0.1\n" for i in range(1000))
BAD = {
    "300 MB": (large, r"large\.dat has 300 MB.*predict"),
    "empty": (table(""), r"table\.csv is empty"),
    "truncated": (
        cut("100.dat", 9000),
        r"is cut off: 100\.hea promises 86,400 samples, and 3,000",
    ),
    "truncated header": (cut("100.hea", 40), r"100\.hea is cut off: it has 2 signals"),
    "truncated marks": (cut("100.atr", 100), r"100\.atr is cut off"),
    "text": (table("Dear doctor,\nthis is my ECG.\n"), "text and no samples"),
    "picture": (named("100.dat as a.png"), r"a\.png is no kind of file.*predict"),
    "data alone": (named("100.dat"), r"together with the \.hea"),
    "header alone": (named("100.hea"), r"100\.dat, which was not chosen"),
    "other data": (named("100.hea", "100.dat as b.dat"), r"100\.dat, which was not chosen"),
    "two records mixed": (of_two_records, "do not belong together"),
    "marks of another": (named("100.hea", "100.dat", "100.atr as b.atr"), "belong together"),
    "two headers": (named("100.hea", "100.hea as b.hea"), "are two records"),
    "two tables": (named("100.hea as a.csv", "100.hea as b.csv"), "several tables"),
    "no ECG": (header("V1", "RESP"), "no ECG lead by name and unit"),
    "format": (header("100.dat 212", "100.dat 80"), r"format 80.*predict"),
    "segments": (header("100 2 360", "100/2 2 360"), r"several segments.*predict"),
    "no header": (header("100 2 360", "100 two 360"), "is not a WFDB header"),
    "slow": (header("100 2 360", "100 2 60"), r"60 samples a second.*predict"),
    "fast": (header("100 2 360", "100 2 501"), r"501 samples a second.*predict"),
    "odd rate": (header("100 2 360", "100 2 128.5"), r"128\.5 samples a second.*predict"),
    "flat": (samples([0.5] * 4000), "flat line"),
    "no beat": (samples(np.arange(4000) * 1e-5), "No beat was found in ecg"),
    "short": (samples([0, 0.1, 0.2]), "shorter than 2 seconds"),
    "raw numbers": (samples(np.arange(4000) % 200 * 30), "too large for millivolts"),
    "a word": (table("ecg\n" + "0.1\n" * 99 + "oops\n"), 'line 101: "oops" is no number'),
    "ragged": (table("a,b\n" + "0.1,0.2\n" * 99 + "0.1\n"), "line 101: it has 1 cells"),
    "no rate": (table("ecg\n" + "0.1\n0.2\n" * 500), "how many samples a second"),
    "gap": (table(f"time,ecg\n{GAP}"), "a gap in its times after row 501"),
    "back in time": (table("time,ecg\n1,1\n2,2\n1.5,3\n"), "do not always ascend"),
}


@pytest.fixture(scope="module")
def in_use(browser, site):
    """A page on which somebody has answered already."""
    problems = []
    page = opened(browser, site, problems)
    page.click("#patients button:nth-child(2)")
    page.keyboard.press("s")
    yield page
    page.close()
    assert problems == []


@in_browser
@pytest.mark.parametrize("kind", BAD)
def test_bad_input_gives_a_sentence_and_changes_nothing(in_use, record, tmp_path, kind):
    make, says = BAD[kind]
    (tmp_path / "new").mkdir()
    for file in files_of(record):
        shutil.copy(file, tmp_path)
    if kind == "no ECG":
        header("MLII", "RESP")(tmp_path)
    before = state_of(in_use)
    said = error_of(in_use, make(tmp_path))
    assert re.search(says, said)
    assert re.fullmatch(r"[^\n]+\.", said)
    assert state_of(in_use) == before
    key = CLASSES[(before["kind"][before["asked"]] + 1) % 3]
    in_use.focus("#strip")
    in_use.keyboard.press(key)  # the network still learns as it would have
    after = state_of(in_use)
    assert len(after["labels"]) == 2
    in_use.click("#undo")
    assert state_of(in_use) == before


@in_browser
def test_changed_beats_are_shown_one_after_the_other(page):
    page.click("#patients button:nth-child(3)")
    page.click("#changed")
    assert page.inner_text("#said") == "No beat has changed."
    start = state_of(page)["kind"]
    for _ in range(5):
        page.keyboard.press("n")
    now, at = state_of(page), np.array(state_of(page)["time"]) // 360
    changed = np.flatnonzero(np.array(start) != np.array(now["kind"]))
    assert len(changed) > 20
    for i in changed[:5]:
        page.click("#changed")
        clock = f"0:{at[i] // 60:02d}:{at[i] % 60:02d}"
        was, names = CLASSES[start[i]], CLASSES[now["kind"][i]]
        expected = f"The beat at {clock} was {was}, and is {names} now."
        assert page.inner_text("#said") == expected


@in_browser
def test_keys_do_all(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Back to the book"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "Patient 1" in page.inner_text("#about")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "strip":
            break

    def place():
        strip = page.locator("#strip")
        return [strip.get_attribute(f"aria-value{what}") for what in ("now", "max", "text")]

    def press(key):
        page.keyboard.press(key)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        return place()

    assert press("Home")[0] == "0"
    assert press("ArrowRight")[0] == "1"
    now, last, text = press("End")
    assert abs(int(now) - int(last)) <= 1
    assert re.fullmatch(r"0:29:\d\d to 0:30:00: ([NSV] ?)+", text)
    assert int(press("PageUp")[0]) < int(now) - 5
    before = page.inner_text("#question")
    page.keyboard.press("n")
    assert page.inner_text("#said").startswith("You said N.")
    assert page.inner_text("#question") != before


@in_browser
def test_the_strip_can_be_dragged_and_leads_back(page):
    page.click("#patients button:nth-child(1)")
    strip = page.locator("#strip")
    box = strip.bounding_box()

    def place():
        page.evaluate("() => new Promise(requestAnimationFrame)")
        return int(strip.get_attribute("aria-valuenow"))

    asked = place()
    page.mouse.move(box["x"] + 500, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.up()
    assert abs(place() - asked - 4) <= 1  # 400 px are 4 s
    page.locator("#place").fill("60")
    assert place() == 60
    page.click("#back")
    assert place() == asked


@in_browser
def test_every_control_has_a_name_and_fits_a_phone(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.click("#patients button:nth-child(3)")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, canvas')].filter(e =>
          !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert page.get_attribute("#error", "role") == "alert"


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_and_lines_can_be_read(browser, site, scheme):
    page = browser.new_page(color_scheme=scheme)
    page.goto((site / "index.html").as_uri())
    names = [f"--{c}" for c in ("paper", "ink", "page", "text", "soft", "link", "error")]
    names += [f"--{on}{c}" for on in ("", "on-") for c in "nsv"]
    found = page.evaluate(
        "names => names.map(n => getComputedStyle(document.documentElement)"
        ".getPropertyValue(n).trim())",
        names,
    )
    page.close()
    colors = dict(zip((name[2:] for name in names), found, strict=True))
    for name in "nsv":
        assert contrast(colors[name], colors[f"on-{name}"]) >= 4.5
    assert contrast(colors["ink"], colors["paper"]) >= 7
    for name in ("text", "soft", "link", "error"):
        assert contrast(colors[name], colors["page"]) >= 4.5
    if scheme == "light":
        assert {c: colors[c.lower()] for c in CLASSES} == {c: CLASS_COLORS[c] for c in CLASSES}


def contrast(one, other):
    """Ratio of WCAG 2 for two colours #rrggbb."""

    def luminance(color):
        share = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722] + 0.05

    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return high / low


@in_browser
def test_the_browser_lets_nothing_out(browser, site):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    send = "fetch('data:,x').then(() => 'sent', () => 'refused')"
    assert page.evaluate(send) == "refused"
    page.close()


def test_no_source_names_another_place():
    files = [file for file in FOLDER.iterdir() if file.suffix in (".js", ".css", ".html")]
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"https?:|\bfetch\(|XMLHttp|WebSocket|Beacon|import\(", text), file
    lines = [len(f.read_text().splitlines()) for f in files if f.suffix != ".html"]
    assert sum(lines) <= 1200


@in_browser
def test_it_works_from_a_server(browser, site, record):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    page.wait_for_selector("#choose:enabled")
    assert len(beats_of(page, files_of(record))["time"]) > 200
    page.close()
    server.shutdown()
    server.server_close()


@in_browser
def test_its_source_says_how_to_make_it(browser):
    page = browser.new_page()
    page.goto((FOLDER / "index.html").as_uri())
    page.locator("#error:not(:empty)").wait_for()
    assert "make book" in page.inner_text("#error")
    page.close()


def test_what_is_embedded(site):
    text = (site / EMBEDDED).read_text()
    assert len(text) < 6 * MB
    data = json.loads(text.removeprefix("Try.embedded = ").rstrip(";\n"))
    # codes of ecgcodes.h in the WFDB library
    n, s, v = (1, 2, 3, 11, 25, 34), (4, 7, 8, 9, 35), (5, 10, 41)
    expected = {
        str(c): name for name, codes in zip("NSV", (n, s, v), strict=True) for c in codes
    }
    expected |= {"6": "F", "12": "Q", "13": "Q", "30": "Q", "38": "Q"}
    assert data["codes"] == expected
    assert not (site / LEARNER).exists()


def test_the_committed_learner_is_that_of_the_source(tmp_path):
    facts = json.loads((FOLDER / FACTS).read_text())
    _, sha256 = write_sources(tmp_path)
    again = "python -m ecglib export web --out _static/try --force"
    assert facts["source_sha256"] == sha256, f"the C code or the network changed: {again}"


@in_browser
@needs("clang")
@needs("wasm-ld")
def test_a_new_build_gives_the_same_answers(browser, page, record, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "source")
    export_web(tmp_path / "source", force=True)
    old, new = (json.loads((f / FACTS).read_text()) for f in (FOLDER, tmp_path / "source"))
    if old["compiler"] == new["compiler"]:
        assert (tmp_path / "source" / LEARNER).read_bytes() == (FOLDER / LEARNER).read_bytes()
    write_page(tmp_path / "source", tmp_path / "page")
    problems = []
    built = opened(browser, tmp_path / "page", problems)
    for where in (built, page):
        beats_of(where, files_of(record))
        where.keyboard.press("v")
    assert state_of(built) == state_of(page)
    built.close()
    assert problems == []
