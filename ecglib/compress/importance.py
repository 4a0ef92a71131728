"""Importance of each layer, computed from its weights (paper 2, "Layer Importance Estimation").

A layer is a weight tensor; its name is that of the parameter.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import kurtosis

from ecglib.compress.weights import arrays_of
from ecglib.system.errors import UserError

ALPHA, BETA, GAMMA = 0.1, 0.1, 0.8
"""Weights of the indices PDI, PVI and KI that paper 2 found best (table 1)."""


@dataclass(frozen=True)
class Indices:
    """The three indices that paper 2 computes from the weights of one layer.

    Attributes
    ----------
    pdi : float
        Parameter density index: share of the weights of all layers.
    pvi : float
        Parameter variability index: variance divided by the largest variance of all layers.
    ki : float
        Kurtosis index: Pearson's kurtosis (3 for a normal distribution) divided by the largest
        kurtosis of all layers.
    """

    pdi: float
    pvi: float
    ki: float


def indices(model, names):
    """The three `Indices` of each layer that `names` lists, by name.

    If the weights of a layer are all equal, as in a new BatchNorm, the kurtosis is 0 / 0. It is
    then set to 0, since such a layer has no outliers and one step represents it exactly. Raises
    a `UserError` if there are no layers, a name is not a weight, a weight is not finite, or no
    layer has two different weights.
    """
    arrays = {n: w.astype(np.float64).ravel() for n, w in arrays_of(model, names).items()}
    constant = {name for name, w in arrays.items() if w.min() == w.max()}
    if constant == arrays.keys():
        listed = ", ".join(arrays) or "none"
        raise UserError(
            f"no layer has weights that differ ({listed}); importance needs a trained network"
        )
    total = sum(w.size for w in arrays.values())
    variance = {n: 0.0 if n in constant else float(w.var()) for n, w in arrays.items()}
    kurtoses = {
        n: 0.0 if n in constant else float(kurtosis(w, fisher=False)) for n, w in arrays.items()
    }
    widest, sharpest = max(variance.values()), max(kurtoses.values())
    return {
        n: Indices(w.size / total, variance[n] / widest, kurtoses[n] / sharpest)
        for n, w in arrays.items()
    }


def importance(model, names, alpha=ALPHA, beta=BETA, gamma=GAMMA):
    """Importance of each layer that `names` lists, by name: I = α · PDI + β · PVI + γ · KI.

    Raises a `UserError` if a factor is negative or all are 0, and the errors of `indices`.
    """
    factors = {"alpha": alpha, "beta": beta, "gamma": gamma}
    if min(factors.values()) < 0 or not any(factors.values()):
        raise UserError(f"{factors} cannot weigh the indices; give numbers above 0")
    return {
        name: alpha * layer.pdi + beta * layer.pvi + gamma * layer.ki
        for name, layer in indices(model, names).items()
    }
