"""The first table of the book says what the committed runs say."""

import re
from functools import partial

import pytest

from ecglib import results
from ecglib.system.paths import RESULTS
from ecglib.tables import overview


@pytest.fixture(scope="module")
def table():
    return overview.claims_table(partial(results.load_study, RESULTS))


def test_every_cell_is_filled_and_every_claim_has_its_certainty(table):
    assert (table.map(len) > 10).all(axis=None)
    assert table["how sure"].str.contains("interval|C = NumPy").all()


def test_numbers_are_those_of_the_runs(table):
    runs = results.load_study(RESULTS, "compression")
    (laq,) = [
        r.metrics
        for r in runs
        if (r.config["dataset"], r.config["model"], r.config["method"], r.config["fold"])
        == ("cinc2017", "resnet1d", "laq", "all")
    ]
    found = table.loc["Compression without loss?", "found here"]
    assert f"LAQ {laq['ideal_ratio']:.1f} times at {100 * laq['difference']:+.1f}" in found
    (edge, *_) = results.load_study(RESULTS, "c99")
    assert f"{edge.metrics['flash_bytes'] / 1000:.1f} KB" in table["found here"].iloc[4]


def test_a_no_and_a_draw_have_intervals_around_zero(table):
    """Words that stand in the code must fit the numbers that come from the runs."""
    for row, word in ((0, "no:"), (1, "a draw:")):
        found = table["found here"].iloc[row]
        low, high = map(float, re.search(r"\[(.*), (.*)\]", found).groups())
        assert found.startswith(word)
        assert low < 0 < high
    lows = re.findall(r"\[([^,]*), ", table["found here"].iloc[5])
    assert len(lows) == 2  # with record 232 and without him
    assert all(float(low) > 0 for low in lows)
    assert "over 43 patients" in table["how sure"].iloc[5]  # 44 records, two of one man


def test_compression_is_set_against_a_network_trained_as_long(table):
    runs = results.load_study(RESULTS, "compression")
    where = ("cinc2017", "resnet1d", "all")
    (joint,), (control,) = (
        [
            r.metrics["accuracy"]
            for r in runs
            if (r.config["dataset"], r.config["model"], r.config["fold"]) == where
            and (r.config["method"], r.config["share"]) == arm
        ]
        for arm in (("joint", 0.9), ("trained", 0.0))
    )
    found = table.loc["Compression without loss?", "found here"]
    assert f"{100 * (joint - control):+.1f} to 8 bits trained as long" in found


def test_papers_are_quoted_as_printed(table):
    """Paper 1, tables 1 to 3; paper 2, abstract."""
    printed = " ".join(table["the papers"])
    for number in ("0.541", "0.527", "0.028", "0.630", "60,048", "12.10"):
        assert number in printed
