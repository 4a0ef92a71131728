"""What chapters put on a page."""

from pathlib import Path

import pandas as pd
import pytest

from ecglib.book import show
from ecglib.data.find.search import Source
from ecglib.system.errors import UserError
from ecglib.system.paths import FIGURES, PARAMS


def source(*, synthetic):
    return Source("mitdb", Path("somewhere"), "data_root", "ab" * 32, synthetic)


def test_a_table_has_its_caption_inside_and_escapes_it():
    page = show.table(pd.DataFrame({"x": ["1"]}), "Table 1: a < b & c").data
    assert page.index("<caption>") < page.index("<thead>")
    assert "Table 1: a &lt; b &amp; c" in page


def test_sentences_stand_flush_left():
    frame = pd.DataFrame({"found": ["a draw"]})
    plain, words = show.table(frame, "Table 1").data, show.text_table(frame, "Table 1").data
    assert 'ecg-text"' in words
    assert "ecg-text" not in plain
    assert words.replace(" ecg-text", "") == plain


def test_invented_patients_are_announced_as_a_warning():
    loud = show.banner(source(synthetic=True), "quick").data
    quiet = show.banner(source(synthetic=False), "quick").data
    assert ":class: warning" in loud
    assert "invented" in loud
    assert ":class: warning" not in quiet
    assert "invented" not in quiet


def test_one_invented_data_set_of_two_is_said():
    both = {"a": source(synthetic=False), "b": source(synthetic=True)}
    assert ":class: warning" in show.banner(both, "quick").data


def test_every_profile_has_a_row():
    rows = show.profiles(PARAMS)
    assert set(rows.index) == {"quick.yaml", "cpu.yaml", "full.yaml", "jetson.yaml"}
    assert rows.loc["full.yaml", "filters"] == "64, 128, 256, 512, 512"


def test_a_table_shows_numbers_with_their_intervals_in_chosen_columns():
    frame = pd.DataFrame({"Δ x": [0.0123], "Δ x low": [-0.1], "Δ x high": [0.2], "n": [1000]})
    page = show.table(frame, "Table 1", columns=["n", "Δ x", "not there"]).data
    assert page.index(">1,000<") < page.index(">+0.012 [-0.100, +0.200]<")
    assert "0.012" not in show.table(frame, "Table 1", {"Δ x": "{:.1f}"}).data


def test_tables_stand_under_each_other_by_their_headings():
    frame = pd.DataFrame({"accuracy": [0.5]}, index=["row"])
    page = show.table({"paper": frame, "ours": frame}, "Table 1", {"paper": {"*": "{:g}"}}).data
    places = [page.index(text) for text in ("paper", ">0.5<", "ours", ">0.500<")]
    assert places == sorted(places)


def test_a_reference_figure_is_an_image_that_says_what_it_shows():
    image = show.reference_figure("puzzle", "A real beat.")
    assert image.data == (FIGURES / "puzzle.png").read_bytes()
    assert image.alt == "A real beat."
    data, _ = image._repr_mimebundle_()
    assert set(data) == {"image/png"}
    with pytest.raises(UserError, match=r"no reference figure other\.png.*ecglib figures"):
        show.reference_figure("other", "")
