"""Sentences of the book's first table fit the numbers that they carry."""

from functools import partial

import pytest

from ecglib import results
from ecglib.book import claims
from ecglib.system.paths import RESULTS
from ecglib.tables import overview

load = partial(results.load_study, RESULTS)


@pytest.fixture(scope="module")
def table():
    return claims.table(load)


def test_every_cell_is_filled_and_every_claim_has_its_certainty(table):
    assert (table.map(len) > 10).all(axis=None)
    assert table["how sure"].str.contains("interval|C = NumPy").all()


def test_a_no_and_a_draw_have_intervals_around_zero(table):
    """Words that stand in the code must fit the numbers that come from the runs."""
    for row, word, found in (
        (0, "no:", overview.personalization(load("personalization"))),
        (1, "a draw:", overview.formats(load("precision"))),
    ):
        assert table["found here"].iloc[row].startswith(word)
        assert not found["difference"].excludes_zero
        assert f"{found['difference']:+.3f}" in table["found here"].iloc[row]


def test_numbers_and_patients_are_shown(table):
    assert "over 43 patients" in table["how sure"].iloc[5]  # 44 records, two of one man
    found = overview.compression(load("compression"))
    shown = table.loc["Compression without loss?", "found here"]
    assert f"LAQ {found['laq_ratio']:.1f} times at {found['laq']:+.1f}" in shown
    assert f"{found['as_long']:+.1f} to 8 bits trained as long" in shown


def test_papers_are_quoted_as_printed(table):
    """Paper 1, tables 1 to 3; paper 2, abstract."""
    printed = " ".join(table["the papers"])
    for number in ("0.541", "0.527", "0.028", "0.630", "60,048", "12.10"):
        assert number in printed
