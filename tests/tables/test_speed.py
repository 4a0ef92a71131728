"""The largest runs of the study "speed" are found, whatever their order."""

import random

import pytest

from ecglib.tables import speed
from tests.tables.made import confusions, result


def timed(usual, ours, n_beats, **settings):
    found = result("speed", confusions(1), **settings)
    found.runtime_s.clear()
    found.runtime_s.update(usual=usual, ours=ours)
    found.metrics.update(ratio=usual / ours, n_beats=n_beats, share_of_peak=0.25)
    return found


def test_the_largest_run_has_most_patients_then_most_beats():
    found = [
        timed(10, 5, 100, patients=22, usual_patients=1),
        timed(40, 8, 400, patients=22, usual_patients=1),
        timed(90, 9, 900, patients=6, usual_patients=1),
        timed(44, 4, 400, patients=22, usual_patients=1, threads=2),
        timed(6, 3, 50, task="training"),
    ]
    random.Random(0).shuffle(found)
    table = speed.largest(found)
    row = table.loc["online: head only, then the head"]
    assert row.tolist() == [40, 8, pytest.approx(5), 25]
    assert list(table.index) == ["supervised", "online: head only, then the head"]


def test_without_runs_the_table_is_empty():
    assert speed.largest([]).empty
