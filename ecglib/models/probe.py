"""A linear probe, which shows what a linear layer can read from a frozen network's features."""

from torch import nn

from ecglib.aami import CLASSES


class LinearProbe(nn.Module):
    """One linear layer on features that are centred and scaled by one common factor.

    Each feature could be scaled by its own deviation. But units that are rarely active in
    training have a deviation near zero, and dividing by it would give them very large values on
    a new patient.

    Parameters
    ----------
    features : Tensor, shape (n_beats, n_features)
        Features of the training set; they must not all be the same.
    """

    def __init__(self, features):
        super().__init__()
        mean = features.mean(dim=0)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", 1 / (features - mean).square().mean().sqrt())
        self.out = nn.Linear(features.shape[1], len(CLASSES))

    def forward(self, features):  # (B, n_features) -> (B, 3)
        return self.out((features - self.mean) * self.scale)
