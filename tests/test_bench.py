"""The benchmark does all its tasks; how fast is for `make bench` to say."""

import pytest

from ecglib import bench


def test_every_task_has_two_times_and_their_ratio(synthetic_root, monkeypatch):
    monkeypatch.setattr(bench, "RECORDS", (101, 106, 100, 103))
    monkeypatch.setattr(bench, "CHANNELS", (2, 2, 2, 2, 2))
    table = bench.bench(synthetic_root)
    assert len(table) == 4
    assert (table[["usual, s", "ours, s"]] > 0).all(axis=None)
    expected = table["usual, s"] / table["ours, s"]
    assert table["ratio"].tolist() == pytest.approx(expected.tolist())
