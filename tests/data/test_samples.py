"""From recordings to tensors, and what training may change about them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ecglib.data.samples import LIMIT, Samples, to_samples


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def recordings(*parts, length=12):
    """Recordings of these samples, zeros behind them."""
    signal = np.zeros((len(parts), length), dtype=np.float32)
    for row, part in zip(signal, parts, strict=True):
        row[: len(part)] = part
    n = np.array([len(part) for part in parts], dtype=np.int32)
    label = np.arange(len(parts), dtype=np.int8)
    return SimpleNamespace(signal=signal, n_samples=n, label=label)


def test_each_recording_is_scored_over_its_own_samples_only():
    samples = to_samples(recordings([1, 2, 3, 6], np.arange(12.0)))
    own = np.array([1, 2, 3, 6.0])
    expected = (own - own.mean()) / own.std()
    np.testing.assert_allclose(samples.x[0, :4], expected, rtol=1e-5, atol=1e-6)
    assert not samples.x[0, 4:].any()
    assert samples.n_samples.tolist() == [4, 12]


def test_a_flat_recording_becomes_zeros_and_an_artefact_is_cut():
    spike = np.zeros(2000)
    spike[7] = 1000
    samples = to_samples(recordings([5, 5, 5, 5], spike, length=2000))
    assert not samples.x[0].any()
    assert samples.x[1].max() == LIMIT


def test_a_recording_is_rotated_within_its_own_length(generator):
    x = torch.zeros(50, 8)
    x[:, :5] = torch.arange(1.0, 6)
    samples = Samples(x, torch.full((50,), 5), torch.zeros(50, dtype=torch.int64))
    varied = samples.varied(torch.arange(50), generator)
    assert not varied[:, 5:].any()
    signs, starts = set(), set()
    for row in varied:
        sign = int(torch.sign(row[0]))
        start = int(row[0].abs()) - 1
        expected = sign * torch.arange(1.0, 6).roll(-start)
        assert torch.equal(row[:5], expected)
        signs.add(sign), starts.add(start)
    assert signs == {-1, 1}
    assert starts == {0, 1, 2, 3, 4}


def test_of_windows_one_is_drawn(generator):
    x = torch.arange(3.0).reshape(1, 3, 1).expand(64, 3, 4)
    samples = Samples(x, torch.full((64,), 4), torch.zeros(64, dtype=torch.int64))
    varied = samples.varied(torch.arange(64), generator)
    assert varied.shape == (64, 4)
    assert set(varied[:, 0].tolist()) == {0.0, 1.0, 2.0}


def test_beats_stay_as_they_are(generator):
    samples = Samples(torch.randn(4, 9), torch.full((4,), 9), torch.zeros(4), rotates=False)
    index = torch.tensor([2, 0])
    assert torch.equal(samples.varied(index, generator), samples.x[index])
    assert not samples.select(index).to("cpu").rotates
