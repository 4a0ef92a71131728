"""What a network looks at: parts that it reads count, others do not."""

import pytest
import torch

from ecglib.models.occlusion import hidden_columns, hidden_pieces


def reader(x, rr):
    """Logits that hang on sample 5 of channel 1 and on column 2 of the timing."""
    logit = x[:, 1, 5] + 2 * rr[:, 2]
    return torch.stack([logit, torch.zeros_like(logit)], dim=1)


@pytest.fixture
def beats():
    return torch.ones(3, 2, 8), torch.ones(3, 4), torch.tensor([0, 1, 0])


def sigmoid(value):
    return float(torch.sigmoid(torch.tensor(float(value))))


def test_only_the_piece_that_is_read_counts(beats):
    drops = hidden_pieces(reader, *beats, width=2)
    assert drops.shape == (3, 4)
    lost = sigmoid(3) - sigmoid(2)
    expected = torch.zeros(3, 4)
    expected[:, 2] = torch.tensor([lost, -lost, lost])
    torch.testing.assert_close(drops, expected)
    assert (beats[0] == 1).all()  # what was given stays


def test_columns_are_hidden_alone_or_together(beats):
    drops = hidden_columns(reader, *beats, [[0], [2], [0, 1, 2, 3]])
    lost = sigmoid(3) - sigmoid(1)
    torch.testing.assert_close(drops[0], torch.tensor([0, lost, lost]))
    torch.testing.assert_close(drops[1], -drops[0])
