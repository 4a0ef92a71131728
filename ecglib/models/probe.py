"""A linear probe: what is linearly there in the features of a frozen network."""

import torch
from torch import nn

from ecglib.aami import CLASSES


class LinearProbe(nn.Module):
    """One linear layer on features, standardised as they are in the training set.

    Parameters
    ----------
    features : Tensor, shape (n_beats, n_features)
        Of the training set; a feature that never changes becomes 0.
    """

    def __init__(self, features):
        super().__init__()
        std = features.std(dim=0)
        self.register_buffer("mean", features.mean(dim=0))
        self.register_buffer("scale", torch.where(std > 0, 1 / std, 0))
        self.out = nn.Linear(features.shape[1], len(CLASSES))

    def forward(self, features):  # (B, n_features) -> (B, 3)
        return self.out((features - self.mean) * self.scale)
