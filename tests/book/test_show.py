"""What chapters put on a page."""

import ast
import inspect
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from ecglib.book import show
from ecglib.book.say import NO_RUN
from ecglib.data.find.search import Source
from ecglib.puzzle import permute
from ecglib.system.errors import UserError
from ecglib.system.paths import FIGURES, PARAMS


def source(*, synthetic):
    return Source("mitdb", Path("somewhere"), "data_root", "ab" * 32, synthetic)


def test_a_table_has_its_caption_inside_and_escapes_it():
    page = show.table(pd.DataFrame({"x": ["1"]}), "What a < b & c is.").html
    assert page.index("<caption>") < page.index("<thead>")
    assert "What a &lt; b &amp; c is." in page


def test_a_named_table_is_a_directive_that_the_book_numbers():
    frame = pd.DataFrame({"Δ x": [0.5, -0.25], "n": [1000, 2]}, index=["a_b", "c|d"])
    lines = show.table(frame, "Rows * are.", name="tab-x").markdown.splitlines()
    assert lines[:3] == [":::{table} Rows \\* are.", ":name: tab-x", ":class: ecg-table"]
    assert lines[4:6] == ["|  | Δ x | n |", "| :--- | ---: | ---: |"]
    assert lines[6:] == ["| a b | +0.500 | 1,000 |", "| c\\|d | −0.250 | 2 |", ":::"]


def test_headings_of_a_named_table_have_a_line_of_their_own():
    frame = pd.DataFrame({"n": [1, 2]}, index=["a", "b"])
    page = show.table({"ours": frame, "theirs": frame}, "Two.", name="tab-x").markdown
    rows = page.splitlines()[6:-1]
    wanted = ["| **ours** |  |", "| a | 1 |", "| b | 2 |"]
    assert rows == [*wanted, "| **theirs** |  |", *wanted[1:]]


def test_a_table_without_runs_says_so():
    def missing():
        raise KeyError("no arm")

    for frame in (missing, dict):
        with pytest.warns(UserWarning, match="no run for the table: Arms"):
            shown = show.table(frame, "Arms.", name="tab-x")
        assert NO_RUN in shown.markdown
        assert NO_RUN in shown.html


def test_a_figure_without_runs_says_so():
    def missing():
        raise KeyError("no arm")

    with pytest.warns(UserWarning, match="no run for the figure"):
        empty = show.figure(missing)
    assert [text.get_text() for text in empty.axes[0].texts] == [NO_RUN]


def test_sentences_stand_flush_left():
    frame = pd.DataFrame({"found": ["a draw"]})
    words = show.table(frame, "One.", text=True, name="tab-x")
    assert 'ecg-text"' in words.html
    assert "| :--- | :--- |" in words.markdown


def test_code_is_that_of_the_library_with_its_summary():
    shown = show.code(permute).markdown
    source = inspect.getsource(permute)
    assert shown.startswith("{py:obj}`ecglib.puzzle.permute`")
    assert "Parameters" in source
    assert "Parameters" not in shown
    summary, last = source.splitlines()[1].strip(), source.splitlines()[-1]
    assert summary in shown
    assert last in shown
    ast.parse(shown.partition("```python\n")[2].partition("```")[0])


def test_cards_hold_pictures_that_say_what_they_show():
    shown = show.cards(("Title", plt.figure, 'a "b"', "**Text**")).markdown
    assert shown.count("data:image/png;base64,") == 1
    assert 'alt="a &quot;b&quot;"' in shown
    assert "**Text**" in shown


def test_invented_patients_are_announced_as_a_warning():
    loud = show.banner(source(synthetic=True), "quick").markdown
    quiet = show.banner(source(synthetic=False), "quick").markdown
    assert ":class: warning" in loud
    assert "invented" in loud
    assert ":class: warning" not in quiet
    assert "invented" not in quiet


def test_one_invented_data_set_of_two_is_said():
    both = {"a": source(synthetic=False), "b": source(synthetic=True)}
    assert ":class: warning" in show.banner(both, "quick").markdown


def test_every_profile_has_a_row():
    rows = show.profiles(PARAMS)
    assert set(rows.index) == {"quick.yaml", "cpu.yaml", "full.yaml", "jetson.yaml"}
    assert rows.loc["full.yaml", "filters"] == "64, 128, 256, 512, 512"


def test_a_table_shows_numbers_with_their_intervals_in_chosen_columns():
    frame = pd.DataFrame({"Δ x": [0.0123], "Δ x low": [-0.1], "Δ x high": [0.2], "n": [1000]})
    page = show.table(frame, "Table 1", columns=["n", "Δ x", "not there"]).html
    assert page.index(">1,000<") < page.index(">+0.012 [−0.100, +0.200]<")
    assert "0.012" not in show.table(frame, "Table 1", {"Δ x": "{:.1f}"}).html


def test_tables_stand_under_each_other_by_their_headings():
    frame = pd.DataFrame({"accuracy": [0.5]}, index=["row"])
    page = show.table({"paper": frame, "ours": frame}, "Table 1", {"paper": {"*": "{:g}"}}).html
    places = [page.index(text) for text in ("paper", ">0.5<", "ours", ">50.0\u202f%<")]
    assert places == sorted(places)


def test_a_reference_figure_is_an_image_that_says_what_it_shows():
    image = show.reference_figure("puzzle", "A real beat.")
    assert image.data == (FIGURES / "puzzle.png").read_bytes()
    assert image.alt == "A real beat."
    data, _ = image._repr_mimebundle_()
    assert set(data) == {"image/png"}
    with pytest.raises(UserError, match=r"no reference figure other\.png.*ecglib figures"):
        show.reference_figure("other", "")


def test_a_blank_table_says_so_and_blank_parts_are_left_out():
    blank = pd.DataFrame({"n": [None]}, index=["a"])
    with pytest.warns(UserWarning, match="no run"):
        assert NO_RUN in show.table(blank, "One.").html
    both = show.table({"there": pd.DataFrame({"n": [1]}), "not there": blank}, "Two.").html
    assert "not there" not in both


def test_a_notebook_shows_a_banner_without_marks_of_the_book():
    shown = show.banner(source(synthetic=True), "quick")
    assert ":::" in shown.markdown
    assert ":::" not in shown.html
    assert "invented" in shown.html
