"""The overview's figures show the numbers of the committed runs."""

import itertools
from functools import partial

import pytest

from ecglib import results
from ecglib.plots import overview
from ecglib.stats import Interval
from ecglib.system.paths import RESULTS
from ecglib.tables import papers

load = partial(results.load_study, RESULTS)


@pytest.fixture(scope="module")
def points():
    return overview.points(load)


def test_printed_numbers_have_no_interval_and_ours_have_one(points):
    printed = points["group"].str.startswith("printed")
    assert points["low"].isna().equals(printed)
    assert set(points["group"]) == set(overview.LOOKS)
    farag = points.set_index("name").loc["Farag 2023"]
    assert (farag["bytes"], farag["macro_f1"]) == (15_000, papers.PEERS[-1].macro_f1)


def test_every_point_stands_at_its_bytes_with_its_name(points):
    axis = overview.landscape(points, 0.3).axes[0]
    named = {text.get_text(): text for text in axis.texts}
    assert set(points["name"]) <= set(named)
    for row in points[~points["name"].duplicated(keep=False)].itertuples():
        assert named[row.name].xy == (row.bytes, row.macro_f1)


def test_names_do_not_lie_on_each_other(points):
    heights = sorted(height for row, height in overview._apart(points) if row.bytes < 3e5)
    gaps = [high - low for low, high in itertools.pairwise(heights)]
    assert min(gaps) > 0.03


def test_small_pictures_hold_their_numbers():
    one = Interval(0.5, 0.4, 0.6)
    assert overview.small_bytes({"fp32": one, "INT8": one}).axes[0].get_xlim() == (0, 1)
    line = overview.small_labels({0.0: one, 5.0: one}).axes[0].lines[0]
    assert line.get_xydata().tolist() == [[0, 0.5], [5, 0.5]]
    shown = overview.small_ratios({"a": (4.0, 0.8)}).axes[0].lines[0]
    assert shown.get_xydata().tolist() == [[4.0, 80.0]]
