"""A Bayesian last layer: each label is one step of a Kalman filter.

The last layer's weights have a normal distribution, whose covariance is shared by the classes
(Kronecker factor, Ritter et al. 2018, "A Scalable Laplace Approximation for Neural Networks").
It starts from the curvature of the training beats, and becomes narrower with each label.
"""

import numpy as np
from scipy.special import softmax

from ecglib.aami import CLASSES
from ecglib.personalize.learner import LOGIT, information, with_bias

PRIOR_BEATS = 1
"""Number of training beats of whose curvature the first covariance has the weight."""

NEWTON_STEPS = 8


class Kalman:
    """What one patient's labels have taught; it has the methods of a `Learner`.

    Parameters
    ----------
    unit, probability, label
        Training beats, as in `ecglib.personalize.learner.Prior.of`.
    """

    def __init__(self, unit, probability, label):
        self.covariance = np.linalg.inv(information(unit, probability, label, PRIOR_BEATS))
        self.weight = np.zeros((len(CLASSES), len(self.covariance)))

    def corrected(self, unit, logits):
        """See `ecglib.personalize.learner.Learner.corrected`; float64 here."""
        return logits + LOGIT * (with_bias(unit) @ self.weight.T)

    def learn(self, unit, logits, label):
        """See `ecglib.personalize.learner.Learner.learn`."""
        x = with_bias(unit[None])[0]
        reach = self.covariance @ x
        own, wanted = x @ reach, np.arange(len(CLASSES)) == label
        before = self.corrected(unit[None], logits)[0] / LOGIT
        effect = np.zeros(len(CLASSES))
        for _ in range(NEWTON_STEPS):
            p = softmax(before + own * effect)
            slope = np.eye(len(CLASSES)) + own * (np.diag(p) - np.outer(p, p))
            effect = effect - np.linalg.solve(slope, effect - (wanted - p))
        p = softmax(before + own * effect)
        curvature = (p * (1 - p)).max()
        shrunk = curvature / (1 + curvature * own) * np.outer(reach, reach)
        self.weight = self.weight + np.outer(effect, reach)
        self.covariance = self.covariance - shrunk


def multiplications(n_units, n_labels):
    """Multiplications with which a label is learned, however many came before it."""
    width = n_units + 1
    return width * (2 * width + 2 * len(CLASSES) + 1) + NEWTON_STEPS * 9 * len(CLASSES)
