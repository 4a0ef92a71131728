"""Figures of the network in C hold what they are given."""

import pandas as pd

from ecglib.deploy import shipped
from ecglib.deploy.c99.lower import lower
from ecglib.plots import c99 as figures


def test_parts_of_the_memory_lie_inside_of_the_device():
    parts = {"flash": {"code": 30.0, "weights": 20.0}, "RAM": {"stack": 5.0}}
    flash, ram = figures.memory(parts, {"flash": 100, "RAM": 10}).axes
    assert [bar.get_width() for bar in flash.patches] == [100, 30, 20]
    assert flash.patches[2].get_x() == 30  # behind the first part
    assert flash.get_title(loc="left") == "flash: 50 of 100 bytes"
    assert [bar.get_width() for bar in ram.patches] == [10, 5]


def test_the_way_names_what_the_network_reads():
    (axis,) = figures.way(lower(shipped.load().model), 360).axes
    text = " ".join(text.get_text() for text in axis.texts)
    for part in ("360 a second", "128 bytes", "8 bytes", "6 layers"):
        assert part in text


def test_layers_have_a_bar_for_their_work_and_for_their_weights():
    work = pd.DataFrame({"macs": [10, 20], "weights": [3, 4]}, index=["a", "b"])
    left, right = figures.layers(work).axes
    assert [bar.get_width() for bar in left.patches] == [10, 20]
    assert [bar.get_width() for bar in right.patches] == [3, 4]


def test_classes_and_their_mean_stand_in_each_row():
    rows = {"known": {"N": 0.9, "S": 0.3, "V": 0.8, "macro-F1": 0.7}}
    (axis,) = figures.class_f1(rows).axes
    assert [line.get_xdata()[0] for line in axis.lines] == [0.9, 0.3, 0.8, 0.7]
