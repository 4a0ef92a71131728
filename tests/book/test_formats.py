"""Numbers become text once, in one place."""

import numpy as np
import pandas as pd
import pytest

from ecglib.book import formats
from ecglib.stats import Interval
from ecglib.tables import frames


def cell(**columns):
    """What the one row of a table shows, by column."""
    named = {name.replace("_", " "): value for name, value in columns.items()}
    return formats.shown(pd.DataFrame([named])).iloc[0].to_dict()


def test_a_number_stands_with_what_says_how_sure_it_is():
    row = frames.spread("accuracy", [0.9, 0.92])
    row |= frames.with_bounds("macro-F1", Interval(0.743, 0.701, 0.78))
    text = formats.shown(frames.of_rows({"ours": row}))
    expected = {"accuracy": "91.0\u202f% ± 1.4\u202f%", "macro-F1": "0.743 [0.701, 0.780]"}
    assert text.loc["ours"].to_dict() == expected


def test_bounds_may_stand_alone_and_a_second_interval_where_it_is_given():
    row = frames.bounds("95 %", Interval(0.5, 0.4, 0.6))
    row |= frames.with_bounds("Δ macro-F1", Interval(0.071, 0.013, 0.172))
    row |= frames.bounds("Δ macro-F1 BCa", Interval(0.071, -0.003, 0.152))
    text = formats.shown(frames.of_rows({"ours": row})).iloc[0]
    assert text["95 % over patients"] == "[0.400, 0.600]"
    assert text["Δ macro-F1"] == "+0.071 [+0.013, +0.172], BCa [−0.003, +0.152]"


def test_what_is_missing_is_empty():
    rows = {
        "one": {"accuracy": 0.5, "accuracy std": np.nan, "Δ macro-F1": np.nan},
        "two": {"seeds": "7, 21"},
    }
    table = frames.of_rows(rows)
    table[["Δ macro-F1 low", "Δ macro-F1 high"]] = np.nan
    text = formats.shown(table)
    assert text.loc["one"].tolist() == ["50.0\u202f%", "", ""]
    assert text.loc["two"].tolist() == ["", "", "7, 21"]


def test_columns_without_a_format_have_a_sensible_one():
    row = cell(whole=12345, share=0.5, yes=True, no=np.bool_(False), name="a", nothing=None)
    assert list(row.values()) == ["12,345", "0.500", "yes", "no", "a", ""]


def test_missing_whole_numbers_leave_the_others_whole():
    table = pd.DataFrame({"a": [1234, None]}).astype("Int64")
    assert formats.shown(table)["a"].tolist() == ["1,234", ""]


def test_formats_of_a_call_come_before_those_of_the_book():
    table = pd.DataFrame({"accuracy": [0.12345], "Se": [0.5]})
    assert formats.shown(table).iloc[0].tolist() == ["12.3\u202f%", "50.0\u202f%"]
    assert formats.shown(table, {"accuracy": "{:.4f}"}).iloc[0].tolist() == [
        "0.1235",
        "50.0\u202f%",
    ]
    assert formats.shown(table, {"*": "{:.1f}"}).iloc[0].tolist() == ["0.1", "0.5"]
    assert formats.shown(table, {"*": formats.short}).iloc[0].tolist() == ["0.12", "0.5"]


def test_a_format_may_join_columns_in_one_cell():
    row = {"steps": 4000, "left out": 5, "share left out": 0.00125}
    text = formats.shown(frames.of_rows({"fp16": row, "bf16": {"steps": 1}}))
    assert text.loc["FP16"].to_dict() == {"steps": "4,000", "left out": "5 (0.125\u202f%)"}
    assert text.loc["BF16", "left out"] == ""


def test_a_joined_number_below_zero_has_a_minus():
    row = {"worst record, points": -4.53, "its record": "svdb-209"}
    text = formats.shown(frames.of_rows({"5 labels": row}))
    assert text.iloc[0].tolist() == ["−4.5 (svdb-209)"]


def test_values_in_a_row_and_numbers_of_runs_share_their_cell():
    row = frames.series("by seed", [0.012, -0.015]) | {"LAQ": 12.34, "LAQ n": 5}
    text = formats.shown(frames.of_rows({"a": row}), {"LAQ": "{:.1f}"})
    assert text.iloc[0].to_dict() == {"by seed": "+0.012 −0.015", "LAQ": "12.3 (5)"}


def test_groups_of_columns_are_formatted_by_their_last_level():
    table = pd.concat({"ours": pd.DataFrame({"Se": [0.5], "beats": [1000.0]})}, axis=1)
    text = formats.shown(table)
    assert text["ours", "Se"].tolist() == ["50.0\u202f%"]
    assert text["ours", "beats"].tolist() == ["1,000"]


def test_labels_are_in_plain_words():
    table = frames.of_rows({("head_only", 0.1): {"cinc2017": 1}}, ["strategy", "α"])
    text = formats.shown(table)
    assert list(text.index) == [("head only", "0.1")]
    assert list(text.index.names) == ["strategy", "α"]
    assert list(text.columns) == ["CinC 2017"]


def test_tables_under_each_other_keep_their_own_formats():
    frame = pd.DataFrame({"accuracy": [0.9217]}, index=["row"])
    tables = {"printed": frame, "ours": frame.assign(seeds="7")}
    text = formats.stacked(tables, {"printed": {"*": "{:g}"}})
    assert text.loc["printed", "row"].tolist() == ["0.9217", ""]
    assert text.loc["ours", "row"].tolist() == ["92.2\u202f%", "7"]


@pytest.mark.parametrize("frame", [pd.DataFrame({"x": [1]}), {"a": pd.DataFrame({"x": [1]})}])
def test_a_terminal_shows_the_same(frame):
    assert "1" in formats.in_terminal(frame)
