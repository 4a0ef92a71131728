"""The benchmark does all its tasks; how fast is for `make bench` to say."""

import numpy as np
import pytest
import torch

from ecglib import bench
from ecglib.deploy import toolchain
from ecglib.models.ecgnet import ECGNet, ECGNetConfig


def test_every_task_has_two_times_and_their_ratio(synthetic_root, monkeypatch):
    monkeypatch.setattr(bench, "RECORDS", (101, 106, 100, 103))
    monkeypatch.setattr(bench, "CHANNELS", (2, 2, 2, 2, 2))
    table = bench.bench(synthetic_root)
    assert len(table) == 4
    assert (table[["usual, s", "ours, s"]] > 0).all(axis=None)
    expected = table["usual, s"] / table["ours, s"]
    assert table["ratio"].tolist() == pytest.approx(expected.tolist())


@pytest.mark.skipif(not toolchain.has("gcc"), reason="no C compiler: gcc")
def test_every_form_of_a_network_is_timed_and_c_is_numpy(tmp_path):
    beats = torch.from_numpy(np.random.default_rng(0).normal(size=(60, 64)).astype(np.float32))
    model = ECGNet(ECGNetConfig((4, 4, 8, 8, 8), n_times=64)).eval()
    row = bench._in_every_form(model, [beats], tmp_path)
    assert row.pop("C as NumPy, %") == 100
    assert len(row) == 4
    assert min(row.values()) > 0
