"""Sentences of the overview and of README fit the numbers that they carry."""

from functools import partial

import pytest

from ecglib import results
from ecglib.book import claims
from ecglib.book.say import NO_RUN, number
from ecglib.system.paths import RESULTS
from ecglib.tables import overview

load = partial(results.load_study, RESULTS)


@pytest.fixture(scope="module")
def table():
    return claims.table(load)


def test_every_cell_is_filled_and_every_claim_has_its_certainty(table):
    assert (table.map(len) > 10).all(axis=None)
    assert table["how sure"].str.contains("interval|C and NumPy").all()
    everything = [*claims.answers(load), *claims.against(load), *table.to_numpy().ravel()]
    assert not [text for text in everything if NO_RUN in text or "{" in text]


def test_words_that_are_typed_fit_the_numbers_of_the_runs():
    """A verdict stands in the code; it must not outlive the runs that it was drawn from."""
    found = overview.personalization(load)
    assert found["above"] == "no", "Within one database we cannot show it."
    assert found["abroad"].low > 0, "AdaBN changes it on a second database."
    assert not overview.formats(load)["difference"].excludes_zero
    assert abs(overview.integers(load)["difference"].value) < 0.001, (
        "Yes, without further training."
    )
    found = overview.labels(load)
    assert min(found["doubt_mit"].low, found["doubt_svdb"].low) > 0, "A gain on two databases."
    half = found["five_mit"].value / 2
    assert found["five_without_heavy"].value < half, "More than half is due to one patient."
    for database in ("mit", "svdb"):
        fewer, more = (found[f"{asked}_{database}"].value for asked in ("five", "doubt"))
        assert fewer < more, "Five labels bring less."
    assert overview.inputs(load)["without_heavy"].low > 0, "ours is ahead"
    chosen = {"scope": "all_int8", "width": 1, "bits": 8, "features": overview.INPUT}
    runs = [run for run in load("micro") if chosen.items() <= run.config.items()]
    sizes = [run.metrics["weight_bytes"] for run in runs]
    assert max(sizes) <= 4096, "four kilobytes"


def test_numbers_and_patients_are_shown(table):
    assert "101 in all" in table["how sure"].iloc[5]  # 102 records, two of one man
    found = overview.compression(load)
    shown = table.loc["Compression without loss", "ours"]
    for ratio, change in (("sized_ratio", "sized"), ("laq_ratio", "laq")):
        assert f" {found[ratio]:.1f} times at {number(found[change], 'points')}" in shown


def test_papers_are_quoted_as_printed(table):
    """Paper 1, tables 1 to 3; paper 2, abstract."""
    printed = " ".join(table["printed"])
    for text in ("0.541", "0.527", "0.028", "0.630", "60,048", "12.10"):
        assert text in printed


def test_without_runs_a_sentence_says_so():
    for sentence in claims.answers(lambda study: []):
        assert NO_RUN in sentence
