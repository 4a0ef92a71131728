"""A linear probe: what is linearly there in the features of a frozen network."""

from torch import nn

from ecglib.aami import CLASSES


class LinearProbe(nn.Module):
    """One linear layer on features, centred and brought to unit size by one common factor.

    One factor and not one a feature: units that hardly ever fire in training have a deviation
    near zero, and dividing by it would let them shout on a new patient.

    Parameters
    ----------
    features : Tensor, shape (n_beats, n_features)
        Of the training set; they must not all be the same.
    """

    def __init__(self, features):
        super().__init__()
        mean = features.mean(dim=0)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", 1 / (features - mean).square().mean().sqrt())
        self.out = nn.Linear(features.shape[1], len(CLASSES))

    def forward(self, features):  # (B, n_features) -> (B, 3)
        return self.out((features - self.mean) * self.scale)
